/**
 * A router whose cached commands may be answered by the cache of the client, and whose other commands keep the cache
 * from answering what they change.
 *
 * It stands in front of the router of a client with a cache. A client without one has nothing to ask.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { keysOf } from "../caching/keyOf.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Command } from "../commands/Command.ts"
import { Connections } from "../connection/Connections.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { Topology } from "../topology/Topology.ts"
import { pipelineFailure } from "./batches/BatchShape.ts"
import type { Outcomes } from "./batches/Collect.ts"
import type { Batching } from "./batches/Pipeline.ts"
import type { PipelineOrder } from "./batches/PipelineOrder.ts"
import { CachedReads, type Plain } from "./cached/CachedReads.ts"
import { CachedWrites } from "./cached/CachedWrites.ts"
import type { DedicatedConnection } from "./dedicated/DedicatedSession.ts"
import * as Router from "./Router.ts"

const isCached = ({ settings }: Command<unknown>): boolean => settings.cached !== undefined

/** The values of a pipeline whose first entry has the position `base`, or its error. */
const valuesOf = (
  commands: ReadonlyArray<Command<unknown>>,
  outcomes: Outcomes,
  base: number
): Effect.Effect<ReadonlyArray<unknown>, RedisClusterException> => {
  const failures = new Map<number, RedisClusterException>()
  const values = outcomes.map((outcome, i) => {
    if (Result.isSuccess(outcome)) return outcome.success
    failures.set(i, outcome.failure)
    return undefined
  })
  return failures.size === 0 ? Effect.succeed(values) : Effect.fail(pipelineFailure(commands, failures, base))
}

class CachedRouter {
  private readonly reads: CachedReads
  private readonly writes: CachedWrites<unknown>

  constructor(reads: CachedReads, writes: CachedWrites<unknown>) {
    this.reads = reads
    this.writes = writes
  }

  around(router: Router.RouterShape): Router.RouterShape {
    const plain: Plain = (command) => router.execute(command)
    return {
      ...this.mixing(router),
      // The results are those of the router.
      execute: ((command: Command<unknown>) => {
        const { cached } = command.settings
        if (cached !== undefined) return this.reads.read(command, cached, plain)
        return command.spec.readonly ? router.execute(command) : this.writes.execute(command, plain)
      }) as Router.Execute,
      onTarget: (command, target) => this.noting(command, router.onTarget(command, target)),
      onTargetResults: (command, target) => this.noting(command, router.onTargetResults(command, target)),
      onNode: (command, node) => this.noting(command, router.onNode(command, node)),
      batchesOn: (node) => this.batches(router.batchesOn(node)),
      nodesOf: router.nodesOf,
      executeWithSocket: (command, node) => this.noting(command, router.executeWithSocket(command, node)),
      dedicated: (where) => Effect.map(router.dedicated(where), (connection) => this.connection(connection)),
      watch: (keys) => Effect.map(router.watch(keys), (connection) => this.connection(connection)),
      reading: (policy) => this.around(router.reading(policy)),
      setReadFrom: router.setReadFrom,
      readFrom: router.readFrom,
      readStatistics: router.readStatistics,
      cacheStatistics: () => this.reads.cache.statistics.with(this.reads.cache.store),
      statistics: router.statistics,
      region: router.region,
      timeoutOf: router.timeoutOf
    }
  }

  private batches(batches: Batching): Batching {
    const { writes } = this
    return {
      pipeline: (commands, order) => writes.noting(commands, batches.pipeline(commands, order)),
      pipelineResults: (commands, order) => writes.noting(commands, batches.pipelineResults(commands, order)),
      transaction: (commands) => writes.noting(commands, batches.transaction(commands))
    }
  }

