/**
 * Second attempts for slow reads: one timer for all of them, within a budget.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Connection } from "../../connection/Connection.ts"
import type { Outgoing } from "../../connection/Outgoing.ts"
import { type End, OwnCommand } from "../../connection/OwnCommand.ts"
import { Alarm } from "../../internal/Alarm.ts"
import { Fifo } from "../../internal/Fifo.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import { isAnswer, kindOf } from "../../protocol/ErrorKind.ts"
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import type { Hedge } from "../../ReadFrom.ts"
import type { ReadNode } from "./ReadNode.ts"
import type { ReadRoute } from "./ReadRoute.ts"

/** A read that may be sent to a second node. */
export interface RoutedRead extends Pick<Outgoing, "command" | "binary" | "deadline" | "settled"> {
  readonly readRoute: ReadRoute | undefined
  /** Takes a reply that came over another connection than the one to which the read was sent. */
  onReplyFrom(connection: Connection, reply: Reply): void
}

/** The number of hedges beyond the budget, at the start and after a calm time. */
const burst = 10

/**
 * The attempt at the second node. Its reply counts, and its failure does not, because the reply of the first node is
 * still due.
 */
class SecondAttempt extends OwnCommand {
  private readonly read: RoutedRead
  private readonly connection: Connection

  constructor(read: RoutedRead, connection: Connection) {
    super(read.command, read.deadline, read.binary)
    this.read = read
    this.connection = connection
  }

  override get settled(): boolean {
    return this.read.settled
  }

  protected onEnd(end: End): void {
    if (end._tag !== "Replied") return
    const { reply } = end
    if (reply instanceof ServerError && !isAnswer(kindOf(reply))) return
    this.read.onReplyFrom(this.connection, reply)
  }
}

/** The hedges that reads of one fraction may still make. */
class Budget {
  left = burst
}

/** Policies whose budgets are equal to a thousandth share one. */
const budgetKey = ({ budget }: Hedge): number => Math.round(budget * 1000)

export class Hedges {
  /**
   * The reads that may be hedged, by node and by the time before the hedge: in each queue the read that was sent first
   * is due first.
   */
  private readonly queues = new Map<ReadNode, Map<number, Fifo<RoutedRead>>>()
  /** The budgets by fraction, and not by policy, because a program may make a new policy for each read. */
  private readonly budgets = new Map<number, Budget>()
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm

  constructor(clock: Clock.Clock, runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.clock = clock
    this.alarm = new Alarm(clock, runFork, () => this.ring())
  }

  /** Watches a read that is sent to the first of its nodes. */
  watch(read: RoutedRead, route: ReadRoute, node: ReadNode, hedge: Hedge): void {
    const budget = this.budgetOf(hedge)
    budget.left = Math.min(burst, budget.left + hedge.budget)
    if (route.next?.healthy !== true) return
    const measured = hedge.percentile === undefined
      ? undefined
      : node.connection.latency.percentile(hedge.percentile)
    const delay = Math.max(1, Math.ceil(measured ?? hedge.after))
    route.hedgeAt = monotonicMillis(this.clock) + delay
    const queue = this.queueOf(node, delay)
    while (queue.peek()?.settled === true) queue.shift()
    queue.push(read)
    this.alarm.set(route.hedgeAt)
  }

  /**
   * Sends a read to its next node as well, whatever the budget, because the first node does not answer at all. The
   * result says whether there was a next node.
   */
  rescue(read: RoutedRead): boolean {
    const { readRoute } = read
    const node = readRoute?.next
    if (readRoute?.isHedged !== false || node?.healthy !== true) return false
    this.ask(read, readRoute, node)
    return true
  }

  close(): void {
    this.alarm.clear()
    this.queues.clear()
  }

  private budgetOf(hedge: Hedge): Budget {
    const key = budgetKey(hedge)
    const known = this.budgets.get(key)
    if (known !== undefined) return known
    const budget = new Budget()
    this.budgets.set(key, budget)
    return budget
  }

  private queueOf(node: ReadNode, delay: number): Fifo<RoutedRead> {
    let queues = this.queues.get(node)
    if (queues === undefined) {
      queues = new Map()
      this.queues.set(node, queues)
    }
    let queue = queues.get(delay)
    if (queue === undefined) {
      queue = new Fifo<RoutedRead>()
      queues.set(delay, queue)
    }
    return queue
  }

  private ring(): void {
    const now = monotonicMillis(this.clock)
    let next = Number.POSITIVE_INFINITY
    for (const [node, queues] of this.queues) {
      for (const [delay, queue] of queues) {
        next = Math.min(next, this.askDue(node, queue, now))
        if (queue.size === 0) queues.delete(delay)
      }
      if (queues.size === 0) this.queues.delete(node)
    }
    this.alarm.set(next)
  }

  /** Hedges the reads that are due. The result is the time at which the next one is. */
  private askDue(node: ReadNode, queue: Fifo<RoutedRead>, now: number): number {
    for (let read = queue.peek(); read !== undefined; read = queue.peek()) {
      const { readRoute } = read
      const isWaiting = !read.settled && readRoute?.current === node
      if (isWaiting && readRoute.hedgeAt > now) return readRoute.hedgeAt
      queue.shift()
      if (isWaiting) this.hedge(read, readRoute)
    }
    return Number.POSITIVE_INFINITY
  }

  private hedge(read: RoutedRead, route: ReadRoute): void {
    const { next, policy } = route
    if (route.isHedged || policy.hedge === undefined || next?.healthy !== true) return
    const budget = this.budgetOf(policy.hedge)
    if (budget.left < 1) return
    budget.left--
    this.ask(read, route, next)
  }

  private ask(read: RoutedRead, route: ReadRoute, node: ReadNode): void {
    route.isHedged = true
    node.counters.reads++
    node.counters.hedges++
    const { connection } = node
    connection.send(new SecondAttempt(read, connection))
  }
}
