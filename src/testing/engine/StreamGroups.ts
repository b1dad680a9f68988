/**
 * Consumer groups of streams.
 */
import { type Answer, failure, notSupported, nullArray, ok, Pairs } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import {
  compareIds,
  type ConsumerGroup,
  formatId,
  highest,
  parseId,
  type PendingEntry,
  type StreamId,
  type StreamValue,
  zero
} from "./StreamValue.ts"

const badId = failure("ERR Invalid stream ID specified as stream command argument")

interface Found {
  readonly stream: StreamValue
  readonly group: ConsumerGroup
}

/** The group with a name, which has to exist. */
export const groupOf = (call: Call, key: Bytes, name: Bytes, where = ""): Found | undefined => {
  const stream = call.find("stream", key)
  const group = stream?.groups.get(name)
  if (call.failed) return undefined
  if (stream === undefined || group === undefined) {
    call.refuse(`NOGROUP No such key '${key}' or consumer group '${name}'${where}`)
    return undefined
  }
  return { stream, group }
}

const touchConsumer = (call: Call, group: ConsumerGroup, name: Bytes, active: boolean): void => {
  const consumer = group.consumers.get(name) ?? { seenAt: call.now, activeAt: -1 }
  consumer.seenAt = call.now
  if (active) consumer.activeAt = call.now
  group.consumers.set(name, consumer)
}

/** The number of entries that were ever added up to an id, where it is known. */
const distance = (stream: StreamValue, id: StreamId): number | undefined => {
  if (stream.entriesAdded === 0) return 0
  if (stream.entries.length === 0 && compareIds(id, stream.lastId) <= 0) return stream.entriesAdded
  const order = compareIds(id, stream.lastId)
  if (order === 0) return stream.entriesAdded
  if (order > 0) return undefined
  const first = stream.entries[0].id
  if (compareIds(stream.maxDeletedId, zero) === 0 || compareIds(stream.maxDeletedId, first) < 0) {
    const fromFirst = compareIds(id, first)
    if (fromFirst < 0) return stream.entriesAdded - stream.entries.length
    if (fromFirst === 0) return stream.entriesAdded - stream.entries.length + 1
  }
  return undefined
}

const pendingOf = (group: ConsumerGroup): ReadonlyArray<PendingEntry> =>
  [...group.pending.values()].toSorted((one, other) => compareIds(one.id, other.id))

/** The entries that XREADGROUP returns of one stream: new ones, or those of the consumer that are not acknowledged. */
export const readGroup = (
  call: Call,
  key: Bytes,
  name: Bytes,
  options: { readonly consumer: Bytes; readonly count: number; readonly noAck: boolean },
  position: StreamId | ">"
): ReadonlyArray<Answer> => {
  const found = groupOf(call, key, name, " in XREADGROUP with GROUP option")
  if (found === undefined) return []
  const { group, stream } = found
  const { consumer, count, noAck } = options
  touchConsumer(call, group, consumer, false)
  if (position !== ">") {
    return pendingOf(group)
      .filter((entry) => entry.consumer === consumer && compareIds(entry.id, position) > 0)
      .slice(0, count)
      .map((entry) => {
        entry.deliveredAt = call.now
        entry.deliveries++
        return [formatId(entry.id), stream.find(entry.id)?.fields ?? nullArray]
      })
  }
  const entries = stream.after(group.lastDelivered).slice(0, count)
  for (const { id } of entries) {
    group.lastDelivered = id
    group.entriesRead = group.entriesRead !== undefined && compareIds(stream.maxDeletedId, id) < 0
      ? group.entriesRead + 1
      : distance(stream, id)
    if (!noAck) group.pending.set(formatId(id), { id, consumer, deliveredAt: call.now, deliveries: 1 })
  }
  if (entries.length > 0) {
    touchConsumer(call, group, consumer, true)
    call.db.changed(key)
  }
  return entries.map(({ fields, id }) => [formatId(id), fields])
}

