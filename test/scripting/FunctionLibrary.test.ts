import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import * as FunctionLibrary from "../../src/scripting/FunctionLibrary.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { calls, callsAt, connect, resetCounts, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"
import { teachFunction } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

/** Each test its own: functions have one name space on a server. `version` is what a call adds. */
const counters = (name: string, policy: "replace" | "keep" = "replace", version = 0) =>
  FunctionLibrary.make({
    name,
    policy,
    code: `
      redis.register_function('${name}_add', function(keys, args)
        return redis.call('INCRBY', keys[1], args[1] + ${version})
      end)
      redis.register_function{
        function_name = '${name}_read',
        callback = function(keys) return redis.call('GET', keys[1]) end,
        flags = { 'no-writes' }
      }
    `,
    functions: {
      [`${name}_add` as "add"]: { keys: ["counter"], args: { by: Schema.Int }, result: Schema.Int },
      [`${name}_read` as "read"]: { keys: ["counter"], result: Schema.NullOr(Schema.String), readonly: true }
    }
  })

/** Where there is no Lua, the functions are told what they do. */
const teach = Effect.fnUntraced(function*(cluster: RedisClusterShape, name: string) {
  yield* teachFunction(cluster, `${name}_add`, ({ args: [by], call, keys: [counter] }) => call("INCRBY", counter, by))
  yield* teachFunction(cluster, `${name}_read`, ({ call, keys: [counter] }) => call("GET", counter))
})

/** By the short names. */
const callsOf = (library: ReturnType<typeof counters>) => ({
  add: library.functions[`${library.name}_add` as "add"],
  read: library.functions[`${library.name}_read` as "read"]
})

const librariesOf = (cluster: RedisClusterShape, node: RedisNode) =>
  Effect.map(cluster.command(node, "FUNCTION", "LIST"), (reply) => JSON.stringify(reply))

const shardKeys = (name: string) =>
  range(3).map((shard) => `{${tagWhere((slot) => Math.floor(slot * 3 / HashSlot.slotCount) === shard)}}${name}`)

