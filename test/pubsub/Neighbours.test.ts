import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { collect, count, gaps, messages } from "./support.ts"

const each = { concurrency: "unbounded", discard: true } as const
const tag = tagWhere((slot) => slot < 5000)

const everywhere = (cluster: RedisClusterShape, ...command: ReadonlyArray<string>) =>
  Effect.forEach(cluster.nodes, (node) => cluster.command(node, ...command), { discard: true })

const protocols = [2, 3] as const

/** Publishes 0, 1, 2 ... in one go, so that many arrive in one read. */
const burst = (
  redis: { readonly spublish: (channel: string, message: string) => Effect.Effect<number, unknown> },
  channel: string,
  size: number
) => Effect.forEach(range(size), (index) => redis.spublish(channel, String(index)), each)

describeOnEach(
  "A scoped subscription that is read by one stream after the other, on $name",
  (environment) => {
    layer(environment.layer(), { excludeTestServices: true })((it) => {
      it.effect("loses nothing between two streams: Stream.runHead, Stream.take and Queue.take go on where the last one ended", () =>
        Effect.gen(function*() {
          const { seeds } = yield* RedisCluster
          const redis = yield* connect({ nodes: seeds })
          const subscription = yield* redis.subscribeScoped({ shardChannels: "successive" })
          yield* burst(redis, "successive", 30)
          yield* burst(redis, "successive", 30)
          const seen: Array<string> = []
          for (const _ of range(10)) {
            const head = yield* Stream.runHead(Stream.fromQueue(subscription))
            seen.push(Option.getOrThrow(head).payload)
          }
          const taken = yield* Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 20))
          const left = yield* Effect.forEach(range(30), () => Queue.take(subscription))
          seen.push(...[...taken, ...left].map(({ payload }) => payload))
          assert.deepStrictEqual(seen, [...range(30), ...range(30)].map(String))
        }))
    })
  }
)

describe("What a server refuses one caller", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    for (const protocol of protocols) {
      it.effect(`is nobody else's trouble: names that were asked for in one request, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          // A pattern has to be allowed word for word.
          const allowed = range(4).map((index) => `&{${tag}}:ok-${index + 1}`)
          yield* everywhere(cluster, "ACL", "SETUSER", "partly", "reset", "on", ">pw", "~*", "+@all", ...allowed)
          const redis = yield* connect({
            nodes: cluster.seeds,
            username: "partly",
            password: Redacted.make("pw"),
            protocol
          })
          for (const kind of ["channels", "patterns", "shardChannels"] as const) {
            const results = yield* Effect.forEach(
              ["ok-1", "no-1", "ok-2", "ok-3", "no-2", "ok-4"],
              (name) => Effect.result(redis.subscribeScoped({ [kind]: `{${tag}}:${name}` })),
              { concurrency: "unbounded" }
            )
            assert.deepStrictEqual(results.map(Result.isSuccess), [true, false, true, true, false, true])
            const refused = results.flatMap((result) => Result.isFailure(result) ? [result.failure.reason._tag] : [])
            assert.deepStrictEqual(refused, ["ReplyError", "ReplyError"])
          }
        }))

      it.effect(`when its channel is taken away while it is live, the others go on, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const permit = (user: string, ...channels: ReadonlyArray<string>) =>
            everywhere(cluster, "ACL", "SETUSER", user, "on", ">pw", "~*", "+@all", "resetchannels", ...channels)
          const user = `robbed-${protocol}`
          const name = (what: string) => `{${tag}}:${what}`
          yield* permit(user, `&${name("ok-a")}`, `&${name("ok-b")}`, `&${name("maybe")}`)
          const redis = yield* connect({
            nodes: cluster.seeds,
            username: user,
            password: Redacted.make("pw"),
            protocol
          })
          const publisher = yield* connect({ nodes: cluster.seeds })
          const a = yield* Effect.flatMap(redis.subscribeEventsScoped(name("ok-a")), collect)
          const b = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: name("ok-b") }), collect)
          const maybe = yield* Effect.flatMap(redis.subscribeEventsScoped(name("maybe")), collect)
          const maybeToo = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: name("maybe") }), collect)
          // The server ends the connection of a client that holds what it may not any more.
          yield* permit(user, `&${name("ok-a")}`, `&${name("ok-b")}`)
          yield* until(
            "the end of those that are refused",
            () => maybe.error !== undefined && maybeToo.error !== undefined
          )
          assert.strictEqual(maybe.error?.reason._tag, "ReplyError")
          yield* until(
            "the others are live again",
            () => count(a.values, "Subscribed") === 2 && count(b.values, "Subscribed") === 2
          )
          yield* publisher.publish(name("ok-a"), "a")
          yield* publisher.spublish(name("ok-b"), "b")
          yield* until("their messages", () => messages(a.values).length === 1 && messages(b.values).length === 1)
          assert.isUndefined(a.error)
          assert.isUndefined(b.error)
        }))

      it.effect(`a node that refuses all of them answers each caller, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          yield* everywhere(cluster, "ACL", "SETUSER", "deaf", "reset", "on", ">pw", "~*", "&*", "+@all", "-subscribe")
          const redis = yield* connect({
            nodes: cluster.seeds,
            username: "deaf",
            password: Redacted.make("pw"),
            protocol
          })
          const results = yield* Effect.forEach(
            range(20),
            (index) => Effect.result(redis.subscribeScoped(`{${tag}}:${index}`)),
            { concurrency: "unbounded" }
          )
          assert.isTrue(
            results.every((result) => Result.isFailure(result) && result.failure.reason._tag === "ReplyError")
          )
          yield* redis.subscribeScoped({ patterns: `{${tag}}:*` })
        }))

      it.effect(`a name that the server echoes differently keeps nobody waiting, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, protocol })
          const bad = `{${tag}}:bad\ud800`
          for (const kind of ["channels", "patterns", "shardChannels"] as const) {
            const publish = kind === "shardChannels" ? redis.spublish : redis.publish
            const first = yield* Effect.forkScoped(redis.subscribeScoped({ [kind]: bad }))
            yield* redis.subscribeScoped({ [kind]: `{${tag}}:good` })
            const subscription = yield* Fiber.join(first)
            // It is the channel that a publisher names with the same text.
            yield* publish(bad, "x")
            const [message] = yield* Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 1))
            assert.strictEqual(message.channel, `{${tag}}:bad\ufffd`)
          }
        }))
    }
  })
})

