import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { Credentials } from "../../src/ClusterOptions.ts"
import type { SubscribeOptions } from "../../src/pubsub/Subscription.ts"
import type { Gap, SubscriptionEvent } from "../../src/pubsub/SubscriptionEvent.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { addressOf, connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { collect, type Collected, count, gaps, heldBy, holders, messages } from "./support.ts"

const partial = ["--cluster-require-full-coverage", "no"]
const tags = [0, 1, 2].map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))

/** When a number was published, and whether the server said so. */
interface Sending {
  readonly before: number
  readonly after: number
  readonly acknowledged: boolean
}

/** Publishes numbers until it is stopped. */
const publisher = Effect.fnUntraced(function*(
  publish: (message: string) => Effect.Effect<number, RedisClusterException>,
  pause = 0
) {
  const sent: Array<Sending> = []
  let stopped = false
  const fiber = yield* Effect.forkScoped(Effect.gen(function*() {
    while (!stopped) {
      const before = Date.now()
      const result = yield* Effect.result(publish(String(sent.length)))
      const acknowledged = result._tag === "Success"
      sent.push({ before, after: Date.now(), acknowledged })
      if (pause > 0 || !acknowledged) yield* Effect.sleep(Math.max(pause, 1))
    }
  }))
  return {
    sent,
    stop: Effect.suspend(() => {
      stopped = true
      return Fiber.join(fiber)
    })
  }
})

/**
 * While a replica takes over, what is published to the former primary reaches it through the servers' bus, and what is
 * published to itself comes before that: by so much, in milliseconds.
 */
const busDelay = 100

/**
 * The problems of the received messages, given the sent ones: out of order, twice, or lost without a gap that covers
 * them.
 */
const complaints = (sent: ReadonlyArray<Sending>, events: ReadonlyArray<SubscriptionEvent>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const came = new Set<number>()
  let latest = -1
  const numbers = messages(events).map(({ payload }) => Number(payload)).filter((number) => !Number.isNaN(number))
  for (const number of numbers) {
    if (came.has(number)) found.push(`${number} twice`)
    else if (number < latest && sent[latest].before - sent[number].after > busDelay) {
      found.push(`${number} after ${latest}`)
    }
    came.add(number)
    latest = Math.max(latest, number)
  }
  const covered = (at: Sending) => gaps(events).some((gap: Gap) => at.after >= gap.from && at.before <= gap.to)
  sent.forEach((at, number) => {
    if (at.acknowledged && !came.has(number) && !covered(at)) found.push(`${number} lost without a gap`)
  })
  return found
}

const probing = "probe"

/** The events without those of `flowing`. */
const own = (events: ReadonlyArray<SubscriptionEvent>): ReadonlyArray<SubscriptionEvent> =>
  events.filter((event) => event._tag !== "Message" || !event.payload.startsWith(probing))

/** Waits until what is published now arrives: all that was published before at that node has come by then. */
const flowing = (
  redis: ClusterClientShape,
  channel: string,
  events: Collected<SubscriptionEvent>,
  sharded: boolean,
  patience = 20_000
) =>
  Effect.gen(function*() {
    const probe = `${probing} ${Date.now()}`
    const publishing = yield* Effect.forkChild(Effect.forever(
      Effect.andThen(
        Effect.ignore(sharded ? redis.spublish(channel, probe) : redis.publish(channel, probe)),
        Effect.sleep(20)
      )
    ))
    const took = yield* until(
      `a message on ${channel}`,
      () => messages(events.values).some(({ payload }) => payload === probe),
      patience
    )
    yield* Fiber.interrupt(publishing)
    return took
  })

