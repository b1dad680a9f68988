/**
 * Second attempts for reads that are slow to be answered: one timer for all of them, within a budget.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Command } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { Outgoing } from "../../connection/Outgoing.ts"
import { Alarm } from "../../internal/Alarm.ts"
import { Fifo } from "../../internal/Fifo.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { isAnswer, kindOf } from "../../protocol/ErrorKind.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import type { Hedge } from "../../ReadFrom.ts"
import type { Request } from "../request/Request.ts"
import type { ReadNode, ReadRoute } from "./ReadNodes.ts"

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
    if (reply instanceof ServerError && !isAnswer(kindOf(reply))) return
    this.request.onReplyFrom(this.connection, reply)
  }

  onLost(): void {}
  onDeadline(): void {}
}

/** What is left of a budget, in hedges. */
class Budget {
  left = burst
}

/**
 * @category models
 * @since 0.1.0
 */
export class Hedges {
  /** Reads that may be hedged, by whom they were asked of: answered in this order, so that those in front go first. */
  private readonly queues = new Map<ReadNode, Fifo<Request>>()
  private readonly budgets = new WeakMap<Hedge, Budget>()
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm

  constructor(clock: Clock.Clock, runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.clock = clock
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  /** A read is sent to the first of its nodes. */
  watch(request: Request, reading: ReadRoute, reader: ReadNode, hedge: Hedge): void {
    const budget = this.budgetOf(hedge)
    budget.left = Math.min(burst, budget.left + hedge.budget)
    if (reading.next?.healthy !== true) return
    const measured = hedge.percentile === undefined
      ? undefined
      : reader.connection.latency.percentile(hedge.percentile)
    reading.hedgeAt = monotonicMillis(this.clock) + Math.max(1, Math.ceil(measured ?? hedge.after))
    const queue = this.queueOf(reader)
    while (queue.peek()?.settled === true) queue.shift()
    queue.push(request)
    this.alarm.set(reading.hedgeAt)
  }

  close(): void {
    this.alarm.clear()
    this.queues.clear()
  }

  private budgetOf(hedge: Hedge): Budget {
    const known = this.budgets.get(hedge)
    if (known !== undefined) return known
    const budget = new Budget()
    this.budgets.set(hedge, budget)
    return budget
  }

  private queueOf(reader: ReadNode): Fifo<Request> {
    const known = this.queues.get(reader)
    if (known !== undefined) return known
    const queue = new Fifo<Request>()
    this.queues.set(reader, queue)
    return queue
  }

  private ring(): void {
    const now = monotonicMillis(this.clock)
    let next = Number.POSITIVE_INFINITY
    for (const [reader, queue] of this.queues) {
      next = Math.min(next, this.askDue(reader, queue, now))
      if (queue.size === 0) this.queues.delete(reader)
    }
    this.alarm.set(next)
  }

  /** Asks a second node for the reads that are due; when the first of the others is. */
  private askDue(reader: ReadNode, queue: Fifo<Request>, now: number): number {
    for (let request = queue.peek(); request !== undefined; request = queue.peek()) {
      const { readRoute } = request
      const isWaiting = !request.settled && readRoute?.current === reader
      if (isWaiting && readRoute.hedgeAt > now) return readRoute.hedgeAt
      queue.shift()
      if (isWaiting) this.ask(request, readRoute)
    }
    return Number.POSITIVE_INFINITY
  }

  private ask(request: Request, reading: ReadRoute): void {
    const { hedge } = reading.policy
    const reader = reading.next
    if (hedge === undefined || reader?.healthy !== true) return
    const budget = this.budgetOf(hedge)
    if (budget.left < 1) return
    budget.left--
    reader.counters.reads++
    reader.counters.hedges++
    const connection = reader.connection
    connection.send(new SecondAttempt(request, connection))
  }
}
