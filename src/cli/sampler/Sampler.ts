/**
 * Samples every node of the cluster again and again, and merges the figures with the topology and the events of the client.
 * It only reads, and its work is bounded: a round is followed by a pause that is at least as long.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  Cluster,
  ClusterClient,
  type ClusterClientShape,
  type ClusterNode,
  Command,
  HashSlot,
  type Snapshot
} from "../../index.ts"
import { type EventWords, wordsOf } from "../output/EventWords.ts"
import { monotonicMillis } from "../output/monotonic.ts"
import type { EventLine } from "./EventLine.ts"
import { ask, commandsOf, extentOf, type NodeSample } from "./NodeSample.ts"
import { make as makeObservation, noReadings, type Observation, type Readings } from "./Observation.ts"
import { ownersWithin, SlotHeat } from "./SlotHeat.ts"

export interface SamplerOptions {
  /** The time from one round to the next. */
  readonly interval: Duration.Duration
  /** The slots whose figures are read in a round; all of them, if the whole is to be known after two rounds. */
  readonly slotsPerRound?: number | undefined
}

/** A change of what is known of the cluster. */
export type Change =
  | { readonly _tag: "Observed"; readonly observation: Observation }
  | { readonly _tag: "Logged"; readonly line: EventLine }

const slotsPerRound = 2048
/** COUNTKEYSINSLOT is a command for each slot. */
const countsPerRound = 512
const linesKept = 200
const hottestKept = 10
const mostPatience = 1000
const bufferedChanges = 1024

/** The source of figures about slots: `counts` are of COUNTKEYSINSLOT. */
type SlotSource = "statistics" | "counts" | "none"

/** A sampler, which is the state of what is known. */
export class LiveSampler {
  readonly changes: PubSub.PubSub<Change>
  readonly heat = new SlotHeat()
  private readonly redis: ClusterClientShape
  private readonly options: SamplerOptions
  private readonly clock: Clock.Clock
  private readonly asked: FiberMap.FiberMap<string>
  private readonly patience: number
  private readonly readings = new Map<string, Readings>()
  private readonly ownCommands = new Map<string, number>()
  private readonly lines: Array<EventLine> = []
  private observation: Observation
  private lineCount = 0
  private round = 0
  private slotSource: SlotSource = "statistics"
  private nextSlot = 0

  constructor(parts: {
    readonly redis: ClusterClientShape
    readonly options: SamplerOptions
    readonly clock: Clock.Clock
    readonly changes: PubSub.PubSub<Change>
    readonly asked: FiberMap.FiberMap<string>
    readonly snapshot: Snapshot.Snapshot
  }) {
    this.redis = parts.redis
    this.options = parts.options
    this.clock = parts.clock
    this.changes = parts.changes
    this.asked = parts.asked
    this.patience = Math.min(mostPatience, Duration.toMillis(parts.options.interval))
    this.observation = this.observe(parts.snapshot)
  }

  /** The last observation. Before the first round it has the topology alone. */
  get latest(): Observation {
    return this.observation
  }

  /** The last lines of the log, the oldest first. */
  get recentLines(): ReadonlyArray<EventLine> {
    return this.lines
  }

  /** Adds a line to the log. */
  log(words: EventWords): void {
    const line = { id: ++this.lineCount, at: this.clock.currentTimeMillisUnsafe(), ...words }
    this.lines.push(line)
    if (this.lines.length > linesKept) this.lines.shift()
    PubSub.publishUnsafe(this.changes, { _tag: "Logged", line })
  }

  /** Publishes what is known now. */
  publish(snapshot: Snapshot.Snapshot): void {
    this.observation = this.observe(snapshot)
    PubSub.publishUnsafe(this.changes, { _tag: "Observed", observation: this.observation })
  }

