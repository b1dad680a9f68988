/**
 * CLIENT TRACKING and its siblings.
 */
import { type Answer, Members, ok, Pairs } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import type { Call } from "./Call.ts"
import type { SessionRole } from "./Roles.ts"

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
