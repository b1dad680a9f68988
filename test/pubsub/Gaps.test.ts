/**
 * The span of a gap: what was published, and was acknowledged, and never came, lies within it.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { Duplex } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { SubscriptionEvent } from "../../src/pubsub/SubscriptionEvent.ts"
import { busDelay } from "../../src/pubsub/transit.ts"
import { connect } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { until } from "../harness/Waiting.ts"
import { collect, type Collected, count, gaps, messages } from "./support.ts"

/** A socket whose incoming bytes can be kept back, as a slow network or a busy process keeps them. */
class Late extends Duplex {
  readonly kept: Array<Buffer> = []
  isKeeping = false
  private readonly socket: Net.Socket

  constructor(endpoint: Endpoint) {
    super()
    this.socket = Net.connect(endpoint)
    this.socket.on("data", (bytes: Buffer) => {
      if (this.isKeeping) this.kept.push(Buffer.from(bytes))
      else this.push(bytes)
    })
    this.socket.on("error", (error) => this.destroy(error)).on("close", () => this.destroy())
  }

  keeps(text: string): boolean {
    return Buffer.concat(this.kept).includes(text)
  }

  override _read() {}

  override _write(bytes: Buffer, _encoding: string, done: () => void) {
    this.socket.write(bytes, () => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void) {
    this.socket.destroy()
    done(error)
  }
}

const lateStreams = () => {
  const all: Array<Late> = []
  return {
    all,
    stream: (endpoint: Endpoint): Duplex => {
      const late = new Late(endpoint)
      all.push(late)
      return late
    }
  }
}

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

interface Channel {
  readonly kind: string
  readonly subscribe: (
    redis: ClusterClientShape,
    name: string
  ) => ReturnType<ClusterClientShape["subscribeEventsScoped"]>
  readonly publish: (redis: ClusterClientShape, name: string, text: string) => ReturnType<ClusterClientShape["publish"]>
}

const channels: ReadonlyArray<Channel> = [
  {
    kind: "a shard channel",
    subscribe: (redis, name) => redis.subscribeEventsScoped({ shardChannels: name }),
    publish: (redis, name, text) => redis.spublish(name, text)
  },
  {
    kind: "a classic channel",
    subscribe: (redis, name) => redis.subscribeEventsScoped(name),
    publish: (redis, name, text) => redis.publish(name, text)
  }
]

const payloads = (events: Collected<SubscriptionEvent>) => messages(events.values).map(({ payload }) => payload)

describe.each(channels)("The gap of $kind", ({ kind, publish, subscribe }) => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("begins before a lost message that was published while an earlier one was on its way", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const late = lateStreams()
        const redis = yield* connect({ nodes: seeds, stream: late.stream })
        const other = yield* connect({ nodes: seeds })
        const name = `${kind} on the way`
        const events = yield* Effect.flatMap(subscribe(redis, name), collect)
        yield* publish(other, name, "the first")
        yield* until("the first", () => payloads(events).includes("the first"))
        for (const one of late.all) one.isKeeping = true
        yield* publish(other, name, "comes late")
        yield* until("it is on its way", () => late.all.some((one) => one.keeps("comes late")))
        const [bearer] = late.all.filter((one) => one.keeps("comes late"))
        const onTheWay = bearer.kept.splice(0)
        yield* publish(other, name, "is lost")
        const published = Date.now()
        // Longer than any message is on its way: the reader was busy.
        yield* Effect.sleep(2 * busDelay)
        for (const bytes of onTheWay) bearer.push(bytes)
        yield* until("comes late", () => payloads(events).includes("comes late"))
        bearer.destroy()
        for (const one of late.all) one.isKeeping = false
        yield* until("live again", () => count(events.values, "Subscribed") === 2)
        assert.notInclude(payloads(events), "is lost")
        assert.isAtMost(gaps(events.values)[0].from, published)
      }))

    it.effect("begins earlier than the last message came, by the time that a message may be on its way between nodes", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const late = lateStreams()
        const redis = yield* connect({ nodes: seeds, stream: late.stream })
        const name = `${kind} through the bus`
        const events = yield* Effect.flatMap(subscribe(redis, name), collect)
        const confirmed = Date.now()
        yield* Effect.sleep(2 * busDelay)
        yield* publish(redis, name, "the first")
        yield* until("the first", () => payloads(events).includes("the first"))
        yield* turn
        yield* publish(redis, name, "the last")
        yield* until("the last", () => payloads(events).includes("the last"))
        const came = Date.now()
        for (const one of late.all) one.destroy()
        yield* until("live again", () => count(events.values, "Subscribed") === 2)
        assert.isAtMost(gaps(events.values)[0].from, came - busDelay)
        assert.isAtLeast(gaps(events.values)[0].from, confirmed - busDelay)
      }))

    it.effect("begins when the reading was stopped for a full buffer, whenever that is emptied", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const other = yield* connect({ nodes: cluster.seeds })
        const name = `${kind} that waits`
        const subscription = yield* kind === "a shard channel"
          ? redis.subscribeEventsScoped({ shardChannels: name }, { bufferSize: 1 })
          : redis.subscribeEventsScoped(name, { bufferSize: 1 })
        for (const text of ["1", "2", "3"]) {
          yield* publish(other, name, text)
          yield* turn
        }
        yield* Effect.sleep(2 * busDelay)
        yield* publish(other, name, "behind")
        for (const node of cluster.nodes) yield* cluster.command(node, "CLIENT", "KILL", "TYPE", "pubsub")
        yield* publish(other, name, "is lost")
        const published = Date.now()
        yield* Effect.sleep(2 * busDelay)
        const events = yield* collect(subscription)
        yield* until("live again", () => count(events.values, "Gap") === 1)
        assert.notInclude(payloads(events), "is lost")
        assert.isAtMost(gaps(events.values)[0].from, published)
      }))
  })
})
