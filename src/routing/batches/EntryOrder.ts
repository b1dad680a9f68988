/**
 * The order of a pipeline's entries of one slot, when some of them have to be sent again: a pure decision.
 *
 * An entry is sent again only as long as nothing that follows it in the pipeline has been executed. While a slot is on the
 * move its keys are on two nodes, each of which executes what it has; there this holds key by key.
 */
import type { Command } from "../../commands/Command.ts"
import type { Argument } from "../../protocol/Reply.ts"
import type { Step } from "../request/Request.ts"

export interface Entry {
  /** Its place in the pipeline. */
  readonly position: number
  readonly command: Command<unknown>
}

/** An entry that has to be sent again. */
export interface HeldEntry extends Entry {
  /** The step that follows; `undefined` when the entry was not sent yet. */
  readonly step: Step | undefined
  /** It failed because its slot is on the move: ASK or TRYAGAIN. */
  readonly onTheMove: boolean
}

/**
 * - `overtaken`: entries that may not be sent any more, because a later one has been executed
 * - `next`: those that go out now, in this order: after a pause, or at once and all of them the same way
 * - `rest`: those that stay until the others have been answered
 */
export interface Round<H extends HeldEntry> {
  readonly overtaken: ReadonlyArray<H>
  readonly next: ReadonlyArray<H>
  readonly rest: ReadonlyArray<H>
  readonly pause: boolean
}

const keysOf = ({ args, spec }: Command<unknown>): ReadonlyArray<Argument> =>
  typeof spec.keys === "number"
    ? spec.keys >= 0 ? [args[spec.keys]] : []
    : spec.keys(args).map((position) => args[position])

const textOf = (key: Argument): string => typeof key === "string" ? key : Buffer.from(key).toString("utf8")

/** The last entries that were executed: any, and any that may write. */
class Last {
  any = -1
  write = -1

  add({ command, position }: Entry): void {
    this.any = Math.max(this.any, position)
    if (!command.spec.readonly) this.write = Math.max(this.write, position)
  }

  /** Reads may pass each other: executed behind a later write, or as a write behind anything later, an entry is late. */
  overtakes({ command, position }: Entry): boolean {
    return position < (command.spec.readonly ? this.write : this.any)
  }
}

/** The entries that have been executed, of the slot and of each key. */
class Accepted {
  private readonly ofSlot = new Last()
  private readonly byKey = new Map<string, Last>()

  constructor(entries: ReadonlyArray<Entry>, keyByKey: boolean) {
    for (const entry of entries) {
      this.ofSlot.add(entry)
      if (keyByKey) { for (const key of keysOf(entry.command)) this.ofKey(textOf(key)).add(entry) }
    }
  }

  overtakes(held: HeldEntry): boolean {
    if (!this.ofSlot.overtakes(held)) return false
    return !held.onTheMove || keysOf(held.command).some((key) => this.ofKey(textOf(key)).overtakes(held))
  }

  private ofKey(key: string): Last {
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const last = new Last()
    this.byKey.set(key, last)
    return last
  }
}

/** Entries that go the same way keep their order on it. */
const wayOf = (step: Step | undefined): string => {
  switch (step?._tag) {
    case undefined:
      return "dispatch"
    case "RetryAt":
      return `${step.endpoint.host}:${step.endpoint.port}`
    case "RetryAfter":
    case "RetryNext":
    case "LoadThenResend":
      return step._tag
  }
}

/**
 * Decides what becomes of entries that have to be sent again, when nothing of their slot is under way. `accepted` are those
 * that were executed, or may have been.
 */
export const nextRound = <H extends HeldEntry>(
  held: ReadonlyArray<H>,
  accepted: ReadonlyArray<Entry>
): Round<H> => {
  const executed = new Accepted(accepted, held.some(({ onTheMove }) => onTheMove))
  const overtaken: Array<H> = []
  const left: Array<H> = []
  for (const entry of held.toSorted((one, other) => one.position - other.position)) {
    if (executed.overtakes(entry)) overtaken.push(entry)
    else left.push(entry)
  }
  if (left.length === 0) return { overtaken, next: [], rest: [], pause: false }
  // Who has to wait is not passed by those behind.
  if (left[0].step?._tag === "RetryAfter") return { overtaken, next: left, rest: [], pause: true }
  const way = wayOf(left[0].step)
  const end = left.findIndex(({ step }) => wayOf(step) !== way)
  const count = end === -1 ? left.length : end
  return { overtaken, next: left.slice(0, count), rest: left.slice(count), pause: false }
}
