/**
 * Measures the time from a write to its reply, for the first command of one write in sixteen.
 */
import type * as Clock from "effect/Clock"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Outgoing } from "./Outgoing.ts"

/** One write in so many is timed. */
const timedWrites = 16

export class Stopwatch {
  private readonly clock: Clock.Clock
  private readonly measured: (millis: number) => void
  private writes = 0
  private timed: Outgoing | undefined
  private startedAt = 0

  constructor(clock: Clock.Clock, measured: (millis: number) => void) {
    this.clock = clock
    this.measured = measured
  }

  /** Whether the first command of the write that begins now is to be timed. */
  begins(): boolean {
    return this.timed === undefined && this.writes++ % timedWrites === 0
  }

  start(outgoing: Outgoing): void {
    this.timed = outgoing
    this.startedAt = monotonicMillis(this.clock)
  }

  /** Notes that the reply to a command has come. */
  stop(outgoing: Outgoing): void {
    if (outgoing !== this.timed) return
    this.timed = undefined
    this.measured(monotonicMillis(this.clock) - this.startedAt)
  }
}