const create = (call: Call, key: Bytes, name: Bytes): Answer => {
  let creates = false
  let entriesRead: number | undefined
  for (let i = 5; i < call.args.length; i++) {
    const word = call.word(i)
    if (word === "MKSTREAM") creates = true
    else if (word === "ENTRIESREAD" && i + 1 < call.args.length) entriesRead = call.integer(++i)
    else return call.syntax()
  }
  const stream = call.find("stream", key)
  if (call.failed) return null
  if (stream === undefined && !creates) {
    return call.refuse(
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
    )
  }
  const id = call.args[4] === "$" ? stream?.lastId ?? zero : parseId(call.args[4], 0)
  if (id === undefined) return call.fail(badId)
  if (stream?.groups.has(name) === true) return call.refuse("BUSYGROUP Consumer Group name already exists")
  call.obtain("stream", key).groups.set(name, {
    lastDelivered: id,
    entriesRead,
    consumers: new Map(),
    pending: new Map()
  })
  call.touch(key, "xgroup-create", "t")
  return ok
}

const xgroup = (call: Call): Answer => {
  const [, , key, name] = call.args
  const subcommand = call.word(1)
  const enough: Readonly<Record<string, number | undefined>> = {
    CREATE: 5,
    SETID: 5,
    DESTROY: 4,
    CREATECONSUMER: 5,
    DELCONSUMER: 5
  }
  const least = enough[subcommand]
  if (least === undefined) return notSupported(`XGROUP ${subcommand}`)
  if (call.args.length < least) {
    return call.refuse(`ERR wrong number of arguments for 'xgroup|${subcommand.toLowerCase()}' command`)
  }
  if (subcommand === "CREATE") return create(call, key, name)
  const stream = call.find("stream", key)
  if (call.failed) return null
  if (stream === undefined) {
    return call.refuse(
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
    )
  }
  const group = stream.groups.get(name)
  if (subcommand === "DESTROY") {
    if (!stream.groups.delete(name)) return 0
    call.touch(key, "xgroup-destroy", "t")
    return 1
  }
  if (group === undefined) return call.refuse(`NOGROUP No such consumer group '${name}' for key name '${key}'`)
  if (subcommand === "SETID") {
    const id = call.args[4] === "$" ? stream.lastId : parseId(call.args[4], 0)
    if (id === undefined) return call.fail(badId)
    group.lastDelivered = id
    group.entriesRead = undefined
    call.touch(key, "xgroup-setid", "t")
    return ok
  }
  const consumer = call.args[4]
  if (subcommand === "CREATECONSUMER") {
    if (group.consumers.has(consumer)) return 0
    touchConsumer(call, group, consumer, false)
    call.touch(key, "xgroup-createconsumer", "t")
    return 1
  }
  const own = [...group.pending].filter(([, entry]) => entry.consumer === consumer)
  for (const [id] of own) group.pending.delete(id)
  if (group.consumers.delete(consumer)) call.touch(key, "xgroup-delconsumer", "t")
  return own.length
}

const xack = (call: Call): Answer => {
  const group = call.find("stream", call.args[1])?.groups.get(call.args[2])
  if (call.failed || group === undefined) return 0
  const ids = call.every(3).map((text) => parseId(text, 0))
  if (ids.includes(undefined)) return call.fail(badId)
  const acknowledged = ids.filter((id) => id !== undefined && group.pending.delete(formatId(id))).length
  if (acknowledged > 0) call.db.changed(call.args[1])
  return acknowledged
}

const bound = (call: Call, index: number, isEnd: boolean): StreamId => {
  const text = call.args[index]
  if (text === "-") return zero
  if (text === "+") return highest
  const excluded = text.startsWith("(")
  const id = parseId(excluded ? text.slice(1) : text, isEnd ? Infinity : 0)
  if (id === undefined) call.fail(badId)
  if (id === undefined || !excluded) return id ?? zero
  if (!isEnd) return { ms: id.ms, seq: id.seq + 1 }
  return id.seq > 0 ? { ms: id.ms, seq: id.seq - 1 } : { ms: id.ms - 1, seq: Infinity }
}

