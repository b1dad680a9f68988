/**
 * Several clusters in one program, as the types see them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClusterClient, type ClusterClientShape, type RedisClusterException } from "../../src/index.ts"

class Sessions extends Context.Service<Sessions, ClusterClientShape>()("types/Sessions") {
  static readonly layer: Layer.Layer<Sessions, RedisClusterException> = Layer.effect(
    Sessions,
    ClusterClient.make({ nodes: "redis://a:1" })
  )
}

class Carts extends Context.Service<Carts, ClusterClientShape>()("types/Carts") {
  static readonly layer = Layer.effect(Carts, ClusterClient.make({ nodes: "redis://b:1" }))
}

const program = Effect.gen(function*() {
  const sessions = yield* Sessions
  const carts = yield* Carts
  return [yield* sessions.get("key"), yield* carts.get("key")] as const
})

type Values = readonly [string | null, string | null]

export const complete: Effect.Effect<Values, RedisClusterException> = program.pipe(
  Effect.provide([Sessions.layer, Carts.layer])
)

// @ts-expect-error: one cluster does not stand for another
export const incomplete: Effect.Effect<Values, RedisClusterException> = program.pipe(Effect.provide(Sessions.layer))

// @ts-expect-error: nor does the client itself
export const other: Effect.Effect<Values, RedisClusterException> = program.pipe(
  Effect.provide([Sessions.layer, ClusterClient.layer({ nodes: "redis://b:1" })])
)
