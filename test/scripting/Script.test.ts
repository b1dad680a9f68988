import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import * as Script from "../../src/scripting/Script.ts"
import { calls, connect, errorReplies, resetCounts, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import { teachScript } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

/** Each test its own, so that no node has it from another test. */
let scripts = 0
const counter = Effect.fnUntraced(function*(cluster: RedisClusterShape) {
  const script = Script.make({
    lua: `return redis.call('INCRBY', KEYS[1], ARGV[1]) -- ${scripts++}`,
    keys: ["counter"],
    args: { by: Schema.Int },
    result: Schema.Int
  })
  yield* teachScript(cluster, script, ({ args: [by], call, keys: [key] }) => call("INCRBY", key, by))
  return script
})

/** Where it runs. */
const portOfNode = Effect.fnUntraced(function*(cluster: RedisClusterShape) {
  const script = Script.make({
    lua: `return tonumber(redis.call('INFO', 'server'):match('tcp_port:(%d+)')) -- ${scripts++}`,
    result: Schema.Int
  })
  yield* teachScript(cluster, script, ({ call }) => Number(/tcp_port:(\d+)/.exec(String(call("INFO", "server")))?.[1]))
  return script
})

/** A key on each of the primaries. */
const shardKeys = (name: string) =>
  range(3).map((shard) => `{${tagWhere((slot) => Math.floor(slot * 3 / HashSlot.slotCount) === shard)}}${name}`)

/** Fifty fibers that count on some keys by a script until told to stop; what they counted is known exactly. */
const startCounting = Effect.fnUntraced(function*(
  cluster: RedisClusterShape,
  redis: ClusterClientShape,
  keys: ReadonlyArray<string>
) {
  const count = yield* counter(cluster)
  const done = new Map(keys.map((key) => [key, 0]))
  let running = true
  const caller = (first: number) =>
    Effect.gen(function*() {
      for (let turn = first; running; turn++) {
        const key = keys[turn % keys.length]
        yield* redis.execute(count({ keys: { counter: key }, args: { by: 1 } }))
        done.set(key, (done.get(key) ?? 0) + 1)
      }
    })
  const callers = yield* Effect.forEach(range(50), (first) => Effect.forkChild(caller(first)))
  /** Ends the load; fails with the first error of a caller, and unless each key has its exact count. */
  return Effect.gen(function*() {
    running = false
    yield* Fiber.joinAll(callers)
    for (const [key, expected] of done) {
      assert.isAbove(expected, 0)
      assert.strictEqual(yield* redis.get(key), String(expected))
    }
  })
})

describeOnEach("A script, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("has keys and arguments by name, and a result by schema", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const User = Schema.Struct({ name: Schema.String, age: Schema.Int })
        const save = Script.make({
          lua: `
            redis.call('SET', KEYS[1], ARGV[2])
            return { redis.call('INCRBY', KEYS[2], ARGV[1]), redis.call('GET', KEYS[1]) }
          `,
          keys: ["user", "count"],
          args: { step: Schema.Int, user: Schema.fromJsonString(User) },
          result: Schema.Tuple([Schema.Int, Schema.fromJsonString(User)])
        })
        yield* teachScript(cluster, save, ({ args: [step, user], call, keys: [name, count] }) => {
          call("SET", name, user)
          return [call("INCRBY", count, step), call("GET", name)]
        })
        const ada = { name: "ada", age: 36 }
        const call = save({ keys: { count: "{named}count", user: "{named}user" }, args: { user: ada, step: 2 } })
        assert.deepStrictEqual(yield* redis.execute(call), [2, ada])
        assert.deepStrictEqual(yield* redis.execute(call), [4, ada])
      }))

    it.effect("has keys by number or as many as are given, and arguments as a list", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const shape = { lua: "return { #KEYS, #ARGV, ARGV[1] or KEYS[1] }", result: Schema.Array(Schema.Unknown) }
        yield* teachScript(cluster, shape, ({ args, keys }) => [keys.length, args.length, args[0] ?? keys[0]])
        const two = Script.make({ ...shape, keys: 2, args: Schema.Array(Schema.Finite) })
        assert.deepStrictEqual(yield* redis.execute(two({ keys: ["{n}1", "{n}2"], args: [1.5, 2] })), [2, 2, "1.5"])
        const many = Script.make({ ...shape, keys: "many" })
        assert.deepStrictEqual(yield* redis.execute(many({ keys: ["{n}1", "{n}2", "{n}3"] })), [3, 0, "{n}1"])
      }))

    // The function in the place of a script in TestCluster takes and returns text.
    it.effect.runIf(environment.isReal)("has arguments and a result in bytes", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const bytes = Script.make({
          lua: "return ARGV[1]",
          args: { data: Schema.Uint8Array },
          result: Schema.Uint8Array
        })
        const reply = yield* redis.execute(Command.bytes(bytes({ args: { data: Uint8Array.of(0, 255) } })))
        assert.deepStrictEqual(Uint8Array.from(reply), Uint8Array.of(0, 255))
      }))

    it.effect("is sent by its digest, and given to a node once, when that says it has none", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const count = yield* counter(cluster)
        const keys = shardKeys("once")
        yield* resetCounts(cluster)
        for (const by of [1, 2, 3]) {
          const counts = yield* Effect.forEach(
            keys,
            (key) => redis.execute(count({ keys: { counter: key }, args: { by } })),
            each
          )
          assert.deepStrictEqual(counts, keys.map(() => by * (by + 1) / 2))
        }
        assert.strictEqual(yield* calls(cluster, "script|load"), 3)
        assert.strictEqual(yield* calls(cluster, "evalsha"), 12)
        assert.strictEqual(yield* errorReplies(cluster, "NOSCRIPT"), 3)
        assert.strictEqual(yield* calls(cluster, "eval"), 0)
        assert.strictEqual(count.sha1.length, 40)
        assert.deepStrictEqual(yield* redis.scriptExists(count.sha1), [true])
      }))

    it.effect("is refused before it is sent when its keys or arguments cannot be used", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const two = Script.make({ lua: "return 1", keys: ["one", "other"], args: { secret: Schema.Int } })
        const numbered = Script.make({ lua: "return 1", args: { 2: Schema.Int, 1: Schema.Int } })
        yield* resetCounts(cluster)
        const reasonOf = (command: Command.Command<unknown>) =>
          Effect.map(Effect.flip(redis.execute(command)), ({ reason }) => reason)
        const apart = yield* reasonOf(two({ keys: { one: "a", other: "b" }, args: { secret: 1 } }))
        assert.strictEqual(apart._tag, "CrossSlotError")
        const refused = yield* reasonOf(two({ keys: { one: "{a}", other: "{a}" }, args: { secret: 47.11 } }))
        assert.strictEqual(refused._tag, "OptionsError")
        assert.include(refused.message, `"secret"`)
        assert.notInclude(refused.message, "47.11")
        const incomplete = { one: "{a}" } as unknown as { readonly one: string; readonly other: string }
        const missing = yield* reasonOf(two({ keys: incomplete, args: { secret: 1 } }))
        assert.strictEqual(missing._tag, "OptionsError")
        assert.include(missing.message, `"other"`)
        assert.strictEqual((yield* reasonOf(numbered({ args: { 1: 1, 2: 2 } })))._tag, "OptionsError")
        assert.strictEqual(yield* calls(cluster, "evalsha"), 0)
      }))

    it.effect("says what became of it: executed when its result is not as expected, unknown when it failed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const keys = ["key"] as const
        const reasonOf = (command: Command.Command<unknown>) =>
          Effect.map(Effect.flip(redis.execute(command)), ({ reason }) => reason)
        const text = Script.make({ lua: "return 'text'", keys, result: Schema.Int })
        yield* teachScript(cluster, text, () => "text")
        const undecodable = yield* reasonOf(text({ keys: { key: "a" } }))
        assert.deepStrictEqual([undecodable._tag, undecodable.outcome], ["DecodeError", "Executed"])

        const lua = "redis.call('SET', KEYS[1], 'text') return redis.call('INCR', KEYS[1])"
        yield* teachScript(cluster, lua, ({ call, keys: [key] }) => {
          const set = call("SET", key, "text")
          return set instanceof ServerError ? set : call("INCR", key)
        })
        const written = yield* reasonOf(Script.make({ lua, keys })({ keys: { key: "written" } }))
        assert.deepStrictEqual([written._tag, written.outcome], ["ReplyError", "Unknown"])
        assert.strictEqual(yield* redis.get("written"), "text")

        const readonly = yield* reasonOf(Script.make({ lua, keys, readonly: true })({ keys: { key: "unwritten" } }))
        assert.deepStrictEqual([readonly._tag, readonly.outcome], ["ReplyError", "NotExecuted"])
        assert.strictEqual(yield* redis.get("unwritten"), null)

        // The bare command brings no script, and its caller is told that nothing was executed.
        const bare = yield* reasonOf(Scripting.evalsha("0".repeat(40), { keys: ["a"] }))
        assert.deepStrictEqual([bare._tag, bare.outcome], ["ReplyError", "NotExecuted"])
      }))

    it.effect("is not executed twice when it answers NOSCRIPT by itself", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const pretender = Script.make({
          lua: "redis.call('INCR', KEYS[1]) return redis.error_reply('NOSCRIPT of my own')",
          keys: ["key"]
        })
        yield* teachScript(cluster, pretender, ({ call, keys: [key] }) => {
          call("INCR", key)
          return new ServerError("NOSCRIPT of my own")
        })
        const { reason } = yield* Effect.flip(redis.execute(pretender({ keys: { key: "pretended" } })))
        assert(reason._tag === "ReplyError")
        assert.deepStrictEqual([reason.code, reason.outcome], ["NOSCRIPT", "Unknown"])
        assert.strictEqual(yield* redis.get("pretended"), "1")
      }))

    it.effect("that only reads is sent as such", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const read = Script.make({
          lua: "return redis.call('GET', KEYS[1])",
          keys: ["key"],
          result: Schema.NullOr(Schema.String),
          readonly: true
        })
        yield* teachScript(cluster, read, ({ call, keys: [key] }) => call("GET", key))
        yield* redis.set("readable", "value")
        yield* resetCounts(cluster)
        const call = read({ keys: { key: "readable" } })
        assert.isTrue(call.spec.readonly)
        assert.strictEqual(yield* redis.execute(call), "value")
        assert.strictEqual(yield* redis.execute(read({ keys: { key: "missing" } })), null)
        assert.isAbove(yield* calls(cluster, "evalsha_ro"), 0)
        assert.strictEqual(yield* calls(cluster, "evalsha"), 0)
      }))

    it.effect("without keys runs where its routing key is, or on the nodes of a target, whether they have it or not", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const port = yield* portOfNode(cluster)
        for (const key of shardKeys("routed")) {
          const owner = yield* cluster.owner(HashSlot.ofKey(key))
          assert.strictEqual(yield* redis.execute(port({ routing: key })), owner.port)
        }
        // For TestCluster each script writes, so that its replicas take none.
        const everywhere = yield* redis.on(environment.isReal ? "all" : "primaries").execute(
          (yield* portOfNode(cluster))()
        )
        assert.strictEqual(everywhere.size, environment.isReal ? 6 : 3)
        for (const [node, answer] of everywhere) assert.strictEqual(answer, node.port)
        const [, node] = yield* cluster.primaries
        const one = yield* redis.node(node)
        assert.strictEqual(yield* one.execute((yield* portOfNode(cluster))()), node.port)
        // Neither: any primary.
        assert.include((yield* cluster.primaries).map((node) => node.port), yield* redis.execute(port()))
      }))

    it.effect("is an entry of a pipeline like any other, given to each node that lacks it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const count = yield* counter(cluster)
        const keys = shardKeys("pipeline")
        yield* resetCounts(cluster)
        const results = yield* redis.pipeline(
          range(30).flatMap((by) => [
            count({ keys: { counter: keys[by % 3] }, args: { by } }),
            Strings.append(`${keys[by % 3]}:log`, "!")
          ])
        )
        const sums = [0, 0, 0]
        const expected = range(30).flatMap((by) => [sums[by % 3] += by, Math.floor(by / 3) + 1])
        assert.deepStrictEqual(results, expected)
        const last = yield* redis.pipeline(keys.map((counter) => count({ keys: { counter }, args: { by: 0 } })))
        assert.deepStrictEqual(last, sums)
        assert.strictEqual(yield* errorReplies(cluster, "NOSCRIPT"), 0)
      }))

    it.effect("is part of a transaction on a node that lacks it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const count = yield* counter(cluster)
        const port = yield* portOfNode(cluster)
        const key = "{transaction}count"
        yield* resetCounts(cluster)
        const results = yield* redis.transaction([
          count({ keys: { counter: key }, args: { by: 5 } }),
          Strings.incr(key),
          port({ routing: key })
        ])
        assert.deepStrictEqual(results, [5, 6, (yield* cluster.owner(HashSlot.ofKey(key))).port])
        assert.strictEqual(yield* errorReplies(cluster, "NOSCRIPT"), 0)
      }))

    it.effect("is given to a node that imports its slot, with ASKING for the call", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [target] = yield* Effect.map(cluster.primaries, (all) => all.slice(-1))
        const tag = tagWhere((slot) => slot > 100 && slot < 200)
        const slot = HashSlot.ofKey(tag)
        const count = yield* counter(cluster)
        const call = count({ keys: { counter: tag }, args: { by: 1 } })
        assert.strictEqual(yield* redis.execute(call), 1)
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot)
        yield* resetCounts(cluster)
        assert.strictEqual(yield* redis.execute(call), 2)
        assert.strictEqual(yield* errorReplies(cluster, "NOSCRIPT"), 1)
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)
        yield* cluster.finishMigration(slot)
        assert.strictEqual(yield* redis.execute(call), 3)
      }))

    it.effect("survives that nodes forget all scripts while it is called, with exact counts", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* resetCounts(cluster)
        const finish = yield* startCounting(cluster, redis, shardKeys("flushed"))
        // Load without a pause in the same process makes turns long.
        const turns = environment.isReal ? 50 : 30
        for (const turn of range(turns)) {
          yield* cluster.command(cluster.nodes[(turn * 7) % cluster.nodes.length], "SCRIPT", "FLUSH")
          yield* Effect.sleep("10 millis")
        }
        yield* finish
        assert.isAbove(yield* errorReplies(cluster, "NOSCRIPT"), turns / 2)
      }))

    it.effect("survives that slots move and nodes forget while it is called, with exact counts", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [, target] = yield* cluster.primaries
        const tags = range(10).map((index) => tagWhere((slot) => slot >= 200 + 50 * index && slot < 250 + 50 * index))
        yield* resetCounts(cluster)
        const finish = yield* startCounting(cluster, redis, tags.map((tag) => `{${tag}}moved`))
        for (const tag of tags) {
          const slot = HashSlot.ofKey(tag)
          if ((yield* cluster.owner(slot)).id === target.id) continue
          yield* cluster.command(target, "SCRIPT", "FLUSH")
          yield* cluster.startMigration(slot, target)
          yield* cluster.moveKeys(slot)
          yield* Effect.sleep("20 millis")
          yield* cluster.finishMigration(slot)
        }
        yield* finish
        for (const code of ["MOVED", "ASK", "NOSCRIPT"]) assert.isAbove(yield* errorReplies(cluster, code), 0, code)
      }))

    it.effect("survives a failover to a replica that has never seen it, with exact counts", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [primary] = yield* cluster.primaries
        const [replica] = yield* cluster.replicasOf(primary)
        const key = yield* Effect.gen(function*() {
          for (let i = 0;; i++) if ((yield* redis.ownerOf(`failover${i}`))?.port === primary.port) return `failover${i}`
        })
        yield* cluster.command(replica, "SCRIPT", "FLUSH")
        const finish = yield* startCounting(cluster, redis, [key])
        yield* cluster.failover(replica)
        yield* Effect.sleep("100 millis")
        yield* finish
        assert.strictEqual((yield* redis.ownerOf(key))?.port, replica.port)
        yield* cluster.awaitOk
      }))

    it.effect("tells why a node did not take it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "caller", "on", ">secret", "~*", "+@all", "-script|load")
        }
        const redis = yield* connect({ nodes: cluster.seeds, username: "caller", password: Redacted.make("secret") })
        const count = yield* counter(cluster)
        const call = count({ keys: { counter: "denied" }, args: { by: 1 } })
        const denied = yield* Effect.flip(redis.execute(call))
        assert(denied.reason._tag === "ReplyError")
        assert.deepStrictEqual([denied.reason.code, denied.outcome], ["NOPERM", "NotExecuted"])
        const admin = yield* connect({ nodes: cluster.seeds })
        // Somebody else has given it to the node.
        yield* admin.execute(count.load)
        assert.strictEqual(yield* redis.execute(call), 1)
      }))

    // TestCluster reads no Lua.
    it.effect.runIf(environment.isReal)("tells why a node cannot read it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const broken = Script.make({ lua: "return (", keys: ["key"] })
        const admin = yield* connect({ nodes: cluster.seeds })
        const uncompiled = yield* Effect.flip(admin.execute(broken({ keys: { key: "a" } })))
        assert.include(uncompiled.message, "compiling")
        assert.strictEqual(uncompiled.outcome, "NotExecuted")
      }))

    it.effect("is loaded ahead on every node, also on those that join", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, refreshInterval: "200 millis" })
        const [first, second] = [yield* counter(cluster), yield* counter(cluster)]
        yield* Script.preload(first, second).pipe(Effect.provideService(ClusterClient, redis))
        const hasBoth = (node: RedisClusterShape["nodes"][number]) =>
          cluster.command(node, "SCRIPT", "EXISTS", first.sha1, second.sha1)
        for (const node of cluster.nodes) assert.deepStrictEqual(yield* hasBoth(node), [1, 1])

        const added = yield* cluster.addNode()
        const slot = HashSlot.ofKey("joined")
        yield* cluster.migrateSlot(slot, added)
        yield* Effect.repeat(hasBoth(added), {
          until: (reply) => JSON.stringify(reply) === "[1,1]",
          schedule: Schedule.spaced("50 millis")
        }).pipe(Effect.timeout("30 seconds"))
        yield* resetCounts(cluster)
        assert.strictEqual(yield* redis.execute(first({ keys: { counter: "joined" }, args: { by: 1 } })), 1)
        assert.strictEqual(yield* errorReplies(cluster, "NOSCRIPT"), 0)
      }))
  })
})

