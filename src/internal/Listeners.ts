/**
 * Those who want to hear of something.
 *
 * @internal
 */
export class Listeners<Args extends ReadonlyArray<unknown>> {
  private readonly listeners = new Set<(...args: Args) => void>()

  /** From now on they are told. Returns how to stop that. */
  readonly add = (listener: (...args: Args) => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  tell(...args: Args): void {
    for (const listener of this.listeners) listener(...args)
  }
}
