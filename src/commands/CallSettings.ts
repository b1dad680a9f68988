/**
 * The deadline and the idempotence of all commands in a region of the program.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { millisOf } from "../internal/millis.ts"

/**
 * The settings of a region for commands without their own. `Command.withTimeout` and `Command.withIdempotence` make them.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallSettings {
  /** The time from call to reply in milliseconds, in place of the client's `commandTimeout`. Default: that of the client. */
  readonly timeout?: number | undefined
  /** Whether the commands may be executed twice. Default: `false`. */
  readonly idempotent?: boolean | undefined
  /** Why the commands are not sent: the settings themselves are wrong. Default: they are right. */
  readonly invalid?: string | undefined
}

const none: CallSettings = {}

/**
 * The settings of the current region of the program, which `Command.withTimeout` and `Command.withIdempotence` change.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentCallSettings: Context.Reference<CallSettings> = Context.Reference<CallSettings>(
  "effect-redis-cluster/CallSettings",
  { defaultValue: () => none }
)

const within = <A, E, R>(self: Effect.Effect<A, E, R>, settings: CallSettings): Effect.Effect<A, E, R> =>
  Effect.updateService(self, CurrentCallSettings, (outer) => ({ ...outer, ...settings }))

/**
 * Gives a deadline to every command that an effect runs, unless the command has its own.
 *
 * **When to use**
 *
 * Use it around a handler that has so much time for each of its commands. `Effect.timeout` interrupts a command and
 * cannot tell whether it was executed. A command that misses this deadline fails with a `TimeoutError`, whose
 * `outcome` says that.
 *
 * **Details**
 *
 * An inner region replaces an outer one; `Command.timeout` of a command wins over both. A bare number is milliseconds. A
 * duration that is not at least 0 ms fails each command with an `OptionsError`.
 *
 * **Gotchas**
 *
 * The deadline applies to each command, not to the effect as a whole: ten commands, one after the other, may take ten times
 * as long. The time that a blocking command asks for comes in addition.
 *
 * **Example** (A handler whose commands have 300 ms)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const handler = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const name = yield* redis.get("user:1")
 *   return { name, visits: yield* redis.incr("visits:1") }
 * })
 *
 * export const program = handler.pipe(Command.withTimeout("300 millis"))
 * ```
 *
 * @category regions
 * @since 0.1.0
 */
export const withTimeout: {
  (duration: Duration.Input): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, duration: Duration.Input): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, duration: Duration.Input): Effect.Effect<A, E, R> =>
    within(self, { timeout: millisOf(duration) })
)

/**
 * Marks every command that an effect runs as safe to execute twice, so that it is sent again when a lost connection
 * leaves its outcome unknown. The effect keeps its errors.
 *
 * **When to use**
 *
 * Use it around code whose writes may all be repeated, such as `SET`, `HSET` and `DEL`. `Command.idempotent` marks one
 * command.
 *
 * **Gotchas**
 *
 * The mark applies to every command within the effect, including those of libraries. `INCR`, `LPUSH` and similar
 * commands are not safe to execute twice.
 *
 * **Example** (Writes that may be repeated)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* Effect.all([redis.set("a", "1"), redis.hset("b", { c: "2" })])
 * }).pipe(Command.withIdempotence)
 * ```
 *
 * @category regions
 * @since 0.1.0
 */
export const withIdempotence = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  within(self, { idempotent: true })
