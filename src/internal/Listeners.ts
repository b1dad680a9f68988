/**
 * A set of listeners that are called together.
 */
export class Listeners<Args extends ReadonlyArray<unknown>> {
  private readonly listeners = new Set<(...args: Args) => void>()

  /** Adds a listener. The result removes it. */
  readonly add = (listener: (...args: Args) => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  tell(...args: Args): void {
    for (const listener of this.listeners) listener(...args)
  }
}
