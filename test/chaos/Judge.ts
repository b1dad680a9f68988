/**
 * All laws on all that was written down of one stage: what the programs were told, what the servers hold in the end, and
 * what had happened to them.
 */
import type { Lateness } from "../harness/MachineLag.ts"
import type { Call, Fault } from "./History.ts"
import * as Laws from "./Laws.ts"
import { channelOf, newsOf, type Residents, streamOf } from "./Residents.ts"
import { besideBurst, counters, ofBurst, type Recorder } from "./Workers.ts"

/** The data of one family on the servers in the end. */
export interface Remainder {
  readonly counts: Readonly<Record<typeof counters[number], number>>
  readonly register: string | null
  readonly list: ReadonlyArray<string>
  /** The list and the register that pipelines wrote to. */
  readonly ordered: ReadonlyArray<string>
  readonly orderedLast: string | null
}

export interface Circumstances {
  readonly faults: ReadonlyArray<Fault>
  /** The shard of a family; none when its slot was moved about. */
  readonly shardOf: (tag: string) => number | undefined
  /** The deadline of a command, and what a busy machine may add to it, in milliseconds. */
  readonly commandTimeout: number
  readonly grace: number
}

const shardOfKey = ({ shardOf }: Circumstances) => (key: string) => shardOf(/^\{(.*?)\}/.exec(key)?.[1] ?? "")

/** Whether a key holds what another client has written, or a value of an origin. */
const isForeign = (key: string, tag: string): boolean => /^\{(.*?)\}:(?:outside|born|aside)\b/.exec(key)?.[1] === tag

const ofFamily = (
  tag: string,
  { calls, ordered }: Recorder,
  residents: Residents,
  remainder: Remainder,
  lossless: boolean,
  { grace, losses, moves, onShard, shard }: {
    readonly moves: ReadonlyArray<Fault>
    /** The faults by which the servers may have lost writes of the family. */
    readonly losses: ReadonlyArray<Fault>
    readonly onShard: ReadonlyArray<Fault>
    /** The shard of the family; none when its slot was moved about. */
    readonly shard: number | undefined
    readonly grace: number
  }
): ReadonlyArray<Laws.Violation> => {
  const on = (key: string) => calls.filter((call) => call.key === key)
  const of = (name: string) => on(`{${tag}}:${name}`)
  const { counts, list, register } = remainder
  return [
    ...counters.flatMap((name) => Laws.counter(of(name), counts[name], lossless)),
    ...Laws.ownWords(of("answered").filter(({ kind }) => kind === "increment"), counts.answered, lossless),
    ...Laws.pair(of("pair-a"), [counts["pair-a"], counts["pair-b"]]),
    ...Laws.register(of("register"), register, lossless),
    ...Laws.reads(of("register")),
    ...(lossless ? Laws.staleness(of("register"), moves) : []),
    ...counters.flatMap((name) => Laws.ownWritesSeen(of(name), 500, losses)),
    ...Laws.freshness(calls.filter(({ key }) => isForeign(key, tag)), grace, losses),
    ...(shard === undefined
      ? []
      : Laws.oneLoad(calls.filter(({ key }) => key.startsWith(`{${tag}}:crowd`)), onShard, shard)),
    ...Laws.list(of("list"), list, lossless),
    ...Laws.pipelineOrder(
      ordered.filter(({ key }) => key === `{${tag}}:ordered`),
      remainder.ordered,
      remainder.orderedLast,
      lossless
    ),
    ...Laws.deliveries(on(streamOf(tag)), residents.entries.of(tag), { once: lossless, complete: lossless }),
    ...Laws.deliveries(on(channelOf(tag)), residents.messages.of(tag), { once: true, complete: true }),
    // The servers pass these on to each other, and tell nobody when they cannot.
    ...[residents.news, residents.matched].flatMap((inbox) =>
      Laws.deliveries(on(newsOf(tag)), inbox.of(tag), { once: true, complete: false })
    )
  ]
}

const plain = (laws: ReadonlyArray<string>): ReadonlyArray<Laws.Violation> => laws.map((law) => ({ law, calls: [] }))