const xpending = (call: Call): Answer => {
  const [, key, name] = call.args
  const isSummary = call.args.length === 3
  let [at, idle] = [3, 0]
  if (!isSummary && call.word(3) === "IDLE") {
    idle = call.integer(4)
    at = 5
  }
  if (!isSummary && (call.args.length < at + 3 || call.args.length > at + 4)) return call.syntax()
  const start = isSummary ? zero : bound(call, at, false)
  const end = isSummary ? highest : bound(call, at + 1, true)
  const count = isSummary ? Infinity : Math.max(0, call.integer(at + 2))
  const found = call.failed ? undefined : groupOf(call, key, name)
  if (found === undefined) return null
  const pending = pendingOf(found.group)
  if (isSummary) {
    if (pending.length === 0) return [0, null, null, nullArray]
    const counts = new Map<Bytes, number>()
    for (const { consumer } of pending) counts.set(consumer, (counts.get(consumer) ?? 0) + 1)
    return [
      pending.length,
      formatId(pending[0].id),
      formatId(pending[pending.length - 1].id),
      [...counts].toSorted((one, other) => one[0] < other[0] ? -1 : 1).map(([consumer, n]) => [consumer, String(n)])
    ]
  }
  const consumer = call.args[at + 3]
  return pending
    .filter((entry) =>
      compareIds(entry.id, start) >= 0 && compareIds(entry.id, end) <= 0 && call.now - entry.deliveredAt >= idle &&
      (consumer === undefined || entry.consumer === consumer)
    )
    .slice(0, count)
    .map((entry) => [formatId(entry.id), entry.consumer, call.now - entry.deliveredAt, entry.deliveries])
}

const xclaim = (call: Call): Answer => {
  const [, key, name, consumer] = call.args
  const found = groupOf(call, key, name)
  const idle = call.failed ? 0 : Math.max(0, call.integer(4, failure("ERR Invalid min-idle-time argument for XCLAIM")))
  if (found === undefined || call.failed) return null
  const ids: Array<StreamId> = []
  let at = 5
  for (; at < call.args.length; at++) {
    const id = parseId(call.args[at], 0)
    if (id === undefined) break
    ids.push(id)
  }
  let [force, justId] = [false, false]
  let deliveredAt = call.now
  let retries: number | undefined
  for (; at < call.args.length && !call.failed; at++) {
    const word = call.word(at)
    if (word === "FORCE") force = true
    else if (word === "JUSTID") justId = true
    else if (word === "IDLE") deliveredAt = call.now - call.integer(++at)
    else if (word === "TIME") deliveredAt = Math.min(call.now, call.integer(++at))
    else if (word === "RETRYCOUNT") retries = call.integer(++at)
    else if (word === "LASTID") {
      const id = parseId(call.args[++at] ?? "", 0)
      if (id !== undefined && compareIds(id, found.group.lastDelivered) > 0) found.group.lastDelivered = id
    } else return call.refuse(`ERR Unrecognized XCLAIM option '${call.args[at]}'`)
  }
  if (call.failed) return null
  touchConsumer(call, found.group, consumer, false)
  const claimed: Array<Answer> = []
  for (const id of ids) {
    const entry = found.stream.find(id)
    const pending = found.group.pending.get(formatId(id))
    if (entry === undefined) {
      // An entry that was deleted from the stream cannot be claimed any more.
      found.group.pending.delete(formatId(id))
      continue
    }
    if (pending === undefined ? !force : call.now - pending.deliveredAt < idle) continue
    const deliveries = retries ?? (pending?.deliveries ?? 0) + (justId ? 0 : 1)
    found.group.pending.set(formatId(id), { id, consumer, deliveredAt, deliveries })
    claimed.push(justId ? formatId(id) : [formatId(id), entry.fields])
  }
  if (claimed.length > 0) {
    touchConsumer(call, found.group, consumer, true)
    call.db.changed(key)
  }
  return claimed
}

