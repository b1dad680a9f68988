/**
 * The command methods of the client and its views, derived from the one definition of each command.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Command } from "../commands/Command.ts"
import { type Commands, groups } from "../commands/Commands.ts"
import type { Surface } from "../commands/Surface.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"

/**
 * Methods that run on the cluster: the result, or a map from node to result where there is no rule that merges.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterSurface extends Surface {
  readonly one: Effect.Effect<this["A"], RedisClusterException>
  readonly perNode: Effect.Effect<ReadonlyMap<ClusterNode, this["A"]>, RedisClusterException>
}

/**
 * Methods that run on the nodes of a target: always a map from node to result, however many nodes there are.
 *
 * @category models
 * @since 0.1.0
 */
export interface TargetSurface extends Surface {
  readonly one: Effect.Effect<ReadonlyMap<ClusterNode, this["A"]>, RedisClusterException>
  readonly perNode: Effect.Effect<ReadonlyMap<ClusterNode, this["A"]>, RedisClusterException>
}

/**
 * Methods that run on one node, without cluster handling.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeSurface extends Surface {
  readonly one: Effect.Effect<this["A"], RedisClusterException>
  readonly perNode: Effect.Effect<this["A"], RedisClusterException>
}

type Build = (...args: ReadonlyArray<unknown>) => Command<unknown>
type Run = (command: Command<unknown>) => unknown

interface View {
  readonly run: Run
}

const builders: ReadonlyArray<readonly [string, Build]> = groups.flatMap((group) =>
  Object.entries(group as unknown as Readonly<Record<string, Build>>)
)

/** Shared by all views, so that making one costs an object and not a closure per command. */
const viewMethods: object = Object.fromEntries(
  builders.map(([name, build]) => [
    name,
    function(this: View, ...args: ReadonlyArray<unknown>) {
      return this.run(build(...args))
    }
  ])
)

/**
 * The methods as members of a view. They need their `this`.
 *
 * @internal
 */
export const view = <S extends Surface>(run: Run): Commands<S> =>
  // The interface of the groups says what the methods return for each surface; `run` is what makes it so.
  Object.assign(Object.create(viewMethods) as object, { run }) as unknown as Commands<S>

/**
 * The methods as functions of their own, that may be taken out of their object.
 *
 * @internal
 */
export const functions = <S extends Surface>(run: Run): Commands<S> =>
  Object.fromEntries(
    builders.map(([name, build]) => [name, (...args: ReadonlyArray<unknown>) => run(build(...args))])
  ) as unknown as Commands<S>
