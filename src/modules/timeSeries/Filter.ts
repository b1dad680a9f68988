/**
 * Filters of time series by their labels: values in place of text that would have to be escaped.
 *
 * @since 0.1.0
 */

/** Letters with a meaning in a filter. The module has no way to escape them, and refuses labels with them. */
const special = /[=!(),]/

const TypeId = "~effect-redis-cluster/TimeSeriesFilter"

/**
 * A condition on the labels of time series.
 *
 * @category models
 * @since 0.1.0
 */
export interface Filter {
  readonly [TypeId]: typeof TypeId
  /** The condition as the server reads it. */
  readonly text: string
  /** The reason why it cannot be sent; `undefined` if there is none. */
  readonly problem: string | undefined
}

const isWord = (word: unknown): boolean => typeof word === "string" && word !== "" && !special.test(word)

const make = (label: string, operator: "=" | "!=", values: ReadonlyArray<string>, text: string): Filter => ({
  [TypeId]: TypeId,
  text: `${label}${operator}${text}`,
  problem: !isWord(label)
    ? "the label of a filter must be text that is not empty, without any of = ! ( ) and ,"
    : values.every(isWord)
    ? undefined
    : "a value of a filter must be text that is not empty, without any of = ! ( ) and ,"
})

const listOf = (
  label: string,
  operator: "=" | "!=",
  values: ReadonlyArray<string>
): Filter =>
  Array.isArray(values) && values.length > 0
    ? make(label, operator, values, `(${values.join(",")})`)
    : { ...make(label, operator, [], ""), problem: "a filter must have at least one value" }

/** Whether a value is a filter. */
export const isFilter = (value: unknown): value is Filter =>
  typeof value === "object" && value !== null && TypeId in value

/**
 * The functions that make filters.
 *
 * @category models
 * @since 0.1.0
 */
export interface FilterTools {
  /** Series whose label has this value. */
  readonly equals: (label: string, value: string) => Filter
  /** Series whose label has another value, or that lack the label. */
  readonly notEquals: (label: string, value: string) => Filter
  /** Series whose label has one of these values. */
  readonly oneOf: (label: string, values: ReadonlyArray<string>) => Filter
  /** Series whose label has none of these values, or that lack the label. */
  readonly noneOf: (label: string, values: ReadonlyArray<string>) => Filter
  /** Series that have the label. */
  readonly exists: (label: string) => Filter
  /** Series that lack the label. */
  readonly missing: (label: string) => Filter
}

/**
 * Filters of time series by their labels. All filters of a call have to hold, and one of them has to ask for a value (`equals` or `oneOf`).
 *
 * **Example** (The kitchens of two houses)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Filter, TimeSeries } from "effect-redis-cluster/modules/TimeSeries"
 *
 * export const program = Effect.gen(function*() {
 *   yield* TimeSeries.create("a:kitchen", { labels: { house: "a", room: "kitchen" } })
 *   return yield* TimeSeries.queryindex([Filter.oneOf("house", ["a", "b"]), Filter.equals("room", "kitchen")])
 * })
 * ```
 *
 * @category filters
 * @since 0.1.0
 */
export const Filter: FilterTools = {
  equals: (label, value) => make(label, "=", [value], value),
  notEquals: (label, value) => make(label, "!=", [value], value),
  oneOf: (label, values) => listOf(label, "=", values),
  noneOf: (label, values) => listOf(label, "!=", values),
  exists: (label) => make(label, "!=", [], ""),
  missing: (label) => make(label, "=", [], "")
}
