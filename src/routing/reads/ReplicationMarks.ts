/**
 * The offsets of a primary's replication stream at known times. A replica that has received the stream up to a mark
 * has every write that is older than the mark.
 */

/** A mark says that the primary's offset was at most `offset` at the time `at`, in monotonic milliseconds. */
interface Mark {
  readonly at: number
  readonly offset: number
}

/**
 * A mark is left out when its neighbours are closer together than this fraction of their age: old marks may be sparse.
 */
const sparseness = 1 / 16

export class ReplicationMarks {
  /** The id of the stream. A failover begins another stream, with offsets of its own. */
  private stream: string | undefined
  private marks: ReadonlyArray<Mark> = []

  get size(): number {
    return this.marks.length
  }

  /** Adds a mark. Marks that are older than `keptFor` milliseconds serve no read any more. */
  add(stream: string | undefined, at: number, offset: number, keptFor: number): void {
    if (stream !== this.stream) this.marks = []
    this.stream = stream
    const marks: Array<Mark> = []
    for (const mark of this.marks) {
      // The latest of several marks at one offset replaces the others.
      if (mark.at < at - keptFor || mark.offset >= offset) continue
      const before = marks.at(-2)
      if (before !== undefined && mark.at - before.at < (at - mark.at) * sparseness) marks.pop()
      marks.push(mark)
    }
    marks.push({ at, offset })
    this.marks = marks
  }

  /** The time of the latest mark that a replica at this offset has passed; `undefined` when it has passed none. */
  passedBy(stream: string | undefined, offset: number): number | undefined {
    return stream === this.stream ? this.marks.findLast((mark) => mark.offset <= offset)?.at : undefined
  }
}
