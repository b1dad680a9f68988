/**
 * Commands that travel alone on a socket: each starts when everything before it is answered, and nothing is written until it has ended.
 *
 * A login does, because Redis 8.6 gives no answer to a refused AUTH that it reads together with other commands, and the replies to
 * those would go to the wrong ones. The handover of subscriptions does, because its replies are told from others by their order.
 */
import type { LinkFailure } from "./Outgoing.ts"

export interface Solo {
  /** One that still waits is superseded by a later one of its kind. */
  readonly kind: "login" | "handover"
  start(): void
  /** It will not start, or the socket was lost before it had ended. */
  onLost(failure: LinkFailure): void
}

const superseded: LinkFailure = { kind: "connection", message: "superseded" }

export class Alone {
  private waiting: Array<Solo> = []
  private current: Solo | undefined

  /** Something has started and not ended. */
  get isOut(): boolean {
    return this.current !== undefined
  }

  /** Something is out, or waits to start: nothing else may be written. */
  get isClaimed(): boolean {
    return this.current !== undefined || this.waiting.length > 0
  }

  add(solo: Solo): void {
    const replaced = this.waiting.findIndex(({ kind }) => kind === solo.kind)
    const [old] = replaced < 0 ? [] : this.waiting.splice(replaced, 1)
    this.waiting.push(solo)
    old?.onLost(superseded)
  }

  /** Everything that was written is answered: starts what waits. */
  proceed(): void {
    if (this.current !== undefined) return
    this.current = this.waiting.shift()
    this.current?.start()
  }

  /** The command that is out has ended. */
  end(): void {
    this.current = undefined
  }

  /** The socket is lost. */
  drop(failure: LinkFailure): void {
    const { current } = this
    const all = current === undefined ? this.waiting : [current, ...this.waiting]
    this.current = undefined
    this.waiting = []
    for (const solo of all) solo.onLost(failure)
  }
}
