/**
 * Which policy a read follows: that of its view, else that of the region of the program, else that of the client.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import type { Command } from "../../commands/Command.ts"
import type { CommandSpec } from "../../commands/CommandSpec.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import { keyless } from "../CommandSlot.ts"
import { ReadRoute } from "./ReadNodes.ts"

/** Whether a command reads keys, and so may be sent to any node that has them. */
const mayBeRead = ({ keys, readonly }: CommandSpec, slot: number): boolean =>
  readonly && keys !== -1 && slot !== keyless

const readingBy = (policy: ReadFrom.Policy): ReadRoute | undefined =>
  policy === ReadFrom.primary ? undefined : new ReadRoute(policy)

/**
 * How a command is routed by a policy; `undefined` for what belongs to the primary.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readingOf = (
  { spec }: Command<unknown>,
  slot: number,
  policy: ReadFrom.Policy
): ReadRoute | undefined => mayBeRead(spec, slot) ? readingBy(policy) : undefined

/**
 * @category models
 * @since 0.1.0
 */
export class CurrentReadPolicy {
  /** The policy of reads that neither a view nor a region has one for. */
  standing: ReadFrom.Policy
  private lastContext: Context.Context<never> | undefined
  private lastRegion: ReadFrom.Policy | undefined

  constructor(standing: ReadFrom.Policy) {
    this.standing = standing
  }

  /** How a read is routed; `undefined` for what belongs to the primary. `own` is the policy of a view. */
  readingOf({ spec }: Command<unknown>, slot: number, own: ReadFrom.Policy | undefined): ReadRoute | undefined {
    return mayBeRead(spec, slot) ? readingBy(own ?? this.current) : undefined
  }

  /** The policy of reads that are not made through a view, as the running fiber makes them. */
  get current(): ReadFrom.Policy {
    return this.region() ?? this.standing
  }

  /** The policy of the region that the running fiber is in. Contexts are immutable, and most fibers share one. */
  private region(): ReadFrom.Policy | undefined {
    const context = Fiber.getCurrent()?.context
    if (context !== this.lastContext) {
      this.lastContext = context
      this.lastRegion = context === undefined ? undefined : Context.get(context, ReadFrom.current)
    }
    return this.lastRegion
  }
}