/** Counts what is read of the sockets that subscribe. */
const counting = () => {
  const sockets: Array<Net.Socket> = []
  const stream = (endpoint: Endpoint): Duplex => {
    const socket = Net.connect(endpoint)
    const write = socket.write.bind(socket)
    socket.write = (bytes: string | Uint8Array) => {
      if (!sockets.includes(socket) && Buffer.from(bytes).includes("SUBSCRIBE")) sockets.push(socket)
      return write(bytes)
    }
    return socket
  }
  return { stream, read: () => sockets.reduce((sum, socket) => sum + socket.bytesRead, 0) }
}

describe("A stream that nobody reads, with the strategy suspend", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    for (const protocol of protocols) {
      it.effect(`bounds the memory while others subscribe and leave, and loses nothing, over RESP${protocol}`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const { read, stream } = counting()
          const redis = yield* connect({ nodes: cluster.seeds, stream, protocol })
          const publisher = yield* connect({ nodes: cluster.seeds })
          const channel = `{${tag}}:slow`
          const slow = yield* redis.subscribeEventsScoped({ shardChannels: channel }, {
            bufferSize: 100,
            strategy: "suspend"
          })
          const total = 4000
          const padding = "x".repeat(1000)
          // Most of it waits at the server.
          yield* Effect.forEach(
            range(total / 100),
            (block) =>
              Effect.forEach(
                range(100),
                (index) => publisher.spublish(channel, `${block * 100 + index} ${padding}`),
                each
              ),
            { discard: true }
          )
          let before = -1
          yield* eventually("the reading stops", Effect.sync(() => before === (before = read())))
          // Others get what they ask for, beside the one that is slow.
          for (const index of range(30)) {
            const name = `{${tag}}:${index}`
            const heard = yield* Effect.scoped(Effect.gen(function*() {
              const other = yield* redis.subscribeScoped({ shardChannels: name })
              yield* publisher.spublish(name, "hello")
              return yield* Stream.runHead(Stream.fromQueue(other))
            }))
            assert.strictEqual(Option.getOrThrow(heard).payload, "hello")
          }
          // 100 messages, and a few reads of 64 KiB.
          assert.isBelow(read(), 1_000_000)
          const got = yield* collect(slow)
          yield* until("all", () => messages(got.values).length === total)
          assert.deepStrictEqual(
            messages(got.values).map(({ payload }) => Number(payload.split(" ")[0])),
            range(total)
          )
          assert.deepStrictEqual(gaps(got.values), [])
        }))
    }
  })
})

