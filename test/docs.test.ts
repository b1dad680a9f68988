/**
 * The programs in the README and in the pages under docs/ compile and run, as they stand there.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { execFile } from "node:child_process"
import { type Block, blocksOf, pages, project } from "./docs/Blocks.ts"
import { RedisCluster } from "./harness/RedisCluster.ts"
import * as RedisServer from "./harness/RedisServer.ts"

const blocks = pages.flatMap(blocksOf)

interface Ended {
  readonly code: number | string | null
  readonly output: string
}

const node = (args: ReadonlyArray<string>, options: {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly timeout?: number | undefined
}) =>
  Effect.callback<Ended>((resume) => {
    const child = execFile(
      process.execPath,
      args,
      {
        ...options,
        env: { ...process.env, NODE_NO_WARNINGS: "1", ...options.env },
        killSignal: "SIGINT",
        maxBuffer: 1e8
      },
      (error, stdout, stderr) =>
        resume(Effect.succeed({ code: error === null ? 0 : error.code ?? null, output: stdout + stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The entry points of the package as its users see them, but on the sources. */
const entryPoints = Effect.gen(function*() {
  const fileSystem = yield* FileSystem.FileSystem
  const { exports } = JSON.parse(yield* fileSystem.readFileString(`${project}package.json`))
  return Object.entries<string | null>(exports).flatMap(([name, target]) =>
    typeof target === "string" && target.startsWith("./dist/")
      ? [[name, target.replace("./dist/", "./src/").replace(/\.js$/, ".ts")] as const]
      : []
  )
})

/** A folder with all blocks in it, in which the package and its dependencies are found by name. */
class Programs extends Context.Service<Programs, {
  readonly directory: string
  /** For programs that read their options from the environment. */
  readonly env: Readonly<Record<string, string>>
  /** The failures of the effects of all pages, by file; they are run once. */
  readonly effects: Effect.Effect<ReadonlyMap<string, string>>
}>()("test/Programs") {
  static readonly layer = Layer.effect(Programs)(Effect.gen(function*() {
    const fileSystem = yield* FileSystem.FileSystem
    const cluster = yield* RedisCluster
    const { directory } = yield* RedisServer.workspace
    const modules = `${directory}/node_modules`
    const entries = yield* entryPoints

    yield* fileSystem.makeDirectory(`${directory}/package`)
    yield* fileSystem.symlink(`${project}src`, `${directory}/package/src`)
    yield* fileSystem.writeFileString(
      `${directory}/package/package.json`,
      JSON.stringify({ name: "effect-redis-cluster", type: "module", exports: Object.fromEntries(entries) })
    )
    yield* fileSystem.makeDirectory(modules)
    for (const name of yield* fileSystem.readDirectory(`${project}node_modules`)) {
      yield* fileSystem.symlink(`${project}node_modules/${name}`, `${modules}/${name}`)
    }
    yield* fileSystem.symlink(`${directory}/package`, `${modules}/effect-redis-cluster`)

    yield* fileSystem.writeFileString(
      `${directory}/vitest.config.js`,
      `export default { test: { include: ["*.ts"], reporters: ["default"] } }`
    )
    yield* fileSystem.writeFileString(`${directory}/package.json`, JSON.stringify({ type: "module" }))
    yield* fileSystem.writeFileString(
      `${directory}/tsconfig.json`,
      JSON.stringify({
        extends: `${project}tsconfig.json`,
        compilerOptions: {
          noEmit: true,
          paths: Object.fromEntries(entries.map(([name, target]) => [
            name.replace(".", "effect-redis-cluster"),
            [target.replace("./", project)]
          ]))
        },
        include: ["*.ts"]
      })
    )
    const ports = cluster.nodes.map(({ port }) => String(port))
    for (const { file, text } of blocks) {
      const addressed = text
        .replaceAll(/(?<=127\.0\.0\.1:|port: )700(\d)\b/g, (_, i) => ports[Number(i)] ?? ports[0])
        .replaceAll(/(?<=:\/\/)localhost(?=:\d)/g, "127.0.0.1")
      yield* fileSystem.writeFileString(`${directory}/${file}`, addressed)
    }
    const { url } = cluster.nodes[0]
    const env = { REDIS_CLUSTER_URL: url, REDIS_URL: url, CARTS_URL: url }
    return { directory, env, effects: yield* Effect.cached(runEffects(directory, env)) }
  })).pipe(
    Layer.provideMerge(RedisCluster.layer({ replicas: 1 })),
    Layer.provide(NodeServices.layer)
  )
}

