/**
 * Effect's own services on a cluster: a cache that all processes share, a queue, rate limits, keys and values.
 */
// Run: node examples/effect-services.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Schema } from "effect"
import { KeyValueStore, Persistable, PersistedQueue, RateLimiter } from "effect/persistence"
import * as KeyValueStoreRedis from "../src/integrations/KeyValueStoreRedis.ts"
import * as PersistedCacheRedis from "../src/integrations/PersistedCacheRedis.ts"
import * as PersistedQueueRedis from "../src/integrations/PersistedQueueRedis.ts"
import * as PersistenceRedis from "../src/integrations/PersistenceRedis.ts"
import * as RateLimiterRedis from "../src/integrations/RateLimiterRedis.ts"
import { exampleClient } from "./support.ts"

class Report extends Persistable.Class<{ payload: { readonly day: string } }>()("Report", {
  primaryKey: ({ day }) => day,
  success: Schema.String
}) {}

const cache = Effect.gen(function*() {
  let computed = 0
  const makeReports = PersistedCacheRedis.make(
    ({ day }: Report) =>
      Effect.andThen(Effect.sleep("100 millis"), Effect.sync(() => `report of ${day}, computed ${++computed} time`)),
    { storeId: "example:reports", timeToLive: () => "1 minute" }
  )
  // Two caches, as two processes have them, asked at once.
  const caches = yield* Effect.all([makeReports, makeReports])
  const found = yield* Effect.forEach(caches, ({ get }) => get(new Report({ day: "Monday" })), {
    concurrency: "unbounded"
  })
  yield* Effect.forEach(found, (report) => Console.log(report))
  yield* caches[0].invalidate(new Report({ day: "Monday" }))
}).pipe(Effect.scoped)

const queue = Effect.gen(function*() {
  const mails = yield* PersistedQueue.make({ name: "mails", schema: Schema.Struct({ to: Schema.String }) })
  yield* mails.offer({ to: "ada" })
  yield* mails.offer({ to: "grace" })
  yield* Effect.repeat(mails.take(({ to }) => Console.log(`mail to ${to}`)), { times: 1 })
})

const limits = Effect.gen(function*() {
  const { consume } = yield* RateLimiter.RateLimiter
  const request = (user: string) =>
    consume({ algorithm: "token-bucket", key: user, limit: 2, window: "1 minute", onExceeded: "fail" }).pipe(
      Effect.match({
        onSuccess: ({ remaining }) => `${user}: ${remaining} left`,
        onFailure: ({ reason }) => `${user}: ${reason._tag}`
      }),
      Effect.flatMap(Console.log)
    )
  yield* Effect.forEach(["ada", "ada", "ada", "grace"], request)
})

const values = Effect.gen(function*() {
  const store = yield* KeyValueStore.KeyValueStore
  yield* store.set("visits", "0")
  const visit = store.modify("visits", (count) => String(Number(count) + 1))
  yield* Effect.all([visit, visit, visit], { concurrency: "unbounded" })
  yield* Console.log(`${yield* store.get("visits")} visits, ${yield* store.size} key`)
  yield* store.clear
})

const ServicesLive = Layer.mergeAll(
  PersistenceRedis.layer,
  PersistedQueueRedis.layer({ prefix: "example:queue:" }),
  RateLimiterRedis.layer({ prefix: `example:limits:${Date.now()}:` }),
  KeyValueStoreRedis.layer({ prefix: "example:values:" })
).pipe(Layer.provideMerge(exampleClient()))

Effect.all([cache, queue, limits, values], { discard: true }).pipe(Effect.provide(ServicesLive), NodeRuntime.runMain)
