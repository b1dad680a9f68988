/**
 * Several commands at once, on any route: side by side, or as one transaction.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Command, Prerequisite } from "../../commands/Command.ts"
import type { Connection } from "../../connection/Connection.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import { exception, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import { keyless } from "../CommandSlot.ts"
import { routeBy } from "../reads/CurrentReadPolicy.ts"
import type { ReadRoute } from "../reads/ReadRoute.ts"
import { Request, type RequestOwner } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import { entryError, pipelineFailure } from "./BatchShape.ts"
import { type Cancellable, collectOutcomes, collectValues, type Outcomes } from "./Collect.ts"
import { PipelineBlock } from "./PipelineBlock.ts"
import { type BatchCollector, PipelineOrder, PipelineRun } from "./PipelineOrder.ts"
import * as Transaction from "./Transaction.ts"

/**
 * The route of a batch: how its commands find their nodes.
 */
export interface Route {
  readonly owner: RequestOwner
  /** The time in monotonic milliseconds. */
  readonly now: () => number
  readonly dispatch: (request: Request) => void
  /** The node that entries of a slot may travel to together; `undefined` when each has to be dispatched. */
  readonly nodeOf: (slot: number) => ClusterNode | undefined
  readonly connectionTo: (node: ClusterNode) => Connection
  /** The node that the caller named for all entries: what it answers is the result. */
  readonly pinned: ClusterNode | undefined
  /** The slot of an entry of a pipeline, or the reason to refuse it. */
  readonly slotOf: (command: Command<unknown>) => number | Reason
  /** The slot of an entry of a transaction, or the reason to refuse it. */
  readonly transactionSlotOf: (command: Command<unknown>) => number | Reason
  /** The commands with the settings of the running fiber's region. */
  readonly settle: (commands: ReadonlyArray<Command<unknown>>) => ReadonlyArray<Command<unknown>>
  /** Counts the refusal of an entry or of a whole transaction. */
  readonly refused: (reason: Reason) => void
  /** The read policy of the running fiber. */
  readonly readFrom: () => ReadFrom.Policy
  /** The timeout of entries without one of their own, in milliseconds. */
  readonly timeout: number
}

/** The deadline of an entry. Entries of a batch never block on the server. */
const deadlineOf = (command: Command<unknown>, route: Route, now: number): number =>
  now + (command.settings.timeout ?? route.timeout)

/** Sends the entries of a pipeline, one after the other. */
class Sender {
  /** The parts that have to be cancelled to give the entries up. */
  readonly parts: Array<Request | PipelineBlock> = []
  private readonly route: Route
  private readonly run: PipelineRun
  // The clock and the policy are read once for all entries.
  private readonly now: number
  private readonly policy: ReadFrom.Policy
  /** With tracing each entry is a request, so that the span can describe it. */
  private readonly together = Tracing.look() === undefined
  private readonly open = new Map<ClusterNode, PipelineBlock>()
  /** The scripts whose source was sent to a node, or to a slot. */
  private given: Map<ClusterNode | number, Set<Prerequisite>> | undefined = undefined

  constructor(route: Route, run: PipelineRun) {
    this.route = route
    this.run = run
    this.now = route.now()
    this.policy = route.readFrom()
  }

  /** Sends all entries. The result are the parts to cancel when the pipeline is given up. */
  send(): ReadonlyArray<Request | PipelineBlock> {
    const { commands, slots } = this.run
    for (let i = 0; i < commands.length; i++) {
      const slot = slots[i]
      if (slot !== undefined) this.add(i, slot)
    }
    this.flush()
    return this.parts
  }

  private add(index: number, slot: number): void {
    const command = this.run.commands[index]
    const reading = this.policy === ReadFrom.primary ? undefined : routeBy(command, slot, this.policy)
    const joins = this.together && reading === undefined && command.settings.timeout === undefined
    const node = joins && !this.run.isHeldUp(slot) ? this.route.nodeOf(slot) : undefined
    if (node === undefined) return this.dispatch(index, slot, reading)
    const block = this.open.get(node) ?? this.begin(node)
    const { prerequisite } = command.settings
    const sent = prerequisite === undefined ? command : this.withSource(command, prerequisite, node, index, slot)
    if (block.add(sent, index)) return
    this.open.delete(node)
    block.send()
  }

  /**
   * Gives the first call of a script at a node the source of the script when other entries of its slot follow. A node
   * that lacks the script would otherwise execute those entries first.
   */
  private withSource(
    command: Command<unknown>,
    prerequisite: Prerequisite,
    place: ClusterNode | number,
    index: number,
    slot: number
  ): Command<unknown> {
    if (!this.run.isFollowed(index, slot)) return command
    this.given ??= new Map()
    const given = this.given.get(place) ?? new Set()
    this.given.set(place, given)
    if (given.has(prerequisite)) return command
    given.add(prerequisite)
    return prerequisite.selfContained(command)
  }

  private begin(node: ClusterNode): PipelineBlock {
    const { now, route, run } = this
    const block = new PipelineBlock(route.owner, run, route.connectionTo(node), now + route.timeout, route.pinned)
    this.open.set(node, block)
    this.parts.push(block)
    return block
  }

  /** Sends the blocks that are not full. */
  private flush(): void {
    for (const block of this.open.values()) block.send()
    this.open.clear()
  }

