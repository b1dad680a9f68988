/**
 * A command as a value: its name, its arguments, and the decoder of its reply.
 *
 * A command is an effect: `yield* redis.get("k")` sends it. It is a value as well, which can be put into a pipeline or
 * a transaction, or executed on given nodes. A command of a builder, `Strings.get("k")`, runs on the `ClusterClient`
 * of the fiber.
 *
 * **Example** (A typed JSON value)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const User = Schema.Struct({ name: Schema.String, age: Schema.Number })
 *
 * const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const getUser = (id: string) =>
 *     redis.get(`user:${id}`).pipe(Command.schema(Schema.NullOr(Schema.fromJsonString(User))))
 *   const ada = yield* getUser("ada") // { readonly name: string; readonly age: number } | null
 *   const [grace, barbara] = yield* redis.pipeline([getUser("grace"), getUser("barbara")])
 *   return [ada?.age, grace?.age, barbara?.age]
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import { dual } from "effect/Function"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { unknownOption } from "../internal/checks.ts"
import { millisOf } from "../internal/millis.ts"
import { type Argument, type Reply, UnreadableReply } from "../protocol/Reply.ts"
import {
  DecodeError,
  exception,
  OptionsError,
  type Reason,
  type RedisClusterException
} from "../RedisClusterException.ts"
import { isCacheable } from "./cacheable.ts"
import type { CallSettings } from "./CallSettings.ts"
import { CommandSpec } from "./CommandSpec.ts"
import { anySize, DecodeFailure, type Decoder, isDecodeFailure, reply } from "./decode.ts"
import { entriesDecoderOf, type TypedEntries, type WithEntries } from "./EntryCoding.ts"
import { type ClusterClient, key } from "./Executor.ts"
import { type Decodable, decoderOf, type FieldsOf, withoutMessage } from "./SchemaCoding.ts"
import { argumentOf, isEncodeFailure, notEncoded, type Value } from "./Value.ts"
import { firstWord } from "./words.ts"

export { type CallSettings, CurrentCallSettings, withIdempotence, withTimeout } from "./CallSettings.ts"
export { DecodeFailure, type Decoder } from "./decode.ts"
export type { TypedEntries, WithEntries } from "./EntryCoding.ts"
export { type Decodable, encode, fields, type FieldsOf } from "./SchemaCoding.ts"
export { EncodeFailure, type Secret, type Value } from "./Value.ts"

/**
 * The settings of one call of a command. `Command.bytes`, `timeout`, `idempotent` and so on set them: a program reads
 * them, as in a function of `redis.mapCommand`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommandSettings {
  /** Whether bulk strings of the reply are delivered as bytes. */
  readonly binary: boolean
  /** Whether text of the reply that is not UTF-8 is delivered with replacement characters. */
  readonly lossy: boolean
  /**
   * Whether the caller allows the command to be executed twice, so that it may be sent again when its outcome is
   * unknown.
   */
  readonly idempotent: boolean
  /** The time from call to reply in milliseconds; `undefined` for the client's `commandTimeout`. */
  readonly timeout: number | undefined
  /** The reason why it cannot be sent: bad input that the types could not refuse. */
  readonly invalid: string | undefined
  /** The reason itself, when it is not bad input: a command by name whose name could not be looked up. */
  readonly refusal: Reason | undefined
  /** Whether the reason is a value that could not be encoded. */
  readonly unencodable: boolean
  /** The key whose slot decides the node, for a command without keys. */
  readonly routing: Argument | undefined
  /** The greatest age of a reply that the client's cache may give, in milliseconds; `undefined` to ask the server. */
  readonly cached: number | undefined
  /** The script or the library that the node may lack. */
  readonly prerequisite: Prerequisite | undefined
  /** The function for the keys of a command by name, whose keys are not known before the name is looked up. */
  readonly mapKeys: ((key: string) => Argument) | undefined
}

/**
 * The need of a command on its node that nodes may lack: a script, or a library of functions.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prerequisite {
  /** The command that loads it into a node. */
  readonly load: Command<unknown>
  /**
   * The call in a form without the prerequisite, for calls that cannot be repeated; the call itself when there is no
   * such form. It adds no error.
   */
  readonly selfContained: <A>(command: Command<A>) => Command<A>
}

const defaults: CommandSettings = {
  binary: false,
  lossy: false,
  idempotent: false,
  timeout: undefined,
  invalid: undefined,
  refusal: undefined,
  unencodable: false,
  routing: undefined,
  cached: undefined,
  prerequisite: undefined,
  mapKeys: undefined
}

/** Whether a value is a `Uint8Array` of any realm. Other views of memory count their elements in another way. */
const isBytes = (value: unknown): boolean =>
  ArrayBuffer.isView(value) && "BYTES_PER_ELEMENT" in value && value.BYTES_PER_ELEMENT === 1

/**
 * The position of the first argument that is neither text nor bytes, or -1. The types refuse such an argument, but
 * values from outside and programs without types get past them, and the argument would break the stream that all
 * callers share.
 *
 * @internal
 */
export const misfitOf = (args: ReadonlyArray<Argument>): number => {
  for (let i = 0; i < args.length; i++) {
    if (typeof args[i] !== "string" && !isBytes(args[i])) return i
  }
  return -1
}

/**
 * The message about an argument that is neither text nor bytes.
 *
 * @internal
 */
export const complaint = (value: unknown): string =>
  `${
    value === null ? "null" : value === undefined ? "undefined" : `of the type ${typeof value}`
  }; expected text (a string) or bytes (a Uint8Array)`