  /** Batches whose cached entries the cache may answer. */
  private mixing(router: Router.RouterShape): Batching {
    const plain = this.batches(router)
    return {
      pipelineResults: (commands, order) =>
        commands.some(isCached) ? this.mixed(router, plain, commands, order) : plain.pipelineResults(commands, order),
      pipeline: (commands, order) =>
        // A pipeline with an entry that cannot be sent sends nothing.
        commands.some(isCached) && commands.every(Router.fitsBatch)
          ? Effect.suspend(() => {
            const base = order?.length ?? 0
            return Effect.flatMap(
              this.mixed(router, plain, commands, order),
              (outcomes) => valuesOf(commands, outcomes, base)
            )
          })
          : plain.pipeline(commands, order),
      transaction: plain.transaction
    }
  }

  /**
   * Runs a pipeline without the entries that the cache answers, and those that it reads. An entry whose key the pipeline
   * itself writes, or whose key is being written, stays in its place.
   */
  private mixed(
    router: Router.RouterShape,
    batches: Batching,
    commands: ReadonlyArray<Command<unknown>>,
    order: PipelineOrder | undefined
  ): Effect.Effect<Outcomes> {
    return Effect.suspend(() => {
      const { reads } = this
      const plain: Plain = (command) => router.execute(command)
      const written = new Set(commands.flatMap((command) => command.spec.readonly ? [] : keysOf(command)))
      const outcomes = new Array<Outcomes[number]>(commands.length)
      const rest: Array<number> = []
      const misses: Array<Effect.Effect<void>> = []
      commands.forEach((command, i) => {
        const { cached } = command.settings
        const keys = cached === undefined ? [] : keysOf(command)
        if (cached === undefined || keys.some((key) => written.has(key)) || reads.cache.isWritten(keys)) {
          rest.push(i)
          return
        }
        const answer = reads.answer(command, cached)
        if (answer !== undefined) outcomes[i] = answer
        else {
          const read = reads.read(command, cached, plain)
          misses.push(Effect.map(Effect.result(read), (outcome) => void (outcomes[i] = outcome)))
        }
      })
      order?.skip(commands.length - rest.length)
      if (rest.length === 0 && misses.length === 0) return Effect.succeed(outcomes)
      const others = rest.length === 0
        ? Effect.void
        : Effect.map(batches.pipelineResults(rest.map((i) => commands[i]), order), (found) => {
          found.forEach((outcome, at) => (outcomes[rest[at]] = outcome))
        })
      return Effect.as(Effect.all([others, ...misses], { concurrency: "unbounded", discard: true }), outcomes)
    })
  }

  private connection(connection: DedicatedConnection): DedicatedConnection {
    return {
      endpoint: connection.endpoint,
      execute: (command) => this.noting(command, connection.execute(command)),
      executeAsking: (command) => this.noting(command, connection.executeAsking(command)),
      batches: this.batches(connection.batches)
    }
  }

  /** Runs a command, and keeps the cache from answering what it changes until its end. */
  private noting<A, E>(command: Command<unknown>, run: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return command.spec.readonly ? run : this.writes.noting([command], run)
  }
}

/** A router with a cache in front of it. */
const make = Effect.fnUntraced(function*(
  options: ResolvedOptions,
  cache: NonNullable<ResolvedOptions["cache"]>
) {
  const connections = yield* Connections
  const topology = yield* Topology
  const parts = yield* Router.makeParts(options)
  const reads = new CachedReads({
    options: cache,
    longestAbsence: options.pingAfter + options.pingTimeout,
    dispatcher: parts.dispatcher,
    clock: yield* Clock.Clock,
    runFork: yield* FiberSet.makeRuntime<never>()
  })
  const stops = [connections.onPush(reads.onPush), topology.onChange(reads.onTopology)]
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const stop of stops) stop()
      reads.close()
    })
  )
  return Router.Router.of(
    new CachedRouter(reads, new CachedWrites(reads.cache, parts.dispatcher)).around(Router.over(parts))
  )
})

/** The router of a client: with a cache in front of it, if the options ask for one. */
export const layer = (options: ResolvedOptions): Layer.Layer<Router.Router, never, Connections | Topology> =>
  options.cache === undefined ? Router.layer(options) : Layer.effect(Router.Router, make(options, options.cache))
