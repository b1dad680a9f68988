import { assert, describe, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Result } from "effect"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { ClusterClient, Command, Lists, ReadFrom, RedisClusterException, Strings } from "../../src/index.ts"
import { nameOf } from "../harness/nameOf.ts"
import { blockedClients } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"

const client = Layer.unwrap(
  Effect.map(
    Effect.service(RedisCluster),
    (cluster) => ClusterClient.layer({ nodes: cluster.seeds, commandTimeout: "1 second" })
  )
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3 })))

/** The servers hold back so many clients. */
const heldBack = (count: number) =>
  Effect.flatMap(
    RedisCluster,
    (cluster) =>
      eventually(`that ${count} clients are held back`, Effect.map(blockedClients(cluster), (held) => held === count))
  )

describe("The connections that callers share", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("are not held up by a command that the server holds back", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const popping = yield* Effect.forkChild(redis.blpop("{q}:list", "Infinity"))
        yield* heldBack(1)
        yield* redis.set("{q}:other", "served")
        assert.strictEqual(yield* redis.get("{q}:other"), "served")
        yield* redis.rpush("{q}:list", "element")
        assert.deepStrictEqual(yield* Fiber.join(popping), { key: "{q}:list", element: "element" })
      }))

    it.effect("are not what an interrupted blocking command waited on: the server is freed, no element is lost", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        for (let turn = 0; turn < 50; turn++) {
          const popping = yield* Effect.forkChild(redis.blpop("{q}:empty", "Infinity"), { startImmediately: true })
          if (turn % 5 === 0) yield* heldBack(1)
          yield* Fiber.interrupt(popping)
        }
        yield* heldBack(0)
        yield* redis.rpush("{q}:empty", "kept")
        assert.strictEqual(yield* redis.llen("{q}:empty"), 1)
      }))

    it.effect("wait for a blocking command beyond the client's own deadline", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        assert.isNull(yield* redis.blpop("{q}:never", "1500 millis"))
      }))

    it.effect("take no command that would change their state", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const node = yield* redis.node(yield* redis.randomNode)
        for (const words of [["MULTI"], ["SUBSCRIBE", "news"], ["CLIENT", "REPLY", "OFF"], ["SELECT", "1"]]) {
          const [name, ...args] = words
          for (
            const error of [yield* Effect.flip(redis.send(name, ...args)), yield* Effect.flip(node.send(name, ...args))]
          ) {
            assert.strictEqual(error.reason._tag, "OptionsError")
          }
        }
      }))

    it.effect("take no such command as a value either, wherever it is to run", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const node = yield* redis.node(yield* redis.randomNode)
        for (const [name, ...args] of [["MULTI"], ["CLIENT REPLY", "OFF"], ["SUBSCRIBE", "news"], ["HELLO", "2"]]) {
          const command = Command.make(new CommandSpec(name, {}), args, (reply) => reply)
          const keyed = Command.make(new CommandSpec(name, {}), args, (reply) => reply, { routing: "a" })
          const runs: ReadonlyArray<Effect.Effect<unknown, RedisClusterException>> = [
            ...[redis.execute(command), redis.execute(keyed), redis.readFrom(ReadFrom.replica).execute(keyed)],
            ...[redis.on("all").execute(command), redis.on("primaries").results(command), node.execute(command)],
            ...[redis.pipeline([Strings.get("a"), keyed]), redis.transaction([Strings.get("a"), keyed])]
          ]
          for (const run of runs) {
            const error = yield* Effect.flip(run)
            assert.strictEqual(error.outcome, "NotExecuted")
            const { reason } = error
            const isPart = reason._tag === "PipelineError" || reason._tag === "TransactionError"
            const { cause } = isPart ? reason : { cause: error }
            assert(cause instanceof RedisClusterException && cause.reason._tag === "OptionsError", name)
          }
          assert.isTrue(Result.isFailure((yield* redis.pipelineResults([keyed]))[0]))
        }
        yield* redis.set("a", "still served")
        assert.strictEqual(yield* redis.get("a"), "still served")
        assert.strictEqual((yield* redis.hello()).proto, 3)
      }))

    it.effect("take no command that has no reply of its own or changes them, however its name is spelled or split", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const node = yield* redis.node(yield* redis.randomNode)
        const spellings: ReadonlyArray<readonly [name: string, ...args: ReadonlyArray<string | Uint8Array>]> = [
          ["REPLCONF", "ACK", "0"],
          ["replconf", "GETACK", "*"],
          ["SCRIPT", "DEBUG", "YES"],
          ["Script Debug", "SYNC"],
          ["CLUSTER", "SYNCSLOTS", "FINISH"],
          ["cluster", Buffer.from("SyncSlots"), "FINISH"],
          ["DEBUG", "PROTOCOL", "push"],
          ["client reply", "OFF"],
          ["CLIENT", "REPLY", "OFF"],
          ["CLIENT", Buffer.from("reply"), "OFF"],
          ["CLIENT REPLY OFF"],
          ["client", "no-touch", "ON"],
          ["CLIENT", "SETNAME", "mine"],
          ["CLIENT", "CAPA", "redirect"],
          ["hello 2"],
          ["select 1"],
          ["psync", "?", "-1"],
          ["\u017fync"],
          ["CLIENT  REPLY", "OFF"],
          ["GET\r\n", "a"],
          [""]
        ]
        yield* redis.mset([["{q}:a", "A"], ["{q}:b", "B"]])
        for (const [name, ...args] of spellings) {
          const command = Command.make(new CommandSpec(name, {}), args, (reply) => reply)
          for (const run of [redis.execute(command), node.execute(command), redis.transaction([command])]) {
            const error = yield* Effect.flip(run)
            const reason = error.reason._tag === "TransactionError" ? error.reason.cause.reason : error.reason
            assert.strictEqual(reason._tag, "OptionsError", `${name} ${args.join(" ")}`)
            assert.strictEqual(error.outcome, "NotExecuted")
          }
        }
        assert.deepStrictEqual(yield* redis.pipeline([Strings.get("{q}:a"), Strings.get("{q}:b")]), ["A", "B"])
      }))

    it.effect("of a watch, which others use afterwards, take none either; a dedicated one takes what its own state is", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const make = (name: string, ...args: ReadonlyArray<string>) =>
          Command.make(new CommandSpec(name, {}), args, (reply) => reply)
        const changing = [
          make("client", "NO-EVICT", "ON"),
          make("CLIENT SETNAME", "mine"),
          make("CLIENT", "tracking", "ON"),
          make("readonly"),
          make("HELLO", "3")
        ]
        const never = [make("REPLCONF", "ACK", "0"), make("script", "DEBUG", "YES"), make("CLIENT", "REPLY", "SKIP")]
        yield* redis.watch(
          "{q}:a",
          (tx) =>
            Effect.forEach(
              [...changing, ...never],
              (command) =>
                Effect.map(
                  Effect.flip(tx.execute(command)),
                  (error) => assert.strictEqual(nameOf(error), "OptionsError")
                )
            )
        )
        yield* Effect.scoped(Effect.gen(function*() {
          const own = yield* redis.dedicated("{q}:a")
          for (const command of changing) yield* own.execute(command)
          for (const command of never) {
            assert.strictEqual((yield* Effect.flip(own.execute(command))).reason._tag, "OptionsError")
          }
          assert.strictEqual((yield* own.clientInfo()).name, "mine")
        }))
      }))

    it.effect("are not held up by a blocking command to each node of a target", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const pop = Lists.blpop(["{q}:list"], "1 second")
        const primaries = redis.on("primaries")
        for (const run of [Effect.asVoid(primaries.execute(pop)), Effect.asVoid(primaries.results(pop))]) {
          assert.strictEqual((yield* Effect.flip(run)).reason._tag, "OptionsError")
        }
      }))
  })
})