/** Whether an argument can be sent: a transferred array has no bytes any more. */
const isSendable = (value: Argument): boolean =>
  typeof value === "string" || (isBytes(value) && !("detached" in value.buffer && value.buffer.detached))

const TypeId = "~effect-redis-cluster/Command"
const textOf = (argument: Argument): string =>
  typeof argument === "string"
    ? argument
    : isBytes(argument) && argument.byteLength > 0
    ? Buffer.from(argument).toString()
    : ""

declare const mark: unique symbol

/**
 * Runs a command: on a client, a view of it, or a mock.
 *
 * @category models
 * @since 0.1.0
 */
export type Run = (command: Command<unknown, unknown>) => Effect.Effect<unknown, RedisClusterException>

/** The client of the fiber, as far as commands need it. */
const Executor = Context.Service<ClusterClient, { readonly execute: Run }>(key)

/**
 * The result of running a command: for a command that answers per node, a map by node.
 *
 * @category utility types
 * @since 0.1.0
 */
export type CommandResult<A, M> = M extends "perNode" ? ReadonlyMap<ClusterNode, A> : A

/**
 * A command with its arguments, and the effect that runs it, which fails with a `RedisClusterException`. `A` is the type of its
 * result on one node; `M` is `"perNode"` for a `PerNodeCommand`.
 *
 * **When to use**
 *
 * Methods of the client and builders (`Strings.get("k")`) make commands. `Command.make` and `Command.named` make those that have
 * neither.
 *
 * **Details**
 *
 * A command that a client's method made runs on that client. A command of a builder runs on the `ClusterClient` of the fiber. It is a
 * value: it can be kept, run many times, and put into pipelines and transactions. `args` are the arguments after the name; `spec` says
 * which of them are keys. It prints its name and its keys, never a value.
 *
 * **Gotchas**
 *
 * `Effect.map`, `Effect.tap` and so on make plain effects of it, which are no entries of a pipeline: use `Command.map`, or put the
 * combinators of `Command` first.
 *
 * **Example** (One value, three uses)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command, Strings } from "effect-redis-cluster"
 *
 * const visits = Strings.get("visits").pipe(Command.map(Number), Command.timeout("500 millis"))
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const alone = yield* visits
 *   const [first, second] = yield* redis.pipeline([visits, redis.incr("visits")])
 *   return [alone, first, second]
 * })
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export class Command<out A, M = unknown, out R extends ClusterClient = ClusterClient>
  extends Effectable.Class<NoInfer<CommandResult<A, M>>, RedisClusterException, R>
{
  /** A mark for the types only: at run time the policies of the spec decide. */
  declare readonly [mark]: M
  /** The facts about the command that hold for every call: its name, its keys, whether it reads. */
  readonly spec: CommandSpec
  /** The arguments after the name, as they are sent. */
  readonly args: ReadonlyArray<Argument>
  /** Makes the result from the reply of one node. */
  readonly decode: Decoder<A>
  /** The settings of this call. */
  readonly settings: CommandSettings
  /** The client on which the command runs; `undefined` for the client of the fiber. */
  run: Run | undefined

  get [TypeId](): typeof TypeId {
    return TypeId
  }

  constructor(
    spec: CommandSpec,
    args: ReadonlyArray<Argument>,
    decode: Decoder<A>,
    settings: CommandSettings = defaults,
    run: Run | undefined = undefined
  ) {
    super()
    this.spec = spec
    this.args = args
    this.decode = decode
    this.run = run
    const misfit = misfitOf(args)
    this.settings = (misfit < 0 && spec.problem === undefined) || settings.invalid !== undefined
      ? settings
      : {
        ...settings,
        invalid: spec.problem ?? `argument ${misfit + 1} of ${spec.name} is ${complaint(args[misfit])}`
      }
  }

  /**
   * The time for which the server may hold the reply back, in milliseconds (`Infinity` for no limit); `undefined` for
   * a command that does not block.
   */
  get blockingTime(): number | undefined {
    const { blocking } = this.spec
    return blocking === undefined ? undefined : blocking(this.args)
  }

  /** The positions of the keys among the arguments. */
  get keyPositions(): ReadonlyArray<number> {
    const { keys } = this.spec
    if (typeof keys === "function") return keys(this.args)
    return keys >= 0 && keys < this.args.length ? [keys] : []
  }

  /** The keys, as text. */
  get keys(): ReadonlyArray<string> {
    return this.keyPositions.map((position) => textOf(this.args[position]))
  }

  /** The name and the keys, never a value. */
  override toString(): string {
    return [this.spec.name, ...this.keys].join(" ")
  }

  /** The name and the keys, never a value. */
  override toJSON(): unknown {
    return { _id: "RedisCommand", name: this.spec.name, keys: this.keys }
  }

  override [NodeInspectSymbol](): unknown {
    return this.toJSON()
  }

  /** Runs the command. It fails with a `RedisClusterException`. */
  asEffect(): Effect.Effect<CommandResult<A, M>, RedisClusterException, R> {
    const { run } = this
    // The types of the client's methods give the result of its `execute` for each command.
    return (run === undefined ? Effect.flatMap(Executor, ({ execute }) => execute(this)) : run(this)) as Effect.Effect<
      CommandResult<A, M>,
      RedisClusterException,
      R
    >
  }
}

/**
 * Binds a new command to the client that runs it. The command is changed in place, because nobody else has it yet.
 *
 * @internal
 */
export const bind = <A, M>(self: Command<A, M>, run: Run): Command<A, M, never> => {
  self.run = run
  return self as Command<A, M, never>
}

