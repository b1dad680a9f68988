/**
 * The health of the cluster, for readiness probes and status pages.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import type { Connections } from "../connection/Connections.ts"
import { ping, query } from "../connection/Query.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { printable, reportable } from "../internal/reportable.ts"
import { stackless } from "../internal/stackless.ts"
import { kindOf } from "../protocol/ErrorKind.ts"
import { withoutArguments } from "../protocol/quotes.ts"
import { ServerError } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import * as Snapshot from "../topology/Snapshot.ts"
import type { Topology } from "../topology/Topology.ts"

const TypeId = "~effect-redis-cluster/UnhealthyError"

/**
 * A health check found slots that nobody serves. `coveredSlots` have an owner, `servedSlots` one that answered; `down` has
 * each node that did not, with its cause.
 *
 * **Example** (A readiness probe)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 *
 * // Effect<{ status: number, body: string }, never, ClusterClient>
 * export const ready = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.requireHealthy()
 *   return { status: 200, body: "ready" }
 * }).pipe(
 *   Effect.catchTag("UnhealthyError", ({ message }) => Effect.succeed({ status: 503, body: message }))
 * )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class UnhealthyError
  extends Schema.TaggedError<UnhealthyError>("effect-redis-cluster/UnhealthyError")("UnhealthyError", {
    message: Schema.String,
    coveredSlots: Schema.Number,
    servedSlots: Schema.Number,
    down: Schema.Array(Schema.Struct({ node: Schema.String, cause: Schema.String }))
  })
{
  get [TypeId](): typeof TypeId {
    return TypeId
  }

  /** A later check may find them served. */
  get isRetryable(): boolean {
    return true
  }
}

reportable(UnhealthyError.prototype, ({ _tag }) => _tag)
printable(UnhealthyError.prototype)

/**
 * Whether a value is an `UnhealthyError`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUnhealthyError = (value: unknown): value is UnhealthyError => Predicate.hasProperty(value, TypeId)

/**
 * The health of one node, as a part of a `HealthReport`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeHealth {
  readonly node: ClusterNode
  /** Whether the node answered a PING in time. */
  readonly isUp: boolean
  /**
   * The time from PING to PONG in milliseconds, with the time for dialling when there was no connection; `undefined`
   * when the node is down.
   */
  readonly latency: number | undefined
  /** The reason why the node is down; `undefined` when it is up. */
  readonly cause: string | undefined
}

/**
 * The health of the cluster at one moment, as this client sees it: the result of `redis.health`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HealthReport {
  /** Whether every slot has an owner and every owner of slots answered. */
  readonly isReady: boolean
  /** Each node that was asked: the primaries, then all other nodes of the cluster. */
  readonly nodes: ReadonlyArray<NodeHealth>
  /** The nodes that did not answer. */
  readonly down: ReadonlyArray<NodeHealth>
  /** The number of slots, of 16384, that have an owner. */
  readonly coveredSlots: number
  /** The number of slots, of 16384, whose owner answered. */
  readonly servedSlots: number
}

/**
 * Options of `redis.health` and `redis.requireHealthy`: the time of the nodes, and whether replicas are asked.
 *
 * @category models
 * @since 0.1.0
 */
export interface HealthOptions {
  /** The time in which a node has to answer; a bare number is milliseconds. Default: 1 second. */
  readonly timeout?: Duration.Input | undefined
  /**
   * Whether replicas and nodes without slots are asked, too. This opens a connection to each of them. Default: `true`.
   */
  readonly replicas?: boolean | undefined
}

export interface HealthMembers {
  /**
   * Sends a PING to every node, side by side, and reports which nodes answer. It does not fail because of the cluster,
   * and takes no longer than `timeout`; only invalid options fail, with `OptionsError`.
   *
   * **Gotchas**
   *
   * It opens a connection to each replica that has none, unless `replicas` is `false`. A probe that is asked every second
   * by many processes adds that many PINGs to each node.
   *
   * **Example** (A status page)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const status = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const report = yield* redis.health()
   *   return report.nodes.map(({ cause, latency, node }) => `${node.address}: ${cause ?? `${latency} ms`}`)
   * })
   * ```
   */
  readonly health: {
    /** Sends a PING to every node, side by side, and reports which nodes answer. It does not fail. */
    (): Effect.Effect<HealthReport>
    /** Sends a PING to every node, side by side, and reports which nodes answer. Only invalid options fail. */
    (options: HealthOptions): Effect.Effect<HealthReport, RedisClusterException>
  }
  /**
   * Succeeds with the report of `health`, or fails with `UnhealthyError` when the report is not `isReady`. A replica
   * that is down does not make it fail. Invalid options fail with `OptionsError`.
   *
   * **Example** (A readiness probe of the primaries)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const ready = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.requireHealthy({ replicas: false, timeout: "500 millis" })
   *   return 200
   * }).pipe(
   *   Effect.catchTag("UnhealthyError", () => Effect.succeed(503))
   * )
   * ```
   */
  readonly requireHealthy: {
    /** Succeeds with the report of `health`, or fails with `UnhealthyError` when the report is not `isReady`. */
    (): Effect.Effect<HealthReport, UnhealthyError>
    /** Succeeds with the report of `health`, or fails with `UnhealthyError` when the report is not `isReady`. */
    (options: HealthOptions): Effect.Effect<HealthReport, UnhealthyError | RedisClusterException>
  }
}

