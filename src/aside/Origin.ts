/**
 * The settings of a cache-aside, checked, and the ways of its values to their stored form and back.
 */
import type * as Effect from "effect/Effect"
import type { Lifetime } from "../commands/Call.ts"
import { type Command, decodeReply } from "../commands/Command.ts"
import { isDecodeFailure } from "../commands/decode.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import type { Argument } from "../protocol/Reply.ts"
import { isValue, type Value } from "../values/Value.ts"

/**
 * The definition of a cache-aside, for `CacheAside.make`. Only `value` and `load` are required, and a time to live.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<in I, in out A, out E, out R> {
  /** The typed value: its key, its schema, its form on the servers. */
  readonly value: Value<I, A>
  /** Loads the value of an input from its origin; `null` if there is none. */
  readonly load: (input: I) => Effect.Effect<A | null, E, R>
  /** The time for which a value lives. Default: that of `value`. */
  readonly timeToLive?: Lifetime | undefined
  /**
   * The time for which it is known that the origin has no value; `"0 millis"` to ask the origin each time. Default: a
   * tenth of `timeToLive`.
   */
  readonly negativeTimeToLive?: Lifetime | undefined
  /** The part of its time to live by which a value may live shorter, so that values of one time do not end at one time. Default: 0.1. */
  readonly jitter?: number | undefined
  /**
   * The eagerness with which a value is loaded again in the background before it ends: 0 for never, 1 for about the time
   * that it took to load, more for earlier. Default: 1.
   */
  readonly eagerness?: number | undefined
  /**
   * The time for which others wait for a process that has died or hangs while it loads a value. While a process lives it
   * prolongs the time; a load that may never end needs a limit of its own. After a load in the background that failed the
   * next one waits for this time. Default: `"10 seconds"`.
   */
  readonly lease?: Lifetime | undefined
  /** The time for which a caller of `get` or `refresh` waits while another process loads, before it fails with `TimeoutError`. Default: `"Infinity"`. */
  readonly wait?: Lifetime | undefined
  /** The deadline of each command of the cache. Default: that of the client or of the region. */
  readonly timeout?: Lifetime | undefined
  /**
   * The behaviour when the cluster does not answer, or takes no writes: the value is loaded without the cache, once at a time for each key in this process, or the call fails. Default:
   * `"load"`, because a program that works without its cache should go on without it.
   */
  readonly whenUnavailable?: "load" | "fail" | undefined
  /**
   * The age up to which the client may answer from its own memory, as with `Command.cached`, in a client with the option `cache`. Processes that wait for
   * another one's load then wait for the server's report. Default: not at all.
   */
  readonly cached?: Lifetime | undefined
  /** The name of these values in metrics, as the attribute `aside`. Without a name there are none. */
  readonly name?: string | undefined
}

/** A definition, whatever it is of. */
type AnyDefinition = Partial<Record<keyof Definition<never, never, never, never>, unknown>>

const definitionChecks: checks.Checks<AnyDefinition> = {
  value: (value) =>
    isValue(value) && value.storage === undefined ? undefined : "a value that Value.make has made, in strings",
  load: checks.func,
  timeToLive: checks.lifetime(1),
  negativeTimeToLive: checks.lifetime(0),
  jitter: (value) => typeof value === "number" && value >= 0 && value <= 1 ? undefined : "a number from 0 to 1",
  eagerness: (value) =>
    typeof value === "number" && value >= 0 && value < Infinity ? undefined : "a number of at least 0",
  lease: checks.lifetime(100),
  wait: checks.lifetime(0, false),
  timeout: checks.lifetime(1),
  whenUnavailable: checks.oneOf("load", "fail"),
  cached: checks.lifetime(1),
  name: (name) => typeof name === "string" && name !== "" ? undefined : "text that is not empty"
}

const problemOf = (definition: AnyDefinition): string | undefined => {
  const problem = checks.problemOf(definition, definitionChecks)
  if (problem !== undefined) return problem
  const { load, timeToLive, value } = definition
  if (!isValue(value)) return "value is missing: a value that Value.make has made"
  if (load === undefined) return "load is missing"
  const lives = timeToLive ?? value.timeToLive
  return lives === undefined || checks.lifetime(1)(lives) !== undefined
    ? "timeToLive is missing: a finite duration, here or in the value"
    : undefined
}

/** A value of a cache-aside: its key, and how what is stored is read. */
export interface Place<A> {
  readonly key: Argument
  /** The name of the key in this process. */
  readonly name: string
  /** The value of stored bytes; `undefined` when they are of no such value. */
  readonly decode: (stored: Uint8Array) => { readonly value: A } | undefined
}

/** The settings, with durations in milliseconds. */
export class Origin<I, A, E, R> {
  /** The reason why nothing can be done with the definition. */
  readonly problem: string | undefined
  readonly load: (input: I) => Effect.Effect<A | null, E, R>
  readonly timeToLive: number
  readonly negativeTimeToLive: number
  readonly jitter: number
  readonly eagerness: number
  readonly lease: number
  readonly wait: number
  readonly timeout: number | undefined
  readonly goesOn: boolean
  readonly cached: number | undefined
  readonly name: string | undefined
  private readonly value: Value<I, A>

  constructor(definition: Definition<I, A, E, R>) {
    const { eagerness = 1, jitter = 0.1, lease = "10 seconds", load, value, wait = "Infinity" } = definition ?? {}
    this.problem = problemOf(definition)
    this.value = value
    this.load = load
    this.timeToLive = optional(definition?.timeToLive ?? value?.timeToLive) ?? 0
    this.negativeTimeToLive = optional(definition?.negativeTimeToLive) ?? this.timeToLive / 10
    this.jitter = jitter
    this.eagerness = eagerness
    this.lease = Math.ceil(millisOf(lease))
    this.wait = millisOf(wait)
    this.timeout = optional(definition?.timeout)
    this.goesOn = definition?.whenUnavailable !== "fail"
    this.cached = optional(definition?.cached)
    this.name = definition?.name
  }

  /** Where the value of an input is; a command that is refused if that cannot be said. */
  place(input: I): Place<A> | Command<unknown> {
    const get = this.value.get(input)
    if (get.settings.invalid !== undefined) return get
    const [key] = get.args
    return {
      key,
      name: Buffer.from(key).toString("latin1"),
      decode: (stored: Uint8Array) => {
        const value = decodeReply(get, stored)
        return value === null || isDecodeFailure(value) ? undefined : { value }
      }
    }
  }

  /** The stored form of a value; a command that is refused if it has none. */
  encode(input: I, value: A): Argument | Command<unknown> {
    const set: Command<unknown> = this.value.set(input, value)
    return set.settings.invalid === undefined ? set.args[1] : set
  }
}

const optional = (given: Lifetime | undefined): number | undefined => given === undefined ? undefined : millisOf(given)