/**
 * A command of a client's method, which runs on that client. The type parameter is its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<out A> extends Command<A, unknown, never> {}

/**
 * A command of a client's method that runs on many nodes. Its result is a map by node.
 *
 * @category models
 * @since 0.1.0
 */
export interface PerNodeCall<out A> extends Command<A, "perNode", never> {}

/**
 * A command that runs on many nodes, without a rule that merges their replies. On the cluster its result is a map from
 * node to result, on one node the result itself. A transformation (`map`, `schema`, `bytes` ...) applies to the result
 * of each node, and gives such a command again.
 *
 * @category models
 * @since 0.1.0
 */
export type PerNodeCommand<A, R extends ClusterClient = ClusterClient> = Command<A, "perNode", R>

/**
 * Marks a command whose spec says that it answers per node.
 *
 * @internal
 */
export const answeringPerNode = <A>(self: Command<A>): PerNodeCommand<A> =>
  // The mark exists for the types only.
  self as PerNodeCommand<A>

/**
 * Makes a command from its spec, its arguments and a decoder; `settings` that are left out have the plain default.
 *
 * **When to use**
 *
 * Use it in a library of commands for a module. For a single call `Command.named` needs no spec.
 *
 * **Details**
 *
 * Arguments are text or bytes. An argument that is neither fails the command with an `OptionsError` when it runs, a decoder that
 * throws or returns a `DecodeFailure` with a `DecodeError`.
 *
 * **Gotchas**
 *
 * The spec is believed: with `readonly: true` the command is sent again after a lost connection, and may go to a replica.
 *
 * **Example** (A command of a module)
 *
 * ```ts
 * import { Command, CommandSpec } from "effect-redis-cluster"
 *
 * export const spec = new CommandSpec("BF.EXISTS", { keys: 0, readonly: true })
 *
 * export const seen = (key: string, item: string) => Command.make(spec, [key, item], (reply) => reply === 1)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(
  spec: CommandSpec,
  args: ReadonlyArray<Argument>,
  decode: Decoder<A>,
  settings?: Partial<CommandSettings>
): Command<A> =>
  settings === undefined
    ? new Command(spec, args, decode)
    : new Command(spec, args, decode, settingsFrom(settings))

/** All settings, with the given ones in the place of their defaults. A setting that does not exist refuses the command. */
const settingsFrom = (settings: Partial<CommandSettings>): CommandSettings => {
  const stranger = Object.keys(settings).find((name) => !Object.hasOwn(defaults, name))
  return stranger === undefined
    ? { ...defaults, ...settings }
    : { ...defaults, invalid: `Command.make: ${unknownOption(stranger, Object.keys(defaults))}` }
}

/**
 * Makes a command from its name, for a command that this library does not know: one of a module, or of a new server.
 *
 * **When to use**
 *
 * Use it where there is no builder. With a builder the arguments and the result have types. A command that a program sends often, and
 * whose facts it knows, is cheaper with `Command.make` and a `CommandSpec`.
 *
 * **Details**
 *
 * The name is looked up when the command runs, in the table of this library and then in what the servers tell by `COMMAND`: which
 * arguments are keys, whether it reads, whether it waits, which nodes a command without keys concerns. So it is routed as any other, alone,
 * in a pipeline or a transaction, on a target, a node or a dedicated connection. A command of two words is given as one name or as two:
 * `Command.named("CONFIG GET", "maxmemory")`.
 *
 * The result is the reply, in the types of RESP. `Command.schema` and `Command.map` give it a type. `Command.bytes`, `timeout` and
 * `idempotent` apply as well.
 *
 * **Gotchas**
 *
 * A name that nobody knows fails with an `OptionsError`, and nothing is sent. A name holds no arguments:
 * `Command.named("SET", "user:1", "x")`. Numbers are sent in decimal, a `Redacted` value is sent as it is.
 *
 * **Example** (A document of the JSON module)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String }))
 * const user = (id: number) => Command.named("JSON.GET", `user:${id}`).pipe(Command.schema(Schema.NullOr(User)))
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const users = redis.pipeline([user(1), user(2)]) // [{ name: string } | null, { name: string } | null]
 *   // Servers without the module do not know the name.
 *   return yield* Effect.orElseSucceed(users, () => [])
 * })
 * ```
 *
 * @see {@link make} for a command whose facts the program knows
 * @category constructors
 * @since 0.1.0
 */
export const named = <Name extends string>(
  name: Name,
  ...args: ReadonlyArray<Value>
): Command<Reply, AnswersOf<Name>> => {
  // The mark exists for the types only.
  const made = <A>(command: Command<A>) => command as Command<A, AnswersOf<Name>>
  if (typeof name !== "string") return made(invalid(unsent, "the first argument has to be the name of a command"))
  const spec = new CommandSpec(firstWord(name), {}, name)
  const given: Array<Argument> = []
  for (const value of args) {
    const argument = argumentOf(value)
    if (isEncodeFailure(argument)) return made(unencodable(spec, `${spec.name}: ${notEncoded(argument)}`))
    given.push(argument)
  }
  return made(new Command(spec, given, reply))
}

/**
 * The commands without keys whose replies no rule merges, so that the cluster answers by node.
 *
 * @category utility types
 * @since 0.1.0
 */
export type AnsweringByNode =
  | "ACL LOG"
  | "FUNCTION STATS"
  | "INFO"
  | `LATENCY ${"DOCTOR" | "GRAPH" | "HISTOGRAM" | "HISTORY" | "LATEST"}`
  | `MEMORY ${"DOCTOR" | "MALLOC-STATS" | "STATS"}`
  | `PUBSUB ${"NUMSUB" | "SHARDNUMSUB"}`

