/**
 * Aggregations as values: steps, each typed by the one before.
 *
 * @since 0.1.0
 */
import type { Call } from "../../commands/Call.ts"
import * as decode from "../../commands/decode.ts"
import type { Reply } from "../../protocol/Reply.ts"
import { text, texts } from "./documents.ts"
import type { Fields } from "./Field.ts"
import { type Index, isIndex, isName, type Kinds } from "./Index.ts"
import type { Query } from "./Query.ts"

const TypeId = "~effect-redis-cluster/SearchAggregation"

/**
 * The kinds of the values of a row.
 *
 * @category models
 * @since 0.1.0
 */
export type RowKind = "text" | "number" | "list"

/**
 * The names of a row, with the kind of each.
 *
 * @category models
 * @since 0.1.0
 */
export type RowShape = Readonly<Record<string, RowKind>>

/**
 * The values of a row. A value that is missing is `null`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type RowOf<R extends RowShape> = {
  readonly [N in keyof R]:
    | (R[N] extends "number" ? number : R[N] extends "list" ? ReadonlyArray<string> : string)
    | null
}

/**
 * The fields of an index that an aggregation can name. Vectors are none.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ShapeOf<F extends Fields> = {
  readonly [N in keyof F as F[N]["kind"] extends "vector" ? never : N]: F[N]["kind"] extends "numeric" ? "number"
    : "text"
}

/**
 * A function that makes one value of the rows of a group.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reducer<out K extends RowKind, out P extends string> {
  readonly kind: K
  /** The name of the function and its arguments. */
  readonly words: ReadonlyArray<string>
  /** The properties that it reads. */
  readonly reads: ReadonlyArray<P>
  /** The reason why it cannot be sent; `undefined` if there is none. */
  readonly problem: string | undefined
}

/**
 * The functions that make one value of the rows of a group.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReducerTools {
  /** How many rows there are. */
  readonly count: () => Reducer<"number", never>
  /** How many values there are that differ. */
  readonly countDistinct: <P extends string>(property: P) => Reducer<"number", P>
  /** About how many values there are that differ, in little memory. */
  readonly countDistinctish: <P extends string>(property: P) => Reducer<"number", P>
  /** The sum. */
  readonly sum: <P extends string>(property: P) => Reducer<"number", P>
  /** The least number. */
  readonly min: <P extends string>(property: P) => Reducer<"number", P>
  /** The greatest number. */
  readonly max: <P extends string>(property: P) => Reducer<"number", P>
  /** The mean. */
  readonly avg: <P extends string>(property: P) => Reducer<"number", P>
  /** The standard deviation. */
  readonly stddev: <P extends string>(property: P) => Reducer<"number", P>
  /** The number that this share of the numbers, from 0 to 1, is not greater than. */
  readonly quantile: <P extends string>(property: P, share: number) => Reducer<"number", P>
  /** All values that differ. */
  readonly toList: <P extends string>(property: P) => Reducer<"list", P>
  /** The value of the first row, by another property where one is given. */
  readonly firstValue: <P extends string>(
    property: P,
    by?: P,
    direction?: "ASC" | "DESC"
  ) => Reducer<"text", P>
  /** Some values at random, at most so many. */
  readonly randomSample: <P extends string>(property: P, count: number) => Reducer<"list", P>
}

const reducer = <K extends RowKind, P extends string>(
  kind: K,
  name: string,
  reads: ReadonlyArray<P>,
  rest: ReadonlyArray<string> = [],
  problem?: string
): Reducer<K, P> => {
  const args = [...reads.slice(0, 1).map((property) => `@${property}`), ...rest]
  return {
    kind,
    words: [name, String(args.length), ...args],
    reads,
    problem: problem ??
      (reads.every(isName) ? undefined : "the property of a reducer has to be a name: letters, digits and _, without @")
  }
}

/**
 * Reducers, for `groupBy` of an aggregation.
 *
 * @category aggregation
 * @since 0.1.0
 */
export const Reduce: ReducerTools = {
  count: () => reducer("number", "COUNT", []),
  countDistinct: (property) => reducer("number", "COUNT_DISTINCT", [property]),
  countDistinctish: (property) => reducer("number", "COUNT_DISTINCTISH", [property]),
  sum: (property) => reducer("number", "SUM", [property]),
  min: (property) => reducer("number", "MIN", [property]),
  max: (property) => reducer("number", "MAX", [property]),
  avg: (property) => reducer("number", "AVG", [property]),
  stddev: (property) => reducer("number", "STDDEV", [property]),
  quantile: (property, share) =>
    reducer(
      "number",
      "QUANTILE",
      [property],
      [String(share)],
      share >= 0 && share <= 1 ? undefined : "the share of a quantile has to be a number from 0 to 1"
    ),
  toList: (property) => reducer("list", "TOLIST", [property]),
  firstValue: (property, by, direction) =>
    by === undefined
      ? reducer("text", "FIRST_VALUE", [property])
      : reducer(
        "text",
        "FIRST_VALUE",
        [property, by],
        ["BY", `@${by}`, ...(direction === undefined ? [] : [direction])],
        direction === undefined || direction === "ASC" || direction === "DESC"
          ? undefined
          : "a direction is ASC or DESC"
      ),
  randomSample: (property, count) =>
    reducer(
      "list",
      "RANDOM_SAMPLE",
      [property],
      [String(count)],
      Number.isSafeInteger(count) && count > 0
        ? undefined
        : "the count of a sample has to be a whole number, at least 1"
    )
}

