/**
 * The cost of spans for the client: CPU per GET, and per entry of a pipeline of 100, without a tracer, under a parent
 * that is not sampled, and traced. The tracer keeps nothing: what an exporter costs comes on top.
 *
 * Run: node bench/tracing.ts [rounds] [millis per round]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { ClusterClient, Strings } from "../src/index.ts"
import { RedisCluster } from "../test/harness/RedisCluster.ts"

const callers = 100
const batch = 100
const rounds = Number(process.argv[2] ?? 15)
const millis = Number(process.argv[3] ?? 500)
const keys = Array.from({ length: 3000 }, (_, index) => `key:${index}`)
const value = "x".repeat(16)

type Call = Effect.Effect<unknown, unknown>

/** CPU microseconds of this process per command, over all callers for a while. Servers are other processes. */
const measure = (call: (index: number) => Call, commandsPerCall: number, count: number) =>
  Effect.suspend(() => {
    const until = performance.now() + millis
    let issued = 0
    let over = false
    const caller = Effect.whileLoop({
      while: () => !over,
      body: () => {
        issued++
        if ((commandsPerCall > 1 || (issued & 63) === 0) && performance.now() > until) over = true
        return call(issued)
      },
      step: () => {}
    })
    const before = process.cpuUsage()
    return Effect.map(Effect.all(Array.from({ length: count }, () => caller), { concurrency: "unbounded" }), () => {
      const { system, user } = process.cpuUsage(before)
      return (user + system) / (issued * commandsPerCall)
    })
  })

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

let spans = 0
const tracer = Tracer.make({
  span: (options) => {
    spans++
    return new Tracer.NativeSpan(options)
  }
})

const modes: ReadonlyArray<readonly [label: string, (self: Effect.Effect<number, unknown>) => typeof self]> = [
  ["no span", (self) => self],
  ["parent not sampled", (self) => Effect.withSpan(self, "caller", { sampled: false })],
  ["traced", (self) => Effect.withSpan(self, "caller")]
]

const program = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const redis = Context.get(yield* Layer.build(ClusterClient.layer({ nodes: cluster.seeds })), ClusterClient)
  for (const key of keys) yield* redis.set(key, value)
  const batches = Array.from(
    { length: 30 },
    (_, i) => keys.slice(i * batch, (i + 1) * batch).map((key) => Strings.get(key))
  )
  const workloads = [
    ["GET", measure((index) => redis.get(keys[index % keys.length]), 1, callers)],
    [
      `pipeline of ${batch} GETs, per GET`,
      measure((index) => redis.pipeline(batches[index % batches.length]), batch, 4)
    ]
  ] as const
  for (const [name, workload] of workloads) {
    const rows = modes.map(([label, within]) => ({ label, run: within(workload), costs: new Array<number>() }))
    for (const { run } of rows) yield* run
    for (let round = 0; round < rounds; round++) for (const { costs, run } of rows) costs.push(yield* run)
    const base = median(rows[0].costs)
    yield* Console.log(`${name}: CPU, median of ${rounds} rounds of ${millis} ms`)
    for (const { costs, label } of rows) {
      const cost = median(costs)
      yield* Console.log(`  ${label.padEnd(20)} ${cost.toFixed(2)} us  ${(cost / base * 100).toFixed(0)} %`)
    }
  }
  yield* Console.log(`${spans} spans were made`)
})

program.pipe(
  Effect.provideService(Tracer.Tracer, tracer),
  Effect.scoped,
  Effect.provide(RedisCluster.layer({ primaries: 3 })),
  NodeRuntime.runMain
)