// A node of TestCluster that was killed has lost its data.
describe("A script on a connection that is lost", () => {
  layer(RedisCluster.layer({ options: ["--appendonly", "yes", "--appendfsync", "always"] }), {
    excludeTestServices: true
  })((it) => {
    it.effect("is never sent again once it was written, unless it only reads or is marked idempotent", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "30 seconds" })
        const owner = yield* cluster.owner(HashSlot.ofKey("lost"))
        const count = yield* counter(cluster)
        const set = Script.make({ lua: "return redis.call('SET', KEYS[1], 'set').ok", keys: ["key"] })
        const read = Script.make({ lua: "return redis.call('GET', KEYS[1])", keys: ["key"], readonly: true })
        const calls = {
          count: count({ keys: { counter: "lost" }, args: { by: 1 } }),
          set: Command.idempotent(set({ keys: { key: "{lost}set" } })),
          read: read({ keys: { key: "lost" } })
        }
        assert.deepStrictEqual(yield* redis.pipeline(calls), { count: 1, set: "OK", read: "1" })
        yield* cluster.stop(owner)
        const counting = yield* Effect.forkChild(Effect.flip(redis.execute(calls.count)))
        const setting = yield* Effect.forkChild(redis.execute(calls.set))
        const reading = yield* Effect.forkChild(redis.execute(calls.read))
        yield* Effect.sleep("50 millis")
        yield* cluster.kill(owner)
        const { reason } = yield* Fiber.join(counting)
        assert.deepStrictEqual([reason._tag, reason.outcome], ["ConnectionError", "Unknown"])
        yield* cluster.restart(owner)
        yield* cluster.awaitOk
        assert.strictEqual(yield* Fiber.join(setting), "OK")
        assert.strictEqual(yield* Fiber.join(reading), "1")
      }))
  })
})