/**
 * Reducers by the names of their values.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Reducers<P extends string> = Readonly<Record<string, Reducer<RowKind, P>>>

/**
 * The kinds of reduced values.
 *
 * @category utility types
 * @since 0.1.0
 */
export type ReducedShape<R> = { readonly [N in keyof R]: R[N] extends Reducer<infer K, string> ? K : never }

/** A step as the server reads it. */
type Step = ReadonlyArray<string>

interface State {
  readonly index: Index
  readonly query: Query<never>
  readonly steps: ReadonlyArray<Step>
  /** The names that a row has at the end. */
  readonly row: RowShape
  readonly problem: string | undefined
}

const isDirection = (word: unknown): boolean => word === "ASC" || word === "DESC"

const nameProblem = "a name has to have letters, digits and _ only, without @"

const expressionProblem = "an expression has to be a text that is not empty"

/**
 * An aggregation: the documents of a query, and the steps that make rows of them. `Known` are the names that the next step can use,
 * `Row` those of the rows.
 *
 * **Gotchas**
 *
 * Expressions are text of the server's language, and take no parameters: put values into them by `Search.literal`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchAggregation<in out Known extends RowShape, in out Row extends RowShape> {
  /** Adds fields of the documents to the rows. */
  readonly load: <const N extends keyof Known & string>(
    names: ReadonlyArray<N>
  ) => SearchAggregation<Known, Row & Pick<Known, N>>
  /** Makes one row of all rows with the same values of properties, or of all rows; with the reduced values of its rows. */
  readonly groupBy: <const N extends keyof Known & string, const R extends Reducers<keyof Known & string>>(
    names: ReadonlyArray<N>,
    reducers: R
  ) => SearchAggregation<Pick<Known, N> & ReducedShape<R>, Pick<Known, N> & ReducedShape<R>>
  /** Adds the value of an expression to each row: `apply("total", "@price * @count", "number")`. */
  readonly apply: <const N extends string, const K extends "text" | "number">(
    name: N,
    expression: string,
    kind: K
  ) => SearchAggregation<Known & Readonly<Record<N, K>>, Row & Readonly<Record<N, K>>>
  /** Keeps the rows for which an expression holds: `filter("@count > 1")`. */
  readonly filter: (expression: string) => SearchAggregation<Known, Row>
  /** Sorts the rows: `sortBy([["count", "DESC"], ["tags", "ASC"]])`. With `max` only the first so many are kept, which is faster. */
  readonly sortBy: (
    by: ReadonlyArray<readonly [name: keyof Known & string, direction: "ASC" | "DESC"]>,
    options?: { readonly max?: number | undefined }
  ) => SearchAggregation<Known, Row>
  /** Leaves out the first rows, and keeps at most so many of the others. */
  readonly limit: (offset: number, count: number) => SearchAggregation<Known, Row>
}

