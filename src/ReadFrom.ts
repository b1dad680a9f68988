/**
 * Policies that choose the nodes of a shard for reads.
 *
 * A policy is a value: it puts the nodes of a shard into the order in which they are asked. It is given to the client
 * (`ClusterOptions.readFrom`), to a view of it (`redis.readFrom(policy)`) or to a region of a program (`withPolicy`).
 * It applies to commands that only read and have keys; all other commands go to the primary. A read that a node cannot
 * serve goes to the next node at once, and finally to the primary.
 *
 * Replication is asynchronous: a replica may not have the latest writes, not even those of the same program. `maxLag`
 * bounds that.
 *
 * **Example** (Replicas for one part of a program)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
 *
 * const policy = ReadFrom.replicaPreferred.pipe(ReadFrom.maxLag("2 seconds"))
 *
 * const report = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.hgetall("report:today")
 * }).pipe(ReadFrom.withPolicy(policy))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type { ClusterNode, Role } from "./cluster/ClusterNode.ts"
import * as checks from "./internal/checks.ts"
import { millisOf } from "./internal/millis.ts"

/**
 * A node of the shard as a policy sees it: its role, its zone, and its present measurements.
 *
 * @category models
 * @since 0.1.0
 */
export interface Candidate {
  readonly node: ClusterNode
  /** Its role in the shard. Exactly one candidate is the primary, and the first. */
  readonly role: Role
  /** Its availability zone, where the servers report it or the option `zoneOf` gives it. */
  readonly zone: string | undefined
  /**
   * The time that its replies take, in milliseconds: a decaying mean of samples. `undefined` before the first sample.
   */
  readonly latency: number | undefined
  /** The number of this client's commands that it has not answered yet. */
  readonly inFlight: number
  /**
   * The greatest age of its data, in milliseconds: it has every write that is older. Zero for the primary. `undefined`
   * without a measurement: the lag is measured while a policy with `maxLag` is in use.
   */
  readonly lag: number | undefined
  /** Whether a reply can be expected now: the node is not down, not silent, and has not refused a read a moment ago. */
  readonly healthy: boolean
}

/**
 * The read to serve, as a policy sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Read {
  /** The name of the command. */
  readonly command: string
  readonly slot: number
  /** The number of earlier reads of this shard: policies that take turns use it. */
  readonly turn: number
  /** The client's own availability zone: the option `availabilityZone`. */
  readonly zone: string | undefined
  /** A random number from 0 to 1, from the client's `Random` service. */
  readonly random: () => number
}

/**
 * The function of a policy: it puts candidates, of which the primary is the first, into the order in which they are
 * asked. Candidates that it leaves out are not asked, except for the primary, which is the last resort.
 *
 * @category models
 * @since 0.1.0
 */
export type Order = (candidates: ReadonlyArray<Candidate>, read: Read) => ReadonlyArray<Candidate>

/**
 * The rule by which a read is sent to a second node although the first may still answer: see `hedge`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hedge {
  /** The time before the second attempt, in milliseconds. */
  readonly after: number
  /**
   * The fraction of the node's latest replies whose time is the pause before the second attempt; `after` until enough
   * replies are known.
   */
  readonly percentile: number | undefined
  /** The most additional reads, as a fraction of all reads. */
  readonly budget: number
}

const TypeId = "~effect-redis-cluster/Policy"

/**
 * A policy of reads: the value that `ClusterOptions.readFrom`, `redis.readFrom` and `ReadFrom.withPolicy` accept.
 *
 * @category models
 * @since 0.1.0
 */
export class Policy extends Pipeable.Class {
  get [TypeId](): typeof TypeId {
    return TypeId
  }

  readonly name: string
  readonly order: Order
  /** The greatest lag of a replica, in milliseconds: replicas with older data are not asked. */
  readonly maxLag: number | undefined
  readonly hedge: Hedge | undefined
  /** Whether it uses the client's zone, and thus needs one. */
  readonly needsZone: boolean
  /** The reason why it cannot be used: bad input. Reads by it fail with that message. */
  readonly invalid: string | undefined

  constructor(fields: {
    readonly name: string
    readonly order: Order
    readonly maxLag?: number | undefined
    readonly hedge?: Hedge | undefined
    readonly needsZone?: boolean | undefined
    readonly invalid?: string | undefined
  }) {
    super()
    this.name = fields.name
    this.order = fields.order
    this.maxLag = fields.maxLag
    this.hedge = fields.hedge
    this.needsZone = fields.needsZone ?? false
    this.invalid = fields.invalid
  }
}

