/**
 * Libraries of functions (Redis 7.0 and later) as typed commands.
 *
 * A library is defined once, with the keys, the arguments and the result of each function; a call is a `Command`
 * (`FCALL`, or `FCALL_RO`), which runs alone, in a pipeline, in a transaction or on the nodes of a target. A primary
 * that lacks the function, such as a new one, gets the library, and right behind it the call again: nothing was
 * executed before. Replicas have the libraries of their primary.
 *
 * **Example** (A counter with a limit)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { FunctionLibrary } from "effect-redis-cluster"
 *
 * const counters = FunctionLibrary.make({
 *   name: "counters",
 *   code: `
 *     redis.register_function('incr_below', function(keys, args)
 *       local value = tonumber(redis.call('GET', keys[1]) or '0')
 *       if value >= tonumber(args[1]) then return false end
 *       return redis.call('INCR', keys[1])
 *     end)
 *   `,
 *   functions: {
 *     incr_below: { keys: ["counter"], args: { limit: Schema.Int }, result: Schema.NullOr(Schema.Int) }
 *   }
 * })
 *
 * const program = Effect.gen(function*() {
 *   yield* FunctionLibrary.preload(counters)
 *   // number | null
 *   return yield* counters.functions.incr_below({ keys: { counter: "visits" }, args: { limit: 100 } })
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { ClusterClient, type ClusterClientShape } from "../ClusterClient.ts"
import { type Command, invalid, type Prerequisite } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import { counted } from "../commands/keys.ts"
import type { Exact } from "../commands/Options.ts"
import { Scripting } from "../commands/Scripting.ts"
import * as checks from "../internal/checks.ts"
import { saysLibraryExists } from "../protocol/ErrorKind.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import { type Call, compile, noDefinition, type Signature, signatureChecks } from "./Signature.ts"

/**
 * The functions of a library, by the names under which its code registers them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signatures {
  readonly [name: string]: Signature
}

/**
 * The definition of a library, for `FunctionLibrary.make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Definition<F extends Signatures> {
  /** The name of the library on the servers: letters, digits and underscores. */
  readonly name: string
  /** The source. A first line `#!lua name=...` may be left out. */
  readonly code: string
  /** The signature of each function, by the name under which the code registers it. */
  readonly functions: F
  /**
   * The treatment of a node that has a library of that name: `"replace"` puts this library in its place, `"keep"`
   * leaves it alone. Default: `"replace"`.
   */
  readonly policy?: "replace" | "keep" | undefined
}

const TypeId = "~effect-redis-cluster/FunctionLibrary"

/**
 * Whether a value is a library of functions. Libraries of another copy of the package count as well.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFunctionLibrary = (value: unknown): value is AnyFunctionLibrary => Predicate.hasProperty(value, TypeId)

/**
 * A library of functions, with a call for each of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionLibrary<F extends Signatures> {
  readonly [TypeId]: typeof TypeId
  readonly name: string
  /** The source with its first line. */
  readonly code: string
  readonly policy: "replace" | "keep"
  /** For each function, the function that makes the command of a call. */
  readonly functions: { readonly [N in keyof F]: Call<F[N]> }
  /**
   * `FUNCTION LOAD` on all primaries, with REPLACE when that is the policy; answers the name. Calls do not need it, and
   * `preload` does it for new primaries too.
   */
  readonly load: Command<string>
}

/**
 * Any library.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyFunctionLibrary = Pick<FunctionLibrary<Signatures>, "name" | "code" | "policy" | "load">

const writing = new CommandSpec("FCALL", { keys: counted(1) })
const reading = new CommandSpec("FCALL_RO", { keys: counted(1), readonly: true })
const loading = new CommandSpec("FUNCTION LOAD", { request: "allShards", response: "allSucceeded" })

const withHeader = (name: string, code: string): string => code.startsWith("#!") ? code : `#!lua name=${name}\n${code}`

const definitionChecks: checks.Checks<Definition<Signatures>> = {
  name: checks.anyText,
  code: checks.anyText,
  policy: checks.oneOf("replace", "keep"),
  functions: (value) => {
    if (typeof value !== "object" || value === null) return "an object with a signature for each function"
    for (const [name, signature] of Object.entries(value)) {
      const problem = checks.problemOf(signature, signatureChecks)
      if (problem !== undefined) return `an object with a signature for each function (${name}: ${problem})`
    }
    return undefined
  }
}

/** Why a value is no definition of a library; `undefined` when it is one. */
const shapeProblemOf = (definition: unknown): string | undefined => {
  const problem = checks.problemOf(definition, definitionChecks)
  if (problem !== undefined) return problem
  const missing = ["name", "code", "functions"].find((name) =>
    !Predicate.hasProperty(definition, name) || definition[name] === undefined
  )
  return missing === undefined ? undefined : `${missing} is missing`
}

/** The mistake in a definition; `undefined` if there is none. */
const problemOf = (name: string, code: string): string | undefined => {
  if (!/^\w+$/.test(name)) return "the name of a library must be letters, digits and underscores"
  const declared = /^#!.*\bname=(\S+)/.exec(code)?.[1]
  return declared === name
    ? undefined
    : `the first line of the code must be "#!lua name=${name}", or be left out: it names another library or none`
}

