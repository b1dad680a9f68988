/**
 * The reports of changed keys that sessions have asked for (CLIENT TRACKING).
 */
import { Push } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import type { NodeRole, SessionRole } from "./Roles.ts"

const channel = "__redis__:invalidate"

/** The sessions of one node that want reports, and the keys that they have read. */
export class TrackingTable {
  private readonly node: NodeRole
  private readonly readers = new Map<Bytes, Set<SessionRole>>()
  /** The reports to sessions in broadcasting mode, which come at the end of a turn. */
  private readonly gathered = new Map<SessionRole, Set<Bytes>>()
  /** The session whose command runs, and its protocol: scripts have one of their own meanwhile. */
  private writer: SessionRole | undefined
  private writerResp: 2 | 3 = 2
  /** Whether all keys are being deleted: that is one report. */
  private isFlushing = false

  constructor(node: NodeRole) {
    this.node = node
  }

  /** Whether a session wants reports. */
  get isWanted(): boolean {
    for (const { tracking } of this.node.sessions) if (tracking !== undefined) return true
    return false
  }

  /** Notes the session whose command runs from now on. */
  begin(session: SessionRole): void {
    this.writer = session
    this.writerResp = session.resp
  }

  /** Notes that no command runs any more. */
  end(): void {
    this.writer = undefined
  }

  /** Notes the keys that a command of a session has read, if they are to be reported. */
  remember(session: SessionRole, keys: ReadonlyArray<Bytes>): void {
    const { caching, tracking } = session
    if (tracking === undefined || tracking.mode === "bcast") return
    if (tracking.mode === "optin" ? !caching : tracking.mode === "optout" && caching) return
    for (const key of keys) {
      const readers = this.readers.get(key)
      if (readers === undefined) this.readers.set(key, new Set([session]))
      else readers.add(session)
    }
  }

  /** Reports a change of a key; `isByServer` when no command made it. */
  changed(key: Bytes, isByServer: boolean): void {
    if (this.isFlushing) return
    const writer = isByServer ? undefined : this.writer
    const readers = this.readers.get(key)
    this.readers.delete(key)
    for (const session of readers ?? []) {
      const { tracking } = session
      if (tracking === undefined || (tracking.noLoop && session === writer)) continue
      this.report(session, [key])
    }
    for (const session of this.node.sessions) {
      const { tracking } = session
      if (tracking?.mode !== "bcast" || (tracking.noLoop && session === writer)) continue
      if (tracking.prefixes.some((prefix) => key.startsWith(prefix))) this.gather(session, key)
    }
  }

  /** Deletes all keys by a function, which is one report. */
  flush(clear: () => void): void {
    this.isFlushing = true
    clear()
    this.isFlushing = false
    this.readers.clear()
    this.gathered.clear()
    for (const session of this.node.sessions) if (session.tracking !== undefined) this.report(session, null)
  }

  private gather(session: SessionRole, key: Bytes): void {
    const keys = this.gathered.get(session)
    if (keys !== undefined) {
      keys.add(key)
      return
    }
    if (this.gathered.size === 0) this.node.cluster.host.defer(() => this.sendGathered())
    this.gathered.set(session, new Set([key]))
  }

  private sendGathered(): void {
    for (const [session, keys] of this.gathered) this.report(session, [...keys])
    this.gathered.clear()
  }

  private report(session: SessionRole, keys: ReadonlyArray<Bytes> | null): void {
    const { redirect = 0 } = session.tracking ?? {}
    const resp = session === this.writer ? this.writerResp : session.resp
    if (redirect === 0) {
      if (resp === 3) session.tell(new Push(["invalidate", keys]))
      return
    }
    const receiver = [...this.node.sessions].find(({ id }) => id === redirect)
    if (receiver === undefined) {
      if (resp === 3) session.tell(new Push(["tracking-redir-broken", redirect]))
    } else if (receiver.resp === 3) receiver.tell(new Push(["invalidate", keys]))
    else if (receiver.subscriptions > 0) receiver.tell(new Push(["message", channel, keys]))
  }
}