/** The words that begin such a name, and other names. */
type AnsweringByNodeOrNot = "ACL" | "FUNCTION" | "LATENCY" | "MEMORY" | "PUBSUB"

/**
 * The kind of the answer to a command by name: `"perNode"` for a map by node, `unknown` for one result. A name of the type `string` may
 * have either, and so may a name whose second word is an argument.
 *
 * @category utility types
 * @since 0.1.0
 */
export type AnswersOf<Name extends string> = string extends Name ? "one" | "perNode"
  : Uppercase<Name> extends AnsweringByNode ? "perNode"
  : Uppercase<Name> extends AnsweringByNodeOrNot ? "one" | "perNode"
  : unknown

/**
 * The command with the facts that belong to its name.
 *
 * @param nameArguments how many of the arguments belong to the name
 * @internal
 */
export const lookedUp = <A, M, R extends ClusterClient>(
  self: Command<A, M, R>,
  spec: CommandSpec,
  nameArguments: number
): Command<A, M, R> => {
  const { mapKeys: f } = self.settings
  const args = nameArguments === 0 ? self.args : self.args.slice(nameArguments)
  const found = new Command<A, M, R>(spec, args, self.decode, self.settings, self.run)
  return f === undefined ? found : mapKeys(f)(found)
}

/**
 * Makes a command that cannot be sent because of bad input. It fails with an `OptionsError` with the message when it
 * runs, and nothing is sent.
 *
 * **Example** (A wrapper that refuses bad input)
 *
 * ```ts
 * import { Command, CommandSpec } from "effect-redis-cluster"
 *
 * export const spec = new CommandSpec("BF.ADD", { keys: 0 })
 *
 * export const addItem = (key: string, item: string) =>
 *   item === "" ? Command.invalid(spec, "BF.ADD: the item is empty") : Command.make(spec, [key, item], (reply) => reply === 1)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (spec: CommandSpec, message: string): Command<never> =>
  new Command<never>(spec, [], () => new DecodeFailure(message), { ...defaults, invalid: message })

/**
 * Makes a command that cannot be sent because a value could not be encoded. It fails with an `EncodeError` when it runs.
 *
 * @internal
 */
export const unencodable = (spec: CommandSpec, message: string): Command<never> =>
  new Command<never>(spec, [], () => new DecodeFailure(message), { ...defaults, invalid: message, unencodable: true })

/**
 * The value itself if it is a command, and otherwise a command that is refused: programs without types may pass
 * anything.
 *
 * @internal
 */
export const ensured = <A, M, R extends ClusterClient>(given: Command<A, M, R>): Command<A, M, R> =>
  isCommand(given) ? given : refusal()

/** Stands for a command that is never sent. */
const unsent = new CommandSpec("UNSENT", {})

/**
 * Makes a call that runs an effect and sends nothing: for mocks of the client in tests. It fails with the
 * `RedisClusterException` of the effect.
 *
 * **Example** (A slow read of a mock)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const client = ClusterClient.layerMock({
 *   get: () => Command.fromEffect(Effect.delay(Effect.succeed("late"), "1 second"))
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEffect = <A>(effect: Effect.Effect<A, RedisClusterException>): Call<A> => {
  // The value stands for the reply, so that transformations of the command apply to it.
  const command = new Command(unsent, [], (value: unknown) => value as A)
  return bind(command, (self) =>
    Effect.flatMap(effect, (value) => {
      const result = decodeReply(self, value as Reply)
      return isDecodeFailure(result) ? Effect.fail(undecodable(result)) : Effect.succeed(result)
    }))
}

const noCommand =
  `this is no command; a command is Strings.get("key"), or what a method of the client gives. An effect made of one ` +
  `(Effect.map, Effect.tap ...) is none any more: use Command.map, or put the combinators of Command first`

/** It fails wherever it is run, also without a client. */
const notCommand = new Command<never>(
  unsent,
  [],
  () => new DecodeFailure(noCommand),
  { ...defaults, invalid: noCommand },
  () => Effect.fail(exception(() => new OptionsError({ message: noCommand, outcome: "NotExecuted" })))
)

/** The mark of commands that answer per node exists for the types only. */
const refusal = <M>(): Command<never, M, never> => notCommand as Command<never, M, never>

const undecodable = ({ cause, message }: DecodeFailure): RedisClusterException =>
  exception(() => new DecodeError({ message, cause, outcome: "Executed" }))

/**
 * Makes a call that succeeds with a value and sends nothing: for mocks of the client in tests. It adds no error.
 *
 * **Example** (A client whose GET is known)
 *
 * ```ts
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const client = ClusterClient.layerMock({ get: () => Command.succeed("ada") })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const succeed = <A>(value: A): Call<A> => fromEffect(Effect.succeed(value))

/**
 * Makes a call that fails with a `RedisClusterException` and sends nothing: for mocks of the client in tests.
 *
 * **Example** (A read that fails)
 *
 * ```ts
 * import { ClusterClient, Command, Reason, RedisClusterException } from "effect-redis-cluster"
 *
 * const reason = new Reason.LoadingError({ message: "GET: the node is loading its data", outcome: "NotExecuted" })
 *
 * export const client = ClusterClient.layerMock({ get: () => Command.fail(new RedisClusterException({ reason })) })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fail = (error: RedisClusterException): Call<never> => fromEffect(Effect.fail(error))

/**
 * Whether a value is a command. Commands of another copy of the package count as well.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCommand = (value: unknown): value is Command<unknown> =>
  // The mark is for commands of another copy of this package; the class answers for its own in a tenth of the time.
  value instanceof Command || Predicate.hasProperty(value, TypeId)

/**
 * The type of a command's result.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Success<C> = C extends Command<infer A> ? A : never

/**
 * Decodes a reply to a command. The decoder may contain functions of the caller. An error that they throw becomes a
 * failure to decode, because replies are read where nobody could catch it.
 *
 * @internal
 */
