/** `bench`: a workload on the user's own cluster. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { ClusterClient } from "../../index.ts"
import * as Workload from "../bench/Workload.ts"
import * as Connecting from "../connecting/Connecting.ts"
import { ExitCode, verdict } from "../output/Failure.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import * as Progress from "../output/Progress.ts"
import { Screen, type ScreenShape } from "../output/Screen.ts"
import { bytes, count, millis } from "../output/text.ts"

const within = (name: string, least: number, most: number): Flag.Flag<number> =>
  Flag.Int(name).pipe(
    Flag.filter((value) => value >= least && value <= most, () => `Expected a number from ${least} to ${count(most)}`)
  )

const print = Effect.fnUntraced(function*(screen: ScreenShape, workload: Workload.Workload, figures: Workload.Figures) {
  const { latency } = figures
  yield* screen.printTable({
    columns: [{ title: "WORKLOAD" }, { title: "", align: "right" }],
    rows: [
      ["reads", `${Math.round(workload.reads * 100)}%`],
      ["size of a value", bytes(workload.size)],
      ["keys", count(workload.keys)],
      ["callers", count(workload.callers)],
      ["commands of a call", count(workload.pipeline)],
      ["duration", `${figures.seconds.toFixed(1)} s`]
    ]
  })
  yield* screen.print("")
  yield* screen.printTable({
    columns: [{ title: "RESULT" }, { title: "", align: "right" }],
    rows: [
      ["commands", count(figures.commands)],
      [{ text: "commands per second", style: "bold" }, { text: count(figures.perSecond), style: "bold" }],
      ["latency of a call: p50", millis(latency.p50)],
      ["p99", millis(latency.p99)],
      ["p99.9", millis(latency.p999)],
      ["max", millis(latency.max)],
      ["CPU of the client per command", `${figures.cpuPerCommand.toFixed(1)} µs`],
      ...Object.entries(figures.errors).map(([reason, times]) => [
        { text: reason, style: "red" as const },
        { text: count(times), style: "red" as const }
      ])
    ]
  })
})

export const bench = Command.make(
  "bench",
  {
    connecting: Connecting.withUrls,
    reads: within("reads", 0, 100).pipe(
      Flag.withMetavar("percent"),
      Flag.withDescription("The share of GET; the rest is SET (default: 80)"),
      Flag.withDefault(80)
    ),
    size: within("size", 0, 512 * 1024 * 1024).pipe(
      Flag.withMetavar("bytes"),
      Flag.withDescription("The bytes of a value (default: 100)"),
      Flag.withDefault(100)
    ),
    keys: within("keys", 1, 10_000_000).pipe(
      Flag.withMetavar("keys"),
      Flag.withDescription("The number of keys (default: 10000)"),
      Flag.withDefault(10_000)
    ),
    callers: within("callers", 1, 100_000).pipe(
      Flag.withMetavar("callers"),
      Flag.withDescription("The callers that work side by side (default: 50)"),
      Flag.withDefault(50)
    ),
    pipeline: within("pipeline", 1, 10_000).pipe(
      Flag.withMetavar("commands"),
      Flag.withDescription("The commands of one call; more than one make a pipeline (default: 1)"),
      Flag.withDefault(1)
    ),
    duration: Connecting.durationFlag("duration").pipe(
      Flag.withDescription("The time of the run (default: 10s)"),
      Flag.withDefault(Duration.seconds(10))
    ),
    prefix: Flag.String("prefix").pipe(
      Flag.withMetavar("prefix"),
      Flag.withDescription(
        "The first part of every key; a part by chance follows it (default: effect-redis-cluster:bench:)"
      ),
      Flag.withDefault("effect-redis-cluster:bench:")
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ callers, duration, json, keys, pipeline, prefix, reads, size }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    const workload: Workload.Workload = {
      callers,
      duration,
      keys,
      pipeline,
      size,
      reads: reads / 100,
      // Two runs at a time have different keys.
      prefix: `${prefix}${process.hrtime.bigint().toString(36)}:`
    }
    const shows = { filling: yield* Progress.make("fill"), working: yield* Progress.make("run") }
    const figures = yield* Workload.run(
      redis,
      workload,
      shows,
      ({ message }) =>
        screen.note(`The keys ${workload.prefix}* could not be removed, and expire within minutes: ${message}`)
    )
    if (json) {
      yield* screen.printJson({ workload: { ...workload, duration: Duration.toMillis(workload.duration) }, ...figures })
    } else yield* print(screen, workload, figures)
    if (Object.keys(figures.errors).length > 0) return yield* verdict(ExitCode.problem)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Runs reads and writes on a cluster of yours, and reports latency, commands per second and CPU"
  ),
  Command.withExamples([
    { command: "effect-redis-cluster bench localhost:7000", description: "Ten seconds: 80% GET, 20% SET, 50 callers" },
    {
      command: "effect-redis-cluster bench --reads 0 --size 4096 --callers 200 --duration 30s localhost:7000",
      description: "Large writes of many callers"
    },
    {
      command: "effect-redis-cluster bench --pipeline 20 --json localhost:7000",
      description: "Pipelines, for programs"
    }
  ]),
  Connecting.connected
)