/**
 * Whether a value is a policy. Policies of another copy of the package count as well.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPolicy = (value: unknown): value is Policy => Predicate.hasProperty(value, TypeId)

/** @internal */
export const notAPolicy = "the policy has to be one of the policies of ReadFrom"

/**
 * The reason why a client in `zone` cannot use a policy; `undefined` when it can.
 *
 * @internal
 */
export const problemOf = (policy: Policy, zone: string | undefined): string | undefined => {
  if (!isPolicy(policy)) return notAPolicy
  if (policy.invalid !== undefined) return policy.invalid
  return policy.needsZone && zone === undefined
    ? "ReadFrom.nearest() needs the option availabilityZone, or a zone as its argument"
    : undefined
}

/**
 * Makes a policy from a function that orders the nodes of a shard.
 *
 * **When to use**
 *
 * Use it when none of the policies here fits.
 *
 * **Details**
 *
 * The name is for logs and messages. A function that throws, or that returns anything but candidates, fails the read with an
 * `OptionsError`.
 *
 * **Gotchas**
 *
 * The function runs for each read: it has to be fast, and must not change its arguments. A candidate that is not `healthy` is
 * asked when the function returns it.
 *
 * **Example** (The node with the shortest queue)
 *
 * ```ts
 * import { ReadFrom } from "effect-redis-cluster"
 *
 * const shortestQueue = ReadFrom.make("shortestQueue", (candidates) =>
 *   candidates.filter(({ healthy }) => healthy).sort((a, b) => a.inFlight - b.inFlight))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: string, order: Order): Policy => new Policy({ name, order })

const isHealthy = (candidate: Candidate): boolean => candidate.healthy
const none: ReadonlyArray<Candidate> = []

/** The candidates that pass a test. When all pass, as they nearly always do, the result is the list itself. */
const only = (
  candidates: ReadonlyArray<Candidate>,
  test: (candidate: Candidate) => boolean
): ReadonlyArray<Candidate> => {
  for (const candidate of candidates) if (!test(candidate)) return candidates.filter(test)
  return candidates
}

const rotated = (candidates: ReadonlyArray<Candidate>, turn: number): ReadonlyArray<Candidate> => {
  const count = candidates.length
  const start = count === 0 ? 0 : turn % count
  if (start === 0) return candidates
  const order = new Array<Candidate>(count)
  for (let i = 0; i < count; i++) order[i] = candidates[(start + i) % count]
  return order
}

/** The healthy candidates in a given order, then the others. */
const healthyFirst = (
  candidates: ReadonlyArray<Candidate>,
  arrange: (healthy: ReadonlyArray<Candidate>) => ReadonlyArray<Candidate>
): ReadonlyArray<Candidate> => {
  const healthy = only(candidates, isHealthy)
  return healthy.length === candidates.length
    ? arrange(healthy)
    : [...arrange(healthy), ...candidates.filter((candidate) => !candidate.healthy)]
}

/** The primary is the first of the candidates. */
const replicasOf = (candidates: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> => candidates.slice(1)

/**
 * Reads go to the primary, and see all writes before them. This is the default.
 *
 * @category policies
 * @since 0.1.0
 */
export const primary: Policy = make("primary", (candidates) => candidates.length === 1 ? candidates : [candidates[0]])

/**
 * Reads go to the replicas in turn, with those in trouble last. The primary serves when no replica can, or when there
 * is none. It does not fail because of a replica.
 *
 * @category policies
 * @since 0.1.0
 */
export const replica: Policy = make(
  "replica",
  (candidates, { turn }) => healthyFirst(replicasOf(candidates), (healthy) => rotated(healthy, turn))
)

/**
 * Reads go to the healthy replicas in turn, and otherwise to the primary. Unlike with `replica`, the primary comes
 * before a replica that seems to be in trouble.
 *
 * @category policies
 * @since 0.1.0
 */
export const replicaPreferred: Policy = make("replicaPreferred", (candidates, { turn }) => {
  const replicas = replicasOf(candidates)
  const healthy = only(replicas, isHealthy)
  const order = rotated(healthy, turn)
  return healthy.length === replicas.length
    ? order
    : [...order, candidates[0], ...replicas.filter((candidate) => !candidate.healthy)]
})

/**
 * Reads go to the primary and its replicas in turn.
 *
 * @category policies
 * @since 0.1.0
 */
export const roundRobin: Policy = make(
  "roundRobin",
  (candidates, { turn }) => healthyFirst(candidates, (healthy) => rotated(healthy, turn))
)

/**
 * Reads go to the primary or to a replica, at random.
 *
 * @category policies
 * @since 0.1.0
 */
export const random: Policy = make("random", (candidates, { random }) =>
  healthyFirst(candidates, (healthy) => {
    const order = [...healthy]
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      const picked = order[j]
      order[j] = order[i]
      order[i] = picked
    }
    return order
  }))

