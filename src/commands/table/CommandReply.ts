/** The reply of `COMMAND`, read. */
import { type Reply, ServerError } from "../../protocol/Reply.ts"
import { latin1Of } from "../../protocol/text.ts"
import { DecodeFailure } from "../decode.ts"
import { isKnown, type KeySpec } from "./KeySpec.ts"

/** The description of one command or subcommand by one server. */
export interface CommandEntry {
  /** `GET`, `CONFIG GET`. */
  readonly name: string
  readonly readonly: boolean
  readonly blocking: boolean
  /** The value of the `request_policy` tip. */
  readonly requestTip: string | undefined
  /** The value of the `response_policy` tip. */
  readonly responseTip: string | undefined
  readonly keySpecs: ReadonlyArray<KeySpec>
  /**
   * Whether the server is older than 7.0: its description has neither tips nor subcommands, and only keys at fixed
   * positions.
   */
  readonly legacy: boolean
}

/** Reads the reply of `COMMAND`, in RESP2 or RESP3. Servers before 7.0 describe less; their entries are marked. */
export const entriesOf = (reply: Reply): ReadonlyArray<CommandEntry> | DecodeFailure => {
  if (reply instanceof ServerError) return new DecodeFailure(`COMMAND failed: ${reply.message}`)
  const items = listOf(reply)
  if (items === undefined) return new DecodeFailure("COMMAND: expected a list of commands")
  const entries: Array<CommandEntry> = []
  return collect(items, entries) ?? entries
}

/**
 * The commands that servers call read-only although they change something: the search module means by the flag that no key is written. Such
 * a command must not be sent again.
 */
const changing: ReadonlySet<string> = new Set(
  ["FT.ALIASADD", "FT.ALIASDEL", "FT.ALIASUPDATE", "FT.CONFIG", "FT.CURSOR", "FT.DICTADD", "FT.DICTDEL"]
)

const collect = (items: ReadonlyArray<Reply>, into: Array<CommandEntry>): DecodeFailure | undefined => {
  for (const item of items) {
    const fields = listOf(item)
    const name = fields && wordOf(fields[0])
    const flags = fields && listOf(fields[2])
    if (fields === undefined || name === undefined || flags === undefined) {
      return new DecodeFailure("COMMAND: expected a name, an arity and flags for each command")
    }
    const flagged = new Set(flags.map(wordOf))
    const tips = (listOf(fields[7]) ?? []).map(wordOf)
    const specs = (listOf(fields[8]) ?? []).map(keySpecOf)
    into.push({
      name: name.replaceAll("|", " ").toUpperCase(),
      readonly: flagged.has("readonly") && !changing.has(name.toUpperCase()),
      blocking: flagged.has("blocking"),
      requestTip: tipOf(tips, "request_policy:"),
      responseTip: tipOf(tips, "response_policy:"),
      keySpecs: specs.some(isKnown) ? specs : positions(fields[3], fields[4], fields[5]),
      legacy: fields.length < 10
    })
    const failure = collect(listOf(fields[9]) ?? [], into)
    if (failure !== undefined) return failure
  }
  return undefined
}

/** The key spec for a first key, a last key and a step. */
const positions = (first: Reply, last: Reply, step: Reply): ReadonlyArray<KeySpec> =>
  typeof first === "number" && typeof last === "number" && typeof step === "number" && first > 0 && step > 0
    ? [{
      begin: { type: "index", index: first },
      find: { type: "range", last: last < 0 ? last : last - first, step, limit: 0 },
      notKey: false
    }]
    : []

const keySpecOf = (reply: Reply): KeySpec => {
  const fields = recordOf(reply)
  const begin = recordOf(fields.get("begin_search"))
  const find = recordOf(fields.get("find_keys"))
  return {
    begin: beginOf(wordOf(begin.get("type")), recordOf(begin.get("spec"))),
    find: findOf(wordOf(find.get("type")), recordOf(find.get("spec"))),
    notKey: (listOf(fields.get("flags")) ?? []).map(wordOf).includes("not_key")
  }
}

const beginOf = (type: string | undefined, spec: ReadonlyMap<string, Reply>): KeySpec["begin"] => {
  const index = numberOf(spec.get("index"))
  const keyword = wordOf(spec.get("keyword"))
  const from = numberOf(spec.get("startfrom"))
  if (type === "index" && index !== undefined) return { type, index }
  if (type === "keyword" && keyword !== undefined && from !== undefined) {
    return { type, keyword: keyword.toUpperCase(), from }
  }
  return { type: "unknown" }
}

const findOf = (type: string | undefined, spec: ReadonlyMap<string, Reply>): KeySpec["find"] => {
  const step = numberOf(spec.get("keystep"))
  const last = numberOf(spec.get("lastkey"))
  const limit = numberOf(spec.get("limit"))
  const count = numberOf(spec.get("keynumidx"))
  const first = numberOf(spec.get("firstkey"))
  // A step that does not advance would search without end.
  if (step === undefined || step < 1) return { type: "unknown" }
  if (type === "range" && last !== undefined && limit !== undefined) return { type, last, step, limit }
  if (type === "keynum" && count !== undefined && first !== undefined) return { type, count, first, step }
  return { type: "unknown" }
}

const tipOf = (tips: ReadonlyArray<string | undefined>, prefix: string): string | undefined =>
  tips.find((tip) => tip?.startsWith(prefix))?.slice(prefix.length)

const listOf = (reply: Reply | undefined): ReadonlyArray<Reply> | undefined =>
  Array.isArray(reply) ? reply : reply instanceof Set ? [...reply] : undefined

/** The fields of a map, or of the flat list of keys and values that RESP2 has in its place. */
const recordOf = (reply: Reply | undefined): ReadonlyMap<string, Reply> => {
  const record = new Map<string, Reply>()
  if (reply instanceof Map) {
    for (const [key, value] of reply) record.set(wordOf(key) ?? "", value)
  } else {
    const items = listOf(reply) ?? []
    for (let i = 0; i + 1 < items.length; i += 2) record.set(wordOf(items[i]) ?? "", items[i + 1])
  }
  return record
}

const wordOf = (reply: Reply | undefined): string | undefined =>
  typeof reply === "string" || reply instanceof Uint8Array ? latin1Of(reply) : undefined

const numberOf = (reply: Reply | undefined): number | undefined => typeof reply === "number" ? reply : undefined
