/** Collects the arguments of one call and checks what their types cannot express. */
import type * as Duration from "effect/Duration"
import { millisOf as durationMillis } from "../internal/millis.ts"
import type { Argument } from "../protocol/Reply.ts"
import { type Command, invalid, make, unencodable } from "./Command.ts"
import type { CommandSpec } from "./CommandSpec.ts"
import type { Decoder } from "./decode.ts"
import { argumentOf, isEncodeFailure, notEncoded, type Value } from "./Value.ts"

export type { Secret, Value } from "./Value.ts"

/** A whole number; a bigint beyond 2^53 - 1. */
export type Integer = number | bigint

/** One value, or a list of values that is not empty. */
export type OneOrMore<A> = A | ReadonlyArray<A>

/** Names with values: an object, a `Map`, or any iterable of pairs. */
export type Entries<A> = Readonly<Record<string, A>> | Iterable<readonly [Argument | Integer, A]>

/**
 * A span of time with its unit: `"10 minutes"`, `Duration.seconds(5)`, `{ hours: 1 }`; where something may last without
 * end, `"Infinity"`. A bare number is refused, since Redis counts seconds where Effect counts milliseconds.
 */
export type DurationWithUnit = Exclude<Duration.Input, number | bigint>

/** The time for which something lasts, on the server: a duration with its unit, such as `"10 minutes"`. */
// The compiler prints the other name: its error about a bare number says that a unit is missing.
export type Lifetime = DurationWithUnit

/** A point in time: a `Date`, a `DateTime` of Effect, or a `Temporal.Instant`. */
export type Instant = Date | { readonly epochMilliseconds: number }

/**
 * The problem of a number, without the number itself.
 */
const describe = (value: number): string =>
  typeof value !== "number" ?
    `a ${typeof value}`
    : Number.isNaN(value) ?
    "NaN"
    : !Number.isFinite(value) ?
    "an infinite number"
    : !Number.isInteger(value) ?
    "a fraction"
    : !Number.isSafeInteger(value) ?
    "a number beyond 2^53 - 1 (pass a bigint)"
    : value < 0 ?
    "a negative number"
    : value === 0 ?
    "zero"
    : "a number out of range"

const plural = (name: string): string => `${name} must have at least one entry, got none: leave out the call instead`

/** One call under construction. After a bad argument the call becomes an invalid command with the first problem. */
export class Call {
  readonly spec: CommandSpec
  readonly args: Array<Argument>
  private problem: string | undefined = undefined
  /** Whether the problem is a value that could not be encoded. */
  private isUnencodable = false

  constructor(spec: CommandSpec, args: Array<Argument>) {
    this.spec = spec
    this.args = args
  }

  /** Adds arguments as they are. */
  add(...args: ReadonlyArray<Argument>): this {
    for (const arg of args) this.args.push(arg)
    return this
  }

  /** Adds a list of arguments as they are. */
  all(args: ReadonlyArray<Argument>): this {
    if (!Array.isArray(args)) return this.refuse("a list was expected, got something else")
    for (const arg of args) this.args.push(arg)
    return this
  }

  /** Adds a value; numbers in decimal. */
  value(value: Value): this {
    const argument = typeof value === "string" ? value : argumentOf(value)
    if (isEncodeFailure(argument)) {
      this.isUnencodable ||= this.problem === undefined
      return this.refuse(notEncoded(argument))
    }
    this.args.push(argument)
    return this
  }

  /** Adds a word, if `on` is true. */
  flag(word: string, on: boolean | undefined): this {
    if (on === true) this.args.push(word)
    else if (on !== undefined && on !== false) this.refuse(`what stands for ${word} must be true or false`)
    return this
  }

  /** Adds a word and its value, if the value is given. */
  option(word: string, value: Value | undefined): this {
    return value === undefined ? this : this.add(word).value(value)
  }

  /** Adds a word and an integer, if the integer is given. */
  integerOption(word: string, name: string, value: Integer | undefined, minimum?: number): this {
    return value === undefined ? this : this.add(word).integer(name, value, minimum)
  }