  private observe(snapshot: Snapshot.Snapshot): Observation {
    return makeObservation(
      { at: this.clock.currentTimeMillisUnsafe(), round: this.round },
      snapshot,
      this.readings,
      { metric: this.heat.metric, hot: this.heat.hottest(hottestKept) }
    )
  }

  /** Asks all nodes side by side. A node that did not answer before is asked as well, and not waited for. */
  readonly runRound: Effect.Effect<void> = Effect.suspend(() => this.runRoundNow())

  private readonly runRoundNow = Effect.fnUntraced(function*(this: LiveSampler) {
    const snapshot = yield* this.redis.topology
    for (const address of this.readings.keys()) {
      if (!snapshot.nodes.has(address)) this.readings.delete(address)
    }
    const answering: Array<Fiber.Fiber<unknown, unknown>> = []
    for (const node of snapshot.nodes.values()) {
      const fiber = yield* FiberMap.run(this.asked, node.address, this.sampleNode(node, snapshot.nodes.size), {
        onlyIfMissing: true
      })
      if (this.readings.get(node.address)?.silence === undefined) answering.push(fiber)
    }
    // The commands of the sweep come after all samples, so that each sample knows how many of them there were before.
    yield* Effect.forEach(answering, Fiber.await, { concurrency: "unbounded", discard: true }).pipe(
      Effect.andThen(this.sweep(snapshot)),
      Effect.timeoutOption(this.patience)
    )
    this.round++
    this.publish(yield* this.redis.topology)
  })

  private readonly sampleNode = Effect.fnUntraced(function*(this: LiveSampler, node: ClusterNode, nodes: number) {
    const extent = extentOf(node, nodes)
    const own = (this.ownCommands.get(node.address) ?? 0) + commandsOf(extent)
    this.ownCommands.set(node.address, own)
    const exit = yield* Effect.exit(ask(this.redis, node, { patience: this.patience, extent, own }))
    if (Exit.isSuccess(exit)) this.answered(node, exit.value)
    else if (!Exit.hasInterrupts(exit)) this.unanswered(node, exit)
  })

  private answered(node: ClusterNode, sample: NodeSample): void {
    const { latest, silence } = this.readings.get(node.address) ?? noReadings
    this.readings.set(node.address, { before: latest, latest: sample, silence: undefined })
    if (silence !== undefined) {
      this.log({ tone: "good", kind: "Answers", text: `${node.address} answers again` })
    }
  }

  private unanswered(node: ClusterNode, exit: Exit.Failure<unknown, string>): void {
    const readings = this.readings.get(node.address) ?? noReadings
    const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
    const cause = failure?._tag === "Fail" ? failure.error : "it could not be asked"
    const since = readings.silence?.since ?? this.clock.currentTimeMillisUnsafe()
    this.readings.set(node.address, { ...readings, silence: { since, cause } })
    if (readings.silence === undefined) {
      this.log({ tone: "bad", kind: "Silent", text: `${node.address} does not answer: ${cause}` })
    }
  }

  /** Reads the figures of the next slots, where the servers have any. */
  private readonly sweep = Effect.fnUntraced(function*(this: LiveSampler, snapshot: Snapshot.Snapshot) {
    if (this.slotSource === "none") return
    const atMost = this.options.slotsPerRound ?? slotsPerRound
    const size = this.slotSource === "statistics" ? atMost : Math.min(atMost, countsPerRound)
    const start = this.nextSlot
    const end = Math.min(start + size, HashSlot.slotCount) - 1
    const owners = ownersWithin(snapshot, start, end)
    const failures = yield* Effect.forEach(
      owners,
      ([{ primary }, slots]) =>
        this.readings.get(primary.address)?.silence !== undefined
          ? Effect.succeed(false)
          : Effect.isFailure(Command.withTimeout(this.sweepNode(primary, slots, start, end), this.patience)),
      { concurrency: "unbounded" }
    )
    const failed = failures.filter((failed) => failed).length
    if (failed === owners.size && failed > 0) this.slotSource = this.slotSource === "statistics" ? "counts" : "none"
    else this.nextSlot = end + 1 < HashSlot.slotCount ? end + 1 : 0
  })

