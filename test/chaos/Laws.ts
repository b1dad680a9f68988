/**
 * The laws that a history has to fit, as pure functions. Each gives what breaks it, with the fewest calls that show it.
 *
 * `lossless` says that the servers themselves lost nothing: a primary that dies, or is taken over, before its replica
 * has all of its writes loses acknowledged ones, which no client can help. A command that was executed twice, or
 * without a call, is a client's fault in either case.
 */
import type { Reason, RedisClusterException } from "../../src/RedisClusterException.ts"
import type { Call, CallError, Ending, Fault } from "./History.ts"

export interface Violation {
  readonly law: string
  readonly calls: ReadonlyArray<Call>
}

const of = (calls: ReadonlyArray<Call>, ...endings: ReadonlyArray<Call["ending"]>) =>
  calls.filter((call) => endings.includes(call.ending))

/** The calls on both sides of the first count that nobody was told, and those that may account for it. */
const aroundGap = (acknowledged: ReadonlyArray<Call>, others: ReadonlyArray<Call>): ReadonlyArray<Call> => {
  const told = acknowledged.filter((call) => typeof call.value === "number")
    .toSorted((a, b) => Number(a.value) - Number(b.value))
  const at = told.findIndex((call, i) => Number(call.value) > (i === 0 ? 1 : Number(told[i - 1].value) + 1))
  const [from, to] = at < 0 ? [0, Infinity] : [told[at - 1]?.started ?? 0, told[at].ended]
  const meanwhile = others.filter((call) => call.started <= to && call.ended >= from)
  return at < 0 ? meanwhile : [...told.slice(Math.max(0, at - 1), at + 1), ...meanwhile]
}

/** Increments by one: as many as were acknowledged, and no more than these and those whose fate is unknown. */
export const counter = (calls: ReadonlyArray<Call>, count: number, lossless: boolean): ReadonlyArray<Violation> => {
  const increments = calls.filter((call) => call.kind === "increment")
  const acknowledged = of(increments, "ok", "Executed")
  const unknown = of(increments, "Unknown")
  const violations: Array<Violation> = []
  if (count > acknowledged.length + unknown.length) {
    violations.push({
      law: `the server counts ${count}, more than ${acknowledged.length} acknowledged and ${unknown.length} unknown: ` +
        "something was executed twice, or in spite of NotExecuted",
      calls: aroundGap(acknowledged, [...unknown, ...of(increments, "NotExecuted")])
    })
  }
  if (!lossless) return violations
  if (count < acknowledged.length) {
    violations.push({
      law: `the server counts ${count}, fewer than ${acknowledged.length} acknowledged: an acknowledged one is lost`,
      calls: acknowledged.slice(-3)
    })
  }
  const byValue = new Map<unknown, Call>()
  for (const call of acknowledged) {
    const twin = byValue.get(call.value)
    if (twin !== undefined && call.value !== undefined) {
      violations.push({ law: `two increments were told the same count ${String(call.value)}`, calls: [twin, call] })
    }
    byValue.set(call.value, call)
  }
  return violations
}

/** Codes with which servers refuse a command before they execute it. */
const codesOfServers = new Set([
  ...["TRYAGAIN", "READONLY", "CLUSTERDOWN", "MOVED", "ASK", "LOADING", "MASTERDOWN", "NOSCRIPT", "BUSY", "NOAUTH"],
  "UNBLOCKED"
])

/** Whether a script answered with an error of its own that begins as those of servers do. */
export const isOwnError = ({ error }: Call): boolean =>
  error?._tag === "RedisClusterException" && error.reason._tag === "ReplyError" &&
  codesOfServers.has(error.reason.code)

/** A script's own error comes after its write: it is told to the program, and never as a success or as not executed. */
export const ownWords = (
  calls: ReadonlyArray<Call>,
  count: number,
  lossless: boolean
): ReadonlyArray<Violation> => {
  const answers = calls.filter(isOwnError)
  const wrong = calls.filter((call) => call.ending === "ok" || (answers.includes(call) && call.ending !== "Unknown"))
  return [
    ...wrong.map((call) => ({ law: `a script's own error was told as ${call.ending}`, calls: [call] })),
    ...(lossless && count < answers.length
      ? [{ law: `a script answered ${answers.length} times, and has written ${count} times`, calls: answers.slice(-3) }]
      : [])
  ]
}

