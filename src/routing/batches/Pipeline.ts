/**
 * Several commands in one go, wherever they are sent to: side by side, or as one transaction.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Command } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import { exception, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import { readingOf } from "../reads/CurrentReadPolicy.ts"
import type { ReadRoute } from "../reads/ReadNodes.ts"
import { type Collector, Request, type RequestOwner } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import { pipelineError, pipelineFailure } from "./BatchShape.ts"
import { collectOutcomes, collectValues, type Outcomes } from "./Collect.ts"
import { PipelineBlock } from "./PipelineBlock.ts"
import * as Transaction from "./Transaction.ts"

/**
 * Where the commands of a batch go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route {
  readonly owner: RequestOwner
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly dispatch: (request: Request) => void
  /** The node that entries of a slot may travel to together; `undefined` when each has to be dispatched. */
  readonly nodeOf: (slot: number) => ClusterNode | undefined
  readonly connectionTo: (node: ClusterNode) => Connection
  /** The slot of an entry of a pipeline, or why it cannot be one. */
  readonly slotOf: (command: Command<unknown>) => number | Reason
  /** The same for an entry of a transaction. */
  readonly transactionSlotOf: (command: Command<unknown>) => number | Reason
  /** Told why an entry, or a whole transaction, cannot be sent. */
  readonly refused: (reason: Reason) => void
  /** Where the running fiber reads from. */
  readonly readFrom: () => ReadFrom.Policy
  /** The time of entries that do not carry their own, in milliseconds. */
  readonly timeout: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Batches {
  /** Runs commands side by side, written per node before any is awaited; how each ended, in their order. */
  readonly pipelineResults: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes>
  /** The same for the values alone: fails when any fails, and sends nothing when one of them cannot be sent. */
  readonly pipeline: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<ReadonlyArray<unknown>, RedisClusterException>
  /** Runs commands as one transaction on the node of their slot; how each ended, in their order. */
  readonly transaction: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<Outcomes, RedisClusterException>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (route: Route): Batches => {
  /** No entry of a batch waits on the server. */
  const deadlineOf = (command: Command<unknown>, now: number): number =>
    now + (command.settings.timeout ?? route.timeout)

  /** Sends the entries of a pipeline, one after the other; what has to be cancelled to give them up. */
  class Sender {
    readonly parts: Array<Request | PipelineBlock> = []
    private readonly commands: ReadonlyArray<Command<unknown>>
    private readonly slots: ReadonlyArray<number>
    private readonly collector: Collector
    // One look at the clock and at the policy for all of them.
    private readonly now = route.now()
    private readonly policy = route.readFrom()
    /** A span tells about each entry. */
    private readonly together = Tracing.look() === undefined
    private readonly open = new Map<ClusterNode, PipelineBlock>()

    constructor(commands: ReadonlyArray<Command<unknown>>, slots: ReadonlyArray<number>, collector: Collector) {
      this.commands = commands
      this.slots = slots
      this.collector = collector
    }

    add(index: number): void {
      const command = this.commands[index]
      const slot = this.slots[index]
      const reading = this.policy === ReadFrom.primary ? undefined : readingOf(command, slot, this.policy)
      const joins = this.together && reading === undefined && command.settings.timeout === undefined
      const node = joins ? route.nodeOf(slot) : undefined
      if (node === undefined) return this.dispatch(index, reading)
      let share = this.open.get(node)
      if (share === undefined) {
        const { collector, now, slots } = this
        share = new PipelineBlock(route.owner, collector, slots, route.connectionTo(node), now + route.timeout)
        this.open.set(node, share)
        this.parts.push(share)
      }
      if (share.add(command, index)) return
      this.open.delete(node)
      share.send()
    }

    /** Sends what is still being gathered. */
    flush(): void {
      for (const share of this.open.values()) share.send()
      this.open.clear()
    }

    private dispatch(index: number, reading: ReadRoute | undefined): void {
      // Entries of one slot keep their order.
      this.flush()
      const { collector, commands, now, slots } = this
      const deadline = deadlineOf(commands[index], now)
      const request = new Request(
        commands[index],
        route.owner,
        slots[index],
        deadline,
        "slot",
        undefined,
        undefined,
        collector,
        index
      )
      request.readRoute = reading
      Tracing.join(request)
      this.parts.push(request)
      route.dispatch(request)
    }
  }

  return {
    pipelineResults: (commands) =>
      observed(
        "PIPELINE",
        commands,
        collectOutcomes(commands.length, (collector) => {
          const slots = new Array<number>(commands.length)
          const sender = new Sender(commands, slots, collector)
          for (let i = 0; i < commands.length; i++) {
            const slot = route.slotOf(commands[i])
            if (typeof slot !== "number") {
              route.refused(slot)
              collector.settle(i, Result.fail(exception(() => slot)))
              continue
            }
            slots[i] = slot
            sender.add(i)
          }
          sender.flush()
          return sender.parts
        })
      ),
    pipeline: (commands) =>
      observed(
        "PIPELINE",
        commands,
        Effect.suspend(() => {
          const slots = new Array<number>(commands.length)
          for (let i = 0; i < commands.length; i++) {
            const slot = route.slotOf(commands[i])
            if (typeof slot !== "number") {
              route.refused(slot)
              return Effect.fail(pipelineError(i, commands[i], exception(() => slot), "NotExecuted"))
            }
            slots[i] = slot
          }
          return collectValues(commands.length, (values) => {
            const sender = new Sender(commands, slots, values)
            for (let i = 0; i < commands.length; i++) sender.add(i)
            sender.flush()
            return sender.parts
          }, (failures) => pipelineFailure(commands, failures))
        })
      ),
    transaction: (commands) =>
      commands.length === 0 ? Effect.succeed([]) : observed(
        "MULTI",
        commands,
        Effect.suspend(() => {
          const plan = Transaction.plan(commands, route.transactionSlotOf, route.timeout)
          if (Result.isFailure(plan)) {
            route.refused(plan.failure.reason)
            return Effect.fail(plan.failure)
          }
          return Effect.callback<Outcomes, RedisClusterException>((resume) => {
            const request = new Transaction.TransactionRequest(
              plan.success,
              route.owner,
              deadlineOf(plan.success.command, route.now()),
              resume as Request["resume"]
            )
            Tracing.join(request)
            route.dispatch(request)
            return request
          })
        })
      )
  }
}

const observed = <A, E>(
  kind: "PIPELINE" | "MULTI",
  commands: ReadonlyArray<Command<unknown>>,
  self: Effect.Effect<A, E>
): Effect.Effect<A, E> => Tracing.observed(self, () => Tracing.batchCall(kind, commands))
