/**
 * Values that are kept on the cluster beside their origin, such as a database: read from the cache, else loaded, by one
 * process at a time.
 *
 * A caller that misses a value puts a placeholder under its key, loads the value and puts it in the place of the
 * placeholder. All others wait for that. The placeholder ends by itself, so that a process that dies while it loads holds the others up
 * for a bounded time. A value is stored only while its own placeholder is there: whoever deletes or writes the key
 * meanwhile, with whatever client, wins.
 *
 * **Example** (Users, loaded once in the whole fleet)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { CacheAside, Value } from "effect-redis-cluster"
 *
 * class User extends Schema.Class<User>("User")({ id: Schema.Int, name: Schema.String }) {}
 *
 * const Users = CacheAside.make({
 *   value: Value.make({ key: (id: number) => `user:${id}`, schema: User, timeToLive: "10 minutes" }),
 *   // Stands for a query to a database.
 *   load: (id) => Effect.succeed(id === 1 ? new User({ id, name: "ada" }) : null)
 * })
 *
 * export const program = Effect.gen(function*() {
 *   const user = yield* Users.get(1) // User | null
 *   // After a change in the database.
 *   yield* Users.invalidate(1)
 *   return user
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Aside, Works } from "./aside/Aside.ts"
import { AsideMetrics } from "./aside/metrics.ts"
import { type Definition, Origin, type Place } from "./aside/Origin.ts"
import { type CacheAsideStatistics, Counters } from "./aside/Statistics.ts"
import { ClusterClient, type ClusterClientShape } from "./ClusterClient.ts"
import * as Command from "./commands/Command.ts"
import { exception, OptionsError, type RedisClusterException } from "./RedisClusterException.ts"

export type { Definition } from "./aside/Origin.ts"
export type { CacheAsideStatistics } from "./aside/Statistics.ts"

/**
 * Values beside their origin. The members can be used apart from the object.
 *
 * **Details**
 *
 * Reads fail with the error of a load, and with a `RedisClusterException`; `set` and `invalidate` with a `RedisClusterException` only.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheAside<in I, in out A, out E = never, out R = never> {
  /**
   * The value of an input: from the cache, or loaded; `null` if the origin has none.
   *
   * **Details**
   *
   * It fails with the errors of `load`, and like any command. A value that a call gets is never older than the last `invalidate` or `set` that had ended
   * before the call (with `cached`: than the age that it allows; while the cluster does not answer: of this process).
   *
   * A load that callers of this process share goes on while one of them waits, and is interrupted when all are gone. To bound the time of a call, use
   * `Effect.timeout`.
   */
  readonly get: (input: I) => Effect.Effect<A | null, E | RedisClusterException, R | ClusterClient>
  /**
   * The values of many inputs, in their order. Missing values are loaded side by side; for a bound use
   * `Effect.forEach(inputs, get, { concurrency })`.
   */
  readonly getMany: (
    inputs: ReadonlyArray<I>
  ) => Effect.Effect<ReadonlyArray<A | null>, E | RedisClusterException, R | ClusterClient>
  /** Removes the value of an input: call it after a change of the origin. A load that has begun before is not stored. */
  readonly invalidate: (input: I) => Effect.Effect<void, RedisClusterException, ClusterClient>
  /**
   * Loads the value of an input again, while others get the former one. Of several that ask at one time, one loads. If the load fails the former value
   * stays, the call fails, and callers in other processes that waited load themselves. A load that began before an `invalidate` or `set` that had ended
   * is not shared. Where the cluster does not answer it does what `whenUnavailable` says; the former value stays there.
   */
  readonly refresh: (input: I) => Effect.Effect<A | null, E | RedisClusterException, R | ClusterClient>
  /** Stores a value without loading it. A load that has begun before is not stored. */
  readonly set: (input: I, value: A) => Effect.Effect<void, RedisClusterException, ClusterClient>
  /** The counters of the calls in this process. */
  readonly statistics: Effect.Effect<CacheAsideStatistics>
}

const refusal = (problem: string): RedisClusterException =>
  exception(() => new OptionsError({ message: `CacheAside.make: ${problem}`, outcome: "NotExecuted" }))

/**
 * Defines values beside their origin.
 *
 * **Details**
 *
 * Keep the object: callers of one process share loads through it. Its values are read with its `get`, because what is stored begins with a head; values that
 * `Value.set` has written are read as well.
 *
 * A definition that is mistaken makes every call fail with an `OptionsError`, and nothing is sent or loaded.
 *
 * A value whose form is not that of the schema, such as one of an earlier version of the program, is loaded again.
 *
 * **Gotchas**
 *
 * A failover can lose an invalidation that the replica had not got yet: the former value is then served until it ends.
 *
 * **Example** (Errors of the origin, and one deadline)
 *
 * ```ts
 * import { Data, Effect, Schema } from "effect"
 * import { CacheAside, Value } from "effect-redis-cluster"
 *
 * class DatabaseError extends Data.TaggedError("DatabaseError")<{}> {}
 *
 * const Prices = CacheAside.make({
 *   value: Value.make({ key: (sku: string) => `price:${sku}`, schema: Schema.Finite }),
 *   load: (sku) => sku === "" ? Effect.fail(new DatabaseError()) : Effect.succeed(sku.length),
 *   timeToLive: "1 minute",
 *   whenUnavailable: "fail"
 * })
 *
 * // Fails with DatabaseError, TimeoutError of Effect, or RedisClusterException.
 * export const program = Prices.get("lamp").pipe(Effect.timeout("1 second"))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <I, A, E = never, R = never>(definition: Definition<I, A, E, R>): CacheAside<I, A, E, R> => {
  const origin = new Origin(definition)
  const counters = new Counters()
  const clients = new WeakMap<ClusterClientShape, Works<A, E>>()

  const worksOf = (redis: ClusterClientShape): Works<A, E> => {
    const known = clients.get(redis)
    if (known !== undefined) return known
    const works = new Works<A, E>()
    clients.set(redis, works)
    return works
  }

  const metrics = origin.name === undefined ? undefined : new AsideMetrics(counters, origin.name)

  const using = <B, F, S>(
    input: I,
    use: (aside: Aside<I, A, E, R>, place: Place<A>) => Effect.Effect<B, F, S>
  ): Effect.Effect<B, F | RedisClusterException, S | ClusterClient> =>
    Effect.contextWith((
      context: Context.Context<ClusterClient>
    ): Effect.Effect<B, F | RedisClusterException, S | ClusterClient> => {
      const redis = Context.get(context, ClusterClient)
      if (origin.problem !== undefined) return Effect.fail(refusal(origin.problem))
      metrics?.showIn(context)
      const place = origin.place(input)
      if (Command.isCommand(place)) return Effect.andThen(redis.execute(place), Effect.die("unreachable"))
      return use(new Aside(origin, counters, redis, worksOf(redis)), place)
    })

  const get = (input: I): Effect.Effect<A | null, E | RedisClusterException, R | ClusterClient> =>
    using(input, (aside, place) => aside.get(input, place))

  return {
    get,
    getMany: (inputs) => Effect.forEach(inputs, get, { concurrency: "unbounded" }),
    invalidate: (input) => using(input, (aside, place) => aside.remove(place)),
    refresh: (input) => using(input, (aside, place) => aside.refresh(input, place)),
    set: (input, value) => using(input, (aside, place) => aside.set(input, place, value)),
    statistics: Effect.sync(() => ({ ...counters }))
  }
}