/** Two counters that are only incremented together, in transactions. */
export const pair = (calls: ReadonlyArray<Call>, [a, b]: readonly [number, number]): ReadonlyArray<Violation> =>
  a === b ? [] : [{
    law: `a transaction took effect by half: its counters are ${a} and ${b}`,
    calls: of(calls, "Unknown", "NotExecuted")
  }]

/** A register holds what a write wrote whose fate allows it, and not what a later acknowledged write replaced. */
export const register = (
  calls: ReadonlyArray<Call>,
  value: string | null,
  lossless: boolean
): ReadonlyArray<Violation> => {
  const writes = calls.filter((call) => call.kind === "write")
  const acknowledged = of(writes, "ok", "Executed")
  if (value === null) {
    return lossless && acknowledged.length > 0
      ? [{ law: "the register is empty in spite of acknowledged writes", calls: acknowledged.slice(-1) }]
      : []
  }
  const writer = writes.find((call) => call.argument === value)
  if (writer === undefined) return [{ law: `the register holds ${value}, which nobody wrote`, calls: [] }]
  if (writer.ending === "NotExecuted") {
    return [{ law: "the register holds what was reported as not executed", calls: [writer] }]
  }
  const later = acknowledged.find((call) => call.started > writer.ended)
  return lossless && writer.ending !== "Unknown" && later !== undefined
    ? [{ law: "the register holds a value that an acknowledged write had replaced", calls: [writer, later] }]
    : []
}

/** A value that was read is of that key, and was written by a call that had started and may have been executed. */
export const reads = (calls: ReadonlyArray<Call>): ReadonlyArray<Violation> => {
  const writers = new Map(calls.filter((call) => call.kind === "write").map((call) => [call.argument, call]))
  return of(calls.filter((call) => call.kind === "read"), "ok").flatMap((read) => {
    if (read.value === null) return []
    const writer = writers.get(String(read.value))
    if (writer === undefined) return [{ law: `a read of ${read.key} got the value of something else`, calls: [read] }]
    if (writer.ending === "NotExecuted" || writer.started > read.ended) {
      return [{ law: "a read got a value that was never written", calls: [writer, read] }]
    }
    return []
  })
}

/** Elements of a list are taken once; an acknowledged one is there or was taken, at most an unknown pop took it away. */
export const list = (
  calls: ReadonlyArray<Call>,
  remaining: ReadonlyArray<string>,
  lossless: boolean
): ReadonlyArray<Violation> => {
  const pushes = calls.filter((call) => call.kind === "push")
  const pops = calls.filter((call) => call.kind === "pop")
  const taken = of(pops, "ok").filter((call) => call.value !== null)
  const seen = new Map<string, ReadonlyArray<Call>>()
  for (const pop of taken) seen.set(String(pop.value), [...(seen.get(String(pop.value)) ?? []), pop])
  const left = new Map<string, number>()
  for (const element of remaining) left.set(element, (left.get(element) ?? 0) + 1)

  const violations: Array<Violation> = []
  const missing: Array<Call> = []
  for (const push of pushes) {
    const element = push.argument ?? ""
    const poppers = seen.get(element) ?? []
    const times = poppers.length + (left.get(element) ?? 0)
    // A failover to a replica that lags brings back what was popped: not the client's doing.
    if (times > 1 && (lossless || (left.get(element) ?? 0) > 1)) {
      violations.push({ law: `an element is there ${times} times`, calls: [push, ...poppers] })
    }
    if (times > 0 && push.ending === "NotExecuted") {
      violations.push({ law: "an element is there that was reported as not pushed", calls: [push, ...poppers] })
    }
    if (times === 0 && push.ending === "ok") missing.push(push)
    seen.delete(element)
    left.delete(element)
  }
  for (const [element, poppers] of seen) {
    violations.push({ law: `an element was popped that nobody pushed: ${element}`, calls: poppers })
  }
  const unknownPops = of(pops, "Unknown")
  if (lossless && missing.length > unknownPops.length) {
    violations.push({
      law: `${missing.length} acknowledged elements are gone, and only ${unknownPops.length} pops have an unknown fate`,
      calls: [...missing.slice(0, 3), ...unknownPops.slice(0, 3)]
    })
  }
  return violations
}

