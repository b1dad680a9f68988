/**
 * Typed objects in hashes: a field for each property, so that parts are read and written alone.
 *
 * **Example** (Orders, and a part of one)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { HashValue } from "effect-redis-cluster"
 *
 * const Orders = HashValue.make({
 *   key: (id: number) => `order:${id}`,
 *   schema: Schema.Struct({
 *     customer: Schema.String,
 *     total: Schema.Number,
 *     placed: Schema.Date,
 *     note: Schema.optionalKey(Schema.String)
 *   })
 * })
 *
 * export const program = Effect.gen(function*() {
 *   yield* Orders.set(1, { customer: "ada", total: 20, placed: new Date() })
 *   yield* Orders.patch(1, { total: 25 })
 *   return yield* Orders.pick(1, ["customer", "total"]) // { customer: string; total: number } | null
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { ClusterClient } from "../ClusterClient.ts"
import type { Lifetime } from "../commands/Call.ts"
import { Command, DecodeFailure, invalid, map, unencodable } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { assign, type Decoder, isDecodeFailure, record, stringsOrNull } from "../commands/decode.ts"
import { Generic } from "../commands/Generic.ts"
import { Hashes } from "../commands/Hashes.ts"
import { EncodeFailure, isEncodeFailure, notEncoded } from "../commands/Value.ts"
import * as checks from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import type { Argument } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as FieldCoding from "./FieldCoding.ts"
import { commandOf, keyOf, noKey } from "./keyed.ts"
import { oneWay } from "./oneWay.ts"

const TypeId = "~effect-redis-cluster/HashValue"

/**
 * A schema of an object whose properties are known: `Schema.Struct`, `Schema.Class`.
 *
 * @category models
 * @since 0.1.0
 */
export type ObjectSchema = Schema.ConstraintCodec<object, unknown> & { readonly fields: Schema.Struct.Fields }

/**
 * The definition of typed hashes, for `HashValue.make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<I, S extends ObjectSchema> {
  /** The key of an input. `Namespace` makes keys with a prefix. */
  readonly key: (input: I) => Argument
  /** The schema of the object. It writes and reads. */
  readonly schema: S
  /** The time for which an object lives after `set`. `patch` does not change it. Default: no end. */
  readonly timeToLive?: Lifetime | undefined
}

/** The names of the properties that an object may lack. */
type OptionalKeys<A> = { [K in keyof A]-?: {} extends Pick<A, K> ? K : never }[keyof A]

/**
 * Typed objects in hashes. The members can be used apart from the object.
 *
 * @category models
 * @since 0.1.0
 */
export interface HashValue<in I, in out A> {
  readonly [TypeId]: typeof TypeId
  /** The key of an input, for commands beside those here: `redis.hincrby(Orders.key(1), "visits", 1)`. */
  readonly key: (input: I) => Argument
  /**
   * Reads the object; `null` if there is none. Fields that the schema does not know are left out. An object that the schema refuses
   * fails it with a `DecodeError`.
   */
  readonly get: (input: I) => Command<A | null>
  /**
   * Reads some properties of the object; `null` if it has none of these fields, as when there is no object. Properties that the schema
   * refuses, or that are missing, fail it with a `DecodeError`.
   */
  readonly pick: <const K extends keyof A & string>(
    input: I,
    properties: ReadonlyArray<K>
  ) => Command<Pick<A, K> | null>
  /**
   * Writes the object in the place of the former one, whose other fields go, in one transaction. An object that the schema refuses fails
   * it with an `EncodeError`, and nothing is sent. `setCommands` gives its commands for a transaction with others.
   */
  readonly set: (input: I, value: A) => Effect.Effect<void, RedisClusterException, ClusterClient>
  /**
   * The commands of `set`: they delete the former object and write this one. An object that the schema refuses fails them with an
   * `EncodeError`.
   *
   * **Gotchas**
   *
   * They belong in a transaction: between them there is no object.
   */
  readonly setCommands: (input: I, value: A) => ReadonlyArray<Command<unknown>>
  /**
   * Writes some properties and leaves the others as they are. A property that is `undefined` is left as it is, too: `unset` deletes.
   * Properties that the schema refuses fail it with an `EncodeError`, and nothing is sent.
   *
   * **Gotchas**
   *
   * It writes whether or not there is an object: where there was none, the properties that it lacks are missing when it is read. It does
   * not begin the `timeToLive` of the definition again.
   */
  readonly patch: (input: I, properties: Partial<A>) => Command<void>
  /** Deletes properties that the object may lack. Returns how many there were. It adds no error. */
  readonly unset: (input: I, properties: ReadonlyArray<OptionalKeys<A> & string>) => Command<number>
  /** Deletes the object. Returns whether there was one. It adds no error. */
  readonly delete: (input: I) => Command<boolean>
}

