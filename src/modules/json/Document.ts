/**
 * Typed documents: JSON with a schema, whole or in parts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import type { ClusterClient } from "../../ClusterClient.ts"
import { Command } from "../../commands/Command.ts"
import * as decode from "../../commands/decode.ts"
import { decoderOf, encoderOf } from "../../commands/SchemaCoding.ts"
import { EncodeFailure, isEncodeFailure } from "../../commands/Value.ts"
import type { Argument } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import * as Coding from "../../values/Coding.ts"
import { commandOf, keyOf, refusal } from "../../values/keyed.ts"
import * as nonatomic from "./nonatomic.ts"
import { isSegment, noSegment, pathOf } from "./paths.ts"
import { type JsonInput, type JsonText, noText, stringify, textOf } from "./values.ts"

/** The schema of a property that may be missing, without that. */
type Present<S> = S extends { readonly "~type.optionality": "optional"; readonly schema: infer X }
  ? X extends { readonly members: readonly [infer Y, Schema.Undefined] } ? Y : X
  : S

type Part<S> = Present<S> extends infer X extends Schema.ConstraintCodec<unknown, unknown> ? X : never

/**
 * The schema at a name or a position of a schema: of a property, a value of a record, or an element of a list.
 *
 * @category utility types
 * @since 0.1.0
 */
export type SchemaAt<S, K> = S extends { readonly fields: infer F } ? K extends keyof F ? Part<F[K]> : never
  : S extends { readonly key: unknown; readonly value: infer V } ? K extends string ? Part<V> : never
  : S extends { readonly value: infer V } ? K extends number ? Part<V> : never
  : never

/**
 * The names and positions that lead into a schema.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Segment<S> = S extends { readonly fields: infer F } ? keyof F & string
  : S extends { readonly key: unknown; readonly value: unknown } ? string
  : S extends { readonly value: unknown } ? number
  : never

/**
 * The properties to change by `merge`: those that are left out stay, and a property that may be missing is removed by `null`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Patch<A> = { readonly [K in keyof A]?: A[K] | ({} extends Pick<A, K> ? null : never) | undefined }

/**
 * Options of `set` of a document.
 *
 * @category models
 * @since 0.1.0
 */
export interface DocumentSetOptions {
  /** Set only if there is nothing there (`NX`), or only if there is something (`XX`). Default: set in any case. */
  readonly condition?: "NX" | "XX" | undefined
}

/**
 * Documents with a schema, or the part of them at a path. The members can be used apart from the object. A value that the schema refuses fails
 * with an `EncodeError` before it is sent, a stored one with a `DecodeError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Document<in I, S extends Schema.ConstraintCodec<unknown, unknown>> {
  /** The place in the document, for commands beside those here: `Json.numincrby(key, Users.at("age").path, 1)`. */
  readonly path: `$${string}`
  /** The key of an input. */
  readonly key: (input: I) => Argument
  /** The value; `null` if the key or the place is missing. Fails with a `DecodeError` when the schema refuses what is stored. */
  readonly get: (input: I) => Command<S["Type"] | null>
  /**
   * The values of many inputs, in their order, of any slots: one command for each slot, all sent at once. Fails with a `PartialFailureError`
   * when parts fail.
   */
  readonly getMany: (
    inputs: ReadonlyArray<I>
  ) => Effect.Effect<ReadonlyArray<S["Type"] | null>, RedisClusterException, ClusterClient>
  /**
   * Writes the value. `null` if the condition was not met, or the object around the place is missing. Fails with an `EncodeError` when the
   * schema refuses the value.
   */
  readonly set: (input: I, value: S["Type"], options?: DocumentSetOptions) => Command<"OK" | null>
  /**
   * Writes many values, of any slots, at once. It is not atomic over slots. Fails with an `EncodeError`, and writes nothing, when the schema refuses a value; with a
   * `PartialFailureError` when parts fail.
   */
  readonly setMany: (
    entries: Iterable<readonly [input: I, value: S["Type"]]>
  ) => Effect.Effect<"OK", RedisClusterException, ClusterClient>
  /**
   * Changes some properties of an object and leaves the others; with `null` it removes one that may be missing. `null` if the object around the
   * place is missing. Fails with an `EncodeError` when the schema refuses the patch.
   *
   * **Gotchas**
   *
   * The server merges objects inside as well (RFC 7396): a property of an inner object that the patch does not have stays. A value that has `null` in
   * an inner object is refused, because the server would remove the property: `at("inner").set` writes it.
   *
   * A merge makes a document that is missing, and one that has the properties of the patch alone: `get` refuses it with a `DecodeError` when the schema
   * needs others.
   */
  readonly merge: (input: I, patch: Patch<S["Type"]>) => Command<"OK" | null>
  /** Deletes the value, at the root the whole key. Returns whether it was there. It adds no error. */
  readonly delete: (input: I) => Command<boolean>
  /** The part of the documents at a property, a name of a record, or a position of a list. */
  readonly at: <const K extends Segment<S>>(segment: K) => Document<I, SchemaAt<S, K>>
}

