/** A workload on keys of its own: callers that read and write until the time is over. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { type ClusterClientShape, type RedisClusterException, Strings } from "../../index.ts"
import { monotonicMillis } from "../output/monotonic.ts"
import type { Show } from "../output/Progress.ts"
import { count } from "../output/text.ts"
import { Histogram } from "./Histogram.ts"

export interface Workload {
  /** The share of reads among the commands, from 0 to 1. */
  readonly reads: number
  /** The bytes of a value. */
  readonly size: number
  /** The number of keys. */
  readonly keys: number
  /** The callers that work side by side. */
  readonly callers: number
  /** The commands of one call; with more than one they are a pipeline. */
  readonly pipeline: number
  readonly duration: Duration.Duration
  /** The first part of every key. */
  readonly prefix: string
}

export interface Figures {
  readonly commands: number
  readonly calls: number
  readonly seconds: number
  readonly perSecond: number
  /** Of a call, in milliseconds. */
  readonly latency: {
    readonly mean: number
    readonly p50: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
  /** The CPU that the client took for a command, in microseconds. */
  readonly cpuPerCommand: number
  /** The commands that failed, by the reason. */
  readonly errors: Readonly<Record<string, number>>
}

/** The keys live so much longer than the run, should nobody remove them. */
const grace = Duration.minutes(5)

const keyOf = ({ prefix }: Workload, i: number): string => `${prefix}${i}`

/** One run of a workload. */
class Run {
  private readonly redis: ClusterClientShape
  private readonly workload: Workload
  private readonly clock: Clock.Clock
  private readonly random: () => number
  private readonly latencies = new Histogram()
  private readonly errors: Record<string, number> = {}
  private readonly value: string
  private readonly expire: Duration.Duration
  commands = 0

  constructor(redis: ClusterClientShape, workload: Workload, clock: Clock.Clock, random: () => number) {
    this.redis = redis
    this.workload = workload
    this.clock = clock
    this.random = random
    this.value = "x".repeat(workload.size)
    this.expire = Duration.sum(workload.duration, grace)
  }

  private next() {
    const key = keyOf(this.workload, Math.floor(this.random() * this.workload.keys))
    return this.random() < this.workload.reads
      ? Strings.get(key)
      : Strings.set(key, this.value, { expire: this.expire })
  }

  private note({ root }: RedisClusterException): void {
    this.errors[root._tag] = (this.errors[root._tag] ?? 0) + 1
  }

  /** One call, and its latency. */
  private readonly call: Effect.Effect<void> = Effect.suspend(() => {
    const begun = this.clock.currentTimeNanosUnsafe()
    const finished = (commands: number) => {
      this.latencies.add(Number(this.clock.currentTimeNanosUnsafe() - begun) / 1e6)
      this.commands += commands
    }
    const { pipeline } = this.workload
    if (pipeline === 1) {
      return Effect.match(this.redis.execute(this.next()), {
        onFailure: (error) => {
          this.note(error)
          finished(0)
        },
        onSuccess: () => finished(1)
      })
    }
    return Effect.match(this.redis.pipelineResults(Array.from({ length: pipeline }, () => this.next())), {
      onFailure: (error) => {
        this.note(error)
        finished(0)
      },
      onSuccess: (answers) => {
        for (const answer of answers) if (Result.isFailure(answer)) this.note(answer.failure)
        finished(answers.filter(Result.isSuccess).length)
      }
    })
  })

  figures(seconds: number, cpuMicros: number): Figures {
    const { commands, errors, latencies } = this
    return {
      commands,
      calls: latencies.total,
      seconds,
      perSecond: seconds === 0 ? 0 : commands / seconds,
      latency: {
        mean: latencies.mean,
        p50: latencies.percentile(0.5),
        p99: latencies.percentile(0.99),
        p999: latencies.percentile(0.999),
        max: latencies.max
      },
      cpuPerCommand: commands === 0 ? 0 : cpuMicros / commands,
      errors
    }
  }

  /** Runs all callers until the time is over. */
  readonly work = Effect.suspend(() => {
    const end = monotonicMillis(this.clock) + Duration.toMillis(this.workload.duration)
    const caller = Effect.whileLoop({
      while: () => monotonicMillis(this.clock) < end,
      body: () => this.call,
      step: () => undefined
    })
    return Effect.all(Array.from({ length: this.workload.callers }, () => caller), {
      concurrency: "unbounded",
      discard: true
    })
  })
}

const batch = 500

const inBatches = (keys: number): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from(
    { length: Math.ceil(keys / batch) },
    (_, i) => Array.from({ length: Math.min(batch, keys - i * batch) }, (_, k) => i * batch + k)
  )

/** Writes every key once, so that reads find them. */
const fill = Effect.fnUntraced(function*(redis: ClusterClientShape, workload: Workload, show: Show) {
  const expire = Duration.sum(workload.duration, grace)
  const value = "x".repeat(workload.size)
  const written = yield* Ref.make(0)
  yield* Effect.forEach(inBatches(workload.keys), (numbers) =>
    Effect.gen(function*() {
      yield* redis.pipeline(numbers.map((i) => Strings.set(keyOf(workload, i), value, { expire })))
      const done = yield* Ref.updateAndGet(written, (before) => before + numbers.length)
      yield* show(done / workload.keys, `${count(done)} keys written`)
    }), { concurrency: 4, discard: true })
})

/** Removes every key of the workload. */
const remove = (redis: ClusterClientShape, workload: Workload): Effect.Effect<void, RedisClusterException> =>
  Effect.forEach(
    inBatches(workload.keys),
    (numbers) => redis.unlinkNonatomic(numbers.map((i) => keyOf(workload, i))),
    { concurrency: 4, discard: true }
  )

/**
 * Fills the keys, runs the workload, and removes the keys, also when it is interrupted. `onLeft` runs when they could not be removed: they
 * expire.
 */
export const run: (
  redis: ClusterClientShape,
  workload: Workload,
  shows: { readonly filling: Show; readonly working: Show },
  onLeft: (error: RedisClusterException) => Effect.Effect<void>
) => Effect.Effect<Figures, RedisClusterException> = Effect.fnUntraced(
  function*(redis, workload, shows, onLeft) {
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    yield* Effect.addFinalizer(() => Effect.catch(remove(redis, workload), onLeft))
    yield* fill(redis, workload, shows.filling)
    const run = new Run(redis, workload, clock, () => random.nextDoubleUnsafe())
    const begun = monotonicMillis(clock)
    const cpu = process.cpuUsage()
    const span = Duration.toMillis(workload.duration)
    const watching = yield* Effect.suspend(() => {
      const passed = monotonicMillis(clock) - begun
      return shows.working(passed / span, `${count(run.commands / Math.max(0.001, passed / 1000))} commands/s`)
    }).pipe(Effect.repeat(Schedule.spaced("200 millis")), Effect.forkChild)
    yield* run.work
    const { system, user } = process.cpuUsage(cpu)
    yield* Fiber.interrupt(watching)
    return run.figures((monotonicMillis(clock) - begun) / 1000, system + user)
  },
  Effect.scoped
)
