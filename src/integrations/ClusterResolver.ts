/**
 * Request resolvers over the client: the requests of concurrent fibers become one command for each slot or key.
 *
 * **When to use**
 *
 * Use them where many fibers read single keys at the same time, such as the resolvers of a graph of data. They are Effect's
 * `RequestResolver`s: `RequestResolver.withCache`, `persisted`, `batchN` and `withSpan` work on them.
 *
 * **Example** (Many users, one MGET for each slot)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import * as ClusterResolver from "effect-redis-cluster/integrations/ClusterResolver"
 *
 * const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String }))
 *
 * const UserById = ClusterResolver.get({ key: (id: number) => `user:${id}`, schema: Schema.NullOr(User) })
 *
 * export const users = Effect.forEach([1, 2, 3], (id) => ClusterResolver.request(id, UserById), {
 *   concurrency: "unbounded"
 * }) // Array<{ name: string } | null>
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as HashSlot from "../cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "../ClusterClient.ts"
import * as Command from "../commands/Command.ts"
import { Generic } from "../commands/Generic.ts"
import { Hashes } from "../commands/Hashes.ts"
import { Strings } from "../commands/Strings.ts"
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"
import { latin1Of } from "../protocol/text.ts"
import { DecodeError, exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"

/**
 * A request for the value of an input, to a `ClusterResolver`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface ClusterRequest<In, A> extends Request.Request<A, RedisClusterException, ClusterClient> {
  readonly input: In
}

/**
 * A resolver of `ClusterRequest`s, made by `get`, `hget` or `exists`.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export type ClusterResolver<In, A> = RequestResolver.RequestResolver<ClusterRequest<In, A>>

const prototype = {
  ...Request.RequestPrototype,
  [Equal.symbol](this: ClusterRequest<unknown, unknown>, that: ClusterRequest<unknown, unknown>): boolean {
    return Equal.equals(this.input, that.input)
  },
  [Hash.symbol](this: ClusterRequest<unknown, unknown>): number {
    return Hash.hash(this.input)
  }
}

const make = <In, A>(input: In): ClusterRequest<In, A> => Object.assign(Object.create(prototype), { input })

/**
 * Asks a resolver for the value of an input. Requests of concurrent fibers are joined to few commands. It fails with the error of its
 * command, or with a `DecodeError` when the schema refuses the value.
 *
 * **Gotchas**
 *
 * Requests are joined only when they run at the same time: give `Effect.forEach` and `Effect.all` a `concurrency`.
 *
 * **Example** (Two values of one command)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import * as ClusterResolver from "effect-redis-cluster/integrations/ClusterResolver"
 *
 * const Title = ClusterResolver.get({ key: (id: number) => `title:${id}`, schema: Schema.NullOr(Schema.String) })
 *
 * export const titles = Effect.all([ClusterResolver.request(1, Title), ClusterResolver.request(2, Title)], {
 *   concurrency: "unbounded"
 * })
 * ```
 *
 * @stability unstable
 * @category running
 * @since 0.1.0
 */
export const request: {
  <In, A>(resolver: ClusterResolver<In, A>): (input: In) => Effect.Effect<A, RedisClusterException, ClusterClient>
  <In, A>(input: In, resolver: ClusterResolver<In, A>): Effect.Effect<A, RedisClusterException, ClusterClient>
} = dual(2, <In, A>(input: In, resolver: ClusterResolver<In, A>) => Effect.request(make<In, A>(input), resolver))

type Entry<In, A> = Request.Entry<ClusterRequest<In, A>>

/** Entries that one command answers: it has a result for each entry, in order. */
interface Group<In, A> {
  readonly entries: ReadonlyArray<Entry<In, A>>
  readonly command: Command.Command<ReadonlyArray<unknown>>
}

type Decode<A> = (value: unknown) => Exit.Exit<A, RedisClusterException>

const decoding = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  command: string
): Decode<S["Type"]> => {
  const decode = Schema.decodeUnknownExit(schema)
  return (value) =>
    Exit.mapError(
      decode(value),
      (issue) =>
        exception(() => new DecodeError({ message: issue.message, cause: issue, outcome: "Executed", command }))
    )
}

/** The mistake in the options of a resolver; `undefined` when there is none. */
const problemOf = (name: string, options: object, optionChecks: Readonly<Record<string, checks.Check>>) => {
  const missing = Object.keys(optionChecks).find((option) => Reflect.get(Object(options), option) === undefined)
  const problem = checks.problemOf(options, optionChecks) ??
    (missing === undefined ? undefined : `${missing} is missing`)
  return problem === undefined ? undefined : `ClusterResolver.${name}: ${problem}`
}

const schemaCheck: checks.Check = (value) => Schema.isSchema(value) ? undefined : "a schema"

/** A resolver that refuses each request, because its options cannot be used. */
const refusing = <In, A>(message: string): ClusterResolver<In, A> =>
  RequestResolver.make((entries) =>
    Effect.sync(() => {
      const error = exception(() => new OptionsError({ message, outcome: "NotExecuted" }))
      for (const entry of entries) entry.completeUnsafe(Exit.fail(error))
    })
  )

