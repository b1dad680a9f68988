/**
 * Lua scripts as typed commands.
 *
 * A script is defined once, with its keys, its arguments and the schema of its result; a call of it is a `Command`: an
 * effect that runs on the `ClusterClient` of the fiber, and a value for pipelines, transactions and targets. It is
 * sent by its digest (`EVALSHA`). A node that lacks the script (`NOSCRIPT`: it is new, was promoted, or its cache was
 * flushed) gets the script, and right behind it the call again: that reply means that nothing was executed.
 *
 * **Example** (Moving an amount from one account to another)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Script } from "effect-redis-cluster"
 *
 * const transfer = Script.make({
 *   lua: `
 *     local amount = tonumber(ARGV[1])
 *     if tonumber(redis.call('GET', KEYS[1]) or '0') < amount then return false end
 *     redis.call('DECRBY', KEYS[1], amount)
 *     return redis.call('INCRBY', KEYS[2], amount)
 *   `,
 *   keys: ["from", "to"],
 *   args: { amount: Schema.Int },
 *   result: Schema.NullOr(Schema.Int)
 * })
 *
 * const program = Effect.gen(function*() {
 *   // number | null
 *   return yield* transfer({ keys: { from: "{bank}ada", to: "{bank}grace" }, args: { amount: 5 } })
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import { ClusterClient } from "../ClusterClient.ts"
import { Command, invalid, type Prerequisite } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { counted } from "../commands/keys.ts"
import type { Exact } from "../commands/Options.ts"
import { Scripting } from "../commands/Scripting.ts"
import * as checks from "../internal/checks.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { type Call, compile, noDefinition, type Signature, signatureChecks } from "./Signature.ts"

export type { Args, Call, Input, Keys, NamedArgs, Output, Signature } from "./Signature.ts"

/**
 * The definition of a script, for `Script.make`: its source, keys, arguments and result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition extends Signature {
  /** The source. It names every key that it uses in `KEYS`. */
  readonly lua: string
}

const TypeId = "~effect-redis-cluster/Script"

/**
 * Whether a value is a script. Scripts of another copy of the package count as well.
 *
 * @category guards
 * @since 0.1.0
 */
export const isScript = (value: unknown): value is AnyScript => Predicate.hasProperty(value, TypeId)

/**
 * A script: a function that makes the command of a call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Script<S extends Signature> extends Call<S> {
  readonly [TypeId]: typeof TypeId
  /** The source. */
  readonly lua: string
  /** The SHA-1 digest of the source, by which servers know the script: 40 hexadecimal digits. */
  readonly sha1: string
  /** The command `SCRIPT LOAD`, which loads the script into all nodes. Calls do not need it. */
  readonly load: Command<string>
}

/**
 * Any script.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyScript = Pick<Script<Signature>, "lua" | "sha1" | "load">

interface Forms {
  readonly bySha: CommandSpec
  readonly bySource: CommandSpec
}

const forms = (readonly: boolean): Forms => {
  const suffix = readonly ? "_RO" : ""
  const facts = { keys: counted(1), readonly }
  return {
    bySha: new CommandSpec(`EVALSHA${suffix}`, facts),
    bySource: new CommandSpec(`EVAL${suffix}`, facts)
  }
}

const definitionChecks: checks.Checks<Definition> = { lua: checks.text, ...signatureChecks }

/** The mistake in a definition; `undefined` if there is none. */
const problemOf = (definition: unknown): string | undefined => {
  const problem = checks.problemOf(definition, definitionChecks)
  return problem ??
    (Predicate.hasProperty(definition, "lua") && definition.lua !== undefined ? undefined : "lua is missing")
}

const loading = new CommandSpec("SCRIPT LOAD", {})

const writing = forms(false)
const reading = forms(true)

