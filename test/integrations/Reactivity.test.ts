/**
 * Reactivity across processes: two clients of one cluster stand for two processes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as TestClock from "effect/testing/TestClock"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as ReactivityRedis from "../../src/integrations/ReactivityRedis.ts"
import { TestCluster } from "../../src/testing/index.ts"

/** A cluster, and two processes on it. */
const processes = Effect.fnUntraced(function*(options?: ReactivityRedis.ReactivityOptions) {
  const cluster = yield* TestCluster.make({})
  const start = Effect.map(
    Layer.build(Layer.provideMerge(ReactivityRedis.layer(options), Layer.fresh(cluster.layerClient()))),
    (context) => ({
      redis: Context.get(context, ClusterClient),
      reactivity: Context.get(context, Reactivity.Reactivity)
    })
  )
  return { cluster, a: yield* start, b: yield* start }
})

/** The next result of a query, once all running work is done. */
const settled = Effect.fnUntraced(function*<A, E>(results: Queue.Dequeue<A, E>) {
  yield* TestClock.adjust("10 seconds")
  return yield* Queue.clear(results)
})

describe.each([{ sharded: false }, { sharded: true }])("Reactivity on a cluster, %o", (options) => {
  it.effect("runs a query of another process again when its key is invalidated", () =>
    Effect.gen(function*() {
      const { a, b } = yield* processes(options)
      const names = yield* b.reactivity.query(["users"], b.redis.get("user:1"))
      assert.deepStrictEqual(yield* settled(names), [null])
      yield* a.reactivity.mutation(["users"], a.redis.set("user:1", "ada"))
      assert.deepStrictEqual(yield* settled(names), ["ada"])
      yield* a.reactivity.mutation(["orders"], a.redis.set("order:1", "paid"))
      assert.deepStrictEqual(yield* settled(names), [])
    }))

  it.effect("runs everything again that is watched where invalidations may have been lost", () =>
    Effect.gen(function*() {
      const { b, cluster } = yield* processes(options)
      const names = yield* b.reactivity.query({ users: [1] }, b.redis.get("user:1"))
      assert.deepStrictEqual(yield* settled(names), [null])
      yield* Effect.forEach(cluster.primaries, (node) => cluster.disconnect(node), { discard: true })
      assert.deepStrictEqual(yield* settled(names), [null])
    }))

  it.effect("publishes when the cluster is back what was invalidated while it was away", () =>
    Effect.gen(function*() {
      const { a, b, cluster } = yield* processes(options)
      const names = yield* b.reactivity.query(["users"], b.redis.get("user:1"))
      assert.deepStrictEqual(yield* settled(names), [null])
      yield* Effect.forEach(cluster.primaries, (node) => cluster.stall(node), { discard: true })
      yield* a.reactivity.invalidate(["users"])
      yield* TestClock.adjust("1 minute")
      yield* Effect.forEach(cluster.primaries, (node) => cluster.resume(node), { discard: true })
      assert.isAbove((yield* settled(names)).length, 0)
    }))

  it.effect("publishes a batch when it ends", () =>
    Effect.gen(function*() {
      const { a, b } = yield* processes(options)
      const names = yield* b.reactivity.query(["users"], b.redis.get("user:1"))
      assert.deepStrictEqual(yield* settled(names), [null])
      yield* a.reactivity.withBatch(Effect.gen(function*() {
        yield* a.reactivity.invalidate(["users"])
        assert.deepStrictEqual(yield* settled(names), [])
        yield* a.redis.set("user:1", "grace")
      }))
      assert.deepStrictEqual(yield* settled(names), ["grace"])
    }))
})
