/**
 * Typed values: a schema, the key, and the form on the servers, said once.
 *
 * **Example** (Users, kept for ten minutes)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Value } from "effect-redis-cluster"
 *
 * class User extends Schema.Class<User>("User")({ name: Schema.String, born: Schema.Date }) {}
 *
 * const Users = Value.make({
 *   key: (id: number) => `user:${id}`,
 *   schema: User,
 *   timeToLive: "10 minutes"
 * })
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* Users.set(1, new User({ name: "ada", born: new Date("1815-12-10") }))
 *   const ada = yield* Users.get(1) // User | null
 *   const [grace, visits] = yield* redis.pipeline([Users.get(2), redis.incr("visits")])
 *   return { ada, grace, visits }
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Nonatomic from "../client/Nonatomic.ts"
import { ClusterClient } from "../ClusterClient.ts"
import type { Lifetime } from "../commands/Call.ts"
import { Command, DecodeFailure, map } from "../commands/Command.ts"
import { arrayOf, type Decoder, isDecodeFailure } from "../commands/decode.ts"
import { Generic } from "../commands/Generic.ts"
import type { Exact, ExpiryOrKeep, Given, When } from "../commands/Options.ts"
import { Strings } from "../commands/Strings.ts"
import { EncodeFailure, isEncodeFailure, notEncoded } from "../commands/Value.ts"
import type { ConflictError } from "../ConflictError.ts"
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"
import { DecodeError, EncodeError, exception, type RedisClusterException } from "../RedisClusterException.ts"
import { refuse } from "../routing/Rejections.ts"
import type { Codec } from "./Codec.ts"
import * as Coding from "./Coding.ts"
import type { Compression } from "./Compression.ts"
import { commandOf, keyOf, noKey, refusal, withLifetime } from "./keyed.ts"
import { commandsOf, isStorage, type SetOptions, type Storage } from "./Storage.ts"
import { strings } from "./StringStorage.ts"
import { update, type UpdateSettings } from "./Update.ts"

export type { SetOptions, Storage } from "./Storage.ts"

const TypeId = "~effect-redis-cluster/Value"

/**
 * The definition of typed values, for `Value.make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<I, S extends Schema.ConstraintCodec<unknown, unknown>> {
  /** The key of an input. `Namespace` makes keys with a prefix. */
  readonly key: (input: I) => Argument
  /** The schema of the value. It writes and reads. */
  readonly schema: S
  /** The time for which a value lives that is written without another expiry. Default: no end. */
  readonly timeToLive?: Lifetime | undefined
  /** The form on the servers. Default: `Codec.json`. */
  readonly codec?: Codec<S["Encoded"]> | undefined
  /** The compression of the stored form: `Compression.zstd`. Default: none. */
  readonly compression?: Compression | undefined
  /**
   * The type of the keys: `Json.storage` for JSON documents, which commands and indexes of the server see inside. It has its own form, and takes neither
   * `codec` nor `compression`. Default: strings.
   */
  readonly storage?: Storage | undefined
}

/**
 * The reply of `set`: `"OK"`, with a condition `null` when it was not met; with `get` the former value.
 *
 * @category models
 * @since 0.1.0
 */
export type SetReply<O, A> = When<O, "get", A | null, Given<O, "condition", "OK" | null, "OK">>

/**
 * Options of an update. Without an expiry the value lives for the `timeToLive` of the definition again; where that has none, the expiry of the
 * key stays.
 *
 * @category models
 * @since 0.1.0
 */
export type UpdateOptions = ExpiryOrKeep & {
  /** The pauses after lost races. Default: that of `onConflict`, 5 ms doubling to 200 ms, jittered. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  /** The number of attempts after the first. Default: 50, and with a schedule as many as that has. */
  readonly times?: number | undefined
}

/**
 * Typed values under keys. The members can be used apart from the object.
 *
 * @category models
 * @since 0.1.0
 */
