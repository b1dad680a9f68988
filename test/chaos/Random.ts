/**
 * A random sequence that a seed reproduces.
 */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)]
  }

  shuffled<A>(all: ReadonlyArray<A>): Array<A> {
    const order = all.map((one) => ({ one, at: this.next() }))
    return order.toSorted((a, b) => a.at - b.at).map(({ one }) => one)
  }

  /** Another sequence, which does not depend on how much of this one is used later. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 4294967296))
  }
}
