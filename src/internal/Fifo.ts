/**
 * A first-in first-out queue: a ring that doubles when full and shrinks when it has become far too large.
 */
export class Fifo<T> {
  private ring: Array<T | undefined> = new Array<T | undefined>(16)
  private mask = 15
  private head = 0
  /** The number of entries. */
  size = 0

  push(value: T): void {
    if (this.size > this.mask) this.resize(this.ring.length * 2)
    this.ring[(this.head + this.size) & this.mask] = value
    this.size++
  }

  peek(): T | undefined {
    return this.size === 0 ? undefined : this.ring[this.head]
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const value = this.ring[this.head]
    this.ring[this.head] = undefined
    this.head = (this.head + 1) & this.mask
    this.size--
    // The ring shrinks after a burst, so that its memory is freed.
    if (this.ring.length > 4096 && this.size < this.ring.length >> 3) this.resize(this.ring.length >> 1)
    return value
  }

  /** Removes and returns all entries, oldest first. */
  takeAll(): Array<T> {
    const all: Array<T> = []
    this.forEach((value) => all.push(value))
    this.ring = new Array<T | undefined>(16)
    this.mask = 15
    this.head = 0
    this.size = 0
    return all
  }

  /** Removes the entries that fail a test. */
  filter(keep: (value: T) => boolean): void {
    let kept = 0
    for (let i = 0; i < this.size; i++) {
      const value = this.ring[(this.head + i) & this.mask]
      if (value !== undefined && keep(value)) this.ring[(this.head + kept++) & this.mask] = value
    }
    for (let i = kept; i < this.size; i++) this.ring[(this.head + i) & this.mask] = undefined
    this.size = kept
  }

  forEach(f: (value: T) => void): void {
    for (let i = 0; i < this.size; i++) {
      const value = this.ring[(this.head + i) & this.mask]
      if (value !== undefined) f(value)
    }
  }

  private resize(length: number): void {
    const next = new Array<T | undefined>(length)
    for (let i = 0; i < this.size; i++) next[i] = this.ring[(this.head + i) & this.mask]
    this.ring = next
    this.mask = length - 1
    this.head = 0
  }
}
