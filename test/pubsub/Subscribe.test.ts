import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { addressOf, connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { collect, heldBy, holders, messages, subscriberLines } from "./support.ts"

const each = { concurrency: "unbounded", discard: true } as const
const shardTags = [0, 1, 2].map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))

for (const protocol of [3, 2] as const) {
  describeOnEach(`Subscriptions over RESP${protocol}, on $name`, (environment) => {
    layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
      it.effect("a subscription that was returned misses nothing that is published afterwards", () =>
        Effect.gen(function*() {
          const { nodes, seeds } = yield* RedisCluster
          const redis = yield* connect({ nodes: seeds, protocol })
          for (const round of range(30)) {
            yield* Effect.scoped(Effect.gen(function*() {
              const classic = yield* redis.subscribeScoped(`first:${round}`)
              const sharded = yield* redis.subscribeScoped({ shardChannels: `first:${round}` })
              const pattern = yield* redis.subscribeScoped({ patterns: `firs?:${round}` })
              yield* Effect.forEach([classic, sharded, pattern], (subscription, index) =>
                Effect.gen(function*() {
                  if (index === 1) yield* redis.spublish(`first:${round}`, "hello")
                  else yield* redis.publish(`first:${round}`, "hello")
                  const [message] = yield* Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 1))
                  assert.strictEqual(message.payload, "hello")
                  assert.strictEqual(message.channel, `first:${round}`)
                  assert.strictEqual(message.pattern, index === 2 ? `firs?:${round}` : undefined)
                  assert.include(nodes.map(addressOf), message.node.address)
                }), { discard: true })
            }))
          }
        }))

      it.effect("10 000 messages of several channels come in order, channel by channel", () =>
        Effect.gen(function*() {
          const { seeds } = yield* RedisCluster
          const redis = yield* connect({ nodes: seeds, protocol })
          const channels = range(4).map((index) => `order:${index}`)
          const subscription = yield* redis.subscribeScoped(channels)
          const got = yield* collect(subscription)
          yield* Effect.forEach(channels, (channel) =>
            Effect.forEach(range(25), (batch) =>
              Effect.forEach(range(100), (index) =>
                redis.publish(channel, String(batch * 100 + index)), each)), each)
          yield* until("10 000 messages", () =>
            got.values.length >= 10_000)
          for (const channel of channels) {
            const payloads = got.values.filter((message) =>
              message.channel === channel
            ).map(({ payload }) => payload)
            assert.deepStrictEqual(payloads, range(2500).map(String))
          }
        }))

      it.effect("shard channels of every shard come in one stream, over one connection per node", () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, protocol })
          const channels = shardTags.flatMap((tag) => range(3).map((index) => `{${tag}}:${index}`))
            .concat(range(30).map((index) => `shard:${index}`))
          yield* eventually(
            "the end of earlier connections",
            Effect.map(subscriberLines(cluster), (lines) => lines.length === 0)
          )
          const subscription = yield* redis.subscribeScoped({ shardChannels: channels })
          const got = yield* collect(subscription)
          for (const index of range(20)) yield* Effect.forEach(channels, (one) => redis.spublish(one, `${index}`), each)
          yield* until("all messages", () => got.values.length >= channels.length * 20)
          for (const channel of channels) {
            const own = got.values.filter((message) => message.channel === channel)
            assert.deepStrictEqual(own.map(({ payload }) => payload), range(20).map(String))
            const owner = yield* cluster.owner(HashSlot.ofKey(channel))
            assert.strictEqual(own[0].node.address, addressOf(owner))
          }
          assert.strictEqual((yield* subscriberLines(cluster)).length, 3)
        }))

      it.effect("bytes stay bytes, beside a stream of text on the same channel", () =>
        Effect.gen(function*() {
          const { seeds } = yield* RedisCluster
          const redis = yield* connect({ nodes: seeds, protocol })
          const text = yield* redis.subscribeScoped("bytes")
          const bytes = yield* redis.subscribeScoped("bytes", { payload: "bytes" })
          const pattern = yield* redis.subscribeScoped({ patterns: "byte?" }, { payload: "bytes" })
          const payload = Uint8Array.of(0, 255, 128, 13, 10)
          yield* redis.publish("bytes", payload)
          yield* redis.publish("bytes", "plain")
          const first = yield* Stream.runCollect(Stream.take(Stream.fromQueue(bytes), 2))
          assert.deepStrictEqual(first.map((message) => Uint8Array.from(message.payload)), [
            payload,
            Uint8Array.from(Buffer.from("plain"))
          ])
          assert.strictEqual(first[0].channel, "bytes")
          const [matched] = yield* Stream.runCollect(Stream.take(Stream.fromQueue(pattern), 1))
          assert.deepStrictEqual(Uint8Array.from(matched.payload), payload)
          assert.strictEqual(matched.pattern, "byte?")
          const texts = yield* Stream.runCollect(Stream.take(Stream.fromQueue(text), 2))
          assert.deepStrictEqual(texts.map((message) => message.payload), [Buffer.from(payload).toString(), "plain"])
          // A message shows no bytes and no pattern where there are none.
          assert.notMatch(inspect(texts[0], { depth: 0 }), /undefined|pattern|channelBytes/)
          assert.isUndefined(texts[0].pattern)
        }))
    })
  })
}

