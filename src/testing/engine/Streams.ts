/**
 * Streams: adding, reading, trimming. Consumer groups are in `StreamGroups.ts`.
 */
import { type Answer, failure, notSupported, nullArray, ok, Pairs } from "./Answer.ts"
import { waitFor } from "./Blocking.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { groupCommands, groupOf, readGroup } from "./StreamGroups.ts"
import {
  compareIds,
  formatId,
  highest,
  lowest,
  parseId,
  type StreamEntry,
  type StreamId,
  type StreamValue,
  zero
} from "./StreamValue.ts"

export const badId = failure("ERR Invalid stream ID specified as stream command argument")

export const showEntry = (entry: StreamEntry): Answer => [formatId(entry.id), entry.fields]

/** The trimming options of XADD and XTRIM. */
interface Trimming {
  readonly strategy: "MAXLEN" | "MINID"
  readonly exact: boolean
  readonly length: number
  readonly id: StreamId
}

/** Reads `MAXLEN [=|~] n [LIMIT n]`. The result has the position after it. */
const trimmingAt = (call: Call, at: number): readonly [Trimming, number] => {
  const strategy = call.word(at) === "MAXLEN" ? "MAXLEN" : "MINID"
  let next = at + 1
  const approximate = call.args[next] === "~"
  if (approximate || call.args[next] === "=") next++
  let [length, id] = [0, zero]
  if (strategy === "MAXLEN") {
    length = call.integer(next)
    if (length < 0) call.refuse("ERR The MAXLEN argument must be >= 0.")
  } else {
    const given = parseId(call.args[next] ?? "", 0)
    if (given === undefined) call.fail(badId)
    else id = given
  }
  next++
  if (call.word(next) === "LIMIT") {
    if (!approximate) call.refuse("ERR syntax error, LIMIT cannot be used without the special ~ option")
    call.integer(next + 1)
    next += 2
  }
  return [{ strategy, exact: !approximate, length, id }, next]
}

/** Servers store so many entries together, and remove them together with `~`. */
const nodeSize = 100

const trim = (stream: StreamValue, trimming: Trimming): number => {
  const surplus = trimming.strategy === "MAXLEN"
    ? Math.max(0, stream.entries.length - trimming.length)
    : stream.position(trimming.id)
  const removed = trimming.exact ? surplus : surplus - (surplus % nodeSize)
  stream.entries.splice(0, removed)
  return removed
}

const nextId = (call: Call, text: Bytes, stream: StreamValue | undefined): StreamId | undefined => {
  const last = stream?.lastId ?? zero
  if (text === "*") return call.now > last.ms ? { ms: call.now, seq: 0 } : { ms: last.ms, seq: last.seq + 1 }
  const partial = /^([0-9]{1,19})-\*$/.exec(text)
  if (partial !== null) {
    const ms = Number(partial[1])
    return { ms, seq: ms === last.ms ? last.seq + 1 : 0 }
  }
  return parseId(text, 0)
}

const xadd = (call: Call): Answer => {
  const key = call.args[1]
  let [at, creates] = [2, true]
  let trimming: Trimming | undefined
  for (; at < call.args.length && !call.failed;) {
    const word = call.word(at)
    if (word === "NOMKSTREAM") {
      creates = false
      at++
    } else if (word === "MAXLEN" || word === "MINID") {
      const [found, next] = trimmingAt(call, at)
      trimming = found
      at = next
    } else break
  }
  const text = call.args[at] ?? ""
  if (call.failed) return null
  const isAutomatic = text === "*" || /^[0-9]{1,19}-\*$/.test(text)
  const explicit = isAutomatic ? undefined : parseId(text, 0)
  if (!isAutomatic && explicit === undefined) return call.fail(badId)
  const fields = call.args.slice(at + 1)
  if (fields.length === 0 || fields.length % 2 === 1) {
    return call.refuse("ERR wrong number of arguments for 'xadd' command")
  }
  if (explicit !== undefined && compareIds(explicit, zero) === 0) {
    return call.refuse("ERR The ID specified in XADD must be greater than 0-0")
  }
  const found = call.find("stream", key)
  if (call.failed || (found === undefined && !creates)) return null
  const id = nextId(call, text, found)
  if (id === undefined) return call.fail(badId)
  if (compareIds(id, found?.lastId ?? zero) <= 0) {
    return call.refuse("ERR The ID specified in XADD is equal or smaller than the target stream top item")
  }
  const stream = found ?? call.obtain("stream", key)
  stream.entries.push({ id, fields })
  stream.lastId = id
  stream.entriesAdded++
  const trimmed = trimming === undefined ? 0 : trim(stream, trimming)
  call.touch(key, "xadd", "t")
  if (trimmed > 0) call.event("xtrim", "t", key)
  return formatId(id)
}

