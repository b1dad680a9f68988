/** Redirects as servers word them, and the node that one names. */
import type { Endpoint } from "../cluster/Endpoint.ts"
import { isSlot } from "../cluster/HashSlot.ts"
import { kindOf } from "../protocol/ErrorKind.ts"
import type { ServerError } from "../protocol/Reply.ts"
import { announcedHost } from "./Members.ts"
import { find, onlyNodeWithPort, type Snapshot } from "./Snapshot.ts"

/** A redirect: `MOVED 12182 127.0.0.1:7002`, `ASK 12182 ::1:7002`, `MOVED 12182 :7002`. */
export interface Redirect {
  /** Whether the node does not own the slot yet, and accepts this key after ASKING only. */
  readonly asking: boolean
  readonly slot: number
  /** The host as announced: empty for the host at which the node was reached, `?` for unknown. */
  readonly host: string
  readonly port: number
}

/** The facts that complete the words of a redirect. */
export interface RedirectContext {
  /** The endpoint that answered. */
  readonly via: Endpoint
  /** The translation of announced addresses. */
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  readonly snapshot: Snapshot
}

const isUsablePort = (port: number): boolean => port >= 1 && port <= 65535

/**
 * Reads a redirect; `undefined` when the error is no redirect, or names a slot that no cluster has. The port follows
 * the last colon, because IPv6 addresses come without brackets.
 */
export const parse = (error: ServerError): Redirect | undefined => {
  const kind = kindOf(error)
  if (kind !== "moved" && kind !== "ask") return undefined
  const match = /^\S+ (\d{1,5}) (\S*):(\d{1,5})$/.exec(error.message)
  if (match === null) return undefined
  const [, slot, host, port] = match
  if (!isSlot(Number(slot)) || !isUsablePort(Number(port))) return undefined
  return { asking: kind === "ask", slot: Number(slot), host, port: Number(port) }
}

/**
 * The endpoint that a redirect names; `undefined` when it names none that is known. For a known node the result is the
 * address at which it is reached, whichever of its addresses the redirect names.
 */
export const resolve = ({ host: announced, port }: Redirect, context: RedirectContext): Endpoint | undefined => {
  const host = announcedHost(announced, context.via)
  if (host === undefined) return onlyNodeWithPort(context.snapshot, port)
  const endpoint = context.mapAddress({ host, port })
  return find(context.snapshot, endpoint) ?? endpoint
}
