/**
 * Several clusters in one program, as the types see them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import { ClusterClient, type ClusterClientShape, type Endpoint, type RedisClusterException } from "../../src/index.ts"

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

// The layer requires the services that the effects among its options require.
class Vault extends Context.Service<Vault, { readonly token: Effect.Effect<string> }>()("types/Vault") {}
class Catalog
  extends Context.Service<Catalog, { readonly nodes: Effect.Effect<ReadonlyArray<Endpoint>> }>()("types/Catalog")
{}
const credentials = Effect.flatMap(
  Vault,
  ({ token }) => Effect.map(token, (text) => ({ password: Redacted.make(text) }))
)
const nodes = Effect.flatMap(Catalog, ({ nodes }) => nodes)
expectTypeOf(ClusterClient.layer({ nodes, credentials })).toEqualTypeOf<
  Layer.Layer<ClusterClient, RedisClusterException, Vault | Catalog>
>()
expectTypeOf(ClusterClient.layer({ nodes: "redis://a:1", credentials: Stream.fromEffect(credentials) })).toEqualTypeOf<
  Layer.Layer<ClusterClient, RedisClusterException, Vault>
>()
expectTypeOf(ClusterClient.layer({ nodes: "redis://a:1" })).toEqualTypeOf<
  Layer.Layer<ClusterClient, RedisClusterException>
>()
class Named extends ClusterClient.named<Named>()("types/Named") {}
expectTypeOf(Named.layer({ nodes, credentials })).toEqualTypeOf<
  Layer.Layer<Named, RedisClusterException, Vault | Catalog>
>()

// @ts-expect-error: nor does the client itself
export const other: Effect.Effect<Values, RedisClusterException> = program.pipe(
  Effect.provide([Sessions.layer, ClusterClient.layer({ nodes: "redis://b:1" })])
)
