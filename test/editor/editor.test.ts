/**
 * The library at the keyboard: what editors offer inside options, show when a name is pointed at, and say of mistakes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readdirSync } from "node:fs"
import { afterAll, beforeAll } from "vitest"
import { groups as described } from "../../scripts/commandInterfaces.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { groups } from "../../src/commands/Commands.ts"
import type { Parameters } from "../../src/commands/parameters/Parameters.ts"
import { TestCluster } from "../../src/testing/index.ts"
import { range } from "../harness/range.ts"
import { type editors, Program } from "./Editor.ts"

const folder = new URL("../../src/commands/parameters/", import.meta.url)
const parameters = await Promise.all(
  readdirSync(folder).filter((file) => file !== "Parameters.ts").map((file) =>
    import(new URL(file, folder).href) as Promise<{ readonly parameters: Parameters }>
  )
)

interface Place {
  readonly mark: string
  readonly code: string
  readonly names: ReadonlyArray<string>
}

/** Every command with options: the call up to them, and their names. */
const ofCommands: ReadonlyArray<Place> = parameters.flatMap((group) =>
  Object.entries(group.parameters).flatMap(([method, { options = {} }]) =>
    Object.entries(options).map(([at, names]) => {
      const mark = `${method}${at}`
      return { mark, names, code: `redis.${method}(${range(Number(at)).map(() => "absent, ").join("")}{ ⟨${mark}⟩ })` }
    })
  )
)

/** Values by which an editor chooses between the members of a union. */
const values: Readonly<Record<string, string>> = {
  Argument: "\"a\"",
  boolean: "true",
  // Neither decides between a circle and a box.
  GeoMiddle: "anything, radius: 1",
  GeoUnit: "\"m\", radius: 1",
  Instant: "new Date()",
  Integer: "1",
  Lifetime: "\"1 hour\"",
  number: "1",
  SlotMetric: "\"key-count\"",
  string: "\"a\"",
  true: "true"
}

const valueOf = (type: string): string =>
  type.startsWith("\"") ? type.split(" | ")[0] : type.startsWith("ReadonlyArray") ? "[]" : values[type] ?? "anything"

/** Every option of every command, with a value. */
const given: ReadonlyArray<Omit<Place, "names">> = described.filter(({ isOfModule }) => !isOfModule).flatMap((
  { methods }
) =>
  methods.flatMap(({ name, signatures }) =>
    signatures.flatMap(({ parameters }) =>
      parameters.flatMap(({ options }, at) =>
        Array.from(options ?? [], ([option, { places }]) => {
          const mark = `${name}${at}_${option}`
          const type = places.find(({ absent }) => !absent)?.type ?? ""
          const before = range(at).map(() => "absent, ").join("")
          return { mark, code: `redis.${name}(${before}{ ⟨${mark}⟩${option}: ${valueOf(type)} })` }
        })
      )
    )
  )
)

const isCommon = ({ mark }: Pick<Place, "mark">): boolean => /^(?:set|zadd|zrange|xadd|hscan)\d/.test(mark)

/** Options beside the first one, and options of other members. */
const others: ReadonlyArray<Place> = [
  {
    mark: "afterGet",
    code: `redis.set("k", "v", { get: true, ⟨afterGet⟩ })`,
    names: ["condition", "expire", "expireAt", "keepTtl"]
  },
  {
    mark: "builder",
    code: `Strings.set("k", "v", { ⟨builder⟩ })`,
    names: ["condition", "expire", "expireAt", "get", "keepTtl"]
  },
  { mark: "condition", code: `redis.set("k", "v", { condition: "⟨condition⟩" })`, names: ["NX", "XX"] },
  {
    mark: "trim",
    code: `redis.xadd("k", "*", { a: 1 }, { trim: { ⟨trim⟩ } })`,
    names: ["approximate", "limit", "maxLength", "minId"]
  },
  {
    mark: "section",
    code: `redis.info("⟨section⟩")`,
    names: [
      ...["all", "clients", "cluster", "commandstats", "cpu", "default", "errorstats", "everything", "keyspace"],
      ...["latencystats", "memory", "modules", "persistence", "replication", "server", "stats"]
    ]
  },
  { mark: "on", code: `redis.on("⟨on⟩")`, names: ["all", "default", "primaries", "random", "replicas"] },
  {
    mark: "scanStream",
    code: `redis.scanStream({ bytes: true, ⟨scanStream⟩ })`,
    names: ["concurrency", "count", "match", "on", "onProgress", "patience", "type"]
  },
  { mark: "hscanStream", code: `redis.hscanStream("k", { ⟨hscanStream⟩ })`, names: ["bytes", "count", "match"] },
  { mark: "mget", code: `redis.mgetNonatomic(["k"], { ⟨mget⟩ })`, names: ["bytes", "cached"] },
  { mark: "stream", code: `redis.pipelineStream([], { ⟨stream⟩ })`, names: ["batch", "concurrency"] },
  {
    mark: "script",
    code: `Script.make({ lua: "return 1", ⟨script⟩ })`,
    names: ["args", "keys", "readonly", "result"]
  },
  {
    mark: "library",
    code: `FunctionLibrary.make({ name: "l", code: "", functions: { f: { ⟨library⟩ } } })`,
    names: ["args", "keys", "readonly", "result"]
  }
]

