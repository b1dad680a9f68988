/**
 * MULTI to EXEC as one request: written as one block, answered as one, retried as a whole.
 *
 * A transaction that the server discards has executed nothing, so that redirects and refusals of queued commands are
 * retried like those of a single command. ASKING in front of MULTI holds for the whole transaction: servers keep it
 * until EXEC.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { isUtf8 } from "node:buffer"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import { Command, DecodeFailure, decodeReply } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import { unexpected } from "../../commands/decode.ts"
import type { LinkFailure } from "../../connection/Outgoing.ts"
import { origin } from "../../internal/monotonic.ts"
import { keysApart, kindOf, reasonOfAbort, watchedKeyChanged } from "../../protocol/ErrorKind.ts"
import { gapIn, notUtf8, type Reply, ServerError, UnreadableReply } from "../../protocol/Reply.ts"
import { utf8Of } from "../../protocol/text.ts"
import { CrossSlotError, exception, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import { keyless } from "../CommandSlot.ts"
import { forTransaction } from "../Rejections.ts"
import { Conflict } from "../request/Conflict.ts"
import { type ErrorReply, ofExecuted, ofQueued } from "../request/Diagnosis.ts"
import * as Failures from "../request/Failures.ts"
import { Request, type RequestOwner } from "../request/Request.ts"
import { type Batch, entriesOf, entryError, shaped, type Values } from "./BatchShape.ts"
import type { Outcomes } from "./Collect.ts"

const reply = (reply: Reply): Reply => reply
const multi = new Command<unknown>(new CommandSpec("MULTI", {}), [], reply)
const exec = new Command<unknown>(new CommandSpec("EXEC", {}), [], reply)

/** The specs of the whole transaction, by whether every entry only reads and may thus be executed twice. */
const specs = { reading: new CommandSpec("EXEC", { readonly: true }), writing: new CommandSpec("EXEC", {}) }

/**
 * A transaction that can be sent.
 */
export interface Plan {
  /**
   * A command that stands for the whole transaction, with its settings and with whether it may be sent again. It is
   * not written itself.
   */
  readonly command: Command<unknown>
  readonly entries: ReadonlyArray<Command<unknown>>
  readonly slot: number
  /** The number of entries that have keys. */
  readonly keyed: number
}

const crossSlot = (slots: ReadonlySet<number>): RedisClusterException =>
  exception(() =>
    new CrossSlotError({
      message:
        `the keys of the transaction are of ${slots.size} different slots, but a transaction runs on one slot; ` +
        `give the keys a common hash tag such as {user:1}, or use a pipeline, which is not atomic`,
      outcome: "NotExecuted",
      command: "MULTI",
      slots: [...slots]
    })
  )

/**
 * Checks that each entry can be sent and that all keys are of one slot. Without any key the transaction goes to the
 * default node, a primary.
 *
 * `timeout` is the timeout of entries without one of their own, in milliseconds; the shortest timeout holds for the
 * whole.
 */
export const plan = (
  entries: ReadonlyArray<Command<unknown>>,
  slotOf: (command: Command<unknown>) => number | Reason,
  timeout: number
): Result.Result<Plan, RedisClusterException> => {
  const slots = new Set<number>()
  let keyed = 0
  for (let i = 0; i < entries.length; i++) {
    const slot = forTransaction(entries[i]) ?? slotOf(entries[i])
    if (typeof slot !== "number") {
      const error = exception(() => slot)
      return Result.fail(
        slot._tag === "CrossSlotError" ? error : entryError("transaction", i, entries[i], error, "NotExecuted")
      )
    }
    if (slot === keyless) continue
    if (entries[i].settings.routing === undefined) keyed++
    slots.add(slot)
  }
  if (slots.size > 1) return Result.fail(crossSlot(slots))
  const [slot = keyless] = slots
  const reading = entries.every((entry) => entry.spec.readonly)
  const lossy = entries.every((entry) => entry.settings.lossy)
  const command = new Command<unknown>(reading ? specs.reading : specs.writing, [], reply, {
    binary: entries.some((entry) => entry.settings.binary || entry.settings.lossy !== lossy),
    lossy,
    idempotent: entries.every((entry) => entry.spec.readonly || entry.settings.idempotent),
    timeout: entries.reduce((least, entry) => Math.min(least, entry.settings.timeout ?? timeout), Infinity),
    invalid: undefined,
    refusal: undefined,
    unencodable: false,
    routing: undefined,
    cached: undefined,
    prerequisite: undefined,
    mapKeys: undefined
  })
  return Result.succeed({ command, entries, slot, keyed })
}

