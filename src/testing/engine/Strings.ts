/**
 * Strings and counters.
 */
import { type Answer, failure, notFloat, ok, Pairs } from "./Answer.ts"
import { addDecimals, type Bytes, isInt64, parseFloat64 } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { expiryAfter, isExpiryWord } from "./Expiry.ts"

const overflow = failure("ERR increment or decrement would overflow")
const tooLong = failure("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
const longest = 512 * 1024 * 1024

const put = (call: Call, key: Bytes, value: Bytes, expireAt = Infinity): void => {
  call.db.set(key, { type: "string", value }, expireAt)
  call.event("set", "$", key)
  if (expireAt < Infinity) call.event("expire", "g", key)
}

/** Sets a value and keeps the expiry. */
const replace = (call: Call, key: Bytes, value: Bytes, event: string): void => {
  call.db.set(key, { type: "string", value }, call.db.get(key)?.expireAt)
  call.event(event, "$", key)
}

const set = (call: Call): Answer => {
  const [, key, value] = call.args
  let [condition, keepTtl, wantsOld] = ["", false, false]
  let expireAt = Infinity
  let compared: Bytes | undefined
  for (let i = 3; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    const hasExpiry = keepTtl || expireAt < Infinity
    if ((word === "NX" || word === "XX") && (condition === "" || condition === word)) condition = word
    else if ((word === "IFEQ" || word === "IFNE") && condition === "" && i + 1 < call.args.length) {
      condition = word
      compared = call.args[++i]
    } else if (word === "GET") wantsOld = true
    else if (word === "KEEPTTL" && expireAt === Infinity) keepTtl = true
    else if (isExpiryWord(word) && !hasExpiry && i + 1 < call.args.length) expireAt = expiryAfter(call, word, ++i)
    else call.syntax()
  }
  if (call.failed) return null
  const old = wantsOld || compared !== undefined ? call.find("string", key) ?? null : null
  if (call.failed) return null
  const exists = call.db.has(key)
  const refused = (condition === "NX" && exists) || (condition === "XX" && !exists) ||
    (condition === "IFEQ" && old !== compared) || (condition === "IFNE" && old === compared)
  if (refused) return wantsOld ? old : null
  put(call, key, value, keepTtl ? call.db.get(key)?.expireAt : expireAt)
  return wantsOld ? old : ok
}

/** DELEX and DELIFEQ: deletes a string that has, or has not, this value. */
const deleteIf = (call: Call, condition: string, compared: Bytes): Answer => {
  if (condition !== "IFEQ" && condition !== "IFNE") return call.syntax()
  const key = call.args[1]
  const value = call.find("string", key)
  if (call.failed || value === undefined || (value === compared) !== (condition === "IFEQ")) return 0
  call.db.delete(key)
  call.event("del", "g", key)
  return 1
}

const deleteEx = (call: Call): Answer => {
  if (call.args.length === 4) return deleteIf(call, call.word(2), call.args[3])
  if (call.args.length !== 2) return call.syntax()
  const deleted = call.db.delete(call.args[1])
  if (deleted) call.event("del", "g", call.args[1])
  return deleted ? 1 : 0
}

const setWith = (unit: string) => (call: Call): Answer => {
  const expireAt = expiryAfter(call, unit, 2)
  if (call.failed) return null
  put(call, call.args[1], call.args[3], expireAt)
  return ok
}

const getEx = (call: Call): Answer => {
  const key = call.args[1]
  const word = call.word(2)
  const persists = word === "PERSIST"
  let expireAt = Infinity
  const timed = isExpiryWord(word)
  if (call.args.length > 2 && (call.args.length !== (persists ? 3 : 4) || (!persists && !timed))) return call.syntax()
  const value = call.find("string", key)
  const entry = call.db.get(key)
  if (call.failed || value === undefined || entry === undefined) return null
  if (timed) expireAt = expiryAfter(call, word, 3)
  if (call.failed) return null
  if (persists) {
    if (entry.expireAt < Infinity) {
      call.db.setExpiry(key, entry, Infinity)
      call.event("persist", "g", key)
    }
  } else if (expireAt <= call.now) {
    call.db.delete(key)
    call.event("del", "g", key)
  } else if (expireAt < Infinity) {
    call.db.setExpiry(key, entry, expireAt)
    call.event("expire", "g", key)
  }
  return value
}

const increment = (call: Call, by: bigint): Answer => {
  const key = call.args[1]
  const text = call.find("string", key)
  if (call.failed) return null
  const old = text === undefined ? 0n : parseCounter(call, text)
  if (call.failed) return null
  if (!isInt64(old + by)) return call.fail(overflow)
  replace(call, key, String(old + by), "incrby")
  return old + by
}

const parseCounter = (call: Call, text: Bytes): bigint => {
  const valid = text.length <= 20 && /^(?:0|-?[1-9][0-9]*)$/.test(text) && isInt64(BigInt(text))
  if (!valid) call.refuse("ERR value is not an integer or out of range")
  return valid ? BigInt(text) : 0n
}

const incrementBy = (sign: bigint) => (call: Call): Answer => {
  const by = call.int64(2)
  if (call.failed) return null
  if (!isInt64(by * sign)) return call.refuse("ERR decrement would overflow")
  return increment(call, by * sign)
}

/** Adds numbers like INCRBYFLOAT and HINCRBYFLOAT. */
export const addFloat = (call: Call, old: Bytes, by: Bytes, notANumber = notFloat): Bytes => {
  const increment = parseFloat64(by)
  if (increment === undefined) call.fail(notFloat)
  if (parseFloat64(old) === undefined) call.fail(notANumber)
  if (call.failed) return ""
  const sum = addDecimals(old, by)
  if (!Number.isFinite(Number(sum))) call.refuse("ERR increment would produce NaN or Infinity")
  return sum
}

const incrementByFloat = (call: Call): Answer => {
  const key = call.args[1]
  const old = call.find("string", key)
  if (call.failed) return null
  const sum = addFloat(call, old ?? "0", call.args[2])
  if (call.failed) return null
  replace(call, key, sum, "incrbyfloat")
  return sum
}

const setRange = (call: Call): Answer => {
  const [, key, , value] = call.args
  const offset = call.integer(2)
  if (call.failed) return null
  if (offset < 0) return call.refuse("ERR offset is out of range")
  const old = call.find("string", key) ?? ""
  if (call.failed) return null
  if (value === "") return old.length
  if (offset + value.length > longest) return call.fail(tooLong)
  const next = old.slice(0, offset).padEnd(offset, "\0") + value + old.slice(offset + value.length)
  replace(call, key, next, "setrange")
  return next.length
}

const getRange = (call: Call): Answer => {
  const start = call.integer(2)
  const end = call.integer(3)
  const value = call.failed ? undefined : call.find("string", call.args[1])
  if (call.failed || value === undefined) return ""
  if (start < 0 && end < 0 && start > end) return ""
  const from = Math.max(0, start < 0 ? value.length + start : start)
  const to = Math.max(0, end < 0 ? value.length + end : end)
  return value.slice(from, to + 1)
}

const mset = (call: Call): Answer => {
  if (call.args.length % 2 === 0) return call.refuse(`ERR wrong number of arguments for '${call.name}' command`)
  for (let i = 1; i < call.args.length; i += 2) put(call, call.args[i], call.args[i + 1])
  return ok
}

/** The longest common subsequence, by the standard table. */
const lcs = (call: Call): Answer => {
  const a = call.find("string", call.args[1]) ?? ""
  const b = call.find("string", call.args[2]) ?? ""
  if (call.failed) {
    call.failure = failure("ERR The specified keys must contain string values")
    return null
  }
  let [wantsLength, wantsIndex, withLengths, least] = [false, false, false, 0]
  for (let i = 3; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "LEN") wantsLength = true
    else if (word === "IDX") wantsIndex = true
    else if (word === "WITHMATCHLEN") withLengths = true
    else if (word === "MINMATCHLEN" && i + 1 < call.args.length) least = call.integer(++i)
    else call.syntax()
  }
  if (call.failed) return null
  if (wantsLength && wantsIndex) {
    return call.refuse("ERR If you want both the length and indexes, please just use IDX.")
  }
  const width = b.length + 1
  const table = new Uint32Array((a.length + 1) * width)
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      table[i * width + j] = a[i - 1] === b[j - 1]
        ? table[(i - 1) * width + j - 1] + 1
        : Math.max(table[(i - 1) * width + j], table[i * width + j - 1])
    }
  }
  const total = table[a.length * width + b.length]
  if (wantsLength) return total
  let common = ""
  const matches: Array<Answer> = []
  let run = 0
  let [i, j] = [a.length, b.length]
  const endRun = () => {
    if (run >= Math.max(1, least)) {
      matches.push([[i, i + run - 1], [j, j + run - 1], ...(withLengths ? [run] : [])])
    }
    run = 0
  }
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      common = a[i - 1] + common
      run++
      i--
      j--
    } else {
      endRun()
      if (table[(i - 1) * width + j] > table[i * width + j - 1]) i--
      else j--
    }
  }
  endRun()
  return wantsIndex ? new Pairs(["matches", matches, "len", total]) : common
}

