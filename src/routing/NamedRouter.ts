/**
 * A router that looks up the commands of which only the name is known, before it sends them.
 */
import * as Effect from "effect/Effect"
import type { Command } from "../commands/Command.ts"
import type { Batching } from "./batches/Pipeline.ts"
import type { DedicatedConnection } from "./dedicated/DedicatedSession.ts"
import type { Execute, RouterShape } from "./Router.ts"

/** The facts that belong to names. A command is given back in a form that is refused when there are none. */
export interface LookUp {
  /** A command with the facts that belong to its name. */
  readonly one: <A, M>(command: Command<A, M>) => Effect.Effect<Command<A, M>>
  /** The commands of a batch, those by name with the facts that belong to their names. */
  readonly all: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<ReadonlyArray<Command<unknown>>>
}

/** Whether the name of a command has to be looked up. A command that is refused anyway needs no facts. */
export const isOpen = ({ settings, spec }: Command<unknown>): boolean =>
  spec.isNameOnly && settings.invalid === undefined

/** Runs a command after its name has been looked up. Other commands take the short way. */
const looked = <A, M, B, E>(
  lookUp: LookUp,
  command: Command<A, M>,
  run: (command: Command<A, M>) => Effect.Effect<B, E>
): Effect.Effect<B, E> => isOpen(command) ? Effect.flatMap(lookUp.one(command), run) : run(command)

type Entries = ReadonlyArray<Command<unknown>>

const lookedAll = <B, E>(
  lookUp: LookUp,
  commands: Entries,
  run: (commands: Entries) => Effect.Effect<B, E>
): Effect.Effect<B, E> =>
  commands.some(isOpen)
    ? Effect.flatMap(lookUp.all(commands), run)
    : run(commands)

const namedBatches = (batches: Batching, lookUp: LookUp): Batching => ({
  prepare: (commands) => lookedAll(lookUp, commands, Effect.succeed),
  pipeline: (commands, order) => lookedAll(lookUp, commands, (known) => batches.pipeline(known, order)),
  pipelineResults: (commands, order) => lookedAll(lookUp, commands, (known) => batches.pipelineResults(known, order)),
  transaction: (commands) => lookedAll(lookUp, commands, (known) => batches.transaction(known))
})

const namedConnection = (connection: DedicatedConnection, lookUp: LookUp): DedicatedConnection => ({
  endpoint: connection.endpoint,
  execute: (command) => looked(lookUp, command, (known) => connection.execute(known)),
  executeAsking: (command) => looked(lookUp, command, (known) => connection.executeAsking(known)),
  batches: namedBatches(connection.batches, lookUp)
})

/** The router, with a look at the commands cache for every command by name. */
export const namedCommands = (router: RouterShape, lookUp: LookUp): RouterShape => ({
  ...namedBatches(router, lookUp),
  execute: ((command) => looked(lookUp, command, router.execute)) as Execute,
  onTarget: (command, target) => looked(lookUp, command, (known) => router.onTarget(known, target)),
  onTargetResults: (command, target) => looked(lookUp, command, (known) => router.onTargetResults(known, target)),
  onNode: (command, node) => looked(lookUp, command, (known) => router.onNode(known, node)),
  batchesOn: (node) => namedBatches(router.batchesOn(node), lookUp),
  nodesOf: router.nodesOf,
  executeWithSocket: (command, node) => looked(lookUp, command, (known) => router.executeWithSocket(known, node)),
  dedicated: (where) => Effect.map(router.dedicated(where), (connection) => namedConnection(connection, lookUp)),
  watch: (keys) => Effect.map(router.watch(keys), (connection) => namedConnection(connection, lookUp)),
  reading: (policy) => namedCommands(router.reading(policy), lookUp),
  setReadFrom: router.setReadFrom,
  readFrom: router.readFrom,
  readStatistics: router.readStatistics,
  cacheStatistics: router.cacheStatistics,
  statistics: router.statistics,
  region: router.region,
  timeoutOf: router.timeoutOf
})