/**
 * Reads go to nodes in the client's availability zone: to its replicas in turn, then to the primary if it is there.
 * Replicas in other zones follow in turn, and the primary comes last.
 *
 * **Details**
 *
 * Without an argument the zone is the client's option `availabilityZone`; without both, each read fails with an
 * `OptionsError`. Valkey reports the zones of its nodes (9.1 in the topology, 8.0 in `INFO`, from its setting
 * `availability-zone`); for other servers the option `zoneOf` gives them.
 *
 * **Example** (Replicas of the zone first)
 *
 * ```ts
 * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
 *
 * export const client = ClusterClient.layer({
 *   nodes: "redis://127.0.0.1:7000",
 *   readFrom: ReadFrom.nearest("eu-central-1a")
 * })
 * ```
 *
 * @category policies
 * @since 0.1.0
 */
export const nearest = (zone?: string): Policy =>
  new Policy({
    name: "nearest",
    needsZone: zone === undefined,
    invalid: zone === "" ? "ReadFrom.nearest was given an empty zone; name one, or leave it out" : undefined,
    order: (candidates, { turn, zone: own }) => {
      const here = zone ?? own
      return healthyFirst(candidates, (healthy) => {
        const near: Array<Candidate> = []
        const far: Array<Candidate> = []
        let primary: Candidate | undefined
        for (const candidate of healthy) {
          if (candidate.role === "primary") primary = candidate
          else if (candidate.zone !== undefined && candidate.zone === here) near.push(candidate)
          else far.push(candidate)
        }
        const isNear = primary?.zone !== undefined && primary.zone === here
        return [
          ...rotated(near, turn),
          ...(primary !== undefined && isNear ? [primary] : none),
          ...rotated(far, turn),
          ...(primary !== undefined && !isNear ? [primary] : none)
        ]
      })
    }
  })

/** The order by latency. A node without a measurement comes first, or it would never be measured. */
const byLatency = (a: Candidate, b: Candidate): number => (a.latency ?? -1) - (b.latency ?? -1)

/**
 * Reads go to the node with the lowest latency, the primary included.
 *
 * **Details**
 *
 * Latencies are measured on a sample of the traffic, and by a PING each second where there is none.
 *
 * **Gotchas**
 *
 * All reads of a shard go to one node as long as it is the fastest, and the others idle.
 *
 * @category policies
 * @since 0.1.0
 */
export const lowestLatency: Policy = make(
  "lowestLatency",
  (candidates) => healthyFirst(candidates, (healthy) => healthy.length < 2 ? healthy : healthy.toSorted(byLatency))
)

/** The smallest bound that questions to the nodes can check, in milliseconds. */
const leastLag = 100

/**
 * Bounds the age of the data that replicas return: a replica serves reads only while it is known to have every write
 * that is older than `lag`. Without such a replica the primary serves.
 *
 * **Details**
 *
 * The client asks the nodes for their replication offsets off the path of the reads, four times per `lag` and at least
 * every second, as long as there are reads with such a bound. The primary serves until they have answered. `lag` is at least
 * 100 milliseconds, and a bare number is milliseconds; another value fails each read with an `OptionsError`.
 *
 * **Gotchas**
 *
 * A user without the permission for `INFO` reads from the primary only. A program does not see its own writes at once: they
 * may be as old as `lag` says.
 *
 * **Example** (No replica that is behind)
 *
 * ```ts
 * import { ReadFrom } from "effect-redis-cluster"
 *
 * export const policy = ReadFrom.replicaPreferred.pipe(ReadFrom.maxLag("2 seconds"))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const maxLag: {
  (lag: Duration.Input): (self: Policy) => Policy
  (self: Policy, lag: Duration.Input): Policy
} = dual(2, (self: Policy, lag: Duration.Input): Policy => {
  const millis = millisOf(lag)
  return new Policy({
    ...self,
    maxLag: millis,
    invalid: self.invalid ??
      (millis >= leastLag ? undefined : `ReadFrom.maxLag has to be a duration of at least ${leastLag} ms`)
  })
})

/**
 * Options of `ReadFrom.hedge`: the time before the second attempt, and the limit of such attempts.
 *
 * @category models
 * @since 0.1.0
 */