const xtrim = (call: Call): Answer => {
  const word = call.word(2)
  if (word !== "MAXLEN" && word !== "MINID") return call.syntax()
  const [trimming, next] = trimmingAt(call, 2)
  if (next < call.args.length) call.syntax()
  const stream = call.failed ? undefined : call.find("stream", call.args[1])
  if (call.failed || stream === undefined) return 0
  const removed = trim(stream, trimming)
  if (removed > 0) call.touch(call.args[1], "xtrim", "t")
  return removed
}

/** An end of a range: `-`, `+`, `(id` without the id itself. */
export const boundAt = (call: Call, index: number, isEnd: boolean): StreamId => {
  const text = call.args[index]
  if (text === "-") return lowest
  if (text === "+") return highest
  const excluded = text.startsWith("(")
  const id = parseId(excluded ? text.slice(1) : text, isEnd ? Infinity : 0)
  if (id === undefined) {
    call.fail(badId)
    return zero
  }
  if (!excluded) return id
  if (!isEnd) return { ms: id.ms, seq: id.seq + 1 }
  if (id.ms === 0 && id.seq === 0) {
    call.refuse("ERR invalid end ID for the interval")
    return zero
  }
  return id.seq > 0 ? { ms: id.ms, seq: id.seq - 1 } : { ms: id.ms - 1, seq: Infinity }
}

const range = (reversed: boolean) => (call: Call): Answer => {
  const start = boundAt(call, reversed ? 3 : 2, false)
  const end = boundAt(call, reversed ? 2 : 3, true)
  let count = -1
  for (let i = 4; i < call.args.length && !call.failed; i += 2) {
    if (call.word(i) !== "COUNT" || i + 1 >= call.args.length) call.syntax()
    else count = Math.max(0, call.integer(i + 1))
  }
  const stream = call.failed ? undefined : call.find("stream", call.args[1])
  if (call.failed) return null
  if (stream === undefined) return []
  if (count === 0) return nullArray
  const found = compareIds(start, end) > 0 ? [] : stream.range(start, end)
  const ordered = reversed ? found.toReversed() : found
  return (count < 0 ? ordered : ordered.slice(0, count)).map(showEntry)
}

/** The options of XREAD and XREADGROUP in front of their keys. */
interface ReadOptions {
  readonly group: Bytes | undefined
  readonly consumer: Bytes
  readonly count: number
  readonly block: number | undefined
  readonly noAck: boolean
  readonly keys: ReadonlyArray<Bytes>
  readonly ids: ReadonlyArray<Bytes>
}

const readOptions = (call: Call): ReadOptions | undefined => {
  let [count, noAck, consumer] = [Infinity, false, ""]
  let block: number | undefined
  let group: Bytes | undefined
  const isGroup = call.name === "xreadgroup"
  for (let i = 1; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "COUNT" && i + 1 < call.args.length) {
      const wanted = call.integer(++i)
      count = wanted <= 0 ? Infinity : wanted
    } else if (word === "BLOCK" && i + 1 < call.args.length) {
      block = call.integer(++i, failure("ERR timeout is not an integer or out of range"))
      if (block < 0) call.refuse("ERR timeout is negative")
    } else if (word === "NOACK" && isGroup) noAck = true
    else if (word === "GROUP" && isGroup && i + 2 < call.args.length) {
      group = call.args[i + 1]
      consumer = call.args[i + 2]
      i += 2
    } else if (word === "STREAMS" && i + 1 < call.args.length) {
      const rest = call.args.slice(i + 1)
      if (rest.length % 2 === 1) {
        const symbol = isGroup ? ">" : "$"
        call.refuse(
          `ERR Unbalanced '${call.name}' list of streams: for each stream key an ID, '+', or '${symbol}' must be specified.`
        )
        return undefined
      }
      if (isGroup && group === undefined) {
        call.refuse("ERR Missing GROUP option for XREADGROUP")
        return undefined
      }
      const half = rest.length / 2
      return { group, consumer, count, block, noAck, keys: rest.slice(0, half), ids: rest.slice(half) }
    } else {
      call.syntax()
      return undefined
    }
    if (call.failed) return undefined
  }
  call.syntax()
  return undefined
}