  /** Adds a whole number, at least `minimum`. */
  integer(name: string, value: Integer, minimum = -Infinity): this {
    if (typeof value === "bigint") {
      if (value < BigInt(minimum === -Infinity ? Number.MIN_SAFE_INTEGER : minimum) && minimum !== -Infinity) {
        return this.refuse(`${name} must be at least ${minimum}, got a smaller bigint`)
      }
    } else if (!Number.isSafeInteger(value) || value < minimum) {
      const expected = minimum === -Infinity ? "a whole number" : `a whole number, at least ${minimum}`
      return this.refuse(`${name} must be ${expected}, got ${describe(value)}`)
    }
    this.args.push(String(value))
    return this
  }

  /** Adds a finite number. */
  double(name: string, value: number, minimum = -Infinity): this {
    if (!Number.isFinite(value) || value < minimum) {
      const expected = minimum === -Infinity ? "a finite number" : `a finite number, at least ${minimum}`
      return this.refuse(`${name} must be ${expected}, got ${describe(value)}`)
    }
    this.args.push(String(value))
    return this
  }

  /** Adds a score: any number but NaN, infinities included. */
  score(name: string, value: number): this {
    if (typeof value !== "number" || Number.isNaN(value)) {
      return this.refuse(`${name} must be a number, got ${describe(value)}`)
    }
    this.args.push(value === Infinity ? "+inf" : value === -Infinity ? "-inf" : String(value))
    return this
  }

  /** Adds the number of a slot. */
  slot(slot: number): this {
    return Number.isInteger(slot) && slot >= 0 && slot < 16384
      ? this.add(String(slot))
      : this.refuse("a slot must be a whole number from 0 to 16383, got something else")
  }

  /** Adds one or more values. */
  many(name: string, values: OneOrMore<Value>): this {
    if (!isList(values)) return this.value(values)
    if (values.length === 0) return this.refuse(plural(name))
    for (const value of values) this.value(value)
    return this
  }

  /** Adds the number of values, then the values, at least one. */
  counted(name: string, values: OneOrMore<Value>): this {
    this.args.push(String(Array.isArray(values) ? values.length : 1))
    return this.many(name, values)
  }

  /** Adds scores and members in turns, at least one pair; the entries are given by member. */
  scores(name: string, entries: Entries<number>): this {
    const at = this.args.length
    const what = `a score of ${name}`
    if (isIterable(entries)) {
      for (const [member, score] of entries) this.score(what, score).value(member)
    } else {
      for (const member of Object.keys(entries)) this.score(what, entries[member]).args.push(member)
    }
    return this.args.length === at ? this.refuse(plural(name)) : this
  }

  /** Adds names and values in turns, at least one pair; with `count` their number comes first. */
  entries(name: string, entries: Entries<Value>, count = false): this {
    const at = this.args.length
    if (isIterable(entries)) {
      for (const [key, value] of entries) this.value(key).value(value)
    } else {
      for (const key of Object.keys(entries)) {
        this.args.push(key)
        this.value(entries[key])
      }
    }
    const length = (this.args.length - at) / 2
    if (length === 0) return this.refuse(plural(name))
    if (count) this.args.splice(at, 0, String(length))
    return this
  }

  /** Adds all names, and then their values in the order of the names, at least one pair. */
  columns(name: string, entries: Entries<Value>): this {
    const values: Array<Value> = []
    if (isIterable(entries)) {
      for (const [key, value] of entries) {
        this.value(key)
        values.push(value)
      }
    } else {
      for (const key of Object.keys(entries)) {
        this.args.push(key)
        values.push(entries[key])
      }
    }
    return values.length === 0 ? this.refuse(plural(name)) : this.many(name, values)
  }

  /**
   * Adds a span of time: with the word `seconds` for whole seconds, and `millis` otherwise. A part of a millisecond
   * counts as one.
   */
  lifetime(name: string, input: Lifetime, seconds: string, millis: string): this {
    const value = this.millis(name, input)
    if (value === undefined) return this
    return value % 1000 === 0 ? this.add(seconds, String(value / 1000)) : this.add(millis, String(value))
  }

