/**
 * The keys of this client's own writes that are on their way. The server reports a change of this client's own only
 * after its reply, and perhaps on another socket, so that the client itself has to keep them out of its cache.
 */
export class OwnWrites {
  private readonly counts = new Map<string, number>()
  /** The number of commands on their way that change all keys. */
  private whole = 0

  begin(keys: ReadonlyArray<string>): void {
    for (const key of keys) this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
  }

  end(keys: ReadonlyArray<string>): void {
    for (const key of keys) {
      const count = this.counts.get(key) ?? 0
      if (count > 1) this.counts.set(key, count - 1)
      else this.counts.delete(key)
    }
  }

  beginAll(): void {
    this.whole++
  }

  endAll(): void {
    this.whole--
  }

  /** Whether a write to one of the keys is on its way. */
  concern(keys: ReadonlyArray<string>): boolean {
    if (this.whole > 0) return true
    if (this.counts.size === 0) return false
    for (const key of keys) if (this.counts.has(key)) return true
    return false
  }
}
