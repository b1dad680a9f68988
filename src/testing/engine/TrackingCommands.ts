/**
 * CLIENT TRACKING and its siblings.
 */
import { type Answer, Members, ok, Pairs } from "./Answer.ts"
import { type Bytes, compare } from "./Bytes.ts"
import type { Call } from "./Call.ts"
import type { SessionRole } from "./Roles.ts"

const otherMode = (what: string): string =>
  `ERR You can't switch ${what} before disabling tracking for this client, and then re-enabling it with a different mode.`

const overlap = (one: Bytes, other: Bytes): boolean => one.startsWith(other) || other.startsWith(one)

/** The first two prefixes that overlap, in words; `undefined` when none do. */
const collisionOf = (prefixes: ReadonlyArray<Bytes>, known: ReadonlyArray<Bytes>): string | undefined => {
  const words = (one: Bytes, kind: string, other: Bytes) =>
    `ERR Prefix '${one}' overlaps with ${kind} prefix '${other}'. Prefixes for a single client must not overlap.`
  for (const [i, prefix] of prefixes.entries()) {
    const existing = known.toSorted(compare).find((one) => overlap(prefix, one))
    if (existing !== undefined) return words(prefix, "an existing", existing)
    const provided = prefixes.slice(i + 1).find((one) => overlap(prefix, one))
    if (provided !== undefined) return words(prefix, "another provided", provided)
  }
  return undefined
}

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
      session.caching = false
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
  const collision = collisionOf(prefixes, known)
  if (collision !== undefined) return call.refuse(collision)
  session.tracking = {
    mode: isBroadcast ? "bcast" : words.has("OPTIN") ? "optin" : words.has("OPTOUT") ? "optout" : "all",
    // Without a prefix it is the empty one.
    prefixes: isBroadcast ? [...new Set([...known, ...prefixes.length === 0 ? [""] : prefixes])] : [],
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
  if (mode === undefined) {
    return call.refuse(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
    )
  }
  const word = call.word(2)
  if (word !== "YES" && word !== "NO") return call.syntax()
  if (mode !== (word === "YES" ? "optin" : "optout")) {
    return call.refuse(
      `ERR CLIENT CACHING ${word} is only valid when tracking is enabled in ${
        word === "YES" ? "OPTIN" : "OPTOUT"
      } mode.`
    )
  }
  call.session.caching = true
  return ok
}

/** CLIENT TRACKINGINFO. */
export const trackingInfo = ({ session: { caching, tracking } }: Call): Answer => {
  const flags = tracking === undefined
    ? ["off"]
    : [
      "on",
      ...tracking.mode === "all" ? [] : [tracking.mode],
      ...caching && tracking.mode === "optin" ? ["caching-yes"] : [],
      ...caching && tracking.mode === "optout" ? ["caching-no"] : [],
      ...tracking.noLoop ? ["noloop"] : []
    ]
  return new Pairs([
    "flags",
    new Members(flags),
    "redirect",
    tracking?.redirect ?? -1,
    "prefixes",
    tracking?.prefixes.toSorted(compare) ?? []
  ])
}

/** CLIENT GETREDIR. */
export const redirectOf = ({ session }: Call): Answer => session.tracking?.redirect ?? -1

/** The letters of a session in CLIENT LIST. */
export const flagsOf = ({ tracking }: SessionRole): string =>
  tracking === undefined ? "" : tracking.mode === "bcast" ? "tB" : "t"
