/**
 * Keeps nodes supplied with scripts or functions, also nodes that join later.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { ClusterClientShape } from "../ClusterClient.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Snapshot } from "../topology/Snapshot.ts"

/**
 * Supplies each of the nodes once, and those that appear while the scope lives. Fails when a primary of this moment
 * cannot be supplied.
 *
 * @internal
 */
export const keepSupplied = Effect.fnUntraced(function*(
  redis: ClusterClientShape,
  nodesOf: (snapshot: Snapshot) => ReadonlyArray<ClusterNode>,
  supply: (node: ClusterNode) => Effect.Effect<unknown, RedisClusterException>
): Effect.fn.Return<void, RedisClusterException, Scope.Scope> {
  const supplied = new Set<string>()

  const supplyOnce = (node: ClusterNode): Effect.Effect<Result.Result<unknown, RedisClusterException>> =>
    Effect.result(Effect.tap(supply(node), () => Effect.sync(() => supplied.add(node.address))))

  const follow = Effect.fnUntraced(function*(snapshot: Snapshot) {
    // A node that comes back may be another one.
    for (const address of supplied) if (!snapshot.nodes.has(address)) supplied.delete(address)
    const missing = nodesOf(snapshot).filter((node) => !supplied.has(node.address))
    const results = yield* Effect.forEach(missing, supplyOnce, { concurrency: "unbounded" })
    return results.find((result, i) => snapshot.primaries.includes(missing[i]) && Result.isFailure(result))
  })

  const failed = yield* Effect.flatMap(redis.topology, follow)
  if (failed !== undefined) return yield* Effect.asVoid(Effect.fromResult(failed))
  yield* Effect.forkScoped(Stream.runForEach(redis.topologyChanges, follow))
})
