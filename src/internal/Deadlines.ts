/**
 * The deadlines of many, of which those that have passed are found without a look at the others.
 */
export class Deadlines<T> {
  /** By the first whole millisecond at which the deadline has passed. */
  private readonly byMilli = new Map<number, Set<T>>()

  /** The number of milliseconds in which deadlines pass: `next` visits so many. */
  get size(): number {
    return this.byMilli.size
  }

  /** The first time at which a deadline will have passed; `Infinity` when there is none. */
  get next(): number {
    let next = Number.POSITIVE_INFINITY
    for (const milli of this.byMilli.keys()) if (milli < next) next = milli
    return next
  }

  /** A deadline that is `Infinity` never passes, and is not kept. */
  add(value: T, deadline: number): void {
    if (deadline === Number.POSITIVE_INFINITY) return
    const milli = Math.ceil(deadline)
    const values = this.byMilli.get(milli)
    if (values === undefined) this.byMilli.set(milli, new Set([value]))
    else values.add(value)
  }

  remove(value: T, deadline: number): void {
    const milli = Math.ceil(deadline)
    const values = this.byMilli.get(milli)
    if (values === undefined) return
    values.delete(value)
    if (values.size === 0) this.byMilli.delete(milli)
  }

  /** Removes and returns those whose deadlines have passed, the earliest first; at most `most` of them. */
  takePassed(now: number, most: number): ReadonlyArray<T> {
    // There are thousands of milliseconds, and few have passed: no copy is made of the others.
    const passed: Array<number> = []
    for (const milli of this.byMilli.keys()) if (milli <= now) passed.push(milli)
    const taken: Array<T> = []
    for (const milli of passed.toSorted((a, b) => a - b)) {
      const values = this.byMilli.get(milli) ?? new Set()
      for (const value of values) {
        if (taken.length === most) return taken
        taken.push(value)
        values.delete(value)
      }
      this.byMilli.delete(milli)
    }
    return taken
  }
}
