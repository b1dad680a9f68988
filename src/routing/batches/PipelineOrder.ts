/**
 * Keeps the entries of each slot of a pipeline in their order, when some of them have to be sent again.
 *
 * Without failures there is nothing to do: a server executes the commands of one connection in the order in which they
 * were written. The first failure that can be retried makes a chain for its slot. The chain holds entries that come
 * back until no entry of the slot is under way, and then sends them again together, or fails those that a later entry
 * has overtaken.
 */
import type { Command } from "../../commands/Command.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import * as Failures from "../request/Failures.ts"
import type { Collector, Request, Step } from "../request/Request.ts"
import { type Entry, type HeldEntry, nextRound } from "./EntryOrder.ts"

/** Collects the results of a batch, and knows which entries have ended. */
export interface BatchCollector {
  succeeded(index: number, value: unknown): void
  failed(index: number, error: RedisClusterException): void
  /** Whether an entry has not ended yet. */
  isPending(index: number): boolean
  /** The error of an entry, if it has failed. */
  failureOf(index: number): RedisClusterException | undefined
  /** Whether all entries have ended. */
  readonly isOver: boolean
}

interface Held extends HeldEntry {
  readonly request: Request
}

/**
 * Whether a failed command counts as executed for the order: it was executed, or may have been, or the server answered
 * it with an error.
 */
const mayCount = ({ outcome, reason }: RedisClusterException): boolean =>
  outcome !== "NotExecuted" || reason._tag === "ReplyError"

const isOnTheMove = ({ retryState }: Request): boolean => {
  const failure = retryState?.lastFailure
  return failure?._tag === "Reply" && (failure.kind === "ask" || failure.kind === "tryAgain")
}

/** The entries of one slot, from the moment when one has to be sent again until none has. */
class SlotChain {
  /** The positions of entries that were sent, or that wait, and have not come back. */
  private readonly out = new Set<number>()
  private readonly accepted: Array<Entry> = []
  private held: Array<Held> = []
  private readonly onEmpty: () => void

  constructor(onEmpty: () => void) {
    this.onEmpty = onEmpty
  }

  /** Notes an entry that was under way, or had ended, when the chain was made. */
  begin(entry: Entry, state: "pending" | "accepted"): void {
    if (state === "pending") this.out.add(entry.position)
    else this.accepted.push(entry)
  }

  /** Holds an entry that came back, or that was not sent because of earlier entries. */
  hold(request: Request, position: number, step: Step | undefined): void {
    this.out.delete(position)
    this.held.push({ position, command: request.command, step, onTheMove: isOnTheMove(request), request })
    if (this.out.size === 0) this.advance()
    else request.owner.hold(request)
  }

  ended(entry: Entry, accepted: boolean): void {
    const wasOut = this.out.delete(entry.position)
    if (accepted) this.accepted.push(entry)
    if (wasOut && this.out.size === 0) this.advance()
  }

  private advance(): void {
    // Entries that were given up meanwhile, or whose deadline has passed, are settled.
    const { next, overtaken, pause, rest } = nextRound(
      this.held.filter(({ request }) => !request.settled),
      this.accepted
    )
    this.held = [...rest]
    for (const { position } of next) this.out.add(position)
    if (next.length === 0) this.onEmpty()
    for (const { request } of overtaken) request.fail(Failures.overtaken(request))
    for (const { request } of rest) request.owner.hold(request)
    if (pause) {
      const refresh = next.some(({ step }) => step?._tag === "RetryAfter" && step.refresh)
      next[0].request.owner.pause(next.map(({ request }) => request), refresh)
    } else {
      const loaded = new Set<unknown>()
      for (const { request, step } of next) {
        const { prerequisite } = request.command.settings
        request.owner.release(request)
        if (step === undefined) request.owner.dispatch(request)
        else if (step._tag === "LoadThenResend" && loaded.has(prerequisite)) request.resend()
        else request.owner.proceed(request, step)
        loaded.add(prerequisite)
      }
    }
  }
}

/** The pipelines whose entries keep one order: one pipeline, or all batches of a stream. */
export class PipelineOrder {
  private readonly runs: Array<PipelineRun> = []
  private chains: Map<number, SlotChain> | undefined = undefined
  /** The number of entries so far. */
  length = 0

  /** Whether an entry has to be sent again at the moment. */
  get isTroubled(): boolean {
    return this.chains !== undefined
  }

  /** The position of the first entry of a run that begins now. */
  begin(run: PipelineRun): number {
    while (this.runs.length > 0 && this.runs[0].isOver) this.runs.shift()
    this.runs.push(run)
    const base = this.length
    this.length += run.commands.length
    return base
  }

