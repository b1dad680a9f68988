import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as DropIn from "../../src/integrations/ClusterRedis.ts"
import * as ClusterRedis from "../../src/integrations/Redis.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster, type TestClusterOptions } from "../../src/testing/index.ts"
import type { ClientOptions } from "../../src/testing/TestCluster.ts"
import { blockedClients, calls, callsAt, errorReplies, resetCounts } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import * as RawClient from "../harness/RawClient.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import { eventually, settled } from "../harness/Waiting.ts"
import { flush, service, services, shardTags } from "./services.ts"

const keysOn = (name: string) => shardTags.map((tag) => `{${tag}}${name}`)

const connect = service(Redis.Redis, ClusterRedis.layer())

/** All keys that a scan gives, with all its cursors. */
const scanAll = (
  redis: Redis.Redis["Service"],
  options: ReadonlyArray<string>,
  between: Effect.Effect<unknown, unknown> = Effect.void
) =>
  Effect.gen(function*() {
    const keys: Array<string> = []
    const cursors: Array<string> = []
    let cursor = "0"
    do {
      const [next, page] = yield* redis.send<[string, Array<string>]>("SCAN", cursor, ...options)
      keys.push(...page)
      cursors.push(next)
      cursor = next
      if (cursors.length === 1) yield* between
    } while (cursor !== "0")
    return { keys, cursors }
  })

const counted = Redis.script((key: string, by: number) => [key, by], {
  lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  numberOfKeys: 1
}).withReturnType<number>()

