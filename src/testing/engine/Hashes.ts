/**
 * Hashes, with fields that expire.
 */
import { type Answer, failure, ok, Pairs } from "./Answer.ts"
import { type Bytes, isInt64, parseInt64 } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import type { HashValue } from "./Database.ts"
import { expiryAfter, isExpiryWord } from "./Expiry.ts"
import { choose } from "./Sets.ts"
import { addFloat } from "./Strings.ts"

const hset = (call: Call): number | null => {
  if (call.args.length % 2 === 1) return call.refuse(`ERR wrong number of arguments for '${call.name}' command`)
  call.find("hash", call.args[1])
  if (call.failed) return null
  const hash = call.obtain("hash", call.args[1])
  const before = hash.fields.size
  for (let i = 2; i < call.args.length; i += 2) setField(hash, call.args[i], call.args[i + 1])
  call.touch(call.args[1], "hset", "h")
  return hash.fields.size - before
}

/** Sets a field, and removes its expiry. */
const setField = (hash: HashValue, field: Bytes, value: Bytes): void => {
  hash.fields.set(field, value)
  hash.expiries.delete(field)
}

const deleteField = (hash: HashValue, field: Bytes): boolean => {
  hash.expiries.delete(field)
  return hash.fields.delete(field)
}

const hincrby = (call: Call): Answer => {
  const [, key, field] = call.args
  const by = call.int64(3)
  const found = call.failed ? undefined : call.find("hash", key)
  if (call.failed) return null
  const text = found?.fields.get(field) ?? "0"
  const old = parseInt64(text)
  if (old === undefined) return call.refuse("ERR hash value is not an integer")
  if (!isInt64(old + by)) return call.refuse("ERR increment or decrement would overflow")
  call.obtain("hash", key).fields.set(field, String(old + by))
  call.touch(key, "hincrby", "h")
  return old + by
}

const hincrbyfloat = (call: Call): Answer => {
  const [, key, field, by] = call.args
  call.float(3)
  const found = call.failed ? undefined : call.find("hash", key)
  if (call.failed) return null
  const sum = addFloat(call, found?.fields.get(field) ?? "0", by, failure("ERR hash value is not a float"))
  if (call.failed) return null
  call.obtain("hash", key).fields.set(field, sum)
  call.touch(key, "hincrbyfloat", "h")
  return sum
}

const hrandfield = (call: Call): Answer => {
  const [, key, counted] = call.args
  const count = counted === undefined ? 1 : call.integer(2)
  const withValues = call.word(3) === "WITHVALUES"
  if (call.args.length > 4 || (call.args.length === 4 && !withValues)) call.syntax()
  const hash = call.failed ? undefined : call.find("hash", key)
  if (call.failed) return null
  if (hash === undefined) return counted === undefined ? null : []
  const chosen = choose([...hash.fields], count, call.node.cluster.random)
  if (counted === undefined) return chosen[0][0]
  if (!withValues) return chosen.map(([field]) => field)
  return call.session.resp === 3 ? chosen.map(([field, value]) => [field, value]) : chosen.flat()
}

/** The fields after `FIELDS numfields`. */
const fieldsAfter = (call: Call, at: number, step = 1): ReadonlyArray<Bytes> => {
  if (call.word(at) !== "FIELDS") {
    call.refuse("ERR Mandatory argument FIELDS is missing or not at the right position")
    return []
  }
  const wrong = failure("ERR Number of fields must be a positive integer")
  const count = call.integer(at + 1, wrong)
  if (!call.failed && count <= 0) call.fail(wrong)
  if (!call.failed && count * step !== call.args.length - at - 2) {
    call.refuse("ERR The `numfields` parameter must match the number of arguments")
  }
  return call.args.slice(at + 2)
}