describe("A cluster with replicas", () => {
  layer(RedisCluster.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("lists the channels of all nodes as a union, by whatever way they are asked for", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const name = `{${tag}}:everywhere`
        for (const node of yield* redis.nodes) yield* redis.subscribeScoped(name, { node })
        yield* redis.subscribeScoped({ shardChannels: name })
        yield* redis.subscribeScoped({ shardChannels: name }, { node: "replica" })
        assert.deepStrictEqual(yield* redis.pubsubChannels(name), [name])
        assert.deepStrictEqual(yield* redis.send("PUBSUB", "CHANNELS", name), [name])
        assert.deepStrictEqual(yield* redis.pubsubShardchannels(name), [name])
        assert.deepStrictEqual(yield* redis.send("PUBSUB", "SHARDCHANNELS", name), [name])
        assert.strictEqual((yield* redis.pubsubNumsub(name))[name], 6)
        assert.strictEqual((yield* redis.pubsubShardnumsub(name))[name], 2)
      }))

    it.effect("keeps nothing of a shard channel at a replica that a stream has left", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const owner = yield* cluster.owner(HashSlot.ofKey(`{${tag}}:left`))
        const [replica] = yield* cluster.replicasOf(owner)
        // The connection stays.
        yield* redis.subscribeScoped({ shardChannels: `{${tag}}:stays` }, { node: "replica" })
        yield* Effect.scoped(redis.subscribeScoped({ shardChannels: `{${tag}}:left` }, { node: "replica" }))
        yield* eventually(
          "nobody listens",
          Effect.map(cluster.command(replica, "PUBSUB", "SHARDNUMSUB", `{${tag}}:left`), (reply) =>
            (reply as ReadonlyArray<unknown>)[1] === 0)
        )
      }))

    it.effect("does not leave a subscription silent at a replica that was given to another primary", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, refreshInterval: "Infinity" })
        const name = `{${tag}}:given away`
        const owner = yield* cluster.owner(HashSlot.ofKey(name))
        const [replica] = yield* cluster.replicasOf(owner)
        const other = (yield* cluster.primaries).filter(({ id }) => id !== owner.id)[0]
        const got = yield* Effect.flatMap(
          redis.subscribeEventsScoped({ shardChannels: name }, { node: "replica" }),
          collect
        )
        yield* cluster.command(replica, "CLUSTER", "REPLICATE", other.id)
        yield* until("live elsewhere", () => count(got.values, "Subscribed") === 2)
        assert.deepStrictEqual(gaps(got.values).map(({ reason }) => reason), ["OwnerChanged"])
        yield* redis.spublish(name, "x")
        yield* until("the message", () => messages(got.values).length === 1)
      }))
  })
})

/** Sockets that end elsewhere once they are swapped, as behind a name: SSUBSCRIBE is answered by MOVED to the address itself. */
const swapping = () => {
  const link = {
    isSwapped: false,
    stream: (endpoint: Endpoint): Duplex => {
      const socket = Net.connect(endpoint)
      const isOld = !link.isSwapped
      const write = socket.write.bind(socket)
      socket.write = (bytes: string | Uint8Array) => {
        const name = /SSUBSCRIBE\r\n\$\d+\r\n([^\r]+)/.exec(Buffer.from(bytes).toString())?.[1]
        if (!isOld || !link.isSwapped || name === undefined) return write(bytes)
        const answer = `-MOVED ${HashSlot.ofKey(name)} ${endpoint.host}:${endpoint.port}\r\n`
        return setImmediate(() => socket.emit("data", Buffer.from(answer))).hasRef()
      }
      return socket
    }
  }
  return link
}

describe("A connection for subscriptions whose far end is not the node any more", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("is replaced when it sends a subscription away to itself", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const link = swapping()
        const redis = yield* connect({ nodes: seeds, stream: link.stream })
        const first = yield* Effect.flatMap(redis.subscribeEventsScoped({ shardChannels: `{${tag}}:first` }), collect)
        link.isSwapped = true
        const second = yield* redis.subscribeScoped({ shardChannels: `{${tag}}:second` })
        yield* redis.spublish(`{${tag}}:second`, "x")
        assert.strictEqual(Option.getOrThrow(yield* Stream.runHead(Stream.fromQueue(second))).payload, "x")
        // The subscriptions that it held end with it, and report that.
        yield* until("the first is live again", () => count(first.values, "Subscribed") === 2)
        assert.strictEqual(count(first.values, "Gap"), 1)
      }))
  })
})
