import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { collect, count, gaps, heldBy, messages, subscriberLines } from "./support.ts"

const each = { concurrency: "unbounded", discard: true } as const
const tags = [0, 1, 2].map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))
const numbers = (values: ReadonlyArray<{ readonly payload: string }>) => values.map(({ payload }) => Number(payload))

describeOnEach("A consumer that is too slow, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    /** Publishes 2000 numbers in bursts of 100, so that there are many reads. */
    const flood = (
      redis: { readonly spublish: (channel: string, message: string) => Effect.Effect<number, unknown> },
      channel: string
    ) =>
      Effect.forEach(
        range(20),
        (burst) => Effect.forEach(range(100), (index) => redis.spublish(channel, String(burst * 100 + index)), each),
        {
          discard: true
        }
      )

    it.effect("suspend: gets everything in order, in the end", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const subscription = yield* redis.subscribeScoped({ shardChannels: "suspend" }, {
          bufferSize: 50,
          strategy: "suspend"
        })
        yield* flood(redis, "suspend")
        yield* Effect.sleep(100)
        const got = yield* collect(subscription)
        yield* until("all", () => got.values.length === 2000)
        assert.deepStrictEqual(numbers(got.values), [...range(2000)])
        // The messages that waited here were bounded by the buffer and one read of the socket.
        assert.isBelow(got.chunks[0], 1500)
      }))

    it.effect("suspend: does not keep others of the same node from subscribing", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        yield* redis.subscribeScoped({ shardChannels: "{stuck}" }, { bufferSize: 1, strategy: "suspend" })
        yield* flood(redis, "{stuck}")
        for (const index of range(10)) yield* redis.subscribeScoped({ shardChannels: `{stuck}:${index}` })
      }))

    it.effect("sliding: gets the newest, and a gap before them", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const subscription = yield* redis.subscribeEventsScoped({ shardChannels: "oldest" }, {
          bufferSize: 50,
          strategy: "sliding"
        })
        assert.strictEqual((yield* Queue.take(subscription))._tag, "Subscribed")
        const before = Date.now()
        yield* flood(redis, "oldest")
        yield* Effect.sleep(100)
        const got = yield* collect(subscription)
        yield* until("the newest", () => messages(got.values).at(-1)?.payload === "1999")
        // The first message may have been on its way to the program when the others came.
        const onTheWay = messages(got.values).length - 50
        const newest = range(50).map((index) => 1950 + index)
        assert.isAtMost(onTheWay, 1)
        assert.deepStrictEqual(numbers(messages(got.values)), [...range(onTheWay), ...newest])
        const gap = got.values[onTheWay]
        assert(gap._tag === "Gap")
        assert.strictEqual(gap.reason, "Overflow")
        assert.deepStrictEqual(gap.channels, ["oldest"])
        assert.isAtMost(gap.from, before)
        assert.strictEqual(count(got.values, "Subscribed"), 0)
      }))

    it.effect("dropping: gets the oldest, and a gap after them", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const subscription = yield* redis.subscribeEventsScoped({ shardChannels: "newest" }, {
          bufferSize: 50,
          strategy: "dropping"
        })
        assert.strictEqual((yield* Queue.take(subscription))._tag, "Subscribed")
        yield* flood(redis, "newest")
        yield* Effect.sleep(100)
        const got = yield* collect(subscription)
        yield* until("the gap", () => got.values.at(-1)?._tag === "Gap")
        // Another message may have come when the first one was on its way to the program, behind a gap of its own.
        const oldest = got.values.slice(0, got.values.findIndex(({ _tag }) => _tag === "Gap"))
        assert.include([50, 51], oldest.length)
        assert.deepStrictEqual(numbers(messages(oldest)), [...range(oldest.length)])
        assert.isAtMost(messages(got.values).length, 51)
        yield* redis.spublish("newest", "2000")
        yield* until("the next", () => messages(got.values).at(-1)?.payload === "2000")
      }))

    it.effect("fail: gets what waits, then an OverloadedError, and is unsubscribed", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const subscription = yield* redis.subscribeScoped({ shardChannels: "fail" }, {
          bufferSize: 50,
          strategy: "fail"
        })
        yield* flood(redis, "fail")
        yield* Effect.sleep(100)
        const got = yield* collect(subscription)
        yield* until("the failure", () => got.error !== undefined)
        // One message is on its way to the program, beside those in the buffer.
        assert.include([50, 51], got.values.length)
        assert.deepStrictEqual(numbers(got.values), [...range(got.values.length)])
        assert.strictEqual(got.error?.reason._tag, "OverloadedError")
        yield* eventually("unsubscribed", Effect.map(heldBy(redis), (held) => held === 0))
      }))

    it.effect("one that drops does not slow down the others of its channel", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        yield* redis.subscribeScoped({ shardChannels: "beside" }, { bufferSize: 1, strategy: "sliding" })
        const got = yield* Effect.flatMap(redis.subscribeScoped({ shardChannels: "beside" }), collect)
        yield* flood(redis, "beside")
        yield* until("all", () => got.values.length === 2000)
        assert.deepStrictEqual(numbers(got.values), [...range(2000)])
      }))

    it.effect.runIf(environment.isReal)(
      "the server's own limit is a gap with that reason, and the subscription is live again",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, clientName: "limited" })
          const owner = yield* cluster.owner(HashSlot.ofKey("limit"))
          const setting = "client-output-buffer-limit"
          yield* cluster.command(owner, "CONFIG", "SET", setting, "pubsub 1mb 0 0")
          const subscription = yield* redis.subscribeEventsScoped({ shardChannels: "limit" }, {
            bufferSize: 1,
            strategy: "suspend"
          })
          const payload = "x".repeat(64 * 1024)
          const ids = Effect.map(
            subscriberLines(cluster),
            (lines) => lines.filter((line) => line.includes("name=limited")).map((line) => /\bid=\d+/.exec(line)?.[0])
          )
          const [first] = yield* ids
          // More than all the buffers on the way take, until the server has had enough. The client comes back at once.
          yield* eventually(
            "the end of the connection",
            Effect.gen(function*() {
              yield* Effect.forEach(range(50), () => redis.spublish("limit", payload), each)
              return !(yield* ids).includes(first)
            })
          )
          const got = yield* collect(subscription)
          yield* until("live again", () => count(got.values, "Subscribed") >= 2)
          const [gap] = gaps(got.values)
          assert.strictEqual(gap.reason, "OutputBufferLimit")
          yield* redis.spublish("limit", "after")
          yield* until("the next message", () => messages(got.values).at(-1)?.payload === "after")
          yield* cluster.command(owner, "CONFIG", "SET", setting, "pubsub 32mb 8mb 60")
        })
    )
  })
})

