/**
 * Callers that keep reading, writing and counting, and what they saw.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { ClusterClient, Command, type RedisClusterException, Strings } from "../../src/index.ts"

/** The hash tags of one shard: each stands for a slot with a few keys. */
export type Group = ReadonlyArray<string>

export const counterOf = (tag: string): string => `{${tag}}:count`
const valueOf = (tag: string): string => `{${tag}}:value`

/** The keys that the load leaves in a slot. */
export const keysOf = (tag: string): ReadonlyArray<string> => [counterOf(tag), valueOf(tag)]

/** Callers of each group. */
export const callersPerGroup = 24
const bucket = 100

/** The outcomes of the increments of a counter. */
interface Count {
  acknowledged: number
  unknown: number
}

/** A time without any answer. */
export interface Silence {
  readonly from: number
  readonly to: number
}

/** The observations of the callers of one group of keys, in milliseconds since the load began. */
export class Seen {
  /** Answers in each tenth of a second. */
  readonly timeline: Array<number> = []
  longestSilence: Silence = { from: 0, to: 0 }
  lastAnswer = 0

  answered(at: number): void {
    if (at - this.lastAnswer > this.longestSilence.to - this.longestSilence.from) {
      this.longestSilence = { from: this.lastAnswer, to: at }
    }
    this.lastAnswer = at
    const index = Math.floor(at / bucket)
    while (this.timeline.length <= index) this.timeline.push(0)
    this.timeline[index]++
  }
}

/** The observations of all callers. */
export class Tally {
  readonly groups: ReadonlyArray<Seen>
  readonly latencies: Array<number> = []
  /** How many failures of each kind: command, reason and outcome. */
  readonly failures = new Map<string, number>()
  /** Failures of commands that may have been executed. */
  unknown = 0
  /** Failures with the answer that nothing was executed. */
  notExecuted = 0
  readonly counters = new Map<string, Count>()
  private readonly clock: Clock.Clock
  private readonly start: bigint

  constructor(groups: ReadonlyArray<Group>, clock: Clock.Clock) {
    this.clock = clock
    this.start = clock.currentTimeNanosUnsafe()
    this.groups = groups.map(() => new Seen())
    for (const tag of groups.flat()) this.counters.set(tag, { acknowledged: 0, unknown: 0 })
  }

  /** Milliseconds since the load began. */
  now(): number {
    return Number(this.clock.currentTimeNanosUnsafe() - this.start) / 1e6
  }

  get operations(): number {
    return this.latencies.length
  }

  failed(name: string, error: RedisClusterException): void {
    const kind = `${name}: ${error.reason._tag}, outcome ${error.outcome}`
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1)
    if (error.outcome === "NotExecuted") this.notExecuted++
    else this.unknown++
  }

  /** The latency that this part of all commands stayed within. */
  percentile(part: number): number {
    const sorted = Float64Array.from(this.latencies).toSorted()
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  }
}

/** Half of it reads; a fifth each writes and counts; the rest reads two keys at once. */
const choose = (tag: string): Command.Command<unknown> => {
  const dice = Math.random()
  if (dice < 0.5) return Strings.get(valueOf(tag))
  // Writing the same value twice does no harm, and the caller says so.
  if (dice < 0.7) return Command.idempotent(Strings.set(valueOf(tag), "something of some length"))
  return dice < 0.9 ? Strings.incr(counterOf(tag)) : Strings.mget(keysOf(tag))
}

const pick = (group: Group): string => group[Math.floor(Math.random() * group.length)]

/** Runs an event while every group has its callers, and says what they saw. */
export const during = Effect.fnUntraced(function*<A, E, R>(
  groups: ReadonlyArray<Group>,
  event: (tally: Tally) => Effect.Effect<A, E, R>
) {
  const redis = yield* ClusterClient
  const tally = new Tally(groups, yield* Clock.Clock)
  let running = true

  const call = Effect.fnUntraced(function*(index: number) {
    const seen = tally.groups[index]
    const tag = pick(groups[index])
    const command = choose(tag)
    const before = tally.now()
    const result = yield* Effect.result(redis.execute(command))
    const after = tally.now()
    tally.latencies.push(after - before)
    const counter = command.spec.name === "INCR" ? tally.counters.get(tag) : undefined
    if (Result.isSuccess(result)) {
      seen.answered(after)
      if (counter !== undefined) counter.acknowledged++
    } else {
      tally.failed(command.spec.name, result.failure)
      if (counter !== undefined && result.failure.outcome !== "NotExecuted") counter.unknown++
    }
    yield* Effect.sleep(2)
  })
  const caller = (index: number) => Effect.repeat(call(index % groups.length), { while: () => running })

  const callers = yield* Effect.forkChild(
    Effect.forEach(Array.from({ length: groups.length * callersPerGroup }, (_, i) => i), caller, {
      concurrency: "unbounded",
      discard: true
    })
  )
  const result = yield* event(tally)
  running = false
  yield* Fiber.join(callers)
  return [tally, result] as const
})
