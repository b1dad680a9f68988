/**
 * The readers of `readers.py` on this client: pub/sub with handlers and polling, shard channels, reads from replicas.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option, Queue, Stream } from "effect"
import { ClusterClient, ReadFrom, type Subscription } from "../../src/index.ts"

const show = (value: unknown) => Console.log(JSON.stringify(value))

const messages = (subscription: Subscription, count: number) =>
  Effect.map(
    Stream.runCollect(Stream.take(Stream.fromQueue(subscription), count)),
    (seen) => seen.map(({ channel, payload }) => [channel, payload])
  )

const polling = Effect.gen(function*() {
  const rc = yield* ClusterClient
  const p = yield* rc.subscribeScoped("news")
  yield* rc.publish("news", "first")
  yield* show(yield* messages(p, 1))
  yield* p.subscribe("late")
  yield* rc.publish("late", 2)
  yield* rc.publish("news", "third")
  yield* show((yield* messages(p, 2)).toSorted())
  yield* p.unsubscribe("news")
  yield* rc.publish("news", "nobody listens")
  yield* rc.publish("late", "fourth")
  yield* show(yield* messages(p, 1))
  yield* show(Option.getOrNull(yield* Effect.timeoutOption(Queue.take(p), "100 millis")))
}).pipe(Effect.scoped)

const handlers = Effect.gen(function*() {
  const rc = yield* ClusterClient
  const handled: Array<string> = []
  const handlers: Readonly<Record<string, (payload: string) => Effect.Effect<unknown>>> = {
    orders: (payload) => Effect.sync(() => handled.push(`order ${payload}`)),
    returns: (payload) => Effect.sync(() => handled.push(`return ${payload}`))
  }
  const p = yield* rc.subscribeScoped(Object.keys(handlers))
  yield* rc.publish("orders", 1)
  yield* rc.publish("returns", 2)
  yield* Stream.fromQueue(p).pipe(
    Stream.take(2),
    Stream.runForEach(({ channel, payload }) => handlers[channel]?.(payload) ?? Effect.void)
  )
  yield* show(handled.toSorted())
}).pipe(Effect.scoped)

const sharded = Effect.gen(function*() {
  const rc = yield* ClusterClient
  const p = yield* rc.subscribeScoped({ shardChannels: "{shard}x" })
  yield* rc.spublish("{shard}x", "sharded")
  const message = yield* Queue.take(p)
  yield* show([message.channel, message.payload])
}).pipe(Effect.scoped)

const replicas = Effect.gen(function*() {
  const rc = yield* ClusterClient
  const own = yield* rc.dedicated("k")
  yield* own.set("k", "v")
  yield* own.wait(1, "1 second")
  const reader = rc.readFrom(ReadFrom.roundRobin)
  yield* show(yield* Effect.all(Array.from({ length: 4 }, () => reader.get("k"))))
}).pipe(Effect.scoped)

const program = Effect.gen(function*() {
  yield* (yield* ClusterClient).flushall()
  yield* polling
  yield* handlers
  yield* sharded
  yield* replicas
})

program.pipe(
  Effect.provide(ClusterClient.layer({ nodes: { host: "localhost", port: Number(process.argv[2]) } })),
  NodeRuntime.runMain
)