const nodeChecks: checks.Checks<Pick<HealthOptions, "timeout">> = { timeout: checks.duration(1) }
const optionChecks: checks.Checks<HealthOptions> = { ...nodeChecks, replicas: checks.boolean }

const down = (node: ClusterNode, cause: string): NodeHealth => ({ node, isUp: false, latency: undefined, cause })

const refused = (problem: string): RedisClusterException =>
  exception(() => new OptionsError({ message: `health: ${problem}`, outcome: "NotExecuted" }))

const askNode = Effect.fnUntraced(function*(
  connections: Connections["Service"],
  node: ClusterNode,
  timeout: number
) {
  const clock = yield* Clock.Clock
  // Reads from replicas have connections of their own.
  const connection = connections.get(node, node.role === "replica" ? "replicaReads" : "commands")
  const started = monotonicMillis(clock)
  return yield* query(connection, ping, timeout).pipe(
    Effect.match({
      onFailure: ({ message }) => down(node, message),
      // The refusal to a user who may not run PING is an answer, too.
      onSuccess: (reply) =>
        reply instanceof ServerError && kindOf(reply) !== "noPermission"
          ? down(node, withoutArguments(reply.message, []))
          : { node, isUp: true, latency: monotonicMillis(clock) - started, cause: undefined }
    })
  )
})

const report = (snapshot: Snapshot.Snapshot, nodes: ReadonlyArray<NodeHealth>): HealthReport => {
  const up = new Set(nodes.filter(({ isUp }) => isUp).map(({ node }) => node.address))
  const coveredSlots = Snapshot.coveredSlots(snapshot)
  const servedSlots = snapshot.slots.reduce(
    (sum, shard) => shard !== undefined && up.has(shard.primary.address) ? sum + 1 : sum,
    0
  )
  return {
    isReady: servedSlots === slotCount,
    nodes,
    down: nodes.filter(({ isUp }) => !isUp),
    coveredSlots,
    servedSlots
  }
}

const unhealthy = ({ coveredSlots, down, servedSlots }: HealthReport): UnhealthyError =>
  stackless(() =>
    new UnhealthyError({
      message: `${slotCount - coveredSlots} of ${slotCount} slots have no owner, ` +
        `${coveredSlots - servedSlots} one that does not answer` +
        (down.length === 0 ? "" : `; down: ${down.map(({ cause, node }) => `${node.address} (${cause})`).join(", ")}`),
      coveredSlots,
      servedSlots,
      down: down.map(({ cause = "", node }) => ({ node: node.address, cause }))
    })
  )

/**
 * Asks one node whether it is there.
 *
 * @internal
 */
export const ofNode = (connections: Connections["Service"], node: ClusterNode) =>
(
  options: Pick<HealthOptions, "timeout"> = {}
): Effect.Effect<NodeHealth, RedisClusterException> =>
  Effect.suspend(() => {
    const problem = checks.problemOf(options, nodeChecks)
    return problem === undefined
      ? askNode(connections, node, millisOf(options.timeout ?? "1 second"))
      : Effect.fail(refused(problem))
  })

export const make = (
  topology: Topology["Service"],
  connections: Connections["Service"]
): HealthMembers => {
  const ask = Effect.fnUntraced(function*({ replicas = true, timeout = "1 second" }: HealthOptions) {
    const millis = millisOf(timeout)
    const snapshot = topology.current()
    const others = [...snapshot.nodes.values()].filter((node) => !snapshot.primaries.includes(node))
    const asked = replicas ? [...snapshot.primaries, ...others] : snapshot.primaries
    const nodes = yield* Effect.forEach(asked, (node) => askNode(connections, node, millis), {
      concurrency: "unbounded"
    })
    return report(snapshot, nodes)
  })

  function health(): Effect.Effect<HealthReport>
  function health(options: HealthOptions): Effect.Effect<HealthReport, RedisClusterException>
  function health(options: HealthOptions = {}): Effect.Effect<HealthReport, RedisClusterException> {
    const problem = checks.problemOf(options, optionChecks)
    return problem === undefined
      ? ask(options)
      : Effect.fail(refused(problem))
  }

  function requireHealthy(): Effect.Effect<HealthReport, UnhealthyError>
  function requireHealthy(
    options: HealthOptions
  ): Effect.Effect<HealthReport, UnhealthyError | RedisClusterException>
  function requireHealthy(
    options: HealthOptions = {}
  ): Effect.Effect<HealthReport, UnhealthyError | RedisClusterException> {
    return Effect.flatMap(
      health(options),
      (found) => found.isReady ? Effect.succeed(found) : Effect.fail(unhealthy(found))
    )
  }

  return { health, requireHealthy }
}
