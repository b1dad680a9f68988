/**
 * A router that passes every command through a function first: for namespaces, auditing, faults in tests.
 */
import * as Effect from "effect/Effect"
import { Command, isCommand, rejected } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { allKeys } from "../commands/keys.ts"
import type { Argument } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { Batching } from "./batches/Pipeline.ts"
import type { DedicatedConnection } from "./dedicated/DedicatedSession.ts"
import type { Execute, RouterShape } from "./Router.ts"

/**
 * A function that every command passes before it is sent. It can change the arguments and settings of a command, not
 * the type of its result.
 */
export type MapCommand = <A, M>(command: Command<A, M>) => Command<A, M>

/** Fails a command whose function throws, or returns something that is no command. */
const guarded = (f: MapCommand): MapCommand => (command) => {
  try {
    const mapped = f(command)
    return isCommand(mapped) ? mapped : rejected(command, "the function of mapCommand gave no command")
  } catch {
    return rejected(command, "the function of mapCommand threw an error")
  }
}

const mapBatches = (batches: Batching, map: MapCommand): Batching => ({
  pipeline: (commands, order) => Effect.suspend(() => batches.pipeline(commands.map((command) => map(command)), order)),
  pipelineResults: (commands, order) =>
    Effect.suspend(() => batches.pipelineResults(commands.map((command) => map(command)), order)),
  transaction: (commands) => Effect.suspend(() => batches.transaction(commands.map((command) => map(command))))
})

const mapConnection = (connection: DedicatedConnection, map: MapCommand): DedicatedConnection => ({
  endpoint: connection.endpoint,
  execute: (command) => Effect.suspend(() => connection.execute(map(command))),
  executeAsking: (command) => Effect.suspend(() => connection.executeAsking(map(command))),
  batches: mapBatches(connection.batches, map)
})

const WATCH = new CommandSpec("WATCH", { keys: allKeys })

/** The keys after the function has mapped them, as those of a WATCH. */
const mapKeys = (
  keys: ReadonlyArray<Argument>,
  map: MapCommand
): Effect.Effect<ReadonlyArray<Argument>, RedisClusterException> =>
  Effect.suspend(() => {
    const { args, settings } = map(new Command<unknown>(WATCH, keys, (reply) => reply))
    const { invalid } = settings
    return invalid === undefined ?
      Effect.succeed(args) :
      Effect.fail(exception(() => new OptionsError({ message: invalid, outcome: "NotExecuted", command: WATCH.name })))
  })

const mapRouter = (router: RouterShape, map: MapCommand): RouterShape => ({
  ...mapBatches(router, map),
  execute: ((command) => Effect.suspend(() => router.execute(map(command)))) as Execute,
  onTarget: (command, target) => Effect.suspend(() => router.onTarget(map(command), target)),
  onTargetResults: (command, target) => Effect.suspend(() => router.onTargetResults(map(command), target)),
  onNode: (command, node) => Effect.suspend(() => router.onNode(map(command), node)),
  batchesOn: (node) => mapBatches(router.batchesOn(node), map),
  nodesOf: router.nodesOf,
  executeWithSocket: (command, node) => Effect.suspend(() => router.executeWithSocket(map(command), node)),
  dedicated: (where) =>
    (typeof where === "string" || where instanceof Uint8Array
      ? Effect.flatMap(mapKeys([where], map), ([key]) => router.dedicated(key))
      : router.dedicated(where)).pipe(Effect.map((connection) => mapConnection(connection, map))),
  watch: (keys) =>
    Effect.flatMap(mapKeys(keys, map), router.watch).pipe(Effect.map((connection) => mapConnection(connection, map))),
  reading: (policy) => mapRouter(router.reading(policy), map),
  setReadFrom: router.setReadFrom,
  readFrom: router.readFrom,
  readStatistics: router.readStatistics,
  cacheStatistics: router.cacheStatistics,
  statistics: router.statistics,
  region: router.region,
  timeoutOf: router.timeoutOf
})

/** The router with a function for every command. */
export const mapCommands = (router: RouterShape, f: MapCommand): RouterShape => mapRouter(router, guarded(f))