/**
 * Makes a library of functions from its code and the signature of each function.
 *
 * **Details**
 *
 * The checks and errors of a call are those of a script (`Script.make`). When the server refuses the library, the first call of a
 * function fails with a `ReplyError` that says why. A mistaken definition fails every call with an `OptionsError`.
 *
 * **Gotchas**
 *
 * A function with `readonly: true` has to be registered with the flag `no-writes`. In a transaction a missing library is not loaded:
 * `preload` it. The names of functions are one name space on a server: give two versions of a library that run at the same time
 * different names.
 *
 * **Example** (A counter as a function)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { FunctionLibrary } from "effect-redis-cluster"
 *
 * const counters = FunctionLibrary.make({
 *   name: "example_counters",
 *   code: `redis.register_function("example_increment", function(keys) return redis.call("INCR", keys[1]) end)`,
 *   functions: { example_increment: { keys: ["counter"], result: Schema.Int } }
 * })
 *
 * export const program = Effect.map(
 *   counters.functions.example_increment({ keys: { counter: "visits" } }),
 *   (visits) => `visit ${visits}`
 * )
 * ```
 *
 * @see https://redis.io/docs/latest/develop/programmability/functions-intro/
 * @category constructors
 * @since 0.1.0
 */
export const make = <const F extends Signatures>(
  definition: Definition<F> & { readonly functions: { readonly [N in keyof F]: Exact<F[N], Signature> } }
): FunctionLibrary<F> => {
  const shapeProblem = shapeProblemOf(definition)
  const { code: source, functions, name, policy = "replace" }: Definition<Signatures> = shapeProblem === undefined
    ? definition
    : { name: "", code: "", functions: {} }
  const code = withHeader(name, source)
  const problem = shapeProblem ?? problemOf(name, code)
  const load = problem === undefined
    ? Scripting.functionLoad(code, { replace: policy === "replace" })
    : invalid(loading, `FUNCTION LOAD: ${problem}`)
  const prerequisite: Prerequisite = { load, selfContained: (command) => command }
  const calls = Object.entries<Signature>(functions).map(([what, signature]) => {
    const spec = signature.readonly === true ? reading : writing
    const refused = () => invalid(spec, `${spec.name}: ${problem}`)
    return [what, problem === undefined ? compile(signature, { spec, what, prerequisite }) : refused] as const
  })
  // Each name has the call that was compiled from its signature.
  const named = Object.fromEntries(calls) as unknown as FunctionLibrary<F>["functions"]
  return { [TypeId]: TypeId, name, code, policy, load, functions: named }
}

/** Loads a library where there is none of its name. A function of the name in another library is an error all the same. */
const completeAt = (redis: ClusterClientShape, node: ClusterNode, { code, name }: AnyFunctionLibrary) =>
  Effect.catchReason(
    Effect.asVoid(redis.on(node).execute(Scripting.functionLoad(code))),
    "RedisClusterException",
    "ReplyError",
    (reason, error) => saysLibraryExists(reason, name) ? Effect.void : Effect.fail(error)
  )

const supplyTo = (redis: ClusterClientShape, node: ClusterNode, library: AnyFunctionLibrary) =>
  library.policy === "replace" ? Effect.asVoid(redis.on(node).execute(library.load)) : completeAt(redis, node, library)

/**
 * Loads libraries on every primary, and keeps them there while the scope lives: on nodes that become primaries, and on
 * primaries with a new connection, which may have been restarted without the library.
 *
 * **When to use**
 *
 * Use it at the start of a program whose transactions call functions: a transaction cannot load a missing library.
 *
 * **Details**
 *
 * After the first time a library that exists is left alone, whatever the `policy`: another version of the program may
 * have replaced it. The effect fails, with a `RedisClusterException`, when a primary cannot be given a library now; later failures
 * are logged, and the load is tried again.
 *
 * **Gotchas**
 *
 * A transaction may reach a restarted primary before the library does.
 *
 * **Example** (Before the first call)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { FunctionLibrary } from "effect-redis-cluster"
 *
 * const counters = FunctionLibrary.make({
 *   name: "example_counters",
 *   code: `redis.register_function("example_increment", function(keys) return redis.call("INCR", keys[1]) end)`,
 *   functions: { example_increment: { keys: ["counter"], result: Schema.Int } }
 * })
 *
 * export const program = Effect.andThen(
 *   FunctionLibrary.preload(counters),
 *   counters.functions.example_increment({ keys: { counter: "visits" } })
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const preload = (
  ...libraries: ReadonlyArray<AnyFunctionLibrary>
): Effect.Effect<void, RedisClusterException, ClusterClient | Scope.Scope> =>
  Effect.flatMap(ClusterClient, (redis) =>
    Effect.suspend(() => {
      if (!libraries.every(isFunctionLibrary)) {
        return noDefinition("FunctionLibrary.preload takes libraries that FunctionLibrary.make has made")
      }
      let supply = supplyTo
      const provisioned = redis.provision(
        (node) => Effect.forEach(libraries, (library) => supply(redis, node, library), { discard: true }),
        { nodes: "primaries" }
      )
      return Effect.tap(provisioned, () => Effect.sync(() => (supply = completeAt)))
    }))
