/**
 * Dedicated connections: for commands that need the state of a connection, and for optimistic transactions.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { Value } from "../commands/Call.ts"
import { type Command, ensured, named } from "../commands/Command.ts"
import type { Commands } from "../commands/Commands.ts"
import type { Surface } from "../commands/Surface.ts"
import { type ConflictError, isConflictError } from "../ConflictError.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import { type Batch, entriesOf, type Results, type Values } from "../routing/batches/BatchShape.ts"
import type { DedicatedConnection } from "../routing/dedicated/DedicatedSession.ts"
import { refuse } from "../routing/Rejections.ts"
import { Conflict } from "../routing/request/Conflict.ts"
import * as Tracing from "../routing/request/Tracing.ts"
import type { Router } from "../routing/Router.ts"
import * as Batches from "./Batches.ts"
import { type NodeSurface, view } from "./Surfaces.ts"

/**
 * The members of a client of one connection, whose commands can fail with `E` beside `RedisClusterException`. A command on a
 * connection that is lost fails with `ConnectionError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnConnection<E> {
  /** The address (`host:port`) of the node at the other end. */
  readonly address: string
  /** Runs a command value. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, E | RedisClusterException>
  /**
   * Runs a command value right behind `ASKING`, in one write: for a node that imports the slot of the command, as an
   * `AskError` names it.
   */
  readonly executeAsking: <A>(command: Command<A>) => Effect.Effect<A, E | RedisClusterException>
  /** Sends any command by name. */
  readonly send: (name: string, ...args: ReadonlyArray<Value>) => Effect.Effect<Reply, E | RedisClusterException>
  /** Runs commands side by side, for their values. */
  readonly pipeline: <const B extends Batch>(commands: B) => Effect.Effect<Values<B>, E | RedisClusterException>
  /** Runs commands side by side, for a `Result` of each entry. */
  readonly pipelineResults: Batches.BatchMembers["pipelineResults"]
  /**
   * Runs commands as one transaction, for their values. When a key that this connection watches was changed, nothing
   * is executed, and the effect fails with `ConflictError`.
   */
  readonly transaction: <const B extends Batch>(
    commands: B
  ) => Effect.Effect<Values<B>, ConflictError | RedisClusterException>
  /** Runs commands as one transaction, for a `Result` of each entry. Fails when the transaction was not executed. */
  readonly transactionResults: <const B extends Batch>(
    commands: B
  ) => Effect.Effect<Results<B>, ConflictError | RedisClusterException>
}

/**
 * A client of one connection that nobody else uses, made by `redis.dedicated`: it follows no redirects, makes no
 * retries, and opens no second socket when the connection is lost.
 *
 * **Details**
 *
 * It runs all commands, and also `WATCH`, `UNWATCH`, `READONLY`, `READWRITE`, `AUTH`, `SELECT`, `CLIENT TRACKING`,
 * `WAIT` and blocking commands.
 *
 * **Gotchas**
 *
 * Some commands fail with `OptionsError` before they are sent: `MULTI`, `EXEC` and `DISCARD` (use `transaction`),
 * `SUBSCRIBE` and its siblings, `CLIENT REPLY`, `MONITOR`, `REPLCONF`, `SCRIPT DEBUG`, `SYNC` and similar commands
 * (their replies cannot be told apart), `QUIT` and `RESET` (the connection ends with its scope).
 *
 * @category models
 * @since 0.1.0
 */
export interface DedicatedClient extends Commands<NodeSurface>, OwnConnection<never> {}

/** Methods of the client on a connection that watches keys. */
export interface WatchSurface extends Surface {
  readonly one: Effect.Effect<this["A"], ConflictError | RedisClusterException>
  readonly perNode: Effect.Effect<this["A"], ConflictError | RedisClusterException>
}

/**
 * The client of the connection that watches the keys of `redis.watch`. A command that a conflict has made impossible
 * fails with `ConflictError`, a read as well as the transaction. The connection goes back to the pool, so that
 * commands that change its state are refused.
 *
 * @category models
 * @since 0.1.0
 */
export interface WatchClient extends Commands<WatchSurface>, OwnConnection<ConflictError> {}

