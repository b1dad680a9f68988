/**
 * A cache in the program. The servers tell it when a key has changed; when it may have missed that, it forgets everything.
 */
// Run: node examples/cache-invalidation.ts
import { NodeRuntime } from "@effect/platform-node"
import { Cache, Console, Deferred, Effect, Stream } from "effect"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const makeCache = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const cache = yield* Cache.make({
    capacity: 10_000,
    timeToLive: "10 minutes",
    lookup: (key: string) => Effect.tap(redis.get(key), () => Console.log(`${key} was read from the cluster`))
  })
  const live = yield* Deferred.make<void>()
  // From every primary, also from those that join later; `configure` sets notify-keyspace-events on them.
  yield* redis.keyspaceEvents({ prefix: "product:", configure: true }).pipe(
    Stream.runForEach((event) => {
      switch (event._tag) {
        case "Subscribed":
          return Deferred.succeed(live, undefined)
        case "Gap":
          // Some changes may have been missed: nothing in the cache is certain.
          return Cache.invalidateAll(cache)
        case "KeyspaceEvent":
          return Effect.andThen(Console.log(`${event.key}: ${event.event}`), Cache.invalidate(cache, event.key))
      }
    }),
    Effect.forkScoped
  )
  yield* Deferred.await(live)
  return cache
})

const program = Effect.scoped(Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.set("product:1", "a lamp")
  const cache = yield* makeCache

  yield* Console.log(`first: ${yield* Cache.get(cache, "product:1")}`)
  yield* Console.log(`again: ${yield* Cache.get(cache, "product:1")}`)

  yield* redis.set("product:1", "a better lamp")
  yield* Effect.sleep("200 millis")
  yield* Console.log(`changed: ${yield* Cache.get(cache, "product:1")}`)
}))

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
