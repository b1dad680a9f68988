/**
 * A client with only some members, for tests of programs that use few.
 */
import * as Effect from "effect/Effect"
import * as HashSlot from "../cluster/HashSlot.ts"
import type { Command } from "../commands/Command.ts"
import type { Batch } from "../routing/batches/BatchShape.ts"
import { entriesOf, shaped } from "../routing/batches/BatchShape.ts"
import type { BatchMembers } from "./Batches.ts"
import type { MapCommandMembers } from "./MapCommand.ts"
import type { NodeMembers } from "./Nodes.ts"
import type { ReadPreferenceMembers } from "./ReadPreference.ts"
import type { RegionMembers } from "./Region.ts"
import type { TargetMembers } from "./Targets.ts"

const die = (member: string): Effect.Effect<never> =>
  Effect.die(new Error(`ClusterClient.layerMock: ${member} is not implemented; give it to layerMock`))

/** An object whose members are all methods that die with their own name. */
const unimplemented = <A extends object>(path: string): A =>
  // Every member of the views is a method that returns an effect.
  new Proxy({}, { get: (_, name) => () => die(`${path}.${String(name)}`) }) as A

const run = (command: Command<unknown>): Effect.Effect<unknown, never> =>
  // A command that a mock made brings its own result.
  command.run === undefined ? die(command.spec.name) : command.run(command) as Effect.Effect<unknown, never>

/** The members that are no effects, and those that follow from others: a pipeline runs its entries. */
export const members:
  & Pick<NodeMembers, "slotOf">
  & Pick<TargetMembers, "on" | "execute">
  & Pick<ReadPreferenceMembers, "readFrom">
  & MapCommandMembers<never>
  & RegionMembers
  & Pick<BatchMembers, "pipeline"> = {
    slotOf: HashSlot.ofKey,
    on: () => unimplemented("on(...)"),
    readFrom: () => unimplemented("readFrom(...)"),
    // A member of a mock has no settings.
    region: () => (self) => self,
    timeoutOf: ({ settings }) => settings.timeout ?? Number.POSITIVE_INFINITY,
    mapCommand: () => unimplemented("mapCommand(...)"),
    // The type of the result is that of the command.
    execute: run as TargetMembers["execute"],
    pipeline:
      ((commands: Batch) =>
        Effect.map(Effect.forEach(entriesOf(commands), run), (values) => shaped(commands, values))) as BatchMembers[
          "pipeline"
        ]
  }