  /** Counts entries that have no place in the order, because the cache of the client answers or reads them. */
  skip(count: number): void {
    this.length += count
  }

  /** Whether entries of the slot have to wait for earlier ones. */
  isHeldUp(slot: number): boolean {
    return this.chains?.has(slot) === true
  }

  hold(request: Request, position: number, step: Step | undefined): void {
    this.chainOf(request.slot).hold(request, position, step)
  }

  ended(slot: number, entry: Entry, accepted: boolean): void {
    this.chains?.get(slot)?.ended(entry, accepted)
  }

  private chainOf(slot: number): SlotChain {
    this.chains ??= new Map()
    const known = this.chains.get(slot)
    if (known !== undefined) return known
    const chain = new SlotChain(() => this.end(slot))
    this.chains.set(slot, chain)
    for (const run of this.runs) run.tell(slot, chain)
    return chain
  }

  private end(slot: number): void {
    this.chains?.delete(slot)
    if (this.chains?.size === 0) this.chains = undefined
  }
}

/** The entries of one pipeline, and the state of each. */
export class PipelineRun implements Collector {
  readonly commands: ReadonlyArray<Command<unknown>>
  /** The slot of each entry; `undefined` for an entry that is not sent. */
  readonly slots: ReadonlyArray<number | undefined>
  private readonly collector: BatchCollector
  private readonly order: PipelineOrder
  private readonly base: number
  /** The indices of each slot's entries, made on demand. */
  private bySlot: Map<number, Array<number>> | undefined = undefined
  /** Entries without an order: reads that a policy sends to any node of their shard, commands without keys. */
  private unordered: Set<number> | undefined = undefined

  constructor(
    commands: ReadonlyArray<Command<unknown>>,
    slots: ReadonlyArray<number | undefined>,
    collector: BatchCollector,
    order: PipelineOrder
  ) {
    this.commands = commands
    this.slots = slots
    this.collector = collector
    this.order = order
    this.base = order.begin(this)
  }

  get isOver(): boolean {
    return this.collector.isOver
  }

  /** Whether a later entry is of this slot. */
  isFollowed(index: number, slot: number): boolean {
    const indexes = this.indexesOf(slot)
    return indexes[indexes.length - 1] > index
  }

  /** Whether an entry has to wait for earlier ones of its slot. */
  isHeldUp(slot: number): boolean {
    return this.order.isTroubled && this.order.isHeldUp(slot)
  }

  /** Notes that an entry may go to any node and has no order. */
  exempt(index: number): void {
    this.unordered ??= new Set()
    this.unordered.add(index)
  }

  succeeded(index: number, value: unknown): void {
    this.collector.succeeded(index, value)
    if (this.order.isTroubled) this.ended(index, true)
  }

  failed(index: number, error: RedisClusterException): void {
    this.collector.failed(index, error)
    if (this.order.isTroubled) this.ended(index, mayCount(error))
  }

  goOn(request: Request, step: Step): void {
    if (this.unordered?.has(request.index) === true) request.owner.proceed(request, step)
    else this.order.hold(request, this.base + request.index, step)
  }

  /** Keeps an entry that may not be sent yet. */
  enqueue(request: Request): void {
    this.order.hold(request, this.base + request.index, undefined)
  }

  /** Adds the entries of this pipeline to a chain that begins. */
  tell(slot: number, chain: SlotChain): void {
    for (const index of this.indexesOf(slot)) {
      if (this.unordered?.has(index) === true) continue
      const failure = this.collector.failureOf(index)
      if (this.collector.isPending(index)) chain.begin(this.entryAt(index), "pending")
      else if (failure === undefined || mayCount(failure)) chain.begin(this.entryAt(index), "accepted")
    }
  }

  private ended(index: number, accepted: boolean): void {
    const slot = this.slots[index]
    if (slot !== undefined && this.unordered?.has(index) !== true) {
      this.order.ended(slot, this.entryAt(index), accepted)
    }
  }

  private entryAt(index: number): Entry {
    return { position: this.base + index, command: this.commands[index] }
  }

  private indexesOf(slot: number): ReadonlyArray<number> {
    if (this.bySlot === undefined) {
      this.bySlot = new Map()
      for (let i = 0; i < this.slots.length; i++) {
        const own = this.slots[i]
        if (own === undefined) continue
        const indexes = this.bySlot.get(own)
        if (indexes === undefined) this.bySlot.set(own, [i])
        else indexes.push(i)
      }
    }
    return this.bySlot.get(slot) ?? []
  }
}
