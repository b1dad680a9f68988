/**
 * The parts that typed values have in common: the key of an input, the refusal of a mistaken definition, the default lifetime.
 */
import type { Lifetime } from "../commands/Call.ts"
import { type Command, complaint, invalid, misfitOf } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import type { ExpiryOrKeep } from "../commands/Options.ts"
import { millisOf } from "../internal/millis.ts"
import type { Argument } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"

/** The key of an input, or the reason why there is none. */
export type KeyOf<I> = (input: I) => { readonly key: Argument } | { readonly problem: string }

/** The key of a mistaken definition. */
export const noKey = (): string => ""

/** The keys of a definition, whose function may throw. A mistaken definition has `problem`, and no keys. */
export const keyOf = <I>(
  what: string,
  key: ((input: I) => Argument) | undefined,
  problem = key === undefined ? "key is missing" : undefined
): KeyOf<I> =>
  problem === undefined && key !== undefined
    ? (input) => {
      try {
        const found = key(input)
        return misfitOf([found]) < 0 ? { key: found } : { problem: `${what}: the key is ${complaint(found)}` }
      } catch {
        return { problem: `${what}: the function key threw an error` }
      }
    }
    : () => ({ problem: `${what}: ${problem}` })

/** The command for an input, or a command that is refused where there is no key. */
export const commandOf = <I, A>(
  name: string,
  keys: KeyOf<I>,
  input: I,
  build: (key: Argument) => Command<A>
): Command<A> => {
  const found = keys(input)
  if (!("key" in found)) return invalid(new CommandSpec(name, {}), found.problem)
  try {
    return build(found.key)
  } catch {
    return invalid(new CommandSpec(name, {}), `${name}: an argument is of a type that the method does not take`)
  }
}

/** The error of an operation of several commands that is refused. */
export const refusal = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

/** A lifetime as the options of SET have it: an infinite one is none. */
const finite = (expire: Lifetime | undefined): ExpiryOrKeep =>
  expire === undefined || millisOf(expire) === Infinity ? {} : { expire }

/** The options of a call, with the default lifetime where they say nothing about the expiry. */
export const withLifetime = <O extends ExpiryOrKeep>(options: O, timeToLive: Lifetime | undefined): O => {
  const { expire, expireAt, keepTtl } = options as {
    readonly expire?: Lifetime | undefined
    readonly expireAt?: unknown
    readonly keepTtl?: boolean | undefined
  }
  // SET refuses another expiry beside these, an infinite one included.
  if (expireAt !== undefined || keepTtl === true) return options
  return { ...options, expire: undefined, ...finite(expire ?? timeToLive) }
}
