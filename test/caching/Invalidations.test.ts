/**
 * The stream of invalidations: nothing that changes is unreported without a gap.
 */
import { assert, it as plain, layer } from "@effect/vitest"
import { Cache, Clock, Deferred, Effect, Fiber, Redacted, Stream } from "effect"
import { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { CommandSpec } from "../../src/commands/CommandSpec.ts"
import type { Connections } from "../../src/connection/Connections.ts"
import type { Loss, PushHooks } from "../../src/connection/PushConnection.ts"
import type { InvalidationEvent, InvalidationOptions } from "../../src/index.ts"
import { MessageBuffer } from "../../src/pubsub/MessageBuffer.ts"
import { PubSubStatistics } from "../../src/pubsub/PubSubStatistics.ts"
import { TrackedKeys } from "../../src/pubsub/TrackedKeys.ts"
import type { Topology } from "../../src/topology/Topology.ts"
import { addressOf, connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { collect } from "../pubsub/support.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const tags = [0, 1, 2].map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))

const keysOf = (events: ReadonlyArray<InvalidationEvent<string | Uint8Array>>) =>
  events.flatMap((event) => event._tag === "Invalidated" ? [event.key] : [])

const tagsOf = (events: ReadonlyArray<{ readonly _tag: string }>) => events.map(({ _tag }) => _tag)

/** The events of a stream, once it is live. */
const live = Effect.fnUntraced(
  function*(redis: ClusterClientShape, options: InvalidationOptions & { readonly keys?: "text" }) {
    const got = yield* collect(redis.invalidations(options))
    yield* until("live", () => got.values.length > 0)
    assert.strictEqual(got.values[0]._tag, "Subscribed")
    return got
  }
)

/** A client that follows and one that writes. */
const clients = Effect.fnUntraced(function*() {
  const cluster = yield* RedisCluster
  const redis = yield* connect({ nodes: cluster.seeds, clientName: "follower" })
  const other = yield* connect({ nodes: cluster.seeds })
  return { cluster, redis, other }
})

describeOnEach("Invalidations, on $name", (environment) => {
  layer(environment.layer({ primaries: 3 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("report every change after the first event, from every primary: writes, deletions and expiries of any client", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        const all = yield* live(redis, {})
        const some = yield* live(redis, { prefixes: ["user:", "item:"] })
        const keys = tags.map((tag) => `user:{${tag}}`)
        for (const key of keys) yield* other.set(key, "v")
        yield* until("the writes", () => keys.every((key) => keysOf(some.values).includes(key)))
        const before = some.values.length
        yield* redis.del(keys[0])
        yield* other.set("item:short", "v", { expire: "30 millis" })
        yield* other.set("else", "v")
        yield* until(
          "the end of the short one",
          () => keysOf(some.values.slice(before)).filter((key) => key === "item:short").length === 2
        )
        assert.isTrue(keysOf(some.values.slice(before)).includes(keys[0]))
        yield* until("a key without prefix", () => keysOf(all.values).includes("else"))
        assert.isFalse(keysOf(some.values).includes("else"))
        assert.strictEqual(
          new Set(some.values.flatMap((event) => event._tag === "Invalidated" ? [event.node.address] : [])).size,
          3
        )
        const [first] = some.values
        assert(first._tag === "Subscribed")
        assert.deepStrictEqual(first.channels, ["user:", "item:"])
      }))

    it.effect("say that they are live when all primaries report, and not before", () =>
      Effect.gen(function*() {
        const { cluster, redis } = yield* clients()
        const [silent, ...others] = cluster.nodes
        const trackers = Effect.map(
          Effect.forEach(others, (node) => cluster.command(node, "CLIENT", "LIST")),
          (lists) => lists.flatMap((list) => String(list).split("\n")).filter((line) => /flags=\S*B/.test(line)).length
        )
        yield* eventually("that earlier ones are gone", Effect.map(trackers, (count) => count === 0))
        yield* cluster.stop(silent)
        const got = yield* Effect.gen(function*() {
          const got = yield* collect(redis.invalidations({ prefixes: ["armed:"] }))
          yield* eventually("that the others report", Effect.map(trackers, (count) => count === 2))
          assert.deepStrictEqual(got.values, [])
          return got
        }).pipe(Effect.ensuring(Effect.orDie(cluster.continue(silent))))
        yield* until("live", () => got.values.length > 0)
      }))

    it.effect("give keys that are no text as bytes", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        const got = yield* collect(redis.invalidations({ keys: "bytes" }))
        yield* until("live", () => got.values.length === 1)
        const key = new Uint8Array([255, 0, 1])
        yield* other.set(key, "v")
        yield* until("the key", () => keysOf(got.values).length > 0)
        assert.deepStrictEqual(keysOf(got.values).map((key) => [...Buffer.from(key)]), [[255, 0, 1]])
      }))

    it.effect("report FLUSHALL of a node as one event", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        yield* other.set("flushed", "v")
        const got = yield* live(redis, {})
        yield* other.flushall()
        yield* until("all", () => tagsOf(got.values).filter((tag) => tag === "Flushed").length === 3)
        yield* other.set("after", "v")
        yield* until("the next", () => keysOf(got.values).includes("after"))
        assert.isFalse(keysOf(got.values).includes("flushed"))
      }))

    it.effect("are interrupted at once when a connection is lost, and tell of the gap when all nodes report again", () =>
      Effect.gen(function*() {
        const { cluster, other, redis } = yield* clients()
        const got = yield* live(redis, {})
        const key = `lost:{${tags[0]}}`
        const node = yield* cluster.owner(HashSlot.ofKey(key))
        const since = Date.now()
        const list = String(yield* cluster.command(node, "CLIENT", "LIST"))
        for (const line of list.split("\n").filter((line) => line.includes("name=follower"))) {
          yield* cluster.command(node, "CLIENT", "KILL", "ID", /id=(\d+)/.exec(line)?.[1] ?? "")
        }
        yield* other.set(key, "v")
        yield* until("live again", () => tagsOf(got.values).filter((tag) => tag === "Subscribed").length === 2)
        const notices = got.values.filter(({ _tag }) => _tag !== "Invalidated")
        assert.deepStrictEqual(tagsOf(notices), ["Subscribed", "Interrupted", "Gap", "Subscribed"])
        const gap = notices[2]
        assert(gap._tag === "Gap")
        assert.strictEqual(gap.reason, "ConnectionLost")
        assert.deepStrictEqual(gap.channels, [""])
        // It begins no later than what the client had read last.
        assert.isAtMost(gap.from, since + 1)
        assert.isAtLeast(gap.to, since)
        yield* other.set(`${key}:after`, "v")
        yield* until("the next", () => keysOf(got.values).includes(`${key}:after`))
      }))

    it.effect("go on without a gap while a slot moves between nodes that report", () =>
      Effect.gen(function*() {
        const { cluster, other, redis } = yield* clients()
        const key = `moving:{${tags[0]}}`
        const slot = HashSlot.ofKey(key)
        const source = yield* cluster.owner(slot)
        const target = cluster.nodes.filter(({ id }) => id !== source.id)[0]
        const got = yield* live(redis, { prefixes: ["moving:"] })
        let isOver = false
        const writer = yield* Effect.forkChild(Effect.gen(function*() {
          for (let i = 0;; i++) {
            yield* other.set(`${key}:${i}`, "v")
            if (isOver) return i
          }
        }))
        yield* cluster.migrateSlot(slot, target)
        yield* Effect.sleep("50 millis")
        isOver = true
        const last = yield* Fiber.join(writer)
        yield* until("the last", () => keysOf(got.values).includes(`${key}:${last}`))
        const seen = new Set(keysOf(got.values))
        assert.deepStrictEqual(range(last + 1).filter((i) => !seen.has(`${key}:${i}`)), [])
        assert.deepStrictEqual(tagsOf(got.values).filter((tag) => tag !== "Invalidated"), ["Subscribed"])
        yield* cluster.migrateSlot(slot, source)
      }))

    it.effect("drop the oldest for a consumer that is too slow, and say so before the others", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        const beside = yield* live(redis, { prefixes: ["full:"] })
        const first = yield* Deferred.make<void>()
        const flooded = yield* Deferred.make<void>()
        const got: Array<InvalidationEvent> = []
        yield* redis.invalidations({ prefixes: ["full:"], bufferSize: 5 }).pipe(
          Stream.runForEach((event) =>
            Effect.gen(function*() {
              got.push(event)
              yield* Deferred.succeed(first, undefined)
              yield* Deferred.await(flooded)
            })
          ),
          Effect.forkScoped
        )
        yield* Deferred.await(first)
        yield* other.pipeline(range(500).map((i) => other.set(`full:${i}`, "v")))
        yield* until("the flood", () => keysOf(beside.values).length >= 500)
        yield* Deferred.succeed(flooded, undefined)
        yield* until("the last", () => keysOf(got).length >= 5)
        assert.deepStrictEqual(tagsOf(got).slice(0, 2), ["Subscribed", "Gap"])
        const gap = got[1]
        assert(gap._tag === "Gap")
        assert.strictEqual(gap.reason, "Overflow")
        assert.isBelow(keysOf(got).length, 500)
      }))

    it.effect("end with their scope, and leave no connection", () =>
      Effect.gen(function*() {
        const { cluster, redis } = yield* clients()
        const trackers = Effect.map(
          Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLIENT", "LIST")),
          (lists) => lists.flatMap((list) => String(list).split("\n")).filter((line) => /flags=\S*B/.test(line)).length
        )
        const before = yield* trackers
        yield* Effect.scoped(Effect.gen(function*() {
          yield* live(redis, { prefixes: ["scoped:"] })
          assert.strictEqual(yield* trackers, before + 3)
        }))
        yield* eventually("that they are gone", Effect.map(trackers, (count) => count === before))
      }))

    it.effect("fail with the words of a server that refuses, and with what is wrong with the options", () =>
      Effect.gen(function*() {
        const { cluster, redis } = yield* clients()
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "untracked", "on", ">pw", "~*", "+@all", "-client|tracking")
        }
        const limited = yield* connect({ nodes: cluster.seeds, username: "untracked", password: Redacted.make("pw") })
        const refused = yield* Effect.flip(Stream.runDrain(limited.invalidations()))
        assert.strictEqual(refused.reason._tag, "ReplyError")
        assert.include(refused.message, "NOPERM")
        const old = yield* connect({ nodes: cluster.seeds, protocol: 2 })
        const spoken = yield* Effect.flip(Stream.runDrain(old.invalidations()))
        assert.include(spoken.message, "RESP3")
        for (const prefixes of [["user:", "user:1"], [], [""]]) {
          const overlapping = yield* Effect.flip(Stream.runDrain(redis.invalidations({ prefixes })))
          assert.strictEqual(overlapping.reason._tag, "OptionsError")
          assert.include(overlapping.message, "none begins with another")
        }
      }))

    it.effect("keep a cache of Effect right, also when a key changes while it is looked up", () =>
      Effect.gen(function*() {
        const { other, redis } = yield* clients()
        yield* other.set("near:1", "0")
        const cache = yield* Cache.make({ capacity: 100, lookup: (key: string) => redis.get(key) })
        const ready = yield* Deferred.make<void>()
        yield* redis.invalidations({ prefixes: ["near:"] }).pipe(
          Stream.runForEach((event) =>
            event._tag === "Invalidated"
              ? Cache.invalidate(cache, event.key)
              : Effect.andThen(Cache.invalidateAll(cache), Deferred.succeed(ready, undefined))
          ),
          Effect.forkScoped
        )
        yield* Deferred.await(ready)
        for (let i = 1; i <= 100; i++) {
          yield* Effect.all([other.set("near:1", `${i}`), Cache.get(cache, "near:1")], { concurrency: "unbounded" })
          yield* eventually(`value ${i}`, Effect.map(Cache.get(cache, "near:1"), (value) => value === `${i}`))
        }
      }))
  })

  layer(environment.layer({ primaries: 3, replicas: 1, nodeTimeout: 500 }), {
    timeout: "60 seconds",
    excludeTestServices: true
  })((it) => {
    it.effect("come from a promoted replica, after a gap that begins before the promotion", () =>
      Effect.gen(function*() {
        const { cluster, other, redis } = yield* clients()
        const got = yield* live(redis, {})
        const key = `promoted:{${tags[0]}}`
        const owner = yield* cluster.owner(HashSlot.ofKey(key))
        const [replica] = yield* cluster.replicasOf(owner)
        yield* cluster.awaitReplicated
        const since = Date.now()
        yield* cluster.failover(replica)
        // The old primary has become a replica, which reports as well: until the client looks, it hears of nothing else.
        yield* other.set(`${key}:before`, "v")
        yield* until("the report", () => keysOf(got.values).includes(`${key}:before`))
        yield* redis.refreshTopology
        yield* until("live again", () => tagsOf(got.values).lastIndexOf("Subscribed") > 0)
        const gap = got.values.find(({ _tag }) => _tag === "Gap")
        assert(gap?._tag === "Gap")
        assert.isAtMost(gap.from, since)
        yield* other.set(key, "v")
        yield* until(
          "the key",
          () =>
            got.values.some((event) =>
              event._tag === "Invalidated" && event.key === key && event.node.address === addressOf(replica)
            )
        )
      }))
  })
})