/**
 * Whether a value is a `HashValue`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isHashValue = (value: unknown): value is HashValue<never, unknown> => Predicate.hasProperty(value, TypeId)

/** A definition, whatever it is of. */
interface AnyDefinition {
  readonly key: unknown
  readonly schema: unknown
  readonly timeToLive?: unknown
}

const definitionChecks: checks.Checks<AnyDefinition> = {
  key: checks.func,
  schema: (schema) =>
    Schema.isSchema(schema) && Predicate.hasProperty(schema, "fields")
      ? undefined
      : "a schema of an object: Schema.Struct or Schema.Class",
  timeToLive: checks.lifetime(1, false)
}

const problemOf = (definition: AnyDefinition): string | undefined => {
  const problem = checks.problemOf(definition, definitionChecks)
  if (problem !== undefined) return problem
  const { key, schema } = definition
  if (key === undefined || !Schema.isSchema(schema)) return `${key === undefined ? "key" : "schema"} is missing`
  try {
    return oneWay(Schema.toCodecJson(schema))
  } catch {
    return "its schema has no JSON codec"
  }
}

const nothing: FieldCoding.FieldCoding<never> = {
  names: [],
  encode: () => new EncodeFailure("the definition is mistaken"),
  decode: () => new DecodeFailure("the definition is mistaken"),
  encodeSome: () => new EncodeFailure("the definition is mistaken"),
  decodeSome: () => new DecodeFailure("the definition is mistaken")
}

const refused = (name: string, mistake: string): Command<never> =>
  invalid(new CommandSpec(name, {}), `${name}: ${mistake}`)

const isEmpty = (fields: FieldCoding.Fields): boolean => {
  for (const _ in fields) return false
  return true
}

