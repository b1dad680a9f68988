/**
 * Stores whose keys begin with a prefix: how to find and delete them in the whole cluster.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ClusterClientShape } from "../../ClusterClient.ts"
import * as checks from "../../internal/checks.ts"
import { exception, OptionsError, type RedisClusterException } from "../../RedisClusterException.ts"

/** A pattern that matches every key that begins with a text. */
export const startingWith = (prefix: string): string => `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`

/** Deletes every key that begins with a text and existed at the start, on all primaries. */
export const unlinkStartingWith = (
  redis: ClusterClientShape,
  prefix: string
): Effect.Effect<void, RedisClusterException> =>
  redis.scanStream({ match: startingWith(prefix) }).pipe(
    Stream.runForEachArray((keys) => redis.unlinkNonatomic(keys))
  )

/** A hash tag for a name, different for each name. Characters that would end the tag early are encoded. */
export const hashTag = (name: string): string =>
  name === "" ? "{%}" : `{${name.replace(/[%{}]/g, (brace) => encodeURIComponent(brace))}}`

/** The check of a prefix in front of a hash tag: a brace in the prefix would begin another tag. */
export const tagPrefix: checks.Check = (value) =>
  typeof value === "string" && !value.includes("{")
    ? undefined
    : "text without a brace: the store braces what belongs together by itself"

/** Checks options, because programs in plain JavaScript may pass anything. */
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
