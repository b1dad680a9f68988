/**
 * The policy of reads: for a view of the client, and for the whole client at run time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Commands } from "../commands/Commands.ts"
import * as ReadFrom from "../ReadFrom.ts"
import { OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { ShardReads } from "../routing/reads/ReadNodes.ts"
import { refuse } from "../routing/Rejections.ts"
import type { Router } from "../routing/Router.ts"
import type { BatchMembers } from "./Batches.ts"
import type { MultiKeyMembers } from "./MultiKey.ts"
import type { ClusterSurface } from "./Surfaces.ts"
import type { TargetMembers } from "./Targets.ts"

/**
 * A view of the client whose reads follow a policy of their own, made by `redis.readFrom`. It shares the connections
 * of the client.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadFromClient
  extends Commands<ClusterSurface>, BatchMembers, MultiKeyMembers, Pick<TargetMembers, "execute" | "send">
{}

export interface ReadPreferenceMembers {
  /**
   * A view of the client whose reads follow a policy: single commands, pipelines and the nonatomic multi-key commands.
   * It shares the connections of the client.
   *
   * **When to use**
   *
   * Use it for single reads. For all reads of a part of a program there is `ReadFrom.withPolicy`, for all reads of a
   * client its option `readFrom`.
   *
   * **Details**
   *
   * The policy wins over the region of the program and the option of the client. Writes and transactions go to the
   * primary. A policy that cannot be used (`ReadFrom.nearest()` without a zone, a value that is no policy) fails each
   * read with an `OptionsError`.
   *
   * **Gotchas**
   *
   * Replication is asynchronous: a replica may not have the latest writes of this program. `ReadFrom.maxLag` bounds that.
   * A command of the client in a pipeline of the view follows the view.
   *
   * **Example** (A page that may be a little old)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
   *
   * const page = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.readFrom(ReadFrom.replicaPreferred).get("page:home")
   * })
   * ```
   */
  readonly readFrom: (policy: ReadFrom.Policy) => ReadFromClient
  /**
   * Sets the policy of the whole client's reads from now on. Default: `ReadFrom.roundRobin`, the primary and its
   * replicas in turn. Views and regions keep their policies. A value that is no policy fails with `OptionsError`, and
   * changes nothing.
   *
   * **When to use**
   *
   * It is an aid for programs that come from redis-py (`read_from_replicas`, `READONLY`). A new program sets the option `readFrom`, takes a view
   * (`redis.readFrom`), or gives a region its policy (`ReadFrom.withPolicy`).
   *
   * **Gotchas**
   *
   * It changes the client for everybody who shares it, at once.
   *
   * **Example** (As redis-py's read_from_replicas)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.readonly(ReadFrom.replicaPreferred)
   *   const page = yield* redis.get("page:home")
   *   yield* redis.readwrite
   *   return page
   * })
   * ```
   */
  readonly readonly: (policy?: ReadFrom.Policy) => Effect.Effect<void, RedisClusterException>
  /**
   * Sends the reads of the whole client to the primaries from now on. Views and regions keep their policies.
   *
   * **When to use**
   *
   * It is the way back from `readonly`, and like it an aid for programs that come from redis-py.
   */
  readonly readwrite: Effect.Effect<void>
  /**
   * The number of reads that each node of each shard has got by policies other than `ReadFrom.primary`: since the
   * client was made, by the present shards. Nothing is sent.
   *
   * **Example** (The reads of each node)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const spread = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const shards = yield* redis.readStatistics
   *   return shards.flatMap(({ nodes }) => Array.from(nodes, ([node, { reads }]) => `${node.address}: ${reads}`))
   * })
   * ```
   */
  readonly readStatistics: Effect.Effect<ReadonlyArray<ShardReads>>
}

export const make = (
  router: Router["Service"],
  viewOf: (router: Router["Service"]) => ReadFromClient
): ReadPreferenceMembers => ({
  readFrom: (policy) => viewOf(router.reading(policy)),
  readonly: (policy = ReadFrom.roundRobin) =>
    ReadFrom.isPolicy(policy)
      ? Effect.sync(() => router.setReadFrom(policy))
      : refuse(new OptionsError({ message: `readonly: ${ReadFrom.notAPolicy}`, outcome: "NotExecuted" })),
  readwrite: Effect.sync(() => router.setReadFrom(ReadFrom.primary)),
  readStatistics: Effect.sync(router.readStatistics)
})