describeOnEach("On $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect(
      "A slot that moves loses nothing that no gap covers and brings nothing twice, with a publisher at full rate",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
          const other = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
          const channel = `{${tags[0]}}:moving`
          const slot = HashSlot.ofKey(channel)
          const moving = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: channel }), collect)
          const staying = yield* Effect.flatMap(
            redis.subscribeEventsScoped({ shardChannels: `{${tags[1]}}:staying` }),
            collect
          )
          const classic = yield* Effect.flatMap(redis.subscribeEventsScoped(channel), collect)
          const load = yield* publisher((message) => other.spublish(channel, message))
          const quiet = yield* publisher((message) => other.spublish(`{${tags[1]}}:staying`, message))
          yield* Effect.sleep(200)
          for (const target of [1, 2, 0, 1, 0]) {
            const before = load.sent.length
            const live = count(moving.values, "Subscribed")
            yield* cluster.migrateSlot(slot, cluster.nodes[target])
            yield* until("live again", () => count(moving.values, "Subscribed") > live)
            yield* until("100 more are sent", () => load.sent.length > before + 100)
          }
          yield* load.stop
          yield* quiet.stop
          yield* flowing(other, channel, moving, true)
          yield* flowing(other, `{${tags[1]}}:staying`, staying, true)
          const lost = load.sent.length - messages(own(moving.values)).length
          console.log(`slot moved 5 times: ${load.sent.length} sent, ${lost} lost, ${
            gaps(moving.values).map((gap) => `${gap.to - gap.from} ms ${gap.reason}`).join("; ")
          }`)
          assert.isAbove(load.sent.length, 500)
          assert.deepStrictEqual(complaints(load.sent, moving.values).slice(0, 5), [])
          assert.strictEqual(count(moving.values, "Gap"), 5, JSON.stringify(gaps(moving.values)))
          assert.isTrue(
            gaps(moving.values).every((gap) =>
              gap.reason === "OwnerChanged" && gap.to >= gap.from
            )
          )
          // Others have noticed nothing.
          assert.strictEqual(messages(own(staying.values)).length, quiet.sent.length)
          assert.strictEqual(count(staying.values, "Gap"), 0)
          assert.strictEqual(count(staying.values, "Subscribed"), 1)
          assert.strictEqual(count(classic.values, "Gap"), 0)
        }),
      60_000
    )

    it.effect(
      "A slot that has moved without the client's knowledge is subscribed to where MOVED says",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream, refreshInterval: "Infinity" })
          const channel = `{${tags[0]}}:moved`
          yield* cluster.migrateSlot(HashSlot.ofKey(channel), cluster.nodes[2])
          const events = yield* Effect.flatMap(
            redis.subscribeEventsScoped({ shardChannels: [channel, `{${tags[0]}}:too`] }),
            collect
          )
          assert.deepStrictEqual(
            (yield* holders(cluster, channel, true)).map(({ id }) => id),
            [cluster.nodes[2].id]
          )
          yield* flowing(redis, channel, events, true)
          assert.strictEqual(count(events.values, "Gap"), 0)
          yield* cluster.migrateSlot(HashSlot.ofKey(channel), cluster.nodes[0])
        }),
      60_000
    )

    it.effect(
      "A connection that is lost is made again, with a gap for what it held and for nothing else",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
          const streams = yield* Effect.forEach(tags, (tag) =>
            Effect.all({
              classic: Effect.flatMap(redis.subscribeEventsScoped(`{${tag}}:lost`), collect),
              shard: Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: `{${tag}}:lost` }), collect)
            }))
          yield* Effect.sleep(100)
          for (const round of range(5)) {
            const before = Date.now()
            yield* cluster.command(cluster.nodes[0], "CLIENT", "KILL", "TYPE", "pubsub")
            yield* until("live", () => count(streams[0].shard.values, "Subscribed") === round + 2)
            yield* until("live", () => count(streams[0].classic.values, "Subscribed") === round + 2)
            const [gap] = gaps(streams[0].classic.values).slice(-1)
            assert.isAtMost(gap.from, Date.now())
            assert.isAtLeast(gap.to, before)
            assert.strictEqual(gap.reason, "ConnectionLost")
          }
          assert.strictEqual(count(streams[0].classic.values, "Gap"), 5)
          for (const { classic, shard } of streams.slice(1)) {
            assert.strictEqual(classic.values.length, 1)
            assert.strictEqual(shard.values.length, 1)
          }
          yield* flowing(redis, `{${tags[0]}}:lost`, streams[0].classic, false)
          yield* flowing(redis, `{${tags[0]}}:lost`, streams[0].shard, true)
        }),
      60_000
    )

    it.effect(
      "Nodes that come and go classic channels leave a node that leaves, shard channels follow their slots",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
          const added = yield* cluster.addNode()
          const channel = `{${tags[0]}}:guest`
          const slot = HashSlot.ofKey(channel)
          yield* cluster.migrateSlot(slot, added)
          yield* redis.refreshTopology
          const shard = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: channel }), collect)
          const classic = yield* Effect.flatMap(redis.subscribeEventsScoped(channel), collect)
          assert.deepStrictEqual((yield* holders(cluster, channel)).map(({ id }) => id), [added.id])
          assert.deepStrictEqual((yield* holders(cluster, channel, true)).map(({ id }) => id), [added.id])
          yield* cluster.migrateSlot(slot, cluster.nodes[0])
          yield* until("sharded moved", () => count(shard.values, "Subscribed") === 2)
          yield* cluster.removeNode(added)
          yield* until("classic moved", () => count(classic.values, "Subscribed") === 2)
          yield* flowing(redis, channel, classic, false)
          yield* flowing(redis, channel, shard, true)
          assert.strictEqual(count(classic.values, "Gap"), 1)
          assert.strictEqual(count(shard.values, "Gap"), 1)
          yield* eventually(
            "its connection is gone",
            Effect.map(redis.heldSubscriptions, (held) => !held.has(addressOf(added)))
          )
          assert.strictEqual(yield* heldBy(redis), 2)
        }),
      60_000
    )

    it.effect(
      "A topology that is refreshed under load neither loses nor repeats, and makes no gap",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
          const events = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: "refreshed" }), collect)
          const quiet = yield* Effect.flatMap(
            redis.subscribeEventsScoped({ shardChannels: tags.map((tag) => `{${tag}}:quiet`) }),
            collect
          )
          const load = yield* publisher((message) => redis.spublish("refreshed", message))
          yield* Effect.forEach(range(100), () => redis.refreshTopology, { discard: true })
          // Slots that move elsewhere are news, but not for this channel.
          const slot = tagWhere((slot) => Math.floor(slot * 3 / 16384) === 0 && slot !== HashSlot.ofKey("refreshed"))
          yield* cluster.migrateSlot(HashSlot.ofKey(slot), cluster.nodes[1])
          yield* Effect.forEach(range(20), () => redis.refreshTopology, { discard: true })
          yield* load.stop
          yield* eventually("all came", Effect.sync(() => messages(events.values).length === load.sent.length))
          assert.deepStrictEqual(complaints(load.sent, events.values), [])
          assert.strictEqual(count(events.values, "Gap"), 0)
          assert.isAtMost(count(quiet.values, "Gap"), 1)
        }),
      60_000
    )
  })
})