/**
 * Makes a script from its source and its signature. The result is a function that makes the command of a call.
 *
 * **When to use**
 *
 * Use it for steps that must not be torn apart, on keys of one slot. Where the servers shall keep the code, there is
 * `FunctionLibrary.make`.
 *
 * **Details**
 *
 * A call is checked before it is sent: keys of different slots are a `CrossSlotError`, arguments that do not fit their
 * schema an `OptionsError`. A result that does not fit is a `DecodeError` with the outcome `Executed`. A script that
 * fails itself may have written before: the error is a `ReplyError` with the outcome `Unknown`, unless the script is
 * `readonly`. A mistaken definition fails every call with an `OptionsError`.
 *
 * A script with `readonly: true` is called with `EVALSHA_RO` (Redis 7.0 and later): it may be sent again, and may run
 * on a replica; the server refuses its writes.
 *
 * **Gotchas**
 *
 * Every key that the script uses has to be in `keys`. Lua's `false` and `nil` are `null`, its numbers lose their fraction: return
 * text for those. A script is not interrupted with its fiber, and holds up its node. Pass values as `args`, do not build the source
 * from them.
 *
 * **Example** (A counter that stops)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Script } from "effect-redis-cluster"
 *
 * const countTo = Script.make({
 *   lua: `if tonumber(redis.call("GET", KEYS[1]) or 0) < tonumber(ARGV[1]) then return redis.call("INCR", KEYS[1]) end`,
 *   keys: ["counter"],
 *   args: { limit: Schema.Int },
 *   result: Schema.NullOr(Schema.Int)
 * })
 *
 * export const program = Effect.map(countTo({ keys: { counter: "visits" }, args: { limit: 10 } }), (count) => count ?? 10)
 * ```
 *
 * @see https://redis.io/docs/latest/develop/programmability/eval-intro/
 * @category constructors
 * @since 0.1.0
 */
export const make = <const D extends Definition>(definition: Exact<D, Definition>): Script<D> => {
  const problem = problemOf(definition)
  const { lua, readonly = false }: Definition = problem === undefined ? definition : { lua: "" }
  const sha1 = createHash("sha1").update(lua).digest("hex")
  const { bySha, bySource } = readonly ? reading : writing
  const load = problem === undefined ? Scripting.scriptLoad(lua) : invalid(loading, `Script.make: ${problem}`)
  const prerequisite: Prerequisite = {
    load,
    selfContained: ({ args, decode, settings }) => new Command(bySource, [lua, ...args.slice(1)], decode, settings)
  }
  const call: Call<D> = problem === undefined
    ? compile<D>(definition, { spec: bySha, what: sha1, prerequisite })
    : () => invalid(bySha, `Script.make: ${problem}`)
  return Object.assign(call, { [TypeId]: TypeId, lua, sha1, load } as const)
}

/**
 * Loads scripts on every node of the cluster, and keeps them there while the scope lives: on nodes that join, and on
 * nodes with a new connection, which may have been restarted without the script.
 *
 * **When to use**
 *
 * Use it to spare the first call on each node a second message, and to keep pipelines in order: a call whose script
 * the node lacks is executed after the entries that followed it. Transactions carry the source and do not need it.
 *
 * **Details**
 *
 * The effect fails, with a `RedisClusterException`, when a primary cannot be given a script now. Later failures are logged, and
 * the load is tried again; calls work without it.
 *
 * **Example** (Before the first call)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Script } from "effect-redis-cluster"
 *
 * const now = Script.make({ lua: `return redis.call("TIME")[1]`, keys: [], result: Schema.String })
 *
 * export const program = Effect.andThen(Script.preload(now), now({}))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const preload = (
  ...scripts: ReadonlyArray<AnyScript>
): Effect.Effect<void, RedisClusterException, ClusterClient | Scope.Scope> =>
  Effect.flatMap(
    ClusterClient,
    (redis) =>
      scripts.every(isScript)
        ? redis.provision((node) =>
          Effect.forEach(scripts, (script) => redis.on(node).execute(script.load), { discard: true })
        )
        : noDefinition("Script.preload takes scripts that Script.make has made")
  )
