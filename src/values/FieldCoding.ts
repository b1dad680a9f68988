/**
 * The way of an object to the fields of a hash and back: text is a field as it is, anything else is JSON.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { assign, DecodeFailure, isDecodeFailure } from "../commands/decode.ts"
import { decoderOf, encoderOf } from "../commands/SchemaCoding.ts"
import { EncodeFailure, isEncodeFailure } from "../commands/Value.ts"
import { noUnicode } from "./Coding.ts"

/** The texts of the fields of a hash, or of some of them. */
export type Fields = Readonly<Record<string, string>>

export interface FieldCoding<out A> {
  readonly names: ReadonlyArray<string>
  /** The fields of the whole object. */
  readonly encode: (value: unknown) => Fields | EncodeFailure
  /** The object of its fields. */
  readonly decode: (fields: Fields) => A | DecodeFailure
  /** The fields of some properties. */
  readonly encodeSome: (value: unknown) => Fields | EncodeFailure
  /** Some properties of their fields. */
  readonly decodeSome: (
    names: ReadonlyArray<string>,
    fields: Fields
  ) => Readonly<Record<string, unknown>> | DecodeFailure
}

/** The way of one property, or of the whole, between values of the program and JSON. */
interface Way {
  readonly encode: (value: unknown) => Readonly<Record<string, unknown>> | EncodeFailure
  readonly decode: (value: unknown) => unknown
}

const wayOf = (schema: Schema.Constraint): Way => {
  const codec: Schema.Constraint = Schema.toCodecJson(schema)
  // Objects lead to objects. Services are refused by the types.
  const json = codec as Schema.ConstraintCodec<unknown, Readonly<Record<string, unknown>>>
  return { encode: encoderOf(json), decode: decoderOf(json) }
}

const isText = (ast: SchemaAST.AST): boolean =>
  ast._tag === "String" || ast._tag === "TemplateLiteral" ||
  (ast._tag === "Literal" && typeof ast.literal === "string") ||
  (ast._tag === "Enum" && ast.enums.every(([, value]) => typeof value === "string")) ||
  (ast._tag === "Union" && ast.types.length > 0 && ast.types.every(isText))

/** The schema of a property without `undefined`, which no field stands for. */
const defined = (ast: SchemaAST.AST): SchemaAST.AST =>
  ast._tag === "Union" && ast.encoding === undefined && ast.types.some(SchemaAST.isUndefined)
    ? new SchemaAST.Union(ast.types.filter((type) => !SchemaAST.isUndefined(type)))
    : ast

/** Whether the JSON of a property is text whatever its value, so that the field is that text. */
const isTextual = (field: Schema.Constraint): boolean =>
  isText(SchemaAST.toEncoded(Schema.toCodecJson(Schema.make(defined(field.ast))).ast))

/** The words about a name that no property has. They do not repeat it, because it may be data. */
export const noProperty = (names: ReadonlyArray<string>): string =>
  `a name is not that of a property; the properties are ${names.map((name) => JSON.stringify(name)).join(", ")}`

const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** A property that is undefined where there is no field, although the object has to have it; `undefined` for any other property. */
type Absent = { readonly json: unknown } | undefined

/** The value of a property that has no field: the schema may admit its absence, or undefined in its place, of which it knows the JSON. */
const absentOf = (name: string, { decode, encode }: Way): Absent => {
  if (!isDecodeFailure(decode({}))) return undefined
  const encoded = encode({ [name]: undefined })
  return isEncodeFailure(encoded) || !Object.hasOwn(encoded, name) ? undefined : { json: encoded[name] }
}

class Property {
  readonly way: Way
  readonly isTextual: boolean
  readonly #name: string
  #absent: { readonly found: Absent } | undefined

  constructor(name: string, field: Schema.Constraint) {
    this.way = wayOf(Schema.Struct({ [name]: field }))
    this.isTextual = isTextual(field)
    this.#name = name
  }

  /** Found when a field is first missing: functions of the schema run. */
  get absent(): Absent {
    this.#absent ??= { found: absentOf(this.#name, this.way) }
    return this.#absent.found
  }
}

/** The way of an object with these properties. */
export const make = <A>(schema: Schema.Constraint & { readonly fields: Schema.Struct.Fields }): FieldCoding<A> => {
  const names = Object.keys(schema.fields)
  const whole = wayOf(schema)
  const single = new Map(names.map((name) => [name, new Property(name, schema.fields[name])]))

  const toFields = (encoded: Readonly<Record<string, unknown>>, value: object): Fields | EncodeFailure => {
    const fields: Record<string, string> = {}
    for (const name of names) {
      // A property that is undefined has no field, whatever its JSON is.
      if (!Object.hasOwn(encoded, name) || encoded[name] === undefined || Reflect.get(value, name) === undefined) {
        continue
      }
      const json = encoded[name]
      const text = single.get(name)?.isTextual === true ? String(json) : JSON.stringify(json)
      if (!text.isWellFormed()) return new EncodeFailure(`${noUnicode}\n  at [${JSON.stringify(name)}]`)
      assign(fields, name, text)
    }
    return fields
  }

  const fromField = (name: string, text: string): unknown => {
    if (single.get(name)?.isTextual === true) return text
    const parsed = parse(text)
    return Option.isSome(parsed) ? parsed.value : new DecodeFailure(`the field ${JSON.stringify(name)} is no JSON`)
  }

  const fromFields = (given: ReadonlyArray<string>, fields: Fields): Record<string, unknown> | DecodeFailure => {
    const encoded: Record<string, unknown> = {}
    for (const name of given) {
      if (!Object.hasOwn(fields, name)) {
        const absent = single.get(name)?.absent
        if (absent !== undefined) assign(encoded, name, absent.json)
        continue
      }
      const value = fromField(name, fields[name])
      if (isDecodeFailure(value)) return value
      assign(encoded, name, value)
    }
    return encoded
  }

  return {
    names,
    encode: (value) => {
      const encoded = whole.encode(value)
      return isEncodeFailure(encoded) ? encoded : toFields(encoded, Object(value))
    },
    decode: (fields) => {
      const encoded = fromFields(names, fields)
      // The schema makes the value of its type.
      return isDecodeFailure(encoded) ? encoded : whole.decode(encoded) as A | DecodeFailure
    },
    encodeSome: (value) => {
      if (typeof value !== "object" || value === null) return new EncodeFailure("expected an object")
      const fields: Record<string, string> = {}
      for (const [name, property] of Object.entries(value)) {
        if (property === undefined) continue
        const known = single.get(name)
        if (known === undefined) return new EncodeFailure(noProperty(names))
        const encoded = known.way.encode({ [name]: property })
        if (isEncodeFailure(encoded)) return encoded
        const some = toFields(encoded, value)
        if (isEncodeFailure(some)) return some
        for (const [field, text] of Object.entries(some)) assign(fields, field, text)
      }
      return fields
    },
    decodeSome: (given, fields) => {
      const object: Record<string, unknown> = {}
      for (const name of given) {
        const encoded = fromFields([name], fields)
        const value = isDecodeFailure(encoded) ? encoded : single.get(name)?.way.decode(encoded)
        if (isDecodeFailure(value)) return value
        for (const [property, one] of Object.entries(Object(value))) assign(object, property, one)
      }
      return object
    }
  }
}
