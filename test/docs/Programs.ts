/**
 * The programs of the pages in one folder, where they find the package by its name, and the ways to run them on a cluster.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import type { HarnessError } from "../harness/HarnessError.ts"
import * as ModuleServer from "../harness/ModuleServer.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import * as RedisServer from "../harness/RedisServer.ts"
import { type Block, blocksOf, pages, project } from "./Blocks.ts"

export const blocks: ReadonlyArray<Block> = pages.flatMap(blocksOf)

/** The reason, by file. */
type Failures = ReadonlyMap<string, string>

export interface Ended {
  readonly code: number | string | null
  readonly output: string
}

export const node = (args: ReadonlyArray<string>, options: {
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

/** The cluster behind `127.0.0.1:7010`, for programs that have two. */
const otherCluster = Effect.map(
  Layer.build(Layer.fresh(RedisCluster.layer({ primaries: 1 }))),
  Context.get(RedisCluster)
)

/** Whether a block has commands of modules: it runs on servers that have the modules, where there are such servers. */
const usesModules = ({ text }: Block): boolean => text.includes("effect-redis-cluster/modules/")

const isRunnable = (block: Block): boolean => !usesModules(block) || !ModuleServer.isMissing

const ofKind = (kind: Block["kind"]) => blocks.filter((block) => block.kind === kind && isRunnable(block))

/** The cluster for blocks with commands of modules. */
const moduleCluster = ModuleServer.isMissing
  ? RedisCluster
  : Effect.map(Layer.build(Layer.fresh(ModuleServer.cluster)), Context.get(RedisCluster))

/** A folder with all blocks in it, in which the package and its dependencies are found by name. */
export class Programs extends Context.Service<
  Programs,
  Place & {
    /** The blocks of all pages that failed, by file, with the reason. They are run once. */
    readonly failures: Effect.Effect<Failures, HarnessError>
  }
>()("test/Programs") {
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
    // The file that the recipe of an import reads.
    const people = Array.from({ length: 25_000 }, (_, i) => `${i},name ${i},city ${i % 100}\n`)
    yield* fileSystem.writeFileString(`${directory}/people.csv`, people.join(""))
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
    const other = yield* otherCluster
    const withModules = yield* moduleCluster
    for (const block of blocks) {
      const { file, text } = block
      const ports = (usesModules(block) ? withModules : cluster).nodes.map(({ port }) => String(port))
      const addressed = text
        .replaceAll("127.0.0.1:7010", `127.0.0.1:${other.nodes[0].port}`)
        .replaceAll(/(?<=127\.0\.0\.1:|port: )700(\d)\b/g, (_, i) => ports[Number(i)] ?? ports[0])
        .replaceAll(/(?<=:\/\/)localhost(?=:\d)/g, "127.0.0.1")
      yield* fileSystem.writeFileString(`${directory}/${file}`, addressed)
    }
    const envOf = ({ nodes: [{ url }] }: RedisClusterShape) => ({
      REDIS_CLUSTER_URL: url,
      REDIS_URL: url,
      CARTS_URL: url
    })
    const flush = Effect.flatMap(
      cluster.primaries,
      (nodes) => Effect.forEach(nodes, (node) => cluster.command(node, "FLUSHALL"), { discard: true })
    )
    const place = { directory, env: envOf(cluster), moduleEnv: envOf(withModules), flush }
    return { ...place, failures: yield* Effect.cached(runAll(place)) }
  })).pipe(
    Layer.provideMerge(RedisCluster.layer({ replicas: 1 })),
    Layer.provide(NodeServices.layer)
  )
}

export interface Place {
  readonly directory: string
  /** For programs that read their options from the environment. */
  readonly env: Readonly<Record<string, string>>
  /** For programs with commands of modules. */
  readonly moduleEnv: Readonly<Record<string, string>>
  /** Empties the cluster. */
  readonly flush: Effect.Effect<void, HarnessError>
}

