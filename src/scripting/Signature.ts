/**
 * The signature of a script or a function: its keys, its arguments, its result.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Command, invalid, make, type Prerequisite, schema } from "../commands/Command.ts"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { reply } from "../commands/decode.ts"
import { argumentOf, isEncodeFailure, type Value } from "../commands/Value.ts"
import * as checks from "../internal/checks.ts"
import type { Argument, Reply } from "../protocol/Reply.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"

/**
 * The keys, `KEYS` of the script: their names in order, their number, or `"many"` for one or more. All keys of a call
 * are of one slot.
 *
 * @category models
 * @since 0.1.0
 */
export type Keys = ReadonlyArray<string> | number | "many"

/**
 * The arguments by name, `ARGV` of the script in the order of the names: each is encoded by its schema to text, bytes or
 * a number.
 *
 * @category models
 * @since 0.1.0
 */
export interface NamedArgs {
  readonly [name: string]: Schema.ConstraintEncoder<Value>
}

/**
 * The arguments, `ARGV` of the script: by name, or as one schema whose encoded form is a list (`Schema.Array`,
 * `Schema.Tuple`).
 *
 * @category models
 * @since 0.1.0
 */
export type Args = NamedArgs | Schema.ConstraintEncoder<ReadonlyArray<Value>>

/**
 * The signature of a script or a function: its keys, its arguments, and the schema of its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signature {
  /** The keys: their names in order, their number, or `"many"`. Default: none. */
  readonly keys?: Keys | undefined
  /** The arguments: a schema for each name, or one schema of a list. Default: none. */
  readonly args?: Args | undefined
  /** The schema that decodes the reply. Default: the reply as it comes. */
  readonly result?: Schema.ConstraintDecoder<unknown> | undefined
  /**
   * Whether it changes nothing, so that it may be sent again when its outcome is unknown, and may run on a replica.
   * Default: `false`.
   */
  readonly readonly?: boolean | undefined
}

type Repeat<N extends number, A, T extends ReadonlyArray<A> = []> = number extends N ? ReadonlyArray<A>
  : T["length"] extends N ? T
  : Repeat<N, A, readonly [...T, A]>

/** The keys of a call; `never` when there are none. */
type KeysOf<K> = [K] extends [undefined | readonly [] | 0] ? never
  : K extends ReadonlyArray<string> ? { readonly [N in K[number]]: Argument }
  : K extends number ? Repeat<K, Argument>
  : ReadonlyArray<Argument>

/** The arguments of a call; `never` when there are none. */
type ArgsOf<A> = [A] extends [undefined] ? never
  : A extends Schema.Constraint ? A["Type"]
  : A extends NamedArgs ? { readonly [N in keyof A]: A[N]["Type"] }
  : never

type Member<S, N extends string> = S extends { readonly [M in N]?: infer V } ? V : undefined

/**
 * The input of a call, from the signature: its keys and arguments. A call without keys may have a `routing` key, and
 * runs on the node of that key; without one it runs on any primary.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Input<S extends Signature> =
  & ([KeysOf<Member<S, "keys">>] extends [never] ? { readonly routing?: Argument | undefined }
    : { readonly keys: KeysOf<Member<S, "keys">> })
  & ([ArgsOf<Member<S, "args">>] extends [never] ? unknown : { readonly args: ArgsOf<Member<S, "args">> })

/**
 * The result of a call, from the signature: the type of the schema `result`, or `Reply` without one.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Output<S extends Signature> = Member<S, "result"> extends Schema.Constraint ? Member<S, "result">["Type"]
  : Reply

/**
 * A function that makes the command of a call. The input may be left out when nothing in it is required. Bad input fails the command
 * with an `OptionsError` when it runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<S extends Signature> {
  (...input: {} extends Input<S> ? [input?: Input<S>] : [input: Input<S>]): Command<Output<S>>
}

/** A call as it is at run time, after its types have been checked. */
interface Given {
  readonly keys?: Readonly<Record<string, Argument>> | ReadonlyArray<Argument> | undefined
  readonly args?: unknown
  readonly routing?: Argument | undefined
}

/** The arguments as they are sent, or the problem of the given arguments. */
type Listed = ReadonlyArray<Argument> | string

const isArgument = (value: unknown): value is Argument => typeof value === "string" || value instanceof Uint8Array

/** Puts the keys of a call in order. */
const keyLister = (keys: Keys): (given: Given["keys"]) => Listed => {
  if (Array.isArray(keys)) {
    const names: ReadonlyArray<string> = keys
    return (given) => {
      const byName = (given ?? {}) as Readonly<Record<string, Argument>>
      const missing = names.find((name) => !isArgument(byName[name]))
      return missing === undefined
        ? names.map((name) => byName[name])
        : `the key "${missing}" must be text or bytes, and was not given`
    }
  }
  return (given) => {
    const list = Array.isArray(given) ? given as ReadonlyArray<Argument> : []
    if (keys === "many") return list.length > 0 ? list : "keys must have at least one entry, got none"
    return list.length === keys ? list : `keys must have ${keys} entries, got ${list.length}`
  }
}

