/**
 * A command that the client itself asks of a node.
 */
import type { Command } from "../commands/Command.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"

/** The end of a command on its connection. */
export type End =
  | { readonly _tag: "Replied"; readonly reply: Reply }
  | { readonly _tag: "Lost"; readonly failure: LinkFailure; readonly written: boolean }
  | { readonly _tag: "Overdue"; readonly written: boolean }

/** A command whose end, of whatever kind, reaches one method, once. */
export abstract class OwnCommand implements Outgoing {
  readonly command: Command<unknown>
  readonly binary: boolean
  readonly asking = false
  readonly deadline: number
  size = 0
  private isSettled = false

  /** `deadline` in monotonic milliseconds. */
  constructor(command: Command<unknown>, deadline = Number.POSITIVE_INFINITY, binary = false) {
    this.command = command
    this.deadline = deadline
    this.binary = binary
  }

  protected abstract onEnd(end: End): void

  get settled(): boolean {
    return this.isSettled
  }

  /** Gives the command up: its end is not reported. */
  abandon(): void {
    this.isSettled = true
  }

  onReply(reply: Reply): void {
    this.end({ _tag: "Replied", reply })
  }

  onLost(failure: LinkFailure, written: boolean): void {
    this.end({ _tag: "Lost", failure, written })
  }

  onDeadline(written: boolean): void {
    this.end({ _tag: "Overdue", written })
  }

  private end(end: End): void {
    this.isSettled = true
    this.onEnd(end)
  }
}
