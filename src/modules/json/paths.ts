/**
 * Paths into JSON documents.
 *
 * @since 0.1.0
 */

/**
 * The result of a command at a path: with a path of JSONPath (`$.a`) a list with a result for each match, with a legacy path (`.a`) one
 * result.
 *
 * @category utility types
 * @since 0.1.0
 */
export type AtPath<P extends string, Match, Legacy = Match> = P extends `$${string}` ? ReadonlyArray<Match>
  : string extends P ? ReadonlyArray<Match> | Legacy
  : Legacy

/** Whether a path is of JSONPath, so that the reply is a list of matches. */
export const isJsonPath = (path: string): boolean => path.startsWith("$")

/** A name in quotes. Servers unescape a name when they look for it, and not when they write it: so the quotes are those that need no escape. */
const quoted = (name: string): string =>
  !name.includes("\\") && !name.includes("\"")
    ? `"${name}"`
    : !name.includes("\\") && !name.includes("'")
    ? `'${name}'`
    : `"${name.replaceAll(/["\\]/g, "\\$&")}"`

/** The path of a step: a name, or the position in a list. */
export const step = (segment: string | number): string =>
  typeof segment === "number" ? `[${segment}]` : `[${quoted(segment)}]`

/** The path through names and positions. */
export const pathOf = (segments: ReadonlyArray<string | number>): `$${string}` => `$${segments.map(step).join("")}`
