/**
 * The start of a client: its schedule, and options whose effects require something.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { TestCluster } from "../../src/testing/index.ts"

class Catalog extends Context.Service<Catalog, {
  readonly find: Effect.Effect<ReadonlyArray<Endpoint>, string>
  readonly token: Effect.Effect<string>
}>()("test/Catalog") {}

/** A catalog that knows the nodes when it has been asked so often. */
const catalog = (failures: number) => {
  const seen = { asked: 0, tokens: 0 }
  const layer = Layer.succeed(Catalog, {
    find: Effect.suspend(() =>
      ++seen.asked <= failures ? Effect.fail("not yet") : Effect.succeed([{ host: "127.0.0.1", port: 7000 }])
    ),
    token: Effect.sync(() => `token ${++seen.tokens}`)
  })
  return { layer, seen }
}

const nodes = Effect.flatMap(Catalog, ({ find }) => find)

describe("The start of a client", () => {
  it.effect("is tried again on its schedule", () => {
    const { layer, seen } = catalog(2)
    return Effect.gen(function*() {
      const { stream } = yield* TestCluster
      const startSchedule = Schedule.spaced("10 seconds")
      const starting = yield* Effect.forkChild(ClusterClient.make({ nodes, stream, startSchedule }))
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(starting.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      const redis = yield* Fiber.join(starting)
      yield* redis.set("k", "v")
      assert.isAtLeast(seen.asked, 3)
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.provide(TestCluster.layer()))
  })

  it.effect("ends with its schedule, and with a failure that time does not mend", () => {
    const { layer } = catalog(Infinity)
    return Effect.gen(function*() {
      const { stream } = yield* TestCluster
      const startSchedule = Schedule.recurs(2)
      const error = yield* Effect.flip(ClusterClient.make({ nodes, stream, startSchedule }))
      assert.strictEqual(error.reason._tag, "NoReachableNodeError")
      const wrong = yield* Effect.flip(ClusterClient.make({ nodes, stream, startSchedule: "soon" as never }))
      assert.strictEqual(wrong.reason._tag, "OptionsError")
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.provide(TestCluster.layer()))
  })

  it.effect("serves the effects of its options with the context that is there", () => {
    const { layer, seen } = catalog(0)
    return Effect.gen(function*() {
      const { stream } = yield* TestCluster
      const credentials = Effect.flatMap(
        Catalog,
        ({ token }) => Effect.map(token, (text) => ({ password: Redacted.make(text) }))
      )
      const started = Layer.build(ClusterClient.layer({ nodes, credentials, stream }))
      yield* Effect.exit(started)
      assert.isAtLeast(seen.asked, 1)
      assert.isAtLeast(seen.tokens, 1)
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.provide(TestCluster.layer()))
  })
})
