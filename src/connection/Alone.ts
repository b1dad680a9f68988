/**
 * Commands that travel alone on a socket: each starts when all earlier commands are answered, and nothing else is
 * written until it has ended.
 *
 * A login travels alone because Redis 8.6 gives no reply to a refused AUTH that it reads together with other commands:
 * the replies to those commands would go to the wrong callers. A handover of subscriptions travels alone because only
 * the order of its replies tells them from other replies.
 */
import type { LinkFailure } from "./Outgoing.ts"

export interface Solo {
  /** A later command of a kind supersedes an earlier one that still waits. */
  readonly kind: "login" | "handover"
  start(): void
  /** Called when the command will not start, or when the socket was lost before the command had ended. */
  onLost(failure: LinkFailure): void
}

const superseded: LinkFailure = { kind: "connection", message: "superseded" }

export class Alone {
  private waiting: Array<Solo> = []
  private current: Solo | undefined

  /** Whether a command has started and not ended. */
  get isOut(): boolean {
    return this.current !== undefined
  }

  /** Whether a command is out, or waits to start: nothing else may be written then. */
  get isClaimed(): boolean {
    return this.current !== undefined || this.waiting.length > 0
  }

  add(solo: Solo): void {
    const replaced = this.waiting.findIndex(({ kind }) => kind === solo.kind)
    const [old] = replaced < 0 ? [] : this.waiting.splice(replaced, 1)
    this.waiting.push(solo)
    old?.onLost(superseded)
  }

  /** Starts the command that waits. The lane calls this when every written command is answered. */
  proceed(): void {
    if (this.current !== undefined) return
    this.current = this.waiting.shift()
    this.current?.start()
  }

  /** Notes that the command that is out has ended. */
  end(): void {
    this.current = undefined
  }

  /** Ends the command that is out and those that wait, because the socket is lost. */
  drop(failure: LinkFailure): void {
    const { current } = this
    const all = current === undefined ? this.waiting : [current, ...this.waiting]
    this.current = undefined
    this.waiting = []
    for (const solo of all) solo.onLost(failure)
  }
}