  private dispatch(index: number, slot: number, reading: ReadRoute | undefined): void {
    // Entries of one slot keep their order.
    this.flush()
    const { now, route, run } = this
    const entry = run.commands[index]
    const { prerequisite } = entry.settings
    const command = prerequisite === undefined ? entry : this.withSource(entry, prerequisite, slot, index, slot)
    const deadline = deadlineOf(command, route, now)
    const request = Request.entry(route.owner, command, slot, reading, deadline, run, index, route.pinned)
    Tracing.join(request)
    this.parts.push(request)
    // Commands without keys go to several nodes, which have no common order.
    if (reading !== undefined || slot === keyless) run.exempt(index)
    else if (run.isHeldUp(slot)) return run.enqueue(request)
    route.dispatch(request)
  }
}

/** Runs many commands at once, each with its place in the results. */
export interface Batching {
  /**
   * Finds out what has to be known of commands before they can be sent. Batches that share an order pass it one after the other,
   * because a batch that waits here has no place in the order yet. Without it nothing has to be found out.
   */
  readonly prepare?: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<ReadonlyArray<Command<unknown>>>
  /**
   * Runs commands side by side. All are written before a reply is awaited. The result has the end of each command, in
   * their order. Batches that share an `order` keep the order of each slot across all batches.
   */
  readonly pipelineResults: (
    commands: ReadonlyArray<Command<unknown>>,
    order?: PipelineOrder
  ) => Effect.Effect<Outcomes>
  /**
   * Runs commands side by side for their values. Fails when a command fails, and sends nothing when one of them cannot
   * be sent.
   */
  readonly pipeline: (
    commands: ReadonlyArray<Command<unknown>>,
    order?: PipelineOrder
  ) => Effect.Effect<ReadonlyArray<unknown>, RedisClusterException>
  /**
   * Runs commands as one transaction on the node of their slot. The result has the end of each command, in their
   * order.
   */
  readonly transaction: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<Outcomes, RedisClusterException>
}

/** Runs batches of commands on a route. */
export class Batches implements Batching {
  private readonly route: Route

  constructor(route: Route) {
    this.route = route
  }

  readonly pipelineResults: Batching["pipelineResults"] = (given, order) =>
    observed(
      "PIPELINE",
      given,
      collectOutcomes(given.length, (collector) => {
        const commands = this.route.settle(given)
        const slots = this.slotsOf(commands, (i, reason) => {
          this.route.refused(reason)
          collector.settle(i, Result.fail(exception(() => reason)))
        })
        return this.send(commands, slots, collector, order)
      })
    )

  readonly pipeline: Batching["pipeline"] = (given, order) =>
    observed(
      "PIPELINE",
      given,
      Effect.suspend(() => {
        const commands = this.route.settle(given)
        const base = order?.length ?? 0
        let refused: RedisClusterException | undefined
        const slots = this.slotsOf(commands, (i, reason) => {
          if (refused !== undefined) return
          this.route.refused(reason)
          refused = entryError("pipeline", base + i, commands[i], exception(() => reason), "NotExecuted")
        })
        if (refused !== undefined) return Effect.fail(refused)
        return collectValues(
          commands.length,
          (values) => this.send(commands, slots, values, order),
          (failures) => pipelineFailure(commands, failures, base)
        )
      })
    )

  readonly transaction: Batching["transaction"] = (given) =>
    given.length === 0 ? Effect.succeed([]) : observed(
      "MULTI",
      given,
      Effect.suspend(() => {
        const { route } = this
        const commands = route.settle(given)
        const plan = Transaction.plan(commands, route.transactionSlotOf, route.timeout)
        if (Result.isFailure(plan)) {
          route.refused(plan.failure.reason)
          return Effect.fail(plan.failure)
        }
        return Effect.callback<Outcomes, RedisClusterException>((resume) => {
          const request = new Transaction.TransactionRequest(
            plan.success,
            route.owner,
            deadlineOf(plan.success.command, route, route.now()),
            resume as Request["resume"],
            route.pinned
          )
          Tracing.join(request)
          route.dispatch(request)
          return request
        })
      })
    )

  private send(
    commands: ReadonlyArray<Command<unknown>>,
    slots: ReadonlyArray<number | undefined>,
    collector: BatchCollector,
    order: PipelineOrder | undefined
  ): ReadonlyArray<Cancellable> {
    return new Sender(this.route, new PipelineRun(commands, slots, collector, order ?? new PipelineOrder())).send()
  }

  /** The slot of each entry; `undefined` for an entry that cannot be sent, which `refused` gets. */
  private slotsOf(
    commands: ReadonlyArray<Command<unknown>>,
    refused: (index: number, reason: Reason) => void
  ): ReadonlyArray<number | undefined> {
    const slots = new Array<number | undefined>(commands.length)
    for (let i = 0; i < commands.length; i++) {
      const slot = this.route.slotOf(commands[i])
      if (typeof slot === "number") slots[i] = slot
      else refused(i, slot)
    }
    return slots
  }
}

const observed = <A, E>(
  kind: "PIPELINE" | "MULTI",
  commands: ReadonlyArray<Command<unknown>>,
  self: Effect.Effect<A, E>
): Effect.Effect<A, E> => Tracing.observed(self, () => Tracing.batchCall(kind, commands))