/** The commands of which documents are made. */
export interface Builders {
  readonly get: (key: Argument, path: string) => Command<unknown>
  readonly set: (key: Argument, path: string, value: JsonInput, options?: DocumentSetOptions) => Command<"OK" | null>
  readonly merge: (key: Argument, path: string, value: JsonInput) => Command<"OK" | null>
  readonly del: (key: Argument, path: string) => Command<number>
  readonly mget: (keys: ReadonlyArray<Argument>, path: string) => Command<ReadonlyArray<unknown>>
  readonly mset: (entries: ReadonlyArray<readonly [Argument, string, JsonInput]>) => Command<"OK">
}

const jsonOf = (schema: Schema.Constraint): Schema.ConstraintCodec<unknown, unknown> =>
  // Services are refused by the types.
  Schema.toCodecJson(schema) as Schema.Constraint as Schema.ConstraintCodec<unknown, unknown>

/** The encoder of a schema; `undefined` for what is no schema, or has no JSON codec. */
const encodingOf = (schema: Schema.Constraint) => {
  try {
    return Schema.isSchema(schema) ? encoderOf<unknown>(jsonOf(schema)) : undefined
  } catch {
    return undefined
  }
}

/** JSON text by a schema, or the failure in its place. */
export const encoderFor = (schema: Schema.Constraint): (value: unknown) => JsonText => {
  const encode = encodingOf(schema)
  if (encode === undefined) return () => noText("Json.encode: the schema has to be a schema that has a JSON codec")
  return (value) => {
    const encoded = encode(value)
    if (isEncodeFailure(encoded)) return textOf(encoded)
    return textOf(stringify(encoded) ?? new EncodeFailure("the schema gave no JSON"))
  }
}

/** Whether an object has a property that is null, at any depth: JSON.MERGE would remove it. Lists are replaced as a whole. */
const hasNull = (value: unknown): boolean =>
  value === null || (typeof value === "object" && !Array.isArray(value) && Object.values(value).some(hasNull))

const fieldsOf = (schema: unknown): Readonly<Record<string, Schema.Constraint>> | undefined =>
  Predicate.hasProperty(schema, "fields") && Predicate.isObject(schema.fields)
    ? schema.fields as Readonly<Record<string, Schema.Constraint>>
    : undefined

/** The patch as an object of JSON, or the reason why there is none. */
const patchOf = (schema: unknown): (patch: unknown) => EncodeFailure | Readonly<Record<string, unknown>> => {
  const fields = fieldsOf(schema)
  const encoders = new Map(
    Object.entries(fields ?? {}).map(([name, field]) => [name, {
      encode: encoderOf<unknown>(jsonOf(field)),
      mayBeMissing: SchemaAST.isOptional(field.ast)
    }])
  )
  return (patch) => {
    if (fields === undefined) return new EncodeFailure("merge is for objects with known properties")
    if (!Predicate.isObject(patch)) return new EncodeFailure("the patch has to be an object")
    const result: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(patch)) {
      if (value === undefined) continue
      const field = encoders.get(name)
      if (field === undefined) return new EncodeFailure("the patch has a property that the schema does not know")
      if (value === null && field.mayBeMissing) {
        result[name] = null
        continue
      }
      const encoded = field.encode(value)
      if (isEncodeFailure(encoded)) return encoded
      if (hasNull(encoded)) {
        return new EncodeFailure("JSON.MERGE would remove what is null in the patch: write it with at(...).set")
      }
      result[name] = encoded
    }
    return result
  }
}

/** The schema at a name or a position; `undefined` if there is none. */
const schemaAt = (schema: unknown, segment: string | number): unknown => {
  const fields = fieldsOf(schema)
  const found = fields !== undefined
    ? Object.hasOwn(fields, segment) ? fields[segment] : undefined
    : Predicate.hasProperty(schema, "value")
    ? schema.value
    : undefined
  if (!Schema.isSchema(found) || !SchemaAST.isOptional(found.ast) || !Predicate.hasProperty(found, "schema")) {
    return found
  }
  const inner = found.schema
  return Predicate.hasProperty(inner, "members") && Array.isArray(inner.members) &&
      inner.members.length === 2 && inner.members[1] === Schema.Undefined
    ? inner.members[0]
    : inner
}

/** The command with a further step of its decoder. */
const decoded = <A, B>(self: Command<A>, f: (value: A) => B | decode.DecodeFailure): Command<B> =>
  new Command(self.spec, self.args, decode.map(self.decode, f), self.settings, self.run)

