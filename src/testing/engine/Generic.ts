/**
 * Commands on keys of any type: existence, expiry, names, order.
 */
import { type Answer, failure, noSuchKey, nothing, notSupported, ok, Simple } from "./Answer.ts"
import { type Bytes, compare, glob, parseFloat64, parseInt64 } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { copyEntry, type Value } from "./Database.ts"

const remove = (call: Call): Answer =>
  call.every(1).filter((key) => {
    const had = call.db.delete(key)
    if (had) call.event("del", "g", key)
    return had
  }).length

const countExisting = (call: Call): Answer => call.every(1).filter((key) => call.db.has(key)).length

const conditions = new Set(["NX", "XX", "GT", "LT"])

const expire = (unit: number, relative: boolean) => (call: Call): Answer => {
  const key = call.args[1]
  const given = new Set<string>()
  for (let i = 3; i < call.args.length; i++) {
    const word = call.word(i)
    if (!conditions.has(word)) return call.refuse(`ERR Unsupported option ${call.args[i]}`)
    given.add(word)
  }
  if (given.has("NX") && given.size > 1) {
    return call.refuse("ERR NX and XX, GT or LT options at the same time are not compatible")
  }
  if (given.has("GT") && given.has("LT")) {
    return call.refuse("ERR GT and LT options at the same time are not compatible")
  }
  const value = call.integer(2)
  if (call.failed) return null
  if (Math.abs(value) * unit > 2 ** 63 - 2 ** 41) {
    return call.refuse(`ERR invalid expire time in '${call.name}' command`)
  }
  const entry = call.db.get(key)
  if (entry === undefined) return 0
  const at = value * unit + (relative ? call.now : 0)
  const old = entry.expireAt
  const refused = (given.has("NX") && old < Infinity) || (given.has("XX") && old === Infinity) ||
    (given.has("GT") && at <= old) || (given.has("LT") && at >= old)
  if (refused) return 0
  if (at <= call.now) {
    call.db.delete(key)
    call.event("del", "g", key)
  } else {
    call.db.setExpiry(key, entry, at)
    call.event("expire", "g", key)
  }
  return 1
}

const timeLeft = (unit: number, absolute: boolean) => (call: Call): Answer => {
  const entry = call.db.get(call.args[1])
  if (entry === undefined) return -2
  if (entry.expireAt === Infinity) return -1
  const millis = absolute ? entry.expireAt : Math.max(0, entry.expireAt - call.now)
  if (unit === 1) return millis
  return absolute ? Math.floor(millis / 1000) : Math.floor((millis + 500) / 1000)
}

const rename = (onlyIfNew: boolean) => (call: Call): Answer => {
  const [, from, to] = call.args
  const entry = call.db.get(from)
  if (entry === undefined) return call.fail(noSuchKey)
  if (from === to) return onlyIfNew ? 0 : ok
  if (onlyIfNew && call.db.has(to)) return 0
  call.db.delete(from)
  call.db.set(to, entry.content, entry.expireAt)
  call.event("rename_from", "g", from)
  call.event("rename_to", "g", to)
  return onlyIfNew ? 1 : ok
}

const copy = (call: Call): Answer => {
  const [, from, to] = call.args
  let replaces = false
  for (let i = 3; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "REPLACE") replaces = true
    else if (word === "DB" && i + 1 < call.args.length) {
      if (call.integer(++i, failure("ERR value is not an integer or out of range")) !== 0) {
        return call.refuse("ERR Copying to another database is not allowed in cluster mode")
      }
    } else return call.syntax()
  }
  if (call.failed) return null
  if (from === to) return call.refuse("ERR source and destination objects are the same")
  const entry = call.db.get(from)
  if (entry === undefined || (call.db.has(to) && !replaces)) return 0
  const { content, expireAt } = copyEntry(entry)
  call.db.set(to, content, expireAt)
  call.event("copy_to", "g", to)
  return 1
}

/** The encoding with which a server would store a value. */
const encodingOf = ({ type, value }: Value): string => {
  const isShort = (items: Iterable<Bytes>) => [...items].every((item) => item.length <= 64)
  switch (type) {
    case "string":
      return parseInt64(value) !== undefined ? "int" : value.length <= 44 ? "embstr" : "raw"
    case "list":
      return value.reduce((sum, item) => sum + item.length + 2, 0) <= 8192 ? "listpack" : "quicklist"
    case "hash":
      if (value.fields.size > 512 || !isShort(value.fields.keys()) || !isShort(value.fields.values())) {
        return "hashtable"
      }
      return value.expiries.size > 0 ? "listpackex" : "listpack"
    case "set":
      if (value.size <= 512 && [...value].every((item) => parseInt64(item) !== undefined)) return "intset"
      return value.size <= 128 && isShort(value) ? "listpack" : "hashtable"
    case "zset":
      return value.size <= 128 && isShort(value.entries().map(([member]) => member)) ? "listpack" : "skiplist"
    case "stream":
      return "stream"
    case "ReJSON-RL":
      return "raw"
  }
}

const object = (call: Call): Answer => {
  const subcommand = call.word(1)
  const entry = call.db.get(call.args[2] ?? "")
  if (entry === undefined) return null
  switch (subcommand) {
    case "ENCODING":
      return encodingOf(entry.content)
    case "REFCOUNT":
      return 1
    case "IDLETIME":
      return 0
    case "FREQ":
      return call.refuse(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
      )
    default:
      return notSupported(`OBJECT ${subcommand}`)
  }
}