/**
 * A reply with text in the place of bytes. EXEC has one reply, which is read as bytes as soon as one entry wants
 * bytes; the other entries want text.
 */
const toText = (reply: Reply, lossy: boolean): Reply => {
  if (reply === null || typeof reply !== "object" || reply instanceof ServerError) return reply
  if (reply instanceof UnreadableReply) return reply
  if (reply instanceof Uint8Array) {
    return lossy || isUtf8(reply)
      ? utf8Of(reply)
      : notUtf8
  }
  if (reply instanceof Map) {
    return new Map(Array.from(reply, ([key, value]) => [toText(key, lossy), toText(value, lossy)]))
  }
  if (reply instanceof Set) return new Set(Array.from(reply, (element) => toText(element, lossy)))
  return Array.from(reply as ReadonlyArray<Reply>, (element) => toText(element, lossy))
}

const isList = (reply: Reply): reply is ReadonlyArray<Reply> => Array.isArray(reply)

/** An entry without its prerequisite: after EXEC a script that was lacking cannot be loaded and tried again. */
const selfContained = (entry: Command<unknown>): Command<unknown> =>
  entry.settings.prerequisite === undefined ? entry : entry.settings.prerequisite.selfContained(entry)

interface Refusal {
  /** The position of the refused entry; -1 is MULTI. */
  readonly index: number
  readonly error: ServerError
}

const isRedirect = (error: ServerError): boolean => {
  const kind = kindOf(error)
  return kind === "moved" || kind === "ask"
}

/**
 * A transaction on its way through the router. It succeeds with the end of each entry.
 */
export class TransactionRequest extends Request {
  readonly block: ReadonlyArray<Command<unknown>>
  private readonly plan: Plan
  /** The number of replies of this attempt so far. */
  private received = 0
  private refusals: Array<Refusal> = []
  /** The refusal about which the owner is deciding. */
  private culprit: Refusal | undefined = undefined

  constructor(
    plan: Plan,
    owner: RequestOwner,
    deadline: number,
    resume: Request["resume"],
    pinned: ClusterNode | undefined
  ) {
    const binding = pinned === undefined ? "slot" : "explicit"
    super(owner, plan.command, plan.slot, binding, pinned, origin, deadline, resume, undefined, 0, undefined)
    this.plan = plan
    this.block = [multi, ...plan.entries.map(selfContained), exec]
  }

  override onReply(reply: Reply): void {
    const index = this.received++ - 1
    if (index < this.plan.entries.length) {
      if (reply instanceof ServerError) this.refusals.push({ index, error: reply })
      return
    }
    const refusals = this.refusals
    this.startOver()
    if (refusals.length > 0 && refusals[0].index === -1) this.withoutMulti(refusals)
    else if (reply instanceof ServerError) this.discarded(reply, refusals)
    else if (reply === null) this.discarded(watchedKeyChanged, refusals)
    else this.executed(reply)
  }

  override onLost(failure: LinkFailure, written: boolean): void {
    this.startOver()
    super.onLost(failure, written)
  }

  /** Ends the transaction when an entry cannot be sent. Position 0 is MULTI. */
  onUnsendable(index: number, failure: LinkFailure): void {
    this.fail(Failures.fromFailure(this.entry(index - 1), { _tag: "Lost", failure, written: false }))
  }

  override fail(error: RedisClusterException): void {
    const culprit = this.culprit
    super.fail(culprit === undefined || error instanceof Conflict ? error : this.refused(culprit))
  }

