/**
 * Schemas between the program and the server: decoders for replies, encoders for arguments. Neither throws.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { DecodeFailure } from "./decode.ts"
import { withoutData } from "./SchemaIssues.ts"
import { EncodeFailure, isEncodeFailure, type Value } from "./Value.ts"

/**
 * The reply that a schema decodes: its encoded form, or, for a schema of an object, the fields of a hash as they come.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Decodable<E> = E | (E extends FieldsOf<E> ? Readonly<Record<string, string>> : never)

/**
 * The encoded form of an object that is made of text, field by field.
 *
 * @category utility types
 * @since 0.1.0
 */
export type FieldsOf<E> = E extends object ?
  { readonly [K in keyof E]: [E[K] & string] extends [never] ? string : E[K] }
  : never

/** The thrown error with its place and without its message: the message may quote the value, as that of `JSON.parse` does. */
export const withoutMessage = (thrown: unknown): Error => {
  const error = new Error("the message is left out, it may quote the reply")
  if (!(thrown instanceof Error)) return error
  error.name = thrown.name
  const frames = thrown.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? []
  error.stack = [`${error.name}: ${error.message}`, ...frames].join("\n")
  return error
}

/** Whether a schema had to wait for something, which nobody can where a command is built or a reply is read. */
const isWaiting = (error: unknown): boolean =>
  Predicate.hasProperty(error, "cause") && Cause.isCause(error.cause) &&
  error.cause.reasons.some((reason) => reason._tag === "Die" && Cause.isAsyncFiberError(reason.defect))

const threw = "a function of the schema threw an error"

/** Decodes what a command answers. */
export const decoderOf = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S
): (value: unknown) => S["Type"] | DecodeFailure => {
  const decode = Schema.decodeUnknownResult(schema)
  const shown = withoutData(schema)
  return (value) => {
    try {
      const result = decode(value)
      if (Result.isSuccess(result)) return result.success
      const error = shown(result.failure)
      return new DecodeFailure(error.message, error)
    } catch (error) {
      return new DecodeFailure(
        isWaiting(error)
          ? "the schema is asynchronous, and a reply is decoded at once: let it give what it needs, and run the effect on the result"
          : threw,
        withoutMessage(error)
      )
    }
  }
}

/** The result of a schema for a value, or the reason why there is none. The message shows nothing of the value. */
export const encoderOf = <E>(schema: Schema.ConstraintEncoder<E>): (value: unknown) => E | EncodeFailure => {
  const run = Schema.encodeUnknownResult(schema)
  const shown = withoutData(schema)
  return (value) => {
    try {
      const result = run(value)
      return Result.isSuccess(result) ? result.success : new EncodeFailure(shown(result.failure).message)
    } catch (error) {
      return new EncodeFailure(isWaiting(error) ? "the schema is asynchronous: encode before the command" : threw)
    }
  }
}

/**
 * Encodes a value by its schema, for a command that takes one: to text, bytes or a number.
 *
 * **When to use**
 *
 * Use it with `set`, `rpush` and their like, and read with the same schema by `Command.schema`. For the fields of a hash there is
 * `Command.fields`.
 *
 * **Details**
 *
 * It never throws. A value that the schema refuses makes the command fail with an `EncodeError`, and nothing is sent. The
 * error shows nothing of the value.
 *
 * **Gotchas**
 *
 * The schema has to encode to text, bytes or a number, and at once: one that waits fails the command with an `EncodeError`.
 *
 * **Example** (JSON, written and read with one schema)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String, born: Schema.Number }))
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.set("user:1", Command.encode(User)({ name: "ada", born: 1815 }))
 *   return yield* redis.get("user:1").pipe(Command.schema(Schema.NullOr(User)))
 * })
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <S extends Schema.ConstraintEncoder<Value>>(schema: S): (value: S["Type"]) => Value =>
  encoderOf<Value>(schema)

/**
 * Encodes an object by its schema to the fields of a hash, or of an entry of a stream. Fields that are `undefined` are left out.
 *
 * **When to use**
 *
 * Use it with `hset`, `hsetex` and `xadd`, and read with the same schema by `Command.hash`.
 *
 * **Details**
 *
 * It never throws. An object that the schema refuses makes the command fail with an `EncodeError`, and nothing is sent.
 *
 * **Gotchas**
 *
 * `hset` leaves fields alone that the object does not have: a field that was written before stays. `HashValue` replaces
 * whole objects. Fields are text: the schema of a number is `Schema.FiniteFromString`, not `Schema.Number`.
 *
 * **Example** (A hash, written and read with one schema)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.hset("order:1", Command.fields(Order)({ id: "1", total: 20 }))
 *   return yield* redis.hgetall("order:1").pipe(Command.hash(Order)) // { id: string; total: number } | null
 * })
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const fields = <S extends Schema.ConstraintEncoder<{ readonly [field: string]: Value | undefined }>>(
  schema: S
): (value: S["Type"]) => Readonly<Record<string, Value>> => {
  const encoded = encoderOf<{ readonly [field: string]: Value | undefined }>(schema)
  return (value) => {
    const result = encoded(value)
    // The command refuses the failure wherever it stands, also among other fields.
    if (isEncodeFailure(result)) return { "": result }
    const given: Record<string, Value> = {}
    for (const [field, value] of Object.entries(result)) {
      if (value !== undefined) given[field] = value
    }
    return given
  }
}
