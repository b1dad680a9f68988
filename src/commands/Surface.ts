/**
 * One description of the commands, several surfaces.
 *
 * Each command group is an interface over a `Surface`: what a method returns is a function of the command's
 * result type. `CommandSurface` gives the command values; the client, its views and its single nodes are the
 * same interfaces over other surfaces.
 *
 * @since 0.1.0
 */
import type { Command, PerNodeCommand } from "./Command.ts"

/**
 * A type-level function from the result type of a command (`A`) to what a method returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Surface {
  /** The result type of the command. */
  readonly A: unknown
  /** What a method returns whose command has one result. */
  readonly one: unknown
  /** What a method returns whose command runs on many nodes without a rule that makes one result of their replies. */
  readonly perNode: unknown
}

/**
 * What a method returns on a surface, for a command with the result `A`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Returns<S extends Surface, A> = (S & { readonly A: A })["one"]

/**
 * What a method returns on a surface, for a command that answers per node.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ReturnsPerNode<S extends Surface, A> = (S & { readonly A: A })["perNode"]

/**
 * The surface of command values.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandSurface extends Surface {
  readonly one: Command<this["A"]>
  readonly perNode: PerNodeCommand<this["A"]>
}
