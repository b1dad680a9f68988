/** The slot to which a command belongs: the slot of its keys, which all have to be of one slot. */
import * as HashSlot from "../cluster/HashSlot.ts"
import type { Command } from "../commands/Command.ts"
import { CrossSlotError, NoKeyError, OptionsError, type Reason } from "../RedisClusterException.ts"

/** The slot of a command without keys: the policies of its spec say where it goes. */
export const keyless = -1

/** The slot of a command, `keyless`, or the reason why it has none. */
export const slotOf = (command: Command<unknown>): number | Reason => {
  const { args, spec } = command
  if (typeof spec.keys === "number") {
    const position = spec.keys >= 0 ? spec.keys : spec.channel
    if (position < 0) return spec.slot === undefined ? routedSlot(command) : namedSlot(command, spec.slot(args))
    return position < args.length ? HashSlot.ofKey(args[position]) : noKey(command)
  }
  const positions = spec.keys(args)
  if (positions.length === 0) return routedSlot(command)
  const slot = HashSlot.ofKey(args[positions[0]])
  for (let i = 1; i < positions.length; i++) {
    if (HashSlot.ofKey(args[positions[i]]) !== slot) return crossSlot(command, positions)
  }
  return slot
}

/** The slot of the key beside which a command without keys wants to run. */
const routedSlot = ({ settings }: Command<unknown>): number =>
  settings.routing === undefined ? keyless : HashSlot.ofKey(settings.routing)

/** The slot of a command about a slot: only the owner of the slot gives the true answer. */
const namedSlot = (command: Command<unknown>, slot: number): number | Reason =>
  HashSlot.isSlot(slot) ? slot : new OptionsError({
    message: `${command.spec.name} needs a slot from 0 to ${HashSlot.slotCount - 1}`,
    outcome: "NotExecuted",
    command: command.spec.name
  })

const noKey = (command: Command<unknown>): Reason =>
  new NoKeyError({
    message: `${command.spec.name} was called without a key, and its key decides the node; give it a key`,
    outcome: "NotExecuted",
    command: command.spec.name
  })

const crossSlot = (command: Command<unknown>, positions: ReadonlyArray<number>): Reason => {
  const slots = [...new Set(positions.map((position) => HashSlot.ofKey(command.args[position])))]
  const { name, nonatomic, nonatomicOfModule } = command.spec
  const variant = nonatomic ?? nonatomicOfModule
  return new CrossSlotError({
    message:
      `${name} was given ${positions.length} keys of ${slots.length} different slots, but one command runs on one ` +
      `slot; give the keys a common hash tag such as {user:1}` +
      (variant === undefined ? "" : `, or use ${variant}, which is not atomic`),
    outcome: "NotExecuted",
    command: name,
    slots
  })
}
