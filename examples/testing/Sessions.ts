/**
 * A service as one writes it: sessions of users, kept in Redis for half an hour.
 *
 * Its tests, without servers, are in `test/examples/Sessions.test.ts`.
 */
import { Context, Effect, Layer } from "effect"
import { ClusterClient, type RedisClusterException } from "../../src/index.ts"

export interface Session {
  readonly user: string
  readonly visits: number
}

export class Sessions extends Context.Service<Sessions, {
  /** Opens a session, or goes on with the one there is. */
  readonly visit: (id: string, user: string) => Effect.Effect<Session, RedisClusterException>
  /** The user of a session; nobody when the session is over, or when Redis does not answer in time. */
  readonly find: (id: string) => Effect.Effect<Session | undefined, RedisClusterException>
}>()("examples/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const keyOf = (id: string) => `session:{${id}}`
      return Sessions.of({
        visit: Effect.fnUntraced(function*(id, user) {
          const key = keyOf(id)
          yield* redis.hset(key, { user })
          const visits = yield* redis.hincrby(key, "visits", 1)
          yield* redis.expire(key, "30 minutes")
          return { user, visits }
        }),
        find: (id) =>
          redis.hgetall(keyOf(id)).pipe(
            Effect.map((fields) =>
              fields.user === undefined ? undefined : { user: fields.user, visits: Number(fields.visits) }
            ),
            // Better to ask for a login than to keep the visitor waiting.
            Effect.catchReason("RedisClusterException", "TimeoutError", () => Effect.succeed(undefined))
          )
      })
    })
  )
}
