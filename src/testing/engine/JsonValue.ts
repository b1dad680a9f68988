/**
 * JSON documents of the engine: their text, and the places that a path matches.
 */
import type { ServerError } from "../../protocol/Reply.ts"
import { failure, notSupported } from "./Answer.ts"
import { type Bytes, fromArgument, toText } from "./Bytes.ts"

/** A value; objects keep the order of their names. */
export type Json = null | boolean | number | string | Array<Json> | Map<string, Json>

/** A document: its root can be replaced. */
export class JsonDocument {
  root: Json

  constructor(root: Json) {
    this.root = root
  }

  copy(): JsonDocument {
    return new JsonDocument(copyOf(this.root))
  }
}

export const copyOf = (value: Json): Json =>
  Array.isArray(value)
    ? value.map(copyOf)
    : value instanceof Map
    ? new Map(Array.from(value, ([name, one]) => [name, copyOf(one)]))
    : value

const made = (value: unknown): Json =>
  Array.isArray(value)
    ? value.map(made)
    : typeof value === "object" && value !== null
    ? new Map(Object.entries(value).map(([name, one]) => [name.slice(1), made(one)]))
    // JSON.parse makes nothing else.
    : value as null | boolean | number | string

const stringOrName = /"((?:[^"\\]|\\.)*)"(\s*:)?/g

/** A name with a mark before it: an object would put a name that is a number before the others. */
const marked = (whole: string, name: string, colon: string | undefined): string =>
  colon === undefined ? whole : `".${name}"${colon}`

/** The value of a text; `undefined` for text that is no JSON. */
export const parse = (text: Bytes): Json | undefined => {
  try {
    return made(JSON.parse(toText(text).replace(stringOrName, marked)))
  } catch {
    return undefined
  }
}

/** The form of a text: the parts that are put in at its places. */
export interface Format {
  readonly indent: string
  readonly newline: string
  readonly space: string
}

const compact: Format = { indent: "", newline: "", space: "" }

const written = (value: Json, format: Format, depth: number): string => {
  const { indent, newline, space } = format
  const lines = (parts: ReadonlyArray<string>, open: string, close: string) =>
    parts.length === 0
      ? open + close
      : `${open}${newline}${parts.map((part) => indent.repeat(depth + 1) + part).join(`,${newline}`)}${newline}${
        indent.repeat(depth)
      }${close}`
  if (Array.isArray(value)) return lines(value.map((one) => written(one, format, depth + 1)), "[", "]")
  if (value instanceof Map) {
    return lines(
      Array.from(value, ([name, one]) => `${JSON.stringify(name)}:${space}${written(one, format, depth + 1)}`),
      "{",
      "}"
    )
  }
  const text = JSON.stringify(value)
  if (typeof value !== "number") return text
  return /^-?\d{16,}$/.test(text) && !Number.isSafeInteger(value) ? `${text}.0` : text.replace("e+", "e")
}

/** The text of a value, as bytes. */
export const stringify = (value: Json, format = compact): Bytes => fromArgument(written(value, format, 0))

export const isEqual = (one: Json, other: Json): boolean => written(one, compact, 0) === written(other, compact, 0)

// -----------------------------------------------------------------------------
// Paths
// -----------------------------------------------------------------------------

/** A step of a path: names, positions, all children, or a slice; `deep` for the whole tree below. */
interface Step {
  readonly deep: boolean
  readonly select: ReadonlyArray<string | number> | "all" | readonly [start: number, end: number, step: number, "slice"]
}

export interface Path {
  /** Whether it is of JSONPath, so that all matches count. */
  readonly isJsonPath: boolean
  readonly text: string
  readonly steps: ReadonlyArray<Step>
}

