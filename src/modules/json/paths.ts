/**
 * Paths into JSON documents.
 *
 * @since 0.1.0
 */
import type { Call } from "../../commands/Call.ts"

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

/** Whether a value is a name or a position. */
export const isSegment = (segment: unknown): segment is string | number =>
  typeof segment === "string" || Number.isSafeInteger(segment)

/** The reason to refuse a segment that is neither a name nor a position. */
export const noSegment = "a segment of a path has to be a name (text) or a position (a whole number)"

/** The path of mistaken segments. Every command refuses it, so that `Json.path` throws nothing. */
const mistaken = "$[Json.path: mistaken]"

/** The path through names and positions. */
export const pathOf = (segments: ReadonlyArray<string | number>): `$${string}` =>
  segments.every(isSegment) ? `$${segments.map(step).join("")}` : mistaken

/** Words that JSON.GET takes for options. */
const options = new Set(["INDENT", "NEWLINE", "SPACE", "NOESCAPE", "FORMAT"])

/** Adds a path, unless servers would read it as something else. */
export const addPath = (self: Call, path: string): Call =>
  path === mistaken
    ? self.refuse(`Json.path: ${noSegment}`)
    : options.has(path.toUpperCase())
    ? self.refuse(`the path ${path} is a word of the command: write it as $.${path} or .${path}`)
    : self.add(path)

/** A legacy path as one of JSONPath. */
export const asJsonPath = (path: string): string =>
  isJsonPath(path) ? path : path === "." ? "$" : /^[.[]/.test(path) ? `$${path}` : `$.${path}`