/** A pipeline of appends to a list and of writes to a register, all of one slot: how each entry ended, in its order. */
export interface OrderedPipeline {
  readonly key: string
  readonly id: string
  readonly pushes: ReadonlyArray<Ending>
  readonly writes: ReadonlyArray<Ending>
}

/**
 * The writes of a pipeline are there in the order of its entries, and its last acknowledged write is not replaced by
 * an earlier one.
 */
export const pipelineOrder = (
  pipelines: ReadonlyArray<OrderedPipeline>,
  list: ReadonlyArray<string>,
  register: string | null,
  lossless: boolean
): ReadonlyArray<Violation> => {
  const byId = new Map<string, Array<number>>()
  for (const element of list) {
    const [id, place] = element.split("#")
    const places = byId.get(id)
    if (places === undefined) byId.set(id, [Number(place)])
    else places.push(Number(place))
  }
  const told = (law: string, id: string): Violation => ({ law: `${law}: pipeline ${id}`, calls: [] })
  return pipelines.flatMap(({ id, pushes, writes }) => {
    const violations: Array<Violation> = []
    const places = byId.get(id) ?? []
    if (places.some((place, i) => i > 0 && place <= places[i - 1])) {
      violations.push(told(`entries of a pipeline were executed in the order ${places.join(" ")}`, id))
    }
    for (const [i, ending] of pushes.entries()) {
      const isThere = places.includes(i)
      if (isThere && ending === "NotExecuted") violations.push(told(`entry ${i} is there in spite of NotExecuted`, id))
      if (!isThere && ending === "ok" && lossless) violations.push(told(`the acknowledged entry ${i} is lost`, id))
    }
    const [writer, place] = register?.split("#") ?? []
    const last = writes.lastIndexOf("ok")
    if (writer === id && lossless && Number(place) < last) {
      violations.push(told(`its write ${place} has replaced the later write ${last}`, id))
    }
    return violations
  })
}

/** The reasons of a failure, where it is made of those of its parts. */
const reasonsOf = (error: CallError): ReadonlyArray<Reason> => {
  if (error._tag !== "RedisClusterException") return []
  const { reason } = error
  const parts: ReadonlyArray<RedisClusterException> = reason._tag === "PartialFailureError"
    ? reason.failures.map(({ error }) => error)
    : reason._tag === "PipelineError" || reason._tag === "TransactionError"
    ? [reason.cause]
    : []
  return parts.length === 0 ? [reason] : parts.flatMap(reasonsOf)
}

/** States of the cluster, which last or pass: a program is told of them when its time is over. */
const atDeadlineOnly = new Set([
  ...["TryAgainError", "ClusterDownError", "MasterDownError", "LoadingError", "ReadOnlyError", "SlotNotCoveredError"]
])

/**
 * No redirect reaches the program, and no state of the cluster or lost connection before the deadline, where nothing had
 * been executed.
 */
export const noLeaks = (calls: ReadonlyArray<Call>, timeout: number): ReadonlyArray<Violation> => {
  const never = new Set(["MovedError", "AskError", "ProtocolError", "DecodeError"])
  return calls.flatMap((call) => {
    if (call.error === undefined || call.explicit === true) return []
    const early = call.ended - call.started < timeout - 50
    const law = reasonsOf(call.error).flatMap(({ _tag, outcome }) => {
      if (never.has(_tag)) return [`${_tag} reached the program`]
      const movable = atDeadlineOnly.has(_tag) || (_tag === "ConnectionError" && outcome === "NotExecuted")
      return movable && early ? [`${_tag} reached the program before its deadline`] : []
    }).at(0)
    return law === undefined ? [] : [{ law, calls: [call] }]
  })
}

/** Every call ends by its deadline; `grace` is what a busy machine may add, in milliseconds. */
export const deadline = (calls: ReadonlyArray<Call>, timeout: number, grace: number): ReadonlyArray<Violation> =>
  calls.flatMap((call) =>
    call.ended - call.started > (call.allowed ?? timeout) + grace
      ? [{
        law: `a call took ${call.ended - call.started} ms, its deadline was ${call.allowed ?? timeout} ms`,
        calls: [call]
      }]
      : []
  )