export const decodeReply = <A>(self: Command<A>, reply: Reply): A | DecodeFailure => {
  if (reply instanceof UnreadableReply) return new DecodeFailure(reply.message)
  try {
    const value = self.decode(reply)
    if (!isDecodeFailure(value)) return value
    // Callers compare with the class of this copy of the package.
    return Object.getPrototypeOf(value) === DecodeFailure.prototype
      ? value
      : new DecodeFailure(value.message, value.cause)
  } catch (error) {
    return new DecodeFailure("a function that reads the reply threw an error", withoutMessage(error))
  }
}

const withDecoder = <A, M, R extends ClusterClient, B>(self: Command<A, M, R>, decode: Decoder<B>): Command<B, M, R> =>
  isCommand(self)
    ? new Command(self.spec, self.args, decode, self.settings, self.run)
    : refusal()

/**
 * The command in a form that fails with an `OptionsError` instead of being sent.
 *
 * @internal
 */
export const rejected = <A, M, R extends ClusterClient>(self: Command<A, M, R>, message: string): Command<A, M, R> =>
  withSettings(self, { invalid: self.settings.invalid ?? message })

/**
 * The command in a form that fails with a reason instead of being sent.
 *
 * @internal
 */
export const refused = <A, M, R extends ClusterClient>(self: Command<A, M, R>, reason: Reason): Command<A, M, R> =>
  self.settings.invalid === undefined ? withSettings(self, { invalid: reason.message, refusal: reason }) : self

/**
 * The command with the settings of a region, where it has none of its own.
 *
 * @internal
 */
export const within = <A, M, R extends ClusterClient>(
  self: Command<A, M, R>,
  { idempotent, invalid, timeout }: CallSettings
): Command<A, M, R> => {
  const { settings } = self
  if (invalid !== undefined) return rejected(self, invalid)
  if (timeout !== undefined && !(timeout >= 0)) {
    return withSettings(self, {
      invalid: settings.invalid ?? "Command.withTimeout: the timeout has to be a duration of at least 0 ms"
    })
  }
  return withSettings(self, {
    timeout: settings.timeout ?? timeout,
    idempotent: settings.idempotent || idempotent === true
  })
}

const withSettings = <A, M, R extends ClusterClient>(
  self: Command<A, M, R>,
  settings: Partial<CommandSettings>
): Command<A, M, R> =>
  isCommand(self)
    ? new Command(self.spec, self.args, self.decode, { ...self.settings, ...settings }, self.run)
    : refusal()

/**
 * Transforms the result of a command with a pure function. The result is a command again.
 *
 * **Details**
 *
 * For a command that answers per node, the function gets the result of each node. A function that throws fails the command
 * with a `DecodeError` and the outcome `Executed`; `null` and `undefined` reach the function like other results.
 *
 * **Gotchas**
 *
 * `Effect.map` gives a plain effect, which is no entry of a pipeline. `Command.bytes` and `Command.bigint` go before it.
 *
 * **Example** (A figure of each node)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.info("server").pipe(
 *     Command.map((info) => info.server.uptimeInSeconds)
 *   ) // ReadonlyMap<ClusterNode, number>
 * })
 * ```
 *
 * @category mapping
 * @since 0.1.0
 */
export const map: {
  <A, B>(f: (value: A) => B): <M, R extends ClusterClient>(self: Command<A, M, R>) => Command<B, M, R>
  <A, M, R extends ClusterClient, B>(self: Command<A, M, R>, f: (value: A) => B): Command<B, M, R>
} = dual(
  2,
  <A, M, R extends ClusterClient, B>(self: Command<A, M, R>, f: (value: A) => B): Command<B, M, R> => decodedBy(self, f)
)

/**
 * Changes the keys of a command: each key goes through a function. Values and options stay.
 *
 * **Details**
 *
 * Within `redis.mapCommand` it makes a view of the client with a prefix for all keys. A function that throws there fails the
 * command with an `OptionsError`. Keys in replies are not changed.
 *
 * **Gotchas**
 *
 * A prefix with braces, `{app}:`, puts all keys into one slot, on one node. Keys of one slot stay together only if the function
 * leaves their hash tag.
 *
 * **Example** (A namespace)
 *
 * ```ts
 * import { Command, Strings } from "effect-redis-cluster"
 *
 * export const command = Strings.mset({ a: "1", b: "2" }).pipe(Command.mapKeys((key) => `{app}:${key}`))
 * // MSET {app}:a 1 {app}:b 2
 * ```
 *
 * @param f gets each key as text
 * @category mapping
 * @since 0.1.0
 */
