/**
 * Second attempts for reads that are slow to be answered: one timer for all of them, within a budget.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Command } from "../commands/Command.ts"
import type { Connection } from "../connection/Connection.ts"
import type { Outgoing } from "../connection/Outgoing.ts"
import { Alarm } from "../internal/Alarm.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import type { Hedge } from "../ReadFrom.ts"
import type { Reader, Reading } from "./Readers.ts"
import { isAnswer } from "./Recovery.ts"
import type { Request } from "./Request.ts"

/** How many hedges may run ahead of the budget, at the start and after a calm time. */
const burst = 10

/** What the second node says counts if it is an answer; its trouble is nobody's, for the first is still being asked. */
class SecondAttempt implements Outgoing {
  readonly command: Command<unknown>
  readonly binary: boolean
  readonly asking = false
  readonly deadline: number
  size = 0
  private readonly request: Request
  private readonly connection: Connection

  constructor(request: Request, connection: Connection) {
    this.command = request.command
    this.binary = request.binary
    this.deadline = request.deadline
    this.request = request
    this.connection = connection
  }

  get settled(): boolean {
    return this.request.settled
  }

  onReply(reply: Reply): void {
    if (reply instanceof ServerError && !isAnswer(reply)) return
    this.request.connection = this.connection
    this.request.onReply(reply)
  }

  onLost(): void {}
  onDeadline(): void {}
}

interface Entry {
  readonly request: Request
  readonly reading: Reading
  /** Whom it was asked of: it may have gone on to another one since. */
  readonly reader: Reader
  readonly dueAt: number
}

/**
 * @category models
 * @since 0.1.0
 */
export class Hedges {
  private entries: Array<Entry> = []
  private readonly tokens = new WeakMap<Hedge, number>()
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm

  constructor(clock: Clock.Clock, runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.clock = clock
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  /** A read has been sent to the first of its nodes. */
  watch(request: Request, reading: Reading, reader: Reader, hedge: Hedge): void {
    this.tokens.set(hedge, Math.min(burst, (this.tokens.get(hedge) ?? burst) + hedge.budget))
    if (reading.next?.healthy !== true) return
    const measured = hedge.percentile === undefined
      ? undefined
      : reader.connection.latency.percentile(hedge.percentile)
    const dueAt = this.clock.currentTimeMillisUnsafe() + Math.max(1, Math.ceil(measured ?? hedge.after))
    this.entries.push({ request, reading, reader, dueAt })
    this.alarm.set(dueAt)
  }

  close(): void {
    this.alarm.clear()
    this.entries = []
  }

  private ring(): void {
    const now = this.clock.currentTimeMillisUnsafe()
    const entries = this.entries
    this.entries = []
    let next = Number.POSITIVE_INFINITY
    for (const entry of entries) {
      if (entry.request.settled || entry.reading.current !== entry.reader) continue
      if (entry.dueAt <= now) {
        this.ask(entry)
        continue
      }
      this.entries.push(entry)
      next = Math.min(next, entry.dueAt)
    }
    if (next < Number.POSITIVE_INFINITY) this.alarm.set(next)
  }

  private ask({ reading, request }: Entry): void {
    const { hedge } = reading.policy
    const reader = reading.next
    if (hedge === undefined || reader?.healthy !== true) return
    const tokens = this.tokens.get(hedge) ?? 0
    if (tokens < 1) return
    this.tokens.set(hedge, tokens - 1)
    reader.counters.reads++
    reader.counters.hedges++
    const connection = reader.connection
    connection.send(new SecondAttempt(request, connection))
  }
}
