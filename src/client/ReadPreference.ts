/**
 * Where reads are served from: for a view of the client, and for all of it at run time.
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
 * A view of the client whose reads are made by a policy of its own. It shares the connections of the client.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadFromClient
  extends Commands<ClusterSurface>, BatchMembers, MultiKeyMembers, Pick<TargetMembers, "execute" | "send">
{}

/**
 * @category models
 * @since 0.1.0
 */
export interface ReadPreferenceMembers {
  /**
   * A view of the client whose reads are made by a policy: single commands, pipelines and the nonatomic multi-key
   * commands. It wins over the region of the program (`ReadFrom.withPolicy`) and the option of the client. Writes and
   * transactions go to the primary.
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
   * From now on reads of the whole client are made by a policy, by the primaries and their replicas in turn unless one is
   * given. Views and regions keep theirs. Fails with `OptionsError`, and changes nothing, when it is given no policy.
   */
  readonly readonly: (policy?: ReadFrom.Policy) => Effect.Effect<void, RedisClusterException>
  /** From now on reads of the whole client go to the primaries. Views and regions keep their policies. */
  readonly readwrite: Effect.Effect<void>
  /**
   * How many reads went to which node of each shard, by policies other than `ReadFrom.primary`: those of the client's
   * lifetime, by the shards of this moment.
   */
  readonly readStatistics: Effect.Effect<ReadonlyArray<ShardReads>>
}

/**
 * @category constructors
 * @since 0.1.0
 */
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
