/**
 * The word of a server is believed in the server's own wording, and about the slot of the command.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { inspect } from "node:util"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { type ErrorKind, isWording, kindOf } from "../../src/protocol/ErrorKind.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"
import * as ScriptedServer from "../connection/ScriptedServer.ts"
import { connect, tagWhere } from "../harness/Observed.ts"
import { RedisCluster, type RedisNode } from "../harness/RedisCluster.ts"
import { teachFunction, teachScript } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

/** Writes, then answers an error. */
const lua = "redis.call('INCR', KEYS[1]) return redis.error_reply(ARGV[1])"
const functions = `#!lua name=answers
redis.register_function('answers', function(keys, args) redis.call('INCR', keys[1]) return redis.error_reply(args[1]) end)`

/** Errors that servers give in other words, or about other slots, or only when nothing was executed. */
const answersFor = (slot: number, port: number) => [
  "TRYAGAIN the account is busy",
  "READONLY account",
  "CLUSTERDOWN of my own",
  "MASTERDOWN of my own",
  "LOADING the truck",
  "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
  "NOSCRIPT of my own",
  `MOVED ${(slot + 1) % 16384} 127.0.0.1:${port}`,
  `ASK ${(slot + 1) % 16384} 127.0.0.1:${port}`,
  `MOVED 30000000 127.0.0.1:${port}`,
  "ERR plain"
]

describeOnEach("The answer of a script, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("that has written is its caller's, whatever it says: it runs once, and nobody is dialled for it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const stranger = yield* ScriptedServer.start(ScriptedServer.welcome)
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* teachScript(cluster, lua, ({ args: [message], call, keys: [key] }) => {
          call("INCR", key)
          return new ServerError(message)
        })
        yield* teachFunction(cluster, "answers", ({ args: [message], call, keys: [key] }) => {
          call("INCR", key)
          return new ServerError(message)
        })
        yield* redis.functionLoad(functions, { replace: true })
        const key = "answers"
        const slot = HashSlot.ofKey(key)
        const owner = yield* redis.ownerOf(key)
        assert(owner !== undefined)
        const ways: Record<
          string,
          (input: { keys: [string]; args: [string] }) => Effect.Effect<unknown, RedisClusterException>
        > = {
          EVAL: (input) => redis.eval(lua, input),
          FCALL: (input) => redis.fcall("answers", input),
          "EVAL on a node": (input) => Effect.flatMap(redis.node(owner), (node) => node.eval(lua, input)),
          "EVAL in a pipeline": (input) =>
            Effect.flatMap(
              redis.pipelineResults([Scripting.eval(lua, input), Strings.get(key)]),
              ([first]) => Effect.fromResult(first)
            ),
          "EVAL in a transaction": (input) =>
            Effect.flatMap(
              redis.transactionResults([Scripting.eval(lua, input), Strings.get(key)]),
              ([first]) => Effect.fromResult(first)
            ),
          "EVAL on a dedicated connection": (input) =>
            Effect.scoped(Effect.flatMap(redis.dedicated(key), (own) => own.eval(lua, input)))
        }
        for (const [way, execute] of Object.entries(ways)) {
          for (const message of answersFor(slot, stranger.endpoint.port)) {
            yield* redis.del(key)
            const error = yield* Effect.flip(execute({ keys: [key], args: [message] }))
            const what = `${way}: ${message}`
            assert.strictEqual(yield* redis.get(key), "1", what)
            assert.deepInclude(
              { tag: error.reason._tag, outcome: error.outcome, isRetryable: error.isRetryable },
              { tag: "ReplyError", outcome: "Unknown", isRetryable: false },
              what
            )
          }
        }
        assert.deepStrictEqual(stranger.peers, [])
        assert.strictEqual((yield* redis.ownerOf(key))?.address, owner.address)
      }))

    it.effect("is known as the server's by words that this server really uses", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const tag = tagWhere((slot) => slot >= 5200 && slot < 5300)
        const slot = HashSlot.ofKey(tag)
        const [a, b] = [`{${tag}}a`, `{${tag}}b`]
        const source = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find((node) => node.port !== source.port) as RedisNode
        const [replica] = yield* cluster.replicasOf(target)
        const said = (node: RedisNode, ...words: ReadonlyArray<string>) =>
          Effect.map(
            Effect.flip(cluster.command(node, ...words)),
            ({ message }) => new ServerError(message)
          )
        const check = Effect.fnUntraced(function*(kind: ErrorKind, node: RedisNode, ...words: ReadonlyArray<string>) {
          const error = yield* said(node, ...words)
          assert.strictEqual(kindOf(error), kind, error.message)
          assert.isTrue(isWording(error), error.message)
        })
        yield* check("moved", target, "GET", a)
        yield* check("lacksCode", source, "EVALSHA", "0123456789012345678901234567890123456789", "1", a)
        yield* check("lacksCode", source, "FCALL", "nothing", "1", a)
        yield* check("readOnly", replica, "FLUSHALL")
        yield* cluster.command(source, "SET", a, "1")
        yield* cluster.startMigration(slot, target)
        yield* check("ask", source, "GET", b)
        yield* check("tryAgain", source, "MGET", a, b)
        yield* cluster.finishMigration(slot)
        yield* cluster.migrateSlot(slot, source)
      }))
  })
})