describe("Effect's Redis on a cluster", () => {
  layer(RedisCluster.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("comes with its client from one layer, as NodeRedis does", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const program = Effect.gen(function*() {
          const redis = yield* Redis.Redis
          const client = yield* ClusterClient
          yield* redis.send("SET", "drop-in", "works")
          return yield* client.get("drop-in")
        })
        assert.strictEqual(yield* Effect.provide(program, DropIn.layer({ nodes: cluster.seeds })), "works")
      }))

    it.effect("splits commands of many keys by slot, and puts the answers together in the caller's order", () =>
      Effect.gen(function*() {
        yield* flush
        const redis = yield* connect
        const keys = range(20).map((index) => `split:${index}`)
        assert.strictEqual(yield* redis.send("MSET", ...keys.flatMap((key, index) => [key, String(index)])), "OK")
        assert.deepStrictEqual(
          yield* redis.send("mget", "split:7", "split:none", ...keys),
          ["7", null, ...range(20).map(String)]
        )
        assert.strictEqual(yield* redis.send("EXISTS", ...keys, "split:none"), 20)
        assert.strictEqual(yield* redis.send("TOUCH", ...keys), 20)
        assert.strictEqual(yield* redis.send("UNLINK", ...keys.slice(0, 5)), 5)
        assert.strictEqual(yield* redis.send("DEL", ...keys), 15)
      }))

    it.effect("asks all primaries for what each knows in part", () =>
      Effect.gen(function*() {
        yield* flush
        const redis = yield* connect
        const keys = keysOn("part")
        yield* Effect.forEach(keys, (key) => redis.send("SET", key, "1"))
        assert.sameMembers(yield* redis.send<Array<string>>("KEYS", "*part"), keys)
        assert.strictEqual(yield* redis.send("DBSIZE"), 3)
        assert.strictEqual(yield* redis.send("FLUSHALL"), "OK")
        assert.strictEqual(yield* redis.send("DBSIZE"), 0)
        const infos = yield* redis.send<Array<string>>("INFO", "server")
        assert.isAtLeast(infos.length, 6)
        assert.match(infos[0], /^127\.0\.0\.1:\d+$/)
        assert.match(infos[1], /tcp_port/)
      }))

    it.effect("scans all primaries with one cursor, which is 0 only at the end", () =>
      Effect.gen(function*() {
        yield* flush
        const redis = yield* connect
        const keys = range(300).map((index) => `scan:${index}`)
        yield* redis.send("MSET", ...keys.flatMap((key) => [key, "1"]))
        yield* redis.send("SET", "other", "1")
        const { cursors, keys: found } = yield* scanAll(redis, ["MATCH", "scan:*", "COUNT", "20"])
        assert.sameMembers(found, keys)
        assert.strictEqual(cursors.indexOf("0"), cursors.length - 1)
        assert.isAbove(cursors.length, 6)
        // A page can be asked for again.
        const again = () => redis.send<[string, Array<string>]>("SCAN", cursors[3], "MATCH", "scan:*", "COUNT", "20")
        assert.deepStrictEqual(yield* again(), yield* again())
        const error = yield* Effect.flip(redis.send("SCAN", "17"))
        assert.include(String(error.cause), "invalid cursor")
      }))

    it.effect("scans one node alone when the pattern has a hash tag", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        yield* Effect.forEach(keysOn("tagged"), (key) => redis.send("SET", key, "1"))
        yield* resetCounts(cluster)
        const { keys } = yield* scanAll(redis, ["MATCH", `{${shardTags[1]}}*`, "COUNT", "100"])
        assert.deepStrictEqual(keys, [`{${shardTags[1]}}tagged`])
        const asked = yield* callsAt(cluster, yield* cluster.primaries, "scan")
        assert.strictEqual(asked.filter((count) => count > 0).length, 1)
        // With a wildcard in front of it the tag says nothing about the slot: another one may come first.
        yield* redis.send("SET", `x{${shardTags[2]}}{${shardTags[1]}}`, "1")
        const wide = yield* scanAll(redis, ["MATCH", `*{${shardTags[1]}}*`])
        assert.strictEqual(wide.keys.length, 2)
      }))

    it.effect("misses no key whose slot moves to a primary that was scanned already", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const first = yield* cluster.owner(0)
        const [last] = shardTags.slice(-1)
        const slot = HashSlot.ofKey(last)
        const keys = [...range(50).map((index) => `moving:${index}`), ...range(5).map((index) => `{${last}}${index}`)]
        yield* redis.send("MSET", ...keys.flatMap((key) => [key, "1"]))
        const source = yield* cluster.owner(slot)
        const { keys: found } = yield* scanAll(redis, ["COUNT", "1000"], cluster.migrateSlot(slot, first))
        assert.sameMembers([...new Set(found)], keys)
        yield* cluster.migrateSlot(slot, source)
      }))

    it.effect("scans a shard again whose primary has changed", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const keys = range(300).map((index) => `failing:${index}`)
        yield* redis.send("MSET", ...keys.flatMap((key) => [key, "1"]))
        const failover = Effect.gen(function*() {
          const primary = yield* cluster.owner(0)
          const [replica] = yield* cluster.replicasOf(primary)
          yield* cluster.failover(replica)
        })
        const { keys: found } = yield* scanAll(redis, ["COUNT", "10"], failover)
        assert.sameMembers([...new Set(found)], keys)
      }))

    it.effect("gives a script to each node that lacks it, once, also when the nodes forget it", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const keys = keysOn("script")
        const count = (by: number) => Effect.forEach(keys, (key) => redis.eval(counted)(key, by))
        yield* redis.send("SCRIPT", "FLUSH")
        yield* resetCounts(cluster)
        assert.deepStrictEqual(yield* count(1), [1, 1, 1])
        assert.deepStrictEqual(yield* count(2), [3, 3, 3])
        assert.strictEqual(yield* errorReplies(cluster, "NOSCRIPT"), 3)
        assert.strictEqual(yield* calls(cluster, "script|load"), 3)
        yield* redis.send("SCRIPT", "FLUSH")
        assert.deepStrictEqual(yield* count(1), [4, 4, 4])
      }))

    it.effect("says NOSCRIPT of a script that nobody loaded, in the words that Effect looks for", () =>
      Effect.gen(function*() {
        const redis = yield* connect
        const error = yield* Effect.flip(redis.send("EVALSHA", "0".repeat(40), "1", "key"))
        assert.instanceOf(error, Redis.RedisError)
        assert.include(String(error.cause), "NOSCRIPT")
      }))

    it.effect("says what the server says of a script that cannot be compiled", () =>
      Effect.gen(function*() {
        const redis = yield* connect
        const broken = Redis.script((key: string) => [key], { lua: "this is not Lua", numberOfKeys: 1 })
        const error = yield* Effect.flip(redis.eval(broken)("key"))
        assert.include(String(error.cause), "compil")
      }))

    it.effect("says which prefix to brace when keys are of several slots, and not what the keys are", () =>
      Effect.gen(function*() {
        const redis = yield* connect
        const two = Redis.script((...keys: [string, string]) => keys, { lua: "return 1", numberOfKeys: 2 })
        const textOf = (...keys: [string, string]) =>
          Effect.map(Effect.flip(redis.eval(two)(...keys)), ({ cause }) => String(cause))
        const queue = yield* textOf("effectq:secret", "effectq:secret:ids")
        assert.include(queue, "CROSSSLOT")
        assert.include(queue, `PersistedQueue.layerStoreRedis({ prefix: "{orders}:" })`)
        assert.notInclude(queue, "secret")
        assert.include(yield* textOf("ratelimiter:secret", "ratelimiter:secret:refill"), `key: "{user:42}"`)
        assert.include(yield* textOf("secret:1", "secret:2"), `storeId: "{users}"`)
        const renamed = yield* Effect.flip(redis.send("RENAME", "a", "b"))
        assert.include(String(renamed.cause), "CROSSSLOT")
      }))

    it.effect.each([2, 3] as const)(
      "answers as a server that speaks RESP2 does, by a client that speaks RESP%i",
      (protocol) =>
        Effect.gen(function*() {
          yield* flush
          const cluster = yield* RedisCluster
          const redis = yield* service(Redis.Redis, ClusterRedis.layer(), { protocol })
          const key = (name: string) => `{shape}${name}`
          const owner = yield* cluster.owner(HashSlot.ofKey("shape"))
          const raw = yield* RawClient.make({ port: owner.port })
          const same = (...[name, ...args]: [string, ...Array<string>]) =>
            Effect.gen(function*() {
              assert.deepStrictEqual(yield* redis.send(name, ...args), yield* raw.command(name, ...args), name)
            })
          yield* redis.send("HSET", key("h"), "a", "1", "b", "2")
          yield* redis.send("SADD", key("s"), "m")
          yield* redis.send("ZADD", key("z"), "1.5", "one", "2", "two", "inf", "three")
          yield* redis.send("XADD", key("x"), "1-1", "f", "v")
          yield* redis.send("XGROUP", "CREATE", key("x"), "g", "0")
          yield* redis.send("RPUSH", key("l"), "a", "b")
          yield* redis.send("SET", key("t"), "grüße")
          for (
            const command of [
              ["GET", key("t")],
              ["GET", key("none")],
              ["STRLEN", key("t")],
              ["HGETALL", key("h")],
              ["SMEMBERS", key("s")],
              ["ZSCORE", key("z"), "one"],
              ["ZSCORE", key("z"), "two"],
              ["ZMSCORE", key("z"), "two", "none", "three"],
              ["ZRANGE", key("z"), "0", "-1", "WITHSCORES"],
              ["ZRANGE", key("z"), "0", "-1"],
              ["ZRANGEBYSCORE", key("z"), "-inf", "+inf", "WITHSCORES", "LIMIT", "0", "1"],
              ["ZADD", key("z"), "XX", "CH", "1.5", "one"],
              ["ZADD", key("z"), "INCR", "0", "two"],
              ["ZINCRBY", key("z"), "0", "two"],
              ["ZRANK", key("z"), "two"],
              ["XRANGE", key("x"), "-", "+"],
              ["XREAD", "STREAMS", key("x"), "0"],
              ["XREAD", "STREAMS", key("x"), "$"],
              ["XPENDING", key("x"), "g"],
              ["XINFO", "GROUPS", key("x")],
              ["LRANGE", key("l"), "0", "-1"],
              ["LPOS", key("l"), "none"],
              ["EVAL", "return {1, 'two', false, {3}}", "1", key("l")],
              ["EVAL", "return false", "1", key("l")],
              ["EVAL", "return true", "1", key("l")],
              ["OBJECT", "ENCODING", key("l")],
              ["TYPE", key("l")]
            ] as Array<[string, ...Array<string>]>
          ) yield* same(...command)
          const { send } = redis
          assert.deepStrictEqual(yield* send("ZPOPMIN", key("z"), "2"), ["one", "1.5", "two", "2"])
          assert.deepStrictEqual(yield* send("ZPOPMIN", key("z")), ["three", "inf"])
        })
    )

    it.effect("keeps the keys as they are", () =>
      Effect.gen(function*() {
        yield* flush
        const redis = yield* connect
        const names = ["plain", "{tag}x", "a{}b", "%:{", "ключ"]
        yield* redis.send("MSET", ...names.flatMap((name) => [name, "1"]))
        assert.sameMembers(yield* redis.send<Array<string>>("KEYS", "*"), names)
      }))

    it.effect("reserves a connection whose blocking command holds up nobody", () =>
      Effect.gen(function*() {
        yield* flush
        const redis = yield* connect
        const [key] = keysOn("own")
        yield* Effect.scoped(Effect.gen(function*() {
          const own = yield* redis.reserve
          const popped = yield* Effect.forkChild(own.send("BLPOP", key, "20"))
          yield* Effect.sleep("100 millis")
          assert.strictEqual(yield* redis.send("RPUSH", key, "a"), 1)
          assert.deepStrictEqual(yield* Fiber.join(popped), [key, "a"])
          assert.deepStrictEqual(yield* redis.send("LLEN", key), 0)
          assert.strictEqual(yield* own.eval(counted)(`${key}count`, 2), 2)
        }))
      }))

    it.effect("reserves connections to the nodes that its commands need, and watches on none of the shared ones", () =>
      Effect.gen(function*() {
        yield* flush
        const redis = yield* connect
        const own = yield* redis.reserve
        const keys = keysOn("many")
        const named = (name: string) => own.send("CLIENT", "SETNAME", name)
        for (const key of keys) {
          yield* own.send("SET", key, "1")
          yield* named("reserved")
          assert.strictEqual(yield* own.send("CLIENT", "GETNAME"), "reserved")
        }
        assert.deepStrictEqual(yield* own.send("MGET", ...keys), ["1", "1", "1"])
        assert.sameMembers(yield* own.send<Array<string>>("KEYS", "*many"), keys)
      }))

    it.effect("takes a blocking command of a reserved connection to where its slot has moved", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const slot = HashSlot.ofKey(shardTags[1])
        const key = `{${shardTags[1]}}blocked`
        const source = yield* cluster.owner(slot)
        const target = yield* cluster.owner(0)
        const own = yield* redis.reserve
        const popped = yield* Effect.forkChild(own.send("BLPOP", key, "30"))
        yield* Effect.sleep("100 millis")
        yield* cluster.migrateSlot(slot, target)
        yield* redis.send("RPUSH", key, "a")
        assert.deepStrictEqual(yield* Fiber.join(popped), [key, "a"])
        yield* cluster.migrateSlot(slot, source)
      }))

    it.effect("takes a blocking command of a reserved connection to the new primary after a failover", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const key = `{${shardTags[2]}}blocked`
        const primary = yield* cluster.owner(HashSlot.ofKey(key))
        const [replica] = yield* cluster.replicasOf(primary)
        const own = yield* redis.reserve
        const popped = yield* Effect.forkChild(own.send("BLPOP", key, "30"))
        yield* Effect.sleep("100 millis")
        yield* cluster.failover(replica)
        yield* redis.send("RPUSH", key, "a")
        assert.deepStrictEqual(yield* Fiber.join(popped), [key, "a"])
      }))

    it.effect("asks the node that a slot is being moved to for what has left already", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const slot = HashSlot.ofKey(shardTags[1])
        const key = `{${shardTags[1]}}asked`
        const source = yield* cluster.owner(slot)
        const target = yield* cluster.owner(0)
        yield* cluster.startMigration(slot, target)
        const own = yield* redis.reserve
        const popped = yield* Effect.forkChild(own.send("BLPOP", key, "30"))
        yield* Effect.sleep("200 millis")
        yield* redis.send("RPUSH", key, "a")
        assert.deepStrictEqual(yield* Fiber.join(popped), [key, "a"])
        yield* cluster.finishMigration(slot)
        yield* cluster.migrateSlot(slot, source)
      }))

    it.effect("asks a node that has joined after the last look at the topology", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* service(Redis.Redis, ClusterRedis.layer(), { refreshInterval: "Infinity" })
        const key = `{${shardTags[1]}}joined`
        const slot = HashSlot.ofKey(key)
        const source = yield* cluster.owner(slot)
        const own = yield* redis.reserve
        yield* own.send("GET", key)
        const guest = yield* cluster.addNode()
        yield* cluster.startMigration(slot, guest)
        assert.strictEqual(yield* own.send("SET", key, "1"), "OK")
        yield* cluster.finishMigration(slot)
        assert.strictEqual(yield* redis.send("GET", key), "1")
        yield* cluster.migrateSlot(slot, source)
        yield* cluster.removeNode(guest)
      }))

    it.effect("replaces a connection that was lost while it lay idle in the pool", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* service(Redis.Redis, ClusterRedis.layer({ maxConnections: 1 }))
        const [key] = keysOn("idle")
        const use = Effect.scoped(Effect.flatMap(redis.reserve, (own) => own.send("INCR", key)))
        assert.strictEqual(yield* use, 1)
        const owner = yield* cluster.owner(HashSlot.ofKey(key))
        yield* cluster.command(owner, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield* Effect.sleep("100 millis")
        assert.strictEqual(yield* use, 2)
      }))

    it.effect("gives a command of a reserved connection one deadline over all of its attempts", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const commandTimeout = 400
        const redis = yield* service(Redis.Redis, ClusterRedis.layer(), { commandTimeout })
        const [key] = keysOn("silent")
        const own = yield* redis.reserve
        yield* own.send("SET", key, "1")
        const owner = yield* cluster.owner(HashSlot.ofKey(key))
        const begin = performance.now()
        const [error, took] = yield* Effect.acquireUseRelease(
          cluster.stop(owner),
          () =>
            Effect.flip(own.send("GET", key)).pipe(
              Effect.timeout("10 seconds"),
              Effect.map((error) => [error, performance.now() - begin] as const)
            ),
          () => Effect.orDie(cluster.continue(owner))
        )
        const { reason } = error.cause as RedisClusterException
        assert.deepStrictEqual([reason._tag, reason.outcome], ["TimeoutError", "Unknown"])
        // The bound is wide enough for a busy machine. Attempts with deadlines of their own went on for many times the timeout.
        assert.isBelow(took, 5 * commandTimeout)
        yield* cluster.awaitOk
      }))

    it.effect("does not replace a connection whose state is lost with it", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const redis = yield* connect
        const [key] = keysOn("watched")
        const own = yield* redis.reserve
        yield* own.send("WATCH", key)
        const owner = yield* cluster.owner(HashSlot.ofKey(key))
        yield* cluster.command(owner, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield* Effect.sleep("100 millis")
        const error = yield* Effect.flip(own.send("GET", key))
        assert.strictEqual((error.cause as RedisClusterException).reason._tag, "ConnectionError")
      }))

    for (
      const [moment, awaitMoment] of [
        [
          "while a server holds it back",
          (cluster: RedisClusterShape) =>
            eventually("it is held back", Effect.map(blockedClients(cluster), (blocked) => blocked === 1))
        ],
        ["while its connection is being opened", () => Effect.yieldNow]
      ] as const
    ) {
      it.effect(`fails what runs on a reserved connection when the service ends ${moment}, and leaves no connection`, () =>
        Effect.gen(function*() {
          yield* flush
          const cluster = yield* RedisCluster
          const [key] = keysOn("ending")
          const popped = yield* Effect.scoped(Effect.gen(function*() {
            const context = yield* services(ClusterRedis.layer())
            const redis = Context.get(context, Redis.Redis)
            const blocked = Effect.scoped(Effect.flatMap(redis.reserve, (own) => own.send("BLPOP", key, "60")))
            const fiber = yield* Effect.forkDetach(blocked)
            yield* awaitMoment(cluster)
            return fiber
          }))
          const exit = yield* Fiber.await(popped)
          assert.strictEqual(exit._tag, "Failure", JSON.stringify(exit))
          assert.strictEqual(yield* settled(0, blockedClients(cluster)), 0)
        }))
    }

    it.effect("hands out no more connections than the pool has", () =>
      Effect.gen(function*() {
        const redis = yield* service(
          Redis.Redis,
          ClusterRedis.layer({ maxConnections: 1, acquireTimeout: "200 millis" })
        )
        yield* Effect.scoped(Effect.gen(function*() {
          yield* redis.reserve
          const error = yield* Effect.flip(Effect.scoped(redis.reserve))
          assert.include(String(error.cause), "Timed out")
        }))
        yield* Effect.scoped(redis.reserve)
      }))

    it.effect("is subscribed when the effect ends, and still when the node that delivered has died", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const context = yield* services(ClusterRedis.layer())
        const redis = Context.get(context, Redis.Redis)
        const client = Context.get(context, ClusterClient)
        const messages = yield* redis.subscribe("news")
        yield* redis.send("PUBLISH", "news", "one")
        assert.deepStrictEqual(yield* Queue.take(messages), { channel: "news", message: "one" })

        const [address] = (yield* client.heldSubscriptions).keys()
        const holder = cluster.nodes.find((node) => address === `${node.host}:${node.port}`)
        assert.isDefined(holder)
        yield* cluster.kill(holder)
        yield* cluster.awaitOk
        // Messages without a subscriber are lost: publish until one arrives.
        const publishing = yield* Effect.forkChild(
          Effect.forever(Effect.andThen(Effect.ignore(redis.send("PUBLISH", "news", "two")), Effect.sleep("50 millis")))
        )
        assert.strictEqual((yield* Queue.take(messages)).message, "two")
        yield* Fiber.interrupt(publishing)
        yield* cluster.restart(holder)
        yield* cluster.awaitOk
      }))
  })
})