type Lasting = Pick<Call, "started" | "ended">

const overlap = (a: Lasting, b: Lasting): boolean => a.started <= b.ended && a.ended >= b.started

/** Whether a fault was done to this shard while the call lasted. */
export const concerns = (fault: Fault, shard: number | undefined, call: Lasting): boolean =>
  (fault.shard < 0 || fault.shard === shard) && overlap(fault, call)

/** A narrow link is slow, and loses nothing: nobody's connection is taken for silent while bytes are on their way. */
export const progress = (
  calls: ReadonlyArray<Call>,
  faults: ReadonlyArray<Fault>,
  shardOf: (key: string) => number | undefined
): ReadonlyArray<Violation> =>
  calls.flatMap((call) => {
    const shard = shardOf(call.key)
    if (call.error === undefined || shard === undefined) return []
    const concerning = faults.filter((fault) => concerns(fault, shard, call))
    const isNarrow = concerning.length > 0 && concerning.every(({ narrow }) => narrow === true)
    const isLost = reasonsOf(call.error).some(({ _tag }) => _tag === "ConnectionError")
    return isNarrow && isLost ? [{ law: "a connection that was only slow was given up", calls: [call] }] : []
  })

const rivalries = new Set(["ConflictError", "LockNotAcquiredError"])

/** A call on a shard that nothing was done to does not fail. */
export const bulkheads = (
  calls: ReadonlyArray<Call>,
  faults: ReadonlyArray<Fault>,
  shardOf: (key: string) => number | undefined
): ReadonlyArray<Violation> =>
  calls.flatMap((call) => {
    const shard = shardOf(call.key)
    // Two who wanted the same, or a lock that another one holds, are no failure of a shard.
    const isRivalry = call.error !== undefined && rivalries.has(call.error._tag)
    const isAnswer = call.answersError === true && isOwnError(call)
    if (call.ending === "ok" || shard === undefined || isRivalry || isAnswer || call.explicit === true) return []
    const excuse = faults.some((fault) => concerns(fault, shard, call))
    return excuse ? [] : [{ law: `a call on the healthy shard ${shard} failed`, calls: [call] }]
  })

/** Whether the servers may have lost a write before the end of a read. */
const mayBeLost = ({ started }: Call, { ended }: Call, losses: ReadonlyArray<Fault>): boolean =>
  losses.some((loss) => overlap(loss, { started, ended }))

/**
 * A read that bounds the age of what it gets sees every write that was acknowledged before that. `moves` are the times in
 * which the slot may have been moved: most servers' replicas do not know then which keys have left, and say that there are
 * none. In the times of `losses` the servers may have lost the write.
 */
export const staleness = (
  calls: ReadonlyArray<Call>,
  moves: ReadonlyArray<Fault>,
  losses: ReadonlyArray<Fault> = []
): ReadonlyArray<Violation> => {
  const writes = calls.filter((call) => call.kind === "write")
  const writers = new Map(writes.map((call) => [call.argument, call]))
  return of(calls.filter((call) => call.kind === "read"), "ok").flatMap((read) => {
    if (read.maxLag === undefined) return []
    if (read.value === null && read.byReplica === true && moves.some((move) => overlap(move, read))) return []
    const horizon = read.started - read.maxLag
    const writer = read.value === null ? undefined : writers.get(String(read.value))
    const newer = of(writes, "ok").find((write) =>
      write.ended < horizon && (writer?.ended ?? 0) < write.started && !mayBeLost(write, read, losses)
    )
    return newer === undefined
      ? []
      : [{
        law: `a read got what had been replaced more than ${read.maxLag} ms before`,
        calls: [...(writer === undefined ? [] : [writer]), newer, read]
      }]
  })
}

/**
 * A read that the cache may answer gets nothing that another client replaced more than the stated bound before, `maxLag`, and
 * what a busy machine adds: `grace`. Missing keys have the same bound. A write that the servers may have lost is no such write.
 */