/** The steps of an aggregation. */
export class Steps<in out Known extends RowShape, in out Row extends RowShape>
  implements SearchAggregation<Known, Row>
{
  readonly [TypeId] = TypeId
  readonly state: State

  constructor(state: State) {
    this.state = state
  }

  load<const N extends keyof Known & string>(names: ReadonlyArray<N>): Steps<Known, Row & Pick<Known, N>> {
    const { index } = this.state
    if (!Array.isArray(names) || names.length === 0) return this.refused("load: at least one name is needed")
    const unknown = names.find((name) => !isIndex(index) || index.fields[name] === undefined)
    if (unknown !== undefined) return this.refused("load: the index has no such field")
    const row = Object.fromEntries(
      names.map((name): [string, RowKind] => [name, index.fields[name].kind === "numeric" ? "number" : "text"])
    )
    return this.next(["LOAD", String(names.length), ...names.map((name) => `@${name}`)], { ...this.state.row, ...row })
  }

  groupBy<const N extends keyof Known & string, const R extends Reducers<keyof Known & string>>(
    names: ReadonlyArray<N>,
    reducers: R
  ): Steps<Pick<Known, N> & ReducedShape<R>, Pick<Known, N> & ReducedShape<R>> {
    if (!Array.isArray(names) || !names.every(isName)) return this.refused(`groupBy: ${nameProblem}`)
    const { index, row } = this.state
    const all = Object.entries<Reducer<RowKind, string>>(reducers)
    const problem = all.map(([name, { problem }]) => isName(name) ? problem : nameProblem)
      .find((problem) => problem !== undefined)
    if (problem !== undefined) return this.refused(`groupBy: ${problem}`)
    const kindOf = (name: string): RowKind => row[name] ?? (index.fields[name]?.kind === "numeric" ? "number" : "text")
    return this.next(
      [
        "GROUPBY",
        String(names.length),
        ...names.map((name) => `@${name}`),
        ...all.flatMap(([name, { words }]) => ["REDUCE", ...words, "AS", name])
      ],
      Object.fromEntries([
        ...names.map((name): [string, RowKind] => [name, kindOf(name)]),
        ...all.map(([name, { kind }]): [string, RowKind] => [name, kind])
      ])
    )
  }

  apply<const N extends string, const K extends "text" | "number">(
    name: N,
    expression: string,
    kind: K
  ): Steps<Known & Readonly<Record<N, K>>, Row & Readonly<Record<N, K>>> {
    if (!isName(name)) return this.refused(`apply: ${nameProblem}`)
    if (kind !== "text" && kind !== "number") return this.refused("apply: the kind has to be text or number")
    return typeof expression === "string" && expression !== ""
      ? this.next(["APPLY", expression, "AS", name], { ...this.state.row, [name]: kind })
      : this.refused(`apply: ${expressionProblem}`)
  }

  filter(expression: string): Steps<Known, Row> {
    return typeof expression === "string" && expression !== ""
      ? this.next(["FILTER", expression], this.state.row)
      : this.refused(`filter: ${expressionProblem}`)
  }

  sortBy(
    by: ReadonlyArray<readonly [name: keyof Known & string, direction: "ASC" | "DESC"]>,
    options: { readonly max?: number | undefined } = {}
  ): Steps<Known, Row> {
    const { max } = options
    const stranger = Object.keys(options).find((name) => name !== "max")
    if (stranger !== undefined) return this.refused("sortBy: there is one option, max")
    if (
      !Array.isArray(by) || by.length === 0 || !by.every(([name, direction]) => isName(name) && isDirection(direction))
    ) {
      return this.refused("sortBy: pairs of a name and ASC or DESC are needed, at least one")
    }
    if (max !== undefined && !(Number.isSafeInteger(max) && max >= 0)) {
      return this.refused("sortBy: max has to be a whole number, at least 0")
    }
    return this.next(
      [
        "SORTBY",
        String(2 * by.length),
        ...by.flatMap(([name, direction]) => [`@${name}`, direction]),
        ...(max === undefined ? [] : ["MAX", String(max)])
      ],
      this.state.row
    )
  }

  limit(offset: number, count: number): Steps<Known, Row> {
    return [offset, count].every((number) => Number.isSafeInteger(number) && number >= 0)
      ? this.next(["LIMIT", String(offset), String(count)], this.state.row)
      : this.refused("limit: offset and count have to be whole numbers, at least 0")
  }

  private next<K extends RowShape, R extends RowShape>(step: Step, row: RowShape): Steps<K, R> {
    return new Steps<K, R>({ ...this.state, steps: [...this.state.steps, step], row })
  }

  private refused<K extends RowShape, R extends RowShape>(problem: string): Steps<K, R> {
    return new Steps<K, R>({ ...this.state, problem: this.state.problem ?? problem })
  }
}

/** Whether a value is an aggregation. Aggregations of another copy of the package count as well. */
export const isAggregation = (value: unknown): value is Steps<never, never> =>
  typeof value === "object" && value !== null && TypeId in value

/** An aggregation without steps: of all documents that a query finds. */
export const aggregation = <const F extends Fields>(
  index: Index<F>,
  query: Query<NoInfer<Kinds<F>>>
  // Nothing is loaded yet.
): SearchAggregation<ShapeOf<F>, {}> => new Steps({ index, query, steps: [], row: {}, problem: undefined })

/** Adds the steps of an aggregation. */
export const addSteps = (self: Call, steps: ReadonlyArray<Step>): Call => {
  for (const step of steps) self.all(step)
  return self
}

/** Rows of a shape. */
export const rowOf = <R extends RowShape>(shape: RowShape) => {
  const all = Object.entries(shape)
  return (source: Readonly<Record<string, Reply>>): RowOf<R> | decode.DecodeFailure => {
    const row: Record<string, unknown> = {}
    for (const [name, kind] of all) {
      const reply = Object.hasOwn(source, name) ? source[name] : null
      const value = reply === null
        ? null
        : kind === "number"
        ? decode.double(reply)
        : kind === "list"
        ? texts(reply)
        : text(reply)
      if (value instanceof decode.DecodeFailure) {
        return new decode.DecodeFailure(`${name}: ${value.message}`, value.cause)
      }
      decode.assign(row, name, value)
    }
    // The decoder of each kind made its value.
    return row as RowOf<R>
  }
}

/** A text as expressions have it, or a number. */
export const literal = (value: string | number): string =>
  typeof value === "number" ? String(value) : `"${String(value).replaceAll(/["\\]/g, (sign) => `\\${sign}`)}"`