export const judge = (
  recorder: Recorder,
  residents: Residents,
  remainders: ReadonlyMap<string, Remainder>,
  circumstances: Circumstances
): ReadonlyArray<Laws.Violation> => {
  const { commandTimeout, faults, grace, shardOf } = circumstances
  const { calls, tenures } = recorder
  const lossyShards = new Set(faults.filter(({ lossy }) => lossy === true).map(({ shard }) => shard))
  const families = Array.from(remainders).flatMap(([tag, remainder]) => {
    const shard = shardOf(tag)
    // A loss on one shard is no excuse for another shard.
    const lossless = shard === undefined ? lossyShards.size === 0 : !lossyShards.has(shard)
    const onShard = faults.filter((fault) => shard === undefined || fault.shard < 0 || fault.shard === shard)
    return ofFamily(tag, recorder, residents, remainder, lossless, {
      moves: shard === undefined ? faults.filter(({ moving }) => moving === true) : [],
      losses: onShard.filter(({ lossy }) => lossy === true),
      onShard,
      shard,
      grace
    })
  })
  return [
    ...families,
    ...(lossyShards.size === 0 ? plain(Laws.locks(tenures)) : []),
    ...plain(Laws.perseverance(residents.departures, faults)),
    ...plain(Laws.scans(residents.scans)),
    ...plain(Laws.wholeMap(residents.ownerLosses)),
    ...Laws.noLeaks(calls, commandTimeout),
    ...Laws.deadline(calls, commandTimeout, grace),
    ...Laws.progress(calls, faults, shardOfKey(circumstances)),
    ...Laws.bulkheads(calls, faults, shardOfKey(circumstances))
  ]
}

const p99 = (calls: ReadonlyArray<Call>, circumstances: Circumstances): number => {
  const shardOf = shardOfKey(circumstances)
  const times = calls
    .filter(({ key }) => shardOf(key) !== undefined)
    .filter((call) => !circumstances.faults.some((fault) => Laws.concerns(fault, shardOf(call.key), call)))
    .map(({ ended, started }) => ended - started)
    .toSorted((a, b) => a - b)
  return times[Math.floor(times.length * 0.99)] ?? 0
}

/** Reads that ran beside bursts for shards that were down, and the lag of the machine at the time. */
export const besideBursts = (
  { calls }: Recorder,
  circumstances: Circumstances,
  machine: ReadonlyArray<Lateness>
): Laws.Beside => {
  const reads = calls.filter(({ what }) => what === besideBurst)
  const late = machine
    .filter(([at]) => reads.some(({ ended, started }) => started <= at && at <= ended + 5))
    .map(([, millis]) => millis)
    .toSorted((a, b) => a - b)
  return { p99: p99(reads, circumstances), lag: late[Math.floor(late.length * 0.99)] ?? 0 }
}

/** How often the programs met what the faults do to them: a fault that nobody meets shows nothing. */
export const evidence = (
  { calls, ordered }: Recorder,
  { departures }: Residents
): Readonly<Record<string, number>> => {
  const count = (met: (call: Call) => boolean) => calls.filter(met).length
  return {
    "errors of scripts' own": count(Laws.isOwnError),
    "large values written": count(({ ending, large }) => large === true && ending === "ok"),
    "subscriptions refused": departures.filter(({ error }) => Laws.isRefusal(error)).length,
    "commands that waited for a shard in a burst": count(({ ended, started, what }) =>
      what === ofBurst && ended - started > 200
    ),
    "reads beside bursts": count(({ what }) => what === besideBurst),
    "loads of a cache-aside": count(({ kind }) => kind === "load"),
    "values invalidated": count(({ ending, what }) => what.startsWith("invalidate") && ending === "ok"),
    "ordered pipelines": ordered.length,
    "ordered pipelines with more than ten appends": ordered.filter(({ pushes }) => pushes.length > 10).length,
    "ordered pipelines that failed in part": ordered.filter(({ pushes, writes }) => {
      const endings = [...pushes, ...writes]
      return endings.includes("ok") && endings.some((ending) => ending !== "ok")
    }).length
  }
}

/** How long 99 of 100 calls took at most, without those that wait, on shards to which nothing was done; in milliseconds. */
export const healthyP99 = ({ calls }: Recorder, circumstances: Circumstances, since: number): number => {
  const measured = calls
    .filter(({ allowed, joint, large, started }) =>
      started >= since && allowed === undefined && joint === undefined && large === undefined
    )
    .filter(({ what }) => !what.startsWith("BL"))
  return p99(measured, circumstances)
}
