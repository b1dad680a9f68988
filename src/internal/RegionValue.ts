/**
 * The value that a region of the program gives to a reference, looked up once for each context.
 *
 * @internal
 */
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"

/** Contexts are immutable, and most fibers share one: the look-up of the last one is kept. */
export class RegionValue<A> {
  private readonly reference: Context.Reference<A>
  private context: Context.Context<never> | undefined
  private value: A | undefined

  constructor(reference: Context.Reference<A>) {
    this.reference = reference
  }

  /** The value in the region that the running fiber is in; `undefined` outside of any. */
  get current(): A | undefined {
    const context = Fiber.getCurrent()?.context
    if (context !== this.context) {
      this.context = context
      this.value = context === undefined ? undefined : Context.getOrUndefined(context, this.reference)
    }
    return this.value
  }
}