export const mapKeys =
  (f: (key: string) => Argument) =>
  <A, M = unknown, R extends ClusterClient = ClusterClient>(self: Command<A, M, R>): Command<A, M, R> => {
    if (!isCommand(self)) return refusal()
    if (self.spec.isNameOnly) {
      const { mapKeys: inner } = self.settings
      return withSettings(self, { mapKeys: inner === undefined ? f : (key) => f(textOf(inner(key))) })
    }
    const args = [...self.args]
    for (const position of self.keyPositions) {
      // A key that cannot be sent stays as it is: it must not become another key.
      if (isSendable(args[position])) args[position] = f(textOf(args[position]))
    }
    const { routing } = self.settings
    const settings = routing === undefined ? self.settings : { ...self.settings, routing: f(textOf(routing)) }
    return new Command(self.spec, args, self.decode, settings, self.run)
  }

/** `Yes` for any JSON, for a list of it, and for a list of such lists: the results of commands on JSON documents. */
type OfJson<A, Yes, No> = [Schema.Json] extends [A] ? Yes
  : [ReadonlyArray<Schema.Json>] extends [A] ? Yes
  : [ReadonlyArray<ReadonlyArray<Schema.Json>>] extends [A] ? Yes
  : No

/**
 * Refuses a schema that cannot read the result `A` of a command. Every schema can be tried on any reply, which a command by name has, and on
 * any JSON.
 *
 * @category utility types
 * @since 0.1.0
 */
export type DecodedFrom<A, E> = [A] extends [Decodable<E>] ? unknown
  : [Reply] extends [A] ? unknown
  : OfJson<A, true, false> extends true ? unknown
  : Command<Decodable<E>>

/**
 * Decodes the result of a command with a schema, for example from JSON.
 *
 * **When to use**
 *
 * Use it for single commands. A schema of an object reads the fields that a command answers (`configGet`). For a hash that may
 * be missing there is `Command.hash`, for the entries of streams `Command.entries`, and for values that are written and read
 * with one definition `Value.make`.
 *
 * **Details**
 *
 * A value that the schema refuses fails the command with a `DecodeError`, outcome `Executed`, that names the place in the value
 * and shows nothing of it. The schema needs no services; one that waits fails for every value.
 *
 * **Gotchas**
 *
 * Commands answer `null` for what is missing: allow it with `Schema.NullOr` or `Schema.OptionFromNullOr`. HGETALL of a missing
 * key answers an empty object.
 *
 * **Example** (JSON)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const User = Schema.NullOr(Schema.fromJsonString(Schema.Struct({ name: Schema.String })))
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.get("user:1").pipe(Command.schema(User)) // { name: string } | null
 * })
 * ```
 *
 * @see {@link encode} for the way back
 * @category mapping
 * @since 0.1.0
 */
export const schema: {
  <S extends Schema.ConstraintDecoder<unknown>>(
    target: S
  ): <A, M, R extends ClusterClient>(
    self: Command<A, M, R> & DecodedFrom<A, S["Encoded"]>
  ) => Command<S["Type"], M, R>
  <A, M, R extends ClusterClient, S extends Schema.ConstraintDecoder<unknown>>(
    self: Command<A, M, R> & DecodedFrom<A, S["Encoded"]>,
    target: S
  ): Command<S["Type"], M, R>
} = dual(
  2,
  <M, R extends ClusterClient, S extends Schema.ConstraintDecoder<unknown>>(
    self: Command<unknown, M, R>,
    target: S
  ): Command<S["Type"], M, R> => decodedBy(self, decoderOf(target))
)

/**
 * Decodes a hash with the schema of an object; a hash that does not exist is `null`. For `hgetall`, and for other commands that
 * answer names with values.
 *
 * **Details**
 *
 * Fields that the schema does not know are left out. A hash that the schema refuses fails the command with a `DecodeError`,
 * outcome `Executed`.
 *
 * **Gotchas**
 *
 * Fields are text: the schema of a number is `Schema.FiniteFromString`. It does not compile with `Schema.Number`.
 *
 * **Example** (A typed hash)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.hgetall("order:1").pipe(Command.hash(Order)) // { id: string; total: number } | null
 * })
 * ```
 *
 * @see {@link fields} for the way back
 * @category mapping
 * @since 0.1.0
 */
export const hash: {
  <S extends Schema.ConstraintDecoder<unknown> & { readonly Encoded: FieldsOf<S["Encoded"]> }>(
    target: S
  ): <M, R extends ClusterClient>(
    self: Command<Readonly<Record<string, string>>, M, R>
  ) => Command<S["Type"] | null, M, R>
  <
    M,
    R extends ClusterClient,
    S extends Schema.ConstraintDecoder<unknown> & { readonly Encoded: FieldsOf<S["Encoded"]> }
  >(
    self: Command<Readonly<Record<string, string>>, M, R>,
    target: S
  ): Command<S["Type"] | null, M, R>
} = dual(
  2,
  <M, R extends ClusterClient, S extends Schema.ConstraintDecoder<unknown>>(
    self: Command<Readonly<Record<string, string>>, M, R>,
    target: S
  ): Command<S["Type"] | null, M, R> => {
    const decode = decoderOf(target)
    return decodedBy(self, (value) => hasFields(value) ? decode(value) : null)
  }
)

/**
 * Decodes the fields of the entries of streams: for `xrange`, `xrevrange`, `xread`, `xreadgroup`, `xclaim` and `xautoclaim`.
 *
 * **When to use**
 *
 * Use it for single reads. A consumer of a group that reads on and on takes the same schema as an option: `redis.consume({ schema })`.
 *
 * **Details**
 *
 * The result has the form that the command gives, with the type of the schema in the place of `fields`. The fields of an entry that has been
 * deleted since its delivery stay `null`.
 *
 * **Gotchas**
 *
 * One entry that does not fit fails the command with a `DecodeError`, the entries beside it included.
 *
 * **Example** (Orders in a stream)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.xadd("orders", "*", Command.fields(Order)({ id: "1", total: 20 }))
 *   const entries = yield* redis.xrange("orders", "-", "+").pipe(Command.entries(Order))
 *   return entries.map(({ fields }) => fields.total) // Array<number>
 * })
 * ```
 *
 * @see {@link fields} for the way back
 * @category mapping
 * @since 0.1.0
 */
