/**
 * Services over a client of the cluster under test.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

/** Services, and the client below them, that close with the scope. */
export const services = <A, E>(
  layer: Layer.Layer<A, E, ClusterClient>,
  options?: Omit<ClusterOptions, "nodes">
) =>
  Effect.flatMap(
    RedisCluster,
    (cluster) =>
      Layer.build(
        Layer.provideMerge(layer, ClusterClient.layer({ ...options, nodes: cluster.seeds, stream: cluster.stream }))
      )
  )

/** One service over a client of its own. */
export const service = <I, S, E>(
  key: Context.Key<I, S>,
  layer: Layer.Layer<I, E, ClusterClient>,
  options?: Omit<ClusterOptions, "nodes">
) => Effect.map(services(layer, options), (context) => Context.get(context, key))

/** A hash tag in each third of the slots: each of three primaries has one. */
export const shardTags: ReadonlyArray<string> = range(3).map((shard) =>
  tagWhere((slot) => Math.floor(slot * 3 / HashSlot.slotCount) === shard)
)

/** Moves a slot to another primary: the one that had it, and the one that has it now. */
export const moveAway = Effect.fnUntraced(function*(slot: number) {
  const cluster = yield* RedisCluster
  const source = yield* cluster.owner(slot)
  const target = (yield* cluster.primaries).find((node) => node.port !== source.port)
  if (target === undefined) return yield* Effect.die(new Error("a slot can go nowhere in a cluster of one primary"))
  yield* cluster.migrateSlot(slot, target)
  return { source, target }
})

/** Empties the cluster. */
export const flush = Effect.flatMap(
  RedisCluster,
  (cluster) =>
    Effect.flatMap(
      cluster.primaries,
      (primaries) => Effect.forEach(primaries, (node) => cluster.command(node, "FLUSHALL"), { discard: true })
    )
)