describeOnEach("Streams beside each other, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("a quiet shard delays nobody", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const channels = tags.map((tag) => `{${tag}}:quiet`)
        const got = yield* Effect.flatMap(redis.subscribeScoped({ shardChannels: channels }), collect)
        const { own } = yield* MachineLag.timed(Effect.forEach(range(20), (index) =>
          Effect.andThen(
            redis.spublish(channels[0], String(index)),
            until("the message", () => got.values.length === index + 1)
          )))
        // A tenth of a second for each, less than any pause that a shard might be given.
        assert.isBelow(own, 2000)
      }))

    it.effect("a subscription is not live before the server has said so", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.subscribeScoped({ shardChannels: `{${tags[0]}}:before` })
        const events = yield* collect(
          redis.subscribeEvents({ shardChannels: [`{${tags[0]}}:before`, `{${tags[0]}}:plain`] })
        )
        yield* until("live", () => events.values.length > 0)
        yield* cluster.stop(cluster.nodes[0])
        const asking = yield* Effect.forkChild(redis.subscribeScoped({ shardChannels: `{${tags[0]}}:stopped` }))
        const streaming = yield* collect(redis.subscribeEvents(`{${tags[0]}}:stopped`))
        yield* Effect.sleep(300)
        assert.isUndefined(asking.pollUnsafe())
        assert.deepStrictEqual(streaming.values, [])
        yield* cluster.continue(cluster.nodes[0])
        yield* Fiber.join(asking)
        yield* until("live", () => count(streaming.values, "Subscribed") === 1)
        assert.strictEqual(count(events.values, "Gap"), 0)
      }))

    it.effect("a server that confirms nothing is a TimeoutError, and nothing is left behind", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "200 millis" })
        yield* cluster.stop(cluster.nodes[0])
        const error = yield* Effect.flip(Stream.runDrain(redis.subscribe({ shardChannels: `{${tags[0]}}:never` })))
        yield* cluster.continue(cluster.nodes[0])
        assert.strictEqual(error.reason._tag, "TimeoutError")
        assert.strictEqual(error.outcome, "NotExecuted")
        yield* eventually("nothing here", Effect.map(redis.heldSubscriptions, (held) => held.size === 0))
        // This client has too little time to ask a server that has just been stopped.
        for (const node of cluster.nodes) {
          assert.deepStrictEqual(yield* cluster.command(node, "PUBSUB", "SHARDCHANNELS", "*:never"), [])
        }
      }))

    it.effect("interruption at any moment leaves nothing behind", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const names = range(20).map((index) => `interrupted:${index}`)
        const publishing = yield* Effect.forkChild(Effect.forever(redis.publish(names[0], "x")))
        for (const round of range(150)) {
          const stream = [
            Stream.runDrain(redis.subscribe(names)),
            Stream.runDrain(redis.subscribe({ shardChannels: names }, { payload: "bytes" })),
            Stream.runDrain(redis.subscribeEvents({ patterns: names }))
          ][round % 3]
          const fiber = yield* Effect.forkChild(stream)
          // From before the first request to well after the last confirmation.
          for (const _ of range(round % 30)) yield* Effect.yieldNow
          if (round % 5 === 0) yield* Effect.sleep(round % 7)
          yield* Fiber.interrupt(fiber)
        }
        yield* Fiber.interrupt(publishing)
        yield* eventually("nothing here", Effect.map(redis.heldSubscriptions, (held) => held.size === 0))
        assert.deepStrictEqual(yield* redis.pubsubChannels("interrupted:*"), [])
        assert.deepStrictEqual(yield* redis.pubsubShardchannels("interrupted:*"), [])
        assert.strictEqual(yield* redis.pubsubNumpat(), 0)
        yield* eventually("no connection", Effect.map(subscriberLines(cluster), (lines) => lines.length === 0))
        // And it still works.
        const subscription = yield* redis.subscribeScoped(names[0])
        yield* redis.publish(names[0], "afterwards")
        const [message] = yield* Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 1))
        assert.strictEqual(message.payload, "afterwards")
      }))

    it.effect("streams that come and go do not disturb one that stays", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const stays = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: "stays" }), collect)
        const sent = yield* Effect.forkChild(
          Effect.forEach(range(3000), (index) => redis.spublish("stays", String(index)), { discard: true })
        )
        for (const index of range(100)) {
          yield* Effect.scoped(Effect.gen(function*() {
            yield* redis.subscribeScoped({ shardChannels: "stays" }, { payload: index % 2 === 0 ? "bytes" : "text" })
            yield* redis.subscribeScoped({ shardChannels: `{stays}:${index}` })
          }))
        }
        yield* Fiber.join(sent)
        yield* until("all", () => messages(stays.values).length === 3000)
        assert.deepStrictEqual(numbers(messages(stays.values)), [...range(3000)])
        assert.strictEqual(count(stays.values, "Gap"), 0)
      }))

    it.effect("what the server refuses fails the stream with its answer", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const node of cluster.nodes) {
          yield* cluster.command(
            node,
            "ACL",
            "SETUSER",
            "narrow",
            "on",
            ">pw",
            "+@all",
            "~*",
            "resetchannels",
            "&mine:*"
          )
        }
        const redis = yield* connect({ nodes: cluster.seeds, username: "narrow", password: Redacted.make("pw") })
        const mine = yield* Effect.flatMap(redis.subscribeEventsScoped("mine:1"), collect)
        for (
          const stream of [
            redis.subscribe("theirs"),
            redis.subscribe({ shardChannels: "theirs" }),
            redis.subscribe({ patterns: "*" })
          ]
        ) {
          const exit = yield* Effect.exit(Stream.runDrain(stream))
          assert(Exit.isFailure(exit))
          const error = yield* Effect.flip(Stream.runDrain(stream))
          assert(error.reason._tag === "ReplyError")
          assert.strictEqual(error.reason.code, "NOPERM")
        }
        yield* redis.publish("mine:1", "x")
        yield* until("mine", () => messages(mine.values).length === 1)
        assert.strictEqual(count(mine.values, "Gap"), 0)
      }))
  })
})
