import * as Data from "effect/Data"

/** A failure to start, steer or ask the servers of a test. */
export class HarnessError extends Data.TaggedError("HarnessError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