const xautoclaim = (call: Call): Answer => {
  const [, key, name, consumer] = call.args
  const idle = Math.max(0, call.integer(4, failure("ERR Invalid min-idle-time argument for XAUTOCLAIM")))
  const start = call.failed ? zero : bound(call, 5, false)
  let [count, justId] = [100, false]
  for (let i = 6; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    if (word === "COUNT" && i + 1 < call.args.length) {
      count = call.integer(++i)
      if (!call.failed && count < 1) call.refuse("ERR COUNT must be > 0")
    } else if (word === "JUSTID") justId = true
    else call.syntax()
  }
  const found = call.failed ? undefined : groupOf(call, key, name)
  if (found === undefined) return null
  touchConsumer(call, found.group, consumer, false)
  const claimed: Array<Answer> = []
  const deleted: Array<Answer> = []
  const candidates = pendingOf(found.group).filter((entry) => compareIds(entry.id, start) >= 0)
  let looks = count * 10
  let next = 0
  for (; next < candidates.length && looks > 0 && count > 0; next++, looks--) {
    const pending = candidates[next]
    const entry = found.stream.find(pending.id)
    if (entry === undefined) {
      found.group.pending.delete(formatId(pending.id))
      deleted.push(formatId(pending.id))
      count--
      continue
    }
    if (call.now - pending.deliveredAt < idle) continue
    pending.consumer = consumer
    pending.deliveredAt = call.now
    if (!justId) pending.deliveries++
    claimed.push(justId ? formatId(entry.id) : [formatId(entry.id), entry.fields])
    count--
  }
  if (claimed.length + deleted.length > 0) {
    touchConsumer(call, found.group, consumer, true)
    call.db.changed(key)
  }
  return [formatId(candidates[next]?.id ?? zero), claimed, deleted]
}

const lagOf = (stream: StreamValue, group: ConsumerGroup): number | null => {
  if (stream.entriesAdded === 0) return 0
  const read = group.entriesRead !== undefined && compareIds(stream.maxDeletedId, group.lastDelivered) <= 0
    ? group.entriesRead
    : distance(stream, group.lastDelivered)
  return read === undefined ? null : stream.entriesAdded - read
}

const xinfo = (call: Call): Answer => {
  const [, , key, name] = call.args
  const subcommand = call.word(1)
  const stream = key === undefined ? undefined : call.find("stream", key)
  if (call.failed) return null
  if (stream === undefined) return call.refuse("ERR no such key")
  if (subcommand === "STREAM") {
    if (call.args.length > 3) return notSupported("XINFO STREAM with FULL")
    const show = (entry = stream.entries[0]): Answer => entry === undefined ? null : [formatId(entry.id), entry.fields]
    return new Pairs([
      "length",
      stream.entries.length,
      "radix-tree-keys",
      stream.entries.length === 0 ? 0 : 1,
      "radix-tree-nodes",
      2,
      "last-generated-id",
      formatId(stream.lastId),
      "max-deleted-entry-id",
      formatId(stream.maxDeletedId),
      "entries-added",
      stream.entriesAdded,
      "recorded-first-entry-id",
      formatId(stream.entries[0]?.id ?? zero),
      "groups",
      stream.groups.size,
      "first-entry",
      show(),
      "last-entry",
      show(stream.entries.at(-1))
    ])
  }
  if (subcommand === "GROUPS") {
    return [...stream.groups].toSorted((one, other) => one[0] < other[0] ? -1 : 1).map(([name, group]) =>
      new Pairs([
        "name",
        name,
        "consumers",
        group.consumers.size,
        "pending",
        group.pending.size,
        "last-delivered-id",
        formatId(group.lastDelivered),
        "entries-read",
        group.entriesRead ?? null,
        "lag",
        lagOf(stream, group)
      ])
    )
  }
  if (subcommand !== "CONSUMERS") return notSupported(`XINFO ${subcommand}`)
  const group = stream.groups.get(name ?? "")
  if (group === undefined) return call.refuse(`NOGROUP No such consumer group '${name}' for key name '${key}'`)
  return [...group.consumers].toSorted((one, other) => one[0] < other[0] ? -1 : 1).map(([name, { activeAt, seenAt }]) =>
    new Pairs([
      "name",
      name,
      "pending",
      [...group.pending.values()].filter((entry) => entry.consumer === name).length,
      "idle",
      call.now - seenAt,
      "inactive",
      activeAt < 0 ? -1 : call.now - activeAt
    ])
  )
}

export const groupCommands: Group = {
  XGROUP: write(-2, xgroup),
  XACK: write(-4, xack),
  XPENDING: read(-3, xpending),
  XCLAIM: write(-6, xclaim),
  XAUTOCLAIM: write(-6, xautoclaim),
  XINFO: read(-2, xinfo)
}
