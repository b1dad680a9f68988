/** A line that each program reads. */
export interface Work {
  readonly mode: "get" | "pipeline"
  readonly callers: number
  /** The length of each value, in bytes. */
  readonly size: number
  readonly millis: number
}

/** A line that each program writes. */
export interface WorkDone {
  readonly commands: number
  readonly cpuMicros: number
  readonly millis: number
}
