/**
 * The tables of the pages are complete: reasons, events, metrics, spans, options, variables, policies, the number of
 * commands. Each failure names the page to change.
 */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import * as CacheAside from "../../src/CacheAside.ts"
import { UnhealthyError } from "../../src/client/Health.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as ClusterConfig from "../../src/ClusterConfig.ts"
import { table } from "../../src/ClusterOptions.ts"
import { groups } from "../../src/commands/Commands.ts"
import { ConflictError } from "../../src/ConflictError.ts"
import * as Lock from "../../src/Lock.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { Reason } from "../../src/Reason.ts"
import { groupOf } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"
import * as Value from "../../src/values/Value.ts"
import { project } from "./Blocks.ts"

const textOf = (file: string) => readFileSync(project + file, "utf8")

/** The cells of the rows of all tables behind a heading, without the heads. */
const rowsIn = (page: string, heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const [, section = ""] = textOf(page).split(`\n${heading}\n`)
  const [own] = section.split(/^#+ /m)
  const rows = Array.from(own.matchAll(/^\|(.+)\|$/gm), ([, row]) => row.split("|").map((cell) => cell.trim()))
  const isRule = (row: ReadonlyArray<string> | undefined) => row?.every((cell) => cell === "---") === true
  return rows.filter((row, i) => !isRule(row) && !isRule(rows[i + 1]))
}

const codeIn = (text: string): ReadonlyArray<string> => Array.from(text.matchAll(/`([\w."*]+)`/g), ([, name]) => name)

/** The names in the first cells of the rows of all tables behind a heading. */
const namesIn = (page: string, heading: string): ReadonlyArray<string> =>
  rowsIn(page, heading).flatMap(([cell]) => codeIn(cell))

const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted()

const assertSame = (found: Iterable<string>, wanted: Iterable<string>, where: string) =>
  assert.deepStrictEqual(sorted(found), sorted(wanted), `change ${where}`)

describe("The pages name", () => {
  const reasons = Reason.members.map((member) => member.fields._tag.schema.literal)

  it("every reason of an error", () => {
    assertSame(namesIn("docs/errors.md", "## All reasons"), reasons, "docs/errors.md, All reasons")
    const [, design = ""] = textOf("docs/DESIGN.md").split("- **Errors** (")
    const [paragraph] = design.split("\n- **")
    assert.deepStrictEqual(
      reasons.filter((reason) => !paragraph.includes(`\`${reason}\``)),
      [],
      "change docs/DESIGN.md, Errors"
    )
  })

  it("every reason in its group", () => {
    const rows = rowsIn("docs/errors.md", "### Groups")
    const written = rows.flatMap(([group, names]) => codeIn(names).map((name) => [name, group.replaceAll(/[`"]/g, "")]))
    assert.deepStrictEqual(Object.fromEntries(written), groupOf, "change docs/errors.md, Groups")
  })

  it("every error of its own", () => {
    const own = [ConflictError, ...Lock.LockError.members, UnhealthyError].map((one) => one.fields._tag.schema.literal)
    assertSame(namesIn("docs/errors.md", "## Errors of their own"), own, "docs/errors.md, Errors of their own")
  })

  it("every event of the client", () => {
    const events = Array.from(
      textOf("src/observability/ClientEvent.ts").matchAll(/readonly _tag: "(\w+)"/g),
      ([, tag]) => tag
    )
    assertSame(namesIn("docs/observability.md", "## Events"), events, "docs/observability.md, Events")
    const index = textOf("src/index.ts")
    const hidden = events.filter((event) => !new RegExp(`^  ${event},?$`, "m").test(index))
    assert.deepStrictEqual(hidden, [], "change src/index.ts: the types of events")
  })

  it.effect("every metric, with its type and its attributes", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.on("primaries").ping()
      yield* Effect.ignore(redis.mget(["a", "b"]))
      const value = Value.make({ key: (id: string) => id, schema: Schema.String })
      const aside = CacheAside.make({ name: "names", value, load: Effect.succeed, timeToLive: "1 minute" })
      yield* aside.get("ada")
      const series = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("redis_cluster_"))
      const found = series.map(({ attributes, id, type }) =>
        [`\`${id}\``, type.toLowerCase(), Object.keys(attributes ?? {}).map((name) => `\`${name}\``).join(", ")].join(
          " "
        )
      )
      const rows = rowsIn("docs/observability.md", "## Metrics")
      const where = "docs/observability.md, Metrics"
      assertSame(rows.map(([id, type, attributes]) => [id, type, attributes.split(":")[0]].join(" ")), found, where)
      for (const [id, , attributes] of rows) {
        const [name, values] = attributes.split(":")
        if (values === undefined) continue
        const own = series.filter((one) => `\`${one.id}\`` === id)
        assertSame(codeIn(values), own.map((one) => one.attributes?.[codeIn(name)[0]] ?? ""), `${where}: ${id}`)
      }
    }).pipe(Effect.provide(TestCluster.layer({ client: { cache: { maxBytes: 1024 } } }))))

  it("every attribute of a span and of an error report", () => {
    const namesOf = (file: string) =>
      Array.from(textOf(file).matchAll(/"((?:db|redis|server|error)\.[a-z_.]+)"/g), ([, name]) => name)
    const written = (heading: string) => {
      const [, section = ""] = textOf("docs/observability.md").split(`\n${heading}\n`)
      return new Set(Array.from(section.split(/^## /m)[0].matchAll(/`([a-z_]+(?:\.[a-z_]+)+)`/g), ([, name]) => name))
    }
    for (
      const [heading, file] of [
        ["## Spans", "src/routing/request/Tracing.ts"],
        ["## Error reports", "src/internal/reportable.ts"]
      ] as const
    ) {
      const names = namesOf(file)
      assert.isNotEmpty(names)
      const missing = names.filter((name) => !written(heading).has(name))
      assert.deepStrictEqual(missing, [], `change docs/observability.md, ${heading}`)
    }
  })

  it("every option with its default", () => {
    const options = Object.keys(table)
    const page = "README.md, Options"
    assertSame(namesIn("README.md", "## Options"), options, page)
    const rows = rowsIn("README.md", "## Options")
    const fallbacks = new Map<string, unknown>(Object.entries(table).map(([name, { fallback }]) => [name, fallback]))
    for (const [names, defaults] of rows) {
      const [said, meant] = [defaults.split(", "), codeIn(names).map((name) => shown(fallbacks.get(name)))]
      meant.forEach((fallback, i) => {
        if (fallback !== undefined) assert.strictEqual(said[i], fallback, `change ${page}: ${names}`)
      })
    }
    // An example that also names the other ways helps readers who look for one.
    const [program] = textOf("docs/configuration.md").split("\n## Every option\n")[1].split("\n## ")
    const silent = options.filter((name) => !new RegExp(`\\b${name}\\b`).test(program))
    assert.deepStrictEqual(silent, [], "change docs/configuration.md, Every option")
  })

  it("every default in the docstring of its option", () => {
    for (const [name, { fallback }] of Object.entries<{ readonly fallback: unknown }>(table)) {
      const wanted = inDocstring(fallback)
      if (wanted === undefined) continue
      const end = textOf("src/ClusterOptions.ts").indexOf(`\n  readonly ${name}?:`)
      const docs = textOf("src/ClusterOptions.ts").slice(0, end)
      const docstring = docs.slice(docs.lastIndexOf("/**")).replaceAll(/\s+\*?\s*/g, " ")
      assert.include(docstring, `Default: ${wanted}`, `change src/ClusterOptions.ts: ${name}`)
    }
  })

  it.effect("every variable of the environment", () =>
    Effect.gen(function*() {
      const asked = new Set<string>()
      const provider = ConfigProvider.make((path) => {
        // The same names are asked for in nested objects, which are no variables.
        const name = path.join("_")
        if (name.startsWith("REDIS_")) asked.add(name)
        return Effect.undefined
      })
      yield* Effect.provideService(ClusterConfig.partial(), ConfigProvider.ConfigProvider, provider)
      const where = "docs/configuration.md, From the environment"
      assertSame(namesIn("docs/configuration.md", "## From the environment"), asked, where)
      const row = rowsIn("docs/configuration.md", "## From the environment").find(([name]) =>
        name === "`REDIS_READ_FROM`"
      )
      assert.deepStrictEqual(codeIn(row?.[2] ?? ""), Object.keys(ReadFrom.byName), `change ${where}: REDIS_READ_FROM`)
    }))

  it("every policy of reads", () => {
    const [, section = ""] = textOf("docs/reading-from-replicas.md").split("\n| Policy | Asks |")
    const names = Array.from(section.split("\n\n")[0].matchAll(/^\| `ReadFrom\.(\w+)/gm), ([, name]) => name)
    assertSame(names, [...Object.keys(ReadFrom.byName), "make"], "docs/reading-from-replicas.md")
    const all: Readonly<Record<string, unknown>> = ReadFrom
    const policies = Object.keys(all).filter((name) => ReadFrom.isPolicy(all[name]))
    assert.deepStrictEqual(
      policies.filter((name) => !Object.hasOwn(ReadFrom.byName, name)),
      [],
      "change src/ReadFrom.ts, byName: REDIS_READ_FROM reads it"
    )
  })

  it("the number of commands", () => {
    const commands = groups.flatMap((group) => Object.keys(group)).length
    assert.include(textOf("README.md"), `typed.** ${commands} of them`, "change README.md: the number of commands")
  })
})

describe("package.json", () => {
  it("exports every group of commands, every module and every integration by its name", () => {
    const modulesOf = (folder: string, isEntry: (text: string) => boolean) =>
      readdirSync(`${project}src/${folder}`)
        .filter((file) => file.endsWith(".ts") && isEntry(textOf(`src/${folder}/${file}`)))
        .map((file) => [`./${folder}/${file.slice(0, -3)}`, `./dist/${folder}/${file.slice(0, -3)}.js`] as const)
    const { exports } = JSON.parse(textOf("package.json"))
    assert.deepStrictEqual(
      exports,
      Object.fromEntries([
        [".", "./dist/index.js"],
        ["./testing", "./dist/testing/index.js"],
        ...modulesOf("integrations", () => true),
        ...modulesOf("commands", (text) => /^export interface \w+Commands<S extends Surface>/m.test(text)),
        ...modulesOf("modules", (text) => /^export interface \w+Commands<S extends Surface>/m.test(text)),
        ["./package.json", "./package.json"]
      ]),
      "change the exports of package.json"
    )
  })
})

/** A default as the README writes it; `undefined` for what has no short form. */
const shown = (fallback: unknown): string | undefined => {
  if (typeof fallback === "boolean") return `\`${fallback}\``
  if (typeof fallback === "number") return sizeOf(fallback)
  if (typeof fallback !== "string") return undefined
  const duration = /^(\d+) (second|milli)s?$/.exec(fallback)
  return duration === null ? `\`"${fallback}"\`` : `${duration[1]} ${duration[2] === "second" ? "s" : "ms"}`
}

/** A default as its docstring writes it. */
const inDocstring = (fallback: unknown): string | undefined =>
  typeof fallback === "string" && /^\d/.test(fallback) ? fallback.replace("millis", "milliseconds") : shown(fallback)

const sizeOf = (value: number): string => value >= 2 ** 20 ? `${value / 2 ** 20} MiB` : String(value)