const dotted = /^(\.\.?)?(?:\*|([^.[\]*'"\s]+))/
const bracket =
  /^(\.\.)?\[\s*(\*|-?\d*:-?\d*(?::\d+)?|-?\d+(?:\s*,\s*-?\d+)*|(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:\s*,\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))*)\s*\]/s
const quoted = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/gs

const selected = (inside: string): Step["select"] => {
  if (inside === "*") return "all"
  if (inside.startsWith("\"") || inside.startsWith("'")) {
    return Array.from(inside.matchAll(quoted), ([, double, single]) => (double ?? single).replaceAll(/\\(.)/gs, "$1"))
  }
  if (inside.includes(":")) {
    const [start, end, step] = inside.split(":")
    return [start === "" ? 0 : Number(start), end === "" ? Infinity : Number(end), Number(step ?? 1), "slice"]
  }
  return inside.split(",").map(Number)
}

/** The steps of a path, or the error of a server about it. Filters are not supported. */
export const parsePath = (bytes: Bytes): Path | ServerError => {
  const text = toText(bytes)
  const isJsonPath = text.startsWith("$")
  let rest = isJsonPath ? text.slice(1) : text === "." ? "" : text
  const steps: Array<Step> = []
  while (rest !== "") {
    const inBrackets = bracket.exec(rest)
    const plain = inBrackets === null ? dotted.exec(rest) : null
    if (inBrackets !== null) {
      steps.push({ deep: inBrackets[1] === "..", select: selected(inBrackets[2]) })
      rest = rest.slice(inBrackets[0].length)
    } else if (plain !== null && (plain[1] !== undefined || steps.length === 0)) {
      steps.push({ deep: plain[1] === "..", select: plain[2] === undefined ? "all" : [plain[2]] })
      rest = rest.slice(plain[0].length)
    } else {
      return rest.includes("?") ? notSupported("a filter in a path") : failure(`ERR Path '${text}' is no path`)
    }
  }
  return {
    isJsonPath,
    text: isJsonPath ? text : `$${text === "." ? "" : text.startsWith(".") ? text : `.${text}`}`,
    steps
  }
}

/** A place in a document. */
export class Place {
  readonly parent: JsonDocument | Array<Json> | Map<string, Json>
  readonly key: string | number

  constructor(parent: Place["parent"], key: string | number) {
    this.parent = parent
    this.key = key
  }

  get value(): Json {
    const { key, parent } = this
    if (parent instanceof JsonDocument) return parent.root
    return Array.isArray(parent) ? parent[Number(key)] : parent.get(String(key)) ?? null
  }

  set(value: Json): void {
    const { key, parent } = this
    if (parent instanceof JsonDocument) parent.root = value
    else if (Array.isArray(parent)) parent[Number(key)] = value
    else parent.set(String(key), value)
  }

  remove(): void {
    const { key, parent } = this
    if (Array.isArray(parent)) parent.splice(Number(key), 1)
    else if (parent instanceof Map) parent.delete(String(key))
  }
}

const children = (value: Json): ReadonlyArray<Place> =>
  Array.isArray(value)
    ? value.map((_, i) => new Place(value, i))
    : value instanceof Map
    ? Array.from(value.keys(), (name) => new Place(value, name))
    : []

const positionIn = (list: ReadonlyArray<Json>, position: number): number =>
  position < 0 ? list.length + position : position

const isSlice = (select: Step["select"]): select is readonly [number, number, number, "slice"] =>
  select.at(-1) === "slice" && select.length === 4

const chosen = (value: Json, select: Step["select"]): ReadonlyArray<Place> => {
  if (select === "all") return children(value)
  if (isSlice(select)) {
    if (!Array.isArray(value)) return []
    const [start, end, step] = select
    const [from, to] = [Math.max(0, positionIn(value, start)), Math.min(value.length, positionIn(value, end))]
    return children(value).filter((_, i) => i >= from && i < to && (i - from) % step === 0)
  }
  return (select as ReadonlyArray<string | number>).flatMap((key) => {
    if (typeof key === "string") return value instanceof Map && value.has(key) ? [new Place(value, key)] : []
    if (!Array.isArray(value)) return []
    const at = positionIn(value, key)
    return at >= 0 && at < value.length ? [new Place(value, at)] : []
  })
}

const descendants = (place: Place): ReadonlyArray<Place> => [place, ...children(place.value).flatMap(descendants)]

/** The places that steps match. */
export const match = (document: JsonDocument, steps: ReadonlyArray<Step>): ReadonlyArray<Place> =>
  steps.reduce<ReadonlyArray<Place>>(
    (places, { deep, select }) =>
      (deep ? places.flatMap(descendants) : places).flatMap((place) => chosen(place.value, select)),
    [new Place(document, "")]
  )

/** The name of a new property, where the last step is one name. */
export const newName = ({ steps }: Path): string | undefined => {
  const last = steps.at(-1)
  return last === undefined || last.deep || last.select.length !== 1 || typeof last.select[0] !== "string" ||
      last.select === "all"
    ? undefined
    : last.select[0]
}

/** Whether a path leads to one place at most. */
export const isStatic = ({ steps }: Path): boolean =>
  steps.every(({ deep, select }) => !deep && select !== "all" && select.length === 1)

/** Merges by RFC 7396: what is null is removed. */
export const merged = (target: Json, patch: Json): Json => {
  if (!(patch instanceof Map)) return patch
  const result = new Map(target instanceof Map ? target : [])
  for (const [name, value] of patch) {
    if (value === null) result.delete(name)
    else result.set(name, merged(result.get(name) ?? null, value))
  }
  return result
}