  private startOver(): void {
    this.received = 0
    this.refusals = []
  }

  /**
   * Handles a refused MULTI: the server did not queue the commands after it, but executed or refused each on its own.
   */
  private withoutMulti(refusals: ReadonlyArray<Refusal>): void {
    const { error } = refusals[0]
    if (refusals.length > this.plan.entries.length) this.onFailure({ _tag: "Reply", error })
    else this.fail(Failures.withoutMulti(this, error))
  }

  /** Handles a discarded transaction, of which nothing was executed. */
  private discarded(error: ServerError, refusals: ReadonlyArray<Refusal>): void {
    // A refusal that no other node would take back comes first.
    const refusal = refusals.find((refusal) => !isRedirect(refusal.error)) ?? refusals[0]
    if (refusal === undefined) return this.onFailure({ _tag: "Reply", error: reasonOfAbort(error) })
    if (!isRedirect(refusal.error)) this.culprit = refusal
    // The other node lacks the keys that this one still has.
    const apart = kindOf(refusal.error) === "ask" && refusals.length < this.plan.keyed
    this.onFailure({ _tag: "Reply", error: apart ? keysApart : refusal.error })
    this.culprit = undefined
  }

  private executed(reply: Reply): void {
    const { command, entries } = this.plan
    // An entry with an unreadable reply does not fail the others.
    const isWhole = !(reply instanceof UnreadableReply)
    const replies = isWhole ? reply : reply.partial
    if (!isList(replies) || replies.length !== entries.length) {
      const failure = isWhole ? unexpected(`a list of ${entries.length}`, reply) : new DecodeFailure(reply.message)
      return this.fail(this.owner.undecodable(this, failure))
    }
    const isMixed = command.settings.binary
    const outcomes: Outcomes = entries.map((entry, i) => {
      const own = isMixed && !entry.settings.binary ? toText(replies[i], entry.settings.lossy) : replies[i]
      if (own instanceof ServerError) return Result.fail(this.failureOf(i, ofExecuted(own, entry)))
      const value = decodeReply(entry, isWhole && !isMixed ? own : gapIn(own) ?? own)
      return value instanceof DecodeFailure
        ? Result.fail(Failures.undecodable(this.entry(i), value))
        : Result.succeed(value)
    })
    this.succeed(outcomes)
  }

  private refused({ error, index }: Refusal): RedisClusterException {
    const outcome = this.retryState?.maybeExecuted === true ? "Unknown" : "NotExecuted"
    return entryError(
      "transaction",
      index,
      this.plan.entries[index],
      this.failureOf(index, ofQueued(error, this.plan.entries[index])),
      outcome
    )
  }

  private failureOf(index: number, reply: ErrorReply): RedisClusterException {
    return Failures.fromFailure(this.entry(index), reply)
  }

  /** An entry as a command that failed, with the connection and the attempts of the transaction. */
  private entry(index: number): Failures.FailedCommand {
    const { attempts, connection, retryState, slot } = this
    return { command: this.plan.entries[index], connection, slot, attempts, retryState }
  }
}

/**
 * Runs a batch as a transaction for its values. A failed entry fails the whole effect, although the server executed
 * the other entries.
 */
export const run = <B extends Batch>(
  transaction: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes, RedisClusterException>,
  batch: B
): Effect.Effect<Values<B>, RedisClusterException> =>
  Effect.suspend(() => {
    const entries = entriesOf(batch)
    return Effect.flatMap(transaction(entries), (outcomes) => {
      const values: Array<unknown> = []
      for (let i = 0; i < outcomes.length; i++) {
        const outcome = outcomes[i]
        if (Result.isFailure(outcome)) {
          return Effect.fail(entryError("transaction", i, entries[i], outcome.failure, "Executed"))
        }
        values.push(outcome.success)
      }
      // Each value is what the decoder of its entry made, at the place of that entry.
      return Effect.succeed(shaped(batch, values) as Values<B>)
    })
  })