describeOnEach("A failover by hand, on $name", (environment) => {
  it.live("is covered by gaps for shard channels and not noticed by classic ones", () =>
    Effect.gen(function*() {
      const cluster = yield* environment.make({ replicas: 1 })
      const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
      const other = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
      const channel = `{${tags[0]}}:failover`
      const shard = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: channel }), collect)
      const classic = yield* Effect.flatMap(redis.subscribeEventsScoped(channel), collect)
      const load = yield* publisher((message) => other.spublish(channel, message))
      const classicLoad = yield* publisher((message) => other.publish(channel, message), 5)
      yield* Effect.sleep(200)
      const [replica] = yield* cluster.replicasOf(cluster.nodes[0])
      yield* cluster.failover(replica)
      yield* until("live again", () => count(shard.values, "Subscribed") > 1)
      yield* load.stop
      yield* classicLoad.stop
      yield* flowing(other, channel, shard, true)
      yield* flowing(other, channel, classic, false)
      const lost = load.sent.length - messages(own(shard.values)).length
      console.log(`failover: ${load.sent.length} sent, ${lost} lost, ${
        gaps(shard.values).map((gap) => `${gap.to - gap.from} ms ${gap.reason}`).join("; ")
      }`)
      assert.deepStrictEqual(complaints(load.sent, shard.values).slice(0, 5), [])
      assert.isAtLeast(count(shard.values, "Gap"), 1)
      const last = messages(own(shard.values)).at(-1)
      assert.strictEqual(Number(last?.payload), load.sent.length - 1)
      // The messages of classic channels went on coming from the demoted node.
      assert.strictEqual(count(classic.values, "Gap"), 0)
      const numbers = messages(own(classic.values)).map(({ payload }) =>
        Number(payload)
      )
      assert.deepStrictEqual(numbers, [...new Set(numbers)])
    }), 60_000)
})

