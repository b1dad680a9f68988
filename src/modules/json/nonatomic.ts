/**
 * JSON.MGET and JSON.MSET over keys of any slots: a command for each slot, sent side by side.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Nonatomic from "../../client/Nonatomic.ts"
import { ClusterClient } from "../../ClusterClient.ts"
import type { Command } from "../../commands/Command.ts"
import type { Argument } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import { refuse } from "../../routing/Rejections.ts"
import type { AtPath } from "./paths.ts"
import type { JsonInput, JsonValue } from "./values.ts"

type PathEntries = ReadonlyArray<readonly [key: Argument, path: string, value: JsonInput]>

const split = <A, B>(
  keys: ReadonlyArray<Argument>,
  build: (positions: ReadonlyArray<number>) => Command<A>,
  merge: (results: ReadonlyArray<{ readonly positions: ReadonlyArray<number>; readonly value: A }>) => B
): Effect.Effect<B, RedisClusterException, ClusterClient> =>
  Effect.flatMap(
    ClusterClient,
    ({ pipelineResults }) => Nonatomic.run({ pipelineResults, refuse }, keys, build, merge)
  )

/** The values at one path of keys, in the order of the keys. */
export const mget = <A>(
  keys: ReadonlyArray<Argument>,
  build: (keys: ReadonlyArray<Argument>) => Command<ReadonlyArray<A>>
): Effect.Effect<ReadonlyArray<A>, RedisClusterException, ClusterClient> =>
  split(keys, (positions) => build(positions.map((i) => keys[i])), Nonatomic.inOrder(keys))

const noEntries = Nonatomic.refused("msetNonatomic: the entries have to be a list of keys, paths and values")

/** Sets the values of entries. */
export const mset = (
  entries: PathEntries,
  build: (entries: PathEntries) => Command<"OK">
): Effect.Effect<"OK", RedisClusterException, ClusterClient> =>
  Array.isArray(entries) && entries.every((entry) => Array.isArray(entry) && entry.length === 3)
    ? split(entries.map(([key]) => key), (positions) => build(positions.map((i) => entries[i])), () => "OK" as const)
    : refuse(noEntries)

/**
 * The commands over keys of any slots.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonNonatomic {
  /**
   * The values at one path of keys of any slots, in the order of the keys. Not atomic: each slot is read by a command of its own. When parts
   * fail, the error is a `PartialFailureError` with the positions of their keys.
   */
  readonly mgetNonatomic: <const P extends string>(
    keys: ReadonlyArray<Argument>,
    path: P
  ) => Effect.Effect<ReadonlyArray<AtPath<P, JsonValue> | null>, RedisClusterException, ClusterClient>
  /**
   * Sets values at paths of keys of any slots. Not atomic: each slot is written by a command of its own. When parts fail, the error is a
   * `PartialFailureError` with the positions of their keys.
   */
  readonly msetNonatomic: (entries: PathEntries) => Effect.Effect<"OK", RedisClusterException, ClusterClient>
}
