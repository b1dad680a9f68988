/** The command methods of the client and its views, derived from the one definition of each command. */
import type * as Effect from "effect/Effect"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { bind, type Call, type Command, type PerNodeCall, type Run } from "../commands/Command.ts"
import { type Commands, groups } from "../commands/Commands.ts"
import type { Surface } from "../commands/Surface.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"

/**
 * Methods that make commands of the client. The result of a command is its reply, or a map from node to reply where no
 * rule merges the replies.
 */
export interface ClusterSurface extends Surface {
  readonly one: Call<this["A"]>
  readonly perNode: PerNodeCall<this["A"]>
}

/** Methods that run on the nodes of a target: always a map from node to result, however many nodes there are. */
export interface TargetSurface extends Surface {
  readonly one: Effect.Effect<ReadonlyMap<ClusterNode, this["A"]>, RedisClusterException>
  readonly perNode: Effect.Effect<ReadonlyMap<ClusterNode, this["A"]>, RedisClusterException>
}

/** Methods that run on one node, without cluster handling. */
export interface NodeSurface extends Surface {
  readonly one: Effect.Effect<this["A"], RedisClusterException>
  readonly perNode: Effect.Effect<this["A"], RedisClusterException>
}

type Build = (...args: ReadonlyArray<unknown>) => Command<unknown>

/** Turns a command that a builder made into the value that a method returns. */
type Finish = (command: Command<unknown>) => unknown

interface View {
  readonly finish: Finish
}

const builders: ReadonlyArray<readonly [string, Build]> = groups.flatMap((group) =>
  Object.entries(group as unknown as Readonly<Record<string, Build>>)
)

/** Shared by all views, so that making one costs an object and not a closure per command. */
const viewMethods: object = Object.fromEntries(
  builders.map(([name, build]) => [
    name,
    function(this: View, ...args: ReadonlyArray<unknown>) {
      return this.finish(build(...args))
    }
  ])
)

/**
 * The methods as members of a view, which need their `this`. Each command goes to `finish`, which may run it at once.
 *
 * @internal
 */
export const view = <S extends Surface>(finish: Finish): Commands<S> =>
  // The interfaces of the groups give the result types for each surface, and `finish` has to make them true.
  Object.assign(Object.create(viewMethods) as object, { finish }) as unknown as Commands<S>

/**
 * The methods of a view of the client: commands that run by `run`.
 *
 * @internal
 */
export const boundView = (run: Run): Commands<ClusterSurface> => view((command) => bind(command, run))

/**
 * The methods of the client as functions that can be used apart from their object: commands that run by `run`.
 *
 * @internal
 */
export const boundFunctions = (run: Run): Commands<ClusterSurface> =>
  Object.fromEntries(
    builders.map(([name, build]) => [name, (...args: ReadonlyArray<unknown>) => bind(build(...args), run)])
  ) as unknown as Commands<ClusterSurface>