/** All values, or the first failure. */
const each = <A>(
  values: ReadonlyArray<unknown>,
  f: (value: unknown) => A | decode.DecodeFailure
): ReadonlyArray<A> | decode.DecodeFailure => {
  const result: Array<A> = []
  for (const value of values) {
    const one = f(value)
    if (decode.isDecodeFailure(one)) return one
    result.push(one)
  }
  return result
}

const noPairs = "setMany: the entries have to be a list of pairs of an input and a value"

/** The pairs of what a program passes; `undefined` for something else. */
const pairsOf = <A, B>(entries: Iterable<readonly [A, B]>): ReadonlyArray<readonly [A, B]> | undefined => {
  try {
    const pairs = [...entries]
    return pairs.every((pair) => Array.isArray(pair) && pair.length === 2) ? pairs : undefined
  } catch {
    return undefined
  }
}

const refused = (message: string) => Effect.fail(refusal(message))

interface Origin<I> {
  readonly schema: Schema.Constraint
  readonly key: (input: I) => Argument
  readonly segments: ReadonlyArray<string | number>
  readonly problem: string | undefined
}

/** Makes documents of the commands. */
export const makeOf = (commands: Builders) => {
  const build = <I, S extends Schema.ConstraintCodec<unknown, unknown>>(place: Origin<I>): Document<I, S> => {
    const { problem, schema, segments } = place
    const path = pathOf(segments)
    const keys = keyOf("Json.of", problem === undefined ? place.key : undefined, problem)
    const decodeJson = problem === undefined
      ? decoderOf(jsonOf(schema) as Schema.ConstraintDecoder<unknown>)
      : undefined
    const encode = problem === undefined
      ? encoderFor(schema)
      : () => textOf(new EncodeFailure("the schema is mistaken"))
    const patched = patchOf(problem === undefined ? schema : undefined)

    /** The list of the matches, of which there is at most one. */
    const found = (matches: unknown): S["Type"] | null | decode.DecodeFailure => {
      if (!Array.isArray(matches) || matches.length === 0 || decodeJson === undefined) return null
      return decodeJson(matches[0])
    }

    const get = (input: I): Command<S["Type"] | null> =>
      commandOf("JSON.GET", keys, input, (key) => decoded(commands.get(key, path), found))

    const keysOf = (inputs: ReadonlyArray<I>): ReadonlyArray<Argument> | string => {
      if (!Array.isArray(inputs)) return "the inputs have to be a list"
      const list: Array<Argument> = []
      for (const input of inputs) {
        const each = keys(input)
        if ("problem" in each) return each.problem
        list.push(each.key)
      }
      return list
    }

    return {
      path,
      key: place.key,
      get,
      getMany: (inputs) => {
        const list = keysOf(inputs)
        return typeof list === "string"
          ? refused(list)
          : nonatomic.mget(list, (part) => decoded(commands.mget(part, path), (all) => each(all, found)))
      },
      set: (input, value, options) =>
        commandOf("JSON.SET", keys, input, (key) => commands.set(key, path, encode(value), options)),
      setMany: (entries) => {
        const pairs = pairsOf(entries)
        const list = pairs === undefined ? noPairs : keysOf(pairs.map(([input]) => input))
        return pairs === undefined || typeof list === "string"
          ? refused(String(list))
          : nonatomic.mset(list.map((key, i) => [key, path, encode(pairs[i][1])] as const), commands.mset)
      },
      merge: (input, patch) =>
        commandOf("JSON.MERGE", keys, input, (key) => {
          const object = patched(patch)
          if (isEncodeFailure(object)) return commands.merge(key, path, textOf(object))
          return commands.merge(key, path, textOf(stringify(object) ?? new EncodeFailure("the patch is no JSON")))
        }),
      delete: (input) =>
        commandOf("JSON.DEL", keys, input, (key) => decoded(commands.del(key, path), (count) => count > 0)),
      at: (segment) => {
        if (!isSegment(segment)) return build({ ...place, problem: problem ?? `at: ${noSegment}` })
        const next = problem === undefined ? schemaAt(schema, segment) : undefined
        const isPart = Schema.isSchema(next)
        return build({
          ...place,
          schema: isPart ? next : schema,
          segments: [...segments, segment],
          problem: problem ?? (isPart ? undefined : "at: the schema has no such part")
        })
      }
    }
  }
  return <const S extends Schema.ConstraintCodec<unknown, unknown>, I = Argument>(
    schema: S,
    key?: (input: I) => Argument
  ): Document<I, S> =>
    build<I, S>({
      schema,
      // Without a function the input is the key.
      key: key ?? ((input) => input as unknown as Argument),
      segments: [],
      problem: key !== undefined && typeof key !== "function"
        ? "key has to be a function"
        : Coding.problemOf({ schema })
    })
}