export const freshness = (
  calls: ReadonlyArray<Call>,
  grace: number,
  losses: ReadonlyArray<Fault> = []
): ReadonlyArray<Violation> => {
  const reads = calls.filter(({ cached, kind }) => kind === "read" && cached === true)
  const writes = Map.groupBy(calls.filter(({ kind }) => kind === "write"), ({ key }) => key)
  return Array.from(Map.groupBy(reads, ({ key }) => key)).flatMap(([key, reads]) =>
    staleness(
      [
        ...writes.get(key) ?? [],
        ...reads.map((read) => ({ ...read, maxLag: (read.maxLag ?? 0) + grace }))
      ],
      [],
      losses
    )
  )
}

/**
 * A read that the cache may answer is not behind an increment of this client that was acknowledged before, whatever way that
 * took. A primary that was replaced takes `patience` milliseconds to know it.
 */
export const ownWritesSeen = (
  calls: ReadonlyArray<Call>,
  patience: number,
  losses: ReadonlyArray<Fault> = []
): ReadonlyArray<Violation> => {
  const increments = of(calls, "ok").filter(({ kind, value }) => kind === "increment" && typeof value === "number")
    .toSorted((a, b) => a.ended - b.ended)
  const reads = of(calls, "ok").filter(({ cached, kind }) => kind === "read" && cached === true)
    .toSorted((a, b) => a.started - b.started)
  let greatest: Call | undefined
  let at = 0
  return reads.flatMap((read) => {
    for (; at < increments.length && increments[at].ended < read.started - patience; at++) {
      if (greatest === undefined || Number(increments[at].value) > Number(greatest.value)) greatest = increments[at]
    }
    return greatest !== undefined && Number(read.value) < Number(greatest.value) && !mayBeLost(greatest, read, losses)
      ? [{ law: "a cached read is behind a write of this client", calls: [greatest, read] }]
      : []
  })
}

/**
 * A value that many ask two processes for is loaded once: by nobody beside another who loads it, and by nobody again. A
 * fault of its shard meanwhile may end a placeholder, or lose the value.
 */
export const oneLoad = (
  calls: ReadonlyArray<Call>,
  faults: ReadonlyArray<Fault>,
  shard: number
): ReadonlyArray<Violation> =>
  Array.from(Map.groupBy(calls.filter(({ kind }) => kind === "load"), ({ key }) => key)).flatMap(([key, loads]) => {
    const lasting = {
      started: Math.min(...loads.map(({ started }) => started)),
      ended: Math.max(...loads.map(({ ended }) => ended))
    }
    const isExcused = faults.some((fault) => concerns(fault, shard, lasting))
    return loads.length < 2 || isExcused ? [] : [{ law: `${key} was loaded ${loads.length} times`, calls: loads }]
  })

/** The key of a value that differs at a reader from what the servers hold, when nothing is done to them any more. */
export interface Disagreement {
  readonly reader: string
  readonly key: string
  readonly shown: string | null
  readonly held: string | null
}

/** In the end, whatever was lost, every reader shows what the servers hold. */
export const agreement = (found: ReadonlyArray<Disagreement>): ReadonlyArray<string> =>
  found.map(({ held, key, reader, shown }) =>
    `${reader} shows ${shown} for ${key} in the end, and the servers hold ${held}`
  )

/** The counters of the cache, as far as a run has to move them. */
export interface CacheUse {
  readonly hits: number
  readonly removed: Readonly<Record<"changed" | "written", number>>
}

/** A cache that answered nothing, or that nobody told of anything, shows nothing. */
export const cacheUsed = ({ hits, removed }: CacheUse): ReadonlyArray<string> => [
  ...(hits > 0 ? [] : ["the cache answered nothing"]),
  ...(["changed", "written"] as const).flatMap((reason) =>
    removed[reason] > 0 ? [] : [`no reply left the cache by the reason "${reason}"`]
  )
]

/** Values that are kept by the stream of changes and answer nothing show nothing. */
export const keptUsed = ({ hits }: { readonly hits: number }): ReadonlyArray<string> =>
  hits > 0 ? [] : ["no read was answered by a kept value"]

/** The holders of a lock, as they saw it themselves. Times in milliseconds of one clock. */
export interface Tenure {
  readonly key: string
  readonly fence: number
  readonly began: number
  /** Since when its holder was not sure of it any more, or had given it back. */
  ended: number
}