  private readonly sweepNode = Effect.fnUntraced(
    function*(this: LiveSampler, node: ClusterNode, slots: ReadonlyArray<number>, start: number, end: number) {
      const client = yield* this.redis.node(node)
      const now = () => monotonicMillis(this.clock)
      const sent = this.slotSource === "statistics" ? 1 : slots.length
      this.ownCommands.set(node.address, (this.ownCommands.get(node.address) ?? 0) + sent)
      if (this.slotSource === "statistics") {
        const found = yield* client.clusterSlotStats({ start, end })
        return this.heat.observe(now(), found)
      }
      const counts = yield* client.pipelineResults(slots.map((slot) => Cluster.clusterCountkeysinslot(slot)))
      const figures = slots.flatMap((slot, i) => {
        const count = counts[i]
        return Result.isSuccess(count) ? [{ slot, keyCount: count.success, cpuUsec: undefined }] : []
      })
      if (figures.length === 0) return yield* Effect.fail("no slot was counted")
      this.heat.observe(now(), figures)
    }
  )
}

/** Repeats an effect with the interval from begin to begin, and a pause of at least the time that it took. */
const paced = (clock: Clock.Clock, interval: number) => <E, R>(effect: Effect.Effect<unknown, E, R>) =>
  Effect.forever(
    Effect.suspend(() => {
      const started = monotonicMillis(clock)
      return Effect.andThen(
        Effect.ignore(effect),
        Effect.suspend(() => {
          const took = monotonicMillis(clock) - started
          return Effect.sleep(Math.max(interval - took, took))
        })
      )
    })
  )

const make: (options: SamplerOptions) => Effect.Effect<LiveSampler, never, ClusterClient | Scope.Scope> = Effect
  .fnUntraced(function*(options) {
    const redis = yield* ClusterClient
    const clock = yield* Clock.Clock
    const sampler = new LiveSampler({
      redis,
      options,
      clock,
      changes: yield* Effect.acquireRelease(PubSub.sliding<Change>(bufferedChanges), PubSub.shutdown),
      asked: yield* FiberMap.make<string>(),
      snapshot: yield* redis.topology
    })
    const background = (effect: Effect.Effect<unknown>) => Effect.forkScoped(effect, { startImmediately: true })
    const interval = Duration.toMillis(options.interval)
    yield* background(Stream.runForEach(redis.events, (event) =>
      Effect.sync(() => {
        const words = wordsOf(event)
        if (words !== undefined) sampler.log(words)
      })))
    yield* background(Stream.runForEach(
      Stream.drop(redis.topologyChanges, 1),
      (snapshot) => Effect.sync(() => sampler.publish(snapshot))
    ))
    yield* background(paced(clock, interval)(sampler.runRound))
    // A change of the topology is known before the next round.
    yield* background(paced(clock, interval / 2)(redis.refreshTopology))
    return sampler
  })

/** The service of this name. It samples while its layer lives. */
export class Sampler extends Context.Service<Sampler, LiveSampler>()("effect-redis-cluster/cli/Sampler") {
  static readonly layer = (options: SamplerOptions): Layer.Layer<Sampler, never, ClusterClient> =>
    Layer.effect(Sampler, make(options))

  /** The last observation, then each later one. */
  static readonly observations: Stream.Stream<Observation, never, Sampler> = Stream.unwrap(
    Effect.gen(function*() {
      const sampler = yield* Sampler
      const subscription = yield* PubSub.subscribe(sampler.changes)
      return Stream.concat(
        Stream.sync(() => sampler.latest),
        Stream.filterMap(
          Stream.fromSubscription(subscription),
          (change) => change._tag === "Observed" ? Result.succeed(change.observation) : Result.failVoid
        )
      )
    })
  )
}