export interface Value<in I, in out A> {
  readonly [TypeId]: typeof TypeId
  /** The key of an input, for commands beside those here: `redis.pttl(Users.key(1))`. */
  readonly key: (input: I) => Argument
  /** The time for which a value lives that is written without another expiry; `undefined` for no end. */
  readonly timeToLive: Lifetime | undefined
  /** The type of the keys; `undefined` for strings. */
  readonly storage: Storage | undefined
  /** Reads the value; `null` if there is none. A stored value that the schema refuses fails it with a `DecodeError`. */
  readonly get: (input: I) => Command<A | null>
  /**
   * Reads the values of many inputs, in their order, of any slots: one command for each slot, all sent at once.
   *
   * **Details**
   *
   * When parts fail, it fails with a `PartialFailureError` with the positions of their inputs. One stored value that the schema refuses
   * fails the values of its slot. For a result of each value use `redis.pipelineResults(inputs.map(Users.get))`. With the option `cached`
   * the cache of the client may answer with values of that age: a duration, in which a bare number is milliseconds.
   */
  readonly getMany: (
    inputs: ReadonlyArray<I>,
    options?: { readonly cached?: Duration.Input | undefined }
  ) => Effect.Effect<ReadonlyArray<A | null>, RedisClusterException, ClusterClient>
  /**
   * Writes a value, with the options of SET. A value that the schema refuses fails it with an `EncodeError`, and nothing is sent.
   *
   * **Gotchas**
   *
   * A write without `keepTtl` and without an expiry begins the `timeToLive` of the definition again; where there is none, it removes the
   * expiry of the key.
   */
  readonly set: <const O extends SetOptions = {}>(
    input: I,
    value: A,
    options?: Exact<O, SetOptions>
  ) => Command<SetReply<O, A>>
  /**
   * Writes many values, of any slots, at once. When a value cannot be encoded, none is written, and it fails with an `EncodeError`.
   *
   * **Gotchas**
   *
   * It is not atomic: when it fails with another error, such as a `PipelineError`, some values may have been written.
   */
  readonly setMany: (
    entries: Iterable<readonly [input: I, value: A]>,
    options?: ExpiryOrKeep
  ) => Effect.Effect<void, RedisClusterException, ClusterClient>
  /** Deletes the value. Returns whether there was one. It adds no error. */
  readonly delete: (input: I) => Command<boolean>
  /** Deletes many values, of any slots. Returns how many there were. It is not atomic, and fails with a `PartialFailureError`. */
  readonly deleteMany: (inputs: ReadonlyArray<I>) => Effect.Effect<number, RedisClusterException, ClusterClient>
  /**
   * Replaces the value by what a function makes of it, `null` where there is none. Returns the new value.
   *
   * **Details**
   *
   * It is optimistic: the value is read, and written if nobody else has written meanwhile; otherwise the function gets the new value, after a
   * pause of the schedule. The server compares (`SET IFEQ` of Valkey 8.1 and Redis 8.4, a script on others). When all attempts are lost it fails
   * with a `ConflictError`, and nothing was written.
   *
   * The function counts once: a write whose outcome is unknown is not repeated, and the error says `outcome: "Unknown"`.
   *
   * **Gotchas**
   *
   * The comparison is of the whole value. A change and its undoing in between go unnoticed.
   */
  readonly update: (
    input: I,
    f: (value: A | null) => A,
    options?: UpdateOptions
  ) => Effect.Effect<A, ConflictError | RedisClusterException, ClusterClient>
  /**
   * Replaces the value by what an effect makes of it, like `update`. It fails with the error of the effect, which ends the update, and
   * with the errors of `update`, such as `ConflictError`.
   *
   * **Gotchas**
   *
   * The effect runs once for each attempt, so that what it does elsewhere may be done many times.
   */
  readonly updateEffect: <E, R>(
    input: I,
    f: (value: A | null) => Effect.Effect<A, E, R>,
    options?: UpdateOptions
  ) => Effect.Effect<A, E | ConflictError | RedisClusterException, R | ClusterClient>
  /**
   * Replaces the value like `update`, and returns something else: the function gives the result and the new value. It fails like
   * `update`, with a `ConflictError` when all attempts are lost.
   */
  readonly modify: <B>(
    input: I,
    f: (value: A | null) => readonly [result: B, value: A],
    options?: UpdateOptions
  ) => Effect.Effect<B, ConflictError | RedisClusterException, ClusterClient>
}

/**
 * Whether a value is a `Value`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isValue = (value: unknown): value is Value<never, unknown> => Predicate.hasProperty(value, TypeId)

/** A definition, whatever it is of. */
interface AnyDefinition extends Coding.Parts {
  readonly key: unknown
  readonly timeToLive?: unknown
  readonly storage?: unknown
}

const definitionChecks: checks.Checks<AnyDefinition> = {
  key: checks.func,
  schema: checks.anything,
  timeToLive: checks.lifetime(1, false),
  codec: checks.anything,
  compression: checks.anything,
  storage: (storage) => isStorage(storage) ? undefined : "a storage: Json.storage"
}

/** A wrong age fails the command of each key. */
const readChecks: checks.Checks<{ readonly cached?: unknown }> = { cached: checks.anything }

/** The command refuses a wrong expiry. */
const expiryChecks: checks.Checks<Record<"expire" | "expireAt" | "keepTtl", unknown>> = {
  expire: checks.anything,
  expireAt: checks.anything,
  keepTtl: checks.anything
}

const updateChecks: checks.Checks<Record<"expire" | "expireAt" | "keepTtl", unknown> & UpdateSettings> = {
  ...expiryChecks,
  schedule: (value) => Schedule.isSchedule(value) ? undefined : "a schedule",
  times: (value) => value === Infinity ? undefined : checks.integer(0)(value)
}