export interface HedgeOptions {
  /**
   * The time that the first node gets. With `percentile` it applies until enough replies are known. Default: 50
   * milliseconds.
   */
  readonly after?: Duration.Input | undefined
  /** The fraction of the first node's latest replies, between 0 and 1, whose time it gets: 0.95, for example. Default: none. */
  readonly percentile?: number | undefined
  /** The greatest number of additional reads, as a fraction of all reads, up to 1 (and ten at first). Default: 0.1. */
  readonly budget?: number | undefined
}

/** Whether a value is a number. Programs in plain JavaScript may pass anything. */
const isNumber = (value: unknown): boolean => typeof value === "number"

/** The values are checked together, by `hedgeProblem`. */
const hedgeChecks: checks.Checks<HedgeOptions> = {
  after: checks.anything,
  percentile: checks.anything,
  budget: checks.anything
}

const hedgeProblem = ({ after, budget, percentile }: Hedge): string | undefined => {
  if (!(after >= 1 && after < Infinity)) return "after has to be a duration of at least 1 ms"
  if (percentile !== undefined && !(isNumber(percentile) && percentile > 0 && percentile < 1)) {
    return "percentile has to lie between 0 and 1"
  }
  return isNumber(budget) && budget > 0 && budget <= 1 ? undefined : "budget has to be a fraction above 0, up to 1"
}

/**
 * Sends a read to the next node when the first has not answered after a while. The first reply counts, and the other
 * is dropped. Only reads are sent twice, within a budget.
 *
 * **When to use**
 *
 * Use it for reads that cannot wait half a second for a replica that has fallen silent.
 *
 * **Details**
 *
 * The deadline of the command holds for both attempts. Options that cannot be used fail each read with an `OptionsError`.
 *
 * **Gotchas**
 *
 * With `ReadFrom.primary`, or in a shard of one node, there is no second node. A delay below the usual time of a reply spends the
 * budget on reads that were not slow.
 *
 * **Example** (A second attempt for slow reads)
 *
 * ```ts
 * import { ReadFrom } from "effect-redis-cluster"
 *
 * export const policy = ReadFrom.roundRobin.pipe(ReadFrom.hedge({ after: "20 millis" }))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const hedge: {
  (options?: HedgeOptions): (self: Policy) => Policy
  (self: Policy, options?: HedgeOptions): Policy
} = dual((args) => isPolicy(args[0]), (self: Policy, options: HedgeOptions = {}): Policy => {
  const mistake = checks.problemOf(options, hedgeChecks)
  const { after = 50, budget = 0.1, percentile }: HedgeOptions = mistake === undefined ? options : {}
  const hedge: Hedge = { after: millisOf(after), percentile, budget }
  const problem = mistake ?? hedgeProblem(hedge)
  return new Policy({
    ...self,
    hedge,
    invalid: self.invalid ?? (problem === undefined ? undefined : `ReadFrom.hedge: ${problem}`)
  })
})

/**
 * The policy of the current region of the program; `undefined` where the client's own policy applies.
 *
 * @category references
 * @since 0.1.0
 */
export const Current: Context.Reference<Policy | undefined> = Context.Reference<Policy | undefined>(
  "effect-redis-cluster/ReadFrom/Current",
  { defaultValue: () => undefined }
)

/**
 * Sets the policy for all reads of an effect, on all clients. The effect keeps its errors.
 *
 * **When to use**
 *
 * Use it around a part of a program, such as a report. In a program with several clients, `redis.region({ readFrom })` concerns
 * one of them.
 *
 * **Details**
 *
 * An inner region replaces an outer one. Views of a client (`redis.readFrom`) keep their own policy. A policy that cannot be used
 * fails each read with an `OptionsError`.
 *
 * **Gotchas**
 *
 * Subscriptions that begin within a region with another policy than `ReadFrom.primary` are held by a replica. A read right after a
 * write of this program may not see the write.
 *
 * **Example** (Reports from replicas)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, ReadFrom } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.hgetall("report:2024")
 * }).pipe(ReadFrom.withPolicy(ReadFrom.replicaPreferred))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withPolicy: {
  (policy: Policy): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, policy: Policy): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, policy: Policy): Effect.Effect<A, E, R> =>
    Effect.provideService(self, Current, policy)
)

/**
 * The policies without arguments by their names, for configuration: `REDIS_READ_FROM=replicaPreferred`. `nearest` uses
 * the zone of the client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const byName = {
  primary,
  replica,
  replicaPreferred,
  roundRobin,
  random,
  nearest: nearest(),
  lowestLatency
} as const