export interface DedicatedMembers {
  /**
   * Opens a dedicated connection to the owner of a key's slot, or to a node `{ host, port }`. It closes with the
   * scope.
   *
   * **When to use**
   *
   * Use it for commands that are about a connection: `WAIT`, `CLIENT TRACKING`, `AUTH` as another user. Blocking
   * commands do not need it: the client itself runs them on dedicated connections.
   *
   * **Details**
   *
   * It fails with `ConnectionError` or `TimeoutError` when the node cannot be reached or `maxDedicatedConnections` are in
   * use until `commandTimeout`, and with `UnknownNodeError` for an endpoint that is no node of the cluster. Errors of the
   * node come to the caller: `MovedError` when the slot has moved, for example. An interrupted blocking command is
   * released by the server, and the connection goes on.
   *
   * **Gotchas**
   *
   * When the connection is lost, its state is gone, and all later commands fail with `ConnectionError`: open a new
   * one. Each open connection counts against `maxDedicatedConnections` of its node.
   *
   * **Example** (A write that two replicas have)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * const save = Effect.scoped(Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const own = yield* redis.dedicated("order:1")
   *   yield* own.set("order:1", "paid")
   *   return yield* own.wait(2, "1 second")
   * }))
   * ```
   */
  readonly dedicated: (
    where: Argument | Endpoint
  ) => Effect.Effect<DedicatedClient, RedisClusterException, Scope.Scope>
  /**
   * Runs an optimistic transaction: watches keys of one slot on a dedicated connection, then runs `body`, which reads
   * with `tx` and ends with `tx.transaction([...])`.
   *
   * **When to use**
   *
   * Use it to change values that depend on their present values. Add `Effect.retry(onConflict)`.
   *
   * **Details**
   *
   * When a watched key was changed in between, when its slot moved, or when the connection was lost before EXEC was
   * sent, the effect fails with `ConflictError`: nothing was executed. When the connection was lost after EXEC was
   * sent, it fails with `ConnectionError` and the outcome `Unknown`, and nothing is repeated. Keys of different slots
   * fail with `CrossSlotError`. However the body ends, nothing is watched afterwards.
   *
   * **Gotchas**
   *
   * A write with `tx` outside of `tx.transaction` is executed at once, and counts as a change of its own watched key.
   * With `Effect.retry` the body runs again from its start: it should only read with `tx`, and commit. Let a
   * `ConflictError` pass through the body. `tx.pipeline` and `tx.transaction` take commands of builders
   * (`Strings.set`), because the methods of `tx` are plain effects.
   *
   * **Example** (Compare and set)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, onConflict, Strings } from "effect-redis-cluster"
   *
   * const double = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.watch("balance", (tx) =>
   *     Effect.gen(function*() {
   *       const balance = Number(yield* tx.get("balance"))
   *       yield* tx.transaction([Strings.set("balance", balance * 2)])
   *       return balance * 2
   *     })).pipe(Effect.retry(onConflict))
   * })
   * ```
   */
  readonly watch: <A, E, R>(
    keys: Argument | ReadonlyArray<Argument>,
    body: (tx: WatchClient) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | ConflictError | RedisClusterException, R>
}

/** Whether the keys are a list. `Array.isArray` does not narrow the type of a read-only list. */
const isList = (keys: Argument | ReadonlyArray<Argument>): keys is ReadonlyArray<Argument> => Array.isArray(keys)

const noBody = new OptionsError({
  message: "watch: the second argument has to be a function that gives an effect",
  outcome: "NotExecuted",
  command: "WATCH"
})

/**
 * The retry policy of optimistic transactions, for `Effect.retry(onConflict)`: it retries after a `ConflictError`
 * only, after 5 ms, doubling to 200 ms, jittered, at most 50 times.
 *
 * **Example** (Until nobody came between)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, onConflict, Strings } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.watch(["balance"], (tx) =>
 *     Effect.gen(function*() {
 *       const balance = Number(yield* tx.get("balance"))
 *       return yield* tx.transaction([Strings.set("balance", String(balance + 1))])
 *     })).pipe(Effect.retry(onConflict))
 * })
 * ```
 *
 * @category retrying
 * @since 0.1.0
 */
export const onConflict: {
  readonly while: (error: unknown) => boolean
  readonly schedule: Schedule.Schedule<unknown>
  readonly times: number
} = {
  while: isConflictError,
  schedule: Schedule.min([Schedule.exponential("5 millis"), Schedule.spaced("200 millis")]).pipe(Schedule.jittered),
  times: 50
}

const toldOf = (error: RedisClusterException): ConflictError | RedisClusterException =>
  error instanceof Conflict ? error.conflict : error

/** An entry that met a conflict makes one of its pipeline, unless another entry may have written something. */
const toldOfPipeline = (batch: Batch) => (error: RedisClusterException): ConflictError | RedisClusterException => {
  const { outcome, reason } = error
  if (reason._tag !== "PipelineError" || !(reason.cause instanceof Conflict)) return error
  const isReading = entriesOf(batch).every(({ spec }) => spec.readonly)
  return outcome === "NotExecuted" || isReading ? reason.cause.conflict : error
}

export const make = (router: Router["Service"]): DedicatedMembers => {
  const dedicatedClient = (session: DedicatedConnection): DedicatedClient => {
    const { pipeline, pipelineResults, transaction, transactionResults } = Batches.make(session.batches)
    const execute = <A>(command: Command<A>) => session.execute(ensured(command))
    const own: OwnConnection<never> = {
      address: addressOf(session.endpoint),
      execute,
      executeAsking: (command) => session.executeAsking(ensured(command)),
      send: (name, ...args) => execute(named(name, ...args)),
      pipeline,
      pipelineResults,
      transaction: (batch) => Effect.mapError(transaction(batch), toldOf),
      transactionResults: (batch) => Effect.mapError(transactionResults(batch), toldOf)
    }
    return Object.assign(view<NodeSurface>(execute), own)
  }

  const watchClient = (session: DedicatedConnection): WatchClient => {
    const own = dedicatedClient(session)
    const execute = <A>(command: Command<A>) => Effect.mapError(own.execute(command), toldOf)
    const watching: OwnConnection<ConflictError> = {
      address: own.address,
      execute,
      executeAsking: (command) => Effect.mapError(own.executeAsking(command), toldOf),
      send: (name, ...args) => Effect.mapError(own.send(name, ...args), toldOf),
      pipeline: (batch) => Effect.mapError(own.pipeline(batch), toldOfPipeline(batch)),
      pipelineResults: own.pipelineResults,
      transaction: own.transaction,
      transactionResults: own.transactionResults
    }
    return Object.assign(view<WatchSurface>(execute), watching)
  }

  return {
    dedicated: (where) => Effect.map(router.dedicated(where), dedicatedClient),
    watch: (keys, body) => {
      if (typeof body !== "function") return refuse(noBody)
      const list = isList(keys) ? keys : [keys]
      return Tracing.operation(
        "redis.watch",
        () =>
          Effect.scopedWith((scope) =>
            Effect.flatMap(Scope.provide(router.watch(list), scope), (session) => body(watchClient(session)))
          )
      )
    }
  }
}