/** The reason why SET refuses an expiry, found before anything is read or sent; `undefined` if it takes it. */
const expiryProblem = (expiry: ExpiryOrKeep): string | undefined =>
  Strings.set<SetOptions>("", "", expiry).settings.invalid

const setManyProblem = (entries: unknown, options: ExpiryOrKeep = {}): string | undefined => {
  if (typeof entries !== "object" || !Predicate.hasProperty(entries, Symbol.iterator)) {
    return "setMany: the entries have to be a list of pairs of an input and a value"
  }
  const mistake = checks.problemOf(options, expiryChecks) ?? expiryProblem(withLifetime(options, undefined))
  return mistake === undefined ? undefined : `setMany: ${mistake}`
}

const isPair = (entry: unknown): boolean => Array.isArray(entry) && entry.length === 2

const problemOf = (definition: AnyDefinition): string | undefined =>
  checks.problemOf(definition, definitionChecks) ??
    (definition.key === undefined
      ? "key is missing"
      : definition.storage !== undefined && (definition.codec ?? definition.compression) !== undefined
      ? "codec and compression are for strings: a storage has its own form"
      : Coding.problemOf(definition))

/**
 * Makes typed values from a definition: the key, the schema, and the form on the servers.
 *
 * **When to use**
 *
 * Use it where one kind of value stands under many keys. A single command takes a schema as well: `Command.schema`, `Command.encode`. An
 * object whose properties are read and written alone is a `HashValue`.
 *
 * **Details**
 *
 * The schema goes both ways. By default a value is JSON by the schema's own JSON codec, so that dates, branded types, classes, `Option` and bytes
 * come back as they were. A schema that needs services is refused by the types. A definition that is mistaken, such as one whose schema only decodes, makes
 * every command fail with an `OptionsError`, and nothing is sent.
 *
 * A value that the schema refuses fails with an `EncodeError` before it is sent, a stored value that it refuses with a `DecodeError`. Neither shows
 * the value. A schema that waits is refused in the same way, when it is first used.
 *
 * **Gotchas**
 *
 * Other programs see the JSON of the schema. A change of the schema concerns the values that are stored already: new properties need to be
 * optional, or to have a default.
 *
 * **Example** (A counter of visits that other programs read)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Codec, Namespace, Value } from "effect-redis-cluster"
 *
 * const app = Namespace.make("app:prod")
 *
 * export const Visits = Value.make({
 *   key: (page: string) => app.key("visits", page),
 *   schema: Schema.FiniteFromString,
 *   codec: Codec.text
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const S extends Schema.ConstraintCodec<unknown, unknown>, I = void>(
  definition: Definition<I, S>
): Value<I, S["Type"]> => {
  type A = S["Type"]
  const problem = problemOf(definition)
  const { codec, key, storage: given, timeToLive }: Partial<Definition<I, S>> = problem === undefined ? definition : {}
  const storage = given === undefined ? strings : commandsOf(given)
  const keys = keyOf("Value.make", key, problem)
  const { encode, decode } = problem === undefined
    ? Coding.make<A>({ ...definition, codec: codec ?? storage.codec })
    : unusable

  const stored: Decoder<A | null> = (reply) =>
    reply === null ? null : reply instanceof Uint8Array ? decode(reply) : new DecodeFailure("expected a string")

  const reading = <B>({ args, settings, spec }: Command<unknown>, decoder: Decoder<B>): Command<B> =>
    new Command(spec, args, decoder, { ...settings, binary: true })

  const get = (input: I): Command<A | null> =>
    commandOf(storage.reads, keys, input, (key) => reading(storage.get(key), stored))

  const set = (input: I, value: A, options: SetOptions = {}): Command<never> =>
    commandOf<I, unknown>(storage.writes, keys, input, (key) => {
      // SET refuses what is no object.
      const given = Predicate.isObject(options) ? withLifetime(options, timeToLive) : options
      const command = storage.set(key, encode(value), given)
      return Predicate.hasProperty(options, "get") && options.get === true ? reading(command, stored) : command
      // The type of the reply follows the options.
    }) as Command<never>

  const keysOf = (inputs: ReadonlyArray<I>): Effect.Effect<ReadonlyArray<Argument>, RedisClusterException> =>
    Effect.suspend(() => {
      if (problem !== undefined) return Effect.fail(refusal(`Value.make: ${problem}`))
      if (!Array.isArray(inputs)) return Effect.fail(refusal("the inputs have to be a list"))
      const found: Array<Argument> = []
      for (const input of inputs) {
        const each = keys(input)
        if ("problem" in each) return Effect.fail(refusal(each.problem))
        found.push(each.key)
      }
      return Effect.succeed(found)
    })

  const replaced = <B, E, R>(
    input: I,
    f: (value: A | null) => Effect.Effect<readonly [result: B, value: A], E, R>,
    options: UpdateOptions = {}
  ): Effect.Effect<B, E | ConflictError | RedisClusterException, R | ClusterClient> => {
    const found = keys(input)
    if ("problem" in found) return Effect.fail(refusal(found.problem))
    const mistake = checks.problemOf(options, updateChecks)
    if (mistake !== undefined) return Effect.fail(refusal(`update: ${mistake}`))
    const { schedule, times, ...expiry } = options
    // An option that is undefined is not given.
    const isGiven = expiry.expire !== undefined || expiry.expireAt !== undefined || expiry.keepTtl !== undefined
    const lasting: ExpiryOrKeep = timeToLive === undefined ? { keepTtl: true } : {}
    const lifetime = withLifetime(isGiven ? expiry : lasting, timeToLive)
    const contradiction = expiryProblem(lifetime)
    if (contradiction !== undefined) return Effect.fail(refusal(`update: ${contradiction}`))
    return update(
      storage,
      found.key,
      (stored) => Effect.flatMap(readStored(stored), (value) => Effect.flatMap(f(value), written)),
      lifetime,
      { schedule, times }
    )
  }

  const readStored = (bytes: Uint8Array | null): Effect.Effect<A | null, RedisClusterException> => {
    const value = stored(bytes)
    return isDecodeFailure(value) ? Effect.fail(undecodable(value, storage.reads)) : Effect.succeed(value)
  }

  const written = <B>([result, value]: readonly [B, A]): Effect.Effect<
    { readonly value: Argument; readonly result: B },
    RedisClusterException
  > => {
    const encoded = encode(value)
    const command = storage.writes
    return isEncodeFailure(encoded)
      ? Effect.fail(
        exception(() =>
          new EncodeError({ message: `${command}: ${notEncoded(encoded)}`, outcome: "NotExecuted", command })
        )
      )
      : Effect.succeed({ value: encoded, result })
  }

  return {
    [TypeId]: TypeId,
    key: key ?? noKey,
    timeToLive,
    storage: given,
    get,
    set,
    delete: (input) => commandOf("DEL", keys, input, (key) => map(Generic.del(key), (count) => count > 0)),
    getMany: (inputs, options) =>
      Effect.flatMap(keysOf(inputs), (keys) =>
        Effect.flatMap(ClusterClient, (redis) => {
          const sender: Nonatomic.Sender = { pipelineResults: redis.pipelineResults, refuse }
          const mistake = checks.problemOf(options ?? {}, readChecks)
          if (mistake !== undefined) return Effect.fail(refusal(`getMany: ${mistake}`))
          const maxAge = options?.cached
          return maxAge === undefined
            ? Nonatomic.run(
              sender,
              keys,
              (positions) => reading(storage.mget(positions.map((i) => keys[i])), arrayOf(stored)),
              Nonatomic.inOrder(keys)
            )
            : Nonatomic.cachedValues(sender, keys, (key) => reading(storage.get(key), stored), maxAge)
        })),
    setMany: (entries, options) =>
      Effect.flatMap(ClusterClient, (redis) => {
        const mistake = problem === undefined ? setManyProblem(entries, options) : `Value.make: ${problem}`
        if (mistake !== undefined) return Effect.fail(refusal(mistake))
        const commands: Array<Command<never>> = []
        for (const entry of entries) {
          if (!isPair(entry)) {
            return Effect.fail(refusal("setMany: each entry has to be a pair of an input and a value"))
          }
          commands.push(set(entry[0], entry[1], options))
        }
        return commands.length === 0 ? Effect.void : Effect.asVoid(redis.pipeline(commands))
      }),
    deleteMany: (inputs) =>
      Effect.flatMap(keysOf(inputs), (keys) => Effect.flatMap(ClusterClient, (redis) => redis.delNonatomic(keys))),
    update: (input, f, options) => replaced(input, (value) => Effect.sync(() => twice(f(value))), options),
    updateEffect: (input, f, options) => replaced(input, (value) => Effect.map(f(value), twice), options),
    modify: (input, f, options) => replaced(input, (value) => Effect.sync(() => f(value)), options)
  }
}

const twice = <A>(value: A): readonly [A, A] => [value, value]

/** Stands where a definition is mistaken. Its commands are refused before anything is encoded. */
const unusable: Coding.Coding<never> = {
  encode: () => new EncodeFailure("the definition is mistaken"),
  decode: () => new DecodeFailure("the definition is mistaken")
}

const undecodable = ({ cause, message }: DecodeFailure, command: string): RedisClusterException =>
  exception(() => new DecodeError({ message: `${command}: ${message}`, cause, outcome: "Executed", command }))