/** At most one at a time is sure to hold a lock, and each one's number is greater than the last. */
export const locks = (tenures: ReadonlyArray<Tenure>): ReadonlyArray<string> => {
  const inOrder = tenures.toSorted((a, b) => a.began - b.began)
  return inOrder.flatMap((tenure, i) => {
    const before = inOrder.slice(0, i).filter(({ key }) => key === tenure.key)
    const rival = before.find(({ ended }) => ended > tenure.began)
    const greater = before.find(({ fence }) => fence >= tenure.fence)
    return [
      ...(rival === undefined ? [] : [`two were sure to hold ${tenure.key}: ${JSON.stringify([rival, tenure])}`]),
      ...(greater === undefined ? [] : [`the fence of ${tenure.key} went back: ${JSON.stringify([greater, tenure])}`])
    ]
  })
}

/** The entries or messages that one consumer or subscriber got, with gaps between times of the clock. */
export interface Deliveries {
  readonly given: ReadonlyArray<{ readonly text: string; readonly redelivered: boolean }>
  readonly gaps: ReadonlyArray<{ readonly from: number; readonly to: number }>
}

/**
 * The servers' promise about writes.
 *
 * - `once`: they give it once
 * - `complete`: and they do give it
 */
export interface Promised {
  readonly once: boolean
  readonly complete: boolean
}

/**
 * Every acknowledged entry was delivered. No entry was delivered that nobody wrote, and none was delivered twice as if
 * it were new.
 */
export const deliveries = (
  writes: ReadonlyArray<Call>,
  { gaps, given }: Deliveries,
  { complete, once }: Promised
): ReadonlyArray<Violation> => {
  const writers = new Map(writes.map((call) => [call.argument, call]))
  const seen = new Map<string, number>()
  const violations: Array<Violation> = []
  for (const { redelivered, text } of given) {
    const writer = writers.get(text)
    const times = seen.get(text) ?? 0
    seen.set(text, times + 1)
    if (writer === undefined) violations.push({ law: `${text} was given, which nobody wrote`, calls: [] })
    else if (writer.ending === "NotExecuted") {
      violations.push({ law: "what was reported as not executed was given", calls: [writer] })
    } else if (times > 0 && !redelivered && once) {
      violations.push({ law: `it was given ${times + 1} times, as if it were new`, calls: [writer] })
    }
  }
  if (!complete) return violations
  for (const write of of(writes, "ok")) {
    const excuse = gaps.some(({ from, to }) => from <= write.ended && to >= write.started)
    if (!seen.has(write.argument ?? "") && !excuse) {
      violations.push({
        law: "what was acknowledged to its writer was never given, and no gap told of it",
        calls: [write]
      })
    }
  }
  return violations
}

/** A program that was to run until it was told to stop, and ended by itself. */
export interface Departure {
  readonly who: string
  readonly at: number
  readonly error: RedisClusterException
}

/** Whether a server says that the user may not use a channel. */
export const isRefusal = ({ reason }: RedisClusterException): boolean =>
  reason._tag === "ReplyError" && reason.code === "NOPERM"

/** A consumer and a subscription survive everything that happens to a cluster, but for the loss of their right to it. */
export const perseverance = (
  departures: ReadonlyArray<Departure>,
  faults: ReadonlyArray<Fault>
): ReadonlyArray<string> => {
  const takings = faults.filter(({ channels }) => channels === true)
  return departures
    .filter(({ at, error }) =>
      !(isRefusal(error) && takings.some(({ ended, started }) => started <= at && at <= ended))
    )
    .map(({ error, who }) => `${who} ended: ${error.reason._tag}: ${error.message}`)
}

/** A scan of the cluster, or of one value. Times in milliseconds. */
export interface Scan {
  readonly what: string
  /** The keys that exist from the beginning of the run to its end. */
  readonly expected: ReadonlyArray<string>
  readonly found: ReadonlySet<string>
  readonly took: number
  /** How long it goes on trying when it cannot go on. */
  readonly patience: number
  readonly error?: RedisClusterException | undefined
}

const unreachable = new Set([...atDeadlineOnly, "TimeoutError", "ConnectionError"])