describeOnEach(
  "SIGKILL of the node that holds the subscriptions, with no other traffic, on $name",
  (environment) => {
    it.live(
      "restores classic ones on another node at once, sharded ones after the failover",
      () =>
        Effect.gen(function*() {
          const cluster = yield* environment.make({ replicas: 1, nodeTimeout: 1000, options: partial })
          const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream, refreshInterval: "Infinity" })
          const name = `{${tags[0]}}:killed`
          const classic = yield* Effect.flatMap(redis.subscribeEventsScoped(name), collect)
          const pattern = yield* Effect.flatMap(redis.subscribeEventsScoped({ patterns: name }), collect)
          const shard = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: name }), collect)
          const elsewhere = yield* Effect.flatMap(
            redis.subscribeEventsScoped({ shardChannels: `{${tags[1]}}:well` }),
            collect
          )
          const [victim] = cluster.nodes
          const killed = Date.now()
          yield* cluster.kill(victim)
          const live = (events: Collected<SubscriptionEvent>) => () => count(events.values, "Subscribed") === 2
          const classicTook = yield* until("classic", live(classic))
          yield* until("pattern", live(pattern))
          // The failover takes its time; classic ones have not waited for it.
          assert.strictEqual(count(shard.values, "Subscribed"), 1)
          yield* until("sharded", live(shard))
          console.log(`SIGKILL: classic restored after ${classicTook} ms, sharded after ${Date.now() - killed} ms`)
          for (const { values } of [classic, pattern, shard]) {
            const [gap, ...more] = gaps(values)
            assert.strictEqual(more.length, 0)
            assert.isAtMost(gap.from, killed + 50)
            assert.isAtLeast(gap.to, killed)
            assert.strictEqual(gap.reason, "ConnectionLost")
            // First the gap, then live again.
            assert.deepStrictEqual(values.map(({ _tag }) => _tag), ["Subscribed", "Gap", "Subscribed"])
          }
          yield* flowing(redis, name, classic, false)
          yield* flowing(redis, name, pattern, false)
          yield* flowing(redis, name, shard, true)
          assert.deepStrictEqual(elsewhere.values.map(({ _tag }) => _tag), ["Subscribed"])
        }),
      60_000
    )
  }
)

describeOnEach("A server that restarts, on $name", (environment) => {
  it.live("holds its shard channels again as soon as it serves", () =>
    Effect.gen(function*() {
      const cluster = yield* environment.make({ nodeTimeout: 30_000, options: partial })
      const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
      const name = `{${tags[2]}}:restarted`
      const shard = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: name }), collect)
      yield* cluster.restart(cluster.nodes[2])
      yield* until("live again", () => count(shard.values, "Subscribed") === 2)
      yield* flowing(redis, name, shard, true)
      assert.strictEqual(count(shard.values, "Gap"), 1)
    }), 60_000)
})

describeOnEach("A half-open connection (SIGSTOP), on $name", (environment) => {
  it.live(
    "is found by its silence: classic channels go on elsewhere, shard channels after SIGCONT",
    () =>
      Effect.gen(function*() {
        const cluster = yield* environment.make({ nodeTimeout: 60_000, options: partial })
        const redis = yield* connect({
          nodes: cluster.seeds,
          stream: cluster.stream,
          pingAfter: "300 millis",
          pingTimeout: "300 millis",
          connectTimeout: "500 millis"
        })
        const name = `{${tags[0]}}:stopped`
        const classic = yield* Effect.flatMap(redis.subscribeEventsScoped(name), collect)
        const shard = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: name }), collect)
        const others = yield* Effect.flatMap(
          redis.subscribeEventsScoped({ shardChannels: `{${tags[1]}}:well` }),
          collect
        )
        yield* Effect.sleep(1000)
        // Silence alone is no reason: the PINGs were answered.
        assert.strictEqual(classic.values.length, 1)
        const stopped = Date.now()
        yield* cluster.stop(cluster.nodes[0])
        const took = yield* until("classic elsewhere", () => count(classic.values, "Subscribed") === 2)
        console.log(`half-open: classic restored ${took} ms after SIGSTOP`)
        assert.isBelow(took, 5000)
        const [gap] = gaps(classic.values)
        assert.isAtMost(gap.from, stopped + 50)
        yield* flowing(redis, `{${tags[1]}}:well`, others, true)
        yield* cluster.continue(cluster.nodes[0])
        yield* until("sharded again", () => count(shard.values, "Subscribed") === 2)
        assert.isAtMost(gaps(shard.values)[0].from, stopped + 50)
        yield* flowing(redis, name, shard, true)
        yield* flowing(redis, name, classic, false)
        assert.strictEqual(count(others.values, "Gap"), 0)
      }),
    60_000
  )
})

