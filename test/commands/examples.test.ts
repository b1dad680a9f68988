/**
 * The examples of the pages of the commands run on a cluster of several nodes, by way of the client, as the pages show them.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Command } from "../../src/commands/Command.ts"
import { groups } from "../../src/commands/Commands.ts"
import { ClusterClient, isClusterNode } from "../../src/index.ts"
import type { Argument } from "../../src/protocol/Reply.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { notRun, type Sample, samples } from "./samples.ts"

const examples = new Map(samples.filter(({ name }) => !name.includes(" ")).map((sample) => [sample.name, sample]))

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3 })))

const keyOf = ({ args, spec: { keys } }: Command<unknown>): Argument | undefined =>
  args[typeof keys === "function" ? keys(args)[0] : keys]

const isCommand = (step: ReadonlyArray<Argument> | Command<unknown>): step is Command<unknown> => "spec" in step

/** The name and the version of the servers. */
const server = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const { server } = yield* (yield* redis.node(yield* redis.randomNode)).info("server")
  return server.valkeyVersion === undefined
    ? { name: "redis", number: server.redisVersion } as const
    : { name: "valkey", number: server.valkeyVersion } as const
})

/** Runs an example, and says what is wrong with its result. */
const problemOf = Effect.fnUntraced(function*({ command, error, expected, prepare = [], unstable }: Sample) {
  const redis = yield* ClusterClient
  yield* redis.flushall()
  const steps = prepare.filter(isCommand)
  if (steps.length < prepare.length) return "it is prepared by words, which the page cannot show"
  const key = steps.map(keyOf).find((key) => key !== undefined)
  const owner = key === undefined ? undefined : yield* redis.ownerOf(key)
  const node = yield* redis.node(owner ?? (yield* redis.randomNode))
  const own = yield* redis.dedicated("user:1")
  const run = (one: Command<unknown>) =>
    one.spec.request === "explicit" ?
      node.execute(one)
      : one.spec.connectionUse([])?._tag === "countsWrites" ?
      own.execute(one)
      : redis.execute(one)
  for (const step of steps) yield* run(step)
  const exit = yield* Effect.exit(run(command))
  if (error !== undefined) {
    return Exit.isFailure(exit) && error.test(String(exit.cause)) ? undefined : `it ended with ${String(exit)}`
  }
  if (Exit.isFailure(exit)) return String(exit.cause)
  const { value } = exit
  const results = value instanceof Map && [...value.keys()].every(isClusterNode) ? [...value.values()] : [value]
  for (const result of results) {
    if (expected !== undefined) assert.deepStrictEqual(result, expected)
    if (unstable?.(result) === false) return `another result was expected than ${JSON.stringify(result)}`
  }
  return undefined
})

describe("The examples of the pages", () => {
  layer(client, { timeout: "30 seconds" })((it) => {
    for (const group of groups) {
      const methods = Object.keys(group)
      it.effect(`run on a cluster: ${methods[0]} to ${methods.at(-1)}`, () =>
        Effect.gen(function*() {
          const { name, number } = yield* server
          const problems: Array<string> = []
          for (const method of methods) {
            const example = examples.get(method)
            if (example === undefined || example.alone !== undefined) continue
            const first = example.since === undefined ? "0" : example.since[name]
            if (first === undefined || number.localeCompare(first, "en", { numeric: true }) < 0) continue
            const problem = yield* Effect.scoped(problemOf(example)).pipe(
              Effect.catchCause((cause) => Effect.succeed(String(cause)))
            )
            if (problem !== undefined) problems.push(`${method}: ${problem}`)
          }
          assert.deepStrictEqual(problems, [])
        }))
    }

    it("are there for every command, or the command has a reason why it is not run", () => {
      const methods = groups.flatMap((group) => Object.keys(group))
      assert.deepStrictEqual(
        methods.filter((method) => !examples.has(method) && !Object.hasOwn(notRun, method)),
        [],
        "name a sample in test/commands/samples/ by the method alone"
      )
    })
  })
})