describe("A redirect", () => {
  it.effect("to a slot that no cluster has changes no map, and the command finds its way", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const redis = yield* ClusterClient
      const [first, second] = cluster.primaries
      const key = tagWhere((slot) => slot < 100)
      let answered = 0
      yield* cluster.onCommand("INCR", () => {
        const wrong = [
          `MOVED 30000000 ${second.address}`,
          `MOVED 16384 ${second.address}`,
          `ASK 9000 ${second.address}`
        ]
        return answered < wrong.length ? Response.error(wrong[answered++]) : undefined
      })
      assert.strictEqual(yield* redis.incr(key), 1)
      assert.strictEqual(answered, 3)
      const { slots } = yield* redis.topology
      assert.strictEqual(slots.length, HashSlot.slotCount)
      assert.strictEqual(slots[HashSlot.ofKey(key)]?.primary.address, first.address)
      assert.deepStrictEqual(yield* cluster.received({ name: "INCR", node: second }), [])
    }).pipe(Effect.provide(TestCluster.layer({ client: { retrySchedule: Schedule.recurs(10) } }))))
})

describeOnEach("An error, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("holds no key, no value and no password, though the server quotes them, and says where it comes from", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const key = "{SECRET}:key"
        yield* redis.set(key, "SECRET-value")
        const runs: ReadonlyArray<readonly [code: string, run: Effect.Effect<unknown, RedisClusterException>]> = [
          ["ERR", redis.execute(Command.make(new CommandSpec("NO.SUCH", { keys: 0 }), [key, "SECRET"], String))],
          ["ERR", redis.execute(Command.make(new CommandSpec("CONFIG NOSUCH", {}), ["SECRET"], String))],
          ["NOGROUP", redis.xpending(key.replace("key", "stream"), "SECRET-group")],
          ["WRONGTYPE", redis.lpush(key, ["SECRET"])],
          ["ERR", redis.incr(key)]
        ]
        for (const [code, run] of runs) {
          const error = yield* Effect.flip(run)
          const { reason } = error
          assert(reason._tag === "ReplyError", error.message)
          assert.strictEqual(reason.code, code)
          assert.notInclude(inspect(error, { depth: 10 }), "SECRET")
          assert.match(error.message, new RegExp(`^${reason.command} on ${reason.node}: \\S`))
        }
        const parsed = Strings.get(key).pipe(Command.map((value) => JSON.parse(String(value)) as unknown))
        const undecodable = yield* Effect.flip(redis.execute(parsed))
        assert.deepInclude({ ...undecodable.reason }, { _tag: "DecodeError", outcome: "Executed" })
        assert.notInclude(inspect(undecodable, { depth: 10 }), "SECRET")
        assert.include(inspect(undecodable, { depth: 10 }), "SyntaxError")
      }))
  })
})