describeOnEach("Everything at once, on $name", (environment) => {
  it.live(
    "connections killed, slots moved, failovers, a primary killed: nothing is lost silently, nothing comes twice",
    () =>
      Effect.gen(function*() {
        const cluster = yield* environment.make({ replicas: 1, nodeTimeout: 1000, options: partial })
        const redis = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
        const other = yield* connect({ nodes: cluster.seeds, stream: cluster.stream })
        const channels = tags.map((tag) => `{${tag}}:chaos`)
        const streams = yield* Effect.forEach(channels, (channel, index) =>
          Effect.gen(function*() {
            const options: SubscribeOptions = index === 2 ? { node: "replica" } : {}
            const shard = yield* Effect.flatMap(
              redis.subscribeEventsScoped({ shardChannels: channel }, options),
              collect
            )
            const load = yield* publisher((message) => other.spublish(channel, message), index)
            return { channel, shard, load }
          }))
        const classic = yield* Effect.flatMap(redis.subscribeEventsScoped("chaos"), collect)
        const classicLoad = yield* publisher((message) => other.publish("chaos", message), 2)
        const kill = Effect.forEach(
          cluster.nodes.filter((node) => node.pid > 0),
          (node) => cluster.command(node, "CLIENT", "KILL", "TYPE", "pubsub")
        )
        yield* Effect.sleep(200)
        yield* kill
        yield* cluster.migrateSlot(HashSlot.ofKey(channels[0]), cluster.nodes[1])
        yield* kill
        yield* cluster.migrateSlot(HashSlot.ofKey(channels[0]), cluster.nodes[2])
        yield* cluster.failover((yield* cluster.replicasOf(cluster.nodes[1]))[0])
        yield* kill
        yield* Effect.sleep(300)
        yield* cluster.kill(cluster.nodes[2])
        for (const { channel, shard } of streams) yield* flowing(redis, channel, shard, true)
        yield* flowing(redis, "chaos", classic, false)
        for (const { load } of streams) yield* load.stop
        yield* classicLoad.stop
        for (const { channel, shard } of streams) yield* flowing(other, channel, shard, true)
        yield* flowing(other, "chaos", classic, false)
        for (const { channel, load, shard } of streams) {
          const events = own(shard.values)
          const lost = load.sent.length - messages(events).length
          console.log(
            `chaos, ${channel}: ${load.sent.length} sent, ${lost} lost, ${
              gaps(events).map((gap) => `${gap.to - gap.from} ms ${gap.reason}`).join("; ")
            }`
          )
          assert.deepStrictEqual(complaints(load.sent, events).slice(0, 5), [])
        }
        const numbers = messages(own(classic.values)).map(({ payload }) => payload)
        assert.deepStrictEqual(numbers, [...new Set(numbers)])
      }),
    60_000
  )
})

describe("RESP2 subscriptions that new credentials hand over while their slot moves, on real servers", () => {
  it.live("lose nothing that no gap covers, and bring nothing twice", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make()
      const user = (index: number) => ({ username: `heir-${index}`, password: Redacted.make("secret") })
      for (const index of range(6)) {
        const command = ["ACL", "SETUSER", `heir-${index}`, "on", ">secret", "~*", "&*", "+@all"]
        yield* Effect.forEach(cluster.nodes, (node) => cluster.command(node, ...command))
      }
      const users = yield* Queue.unbounded<Credentials>()
      yield* Queue.offer(users, user(0))
      const redis = yield* connect({ nodes: cluster.seeds, protocol: 2, credentials: Stream.fromQueue(users) })
      const other = yield* connect({ nodes: cluster.seeds })
      const channel = `{${tags[0]}}:heirs`
      const shard = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: channel }), collect)
      const classic = yield* Effect.flatMap(redis.subscribeEventsScoped(channel), collect)
      const load = yield* publisher((message) => other.spublish(channel, message))
      const classicLoad = yield* publisher((message) => other.publish(channel, message), 1)
      for (const [moves, target] of [1, 2, 0, 1, 0].entries()) {
        const before = load.sent.length
        // The handover has begun, or not, when the slot goes.
        yield* Queue.offer(users, user(moves + 1))
        yield* Effect.sleep(moves)
        yield* cluster.migrateSlot(HashSlot.ofKey(channel), cluster.nodes[target])
        yield* until("100 more are sent", () => load.sent.length > before + 100)
      }
      yield* flowing(other, channel, shard, true)
      yield* flowing(other, channel, classic, false)
      yield* load.stop
      yield* classicLoad.stop
      yield* eventually(
        "the last",
        Effect.sync(() =>
          messages(own(shard.values)).at(-1)?.payload === String(load.sent.length - 1) &&
          messages(own(classic.values)).at(-1)?.payload === String(classicLoad.sent.length - 1)
        )
      )
      assert.deepStrictEqual(complaints(load.sent, own(shard.values)).slice(0, 5), [])
      assert.deepStrictEqual(complaints(classicLoad.sent, own(classic.values)).slice(0, 5), [])
    }), 60_000)
})