/** Runs a command for each group, all in one pipeline on the client of the requesting fibers. */
const resolver = <In, A>(
  groupsOf: (entries: ReadonlyArray<Entry<In, A>>) => ReadonlyArray<Group<In, A>>,
  decode: Decode<A>
): ClusterResolver<In, A> =>
  RequestResolver.makeGrouped<ClusterRequest<In, A>, ClusterClientShape>({
    key: ({ context }) => Context.get(context, ClusterClient),
    resolver: Effect.fnUntraced(function*(entries, client) {
      const groups = groupsOf(entries)
      const outcomes = yield* client.pipelineResults(groups.map(({ command }) => command))
      groups.forEach(({ entries }, i) => {
        const outcome = outcomes[i]
        entries.forEach((entry, j) =>
          entry.completeUnsafe(Result.isSuccess(outcome) ? decode(outcome.success[j]) : Exit.fail(outcome.failure))
        )
      })
    })
  })

const groupBy = <A, K>(items: ReadonlyArray<A>, keyOf: (item: A) => K): ReadonlyMap<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/**
 * Makes a resolver for the values of keys, `null` for a missing key. It sends one MGET for each slot, all in one pipeline. A value
 * that the schema refuses fails its own request, with a `DecodeError`.
 *
 * **Example** (Values of text)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import * as ClusterResolver from "effect-redis-cluster/integrations/ClusterResolver"
 *
 * const Title = ClusterResolver.get({ key: (id: number) => `title:${id}`, schema: Schema.NullOr(Schema.String) })
 *
 * export const title = Effect.map(ClusterResolver.request(1, Title), (title) => title ?? "untitled")
 * ```
 *
 * @param options.key the key of an input
 * @param options.schema decodes each value; a value that does not fit fails only its own request, with a `DecodeError`
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const get = <In, S extends Schema.ConstraintDecoder<unknown>>(options: {
  readonly key: (input: In) => Argument
  readonly schema: S
}): ClusterResolver<In, S["Type"]> => {
  const problem = problemOf("get", options, { key: checks.func, schema: schemaCheck })
  if (problem !== undefined) return refusing(problem)
  return resolver(
    (entries) =>
      Array.from(
        groupBy(entries, ({ request }) => HashSlot.ofKey(options.key(request.input))).values(),
        (entries) => ({
          entries,
          command: Strings.mget(entries.map(({ request }) => options.key(request.input)))
        })
      ),
    decoding(options.schema, "MGET")
  )
}

/**
 * Makes a resolver for fields of hashes, `null` for a missing field. It sends one HMGET for each hash, all in one pipeline. A value
 * that the schema refuses fails its own request, with a `DecodeError`.
 *
 * **Example** (A field of many hashes)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import * as ClusterResolver from "effect-redis-cluster/integrations/ClusterResolver"
 *
 * const Price = ClusterResolver.hget({
 *   key: (id: string) => `product:${id}`,
 *   field: () => "price",
 *   schema: Schema.NullOr(Schema.FiniteFromString)
 * })
 *
 * export const prices = Effect.forEach(["a", "b"], (id) => ClusterResolver.request(id, Price), { concurrency: "unbounded" })
 * ```
 *
 * @param options.key the key of an input's hash
 * @param options.field the field of an input
 * @param options.schema decodes each value; a value that does not fit fails only its own request, with a `DecodeError`
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const hget = <In, S extends Schema.ConstraintDecoder<unknown>>(options: {
  readonly key: (input: In) => Argument
  readonly field: (input: In) => Argument
  readonly schema: S
}): ClusterResolver<In, S["Type"]> => {
  const problem = problemOf("hget", options, { key: checks.func, field: checks.func, schema: schemaCheck })
  if (problem !== undefined) return refusing(problem)
  return resolver(
    (entries) =>
      Array.from(groupBy(entries, ({ request }) => latin1Of(options.key(request.input))).values(), (entries) => ({
        entries,
        command: Hashes.hmget(
          options.key(entries[0].request.input),
          entries.map(({ request }) => options.field(request.input))
        )
      })),
    decoding(options.schema, "HMGET")
  )
}

/**
 * Makes a resolver that says whether keys exist. It sends one EXISTS for each key, all in one pipeline. It adds no error; options that
 * cannot be used fail each request with an `OptionsError`.
 *
 * **Example** (Names that are taken)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as ClusterResolver from "effect-redis-cluster/integrations/ClusterResolver"
 *
 * const Taken = ClusterResolver.exists({ key: (name: string) => `user:${name}` })
 *
 * export const taken = Effect.filter(["ada", "bob"], (name) => ClusterResolver.request(name, Taken), {
 *   concurrency: "unbounded"
 * })
 * ```
 *
 * @param options.key the key of an input
 * @stability unstable
 * @category constructors
 * @since 0.1.0
 */
export const exists = <In>(options: { readonly key: (input: In) => Argument }): ClusterResolver<In, boolean> => {
  const problem = problemOf("exists", options, { key: checks.func })
  if (problem !== undefined) return refusing(problem)
  return resolver<In, boolean>(
    (entries) =>
      Array.from(groupBy(entries, ({ request }) => latin1Of(options.key(request.input))).values(), (entries) => ({
        entries,
        command: Command.map(
          Generic.exists([options.key(entries[0].request.input)]),
          (count) => entries.map(() => count > 0)
        )
      })),
    (value) => Exit.succeed(value === true)
  )
}
