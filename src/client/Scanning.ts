/**
 * Keys of the whole cluster, and elements of large values, as streams.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { isUtf8 } from "node:buffer"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { Cluster } from "../commands/Cluster.ts"
import { type Bytes, Command } from "../commands/Command.ts"
import { arrayOf, DecodeFailure, type Decoder, parsed, unexpected } from "../commands/decode.ts"
import { Generic, type KeyScanOptions } from "../commands/Generic.ts"
import { Hashes } from "../commands/Hashes.ts"
import type { Exact, When } from "../commands/Options.ts"
import { type ScanOptions, type ScanPage, scanPage } from "../commands/scan.ts"
import { Sets } from "../commands/Sets.ts"
import { type ScoredMember, SortedSets } from "../commands/SortedSets.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import type { Argument } from "../protocol/Reply.ts"
import { utf8Of } from "../protocol/text.ts"
import {
  DecodeError,
  exception,
  OptionsError,
  type RedisClusterException,
  SlotNotCoveredError,
  TimeoutError
} from "../RedisClusterException.ts"
import type { Target } from "../routing/nodes/Target.ts"
import { mayPass } from "../routing/request/Recovery.ts"
import * as Tracing from "../routing/request/Tracing.ts"
import type { Located, Router } from "../routing/Router.ts"
import type { Topology } from "../topology/Topology.ts"
import { type Pass, ScanPlan } from "./ScanPlan.ts"

/**
 * The progress of a scan of the cluster, for the option `onProgress` of `scanStream`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScanProgress {
  /** The number of slots that are done. It grows in large steps, whenever a node has been scanned to its end. */
  readonly slots: number
  /** The number of all slots: 16384. */
  readonly total: number
  /** The number of keys that the stream has given so far. */
  readonly keys: number
}

/** Options of `hscanStream`, `sscanStream` and `zscanStream`. */
export interface ElementScanOptions extends ScanOptions {
  /** Whether fields, values and members are bytes, for data that is not UTF-8. Default: `false`. */
  readonly bytes?: boolean | undefined
}

/**
 * Options of `scanStream`: the keys, the nodes, and the pace.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScanStreamOptions extends KeyScanOptions {
  /** Whether the keys are bytes, for keys that are not UTF-8. Default: `false`. */
  readonly bytes?: boolean | undefined
  /**
   * The nodes to scan in place of the whole cluster, each for the keys that it holds itself: `"replicas"`, or a node. They are those that
   * the target means when the stream begins; one that fails ends the stream. Default: all primaries.
   */
  readonly on?: Target | undefined
  /** The greatest number of nodes that are scanned at a time. Default: 4. */
  readonly concurrency?: number | undefined
  /**
   * The time for which the scan goes on trying while the slots that are left cannot be scanned: their primary is down,
   * no node owns them, or they keep moving. A bare number is milliseconds. Default: 30 seconds.
   */
  readonly patience?: Duration.Input | undefined
  /** The effect that runs after each page. Default: none. */
  readonly onProgress?: ((progress: ScanProgress) => Effect.Effect<void>) | undefined
}

/** Options of `scanStream` on a target, or on one node. */
export interface NodeScanOptions
  extends Pick<ScanStreamOptions, "match" | "count" | "type" | "bytes" | "concurrency">
{}

/** An element that a scan finds: text, or bytes with the option `bytes`. */
export type Scanned<O, Text> = When<O, "bytes", Bytes<Text>, Text>

/** A scan of the keys that each node of a target holds itself, or that one node holds. */
export type ScanNodes = <const O extends NodeScanOptions = {}>(
  options?: Exact<O, NodeScanOptions>
) => Stream.Stream<Scanned<O, string>, RedisClusterException>