/** The arguments for values, or why one of them cannot be sent. */
const argumentsOf = (values: ReadonlyArray<Value>): Listed => {
  const list: Array<Argument> = []
  for (const value of values) {
    const argument = argumentOf(value)
    if (isEncodeFailure(argument)) return `an argument cannot be encoded: ${argument.message}`
    list.push(argument)
  }
  return list
}

/**
 * Encodes the arguments of a call and puts them in order. The message of a schema is left out, because it would show
 * the value.
 */
const argLister = (args: Args): (given: unknown) => Listed => {
  if (Schema.isSchema(args)) {
    const encode = Schema.encodeUnknownResult(args as Schema.ConstraintEncoder<ReadonlyArray<Value>>)
    return (given) => {
      const encoded = encode(given)
      return Result.isSuccess(encoded)
        ? argumentsOf(encoded.success)
        : "the schema of args rejects the arguments of the call"
    }
  }
  const fields = Object.entries(args as NamedArgs).map(([name, field]) =>
    [name, Schema.encodeUnknownResult(field)] as const
  )
  return (given) => {
    const byName = (given ?? {}) as Readonly<Record<string, unknown>>
    const list: Array<Value> = []
    for (const [name, encode] of fields) {
      const encoded = encode(byName[name])
      if (Result.isFailure(encoded)) return `the schema of the argument "${name}" rejects its value`
      list.push(encoded.success)
    }
    return argumentsOf(list)
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The checks of a signature that a program without types has made.
 *
 * @internal
 */
export const signatureChecks: checks.Checks<Signature> = {
  keys: (value) =>
    value === "many" || (Number.isInteger(value) && Number(value) >= 0) ||
      (Array.isArray(value) && value.every((name) => typeof name === "string"))
      ? undefined
      : "a list of names, a number, or \"many\"",
  args: (value) =>
    Schema.isSchema(value) || (isObject(value) && Object.values(value).every(Schema.isSchema))
      ? undefined
      : "an object with a schema for each argument, or one schema of a list",
  result: (value) => Schema.isSchema(value) ? undefined : "a schema",
  readonly: checks.boolean
}

/**
 * Fails because something else than a definition was given.
 *
 * @internal
 */
export const noDefinition = (message: string): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => new OptionsError({ message, outcome: "NotExecuted" })))

/** Names that look like numbers do not keep their order in a JavaScript object. */
const misordered = (args: Args): string | undefined =>
  Schema.isSchema(args) ? undefined : Object.keys(args).find((name) => /^\d+$/.test(name))

const inputNames = ["keys", "args", "routing"]

/** The mistake in the input of a call, apart from its values; `undefined` when there is none. */
const inputProblem = (given: unknown): string | undefined => {
  if (!isObject(given)) return "the input of a call has to be an object with keys and args"
  for (const name in given) if (!inputNames.includes(name)) return checks.unknownOption(name, inputNames)
  return undefined
}

/**
 * Compiles a signature: from the input of a call to `what numkeys key... arg...`.
 *
 * @internal
 */
export const compile = <S extends Signature>(
  signature: Signature,
  options: { readonly spec: CommandSpec; readonly what: string; readonly prerequisite: Prerequisite }
): Call<S> => {
  const { spec, prerequisite, what } = options
  const { args = {}, keys = 0, result } = signature
  const listKeys = keyLister(keys)
  const listArgs = argLister(args)
  const decoded = result === undefined ? undefined : schema(result)
  const misorder = misordered(args)
  const plain = { prerequisite }

  const call = (given: Given = {}): Command<unknown> => {
    if (misorder !== undefined) {
      return invalid(spec, `the argument name "${misorder}" looks like a number; JavaScript would not keep its place`)
    }
    const mistake = inputProblem(given)
    if (mistake !== undefined) return invalid(spec, `${spec.name}: ${mistake}`)
    const keyList = listKeys(given.keys)
    if (typeof keyList === "string") return invalid(spec, `${spec.name}: ${keyList}`)
    const argList = listArgs(given.args)
    if (typeof argList === "string") return invalid(spec, `${spec.name}: ${argList}`)
    const settings = given.routing === undefined || keyList.length > 0
      ? plain
      : { prerequisite, routing: given.routing }
    const command = make(spec, [what, String(keyList.length), ...keyList, ...argList], reply, settings)
    return decoded === undefined ? command : decoded(command)
  }
  // The types of Call say of each input and result what `listKeys`, `listArgs` and the schema make of it.
  return call as Call<S>
}
