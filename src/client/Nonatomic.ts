/**
 * Multi-key commands over any slots: split by slot, sent side by side, put together in the caller's order.
 *
 * Each part is atomic, the whole is not. When parts fail, the error has the positions of their keys.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as HashSlot from "../cluster/HashSlot.ts"
import { cached, type Command, complaint, map, misfitOf } from "../commands/Command.ts"
import type { Argument } from "../protocol/Reply.ts"
import {
  exception,
  OptionsError,
  PartialFailureError,
  partialOutcome,
  type Reason,
  type RedisClusterException
} from "../RedisClusterException.ts"
import type { Outcomes } from "../routing/batches/Collect.ts"
import { withoutName } from "../routing/nodes/Aggregation.ts"
import { invalid } from "../routing/Rejections.ts"

interface Part<A> {
  readonly positions: ReadonlyArray<number>
  readonly command: Command<A>
}

/** The positions of the keys of each slot, in the order in which the slots first occur. */
export const bySlot = (keys: ReadonlyArray<Argument>): ReadonlyArray<ReadonlyArray<number>> => {
  const slots = new Map<number, Array<number>>()
  for (let i = 0; i < keys.length; i++) {
    const slot = HashSlot.ofKey(keys[i])
    const positions = slots.get(slot)
    if (positions === undefined) slots.set(slot, [i])
    else positions.push(i)
  }
  return [...slots.values()]
}

/** The way in which keys are divided into parts. */
interface Division {
  readonly of: (keys: ReadonlyArray<Argument>) => ReadonlyArray<ReadonlyArray<number>>
  /** The name of the parts. */
  readonly unit: string
}

const slots: Division = { of: bySlot, unit: "slots" }
const single: Division = { of: (keys) => keys.map((_, position) => [position]), unit: "reads" }

const partialFailure = (
  name: string,
  unit: string,
  parts: ReadonlyArray<Part<unknown>>,
  outcomes: Outcomes
): RedisClusterException => {
  const failures = parts.flatMap((part, i) => {
    const outcome = outcomes[i]
    return Result.isFailure(outcome)
      ? [{ node: outcome.failure.reason.node, keys: part.positions, error: outcome.failure }]
      : []
  })
  const keys = failures.reduce((count, failure) => count + failure.keys.length, 0)
  const allKeys = parts.reduce((count, part) => count + part.positions.length, 0)
  return exception(() =>
    new PartialFailureError({
      message: `${name} failed for ${keys} of ${allKeys} keys (${failures.length} of ${parts.length} ${unit}); ` +
        `first: ${withoutName(failures[0].error.message, name)}`,
      outcome: partialOutcome(failures.map(({ error }) => error.outcome), parts.length - failures.length),
      command: name,
      failures,
      succeeded: parts.length - failures.length
    })
  )
}

/** Sends the parts, and refuses calls that cannot be sent. */
export interface Sender {
  readonly pipelineResults: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes>
  readonly refuse: (reason: Reason) => Effect.Effect<never, RedisClusterException>
}

/** Runs the parts and combines their results; fails when a part failed. */
export const run = <A, B>(
  sender: Sender,
  keys: ReadonlyArray<Argument>,
  build: (positions: ReadonlyArray<number>) => Command<A>,
  merge: (results: ReadonlyArray<{ readonly positions: ReadonlyArray<number>; readonly value: A }>) => B,
  division: Division = slots
): Effect.Effect<B, RedisClusterException> =>
  Effect.suspend(() => {
    if (!Array.isArray(keys)) return sender.refuse(noList)
    // A list that a program computes may be empty.
    if (keys.length === 0) return Effect.succeed(merge([]))
    const misfit = misfitOf(keys)
    if (misfit >= 0) return sender.refuse(refused(`key ${misfit + 1} is ${complaint(keys[misfit])}`))
    const parts = division.of(keys).map((positions): Part<A> => ({ positions, command: build(positions) }))
    // No part is sent when one of them cannot be sent.
    for (const { command } of parts) {
      const reason = invalid(command)
      if (reason !== undefined) return sender.refuse(reason)
    }
    return Effect.flatMap(sender.pipelineResults(parts.map((part) => part.command)), (outcomes) => {
      const results: Array<{ readonly positions: ReadonlyArray<number>; readonly value: A }> = []
      for (let i = 0; i < parts.length; i++) {
        const outcome = outcomes[i]
        if (Result.isFailure(outcome)) {
          return Effect.fail(partialFailure(parts[0].command.spec.name, division.unit, parts, outcomes))
        }
        // The outcome at a position belongs to the command at that position.
        results.push({ positions: parts[i].positions, value: outcome.success as A })
      }
      return Effect.succeed(merge(results))
    })
  })

/** @internal */
export const refused = (message: string): OptionsError => new OptionsError({ message, outcome: "NotExecuted" })

const noList = refused("the keys have to be a list of text and bytes")

/** Puts list results back into the order of the caller's keys. */
export const inOrder = <A>(keys: ReadonlyArray<unknown>) =>
(
  results: ReadonlyArray<{ readonly positions: ReadonlyArray<number>; readonly value: ReadonlyArray<A> }>
): Array<A> => {
  const ordered = new Array<A>(keys.length)
  for (const { positions, value } of results) {
    for (let i = 0; i < positions.length; i++) ordered[positions[i]] = value[i]
  }
  return ordered
}

export const total = (results: ReadonlyArray<{ readonly value: number }>): number =>
  results.reduce((sum, { value }) => sum + value, 0)

/** A key that holds something else than text has no value for MGET. */
const asOfMget = (outcome: Outcomes[number]): Outcomes[number] =>
  Result.isFailure(outcome) && outcome.failure.reason._tag === "ReplyError" &&
    outcome.failure.reason.code === "WRONGTYPE"
    ? Result.succeed([null])
    : outcome

/**
 * The values of keys as MGET gives them, each by a read of its own that the cache of the client may answer. `get` makes
 * the read of a key.
 */
export const cachedValues = <A>(
  sender: Sender,
  keys: ReadonlyArray<Argument>,
  get: (key: Argument) => Command<A>,
  maxAge: Duration.Input
): Effect.Effect<Array<A>, RedisClusterException> =>
  run(
    {
      ...sender,
      pipelineResults: (commands) => Effect.map(sender.pipelineResults(commands), (outcomes) => outcomes.map(asOfMget))
    },
    keys,
    ([position]) => map(cached(get(keys[position]), maxAge), (value): ReadonlyArray<A> => [value]),
    inOrder(keys),
    single
  )