export const entries: {
  <S extends Schema.ConstraintDecoder<unknown> & { readonly Encoded: FieldsOf<S["Encoded"]> }>(
    target: S
  ): <A extends WithEntries, M, R extends ClusterClient>(
    self: Command<A, M, R>
  ) => Command<TypedEntries<A, S["Type"]>, M, R>
  <
    A extends WithEntries,
    M,
    R extends ClusterClient,
    S extends Schema.ConstraintDecoder<unknown> & { readonly Encoded: FieldsOf<S["Encoded"]> }
  >(
    self: Command<A, M, R>,
    target: S
  ): Command<TypedEntries<A, S["Type"]>, M, R>
} = dual(
  2,
  <A extends WithEntries, M, R extends ClusterClient, S extends Schema.ConstraintDecoder<unknown>>(
    self: Command<A, M, R>,
    target: S
  ): Command<TypedEntries<A, S["Type"]>, M, R> =>
    // The decoder puts the type of the schema in the place of the fields, and leaves the rest.
    decodedBy(self, entriesDecoderOf(target)) as Command<TypedEntries<A, S["Type"]>, M, R>
)

const hasFields = (hash: Readonly<Record<string, string>>): boolean => {
  for (const _ in hash) return true
  return false
}

const decodedBy = <A, M, R extends ClusterClient, B>(
  self: Command<A, M, R>,
  decode: (value: A) => B | DecodeFailure
): Command<B, M, R> =>
  withDecoder(self, (reply) => {
    const value = self.decode(reply)
    return isDecodeFailure(value) ? value : decode(value)
  })

/**
 * A result type with bytes in the place of text.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Bytes<A> = [Reply] extends [A] ? A
  : A extends string ? (string extends A ? Uint8Array : A)
  : A extends number | bigint | boolean | null | undefined | Uint8Array ? A
  : A extends ReadonlyMap<infer K, infer V> ? ReadonlyMap<Bytes<K>, Bytes<V>>
  : A extends ReadonlySet<infer V> ? ReadonlySet<Bytes<V>>
  : A extends object ? { [K in keyof A]: Bytes<A[K]> }
  : A

/**
 * Reads the reply of a command as bytes: the bulk strings of the reply become `Uint8Array`s in place of text. It adds no error,
 * and text that is not UTF-8 is none any more.
 *
 * **Gotchas**
 *
 * It goes before `Command.map` and `Command.schema`. The names of fields become bytes only where the result is a list or a map,
 * not the names of an object.
 *
 * **Example** (A value in bytes)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.get("image:1").pipe(Command.bytes) // Uint8Array | null
 * })
 * ```
 *
 * @category mapping
 * @since 0.1.0
 */
export const bytes = <A, M, R extends ClusterClient>(self: Command<A, M, R>): Command<Bytes<A>, M, R> =>
  // The decoders pass text through untouched, so that bytes in the reply stay bytes in the result.
  withSettings(self, { binary: true }) as Command<unknown> as Command<Bytes<A>, M, R>

/**
 * Accepts text that is not UTF-8: replacement characters (U+FFFD) take the place of invalid bytes. Without it such a
 * reply fails the command with a `DecodeError`, because the text would differ from the value on the server.
 *
 * **Gotchas**
 *
 * Text that is written back is another value than the one that was read. `Command.bytes` gives the value itself.
 *
 * **Example** (A name in another encoding)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.get("legacy").pipe(Command.lossyText)
 * })
 * ```
 *
 * @category mapping
 * @since 0.1.0
 */
export const lossyText = <A, M, R extends ClusterClient>(self: Command<A, M, R>): Command<A, M, R> =>
  withSettings(self, { lossy: true })

/**
 * A result type with bigints in the place of integers.
 *
 * @category utility types
 * @since 0.1.0
 */
export type BigInts<A> = A extends number ? bigint
  : A extends ReadonlyArray<infer E> ? ReadonlyArray<BigInts<E>>
  : A

/**
 * Reads the integers of a reply, of any size, as bigints. Without it an integer beyond 2^53 - 1 fails the command with
 * a `DecodeError`, because a number cannot hold it exactly.
 *
 * **Details**
 *
 * It applies to commands that return an integer or a list of integers (`INCR`, `HINCRBY`, `BITFIELD` ...). Other commands
 * (`ZINCRBY`, which returns a floating point number) fail with an `OptionsError` when they run.
 *
 * **Gotchas**
 *
 * It goes before any other transformation: behind `Command.map` or `Command.schema` it fails the command with an `OptionsError`.
 *
 * **Example** (A counter beyond 2 ** 53)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.incrby("views", 10n ** 17n).pipe(Command.bigint)
 * })
 * ```
 *
 * @category mapping
 * @since 0.1.0
 */
export const bigint = <A extends number | null | ReadonlyArray<number | null>, M, R extends ClusterClient>(
  self: Command<A, M, R>
): Command<BigInts<A>, M, R> => {
  if (!isCommand(self)) return refusal()
  const decode = anySize.get(self.decode)
  return decode === undefined
    ? invalid(
      self.spec,
      `${self.spec.name}: Command.bigint is for commands that answer integers, before any map or schema`
    ) as Command<never, M, R>
    // The table pairs each decoder with one that differs in the type of its integers only.
    : withDecoder(self, decode) as Command<unknown> as Command<BigInts<A>, M, R>
}