/**
 * The ids after which the streams are read. They are fixed at the beginning, because `$` stands for entries that are
 * added from now on.
 */
const positionsOf = (call: Call, options: ReadOptions): ReadonlyArray<StreamId | ">"> =>
  options.keys.map((key, i) => {
    const id = options.ids[i]
    const stream = call.find("stream", key)
    if (options.group !== undefined) groupOf(call, key, options.group, " in XREADGROUP with GROUP option")
    if (id === ">") {
      if (options.group === undefined) {
        call.refuse(
          "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
        )
      }
      return ">"
    }
    if (id === "$") {
      if (options.group !== undefined) {
        call.refuse(
          "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
        )
      }
      return stream?.lastId ?? zero
    }
    if (id === "+" && options.group === undefined) {
      // The last entry is the entry after the one before it.
      const before = stream?.entries.at(-2)?.id
      return stream === undefined || stream.entries.length === 0 ? stream?.lastId ?? zero : before ?? zero
    }
    const parsed = parseId(id, 0)
    if (parsed === undefined) call.fail(badId)
    return parsed ?? zero
  })

const xread = (call: Call): Answer => {
  const options = readOptions(call)
  if (options === undefined) return null
  const positions = positionsOf(call, options)
  if (call.failed) return null
  const attempt = () => {
    const found: Array<Answer> = []
    for (const [i, key] of options.keys.entries()) {
      const stream = call.find("stream", key)
      if (call.failed) return null
      const position = positions[i]
      const entries = options.group === undefined
        ? position === ">" ? [] : stream?.after(position).slice(0, options.count).map(showEntry) ?? []
        : readGroup(call, key, options.group, options, position)
      if (call.failed) return null
      // The own entries of a consumer are a reply even when there are none.
      if (entries.length > 0 || (options.group !== undefined && position !== ">")) found.push(key, entries)
    }
    return found.length === 0 ? undefined : streamsAnswer(call, found)
  }
  if (options.block === undefined) return attempt() ?? nullArray
  return waitFor(call, options.keys, options.block, attempt, nullArray)
}

const streamsAnswer = (call: Call, keysAndEntries: ReadonlyArray<Answer>): Answer => {
  if (call.session.resp === 3) return new Pairs(keysAndEntries)
  const rows: Array<Answer> = []
  for (let i = 0; i < keysAndEntries.length; i += 2) rows.push([keysAndEntries[i], keysAndEntries[i + 1]])
  return rows
}

const xsetid = (call: Call): Answer => {
  const id = parseId(call.args[2], 0)
  if (id === undefined) return call.fail(badId)
  if (call.args.length > 3) return notSupported("XSETID with options")
  const stream = call.find("stream", call.args[1])
  if (call.failed) return null
  if (stream === undefined) return call.refuse("ERR no such key")
  const last = stream.entries.at(-1)
  if (last !== undefined && compareIds(id, last.id) < 0) {
    return call.refuse("ERR The ID specified in XSETID is smaller than the target stream top item")
  }
  stream.lastId = id
  call.touch(call.args[1], "xsetid", "t")
  return ok
}

export const streams: Group = {
  XADD: write(-5, xadd),
  XLEN: read(2, (call) => call.find("stream", call.args[1])?.entries.length ?? 0),
  XRANGE: read(-4, range(false)),
  XREVRANGE: read(-4, range(true)),
  XDEL: write(-3, (call) => {
    const ids = call.every(2).map((text) => parseId(text, 0))
    const stream = call.find("stream", call.args[1])
    if (call.failed || stream === undefined) return 0
    if (ids.includes(undefined)) return call.fail(badId)
    const removed = ids.filter((id) => id !== undefined && stream.remove(id)).length
    if (removed > 0) call.touch(call.args[1], "xdel", "t")
    return removed
  }),
  XTRIM: write(-4, xtrim),
  XREAD: read(-4, xread),
  XREADGROUP: write(-7, xread),
  XSETID: write(-3, xsetid),
  ...groupCommands
}
