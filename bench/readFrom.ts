/**
 * The cost of reads from replicas for the client: CPU per GET by policy, in turns on one cluster of 3 primaries and 3
 * replicas.
 *
 * Run: node bench/readFrom.ts [rounds] [millis per round]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClusterClient, ReadFrom } from "../src/index.ts"
import { RedisCluster } from "../test/harness/RedisCluster.ts"

const callers = 100
const rounds = Number(process.argv[2] ?? 15)
const millis = Number(process.argv[3] ?? 500)
const keys = Array.from({ length: 3000 }, (_, index) => `key:${index}`)
const value = "x".repeat(16)

const policies: ReadonlyArray<ReadFrom.Policy> = [
  ReadFrom.primary,
  ReadFrom.replica,
  ReadFrom.replicaPreferred,
  ReadFrom.roundRobin,
  ReadFrom.random,
  ReadFrom.nearest("here"),
  ReadFrom.lowestLatency
]

const labelled = [
  ...policies.map((policy) => [policy.name, policy] as const),
  ["replica, maxLag", ReadFrom.replica.pipe(ReadFrom.maxLag("2 seconds"))] as const,
  ["replica, hedge", ReadFrom.replica.pipe(ReadFrom.hedge({ after: "1 second" }))] as const
]

/** CPU microseconds of this process per command, over all callers for a while. Servers are other processes. */
const measure = (get: (key: string) => Effect.Effect<unknown, unknown>) =>
  Effect.suspend(() => {
    const until = performance.now() + millis
    let issued = 0
    let over = false
    const caller = Effect.whileLoop({
      while: () => !over,
      body: () => {
        if ((++issued & 63) === 0 && performance.now() > until) over = true
        return get(keys[issued % keys.length])
      },
      step: () => {}
    })
    const before = process.cpuUsage()
    return Effect.map(Effect.all(Array.from({ length: callers }, () => caller), { concurrency: "unbounded" }), () => {
      const { system, user } = process.cpuUsage(before)
      return (user + system) / issued
    })
  })

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const program = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const context = yield* Layer.build(ClusterClient.layer({ nodes: cluster.seeds, zoneOf: () => "here" }))
  const redis = Context.get(context, ClusterClient)
  for (const key of keys) yield* redis.set(key, value)
  const views = labelled.map(([label, policy]) => ({ label, view: redis.readFrom(policy), costs: new Array<number>() }))
  const inRegion = { label: "no view, no region (redis.get)", costs: new Array<number>() }
  for (const { view } of views) yield* measure((key) => view.get(key))
  for (let round = 0; round < rounds; round++) {
    inRegion.costs.push(yield* measure((key) => redis.get(key)))
    for (const { costs, view } of views) costs.push(yield* measure((key) => view.get(key)))
  }
  const base = median(inRegion.costs)
  yield* Console.log(`CPU per GET, ${callers} callers, median of ${rounds} rounds of ${millis} ms`)
  for (const { costs, label } of [inRegion, ...views]) {
    const cost = median(costs)
    yield* Console.log(`${label.padEnd(32)} ${cost.toFixed(2)} us  ${(cost / base * 100).toFixed(0)} %`)
  }
})

program.pipe(Effect.scoped, Effect.provide(RedisCluster.layer({ primaries: 3, replicas: 1 })), NodeRuntime.runMain)
