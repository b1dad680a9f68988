/** A line of a log of events. */
import type { EventWords } from "../output/EventWords.ts"

export interface EventLine extends EventWords {
  /** Grows from line to line. */
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
}