describe("A reserved connection, while a slot is being moved", () => {
  const shared = { host: "127.0.0.1", port: 0 }
  const announcements: ReadonlyArray<readonly [what: string, cluster: TestClusterOptions, client: ClientOptions]> = [
    ["an IP", {}, {}],
    ["no endpoint", { preferredEndpoint: "unknown" }, {}],
    [
      "names that are translated",
      {
        preferredEndpoint: "hostname",
        nodes: [{ slots: [[0, 8191]], hostname: "node-a" }, { slots: [[8192, 16383]], hostname: "node-b" }]
      },
      { mapAddress: ({ port }) => ({ ...shared, port }) }
    ]
  ]
  for (const [what, options, client] of announcements) {
    it.effect(`asks the importing node of nodes that announce ${what}, in one write with ASKING`, () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const redis = yield* Redis.Redis
        const key = "moving"
        const slot = yield* cluster.slotOf(key)
        const source = yield* cluster.owner(slot)
        const target = cluster.primaries.filter((node) => node.id !== source.id)[0]
        yield* redis.send("SET", key, "v")
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot)
        assert.strictEqual(yield* redis.send("GET", key), "v")
        yield* Effect.scoped(Effect.gen(function*() {
          const own = yield* redis.reserve
          yield* cluster.clearReceived
          assert.strictEqual(yield* own.send("GET", key), "v")
          const received = yield* cluster.received({ node: target })
          const asked = received.slice(-2)
          assert.deepStrictEqual(asked.map(({ name }) => name), ["ASKING", "GET"])
          assert.strictEqual(asked[0].connection, asked[1].connection)
        }))
      }).pipe(
        Effect.provide(
          ClusterRedis.layer().pipe(Layer.provideMerge(TestCluster.layer({ ...options, client })))
        )
      ))
  }
})
