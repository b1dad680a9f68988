/**
 * The value that regions of the program give, looked up once for each context.
 */
import type * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"

/** Contexts are immutable, and most fibers share one: the look-up of the last one is kept. */
export class RegionValue<A> {
  private readonly look: (context: Context.Context<never>) => A | undefined
  private context: Context.Context<never> | undefined
  private value: A | undefined

  constructor(look: (context: Context.Context<never>) => A | undefined) {
    this.look = look
  }

  /** The value in the region that the running fiber is in; `undefined` outside of any. */
  get current(): A | undefined {
    const context = Fiber.getCurrent()?.context
    if (context !== this.context) {
      this.context = context
      this.value = context === undefined ? undefined : this.look(context)
    }
    return this.value
  }
}
