/**
 * Cache-asides of several clients over one origin, for their tests.
 */
import { Data, Deferred, Effect, Schema } from "effect"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import { CacheAside, Value } from "../../src/index.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

export class OriginError extends Data.TaggedError("OriginError")<{ readonly why: string }> {}

/** A cache-aside as one client uses it. */
export const by = (redis: ClusterClientShape) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, ClusterClient, redis)

export const Numbers = (prefix: string) =>
  Value.make({ key: (id: number) => `${prefix}:${id}`, schema: Schema.Finite, timeToLive: "1 minute" })

export const all = { concurrency: "unbounded" } as const

/** Three clients, as processes have them, each with a cache-aside of its own over one origin. */
export const processes = Effect.fnUntraced(function*(
  prefix: string,
  load: (id: number) => Effect.Effect<number | null, OriginError>,
  options: Partial<CacheAside.Definition<number, number, OriginError, never>> = {}
) {
  const cluster = yield* RedisCluster
  const value = Numbers(prefix)
  const clients = yield* Effect.forEach(range(3), () => connect({ nodes: cluster.seeds }))
  return clients.map((redis) => {
    const aside = CacheAside.make({ value, load, ...options })
    return {
      redis,
      get: (id: number) => by(redis)(aside.get(id)),
      getMany: (ids: ReadonlyArray<number>) => by(redis)(aside.getMany(ids)),
      refresh: (id: number) => by(redis)(aside.refresh(id)),
      invalidate: (id: number) => by(redis)(aside.invalidate(id)),
      set: (id: number, value: number) => by(redis)(aside.set(id, value)),
      statistics: aside.statistics
    }
  })
})

/** An origin that gives its present number when it is let. */
export const origin = () => {
  let loads = 0
  let current = 1
  let gate: Deferred.Deferred<void> | undefined
  return {
    load: () =>
      Effect.suspend(() => {
        loads++
        const value = current
        return Effect.as(gate === undefined ? Effect.void : Deferred.await(gate), value)
      }),
    get loads() {
      return loads
    },
    change: (value: number) => {
      current = value
    },
    close: () => {
      gate = Deferred.makeUnsafe<void>()
      return gate
    },
    open: () => {
      gate = undefined
    }
  }
}

export type Aside = Effect.Success<ReturnType<typeof processes>>[number]