/** A scan finds all that was there before it began and after it ended, unless it lost its patience with who is down. */
export const scans = (all: ReadonlyArray<Scan>): ReadonlyArray<string> =>
  all.flatMap(({ error, expected, found, patience, took, what }) => {
    if (error !== undefined) {
      return unreachable.has(error.reason._tag) && took >= patience - 50
        ? []
        : [`${what} ended after ${took} ms: ${error.reason._tag}: ${error.message}`]
    }
    const missed = expected.filter((one) => !found.has(one))
    return missed.length === 0 ? [] : [`${what} missed ${missed.length}: ${missed.slice(0, 5).join()}`]
  })

/** Reads of healthy shards while thousands waited for another one. Times in milliseconds. */
export interface Beside {
  /** 99 of 100 reads took no longer. */
  readonly p99: number
  /** 99 of 100 timers of a thread that had nothing to do were no later meanwhile. */
  readonly lag: number
}

/**
 * Callers who wait for a shard that is down cost the others nothing: reads take twice as long as calls did in the calm, at
 * most, and 2 ms, and what the machine takes from every thread: from the read, and from the server that answers it.
 */
export const bystanders = (calm: number, { lag, p99 }: Beside): ReadonlyArray<string> =>
  p99 > 2 * calm + 2 + 2 * lag
    ? [
      `beside a burst for a dead shard, reads of healthy ones took ${p99} ms (p99), and calls ${calm} ms in the calm; ` +
      `the machine was late by ${lag.toFixed(1)} ms`
    ]
    : []

/** The map is asked for once in 100 ms at most; a refresh that finds a node in trouble asks another one. */
export const topology = (asked: number, millis: number): ReadonlyArray<string> =>
  asked > 20 + (millis / 100) * 2 ? [`${asked} topology calls in ${millis} ms`] : []

/** A fault that was done to the servers, and that the client did not meet, shows nothing. */
export const met = (
  faults: ReadonlyArray<Fault>,
  evidence: Readonly<Record<string, number>>
): ReadonlyArray<string> =>
  Array.from(Map.groupBy(faults.filter(({ meets }) => meets !== undefined), ({ meets }) => meets ?? "")).flatMap(
    ([meets, done]) => (evidence[meets] ?? 0) > 0 ? [] : [`${done.length} times "${done[0].what}", but no ${meets}`]
  )

/** Slots that lost their owner in the map of the client. */
export interface OwnerLoss {
  readonly at: number
  readonly slots: number
}

/** The servers had an owner for every slot at any time: the map loses none because a node knows less. */
export const wholeMap = (losses: ReadonlyArray<OwnerLoss>): ReadonlyArray<string> =>
  losses.map(({ slots }) => `the map lost the owners of ${slots} slots, which had owners all the time`)

/** The resources of the process that a client, and the programs that use it, hold. */
export interface Holdings {
  readonly sockets: number
  readonly timers: number
  readonly fibers: number
}

/** Nothing of a client survives its scope, and the count of it was no idle one: something was seen in between. */
export const remains = (before: Holdings, amid: Holdings, after: Holdings): ReadonlyArray<string> =>
  (["sockets", "timers", "fibers"] as const).flatMap((kind) => [
    ...(after[kind] > before[kind]
      ? [`${after[kind] - before[kind]} ${kind} were left when the client had closed`]
      : []),
    ...(amid[kind] > before[kind] ? [] : [`the client was seen to hold no ${kind}: the count of them is broken`])
  ])

/** The memory that the garbage collector left, in bytes. */
export interface Memory {
  readonly calm: number
  /** The same client, as much at rest, after the faults. */
  readonly fire: number
  /** When it had closed. */
  readonly closed: number
  /** Whether the client itself was still there then: something of the process held it. */
  readonly isReachable: boolean
}

/**
 * The memory, in bytes, for the runtime's knowledge of running code, and for code that faults run for the first time.
 * Up to half of it was seen. A client that kept a kilobyte of each call would be above it after some seconds.
 */
const learned = 8 * 1024 * 1024

/** The memory returns to what it was, however much was done, and nothing holds a client that has closed. */
export const memory = ({ calm, closed, fire, isReachable }: Memory): ReadonlyArray<string> => [
  ...([["after the faults", fire], ["when the client had closed", closed]] as const).flatMap(([when, bytes]) =>
    bytes > calm + learned ? [`${bytes - calm} bytes more than before the faults were in use ${when}`] : []
  ),
  ...(isReachable ? ["the client could still be reached when it had closed"] : [])
]