export interface ScanMembers extends ElementScanMembers {
  /**
   * A stream of the keys of the whole cluster, from all primaries. A page of a node is a chunk of the stream, and the next
   * page is asked for when it is wanted.
   *
   * **When to use**
   *
   * Use it for all keys, or those of a pattern or a type. For the elements of one large value there are `hscanStream`,
   * `sscanStream` and `zscanStream`.
   *
   * **Details**
   *
   * Each key that exists from beginning to end comes at least once, also while nodes fail over, restart, join and leave
   * and slots migrate. `count` is the work of the server for one page, as a number of keys (default: 1000).
   *
   * It fails with an `OptionsError` for bad options; with a `TimeoutError` or `SlotNotCoveredError` when slots that are
   * left could not be scanned for as long as `patience`; with a `ReplyError` if the user may not run `SCAN` or
   * `CLUSTER NODES`; with a `DecodeError` for a key that is not UTF-8, unless `bytes` is set.
   *
   * **Gotchas**
   *
   * A key may come twice when a slot moves or a server resizes its table of keys. Keys that are made or deleted meanwhile
   * may come or not. The servers go through all keys, also for a `match` that few keys fit.
   *
   * **Example** (Deleting the keys of a feature)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * const cleanUp = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.scanStream({ match: "old-feature:*" }).pipe(
   *     Stream.mapArrayEffect((keys) => Effect.as(redis.unlinkNonatomic(keys), keys)),
   *     Stream.runDrain
   *   )
   * })
   * ```
   */
  readonly scanStream: <const O extends ScanStreamOptions = {}>(
    options?: Exact<O, ScanStreamOptions>
  ) => Stream.Stream<Scanned<O, string>, RedisClusterException>
}

/** Scans of the elements of one value. */
export interface ElementScanMembers {
  /**
   * A stream of the fields of a hash with their values. A hash that does not exist has none. It fails with `OptionsError`
   * for bad options, and otherwise like the command HSCAN: with a `ReplyError` for a key of another type.
   *
   * **Gotchas**
   *
   * Each field that exists from beginning to end comes at least once, also when the key moves to another node meanwhile:
   * the stream then begins again, and fields come twice.
   *
   * **Example** (The adults)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const adults = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.hscanStream("ages").pipe(
   *     Stream.filter(([, age]) => Number(age) >= 18),
   *     Stream.map(([name]) => name),
   *     Stream.runCollect
   *   )
   * })
   * ```
   */
  readonly hscanStream: <const O extends ElementScanOptions = {}>(
    key: Argument,
    options?: Exact<O, ElementScanOptions>
  ) => Stream.Stream<Scanned<O, readonly [field: string, value: string]>, RedisClusterException>
  /**
   * A stream of the members of a set. A set that does not exist has none. It fails with `OptionsError` for bad options,
   * and otherwise like the command SSCAN: with a `ReplyError` for a key of another type.
   *
   * **Gotchas**
   *
   * Each member that exists from beginning to end comes at least once, also when the key moves to another node meanwhile:
   * the stream then begins again, and members come twice.
   *
   * **Example** (Members with a prefix)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const count = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* Stream.runCount(redis.sscanStream("members", { match: "a*" }))
   * })
   * ```
   */
  readonly sscanStream: <const O extends ElementScanOptions = {}>(
    key: Argument,
    options?: Exact<O, ElementScanOptions>
  ) => Stream.Stream<Scanned<O, string>, RedisClusterException>
  /**
   * A stream of the members of a sorted set with their scores, in no order. A sorted set that does not exist has none. It
   * fails with `OptionsError` for bad options, and otherwise like the command ZSCAN: with a `ReplyError` for a key of
   * another type.
   *
   * **Gotchas**
   *
   * Each member that exists from beginning to end comes at least once, also when the key moves to another node meanwhile:
   * the stream then begins again, and members come twice.
   *
   * **Example** (Those with more than 100 points)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * export const best = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.zscanStream("scores").pipe(
   *     Stream.filter(([, score]) => score > 100),
   *     Stream.runCollect
   *   )
   * })
   * ```
   */
  readonly zscanStream: <const O extends ElementScanOptions = {}>(
    key: Argument,
    options?: Exact<O, ElementScanOptions>
  ) => Stream.Stream<Scanned<O, ScoredMember>, RedisClusterException>
}

/** The default of `count`: a page then takes some hundred microseconds of the server's time. */
const pageSize = 1000
const defaultConcurrency = 4
const defaultPatience = 30_000
/** The pause between two attempts at slots that could not be scanned, in milliseconds. */
const pause = 100

