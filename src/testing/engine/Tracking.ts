/**
 * The reports of changed keys that sessions have asked for (CLIENT TRACKING).
 */
import { type Answer, Members, ok, Pairs, Push } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import type { Call } from "./Call.ts"
import type { NodeRole, SessionRole } from "./Roles.ts"

/** The wishes of one session. */
export interface TrackingWish {
  readonly mode: "all" | "optin" | "optout" | "bcast"
  readonly prefixes: ReadonlyArray<Bytes>
  readonly noLoop: boolean
  /** The id of the session that gets the reports; 0 for the session itself. */
  readonly redirect: number
}

const channel = "__redis__:invalidate"

/** The sessions of one node that want reports, and the keys that they have read. */
export class TrackingTable {
  private readonly node: NodeRole
  private readonly readers = new Map<Bytes, Set<SessionRole>>()
  /** The reports to sessions in broadcasting mode, which come at the end of a turn. */
  private readonly gathered = new Map<SessionRole, Set<Bytes>>()
  /** The session whose command runs. */
  writer: SessionRole | undefined
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

  /** Notes the keys that a command of a session has read, if they are to be reported. */
  remember(session: SessionRole, keys: ReadonlyArray<Bytes>): void {
    const { caching, tracking } = session
    if (tracking === undefined || tracking.mode === "bcast") return
    if (tracking.mode === "optin" ? caching !== true : tracking.mode === "optout" && caching === false) return
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
    if (redirect === 0) {
      if (session.resp === 3) session.tell(new Push(["invalidate", keys]))
      return
    }
    const receiver = [...this.node.sessions].find(({ id }) => id === redirect)
    if (receiver === undefined) {
      if (session.resp === 3) session.tell(new Push(["tracking-redir-broken", redirect]))
    } else if (receiver.resp === 3) receiver.tell(new Push(["invalidate", keys]))
    else if (receiver.subscriptions > 0) receiver.tell(new Push(["message", channel, keys]))
  }
}

const otherMode = (what: string): string =>
  `ERR You can't switch ${what} before disabling tracking for this client, and then re-enabling it with a different mode.`

/** CLIENT TRACKING. */
export const track = (call: Call): Answer => {
  const { session } = call
  const words = new Set<string>()
  const prefixes: Array<Bytes> = []
  let redirect = 0
  for (let i = 3; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "PREFIX" && i + 1 < call.args.length) prefixes.push(call.args[++i])
    else if (word === "REDIRECT" && i + 1 < call.args.length) {
      redirect = call.integer(++i)
      if (call.failed) return null
      if (![...call.node.sessions].some(({ id }) => id === redirect)) {
        return call.refuse("ERR The client ID you want redirect to does not exist")
      }
    } else if (["BCAST", "OPTIN", "OPTOUT", "NOLOOP"].includes(word)) words.add(word)
    else return call.syntax()
  }
  const isBroadcast = words.has("BCAST")
  switch (call.word(2)) {
    case "OFF":
      session.tracking = undefined
      session.caching = undefined
      return ok
    case "ON":
      break
    default:
      return call.syntax()
  }
  if (prefixes.length > 0 && !isBroadcast) return call.refuse("ERR PREFIX option requires BCAST mode to be enabled")
  const { tracking } = session
  if (tracking !== undefined && (tracking.mode === "bcast") !== isBroadcast) {
    return call.refuse(otherMode("BCAST mode on/off"))
  }
  if (isBroadcast && (words.has("OPTIN") || words.has("OPTOUT"))) {
    return call.refuse("ERR OPTIN and OPTOUT are not compatible with BCAST")
  }
  if (words.has("OPTIN") && words.has("OPTOUT")) {
    return call.refuse("ERR You can't specify both OPTIN mode and OPTOUT mode")
  }
  const wasIn = tracking?.mode
  if ((words.has("OPTIN") && wasIn === "optout") || (words.has("OPTOUT") && wasIn === "optin")) {
    return call.refuse(otherMode("OPTIN/OPTOUT mode"))
  }
  const known = tracking?.prefixes ?? []
  for (const [i, prefix] of prefixes.entries()) {
    const other = [...known, ...prefixes.slice(0, i)].find((one) => one.startsWith(prefix) || prefix.startsWith(one))
    if (other !== undefined) {
      return call.refuse(
        `ERR Prefix '${prefix}' overlaps with an existing prefix '${other}'. Prefixes for a single client must not overlap.`
      )
    }
  }
  session.tracking = {
    mode: isBroadcast ? "bcast" : words.has("OPTIN") ? "optin" : words.has("OPTOUT") ? "optout" : "all",
    prefixes: isBroadcast && prefixes.length + known.length === 0 ? [""] : [...known, ...prefixes],
    noLoop: words.has("NOLOOP"),
    redirect
  }
  // Keys that expire are reported in time, and not only on their next use.
  call.node.watchExpiry()
  return ok
}

/** CLIENT CACHING. */
export const cache = (call: Call): Answer => {
  const mode = call.session.tracking?.mode
  if (mode !== "optin" && mode !== "optout") {
    return call.refuse(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
    )
  }
  const word = call.word(2)
  if (word !== "YES" && word !== "NO") return call.syntax()
  if ((word === "YES") !== (mode === "optin")) {
    return call.refuse(
      `ERR CLIENT CACHING ${word} is only valid when tracking is enabled in ${
        word === "YES" ? "OPTIN" : "OPTOUT"
      } mode.`
    )
  }
  call.session.caching = word === "YES"
  return ok
}

/** CLIENT TRACKINGINFO. */
export const trackingInfo = ({ session: { caching, tracking } }: Call): Answer => {
  const flags = tracking === undefined
    ? ["off"]
    : [
      "on",
      ...tracking.mode === "all" ? [] : [tracking.mode],
      ...caching === undefined ? [] : [caching ? "caching-yes" : "caching-no"],
      ...tracking.noLoop ? ["noloop"] : []
    ]
  return new Pairs([
    "flags",
    new Members(flags),
    "redirect",
    tracking?.redirect ?? -1,
    "prefixes",
    tracking?.prefixes ?? []
  ])
}

/** CLIENT GETREDIR. */
export const redirectOf = ({ session }: Call): Answer => session.tracking?.redirect ?? -1

/** The letters of a session in CLIENT LIST. */
export const flagsOf = ({ tracking }: SessionRole): string =>
  tracking === undefined ? "" : tracking.mode === "bcast" ? "tB" : "t"