const commands = new Set(groups.flatMap((group) => Object.keys(group)))

/** The members of the client and its views beside the commands, which all views have from one interface. */
const members = await Effect.gen(function*() {
  const redis = yield* ClusterClient
  const views = {
    redis,
    target: redis.on("replicas"),
    node: yield* redis.node(yield* redis.randomNode),
    own: yield* redis.dedicated("a"),
    view: redis.mapCommand((command) => command)
  }
  return Object.entries(views).flatMap(([view, value]) =>
    Object.keys(value).filter((name) => name !== "finish" && (view === "redis" || !commands.has(name))).map((name) => ({
      mark: `${view}_${name}`,
      name: `${view}.⟨${view}_${name}⟩${name}`
    }))
  )
}).pipe(Effect.scoped, Effect.provide(TestCluster.layer()), Effect.runPromise)

/** Results whose types are shown as a reader would write them. */
const results = {
  record: [
    `redis.pipeline({ name: redis.get("a"), visits: redis.incr("b") })`,
    "Effect<{ name: string | null; visits: number; }, RedisClusterException, never>"
  ],
  tuple: [
    `redis.transaction([redis.get("a"), redis.incr("b")])`,
    "Effect<[string | null, number], RedisClusterException, never>"
  ],
  recordOfResults: [
    `redis.pipelineResults({ name: redis.get("a"), visits: redis.incr("b") })`,
    "Effect<{ name: Result<string | null, RedisClusterException>; visits: Result<number, RedisClusterException>; }, never, never>"
  ],
  mixedStream: [
    `redis.pipelineStream(Stream.make(redis.get("a"), redis.incr("b")))`,
    "Stream<string | number | null, RedisClusterException, never>"
  ],
  mixedList: [
    `redis.pipelineStream([redis.get("a"), redis.incr("b"), Strings.strlen("c")])`,
    "Stream<string | number | null, RedisClusterException, never>"
  ],
  keys: [`redis.scanStream({ bytes: true })`, "Stream<Uint8Array<ArrayBufferLike>, RedisClusterException, never>"]
} as const

