import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as Script from "../../src/scripting/Script.ts"
import { addressOf, blockedClients, connect, connectionsNamed, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { settled } from "../harness/Waiting.ts"
import { teachScript } from "../testing/asRedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

describeOnEach("A dedicated connection, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("is one's own for as long as the scope lives", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "dedicated"
        const redis = yield* connect({ nodes: cluster.seeds, clientName: name })
        yield* redis.pipeline(range(50).map((index) => Strings.get(`spread:${index}`)))
        const start = yield* connectionsNamed(cluster, name)
        yield* Effect.scoped(Effect.gen(function*() {
          const own = yield* redis.dedicated("mine")
          assert.strictEqual(own.address, (yield* redis.ownerOf("mine"))?.address)
          const id = yield* own.clientId()
          yield* own.set("mine", "1")
          assert.strictEqual(yield* own.incr("mine"), 2)
          assert.strictEqual(yield* own.clientId(), id)
          const other = yield* redis.dedicated("mine")
          assert.notStrictEqual(yield* other.clientId(), id)
          assert.strictEqual(yield* connectionsNamed(cluster, name), start + 2)
        }))
        assert.strictEqual(yield* settled(start, connectionsNamed(cluster, name)), start)
      }))

    it.effect("is closed when its scope ends before it is open, and runs nothing", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, clientName: "early" })
        yield* redis.set("early", "1")
        const before = yield* connectionsNamed(cluster, "early")
        const scope = yield* Scope.make()
        const opening = yield* Effect.forkChild(
          Effect.flip(Effect.flatMap(Scope.provide(redis.dedicated("early"), scope), (own) => own.incr("early")))
        )
        yield* Effect.yieldNow
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Fiber.join(opening)).reason._tag, "ClosedError")
        // A scope that has ended opens nothing at all.
        const late = yield* Effect.flip(Scope.provide(redis.dedicated("early"), scope))
        assert.strictEqual(late.reason._tag, "ClosedError")
        assert.include(late.message, "scope")
        assert.strictEqual(yield* settled(before, connectionsNamed(cluster, "early")), before)
        assert.strictEqual(yield* redis.get("early"), "1")
      }))

    it.effect("runs pipelines and transactions", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const own = yield* redis.dedicated("{batch}")
        assert.deepStrictEqual(yield* own.pipeline([Strings.set("{batch}a", "1"), Strings.incr("{batch}a")]), ["OK", 2])
        assert.deepStrictEqual(yield* own.transaction({ a: Strings.incr("{batch}a") }), { a: 3 })
        const [good, wrong] = yield* own.pipelineResults([Strings.incr("{batch}a"), Lists.rpush("{batch}a", "x")])
        assert.deepStrictEqual(good, Result.succeed(4))
        assert(Result.isFailure(wrong) && wrong.failure.reason._tag === "ReplyError")
      }))

    it.effect("gives its node the script that it lacks", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const own = yield* redis.dedicated("scripted")
        const add = Script.make({
          lua: "return redis.call('INCRBY', KEYS[1], 7)",
          keys: ["counter"],
          result: Schema.Number
        })
        yield* teachScript(cluster, add, ({ call, keys: [counter] }) => call("INCRBY", counter, 7))
        assert.strictEqual(yield* own.execute(add({ keys: { counter: "scripted" } })), 7)
        assert.deepStrictEqual(yield* own.transaction([add({ keys: { counter: "scripted" } })]), [14])
      }))

    it.effect("keeps the state that it is given: READONLY on a replica", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [primary] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(primary)
        const tag = tagWhere((slot) => slot < 5000)
        yield* redis.set(tag, "value")
        const own = yield* redis.dedicated({ host: replica.host, port: replica.port })
        assert.strictEqual(own.address, addressOf(replica))
        assert.strictEqual((yield* Effect.flip(own.get(tag))).reason._tag, "MovedError")
        yield* own.send("READONLY")
        assert.strictEqual(yield* settled<string | null, unknown, never>("value", own.get(tag)), "value")
      }))

    it.effect("waits for the replicas of its own writes", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "1 second" })
        const own = yield* redis.dedicated("waited")
        yield* own.set("waited", "1")
        assert.strictEqual(yield* own.wait(1, "5 seconds"), 1)
        // There is one replica: the answer comes when the time is over, beyond the client's own deadline.
        assert.strictEqual(yield* own.wait(2, "1200 millis"), 1)
      }))

    it.effect("says that it was lost, and does not come back without its state", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const own = yield* redis.dedicated("lost")
        const id = yield* own.clientId()
        const owner = yield* cluster.owner(HashSlot.ofKey("lost"))
        yield* cluster.command(owner, "CLIENT", "KILL", "ID", id)
        yield* settled(true, Effect.map(Effect.result(own.ping()), Result.isFailure))
        const { reason } = yield* Effect.flip(own.ping())
        assert(reason._tag === "ConnectionError")
        assert.strictEqual(reason.outcome, "NotExecuted")
        assert.match(reason.message, /dedicated connection was lost, and its state with it.*Open another one/)
        assert.strictEqual(yield* (yield* redis.dedicated("lost")).ping(), "PONG")
      }))

    it.effect("goes on when a blocking command on it is interrupted, and takes nothing for nobody", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const own = yield* redis.dedicated("own:list")
        const popping = yield* Effect.forkChild(own.blpop("own:list", "Infinity"))
        yield* settled(1, blockedClients(cluster))
        const behind = yield* Effect.forkChild(own.blpop("own:list", "Infinity"))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(popping)
        yield* settled(1, blockedClients(cluster))
        yield* redis.rpush("own:list", "kept")
        assert.strictEqual((yield* Fiber.join(behind))?.element, "kept")
        const last = yield* Effect.forkChild(own.blpop("own:list", "Infinity"), { startImmediately: true })
        yield* Fiber.interrupt(last)
        yield* redis.rpush("own:list", "kept")
        assert.strictEqual(yield* own.llen("own:list"), 1)
      }))

    it.effect("watches by itself: the transaction is a conflict when the key was changed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const own = yield* redis.dedicated("watched")
        assert.strictEqual(yield* own.send("WATCH", "watched"), "OK")
        yield* redis.set("watched", "1")
        const error = yield* Effect.flip(own.transaction([Strings.set("watched", "2")]))
        assert.strictEqual(error._tag, "ConflictError")
        assert.deepStrictEqual(yield* own.transaction([Strings.set("watched", "2")]), ["OK"])
      }))

    it.effect("is not what a failover is told on: blocking commands and consumers follow it by themselves", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [, , primary] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(primary)
        const tag = tagWhere((slot) => slot > 12_000)
        const popping = yield* Effect.forkChild(redis.blpop(`{${tag}}list`, "Infinity"))
        const reading = yield* Effect.forkChild(
          redis.consume({ streams: `{${tag}}stream`, group: "g", consumer: "c", create: "all" }).pipe(
            Stream.mapEffect((entry) => Effect.as(entry.acknowledge, entry.fields.n)),
            Stream.take(2),
            Stream.runCollect
          )
        )
        yield* settled(2, blockedClients(cluster))
        yield* redis.send("XADD", `{${tag}}stream`, "*", "n", "before")
        yield* cluster.failover(replica)
        yield* redis.rpush(`{${tag}}list`, "element")
        yield* redis.send("XADD", `{${tag}}stream`, "*", "n", "after")
        assert.strictEqual((yield* Fiber.join(popping))?.element, "element")
        assert.deepStrictEqual(yield* Fiber.join(reading), ["before", "after"])
      }))

    it.effect("refuses commands whose replies cannot be told apart, and an unknown node", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const own = yield* redis.dedicated("any")
        for (const words of [["CLIENT", "REPLY", "OFF"], ["MULTI"], ["SUBSCRIBE", "x"], ["MONITOR"], ["QUIT"]]) {
          const [name, ...args] = words
          assert.strictEqual((yield* Effect.flip(own.send(name, ...args))).reason._tag, "OptionsError")
        }
        assert.strictEqual(yield* own.ping(), "PONG")
        const { reason } = yield* Effect.flip(redis.dedicated({ host: "127.0.0.1", port: 1 }))
        assert.strictEqual(reason._tag, "UnknownNodeError")
      }))
  })
})
