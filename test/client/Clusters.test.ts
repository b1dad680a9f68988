import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { connectionsNamed } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"

/** The resources that keep this process alive, by kind. */
const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length

class Sessions extends Context.Service<Sessions, ClusterClientShape>()("test/Sessions") {
  static readonly layer = (cluster: RedisClusterShape) =>
    Layer.effect(Sessions, ClusterClient.make({ nodes: cluster.seeds, clientName: "sessions" }))
}

class Carts extends Context.Service<Carts, ClusterClientShape>()("test/Carts") {
  static readonly layer = (cluster: RedisClusterShape) =>
    Layer.effect(Carts, ClusterClient.make({ nodes: cluster.seeds, clientName: "carts" }))
}

const small = { primaries: 3 }

describe("Several clusters in one program", () => {
  it.live("are services of their own: each key reaches its cluster", () =>
    Effect.gen(function*() {
      const [one, other] = yield* Effect.all([RedisCluster.make(small), RedisCluster.make(small)])
      const program = Effect.gen(function*() {
        const sessions = yield* Sessions
        const carts = yield* Carts
        yield* sessions.set("key", "of the sessions")
        yield* carts.set("key", "of the carts")
        return [yield* sessions.get("key"), yield* carts.get("key")]
      })
      // The type shows the missing requirements: none.
      const runnable: Effect.Effect<ReadonlyArray<string | null>, RedisClusterException> = program.pipe(
        Effect.provide([Sessions.layer(one), Carts.layer(other)])
      )
      assert.deepStrictEqual(yield* runnable, ["of the sessions", "of the carts"])
      const raw = (cluster: RedisClusterShape) =>
        Effect.flatMap(cluster.owner(12_539), (node) => cluster.command(node, "GET", "key"))
      assert.deepStrictEqual([yield* raw(one), yield* raw(other)], ["of the sessions", "of the carts"])
    }).pipe(Effect.scoped), 60_000)

  it.live("lend themselves to code that asks for the ClusterClient", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make(small)
      const names = ClusterClient.use((redis) => redis.on("primaries").clientGetname())
      const program = Effect.provideServiceEffect(names, ClusterClient, Sessions)
      const found = yield* program.pipe(Effect.provide(Sessions.layer(cluster)))
      assert.deepStrictEqual([...found.values()], ["sessions", "sessions", "sessions"])
    }).pipe(Effect.scoped), 60_000)
})

describe("A ManagedRuntime", () => {
  it.live(
    "serves code without Effect, by one client, and closes it when it is disposed of",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make(small)
        const before = sockets()
        const runtime = ManagedRuntime.make(ClusterClient.layer({ nodes: cluster.seeds, clientName: "runtime" }))
        const visits = (page: string): Promise<number> =>
          runtime.runPromise(ClusterClient.use((redis) => redis.incr(`visits:${page}`)))

        const counts = yield* Effect.promise(() => Promise.all(Array.from({ length: 100 }, () => visits("home"))))
        assert.deepStrictEqual(counts.toSorted((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i + 1))
        // All of them over one connection, to the node of the one key.
        assert.strictEqual(yield* connectionsNamed(cluster, "runtime"), 1)

        // An error is the typed one, as the reason of the rejection.
        const error = yield* Effect.flip(
          Effect.tryPromise({
            try: () => runtime.runPromise(ClusterClient.use((redis) => redis.incrby("visits:home", Number.NaN))),
            catch: (error) => error as RedisClusterException
          })
        )
        assert.strictEqual(error.reason._tag, "OptionsError")

        yield* Effect.promise(() => runtime.dispose())
        yield* Effect.sleep(100)
        assert.strictEqual(yield* connectionsNamed(cluster, "runtime"), 0)
        assert.isAtMost(sockets(), before)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("rejects with each node's cause when the cluster cannot be reached", () =>
    Effect.gen(function*() {
      const runtime = ManagedRuntime.make(ClusterClient.layer({ nodes: "redis://127.0.0.1:1" }))
      const error = yield* Effect.flip(
        Effect.tryPromise({
          try: () => runtime.runPromise(ClusterClient.use((redis) => redis.ping())),
          catch: (error) => error as RedisClusterException
        })
      )
      assert(error.reason._tag === "NoReachableNodeError")
      assert.match(error.reason.causes[0].cause, /ECONNREFUSED/)
      yield* Effect.promise(() => runtime.dispose())
    }))
})