const runPrograms = Effect.fnUntraced(function*(programs: ReadonlyArray<Block>) {
  const { directory, env } = yield* Programs
  const failures: Array<string> = []
  for (const { endless, file, place } of programs) {
    const { code, output } = yield* node([file], { cwd: directory, env, timeout: endless ? 5000 : 30_000 })
    // Interrupted by SIGINT: `runMain` says 130, and there is no code where a busy machine has not come to it yet.
    if (endless ? code !== 130 && code !== null : code !== 0) failures.push(`${place} ended with ${code}:\n${output}`)
  }
  return failures
})

/** The effects of all pages, in one process: what went wrong, by file, and what it printed. */
const runEffects = Effect.fnUntraced(function*(directory: string, env: Readonly<Record<string, string>>) {
  const modules = blocks.filter(({ kind }) => kind === "effects")
  const { output } = yield* node(
    [`${project}test/docs/runEffects.ts`, ...modules.map(({ endless, file }) => endless ? `${file}?endless` : file)],
    { cwd: directory, env }
  )
  const results = new Map<string, string | undefined>(
    Array.from(output.matchAll(/^@@(.*)$/gm), ([, json]) => {
      const { failure, file } = JSON.parse(json)
      return [file.split("?")[0], failure]
    })
  )
  return new Map(modules.flatMap(({ file }) => {
    if (!results.has(file)) return [[file, `was not run:\n${output}`] as const]
    const failure = results.get(file)
    return failure === undefined ? [] : [[file, failure] as const]
  }))
})

const failuresOf = Effect.fnUntraced(function*(modules: ReadonlyArray<Block>) {
  const { effects } = yield* Programs
  const failures = yield* effects
  return modules.flatMap(({ file, place }) => failures.has(file) ? [`${place}: ${failures.get(file)}`] : [])
})

const runTests = Effect.fnUntraced(function*(files: ReadonlyArray<Block>) {
  const { directory } = yield* Programs
  if (files.length === 0) return []
  const { code, output } = yield* node(
    [`${project}node_modules/vitest/vitest.mjs`, "run", "--root", directory, ...files.map(({ file }) => file)],
    { cwd: directory, timeout: 60_000, env: { NO_COLOR: "1" } }
  )
  return code === 0 ? [] : [`${files.map(({ place }) => place).join(", ")}:\n${output}`]
})

const withPrograms = layer(Programs.layer, { excludeTestServices: true, timeout: "60 seconds" })

describe("The README and the pages under docs/", () => {
  withPrograms("show programs", (it) => {
    it.effect("that compile", () =>
      Effect.gen(function*() {
        assert.isNotEmpty(blocks)
        const { directory } = yield* Programs
        const { output } = yield* node([`${project}node_modules/typescript/bin/tsc`, "-p", directory], {
          cwd: directory
        })
        assert.strictEqual(output, "")
      }), 60_000)

    for (const page of pages) {
      const own = blocksOf(page).filter(({ kind }) => kind !== "not run")
      if (own.length === 0) continue
      it.effect(`that run on a real cluster: ${page}`, () =>
        Effect.gen(function*() {
          const failures = [
            ...yield* runPrograms(own.filter(({ kind }) => kind === "program")),
            ...yield* runTests(own.filter(({ kind }) => kind === "tests")),
            ...yield* failuresOf(own.filter(({ kind }) => kind === "effects"))
          ]
          assert.deepStrictEqual(failures, [])
        }))
    }
  })
})
