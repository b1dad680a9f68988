/** Settings that a region of the program gives to the commands of one client. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Command } from "../commands/Command.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import * as ReadFrom from "../ReadFrom.ts"
import type { ClientRegionSettings } from "../routing/ClientRegion.ts"
import type { RouterShape } from "../routing/Router.ts"

/** Settings that a region gives to the commands of one client. */
export interface RegionSettings {
  /** The policy of the reads. Views keep theirs. Default: that of the outer region. */
  readonly readFrom?: ReadFrom.Policy | undefined
  /** The deadline of each command that has none of its own; a bare number is milliseconds. Default: that of the outer region. */
  readonly timeout?: Duration.Input | undefined
  /** Whether the commands may be executed twice. Default: that of the outer region. */
  readonly idempotent?: boolean | undefined
}

export interface RegionMembers {
  /**
   * Gives the commands that an effect runs on this client a policy for reads, a deadline, or idempotence.
   *
   * **When to use**
   *
   * Use it in a program with several clients: commands on other clients do not notice. For all clients there are
   * `ReadFrom.withPolicy`, `Command.withTimeout` and `Command.withIdempotence`, over which this wins.
   *
   * **Details**
   *
   * A setting that is left out keeps the value of the outer region. The settings of a command itself win over the region.
   * The effect keeps its errors; settings that cannot be used fail each command within it with an `OptionsError`.
   *
   * **Gotchas**
   *
   * The deadline is that of each command, not of the effect. `idempotent` concerns every command within, also those of
   * libraries: `INCR` and `LPUSH` are not safe to execute twice.
   *
   * **Example** (A page that may be a little old, and has 300 ms for each command)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
   *
   * const page = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.mget(["{page}:title", "{page}:text"])
   * })
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* page.pipe(redis.region({ readFrom: ReadFrom.replicaPreferred, timeout: "300 millis" }))
   * })
   * ```
   */
  readonly region: (settings: RegionSettings) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * The time that the client may take for a command in the region of the running fiber, in milliseconds. The time for which a server
   * may hold it back comes on top.
   *
   * @internal
   */
  readonly timeoutOf: (command: Command<unknown>) => number
}

const settingChecks: checks.Checks<RegionSettings> = {
  readFrom: (value) => ReadFrom.isPolicy(value) ? undefined : "one of the policies of ReadFrom",
  timeout: checks.duration(0),
  idempotent: checks.boolean
}

/** Wrong settings fail each command of the region. */
const settingsOf = (settings: RegionSettings): ClientRegionSettings => {
  const problem = checks.problemOf(settings, settingChecks)
  if (problem !== undefined) return { invalid: `region: ${problem}` }
  const { idempotent, readFrom, timeout } = settings
  return { readFrom, idempotent, timeout: timeout === undefined ? undefined : millisOf(timeout) }
}

export const make = ({ region, timeoutOf }: RouterShape): RegionMembers => ({
  region: (settings) => {
    const inner = settingsOf(settings)
    return (self) => Effect.updateService(self, region, (outer) => ({ ...outer, ...defined(inner) }))
  },
  timeoutOf
})

/** The settings that are given: what is left out keeps the value of the outer region. */
const defined = (settings: ClientRegionSettings): ClientRegionSettings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
