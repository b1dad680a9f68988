/**
 * The content of a key as cache-aside sees it: a placeholder, an entry, or a value that something else has written.
 *
 * Placeholders and entries begin with a head, which ends with a line feed and has a token of its own, so that a server
 * can compare what it has with what a process has seen by the head alone. Pure.
 */
import { createHash, randomBytes } from "node:crypto"

/** The beginning of each head. */
export const magic = "\0aside:"
/** The most bytes of a head. */
const longest = 128
const lineFeed = 10

/** A placeholder: somebody loads the value. */
export interface Loading {
  readonly _tag: "Loading"
  readonly head: string
}

/** A value that was loaded; `payload` is `null` where the origin has none. */
export interface Entry {
  readonly _tag: "Entry"
  readonly head: string
  readonly payload: Uint8Array | null
  /** The end of its time to live by the clock of the process that stored it, in milliseconds since 1970. */
  readonly expireAt: number
  /** The time that it took to load, in milliseconds. */
  readonly took: number
}

export type Stored =
  | { readonly _tag: "Missing" }
  | Loading
  | Entry
  /** A value without a head, as `Value.set` writes it. */
  | { readonly _tag: "Plain"; readonly bytes: Uint8Array }

/** A value that another one may replace. */
export type Former = Extract<Stored, { readonly _tag: "Entry" | "Plain" }>

const tokenOf = (): string => randomBytes(12).toString("base64url")

/** A placeholder of its own. */
export const placeholder = (): string => `${magic}L:${tokenOf()}\n`

/** A mark in the key of a refresh: one has failed, and loads in the background wait for a while. It is no head of a value. */
export const rest = (): string => `${magic}R:${tokenOf()}\n`

/** An entry as it is stored. */
export const entry = (payload: Uint8Array | string | null, expireAt: number, took: number): Uint8Array => {
  const kind = payload === null ? "N" : "V"
  const head = `${magic}${kind}:${tokenOf()}:${Math.ceil(expireAt)}:${Math.ceil(took)}\n`
  const bytes = payload === null ? "" : payload
  return Buffer.concat([Buffer.from(head), typeof bytes === "string" ? Buffer.from(bytes) : bytes])
}

const missing: Stored = { _tag: "Missing" }

/** Reads the content of a key. */
export const read = (bytes: Uint8Array | null): Stored => {
  if (bytes === null) return missing
  const plain: Stored = { _tag: "Plain", bytes }
  // Nearly every value of another program ends here.
  if (bytes[0] !== 0) return plain
  const end = bytes.subarray(0, longest).indexOf(lineFeed)
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, end + 1).toString("latin1")
  if (!head.startsWith(magic)) return plain
  const [kind, token, expireAt, took] = head.slice(magic.length, -1).split(":")
  if (kind === "L" && token !== undefined) return { _tag: "Loading", head }
  if ((kind !== "V" && kind !== "N") || took === undefined) return plain
  return {
    _tag: "Entry",
    head,
    payload: kind === "V" ? bytes.subarray(end + 1) : null,
    expireAt: Number(expireAt),
    took: Number(took)
  }
}

/** The bytes by which a server recognises a value: its head, or all of it. */
export const seenOf = (former: Former): Uint8Array => former._tag === "Plain" ? former.bytes : Buffer.from(former.head)

/** Whether a key still has a value. */
export const isStill = (stored: Stored, former: Former): boolean =>
  former._tag === "Plain"
    ? stored._tag === "Plain" && Buffer.compare(stored.bytes, former.bytes) === 0
    : stored._tag === "Entry" && stored.head === former.head

/** A name that values with other contents do not have. */
export const nameOf = (former: Former): string =>
  former._tag === "Plain" ? createHash("sha256").update(former.bytes).digest("base64") : former.head

/**
 * Whether a reader of an entry should load it again before it ends: the more probable the nearer its end is and the
 * longer it takes to load. `random` is between 0 and 1. Readers thus begin early one by one, and not all at its end
 * ("Optimal Probabilistic Cache Stampede Prevention", Vattani et al., 2015).
 */
export const isDue = ({ expireAt, took }: Entry, now: number, random: number, eagerness: number): boolean =>
  eagerness > 0 && now - Math.max(took, 1) * eagerness * Math.log(Math.max(random, Number.MIN_VALUE)) >= expireAt
