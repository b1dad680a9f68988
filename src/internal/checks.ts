/**
 * Checks of the options that programs pass. Programs in plain JavaScript may pass anything, and a misspelt option that
 * is ignored is found much later than one that is refused.
 */
import type * as Duration from "effect/Duration"
import { millisOf } from "./millis.ts"

/**
 * Returns what an option has to be, when the value is something else. A check never gets `undefined`, which leaves an
 * option out.
 */
export type Check = (value: unknown) => string | undefined

/** A check for each option. */
export type Checks<Options extends object> = { readonly [Name in keyof Required<Options>]: Check }

const expecting = (expected: string, holds: (value: unknown) => boolean): Check => (value) =>
  holds(value) ? undefined : expected

export const anything: Check = () => undefined

export const boolean: Check = expecting("true or false", (value) => typeof value === "boolean")

export const text: Check = expecting("a text that is not empty", (value) => typeof value === "string" && value !== "")

export const anyText: Check = expecting("a text", (value) => typeof value === "string")

export const func: Check = expecting("a function", (value) => typeof value === "function")

/** Text or bytes. */
export const argument: Check = expecting(
  "text (a string) or bytes (a Uint8Array)",
  (value) => typeof value === "string" || value instanceof Uint8Array
)

export const integer = (least: number): Check =>
  expecting(`an integer of at least ${least}`, (value) => Number.isSafeInteger(value) && Number(value) >= least)

export const oneOf = (...values: ReadonlyArray<string | number>): Check =>
  expecting(
    values.map((value) => JSON.stringify(value)).join(" or "),
    (value) => values.some((known) => known === value)
  )

/** A duration in milliseconds from `least` on; `finite` refuses `"Infinity"`. */
export const duration = (least: number, finite = false): Check =>
  expecting(`a${finite ? " finite" : ""} duration of at least ${least} ms, such as "5 seconds"`, (value) => {
    // A value that is no duration at all is NaN.
    const millis = millisOf(value as Duration.Input)
    return millis >= least && (!finite || millis < Infinity)
  })

/** A span of time with its unit: servers count seconds where Effect counts milliseconds, so that a bare number may be either. */
export const lifetime = (least: number, finite = true): Check => {
  const isDuration = duration(least, finite)
  return (value) =>
    typeof value === "number" || typeof value === "bigint"
      ? `a duration with a unit, such as "10 seconds"`
      : isDuration(value)
}

/** First parts of keys, of which servers take no two that overlap. */
export const prefixes: Check = expecting(
  "a list of texts of which none begins with another",
  (value) =>
    Array.isArray(value) && value.length > 0 && value.every((prefix) => typeof prefix === "string" && prefix !== "") &&
    !value.some((prefix, i) => value.some((other, j) => i !== j && other.startsWith(prefix)))
)

const listOf = (names: ReadonlyArray<string>): string => names.length === 0 ? "it has none" : names.join(", ")

/** The number of letters that differ between two names. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}

/** The option that was probably meant. */
const meantBy = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const given = name.toLowerCase()
  return names
    .map((candidate) => ({ candidate, apart: distance(given, candidate.toLowerCase()) }))
    .filter(({ apart, candidate }) => apart <= Math.max(1, Math.floor(candidate.length / 3)))
    .toSorted((a, b) => a.apart - b.apart)[0]?.candidate
}

/**
 * The message that there is no such option, with the one that was probably meant. `other` translates the names that
 * other clients use (`EX`, `socket_timeout`).
 */
export const unknownOption = (
  name: string,
  names: ReadonlyArray<string>,
  other: Readonly<Record<string, string | undefined>> = {}
): string => {
  const meant = (Object.hasOwn(other, name) ? other[name] : undefined) ?? meantBy(name, names)
  return meant === undefined
    ? `there is no option ${JSON.stringify(name)}; the options are ${listOf(names)}`
    : `there is no option ${JSON.stringify(name)}; ${meant} is meant`
}

const describe = (value: unknown): string =>
  value === null
    ? "null"
    : value === undefined
    ? "nothing"
    : Array.isArray(value)
    ? "a list"
    : typeof value === "function"
    ? "a function"
    : `a ${typeof value}`

/** All problems of an object of options. */
export const problemsOf = (
  options: unknown,
  checks: Readonly<Record<string, Check>>,
  other?: Readonly<Record<string, string | undefined>>
): ReadonlyArray<string> => {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    return [`the options have to be an object, got ${describe(options)}`]
  }
  const names = Object.keys(checks)
  return Object.entries(options).flatMap(([name, value]) => {
    if (!Object.hasOwn(checks, name)) return [unknownOption(name, names, other)]
    const expected = value === undefined ? undefined : checks[name](value)
    return expected === undefined ? [] : [`${name} has to be ${expected}`]
  })
}

/** All problems as one text; `undefined` when there is none. */
export const problemOf = (options: unknown, checks: Readonly<Record<string, Check>>): string | undefined => {
  const problems = problemsOf(options, checks)
  return problems.length === 0 ? undefined : problems.join("; ")
}