/**
 * Marks a call as safe to execute twice: when a lost connection leaves its outcome unknown, it is sent again instead
 * of failing with the outcome `Unknown`. It adds no error.
 *
 * **Gotchas**
 *
 * `SET k v` is safe, `INCR k` and `LPUSH` are not. A write of another program may come between the two: the second one then
 * overwrites it. `SET` with a condition or with `get` may answer about its own first attempt.
 *
 * **Example** (Sent again after a lost connection)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.set("state", "open").pipe(Command.idempotent)
 * })
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const idempotent = <A, M, R extends ClusterClient>(self: Command<A, M, R>): Command<A, M, R> =>
  withSettings(self, { idempotent: true })

/**
 * Gives one call its own deadline, in place of the client's `commandTimeout`: the time from the call to the reply, with waits,
 * redirects and retries. A command that misses it fails with a `TimeoutError`.
 *
 * **When to use**
 *
 * Use it in place of `Effect.timeout`, which cannot tell whether the command was executed: the `outcome` of a `TimeoutError` does.
 * `Command.withTimeout` sets the deadline of all commands in a region.
 *
 * **Details**
 *
 * A bare number is milliseconds. A value that is no duration of at least 0 ms fails the command with an `OptionsError` when it
 * runs. It wins over the region and the client.
 *
 * **Gotchas**
 *
 * The time that a blocking command asks for comes in addition. In a transaction the shortest deadline of the entries is that of
 * the whole.
 *
 * **Example** (A cache that may be slow)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.get("page").pipe(Command.timeout("50 millis"))
 * })
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const timeout: {
  (duration: Duration.Input): <A, M, R extends ClusterClient>(self: Command<A, M, R>) => Command<A, M, R>
  <A, M, R extends ClusterClient>(self: Command<A, M, R>, duration: Duration.Input): Command<A, M, R>
} = dual(
  2,
  <A, M, R extends ClusterClient>(self: Command<A, M, R>, duration: Duration.Input): Command<A, M, R> => {
    if (!isCommand(self)) return refusal()
    const millis = millisOf(duration)
    return withSettings(
      self,
      millis >= 0
        ? { timeout: millis }
        : { invalid: self.settings.invalid ?? `the timeout of ${self.spec.name} has to be a duration of at least 0 ms` }
    )
  }
)

/** The plain settings of cached commands by their age: programs use few of them. */
const cachedDefaults = new Map<Duration.Input, CommandSettings>()
const cachedDefaultsAtMost = 256

const cachedSettings = (settings: CommandSettings, maxAge: Duration.Input): CommandSettings => {
  const known = settings === defaults ? cachedDefaults.get(maxAge) : undefined
  if (known !== undefined) return known
  const millis = millisOf(maxAge)
  const made: CommandSettings = millis > 0
    ? { ...settings, cached: millis }
    : {
      ...settings,
      invalid: settings.invalid ?? "Command.cached: the age has to be a duration of more than 0 ms"
    }
  const mayKeep = settings === defaults && typeof maxAge !== "object" && cachedDefaults.size < cachedDefaultsAtMost
  if (mayKeep) cachedDefaults.set(maxAge, made)
  return made
}

/**
 * Lets the client's cache answer a command that only reads, with a reply that is at most `maxAge` old. The server reports each change of
 * the keys, so that the reply is nearly always newer than that.
 *
 * **When to use**
 *
 * Use it for values that are read often and changed rarely, with the option `cache` of the client. Without that option, and with servers
 * that do not report changes, the command is sent as usual.
 *
 * **Details**
 *
 * A reply that is not in the cache is read from the owner of its slot, whatever the policy of reads is, once for all that ask for it at the
 * same time. In transactions, on dedicated connections and on nodes that the caller names, the command is sent as usual. A command whose reply
 * depends on more than its keys and arguments (`TTL`, `SRANDMEMBER`, `EVAL`) fails with an `OptionsError`, and so does a `maxAge` that is no duration of more than
 * 0 ms. A bare number is milliseconds.
 *
 * **Gotchas**
 *
 * A change of another client is seen when the report of the server has come: moments later, or at the latest when the age is over. A miss is three commands in one
 * write, and goes to the primary. Cached replies are shared: `Command.map` and `Command.schema` run at each hit.
 *
 * **Example** (At most a minute old)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, Command } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.get("user:1").pipe(Command.cached("1 minute"))
 * })
 *
 * export const layer = ClusterClient.layer({
 *   nodes: "redis://127.0.0.1:7000",
 *   cache: { maxBytes: 64 * 1024 * 1024 }
 * })
 * ```
 *
 * @category configuration
 * @since 0.1.0
 */
export const cached: {
  (maxAge: Duration.Input): <A, M, R extends ClusterClient>(self: Command<A, M, R>) => Command<A, M, R>
  <A, M, R extends ClusterClient>(self: Command<A, M, R>, maxAge: Duration.Input): Command<A, M, R>
} = dual(
  2,
  <A, M, R extends ClusterClient>(self: Command<A, M, R>, maxAge: Duration.Input): Command<A, M, R> =>
    isCacheable(self.spec.name, self.args) || self.settings.invalid !== undefined
      ? new Command(self.spec, self.args, self.decode, cachedSettings(self.settings, maxAge), self.run)
      : rejected(self, `Command.cached: the reply of ${self.spec.name} depends on more than its keys and arguments`)
)
