/**
 * Random faults, which a seed reproduces.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { slotCount } from "../cluster/HashSlot.ts"
import * as checks from "../internal/checks.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { Control, TestNode } from "./Control.ts"
import { generator } from "./engine/Random.ts"

/**
 * A kind of fault that `TestCluster.chaos` can cause.
 *
 * - `disconnect`: the connections of a node end
 * - `moveSlot`: a slot moves to another primary
 * - `failover`: a replica takes the place of its primary
 * - `stall`: a node sends no replies, until the fault after the next
 * - `kill`: a node dies, and is back at the fault after the next
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = "disconnect" | "moveSlot" | "failover" | "stall" | "kill"

/**
 * Options of `TestCluster.chaos`: the kinds, the pace and the seed of the faults.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChaosOptions {
  /** The time for which faults happen. */
  readonly duration: Duration.Input
  /** The time between two faults, on average. Default: 1 second. */
  readonly every?: Duration.Input | undefined
  /** The kinds of faults. Default: all but `kill`, which loses data where a primary has no replica. */
  readonly faults?: ReadonlyArray<Fault> | undefined
  /** The seed that decides the faults, their nodes and their times. Default: the seed of the cluster. */
  readonly seed?: number | undefined
}

/**
 * A fault that `TestCluster.chaos` has caused.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChaosEvent {
  /** The time of the fault, in milliseconds of the clock since the beginning of the chaos. */
  readonly at: number
  readonly fault: Fault
  /** The address of the node; for a moved slot, of its new owner. */
  readonly node: string
  readonly slot?: number | undefined
}

const kinds: ReadonlyArray<unknown> = ["disconnect", "moveSlot", "failover", "stall", "kill"] satisfies ReadonlyArray<
  Fault
>

const optionChecks: checks.Checks<ChaosOptions> = {
  duration: checks.duration(0),
  every: checks.duration(1),
  faults: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((fault) => kinds.includes(fault))
      ? undefined
      : `a list with some of ${kinds.join(", ")}`,
  seed: (value) => typeof value === "number" ? undefined : "a number"
}

type Doing = Effect.Effect<void, RedisClusterException>

interface Plan {
  readonly event: Omit<ChaosEvent, "at">
  readonly doIt: Doing
  /** The step that ends the fault. */
  readonly mend?: Doing | undefined
}

/** The next fault; `undefined` when the present cluster does not allow this kind. */
const plan = (cluster: Control, fault: Fault, random: () => number): Plan | undefined => {
  const among = (nodes: ReadonlyArray<TestNode>): TestNode | undefined => nodes[Math.floor(random() * nodes.length)]
  const alive = cluster.nodes.filter((node) => node.alive)
  if (fault === "moveSlot") {
    const slot = Math.floor(random() * slotCount)
    const target = among(alive.filter((node) => node.role === "primary"))
    if (target === undefined) return undefined
    return { event: { fault, node: target.address, slot }, doIt: cluster.moveSlot(slot, target) }
  }
  const node = among(fault === "failover" ? alive.filter((one) => one.role === "replica") : alive)
  if (node === undefined) return undefined
  const event = { fault, node: node.address }
  switch (fault) {
    case "disconnect":
      return { event, doIt: cluster.disconnect(node) }
    case "failover":
      return { event, doIt: cluster.failover(node) }
    case "stall":
      return { event, doIt: cluster.stall(node), mend: cluster.resume(node) }
    case "kill":
      return { event, doIt: cluster.kill(node), mend: cluster.restart(node) }
  }
}

/** @internal */
export const run = Effect.fnUntraced(function*(
  cluster: Control,
  options: ChaosOptions,
  defaultSeed: number
): Effect.fn.Return<ReadonlyArray<ChaosEvent>, RedisClusterException> {
  const problem = checks.problemOf(options, optionChecks) ??
    (options.duration === undefined ? "duration is missing" : undefined)
  if (problem !== undefined) {
    return yield* exception(() => new OptionsError({ message: `chaos: ${problem}`, outcome: "NotExecuted" }))
  }
  const random = generator(options.seed ?? defaultSeed)
  const faults = options.faults ?? ["disconnect", "moveSlot", "failover", "stall"]
  const every = Duration.toMillis(Duration.fromInputUnsafe(options.every ?? "1 second"))
  const clock = yield* Clock.Clock
  const start = monotonicMillis(clock)
  const end = start + Duration.toMillis(Duration.fromInputUnsafe(options.duration))
  const events: Array<ChaosEvent> = []
  let mends: Array<{ readonly after: number; readonly mend: Doing }> = []
  for (let turn = 0;; turn++) {
    const now = monotonicMillis(clock)
    const pause = Math.ceil(every * (0.5 + random()))
    if (now + pause > end) {
      yield* Effect.sleep(Math.max(0, end - now))
      break
    }
    yield* Effect.sleep(pause)
    for (const { mend } of mends.filter(({ after }) => after <= turn)) yield* mend
    mends = mends.filter(({ after }) => after > turn)
    const next = plan(cluster, faults[Math.floor(random() * faults.length)], random)
    if (next === undefined) continue
    yield* next.doIt
    events.push({ at: (monotonicMillis(clock)) - start, ...next.event })
    if (next.mend !== undefined) mends.push({ after: turn + 2, mend: next.mend })
  }
  for (const { mend } of mends) yield* mend
  return events
})
