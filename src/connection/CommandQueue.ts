/**
 * The commands that wait to be written to one node.
 */
import { Fifo } from "../internal/Fifo.ts"
import type { LinkFailure, Outgoing, Sendable } from "./Outgoing.ts"

const argumentBytes = ({ args }: Sendable): number => args.reduce((sum, one) => sum + one.length, 0)

/** The bytes that a command holds while it waits, approximately. */
export const weightOf = ({ block, command }: Pick<Outgoing, "block" | "command">): number =>
  block === undefined ? argumentBytes(command) : block.reduce((sum, one) => sum + argumentBytes(one), 0)

/** Ends the overdue commands. The result is the earliest deadline of the others. */
export const expire = (commands: Fifo<Outgoing>, now: number, written: boolean): number => {
  let next = Number.POSITIVE_INFINITY
  const due: Array<Outgoing> = []
  commands.forEach((outgoing) => {
    if (outgoing.settled) return
    if (outgoing.deadline <= now) due.push(outgoing)
    else if (outgoing.deadline < next) next = outgoing.deadline
  })
  for (const outgoing of due) {
    if (!outgoing.settled) outgoing.onDeadline(written)
  }
  return next
}

export class CommandQueue {
  /** The sum of the sizes of the waiting commands. Sizes are noted with overflow `"fail"` only. */
  bytes = 0
  private readonly commands = new Fifo<Outgoing>()

  get size(): number {
    return this.commands.size
  }

  push(outgoing: Outgoing): void {
    this.bytes += outgoing.size
    this.commands.push(outgoing)
  }

  peek(): Outgoing | undefined {
    return this.commands.peek()
  }

  shift(): Outgoing | undefined {
    const outgoing = this.commands.shift()
    if (outgoing !== undefined) this.bytes -= outgoing.size
    return outgoing
  }

  forEach(f: (outgoing: Outgoing) => void): void {
    this.commands.forEach(f)
  }

  /** Removes and returns all commands. */
  takeAll(): ReadonlyArray<Outgoing> {
    this.bytes = 0
    return this.commands.takeAll()
  }

  /** Ends overdue commands and drops settled ones. The result is the next deadline. */
  expire(now: number): number {
    const next = expire(this.commands, now, false)
    // A settled command gives up its place in the queue; on the wire it has to keep it.
    this.commands.filter((outgoing) => {
      if (outgoing.settled) this.bytes -= outgoing.size
      return !outgoing.settled
    })
    return next
  }
}

/** Gives commands that were not written back to their owners. */
export const handBack = (unwritten: ReadonlyArray<Outgoing>, failure: LinkFailure): void => {
  for (const outgoing of unwritten) {
    if (!outgoing.settled) outgoing.onLost(failure, false)
  }
}
