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
import { CachedReads, type Plain } from "./cached/CachedReads.ts"
import type { DedicatedConnection } from "./dedicated/DedicatedSession.ts"
import * as Router from "./Router.ts"

/** The commands without keys that may change any key. */
const changesAll = new Set(["FLUSHALL", "FLUSHDB", "CLUSTER FLUSHSLOTS", "CLUSTER RESET", "CLUSTER DELSLOTS", "DEBUG"])

const isCached = ({ settings }: Command<unknown>): boolean => settings.cached !== undefined

/** The values of a pipeline, or its error. */
const valuesOf = (
  commands: ReadonlyArray<Command<unknown>>,
  outcomes: Outcomes
): Effect.Effect<ReadonlyArray<unknown>, RedisClusterException> => {
  const failures = new Map<number, RedisClusterException>()
  const values = outcomes.map((outcome, i) => {
    if (Result.isSuccess(outcome)) return outcome.success
    failures.set(i, outcome.failure)
    return undefined
  })
  return failures.size === 0 ? Effect.succeed(values) : Effect.fail(pipelineFailure(commands, failures, 0))
}

class CachedRouter {
  private readonly reads: CachedReads

  constructor(reads: CachedReads) {
    this.reads = reads
  }

  around(router: Router.RouterShape): Router.RouterShape {
    const plain: Plain = (command) => router.execute(command)
    return {
      ...this.mixing(router),
      // The results are those of the router.
      execute: ((command: Command<unknown>) => {
        const { cached } = command.settings
        return cached === undefined
          ? this.noting(command, router.execute(command))
          : this.reads.read(command, cached, plain)
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
    return {
      pipeline: (commands, order) => this.notingAll(commands, batches.pipeline(commands, order)),
      pipelineResults: (commands, order) => this.notingAll(commands, batches.pipelineResults(commands, order)),
      transaction: (commands) => this.notingAll(commands, batches.transaction(commands))
    }
  }

  /** Batches whose cached entries the cache may answer. */
  private mixing(router: Router.RouterShape): Batching {
    const plain = this.batches(router)
    return {
      // The parts of a stream keep their order.
      pipelineResults: (commands, order) =>
        order === undefined && commands.some(isCached)
          ? this.mixed(router, plain, commands)
          : plain.pipelineResults(commands, order),
      pipeline: (commands, order) =>
        // A pipeline with an entry that cannot be sent sends nothing.
        order === undefined && commands.some(isCached) && commands.every(Router.fitsBatch)
          ? Effect.flatMap(this.mixed(router, plain, commands), (outcomes) => valuesOf(commands, outcomes))
          : plain.pipeline(commands, order),
      transaction: plain.transaction
    }
  }

  /**
   * Runs a pipeline without the entries that the cache answers. An entry whose key the pipeline itself writes stays in
   * its place.
   */
  private mixed(
    router: Router.RouterShape,
    batches: Batching,
    commands: ReadonlyArray<Command<unknown>>
  ): Effect.Effect<Outcomes> {
    return Effect.suspend(() => {
      const written = new Set(commands.flatMap((command) => command.spec.readonly ? [] : keysOf(command)))
      const outcomes = new Array<Outcomes[number]>(commands.length)
      const rest: Array<number> = []
      const misses: Array<Effect.Effect<void>> = []
      commands.forEach((command, i) => {
        const { cached } = command.settings
        if (cached === undefined || keysOf(command).some((key) => written.has(key))) {
          rest.push(i)
          return
        }
        const answer = this.reads.answer(command, cached)
        if (answer !== undefined) outcomes[i] = answer
        else {
          const read = this.reads.read(command, cached, (plain) => router.execute(plain))
          misses.push(Effect.map(Effect.result(read), (outcome) => void (outcomes[i] = outcome)))
        }
      })
      const others = rest.length === 0
        ? Effect.void
        : Effect.map(batches.pipelineResults(rest.map((i) => commands[i])), (found) => {
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
    return command.spec.readonly ? run : this.notingAll([command], run)
  }

  private notingAll<A, E>(commands: ReadonlyArray<Command<unknown>>, run: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const writes = commands.filter(({ spec }) => !spec.readonly)
    if (writes.length === 0) return run
    return Effect.suspend(() => {
      const { cache } = this.reads
      const keys = writes.flatMap(keysOf)
      const isWhole = writes.some(({ spec }) => changesAll.has(spec.name))
      let isOut = false
      const begun = Effect.suspend(() => {
        isOut = true
        if (isWhole) cache.writingAll()
        cache.writing(keys)
        return run
      })
      const ended = Effect.sync(() => {
        if (!isOut) return
        isOut = false
        if (isWhole) cache.writtenAll()
        cache.written(keys)
      })
      return Effect.onExit(begun, () => ended)
    })
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
  return Router.Router.of(new CachedRouter(reads).around(Router.over(parts)))
})

/** The router of a client: with a cache in front of it, if the options ask for one. */
export const layer = (options: ResolvedOptions): Layer.Layer<Router.Router, never, Connections | Topology> =>
  options.cache === undefined ? Router.layer(options) : Layer.effect(Router.Router, make(options, options.cache))
