/**
 * Members with scores, in the order of their scores and, for equal scores, of their bytes.
 */
import { type Bytes, compare } from "./Bytes.ts"

export type Scored = readonly [member: Bytes, score: number]

export class SortedSet {
  private readonly scores: Map<Bytes, number>
  /** The members in order, made on demand after a change. */
  private order: ReadonlyArray<Scored> | undefined

  constructor(entries?: Iterable<Scored>) {
    this.scores = new Map(entries)
  }

  get size(): number {
    return this.scores.size
  }

  score(member: Bytes): number | undefined {
    return this.scores.get(member)
  }

  set(member: Bytes, score: number): void {
    this.scores.set(member, score)
    this.order = undefined
  }

  delete(member: Bytes): boolean {
    const had = this.scores.delete(member)
    if (had) this.order = undefined
    return had
  }

  entries(): ReadonlyArray<Scored> {
    this.order ??= [...this.scores].toSorted((one, other) => one[1] - other[1] || compare(one[0], other[0]))
    return this.order
  }

  rank(member: Bytes): number {
    return this.entries().findIndex((entry) => entry[0] === member)
  }
}