const invalid = (command: string, message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted", command }))

const sameSocket = (one: Located<unknown>, other: Located<unknown>): boolean =>
  one.connection === other.connection && one.socket === other.socket

// -----------------------------------------------------------------------------
// Keys
// -----------------------------------------------------------------------------

const rawBytes: Decoder<Uint8Array> = (reply) => reply instanceof Uint8Array ? reply : unexpected("bytes", reply)

const keysPage = scanPage(arrayOf(rawBytes))

/** One page of keys, as bytes: from text the slot of a key that is not UTF-8 would be wrong. */
const scan = (cursor: string, { count = pageSize, match, type }: ScanStreamOptions): Command<ScanPage<Uint8Array>> => {
  const { args, settings, spec } = Generic.scan(cursor, { count, match, type })
  return new Command(spec, args, keysPage, { ...settings, binary: true })
}

/** Whether a line (`id address flags ...`) has the flag `myself`. */
const isOwn = (line: string): boolean => /^\S+ \S+ (?:\S+,)?myself\b/.test(line)

/** A node's own line of `CLUSTER NODES`. */
const ownLine: Command<string> = new Command(
  Cluster.clusterNodes().spec,
  [],
  parsed((text) => text.split("\n").find(isOwn) ?? new DecodeFailure("expected a line about the node itself"))
)

const notText = exception(() =>
  new DecodeError({
    message: "there is a key that is not UTF-8: scan with the option bytes: true",
    outcome: "Executed",
    command: "SCAN"
  })
)

const textsOf = (
  keys: Arr.NonEmptyReadonlyArray<Uint8Array>
): Effect.Effect<Arr.NonEmptyReadonlyArray<string>, RedisClusterException> =>
  keys.every((key) => isUtf8(key)) ? Effect.succeed(Arr.map(keys, utf8Of)) : Effect.fail(notText)

interface Position {
  readonly pass: Pass
  /** The answer with which the pass began. */
  readonly begun: Located<unknown>
  readonly cursor: string
}

/** The scan of a cluster: its plan and its progress. */
class Scan {
  readonly plan = new ScanPlan()
  readonly options: ScanStreamOptions
  private readonly router: Router["Service"]
  private readonly topology: Topology["Service"]
  private readonly patience: number
  private keys = 0
  private rounds = 0
  private doneBefore = 0
  /** The time since when no round has finished a slot. */
  private fruitlessSince: number | undefined
  private lastFailure: RedisClusterException | undefined

  constructor(
    router: Router["Service"],
    topology: Topology["Service"],
    options: ScanStreamOptions,
    patience: number
  ) {
    this.router = router
    this.topology = topology
    this.options = options
    this.patience = patience
  }

  /** The nodes to scan next; `undefined` when every slot is done. */
  nextRound(): Effect.Effect<ReadonlyArray<ClusterNode> | undefined, RedisClusterException> {
    return Effect.gen({ self: this }, function*() {
      for (;;) {
        if (this.plan.isComplete) return undefined
        // All rounds but the first are for slots that earlier rounds did not finish.
        if (this.rounds++ > 0 && this.plan.done === this.doneBefore) yield* this.waitForChange()
        else this.fruitlessSince = undefined
        this.doneBefore = this.plan.done
        const nodes = this.plan.nodes(this.topology.current())
        if (nodes.length > 0) return nodes
      }
    })
  }

  private waitForChange(): Effect.Effect<void, RedisClusterException> {
    return Clock.clockWith((clock) => {
      const now = monotonicMillis(clock)
      this.fruitlessSince ??= now
      if (now - this.fruitlessSince >= this.patience) return Effect.fail(this.exhausted())
      this.topology.requestRefresh()
      return Effect.sleep(pause)
    })
  }

  private exhausted(): RedisClusterException {
    const left = HashSlot.slotCount - this.plan.done
    const uncovered = this.plan.uncovered(this.topology.current())
    const context = { outcome: "NotExecuted", command: "SCAN" } as const
    const why = this.lastFailure === undefined ? "" : `; the last failure: ${this.lastFailure.message}`
    return exception(() =>
      uncovered === undefined
        ? new TimeoutError({
          ...context,
          message:
            `${left} of ${HashSlot.slotCount} slots could not be scanned for ${this.patience} ms: their nodes did ` +
            `not answer, or they kept moving; scan again, or give more patience${why}`,
          timeout: this.patience,
          waitingFor: "reply"
        })
        : new SlotNotCoveredError({
          ...context,
          message:
            `${left} of ${HashSlot.slotCount} slots could not be scanned for ${this.patience} ms: slot ${uncovered} ` +
            `has no owner${why}`,
          slot: uncovered
        })
    )
  }

  /** One pass over a node, page by page. It ends early when the node fails, or has no open slots any more. */
  pass(node: ClusterNode): Stream.Stream<Uint8Array, RedisClusterException> {
    return Stream.paginate<Position | undefined, Uint8Array, RedisClusterException>(
      undefined,
      (position) =>
        Effect.catch(this.page(node, position), (error) => {
          if (!this.mayPass(error, node)) return Effect.fail(error)
          this.lastFailure = error
          return Effect.succeed([[], Option.none()] as const)
        })
    )
  }

  /** Whether time or another node may end the failure. */
  private mayPass(error: RedisClusterException, node: ClusterNode): boolean {
    const { _tag } = error.reason
    if (_tag === "UnknownNodeError") return true
    // The error of a node that has left, unless the client itself is closed.
    if (_tag === "ClosedError") return this.topology.current().nodes.get(node.address) !== node
    return mayPass(error)
  }

  /** Asks the node who it is: a question of the client itself, which makes no span. */
  private ownLineOf(node: ClusterNode): Effect.Effect<Located<string>, RedisClusterException> {
    const ask = this.router.executeWithSocket(ownLine, node)
    return Effect.suspend(() => Tracing.look() === undefined ? ask : Effect.withTracerEnabled(ask, false))
  }

  private page(
    node: ClusterNode,
    position: Position | undefined
  ): Effect.Effect<readonly [ReadonlyArray<Uint8Array>, Option.Option<Position>], RedisClusterException> {
    return Effect.gen({ self: this }, function*() {
      const { begun, cursor, pass } = position ?? (yield* this.begin(node))
      if (pass.isEmpty) return [[], Option.none()]
      // Both commands go in one write: the line that the node gives right after the page holds for the page.
      const [page, line] = yield* Effect.all([
        this.router.executeWithSocket(scan(cursor, this.options), node),
        this.ownLineOf(node)
      ], { concurrency: "unbounded" })
      // Another socket may lead to another process, for which the cursor has no meaning.
      if (!sameSocket(begun, line) || !sameSocket(begun, page)) return [[], Option.none()]
      this.plan.observe(pass, line.value)
      const keys = page.value.items.filter((key) => pass.covers(HashSlot.ofKey(key)))
      this.keys += keys.length
      const isLast = page.value.cursor === "0"
      if (isLast) this.plan.finish(pass)
      if (this.options.onProgress !== undefined) yield* this.options.onProgress(this.progress)
      return [keys, isLast ? Option.none() : Option.some({ pass, begun, cursor: page.value.cursor })]
    })
  }

  private begin(node: ClusterNode): Effect.Effect<Position, RedisClusterException> {
    return Effect.map(
      this.ownLineOf(node),
      (begun) => ({ pass: this.plan.begin(begun.value), begun, cursor: "0" })
    )
  }

  private get progress(): ScanProgress {
    return { slots: this.plan.done, total: HashSlot.slotCount, keys: this.keys }
  }
}

const optionChecks: checks.Checks<ScanStreamOptions> = {
  match: checks.argument,
  count: checks.integer(1),
  type: checks.text,
  bytes: checks.boolean,
  on: checks.anything,
  concurrency: checks.integer(1),
  patience: checks.duration(0),
  onProgress: checks.func
}

const problemOf = (options: ScanStreamOptions): string | undefined => {
  const problems = [...checks.problemsOf(options, optionChecks)]
  if (problems.length === 0 && options.on !== undefined) {
    for (const name of ["patience", "onProgress"] as const) {
      if (options[name] !== undefined) {
        problems.push(`${name} belongs to a scan of the whole cluster, without the option on`)
      }
    }
  }
  return problems.length === 0 ? undefined : problems.join("; ")
}

/** Each node of the target for the keys that it holds itself. */
const scanNodes = (
  router: Router["Service"],
  target: Target,
  options: ScanStreamOptions
): Stream.Stream<Uint8Array, RedisClusterException> =>
  Stream.unwrap(Effect.map(router.nodesOf(target), (nodes) =>
    Stream.flatMap(
      Stream.fromIterable(nodes),
      (node) => elements(router, (cursor) => scan(cursor, options), node),
      { concurrency: options.concurrency ?? defaultConcurrency, bufferSize: 1 }
    )))

const scanBytes = (
  router: Router["Service"],
  topology: Topology["Service"],
  options: ScanStreamOptions
): Stream.Stream<Uint8Array, RedisClusterException> =>
  Stream.suspend(() => {
    const problem = problemOf(options)
    if (problem !== undefined) return Stream.fail(invalid("SCAN", `scanStream: ${problem}`))
    if (options.on !== undefined) return scanNodes(router, options.on, options)
    const concurrency = options.concurrency ?? defaultConcurrency
    const patience = options.patience === undefined ? defaultPatience : millisOf(options.patience)
    const run = new Scan(router, topology, options, patience)
    const rounds = Stream.unfold(
      undefined,
      () => Effect.map(run.nextRound(), (nodes) => nodes === undefined ? undefined : [nodes, undefined] as const)
    )
    return Stream.flatMap(
      rounds,
      (nodes) => Stream.flatMap(Stream.fromIterable(nodes), (node) => run.pass(node), { concurrency, bufferSize: 1 })
    )
  })

// -----------------------------------------------------------------------------
// Elements of a value
// -----------------------------------------------------------------------------

interface Reached {
  readonly cursor: string
  /** The answer with which the cursor came. */
  readonly answer: Located<unknown>
}

/**
 * The elements of a value, page by page. A cursor of another server process has no meaning: the scan then begins
 * again, at the given node or at the present node of the key.
 */
const elements = <A>(
  router: Router["Service"],
  step: (cursor: string) => Command<ScanPage<A>>,
  node?: ClusterNode
): Stream.Stream<A, RedisClusterException> => {
  const page = (
    reached: Reached | undefined
  ): Effect.Effect<readonly [ReadonlyArray<A>, Option.Option<Reached | undefined>], RedisClusterException> =>
    Effect.map(router.executeWithSocket(step(reached?.cursor ?? "0"), node), (answer) => {
      if (reached !== undefined && !sameSocket(reached.answer, answer)) return [[], Option.some(undefined)]
      const { cursor, items } = answer.value
      return [items, cursor === "0" ? Option.none() : Option.some({ cursor, answer })]
    })
  return Stream.paginate<Reached | undefined, A, RedisClusterException>(undefined, page)
}

const elementChecks: checks.Checks<ElementScanOptions> = {
  match: checks.argument,
  count: checks.integer(1),
  bytes: checks.boolean
}

/** The type of the elements follows the option `bytes`. */
const elementsOf = <A>(
  router: Router["Service"],
  given: ElementScanOptions | undefined,
  step: (cursor: string, options: ScanOptions) => Command<ScanPage<A>>,
  node: ClusterNode | undefined
): Stream.Stream<never, RedisClusterException> => {
  const problem = checks.problemOf(given ?? {}, elementChecks)
  if (problem !== undefined) {
    const { spec } = step("0", {})
    return Stream.fail(invalid(spec.name, `${spec.name.toLowerCase()}Stream: ${problem}`))
  }
  const { bytes, ...options } = given ?? {}
  const page = { ...options, count: options.count ?? pageSize }
  const all = elements(router, (cursor) => {
    const { args, decode, settings, spec } = step(cursor, page)
    return new Command(spec, args, decode, { ...settings, binary: bytes === true })
  }, node)
  return Tracing.streamOperation("redis.scan", all) as Stream.Stream<never, RedisClusterException>
}

const keysOf = (
  keys: Stream.Stream<Uint8Array, RedisClusterException>,
  options: { readonly bytes?: boolean | undefined }
) =>
  // The type of the keys follows the option.
  (options?.bytes === true ? keys : Stream.mapArrayEffect(keys, textsOf)) as Stream.Stream<never, RedisClusterException>

/**
 * Scans of elements: where their key is, or at a node.
 *
 * @internal
 */
export const ofElements = (router: Router["Service"], node?: ClusterNode): ElementScanMembers => ({
  hscanStream: (key, options) => elementsOf(router, options, (cursor, page) => Hashes.hscan(key, cursor, page), node),
  sscanStream: (key, options) => elementsOf(router, options, (cursor, page) => Sets.sscan(key, cursor, page), node),
  zscanStream: (key, options) =>
    elementsOf(router, options, (cursor, page) => SortedSets.zscan(key, cursor, page), node)
})

/**
 * A scan of the nodes of a target.
 *
 * @internal
 */
export const ofTarget =
  (router: Router["Service"], topology: Topology["Service"], target: Target): ScanNodes =>
  (options: NodeScanOptions = {}) => keysOf(scanBytes(router, topology, { ...options, on: target }), options)

export const make = (router: Router["Service"], topology: Topology["Service"]): ScanMembers => ({
  scanStream: (options: ScanStreamOptions = {}) =>
    keysOf(Tracing.streamOperation("redis.scan", scanBytes(router, topology, options)), options),
  ...ofElements(router)
})
