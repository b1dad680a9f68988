/**
 * Builders that accept whatever a program without types passes: a builder never throws and ignores nothing. A wrong
 * call gives an invalid command, which fails with an `OptionsError` when it runs.
 */
import * as checks from "../internal/checks.ts"
import { type Command, invalid } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import type { Parameters } from "./parameters/Parameters.ts"

/** The words of servers, with the names of the options that stand for them. */
const words: Readonly<Record<string, string>> = {
  BLOCK: "block",
  BYLEX: "by",
  BYSCORE: "by",
  CH: "changed",
  COUNT: "count",
  EX: "expire",
  EXAT: "expireAt",
  GT: "condition",
  KEEPTTL: "keepTtl",
  LT: "condition",
  MATCH: "match",
  NX: "condition",
  PX: "expire",
  PXAT: "expireAt",
  REV: "reverse",
  TTL: "expire",
  WITHSCORES: "withScores",
  XX: "condition"
}

/** The option for a word of servers or a name of another client. */
const meantBy = (word: string, names: ReadonlyArray<string>): string | undefined => {
  const candidates = [
    words[word.toUpperCase()],
    word.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    word
  ]
  return names.find((name) => candidates.some((candidate) => candidate?.toLowerCase() === name.toLowerCase()))
}

type Nested = NonNullable<Parameters[string]["nested"]>

/** The problem of an option that is an object of options. The builder judges a value of another kind. */
const problemInside = (option: string, value: unknown, names: ReadonlyArray<string>): string | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  for (const name in value) {
    if (!names.includes(name)) return `${option}: ${checks.unknownOption(name, names)}`
  }
  return undefined
}

const optionsProblem = (
  value: unknown,
  names: ReadonlyArray<string>,
  flags: ReadonlyArray<string>,
  nested: Nested
): string | undefined => {
  if (value === undefined) return undefined
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    const meant = typeof value === "string" ? meantBy(value, names) : undefined
    return meant === undefined
      ? `expected an object with options (${names.join(", ")})`
      : `expected an object with options, and in it ${meant}`
  }
  for (const name in value) {
    if (!names.includes(name)) {
      const meant = meantBy(name, names)
      return checks.unknownOption(name, names, meant === undefined ? {} : { [name]: meant })
    }
    const inside = nested[name]
    if (inside !== undefined) {
      const problem = problemInside(name, Reflect.get(value, name), inside)
      if (problem !== undefined) return problem
    }
    if (flags.includes(name)) {
      const given: unknown = Reflect.get(value, name)
      if (given !== undefined && typeof given !== "boolean") return `${name} has to be true or false`
    }
  }
  return undefined
}

const refused = (method: string, problem: string): Command<never> =>
  invalid(new CommandSpec(method.toUpperCase(), {}), `${method}: ${problem}`)

const tooMany = (most: number, given: number): string =>
  `expected at most ${most} ${most === 1 ? "argument" : "arguments"}, got ${given}; ` +
  "several keys, members or values are one list, and fields with their values one object"

type Build = (...args: ReadonlyArray<unknown>) => Command<unknown>

/** The positions of the arguments that are objects with options, and the names of the options. */
type OptionPositions = ReadonlyArray<readonly [at: number, names: ReadonlyArray<string>]>

const none: ReadonlyArray<string> = []

const problemOf = (
  args: ReadonlyArray<unknown>,
  positions: OptionPositions,
  flags: ReadonlyArray<string>,
  nested: Nested
) => {
  for (const [at, names] of positions) {
    const problem = optionsProblem(args[at], names, flags, nested)
    if (problem !== undefined) return problem
  }
  return undefined
}

const unbuildable = "an argument is of a type that the method does not take, or is missing; see the page of the command"

/** Checks the arguments of a method without options. Nearly every command takes this path, which keeps no list. */
const guarded = (method: string, build: Build, most: number): Build => (...args) => {
  for (let i = most; i < args.length; i++) {
    if (args[i] !== undefined) return refused(method, tooMany(most, args.length))
  }
  try {
    return build(...args)
  } catch {
    return refused(method, unbuildable)
  }
}

/** Checks the arguments of a method with options. */
const guardedWithOptions = (
  method: string,
  build: Build,
  { flags = none, most, nested = {}, options = {} }: Parameters[string]
): Build => {
  const positions: OptionPositions = Object.entries(options).map(([at, names]) => [Number(at), names])
  return (...args) => {
    const problem = problemOf(args, positions, flags, nested) ??
      (args.length > most && args.slice(most).some((arg) => arg !== undefined) ? tooMany(most, args.length) : undefined)
    if (problem !== undefined) return refused(method, problem)
    try {
      return build(...args)
    } catch {
      return refused(method, unbuildable)
    }
  }
}

/**
 * The builders of a group, checked.
 *
 * @internal
 */
export const checked = <Group extends object>(parameters: Parameters, group: Group): Group =>
  Object.fromEntries(
    Object.entries(group as Readonly<Record<string, Build>>).map((
      [method, build]
    ) => [
      method,
      parameters[method].options === undefined
        ? guarded(method, build, parameters[method].most)
        : guardedWithOptions(method, build, parameters[method])
    ])
    // The types of the builders do not change.
  ) as Group
