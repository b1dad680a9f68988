/**
 * The order of a pipeline's entries of one slot, when some of them have to be sent again: a pure decision.
 *
 * An entry is sent again only while no later entry of its slot has been executed. While a slot migrates its keys are
 * on two nodes, which both execute commands for the keys that they have; the rule then holds for each key.
 */
import type { Command } from "../../commands/Command.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { utf8Of } from "../../protocol/text.ts"
import type { Step } from "../request/Request.ts"

export interface Entry {
  /** The place of the entry in the pipeline. */
  readonly position: number
  readonly command: Command<unknown>
}

/** An entry that has to be sent again. */
export interface HeldEntry extends Entry {
  /** The next step of the entry; `undefined` when it was not sent yet. */
  readonly step: Step | undefined
  /** Whether the entry failed because its slot migrates: by ASK or TRYAGAIN. */
  readonly onTheMove: boolean
}

/**
 * - `overtaken`: entries that may not be sent any more, because a later entry has been executed
 * - `next`: entries that are sent now, in this order: after a pause, or at once and all to one place
 * - `rest`: entries that wait until those of `next` have been answered
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

/** The positions of the last executed entry, and of the last executed entry that may write. */
class Last {
  any = -1
  write = -1

  add({ command, position }: Entry): void {
    this.any = Math.max(this.any, position)
    if (!command.spec.readonly) this.write = Math.max(this.write, position)
  }

  /**
   * Whether a later entry overtook this one. Reads may overtake reads; a read is late behind a later write, and a
   * write behind any later entry.
   */
  overtakes({ command, position }: Entry): boolean {
    return position < (command.spec.readonly ? this.write : this.any)
  }
}

/** The executed entries of a slot, and of each of its keys. */
class Accepted {
  private readonly ofSlot = new Last()
  private readonly byKey = new Map<string, Last>()

  constructor(entries: ReadonlyArray<Entry>, keyByKey: boolean) {
    for (const entry of entries) {
      this.ofSlot.add(entry)
      if (keyByKey) { for (const key of keysOf(entry.command)) this.ofKey(utf8Of(key)).add(entry) }
    }
  }

  overtakes(held: HeldEntry): boolean {
    if (!this.ofSlot.overtakes(held)) return false
    return !held.onTheMove || keysOf(held.command).some((key) => this.ofKey(utf8Of(key)).overtakes(held))
  }

  private ofKey(key: string): Last {
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const last = new Last()
    this.byKey.set(key, last)
    return last
  }
}

/** A name for the place to which a step sends an entry: entries that go to one place keep their order. */
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
 * Decides about entries that have to be sent again, when no entry of their slot is under way. `accepted` are the
 * entries that were executed, or may have been.
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
  // Later entries do not pass an entry that has to wait.
  if (left[0].step?._tag === "RetryAfter") return { overtaken, next: left, rest: [], pause: true }
  const way = wayOf(left[0].step)
  const end = left.findIndex(({ step }) => wayOf(step) !== way)
  const count = end === -1 ? left.length : end
  return { overtaken, next: left.slice(0, count), rest: left.slice(count), pause: false }
}