const itemsOf = (call: Call, key: Bytes): ReadonlyArray<Bytes> => {
  const content = call.db.get(key)?.content
  switch (content?.type) {
    case undefined:
      return []
    case "list":
      return content.value
    case "set":
      return [...content.value]
    case "zset":
      return content.value.entries().map(([member]) => member)
    default:
      call.refuse("WRONGTYPE Operation against a key holding the wrong kind of value")
      return []
  }
}

const denied = (option: string): string =>
  `ERR ${option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.`

const sort = (mayStore: boolean) => (call: Call): Answer => {
  let [descending, alphabetic, sorted, offset, count, copies] = [false, false, true, 0, Infinity, 0]
  let target: Bytes | undefined
  for (let i = 2; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    if (word === "ASC") descending = false
    else if (word === "DESC") descending = true
    else if (word === "ALPHA") alphabetic = true
    else if (word === "LIMIT" && i + 2 < call.args.length) {
      offset = Math.max(0, call.integer(++i))
      const wanted = call.integer(++i)
      count = wanted < 0 ? Infinity : wanted
    } else if (word === "STORE" && mayStore && i + 1 < call.args.length) target = call.args[++i]
    else if (word === "BY" && i + 1 < call.args.length) {
      if (call.args[++i].includes("*")) return call.refuse(denied("BY"))
      sorted = false
    } else if (word === "GET" && i + 1 < call.args.length) {
      if (call.args[++i] !== "#") return call.refuse(denied("GET"))
      copies++
    } else call.syntax()
  }
  const items = call.failed ? [] : itemsOf(call, call.args[1])
  if (call.failed) return null
  if (sorted && !alphabetic && items.some((item) => item !== "" && parseFloat64(item) === undefined)) {
    return call.refuse("ERR One or more scores can't be converted into double")
  }
  const order = alphabetic
    ? compare
    : (one: Bytes, other: Bytes) => Number(one) - Number(other) || compare(one, other)
  const all = sorted ? items.toSorted((one, other) => descending ? order(other, one) : order(one, other)) : items
  const value = all.slice(offset, offset + count).flatMap((item) => Array<Bytes>(Math.max(1, copies)).fill(item))
  if (target === undefined) return value
  call.store(target, { type: "list", value }, value.length, "sortstore", "l")
  return value.length
}

/** Waits until replicas have the changes of this node. */
const wait = (call: Call): Answer => {
  const wanted = call.integer(1)
  const timeout = call.integer(2, failure("ERR timeout is not an integer or out of range"))
  if (!call.failed && timeout < 0) call.refuse("ERR timeout is negative")
  if (call.failed) return null
  if (!call.node.isPrimary) {
    return call.refuse(
      "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated."
    )
  }
  const { cluster, replicas } = call.node
  const acknowledged = () => {
    const now = cluster.now()
    return replicas.filter((replica) => replica.alive && !replica.stalled && replica.caughtUpAt <= now).length
  }
  if (acknowledged() >= wanted || call.inTransaction) return acknowledged()
  const due = replicas.filter((replica) => replica.alive).map((replica) => replica.caughtUpAt - cluster.now())
  const left = due.toSorted((one, other) => one - other)[wanted - 1]
  const patience = timeout === 0 ? Infinity : timeout
  const millis = left !== undefined && left > 0 ? Math.min(left, patience) : patience
  call.session.wait([], Number.isFinite(millis) ? millis : 0, () => undefined, acknowledged)
  return nothing
}

export const generic: Group = {
  DEL: write(-2, remove),
  UNLINK: write(-2, remove),
  EXISTS: read(-2, countExisting),
  TOUCH: read(-2, countExisting),
  TYPE: read(2, (call) => new Simple(call.db.get(call.args[1])?.content.type ?? "none")),
  EXPIRE: write(-3, expire(1000, true)),
  PEXPIRE: write(-3, expire(1, true)),
  EXPIREAT: write(-3, expire(1000, false)),
  PEXPIREAT: write(-3, expire(1, false)),
  TTL: read(2, timeLeft(1000, false)),
  PTTL: read(2, timeLeft(1, false)),
  EXPIRETIME: read(2, timeLeft(1000, true)),
  PEXPIRETIME: read(2, timeLeft(1, true)),
  PERSIST: write(2, (call) => {
    const entry = call.db.get(call.args[1])
    if (entry === undefined || entry.expireAt === Infinity) return 0
    call.db.setExpiry(call.args[1], entry, Infinity)
    call.event("persist", "g", call.args[1])
    return 1
  }),
  RENAME: write(3, rename(false)),
  RENAMENX: write(3, rename(true)),
  COPY: write(-3, copy),
  KEYS: read(2, (call) => call.db.keys().filter(glob(call.args[1]))),
  RANDOMKEY: read(1, (call) => {
    const keys = call.db.keys()
    return keys.length === 0 ? null : keys[Math.floor(call.node.cluster.random() * keys.length)]
  }),
  OBJECT: read(-2, object),
  SORT: write(-2, sort(true)),
  SORT_RO: read(-2, sort(false)),
  WAIT: read(3, wait)
}