describeOnEach("A function library, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("has typed functions, and is given to each primary that lacks it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* teach(cluster, "lazy")
        const redis = yield* connect({ nodes: cluster.seeds })
        const { add, read } = callsOf(counters("lazy"))
        const keys = shardKeys("lazy")
        yield* resetCounts(cluster)
        for (const counter of keys) {
          assert.strictEqual(yield* redis.execute(read({ keys: { counter } })), null)
          assert.strictEqual(yield* redis.execute(add({ keys: { counter }, args: { by: 2 } })), 2)
          assert.strictEqual(yield* redis.execute(read({ keys: { counter } })), "2")
        }
        assert.isTrue(read({ keys: { counter: "a" } }).spec.readonly)
        assert.strictEqual(yield* calls(cluster, "fcall_ro"), 9)
        assert.deepStrictEqual(yield* callsAt(cluster, yield* cluster.primaries, "function|load"), [1, 1, 1])
      }))

    it.effect("that reads by a policy for replicas is given to the primary when no node has it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const replica = redis.readFrom(ReadFrom.replica)
        for (const name of ["hedged", "afar"]) yield* teach(cluster, name)
        for (const hedged of [false, true]) {
          const { read } = callsOf(counters(hedged ? "hedged" : "afar"))
          const view = hedged ? redis.readFrom(ReadFrom.hedge(ReadFrom.replica, { after: 1 })) : replica
          for (const counter of shardKeys("afar")) {
            const { own, result } = yield* MachineLag.timed(view.execute(read({ keys: { counter } })))
            assert.strictEqual(result, null)
            // At once, and not when the retries have come to the primary by chance.
            assert.isBelow(own, 1000)
          }
        }
      }))

    it.effect("runs in pipelines and, once loaded, in transactions", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* teach(cluster, "batches")
        const redis = yield* connect({ nodes: cluster.seeds })
        const library = counters("batches")
        const { add } = callsOf(library)
        const keys = shardKeys("batches")
        assert.deepStrictEqual(
          yield* redis.pipeline(keys.map((counter) => add({ keys: { counter }, args: { by: 1 } }))),
          [1, 1, 1]
        )
        assert.strictEqual(yield* redis.execute(library.load), "batches")
        const call = add({ keys: { counter: keys[0] }, args: { by: 1 } })
        assert.deepStrictEqual(yield* redis.transaction([call, Strings.get(keys[0])]), [2, "2"])
      }))

    it.effect.runIf(environment.isReal)(
      "replaces another version, or keeps it, as its policy says",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds })
          const preload = (library: FunctionLibrary.AnyFunctionLibrary) =>
            FunctionLibrary.preload(library).pipe(Effect.provideService(ClusterClient, redis), Effect.scoped)
          const call = callsOf(counters("policy")).add({ keys: { counter: "{policy}" }, args: { by: 0 } })
          yield* preload(counters("policy", "replace", 1))
          assert.strictEqual(yield* redis.execute(call), 1)
          yield* preload(counters("policy", "keep", 10))
          assert.strictEqual(yield* redis.execute(call), 2)
          yield* preload(counters("policy", "replace", 100))
          assert.strictEqual(yield* redis.execute(call), 102)
        })
    )

    it.effect.runIf(environment.isReal)(
      "is not there because another library has a function of its name, whatever its policy",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds })
          const make = (name: string) =>
            FunctionLibrary.make({
              name,
              policy: "keep",
              code: "redis.register_function('pay', function() return 1 end)",
              functions: { pay: { keys: 1 } }
            })
          const preload = (name: string) =>
            FunctionLibrary.preload(make(name)).pipe(Effect.provideService(ClusterClient, redis), Effect.scoped)
          yield* preload("other")
          yield* preload("other")
          const error = yield* Effect.flip(preload("mine"))
          assert.include(error.message, "Function pay already exists")
          for (const node of yield* cluster.primaries) assert.notInclude(yield* librariesOf(cluster, node), `"mine"`)
        })
    )

    it.effect("is loaded ahead on every primary, also on those that join", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* teach(cluster, "ahead")
        const redis = yield* connect({ nodes: cluster.seeds, refreshInterval: "200 millis" })
        const library = counters("ahead")
        yield* FunctionLibrary.preload(library).pipe(Effect.provideService(ClusterClient, redis))
        for (const node of yield* cluster.primaries) assert.include(yield* librariesOf(cluster, node), `"ahead"`)

        const added = yield* cluster.addNode()
        yield* cluster.migrateSlot(HashSlot.ofKey("joined"), added)
        yield* Effect.repeat(librariesOf(cluster, added), {
          until: (list) => list.includes(`"ahead"`),
          schedule: Schedule.spaced("50 millis")
        }).pipe(Effect.timeout("30 seconds"))
        yield* resetCounts(cluster)
        const call = callsOf(library).add({ keys: { counter: "joined" }, args: { by: 1 } })
        assert.strictEqual(yield* redis.execute(call), 1)
        assert.strictEqual(yield* calls(cluster, "fcall"), 1)
      }))

    it.effect("survives that primaries forget all functions while it is called, with exact counts", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* teach(cluster, "flushed")
        const redis = yield* connect({ nodes: cluster.seeds })
        const { add } = callsOf(counters("flushed"))
        const keys = shardKeys("flushed")
        const done = [0, 0, 0]
        let running = true
        const caller = (first: number) =>
          Effect.gen(function*() {
            for (let turn = first; running; turn++) {
              yield* redis.execute(add({ keys: { counter: keys[turn % 3] }, args: { by: 1 } }))
              done[turn % 3]++
            }
          })
        yield* resetCounts(cluster)
        const callers = yield* Effect.forEach(range(20), (first) => Effect.forkChild(caller(first)))
        const primaries = yield* cluster.primaries
        for (const turn of range(60)) {
          yield* cluster.command(primaries[turn % primaries.length], "FUNCTION", "FLUSH")
          yield* Effect.sleep("10 millis")
        }
        running = false
        yield* Fiber.joinAll(callers)
        assert.deepStrictEqual(yield* redis.mgetNonatomic(keys), done.map(String))
        assert.isAbove(yield* calls(cluster, "function|load"), 20)
      }))

    it.effect.runIf(environment.isReal)(
      "tells why a node did not take it, and that nothing was executed",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds })
          const broken = FunctionLibrary.make({ name: "broken", code: "nonsense(", functions: { call: { keys: 1 } } })
          const refused = yield* Effect.flip(redis.execute(broken.functions.call({ keys: ["a"] })))
          assert.include(refused.message, "compiling")
          assert.strictEqual(refused.outcome, "NotExecuted")
          // Another library has that name, and is kept.
          const taken = FunctionLibrary.make({
            name: "taken",
            policy: "keep",
            code: "redis.register_function('taken_call', function() return 1 end)",
            functions: { taken_call: { keys: 1 }, taken_other: { keys: 1 } }
          })
          assert.strictEqual(yield* redis.execute(taken.functions.taken_call({ keys: ["a"] })), 1)
          const kept = yield* Effect.flip(redis.execute(taken.functions.taken_other({ keys: ["a"] })))
          assert.include(kept.message, "already exists")
          assert.strictEqual(kept.outcome, "NotExecuted")
        })
    )

    it.effect("is refused before anything is sent when its name or first line cannot be right", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const functions = { call: { keys: 1 } } as const
        const misnamed = FunctionLibrary.make({ name: "no-dashes", code: "", functions })
        const other = FunctionLibrary.make({ name: "one", code: "#!lua name=another\n", functions })
        for (const command of [misnamed.functions.call({ keys: ["a"] }), other.load]) {
          const { reason } = yield* Effect.flip(redis.execute<unknown>(command))
          assert.deepStrictEqual([reason._tag, reason.outcome], ["OptionsError", "NotExecuted"])
        }
        const given = FunctionLibrary.make({ name: "given", code: "#!lua name=given\nredis.log(1, '')", functions })
        assert.match(given.code, /^#!lua name=given\n/)
      }))
  })
})