export const strings: Group = {
  GET: read(2, (call) => call.find("string", call.args[1]) ?? null),
  SET: write(-3, set),
  SETNX: write(3, (call) => {
    if (call.db.has(call.args[1])) return 0
    put(call, call.args[1], call.args[2])
    return 1
  }),
  SETEX: write(4, setWith("EX")),
  PSETEX: write(4, setWith("PX")),
  GETSET: write(3, (call) => {
    const old = call.find("string", call.args[1])
    if (call.failed) return null
    put(call, call.args[1], call.args[2])
    return old ?? null
  }),
  DELEX: write(-2, deleteEx),
  DELIFEQ: write(3, (call) => deleteIf(call, "IFEQ", call.args[2])),
  GETDEL: write(2, (call) => {
    const old = call.find("string", call.args[1])
    if (call.failed || old === undefined) return null
    call.db.delete(call.args[1])
    call.event("del", "g", call.args[1])
    return old
  }),
  GETEX: write(-2, getEx),
  MGET: read(-2, (call) =>
    call.every(1).map((key) => {
      const content = call.db.get(key)?.content
      return content?.type === "string" ? content.value : null
    })),
  MSET: write(-3, mset),
  MSETNX: write(-3, (call) => {
    if (call.args.length % 2 === 1 && call.every(1, 2).some((key) => call.db.has(key))) return 0
    return mset(call) === null ? null : 1
  }),
  APPEND: write(3, (call) => {
    const old = call.find("string", call.args[1])
    if (call.failed) return null
    const value = (old ?? "") + call.args[2]
    replace(call, call.args[1], value, "append")
    return value.length
  }),
  STRLEN: read(2, (call) => call.find("string", call.args[1])?.length ?? 0),
  INCR: write(2, (call) => increment(call, 1n)),
  DECR: write(2, (call) => increment(call, -1n)),
  INCRBY: write(3, incrementBy(1n)),
  DECRBY: write(3, incrementBy(-1n)),
  INCRBYFLOAT: write(3, incrementByFloat),
  SETRANGE: write(4, setRange),
  GETRANGE: read(4, getRange),
  SUBSTR: read(4, getRange),
  LCS: read(-3, lcs)
}