/** Runs a program that runs itself. */
const runProgram = Effect.fnUntraced(function*(block: Block, { directory, env, moduleEnv }: Place) {
  const { endless, file, output: shown } = block
  // A program that listens has a port to itself.
  const own = endless ? { PORT: String(yield* RedisServer.freePort) } : {}
  const { code, output } = yield* node([file], {
    cwd: directory,
    env: { ...(usesModules(block) ? moduleEnv : env), ...own },
    timeout: endless ? 5000 : 30_000
  })
  // Interrupted by SIGINT: `runMain` says 130, and there is no code where a busy machine has not come to it yet.
  const failed = endless ? code !== 130 && code !== null : code !== 0
  if (failed) return [[file, `it ended with ${code}:\n${output}`] as const]
  return shown === undefined || shown === output ? [] : [[file, `it printed something else:\n${output}`] as const]
})

/** Runs all programs that run themselves: those that end find an empty cluster, the others run beside one another. */
const runPrograms = Effect.fnUntraced(function*(place: Place) {
  const [ending, endless] = [false, true].map((endless) =>
    ofKind("program").filter((block) => block.endless === endless)
  )
  const ended = yield* Effect.forEach(ending, (block) => Effect.andThen(place.flush, runProgram(block, place)))
  const interrupted = yield* Effect.forEach(endless, (block) => runProgram(block, place), { concurrency: "unbounded" })
  return [...ended, ...interrupted].flat()
})

/** Runs the effects of blocks, in one process. */
const runEffectsIn = Effect.fnUntraced(function*(
  modules: ReadonlyArray<Block>,
  directory: string,
  env: Readonly<Record<string, string>>
) {
  const { output } = yield* node(
    [`${project}test/docs/runEffects.ts`, ...modules.map(({ endless, file }) => endless ? `${file}?endless` : file)],
    { cwd: directory, env }
  )
  const results = new Map<string, string | undefined>(
    Array.from(output.matchAll(/^@@(.*)$/gm), ([, json]) => {
      const { failure, file } = JSON.parse(json)
      return [file, failure]
    })
  )
  return modules.flatMap(({ file }) => {
    const failure = results.has(file) ? results.get(file) : `it was not run:\n${output}`
    return failure === undefined ? [] : [[file, failure] as const]
  })
})

/** Runs the effects of all pages, those with commands of modules on servers that have the modules. */
const runEffects = Effect.fnUntraced(function*({ directory, env, moduleEnv }: Place) {
  const all = ofKind("effects")
  const plain = yield* runEffectsIn(all.filter((block) => !usesModules(block)), directory, env)
  return [...plain, ...yield* runEffectsIn(all.filter(usesModules), directory, moduleEnv)]
})

/** Runs the tests of all pages, in one run of vitest. */
const runTests = Effect.fnUntraced(function*({ directory }: Place) {
  const files = ofKind("tests").map(({ file }) => file)
  const report = `${directory}/tests.json`
  const { output } = yield* node(
    [
      `${project}node_modules/vitest/vitest.mjs`,
      ...["run", "--root", directory, "--maxWorkers", "1", "--reporter", "default", "--reporter", "json"],
      ...["--outputFile.json", report, ...files]
    ],
    { cwd: directory, timeout: 150_000, env: { NO_COLOR: "1" } }
  )
  const passed = new Set<string>()
  if (existsSync(report)) {
    for (const { name, status } of JSON.parse(readFileSync(report, "utf8")).testResults) {
      if (status === "passed") passed.add(basename(name))
    }
  }
  return files.filter((file) => !passed.has(file)).map((file) => [file, `its tests fail:\n${output}`] as const)
})

/** The programs come first: effects begin with an empty cluster, and tests have clusters in memory. */
const runAll = Effect.fnUntraced(function*(place: Place): Effect.fn.Return<Failures, HarnessError> {
  const onServers = Effect.flatMap(
    runPrograms(place),
    (programs) => Effect.map(runEffects(place), (effects) => [...programs, ...effects])
  )
  return new Map((yield* Effect.all([onServers, runTests(place)], { concurrency: 2 })).flat())
})