/**
 * Makes typed hashes from a definition: the key and the schema of an object.
 *
 * **When to use**
 *
 * Use it for objects whose properties are read, written or counted alone. An object that is always read and written whole is smaller and
 * faster as a `Value`.
 *
 * **Details**
 *
 * A property whose JSON is text is a field of that text: strings, dates, literals. Any other property is a field of JSON, so that servers count numbers
 * (`HINCRBY`) and show the rest. A property that is `undefined` has no field; where the schema wants it (`Schema.UndefinedOr`) it reads as
 * `undefined`, and as `null` where the schema admits both. A definition that is mistaken makes every command fail with an
 * `OptionsError`, and nothing is sent.
 *
 * **Gotchas**
 *
 * An object of which every property is `undefined` has no fields, and reads as `null`: servers have no empty hashes.
 *
 * **Example** (Points that servers count)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, HashValue } from "effect-redis-cluster"
 *
 * const Players = HashValue.make({
 *   key: (name: string) => `player:${name}`,
 *   schema: Schema.Struct({ team: Schema.String, points: Schema.Number })
 * })
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* Players.set("ada", { team: "red", points: 10 })
 *   yield* redis.hincrby(Players.key("ada"), "points", 5)
 *   return yield* Players.pick("ada", ["points"]) // { points: number } | null
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const S extends ObjectSchema, I = void>(
  definition: Definition<I, S>
): HashValue<I, S["Type"]> => {
  type A = S["Type"]
  const problem = problemOf(definition)
  const { key, timeToLive }: Partial<Definition<I, S>> = problem === undefined ? definition : {}
  const keys = keyOf("HashValue.make", key, problem)
  const coding = problem === undefined ? FieldCoding.make<A>(definition.schema) : nothing
  const isLasting = timeToLive === undefined || millisOf(timeToLive) === Infinity

  const whole: Decoder<A | null> = (reply) => {
    const fields = record(reply)
    return isDecodeFailure(fields) ? fields : isEmpty(fields) ? null : coding.decode(fields)
  }

  const some = <K extends keyof A & string>(
    properties: ReadonlyArray<K>
  ): Decoder<Pick<A, K> | null> =>
  (reply) => {
    const values = stringsOrNull(reply)
    if (isDecodeFailure(values)) return values
    const fields: Record<string, string> = {}
    for (const [i, value] of values.entries()) {
      if (value !== null) assign(fields, properties[i], value)
    }
    // The schemas of the properties made the values.
    return isEmpty(fields) ? null : coding.decodeSome(properties, fields) as Pick<A, K> | DecodeFailure
  }

  const writing = (key: Argument, fields: FieldCoding.Fields | EncodeFailure): Command<number> => {
    const command = Hashes.hset(key, isEncodeFailure(fields) ? { "": fields } : fields)
    return isEncodeFailure(fields)
      ? unencodable(command.spec, `HSET: ${notEncoded(fields)}`)
      : isEmpty(fields)
      ? unencodable(
        command.spec,
        "HSET: a value cannot be encoded: none of its properties has a value, and an empty hash does not exist"
      )
      : command
  }

  const propertiesProblem = (properties: ReadonlyArray<unknown>): string | undefined =>
    !Array.isArray(properties)
      ? "the properties have to be a list of names"
      : properties.every((name) => coding.names.some((known) => known === name))
      ? undefined
      : FieldCoding.noProperty(coding.names)

  const setCommands = (input: I, value: A): ReadonlyArray<Command<unknown>> => {
    const command = (build: (key: Argument) => Command<unknown>) => commandOf<I, unknown>("HSET", keys, input, build)
    return [
      command(Generic.del),
      command((key) => writing(key, coding.encode(value))),
      ...isLasting ? [] : [command((key) => Generic.pexpire(key, timeToLive))]
    ]
  }

  return {
    [TypeId]: TypeId,
    key: key ?? noKey,
    get: (input) =>
      commandOf("HGETALL", keys, input, (key) => {
        const { args, settings, spec } = Hashes.hgetall(key)
        return new Command(spec, args, whole, settings)
      }),
    pick: (input, properties) =>
      commandOf("HMGET", keys, input, (key) => {
        const mistake = propertiesProblem(properties)
        if (mistake !== undefined) return refused("HMGET", mistake)
        const { args, settings, spec } = Hashes.hmget(key, properties)
        return new Command(spec, args, some(properties), settings)
      }),
    set: (input, value) =>
      Effect.flatMap(ClusterClient, (redis) => Effect.asVoid(redis.transaction(setCommands(input, value)))),
    setCommands,
    patch: (input, properties) =>
      commandOf("HSET", keys, input, (key) => map(writing(key, coding.encodeSome(properties)), () => undefined)),
    unset: (input, properties) =>
      commandOf("HDEL", keys, input, (key) => {
        const mistake = propertiesProblem(properties)
        return mistake === undefined ? Hashes.hdel(key, properties) : refused("HDEL", mistake)
      }),
    delete: (input) => commandOf("DEL", keys, input, (key) => map(Generic.del(key), (count) => count > 0))
  }
}