/** Mistakes, and what the compiler says of them. */
const mistakes: ReadonlyArray<readonly [code: string, message: RegExp]> = [
  [`redis.expire("k", 10)`, /'10' is not assignable to parameter of type 'DurationWithUnit'/],
  [`redis.set("k", "v", { expire: 10 })`, /'number' is not assignable to type 'DurationWithUnit \| undefined'/],
  [`redis.set("k", "v", { expires: "1 minute" })`, /'expires' does not exist in type 'SetOptions'.*'expire'/],
  [`redis.set("k", "v", { EX: 10 })`, /'EX' does not exist in type 'SetOptions'/],
  [
    `redis.set("k", "v", { get: true, EX: 10 })`,
    /not assignable to type 'NoSuchOption<(?=.*"condition")(?=.*"expire")(?=.*"expireAt")(?=.*"get")(?=.*"keepTtl")/
  ],
  [`redis.set("k", "v", "EX", 10)`, /Expected 2-3 arguments, but got 4/],
  [`redis.scanStream({ bytes: true, matc: "a" })`, /not assignable to type 'NoSuchOption<(?=.*"bytes")(?=.*"match")/],
  [`Script.make({ lua: "", key: ["k"] })`, /required in type 'NoSuchOption<(?=.*"keys")(?=.*"lua")/],
  [`ClusterClient.layer({ ⟨options⟩ })`, /'nodes' is missing/]
]

const program = `
import { Stream } from "effect"
import {
  type ClusterClientShape, type DedicatedClient, FunctionLibrary, type NodeClient, Script, Strings, type TargetClient
} from "effect-redis-cluster"
declare const redis: ClusterClientShape
declare const target: TargetClient
declare const node: NodeClient
declare const own: DedicatedClient
declare const view: ClusterClientShape
declare const absent: never
declare const anything: any
${[...ofCommands, ...others].map(({ code }) => code).join("\n")}
${members.map(({ name }) => `${name}(absent, absent)`).join("\n")}
${Object.entries(results).map(([name, [code]]) => `export const ⟨${name}⟩${name} = ${code}`).join("\n")}
redis.⟨set⟩set("k", "v", { get: true })
${given.map(({ code }) => code).join("\n")}
`
const mistaken = `
import { ClusterClient, type ClusterClientShape, Script } from "effect-redis-cluster"
declare const redis: ClusterClientShape
${mistakes.map(([code]) => code).join("\n")}
`

for (const editor of ["TypeScript 7", "TypeScript 5.9"] as const satisfies ReadonlyArray<keyof typeof editors>) {
  // That of 5.9 takes seconds to read the library and Effect.
  describe(`An editor with ${editor}`, { tags: editor === "TypeScript 7" ? [] : ["long"] }, () => {
    // It needs a third of a second for an answer, too.
    const places = editor === "TypeScript 7" ? [...ofCommands, ...others] : [...ofCommands.filter(isCommon), ...others]
    let opened: Program
    let withMistakes: Program
    beforeAll(() => {
      opened = new Program(editor, program)
      withMistakes = new Program(editor, mistaken)
    })
    afterAll(() => Promise.all([opened.close(), withMistakes.close()]))

    it("offers the options, and nothing else, inside the options of every command and member", async () => {
      const offered: Array<readonly [code: string, names: ReadonlyArray<string>]> = []
      for (const { code, mark } of places) {
        offered.push([code, (await opened.completions(mark)).toSorted()])
      }
      const wanted = places.map(({ code, names }) => [code, names.toSorted()])
      assert.deepStrictEqual(offered.map(([code, names]) => [code, names.slice(0, 50)]), wanted)
    })

    it("offers the options of the client, the ones that it needs among them", async () => {
      const names = await withMistakes.completions("options")
      assert.includeMembers(names.slice(0, 60), ["nodes", "credentials", "commandTimeout", "readFrom", "tls"])
    })

    it("shows documentation for every member of the client and its views", async () => {
      const bare: Array<string> = []
      for (const { mark } of members) {
        const { documentation } = await opened.hover(mark)
        if (documentation.trim() === "") bare.push(mark)
      }
      assert.deepStrictEqual(bare, [])
    })

    it("shows a sentence for every option of a command", async () => {
      const bare: Array<string> = []
      for (const { code, mark } of editor === "TypeScript 7" ? given : given.filter(isCommon)) {
        const { documentation } = await opened.hover(mark)
        if (!documentation.trim().endsWith(".")) bare.push(code)
      }
      assert.deepStrictEqual(bare, [])
    })

    it("shows the sentence of an option that it offers", async () => {
      const bare: Array<string> = []
      for (const { mark, names } of editor === "TypeScript 7" ? ofCommands : ofCommands.filter(isCommon)) {
        for (const name of names) {
          if (!(await opened.offered(mark, name)).trim().endsWith(".")) bare.push(`${mark}: ${name}`)
        }
      }
      assert.deepStrictEqual(bare, [])
    })

    it("lists the targets when `on` is pointed at", async () => {
      const { documentation } = await opened.hover("redis_on")
      for (const target of ["primaries", "replicas", "all", "random", "default"]) assert.include(documentation, target)
    })

    it("shows results as a reader would write them", async () => {
      for (const [name, [, type]] of Object.entries(results)) {
        const shown = (await opened.hover(name)).type.replaceAll(/\s+/g, " ").replaceAll(/\b(\w+)\.(?=\1<)/g, "")
        assert.strictEqual(shown, `const ${name}: ${type}`)
      }
      assert.notInclude((await opened.hover("set")).type, "Exact")
    })

    it("is told what is expected instead of a mistake", async () => {
      const errors = await withMistakes.errors()
      assert.strictEqual(errors.length, mistakes.length, errors.join("\n"))
      mistakes.forEach(([, message], i) => assert.match(errors[i], message))
    })
  })
}
