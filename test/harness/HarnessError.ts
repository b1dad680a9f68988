import * as Data from "effect/Data"

/** What went wrong while a test's servers were started, steered or asked. */
export class HarnessError extends Data.TaggedError("HarnessError")<{
  readonly message: string
  readonly cause?: unknown
}> {}
