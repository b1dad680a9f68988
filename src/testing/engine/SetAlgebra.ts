/**
 * The common parts of commands on several sets and commands on several sorted sets.
 */
import { failure } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import type { Call } from "./Call.ts"

/** A set, or a map from members to scores. */
export interface WithMembers {
  has(member: Bytes): boolean
  keys(): Iterable<Bytes>
}

/** The members of the result of at least one input. */
export type Combine = (inputs: ReadonlyArray<WithMembers>) => Set<Bytes>

export const intersection: Combine = ([first, ...rest]) =>
  new Set([...first.keys()].filter((member) => rest.every((other) => other.has(member))))

export const union: Combine = (inputs) => new Set(inputs.flatMap((input) => [...input.keys()]))

export const difference: Combine = ([first, ...rest]) =>
  new Set([...first.keys()].filter((member) => !rest.some((other) => other.has(member))))

/** Reads `numkeys key ...` of SINTERCARD and ZINTERCARD. */
export const numberedKeys = (call: Call): ReadonlyArray<Bytes> => {
  const wrong = failure("ERR numkeys should be greater than 0")
  const numkeys = call.integer(1, wrong)
  if (!call.failed && numkeys <= 0) call.fail(wrong)
  if (!call.failed && numkeys > call.args.length - 2) {
    call.refuse("ERR Number of keys can't be greater than number of args")
  }
  return call.failed ? [] : call.args.slice(2, 2 + numkeys)
}

/** Reads the `LIMIT limit` that may follow the keys; without it, and with 0, there is no limit. */
export const limitAfter = (call: Call, keys: ReadonlyArray<Bytes>): number => {
  let limit = 0
  for (let i = 2 + keys.length; i < call.args.length && !call.failed; i += 2) {
    if (call.word(i) !== "LIMIT" || i + 1 >= call.args.length) {
      call.syntax()
      break
    }
    const negative = failure("ERR LIMIT can't be negative")
    limit = call.integer(i + 1, negative)
    if (limit < 0) call.fail(negative)
  }
  return limit === 0 ? Infinity : limit
}