const hexpire = (unit: number, relative: boolean) => (call: Call): Answer => {
  const key = call.args[1]
  const hash = call.find("hash", key)
  const value = call.integer(2)
  if (!call.failed && (value < 0 || value * unit > 2 ** 46 + call.now)) {
    call.refuse(`ERR invalid expire time in '${call.name}' command`)
  }
  const word = call.word(3)
  const hasCondition = ["NX", "XX", "GT", "LT"].includes(word)
  const fields = call.failed ? [] : fieldsAfter(call, hasCondition ? 4 : 3)
  if (call.failed) return null
  const at = value * unit + (relative ? call.now : 0)
  const results = fields.map((field) => {
    if (hash === undefined || !hash.fields.has(field)) return -2
    const old = hash.expiries.get(field)
    const refused = (word === "NX" && old !== undefined) || (word === "XX" && old === undefined) ||
      (word === "GT" && (old === undefined || at <= old)) || (word === "LT" && old !== undefined && at >= old)
    if (refused) return 0
    if (at <= call.now) {
      deleteField(hash, field)
      return 2
    }
    hash.expiries.set(field, at)
    call.db.fieldsMayExpire()
    return 1
  })
  if (results.includes(1)) call.touch(key, "hexpire", "h")
  if (results.includes(2)) call.touch(key, "hdel", "h")
  return results
}

const httl = (unit: number, absolute: boolean) => (call: Call): Answer => {
  const hash = call.find("hash", call.args[1])
  const fields = call.failed ? [] : fieldsAfter(call, 2)
  return fields.map((field) => {
    if (hash === undefined || !hash.fields.has(field)) return -2
    const at = hash.expiries.get(field)
    if (at === undefined) return -1
    const millis = absolute ? at : at - call.now
    return unit === 1 ? millis : absolute ? Math.floor(millis / 1000) : Math.floor((millis + 999) / 1000)
  })
}

const hpersist = (call: Call): Answer => {
  const hash = call.find("hash", call.args[1])
  const fields = call.failed ? [] : fieldsAfter(call, 2)
  if (call.failed) return null
  const results = fields.map((field) => {
    if (hash === undefined || !hash.fields.has(field)) return -2
    return hash.expiries.delete(field) ? 1 : -1
  })
  if (results.includes(1)) call.touch(call.args[1], "hpersist", "h")
  return results
}

const hgetdel = (call: Call): Answer => {
  const hash = call.find("hash", call.args[1])
  const fields = call.failed ? [] : fieldsAfter(call, 2)
  if (call.failed) return null
  const values = fields.map((field) => {
    const value = hash?.fields.get(field) ?? null
    if (hash !== undefined) deleteField(hash, field)
    return value
  })
  if (values.some((value) => value !== null)) call.touch(call.args[1], "hdel", "h")
  return values
}

const hgetex = (call: Call): Answer => {
  const key = call.args[1]
  const hash = call.find("hash", key)
  const word = call.word(2)
  const timed = isExpiryWord(word)
  const expireAt = timed && !call.failed ? expiryAfter(call, word, 3) : Infinity
  const at = timed ? 4 : word === "PERSIST" ? 3 : 2
  const fields = call.failed ? [] : fieldsAfter(call, at)
  if (call.failed) return null
  let changed = false
  const values = fields.map((field) => {
    const value = hash?.fields.get(field)
    if (hash === undefined || value === undefined) return null
    if (word === "PERSIST") changed = hash.expiries.delete(field) || changed
    else if (timed) {
      if (expireAt <= call.now) deleteField(hash, field)
      else hash.expiries.set(field, expireAt)
      changed = true
    }
    return value
  })
  if (timed) call.db.fieldsMayExpire()
  if (changed) call.touch(key, timed ? "hexpire" : "hpersist", "h")
  return values
}

