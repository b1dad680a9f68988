/**
 * Scenarios in which 20,000 callers wait for a node: what they cost those who do not, and how well their deadlines are kept.
 */
import * as Effect from "effect/Effect"
import type { Lateness } from "../../test/harness/MachineLag.ts"
import type { RedisClusterShape } from "../../test/harness/RedisCluster.ts"
import { keysOf, listed, type Observed, type Scenario, total } from "./Scenario.ts"
import type { GroupReport, LoadGroup } from "./worker.ts"

const waiters = 20_000
const waitersBegin = 6000
const killedAt = 4000
/** How long those who wait are watched, in milliseconds: two deadlines of five seconds, one after the other. */
const watched = 12_000

const quantile = (values: ReadonlyArray<number>, share: number): number =>
  values.length === 0 ? Number.NaN : values[Math.floor((values.length - 1) * share)]

const millisOf = (samples: ReadonlyArray<Lateness>, from: number, to: number): ReadonlyArray<number> =>
  samples.filter(([at]) => at >= from && at < to).map(([, millis]) => millis).toSorted((a, b) => a - b)

const text = (values: ReadonlyArray<number>, ...shares: ReadonlyArray<number>): string =>
  values.length === 0 ? "none" : shares.map((share) => quantile(values, share).toFixed(1)).join(" / ")

const healthyKeys = [...keysOf(1, 10), ...keysOf(2, 10)]

/** Callers of one shard who begin over so many milliseconds, again and again. */
const waitersOf = (keys: ReadonlyArray<string>, over: number): LoadGroup => ({
  ...{ name: "waiting", call: "get", keys, workers: waiters },
  ...{ after: waitersBegin, over, timed: true }
})

/** By how much calls that failed by their deadline ended after it. */
const latenessOf = ({ timings }: GroupReport, { deadline }: Observed): ReadonlyArray<number> =>
  deadline === undefined
    ? []
    : timings.map(([, millis]) => millis - deadline).filter((late) => late > -1).toSorted((a, b) => a - b)

/** The least number of calls that were pending at any moment. */
const leastOf = ({ waiting }: GroupReport, from: number, to: number): number =>
  Math.min(...waiting.filter(([at]) => at >= from && at < to).map(([, calls]) => calls))

const onlyCovered = ["--cluster-require-full-coverage", "no"]

const killFirst = (cluster: RedisClusterShape) =>
  Effect.gen(function*() {
    const begun = Date.now()
    yield* Effect.sleep(killedAt)
    yield* cluster.kill(cluster.nodes[0])
    yield* Effect.sleep(waitersBegin + watched - (Date.now() - begun))
    return { begun }
  })

const waitingHeader = [
  "waiting, least",
  "dead shard: failed",
  "deadlines late by: p50 / p99 / most in ms",
  "timers late, its process: p99 / most",
  "timers late, another process: p99 / most"
]

const waitingCells = (
  group: GroupReport,
  observed: Observed,
  from: number,
  to: number
): ReadonlyArray<string> => [
  leastOf(group, from, to).toLocaleString("en-US"),
  listed(group.failed),
  text(latenessOf(group, observed), 0.5, 0.99, 1),
  text(millisOf(observed.lag, from, to), 0.99, 1),
  text(millisOf(observed.machineLag, from, to), 0.99, 1)
]

/** `over`: the time in which the callers begin. All at once is a herd, whose deadlines pass at once as well. */
const dead = (title: string, over: number): Scenario => ({
  title: `A dead shard without a replica, ${
    waiters.toLocaleString("en-US")
  } callers that wait for it, ${title}; 2000 GET a second to the other shards`,
  header: [
    "GET, calm: p50 / p99 / slowest in ms",
    "GET, while they wait",
    "bound for p99",
    "GET: failed",
    ...waitingHeader
  ],
  cluster: { replicas: 0, nodeTimeout: 1000, options: onlyCovered },
  load: () => [
    waitersOf(keysOf(0, 20), over),
    { name: "healthy", call: "get", keys: healthyKeys, workers: 1, rate: 2000, timed: true }
  ],
  run: killFirst,
  row: ([group, healthy], { begun }, _, observed) => {
    const calm = millisOf(healthy.timings, begun + 1000, begun + killedAt)
    const [from, to] = [begun + waitersBegin + over, begun + waitersBegin + watched]
    const beside = millisOf(healthy.timings, from, to)
    return Effect.succeed([
      text(calm, 0.5, 0.99, 1),
      text(beside, 0.5, 0.99, 1),
      (2 * quantile(calm, 0.99) + 2).toFixed(1),
      listed(healthy.failed),
      ...waitingCells(group, observed, from, to)
    ])
  }
})

const besidePipelines: Scenario = {
  title: `A dead shard without a replica, ${
    waiters.toLocaleString("en-US")
  } callers that wait for it; 4 loops of pipelines of 100 SET on the other shards`,
  header: ["entries a second, calm", "while they wait", "of calm", "entries failed", ...waitingHeader],
  cluster: { replicas: 0, nodeTimeout: 1000, options: onlyCovered },
  load: () => [
    waitersOf(keysOf(0, 20), 2000),
    { name: "healthy", call: "pipeline", keys: healthyKeys, workers: 4, timed: true }
  ],
  run: killFirst,
  row: ([group, healthy], { begun }, _, observed) => {
    const [from, to] = [begun + waitersBegin + 2000, begun + waitersBegin + watched]
    const rate = (since: number, until: number) =>
      millisOf(healthy.timings, since, until).length * 100 / (until - since) * 1000
    const [calm, beside] = [rate(begun + 1000, begun + killedAt), rate(from, to)]
    return Effect.succeed([
      Math.round(calm).toLocaleString("en-US"),
      Math.round(beside).toLocaleString("en-US"),
      `${(beside / calm).toFixed(2)}x`,
      String(total(healthy.failed)),
      ...waitingCells(group, observed, from, to)
    ])
  }
}

export const waiting: Readonly<Record<string, Scenario>> = {
  dead: dead("who begin within 2 seconds", 2000),
  herd: dead("who begin at once", 0),
  besidePipelines
}
