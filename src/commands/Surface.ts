/**
 * One description of the commands, several surfaces.
 *
 * Each command group is an interface over a `Surface`: a function from the result type of a command to the return type
 * of its method. `CommandSurface` gives command values; the client, its views and its single nodes are these
 * interfaces over other surfaces.
 */
import type { Command, PerNodeCommand } from "./Command.ts"

/** A type-level function from the result type of a command (`A`) to the return type of its method. */
export interface Surface {
  /** The result type of the command. */
  readonly A: unknown
  /** The return type of a method whose command has one result. */
  readonly one: unknown
  /** The return type of a method whose command runs on many nodes, without a rule that merges their replies. */
  readonly perNode: unknown
}

/** The return type of a method on a surface, for a command with the result `A`. */
export type Returns<S extends Surface, A> = (S & { readonly A: A })["one"]

/** The return type of a method on a surface, for a command that gives a result per node. */
export type ReturnsPerNode<S extends Surface, A> = (S & { readonly A: A })["perNode"]

/** The surface of command values. */
export interface CommandSurface extends Surface {
  readonly one: Command<this["A"]>
  readonly perNode: PerNodeCommand<this["A"]>
}