describeOnEach("Subscriptions, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("a schema types the payload, and fails the stream at what it refuses", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const schema = Schema.fromJsonString(Schema.Struct({ id: Schema.Number }))
        const subscription = yield* redis.subscribeScoped("typed", { schema })
        yield* redis.publish("typed", `{"id":1}`)
        yield* redis.publish("typed", `{"id":2}`)
        yield* redis.publish("typed", "secret nonsense")
        const got = yield* collect(subscription)
        yield* until("the failure", () => got.error !== undefined)
        assert.deepStrictEqual(got.values.map((message) => message.payload.id), [1, 2])
        assert.strictEqual(got.error?.reason._tag, "DecodeError")
      }))

    it.effect("a schema that waits for something fails the stream with words, and is no defect", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const later = SchemaGetter.transformEffect((text: string) => Effect.delay(Effect.succeed(text), "1 second"))
        const schema = Schema.String.pipe(Schema.decodeTo(Schema.String, { decode: later, encode: later }))
        const got = yield* Effect.flatMap(redis.subscribeScoped("later", { schema }), collect)
        yield* redis.publish("later", "text")
        yield* until("the failure", () => got.error !== undefined)
        assert.strictEqual(got.error?.reason._tag, "DecodeError")
        assert.include(got.error?.message, "the schema is asynchronous")
      }))

    it.effect("the plain stream subscribes when it runs and gives the subscription back when it ends", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const got = yield* collect(Stream.take(redis.subscribe(["plain:1", "plain:2"]), 2))
        yield* eventually("a subscriber", Effect.map(holders(cluster, "plain:1"), (nodes) => nodes.length === 1))
        yield* eventually("a subscriber", Effect.map(holders(cluster, "plain:2"), (nodes) => nodes.length === 1))
        yield* redis.publish("plain:1", "a")
        yield* redis.publish("plain:2", "b")
        yield* until("both", () => got.values.length === 2)
        assert.sameMembers(got.values.map((message) => message.payload), ["a", "b"])
        yield* eventually("none", Effect.map(holders(cluster, "plain:1"), (nodes) => nodes.length === 0))
        // Shortly afterwards the connections go, too.
        yield* eventually("no connection", Effect.map(subscriberLines(cluster), (lines) => lines.length === 0))
      }))

    it.effect("a classic channel is held by the owner of its slot, or where the caller says", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const owner = yield* cluster.owner(HashSlot.ofKey("place"))
        const held = (node: "owner" | "replica" | { host: string; port: number }) =>
          Effect.scoped(Effect.gen(function*() {
            const subscription = yield* redis.subscribeScoped("place", { node })
            const nodes = yield* holders(cluster, "place")
            yield* redis.publish("place", "x")
            assert.strictEqual((yield* Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 1))).length, 1)
            assert.strictEqual(nodes.length, 1)
            return addressOf(nodes[0])
          }))
        assert.strictEqual(yield* held("owner"), addressOf(owner))
        const [replica] = yield* cluster.replicasOf(owner)
        yield* eventually("gone", Effect.map(holders(cluster, "place"), (nodes) => nodes.length === 0))
        assert.strictEqual(yield* held("replica"), addressOf(replica))
        const other = cluster.nodes.find((node) => node.id !== owner.id && node.id !== replica.id) ?? owner
        yield* eventually("gone", Effect.map(holders(cluster, "place"), (nodes) => nodes.length === 0))
        assert.strictEqual(yield* held(other), addressOf(other))
      }))

    it.effect("a shard channel is served by a replica, when asked for", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const subscription = yield* redis.subscribeScoped({ shardChannels: "from-replica" }, { node: "replica" })
        const owner = yield* cluster.owner(HashSlot.ofKey("from-replica"))
        const [replica] = yield* cluster.replicasOf(owner)
        yield* redis.spublish("from-replica", "x")
        const [message] = yield* Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 1))
        assert.strictEqual(message.node.address, addressOf(replica))
      }))

    it.effect("is served by a replica where reads are", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.replicaPreferred })
        const owner = yield* cluster.owner(HashSlot.ofKey("like-reads"))
        const [replica] = yield* cluster.replicasOf(owner)
        const shard = yield* redis.subscribeScoped({ shardChannels: "like-reads" })
        const classic = yield* redis.subscribeScoped("like-reads").pipe(ReadFrom.withPolicy(ReadFrom.primary))
        yield* redis.spublish("like-reads", "x")
        yield* redis.publish("like-reads", "x")
        const nodeOf = (subscription: typeof shard) =>
          Effect.map(Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 1)), ([{ node }]) => node.address)
        assert.strictEqual(yield* nodeOf(shard), addressOf(replica))
        assert.strictEqual(yield* nodeOf(classic), addressOf(owner))
      }))

    it.effect("events say when it is live, once for what is confirmed together", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const got = yield* collect(redis.subscribeEvents({ patterns: ["{events}:a*", "{events}:b*"] }))
        yield* until("live", () => got.values.length > 0)
        assert.strictEqual(got.values.length, 1)
        const [live] = got.values
        assert(live._tag === "Subscribed")
        assert.sameMembers([...live.channels], ["{events}:a*", "{events}:b*"])
        yield* redis.publish("{events}:a1", "x")
        yield* until("the message", () => messages(got.values).length === 1)
      }))

    it.effect("messages that arrive in one read are one chunk", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const got = yield* collect(redis.subscribe({ shardChannels: "chunks" }))
        yield* eventually("live", Effect.map(redis.pubsubShardnumsub("chunks"), (counts) => counts["chunks"] === 1))
        for (const _ of range(20)) {
          yield* Effect.forEach(range(100), () => redis.spublish("chunks", "x"), each)
        }
        yield* until("all", () => got.values.length === 2000)
        assert.isBelow(got.chunks.length, 500)
      }))

    it.effect("100 streams of one channel share one subscription, and each gets everything", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const before = (yield* subscriberLines(cluster)).length
        const all = yield* Effect.forEach(
          range(100),
          () => Effect.flatMap(redis.subscribeScoped("shared"), collect)
        )
        assert.strictEqual((yield* subscriberLines(cluster)).length, before + 1)
        assert.strictEqual(yield* redis.pubsubNumsub("shared").pipe(Effect.map((counts) => counts["shared"])), 1)
        yield* Effect.forEach(range(100), (index) => redis.publish("shared", String(index)), each)
        yield* until("all", () => all.every(({ values }) => values.length === 100))
        for (const { values } of all) {
          assert.deepStrictEqual(values.map(({ payload }) => payload), range(100).map(String))
        }
      }))

    it.effect("10 000 channels subscribed and dropped leave nothing behind, here and there", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const names = range(10_000).map((index) => `many:${index}`)
        yield* Effect.scoped(Effect.gen(function*() {
          yield* redis.subscribeScoped(names)
          yield* redis.subscribeScoped({ shardChannels: names })
          assert.strictEqual(yield* heldBy(redis), 20_000)
          assert.strictEqual((yield* redis.pubsubChannels("many:*")).length, 10_000)
          assert.strictEqual((yield* redis.pubsubShardchannels("many:*")).length, 10_000)
        }))
        yield* eventually("no subscriber here", Effect.map(redis.heldSubscriptions, (held) => held.size === 0))
        // The servers take a while to drop them after the client has told them to.
        yield* eventually("no channel there", Effect.map(redis.pubsubChannels("many:*"), (left) => left.length === 0))
        yield* eventually(
          "no shard channel there",
          Effect.map(redis.pubsubShardchannels("many:*"), (left) => left.length === 0)
        )
        yield* eventually("no connection", Effect.map(subscriberLines(cluster), (lines) => lines.length === 0))
      }))

    it.effect("bad input is refused before anything is sent", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const reasonOf = (stream: Stream.Stream<unknown, { readonly reason: { readonly _tag: string } }>) =>
          Effect.map(Effect.flip(Stream.runDrain(stream)), (error) => error.reason._tag)
        assert.strictEqual(yield* reasonOf(redis.subscribe([])), "OptionsError")
        assert.strictEqual(yield* reasonOf(redis.subscribe("a", { bufferSize: 0 })), "OptionsError")
        assert.strictEqual(yield* reasonOf(redis.subscribe(["a"], { bufferSize: 1.5 })), "OptionsError")
        // A program in plain JavaScript that names its channels one by one.
        assert.strictEqual(yield* reasonOf(Reflect.apply(redis.subscribe, redis, ["a", "b"])), "OptionsError")
        assert.strictEqual(
          yield* reasonOf(redis.subscribe("a", { node: { host: "nowhere", port: 1 } })),
          "UnknownNodeError"
        )
        assert.strictEqual(yield* reasonOf(redis.monitor({ host: "nowhere", port: 1 })), "UnknownNodeError")
      }))

    it.effect("the receivers' count of publish and spublish is that of the node that took it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const owner = yield* cluster.owner(HashSlot.ofKey("counted"))
        const other = (yield* cluster.primaries).find((node) => node.id !== owner.id) ?? owner
        yield* redis.subscribeScoped("counted")
        yield* redis.subscribeScoped({ shardChannels: "counted" })
        assert.strictEqual(yield* redis.spublish("counted", "x"), 1)
        assert.strictEqual((yield* redis.on(owner).publish("counted", "x")).values().next().value, 1)
        // It reaches the subscriber all the same.
        assert.strictEqual((yield* redis.on(other).publish("counted", "x")).values().next().value, 0)
      }))

    it.effect("channels, patterns and shard channels come in one order, from one subscription", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const all = { channels: ["{mix}:a", "{mix}:b"], patterns: "{mix}:p*", shardChannels: "{mix}:a" }
        const subscription = yield* redis.subscribeEventsScoped(all)
        for (const round of range(3)) {
          yield* redis.publish("{mix}:a", `classic ${round}`)
          yield* redis.spublish("{mix}:a", `shard ${round}`)
          yield* redis.publish("{mix}:p1", `pattern ${round}`)
        }
        const events = yield* Stream.fromQueue(subscription).pipe(
          Stream.filter((event) => event._tag === "Message"),
          Stream.take(9),
          Stream.runCollect
        )
        assert.deepStrictEqual(
          events.map(({ payload }) => payload),
          range(3).flatMap((round) => [`classic ${round}`, `shard ${round}`, `pattern ${round}`])
        )
        assert.deepStrictEqual(
          new Set(events.map(({ channel, pattern }) => `${channel} ${pattern}`)),
          new Set([
            "{mix}:a undefined",
            "{mix}:p1 {mix}:p*"
          ])
        )
      }))

    it.effect("a queue of messages gives each to who takes it, in order, and fails with the subscription", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const schema = Schema.fromJsonString(Schema.Struct({ id: Schema.Number }))
        const taken = yield* Effect.scoped(Effect.gen(function*() {
          const redis = yield* connect({ nodes: seeds })
          const queue = yield* redis.subscribeScoped("queued", { schema })
          const waiting = yield* Effect.forkDetach(Queue.take(queue))
          yield* Fiber.interrupt(waiting)
          for (const id of range(4)) yield* redis.publish("queued", JSON.stringify({ id }))
          const first = yield* Queue.take(queue)
          const two = [yield* Queue.take(queue), yield* Queue.take(queue)]
          assert.deepStrictEqual([first, ...two].map(({ payload }) => payload.id), [0, 1, 2])
          yield* redis.publish("queued", "nonsense")
          assert.strictEqual((yield* Queue.take(queue)).payload.id, 3)
          const error = yield* Effect.flip(Queue.take(queue))
          assert.strictEqual(error.reason._tag, "DecodeError")
          return yield* redis.subscribeScoped("queued")
        }))
        const exit = yield* Effect.exit(Queue.take(taken))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      }))

    it.effect("the end of its scope interrupts those who take from the queue of a subscription", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const got = yield* Effect.scoped(Effect.gen(function*() {
          const subscription = yield* redis.subscribeScoped("scoped")
          return yield* Effect.forkDetach(Stream.runDrain(Stream.fromQueue(subscription)))
        }))
        yield* until("the end", () => got.pollUnsafe() !== undefined)
        const exit = got.pollUnsafe()
        assert(exit?._tag === "Failure")
        assert.isTrue(Cause.hasInterruptsOnly(exit.cause))
      }))

    it.effect("the end of the client ends its streams with a ClosedError", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const got = yield* Effect.scoped(Effect.gen(function*() {
          const redis = yield* connect({ nodes: seeds })
          const error = yield* Effect.forkDetach(Effect.flip(Stream.runDrain(redis.subscribe("closing"))))
          yield* eventually("live", Effect.map(redis.pubsubNumsub("closing"), (counts) => counts["closing"] === 1))
          return error
        }))
        yield* until("the end", () => got.pollUnsafe() !== undefined)
        const exit = got.pollUnsafe()
        assert(exit?._tag === "Success")
        assert.strictEqual(exit.value.reason._tag, "ClosedError")
      }))
  })
})
