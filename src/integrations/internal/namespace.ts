/**
 * Stores whose keys begin alike: what is theirs in the whole cluster.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ClusterClientShape } from "../../ClusterClient.ts"
import * as checks from "../../internal/checks.ts"
import { exception, OptionsError, type RedisClusterException } from "../../RedisClusterException.ts"

/** A pattern that matches what begins with the text. */
export const startingWith = (prefix: string): string => `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`

/** Deletes every key that begins so, on all primaries, and was there when it began. */
export const unlinkStartingWith = (
  redis: ClusterClientShape,
  prefix: string
): Effect.Effect<void, RedisClusterException> =>
  redis.scanStream({ match: startingWith(prefix) }).pipe(
    Stream.runForEachArray((keys) => redis.unlinkNonatomic(keys))
  )

/** A hash tag of the name, as long as it may be and different for each name: what would end it early is encoded. */
export const hashTag = (name: string): string =>
  name === "" ? "{%}" : `{${name.replace(/[%{}]/g, (brace) => encodeURIComponent(brace))}}`

/** A prefix in front of a hash tag: with a brace of its own it would take the tag's place. */
export const tagPrefix: checks.Check = (value) =>
  typeof value === "string" && !value.includes("{")
    ? undefined
    : "text without a brace: the store braces what belongs together by itself"

/** Programs in plain JavaScript may give anything as options. */
export const checked = <Options extends object>(
  name: string,
  options: Options,
  optionChecks: checks.Checks<Options>
): Effect.Effect<Options, RedisClusterException> =>
  Effect.suspend(() => {
    const problem = checks.problemOf(options, optionChecks)
    return problem === undefined
      ? Effect.succeed(options)
      : Effect.fail(exception(() => new OptionsError({ message: `${name}: ${problem}`, outcome: "NotExecuted" })))
  })