/** A connection for reports whose far end is the test. */
interface FarEnd {
  readonly hooks: PushHooks
  readonly sent: Array<string>
  isClosed: boolean
}

/** The reports of two primaries, as one stream has them. */
const tracked = Effect.fnUntraced(function*() {
  const clock = yield* Clock.Clock
  const [a, b] = [7001, 7002].map((port) =>
    new ClusterNode({ host: "127.0.0.1", port, id: `${port}`, role: "primary" })
  )
  const ends: Array<FarEnd> = []
  let primaries: ReadonlyArray<ClusterNode> = [a, b]
  const statistics = new PubSubStatistics()
  const buffer = new MessageBuffer(
    { bytes: false, bufferSize: 100, strategy: "sliding", keepsNotices: true },
    { names: () => [""], clock, statistics, onFailure: () => {} }
  )
  const push = (_: ClusterNode, hooks: PushHooks) => {
    const end: FarEnd = { hooks, sent: [], isClosed: false }
    ends.push(end)
    return {
      trackingRefusal: undefined,
      caughtUpAt: 0,
      send: (spec: CommandSpec, args: ReadonlyArray<string>) => end.sent.push([spec.name, ...args].join(" ")),
      close: () => {
        end.isClosed = true
      }
    }
  }
  const keys = new TrackedKeys({ prefixes: [], buffer, onLive: () => {} }, {
    clock,
    statistics,
    // The parts of the services that it uses.
    connections: { push } as unknown as Connections["Service"],
    topology: { current: () => ({ primaries }), requestRefresh: () => {} } as unknown as Topology["Service"]
  })
  for (const { hooks } of ends) hooks.onReady()
  return {
    first: ends[0],
    second: ends[1],
    tags: Effect.map(buffer.takeAll, tagsOf),
    leave: () => {
      primaries = [a]
      keys.replan()
    }
  }
})

const lost: Loss = { failure: { kind: "connection", message: "lost" }, caughtUpAt: 0, behind: false }

plain.effect("Reports of a primary that leaves are heard out", () =>
  Effect.gen(function*() {
    const { first, leave, second, tags } = yield* tracked()
    leave()
    assert.deepStrictEqual([second.sent, second.isClosed], [["CLIENT TRACKING OFF"], false])
    // A report that was under way when the node left.
    second.hooks.onPush(["invalidate", ["last"]])
    second.hooks.onReply("OK")
    second.hooks.onRead()
    assert.isTrue(second.isClosed)
    assert.isFalse(first.isClosed)
    assert.deepStrictEqual(yield* tags, ["Subscribed", "Message"])
  }))

plain.effect("A primary that leaves and is lost before it is heard out leaves a gap", () =>
  Effect.gen(function*() {
    const { leave, second, tags } = yield* tracked()
    leave()
    second.hooks.onLost(lost)
    assert.isTrue(second.isClosed)
    assert.deepStrictEqual(yield* tags, ["Subscribed", "Interrupted", "Gap", "Subscribed"])
  }))