  /** Adds a span of time as whole seconds; `instead` is the command that counts milliseconds. */
  seconds(name: string, input: Lifetime, instead?: string): this {
    const value = this.millis(name, input)
    if (value === undefined) return this
    if (value % 1000 !== 0) {
      const advice = instead === undefined ? "round it" : `use ${instead}, which counts milliseconds`
      return this.refuse(`${name} must be whole seconds, got a part of a second: ${advice}`)
    }
    return this.add(String(value / 1000))
  }

  /** Adds a span of time as milliseconds. */
  milliseconds(name: string, input: Lifetime): this {
    const value = this.millis(name, input)
    return value === undefined ? this : this.add(String(value))
  }

  /** Adds the time for which the server may wait, in seconds with decimals; 0 for no limit. */
  waiting(name: string, input: Lifetime): this {
    if (millisOf(input) === Infinity) return this.add("0")
    const value = this.millis(name, input)
    return value === undefined ? this : this.add(String(value / 1000))
  }

  /** Adds the time for which the server may wait, in milliseconds; 0 for no limit. */
  waitingMillis(name: string, input: Lifetime): this {
    return millisOf(input) === Infinity ? this.add("0") : this.milliseconds(name, input)
  }

  /** Adds a point in time, as milliseconds or as whole seconds since 1970. */
  instant(name: string, at: Instant, unit: "seconds" | "milliseconds"): this {
    const value = at instanceof Date ? at.getTime() : at.epochMilliseconds
    if (!Number.isFinite(value)) return this.refuse(`${name} must be a valid date, got an invalid one`)
    // Rounded up, because a key must not expire before its time.
    return this.add(String(Math.ceil(unit === "seconds" ? value / 1000 : value)))
  }

  /** Adds a span of time as milliseconds, which may be zero, unlike a lifetime. */
  age(name: string, input: Lifetime): this {
    const value = this.millis(name, input, 0)
    return value === undefined ? this : this.add(String(value))
  }

  /** Notes the problem that makes this call impossible. */
  refuse(problem: string): this {
    this.problem ??= problem
    return this
  }

  /** The command, or an invalid command with the problem. */
  to<A>(decode: Decoder<A>): Command<A> {
    if (this.problem === undefined) return make(this.spec, this.args, decode)
    const message = `${this.spec.name}: ${this.problem}`
    return this.isUnencodable ? unencodable(this.spec, message) : invalid(this.spec, message)
  }

  private millis(name: string, input: Lifetime, minimum = 1): number | undefined {
    const value = millisOf(input)
    if (value === undefined) {
      this.refuse(`${name} must be a duration with a unit, such as "10 minutes", got something that is none`)
      return undefined
    }
    if (!Number.isFinite(value) || value < minimum) {
      const expected = minimum === 0 ? "a finite duration" : "a finite duration greater than zero"
      const found = value > 0 ? "an infinite one" : minimum === 0 ? "a negative one" : "zero or less"
      this.refuse(`${name} must be ${expected}, got ${found}`)
      return undefined
    }
    return value
  }
}

/** Durations that were given as text, in milliseconds. Programs use few of them, and parsing one is slow. */
const written = new Map<string, number>()
const writtenAtMost = 256

/** A duration in milliseconds, where a part counts as one; `undefined` when the value is no duration. */
const millisOf = (input: Lifetime): number | undefined => {
  const known = typeof input === "string" ? written.get(input) : undefined
  if (known !== undefined) return known
  // A bare number is ambiguous: servers count seconds.
  if (typeof input === "number" || typeof input === "bigint") return undefined
  const value = Math.ceil(durationMillis(input))
  if (Number.isNaN(value)) return undefined
  if (typeof input === "string" && written.size < writtenAtMost) written.set(input, value)
  return value
}

const isList = (values: OneOrMore<Value>): values is ReadonlyArray<Value> => Array.isArray(values)

const isIterable = <A>(entries: Entries<A>): entries is Iterable<readonly [Argument | Integer, A]> =>
  Symbol.iterator in entries

/** Starts a call with its first arguments. */
export const call = (spec: CommandSpec, ...args: Array<Argument>): Call => new Call(spec, args)
