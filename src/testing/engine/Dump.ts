/**
 * DUMP and RESTORE: values as bytes that only a TestCluster understands.
 */
import { type Answer, failure, notSupported, ok } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { HashValue, type Value } from "./Database.ts"
import { SortedSet } from "./SortedSet.ts"

const magic = "TestCluster:1:"

const wrong = failure("ERR DUMP payload version or checksum are wrong")

const payloadOf = ({ type, value }: Exclude<Value, { readonly type: "stream" | "ReJSON-RL" }>): unknown => {
  switch (type) {
    case "string":
    case "list":
      return value
    case "hash":
      return [[...value.fields], [...value.expiries]]
    case "set":
      return [...value]
    case "zset":
      // JSON has no infinity.
      return value.entries().map(([member, score]) => [member, String(score)])
  }
}

/** The shapes that `payloadOf` makes. */
interface Payloads {
  readonly string: Bytes
  readonly list: Array<Bytes>
  readonly hash: readonly [ReadonlyArray<readonly [Bytes, Bytes]>, ReadonlyArray<readonly [Bytes, number]>]
  readonly set: ReadonlyArray<Bytes>
  readonly zset: ReadonlyArray<readonly [member: Bytes, score: string]>
}

/** The value of a payload. `read` trusts the type, because only DUMP makes payloads. */
const valueOf = (type: string, read: <T extends keyof Payloads>(type: T) => Payloads[T]): Value | undefined => {
  switch (type) {
    case "string":
      return { type, value: read(type) }
    case "list":
      return { type, value: read(type) }
    case "hash":
      return { type, value: new HashValue(...read(type)) }
    case "set":
      return { type, value: new Set(read(type)) }
    case "zset":
      return { type, value: new SortedSet(read(type).map(([member, score]) => [member, Number(score)])) }
    default:
      return undefined
  }
}

const dump = (call: Call): Answer => {
  const content = call.db.get(call.args[1])?.content
  if (content === undefined) return null
  if (content.type === "stream") return notSupported("DUMP of a stream")
  if (content.type === "ReJSON-RL") return notSupported("DUMP of a JSON document")
  return `${magic}${content.type}:${JSON.stringify(payloadOf(content))}`
}

const parsed = (payload: Bytes): Value | undefined => {
  const [, type, json] = /^TestCluster:1:(\w+):(.*)$/s.exec(payload) ?? []
  try {
    return json === undefined ? undefined : valueOf(type, () => JSON.parse(json))
  } catch {
    return undefined
  }
}

const restore = (call: Call): Answer => {
  const [, key, , payload] = call.args
  let [replaces, absolute] = [false, false]
  for (let i = 4; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "REPLACE") replaces = true
    else if (word === "ABSTTL") absolute = true
    else if ((word === "IDLETIME" || word === "FREQ") && i + 1 < call.args.length) call.integer(++i)
    else return call.syntax()
  }
  if (!call.failed && !replaces && call.db.has(key)) return failure("BUSYKEY Target key name already exists.")
  const ttl = call.integer(2)
  if (!call.failed && ttl < 0) return call.refuse("ERR Invalid TTL value, must be >= 0")
  if (call.failed) return null
  const content = parsed(payload)
  if (content === undefined) return wrong
  const expireAt = ttl === 0 ? Infinity : absolute ? ttl : call.now + ttl
  if (expireAt <= call.now) {
    if (call.db.delete(key)) call.event("del", "g", key)
    return ok
  }
  call.db.set(key, content, expireAt)
  call.event("restore", "g", key)
  return ok
}

export const dumps: Group = { DUMP: read(2, dump), RESTORE: write(-4, restore) }