const hsetex = (call: Call): Answer => {
  const key = call.args[1]
  let [condition, keepTtl, at] = ["", false, 2]
  let expireAt = Infinity
  for (; at < call.args.length && call.word(at) !== "FIELDS" && !call.failed; at++) {
    const word = call.word(at)
    if ((word === "FNX" || word === "FXX") && condition === "") condition = word
    else if (word === "KEEPTTL" && expireAt === Infinity) keepTtl = true
    else if (isExpiryWord(word) && !keepTtl && expireAt === Infinity) expireAt = expiryAfter(call, word, ++at)
    else return call.syntax()
  }
  const found = call.failed ? undefined : call.find("hash", key)
  const items = call.failed ? [] : fieldsAfter(call, at, 2)
  if (call.failed) return null
  const fields = items.filter((_, i) => i % 2 === 0)
  if (condition === "FNX" && fields.some((field) => found?.fields.has(field) === true)) return 0
  if (condition === "FXX" && !fields.every((field) => found?.fields.has(field) === true)) return 0
  const hash = call.obtain("hash", key)
  for (let i = 0; i < items.length; i += 2) {
    const kept = keepTtl ? hash.expiries.get(items[i]) : undefined
    setField(hash, items[i], items[i + 1])
    if (kept !== undefined) hash.expiries.set(items[i], kept)
    if (expireAt < Infinity) hash.expiries.set(items[i], expireAt)
  }
  call.db.fieldsMayExpire()
  call.touch(key, "hset", "h")
  return 1
}

const fieldsOf = (call: Call): ReadonlyMap<Bytes, Bytes> => call.find("hash", call.args[1])?.fields ?? new Map()

export const hashes: Group = {
  HSET: write(-4, hset),
  HMSET: write(-4, (call) => hset(call) === null ? null : ok),
  HSETNX: write(4, (call) => {
    if (call.find("hash", call.args[1])?.fields.has(call.args[2]) === true) return 0
    if (call.failed) return null
    setField(call.obtain("hash", call.args[1]), call.args[2], call.args[3])
    call.touch(call.args[1], "hset", "h")
    return 1
  }),
  HGET: read(3, (call) => fieldsOf(call).get(call.args[2]) ?? null),
  HMGET: read(-3, (call) => {
    const fields = fieldsOf(call)
    return call.every(2).map((field) => fields.get(field) ?? null)
  }),
  HGETALL: read(2, (call) => new Pairs([...fieldsOf(call)].flat())),
  HKEYS: read(2, (call) => [...fieldsOf(call).keys()]),
  HVALS: read(2, (call) => [...fieldsOf(call).values()]),
  HLEN: read(2, (call) => fieldsOf(call).size),
  HEXISTS: read(3, (call) => fieldsOf(call).has(call.args[2]) ? 1 : 0),
  HSTRLEN: read(3, (call) => fieldsOf(call).get(call.args[2])?.length ?? 0),
  HDEL: write(-3, (call) => {
    const hash = call.find("hash", call.args[1])
    if (call.failed || hash === undefined) return 0
    const removed = call.every(2).filter((field) => deleteField(hash, field)).length
    if (removed > 0) call.touch(call.args[1], "hdel", "h")
    return removed
  }),
  HINCRBY: write(4, hincrby),
  HINCRBYFLOAT: write(4, hincrbyfloat),
  HRANDFIELD: read(-2, hrandfield),
  HEXPIRE: write(-6, hexpire(1000, true)),
  HPEXPIRE: write(-6, hexpire(1, true)),
  HEXPIREAT: write(-6, hexpire(1000, false)),
  HPEXPIREAT: write(-6, hexpire(1, false)),
  HTTL: read(-5, httl(1000, false)),
  HPTTL: read(-5, httl(1, false)),
  HEXPIRETIME: read(-5, httl(1000, true)),
  HPEXPIRETIME: read(-5, httl(1, true)),
  HPERSIST: write(-5, hpersist),
  HGETDEL: write(-5, hgetdel),
  HGETEX: write(-5, hgetex),
  HSETEX: write(-6, hsetex)
}
