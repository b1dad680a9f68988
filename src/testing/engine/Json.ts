/**
 * JSON documents. Numbers are those of JavaScript: `22.0` is an integer and printed as `22`.
 */
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, Double, failure, ok, Simple } from "./Answer.ts"
import { type Bytes, parseFloat64, toText } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import {
  copyOf,
  isEqual,
  isStatic,
  type Json,
  JsonDocument,
  match,
  merged,
  newName,
  parse,
  parsePath,
  type Path,
  type Place,
  stringify
} from "./JsonValue.ts"

const noKey = failure("ERR could not perform this operation on a key that doesn't exist")
const onlyRoot = failure("ERR new objects must be created at the root")
const notStatic = failure("Err wrong static path")
const outOfRange = failure("ERR array index out of range")
const noJson = failure("ERR expected value at line 1 column 1")

const type = "ReJSON-RL"

const documentOf = (call: Call, key: Bytes): JsonDocument | undefined => call.find(type, key)

const pathAt = (call: Call, index: number): Path | undefined => {
  const path = parsePath(call.args[index] ?? ".")
  if (!(path instanceof ServerError)) return path
  call.fail(path)
  return undefined
}

const jsonAt = (call: Call, index: number): Json => {
  const value = parse(call.args[index] ?? "")
  if (value === undefined) call.fail(noJson)
  return value ?? null
}

/** The reply of a command for the value of a match; `undefined` for a value of another type. */
type Use = (value: Json, place: Place) => Answer | undefined

interface Rule {
  /** The reply when there is no key: the error, or the null with a legacy path. */
  readonly missing: "error" | "null"
  /** The kind of value that a legacy path has to match. */
  readonly wanted: string
  /** The event of a change; reads have none. */
  readonly event?: string
}

/** Runs a command on all matches of a path, or on those of a legacy path, of which the last reply counts. */
const onMatches = (call: Call, at: number, rule: Rule, use: Use): Answer => {
  const key = call.args[1]
  const document = documentOf(call, key)
  const path = pathAt(call, at)
  if (call.failed || path === undefined) return null
  if (document === undefined) return rule.missing === "null" && !path.isJsonPath ? null : call.fail(noKey)
  const answers = match(document, path.steps).map((place) => use(place.value, place))
  if (rule.event !== undefined && answers.some((answer) => answer !== undefined)) call.touch(key, rule.event, "d")
  if (path.isJsonPath) return answers.map((answer) => answer ?? null)
  const found = answers.filter((answer) => answer !== undefined)
  return found.length === 0
    ? call.refuse(`ERR Path '${path.text}' does not exist or not ${rule.wanted}`)
    : found[found.length - 1]
}

const lists = { missing: "error", wanted: "an array" } as const

const onList = (f: (list: Array<Json>) => Answer): Use => (value) => Array.isArray(value) ? f(value) : undefined

const jsonFrom = (call: Call, start: number): ReadonlyArray<Json> =>
  call.args.slice(start).map((_, i) => jsonAt(call, start + i))

const append = (call: Call): Answer => {
  const values = jsonFrom(call, 3)
  if (call.failed) return null
  return onMatches(call, 2, { ...lists, event: "json.arrappend" }, onList((list) => list.push(...values.map(copyOf))))
}

const insert = (call: Call): Answer => {
  const at = call.integer(3)
  const values = jsonFrom(call, 4)
  if (call.failed) return null
  return onMatches(
    call,
    2,
    { ...lists, event: "json.arrinsert" },
    onList((list) => {
      const position = at < 0 ? list.length + at : at
      if (position < 0 || position > list.length) return call.refuse("ERR index out of bounds")
      list.splice(position, 0, ...values.map(copyOf))
      return list.length
    })
  )
}

const indexOf = (call: Call): Answer => {
  const value = jsonAt(call, 3)
  const start = call.args.length > 4 ? call.integer(4) : 0
  const stop = call.args.length > 5 ? call.integer(5) : 0
  if (call.failed) return null
  return onMatches(
    call,
    2,
    lists,
    onList((list) => {
      const from = start < 0 ? Math.max(0, list.length + start) : start
      const to = stop === 0 ? list.length : stop < 0 ? list.length + stop : stop
      return list.findIndex((one, i) => i >= from && i < to && isEqual(one, value))
    })
  )
}

const pop = (call: Call): Answer => {
  const at = call.args.length > 3 ? call.integer(3) : -1
  if (call.failed) return null
  return onMatches(
    call,
    2,
    { ...lists, event: "json.arrpop" },
    onList((list) => {
      if (list.length === 0) return null
      const position = Math.max(0, Math.min(list.length - 1, at < 0 ? list.length + at : at))
      const [removed] = list.splice(position, 1)
      return stringify(removed)
    })
  )
}

const trim = (call: Call): Answer => {
  const [start, stop] = [call.integer(3), call.integer(4)]
  if (call.failed) return null
  return onMatches(
    call,
    2,
    { ...lists, event: "json.arrtrim" },
    onList((list) => {
      const from = start < 0 ? Math.max(0, list.length + start) : start
      const to = Math.min(list.length - 1, stop < 0 ? list.length + stop : stop)
      list.splice(0, list.length, ...(from > to ? [] : list.slice(from, to + 1)))
      return list.length
    })
  )
}

const set = (call: Call): Answer => {
  const key = call.args[1]
  const document = documentOf(call, key)
  const path = pathAt(call, 2)
  const value = jsonAt(call, 3)
  const condition = call.args.length > 4 ? call.word(4) : ""
  if (condition !== "" && condition !== "NX" && condition !== "XX") return call.syntax()
  if (call.failed || path === undefined) return null
  return put(call, key, document, path, value, condition)
}

const put = (
  call: Call,
  key: Bytes,
  document: JsonDocument | undefined,
  path: Path,
  value: Json,
  condition: string
): Answer => {
  if (document === undefined) {
    if (path.steps.length > 0) return call.fail(onlyRoot)
    if (condition === "XX") return null
    call.db.set(key, { type, value: new JsonDocument(value) })
    call.event("json.set", "d", key)
    return ok
  }
  const places = match(document, path.steps)
  if (places.length > 0) {
    if (condition === "NX") return null
    for (const place of places) place.set(copyOf(value))
  } else if (condition === "XX" || !addProperty(call, document, path, value)) return null
  call.touch(key, "json.set", "d")
  return ok
}

/** Adds a property to the objects around a path that matches nothing. Returns whether there were any. */
const addProperty = (call: Call, document: JsonDocument, path: Path, value: Json): boolean => {
  if (!isStatic(path)) call.fail(notStatic)
  const name = newName(path)
  if (name === undefined) call.fail(outOfRange)
  if (call.failed || name === undefined) return false
  const objects = match(document, path.steps.slice(0, -1)).map((place) => place.value).filter((one) =>
    one instanceof Map
  )
  for (const object of objects) object.set(name, copyOf(value))
  return objects.length > 0
}

const merge = (call: Call): Answer => {
  const key = call.args[1]
  const document = documentOf(call, key)
  const path = pathAt(call, 2)
  const value = jsonAt(call, 3)
  if (call.failed || path === undefined) return null
  if (document === undefined) return put(call, key, undefined, path, value, "")
  const places = match(document, path.steps)
  if (places.length === 0 && !addProperty(call, document, path, value)) return null
  for (const place of places.toReversed()) {
    if (value === null) place.remove()
    else place.set(merged(place.value, copyOf(value)))
  }
  call.touch(key, "json.merge", "d")
  return ok
}

const mset = (call: Call): Answer => {
  if ((call.args.length - 1) % 3 !== 0) return call.refuse("ERR wrong number of arguments for 'json.mset' command")
  const entries: Array<readonly [key: Bytes, path: Path, value: Json]> = []
  for (let i = 1; i < call.args.length; i += 3) {
    const path = pathAt(call, i + 1)
    const value = jsonAt(call, i + 2)
    const document = documentOf(call, call.args[i])
    if (call.failed || path === undefined) return null
    if (document === undefined && path.steps.length > 0) return call.fail(onlyRoot)
    entries.push([call.args[i], path, value])
  }
  for (const [key, path, value] of entries) put(call, key, documentOf(call, key), path, value, "")
  return ok
}

const textAt = (document: JsonDocument, path: Path, format?: Parameters<typeof stringify>[1]): Bytes | undefined => {
  const values = match(document, path.steps).map(({ value }) => value)
  return path.isJsonPath ? stringify(values, format) : values.length === 0 ? undefined : stringify(values[0], format)
}

const get = (call: Call): Answer => {
  const format = { indent: "", newline: "", space: "" }
  let at = 2
  for (; at + 1 < call.args.length; at += 2) {
    const word = call.word(at).toLowerCase()
    if (word !== "indent" && word !== "newline" && word !== "space") break
    format[word] = toText(call.args[at + 1])
  }
  const paths = call.args.length > at ? call.args.slice(at).map((_, i) => pathAt(call, at + i)) : [pathAt(call, at)]
  const document = documentOf(call, call.args[1])
  if (call.failed || document === undefined) return null
  const all = paths.filter((path) => path !== undefined)
  if (all.length === 1) {
    return textAt(document, all[0], format) ?? call.refuse(`ERR Path '${all[0].text}' does not exist`)
  }
  const asLists = all.some(({ isJsonPath }) => isJsonPath)
  const values = new Map<string, Json>()
  for (const [i, path] of all.entries()) {
    const found = match(document, path.steps).map(({ value }) => value)
    if (!asLists && found.length === 0) return call.refuse(`ERR Path '${path.text}' does not exist`)
    values.set(toText(call.args[at + i]), asLists ? found : found[0])
  }
  return stringify(values, format)
}

const mget = (call: Call): Answer => {
  const path = pathAt(call, call.args.length - 1)
  if (path === undefined) return null
  return call.args.slice(1, -1).map((key) => {
    const content = call.db.get(key)?.content
    return content?.type === type ? textAt(content.value, path) ?? null : null
  })
}

const remove = (call: Call): Answer => {
  const key = call.args[1]
  const document = documentOf(call, key)
  const path = pathAt(call, 2)
  if (call.failed || document === undefined || path === undefined) return 0
  if (path.steps.length === 0) {
    call.db.delete(key)
    call.event("del", "g", key)
    return 1
  }
  const places = match(document, path.steps)
  for (const place of places.toReversed()) place.remove()
  if (places.length > 0) call.touch(key, "json.del", "d")
  return places.length
}

const clear = (call: Call): Answer => {
  const key = call.args[1]
  const document = documentOf(call, key)
  const path = pathAt(call, 2)
  if (call.failed || path === undefined) return null
  if (document === undefined) return call.fail(noKey)
  const cleared = match(document, path.steps).filter((place) => {
    const { value } = place
    if (Array.isArray(value) && value.length > 0) place.set([])
    else if (value instanceof Map && value.size > 0) place.set(new Map())
    else if (typeof value === "number" && value !== 0) place.set(0)
    else return false
    return true
  })
  if (cleared.length > 0) call.touch(key, "json.clear", "d")
  return cleared.length
}

/** Changes numbers. RESP2 has the new values as JSON text, RESP3 as a list. */
const arithmetic = (event: string, f: (value: number, operand: number) => number) => (call: Call): Answer => {
  const operand = parseFloat64(call.args[3])
  if (operand === undefined) return call.refuse("ERR expected a number")
  const key = call.args[1]
  const document = documentOf(call, key)
  const path = pathAt(call, 2)
  if (call.failed || path === undefined) return null
  if (document === undefined) return call.fail(noKey)
  const places = match(document, path.steps)
  const values = places.map((place) => {
    if (typeof place.value !== "number") return null
    const value = f(place.value, operand)
    place.set(value)
    return value
  })
  const changed = values.filter((value) => value !== null)
  if (changed.length > 0) call.touch(key, event, "d")
  if (call.session.resp === 3) {
    const listed = path.isJsonPath ? values : values.slice(-1)
    return listed.map((value) => value === null || Number.isSafeInteger(value) ? value : new Double(value))
  }
  if (path.isJsonPath) return stringify(values)
  return changed.length === 0
    ? call.refuse(`ERR Path '${path.text}' does not exist or does not contains a number`)
    : stringify(changed[changed.length - 1])
}

const toggle = (call: Call): Answer => {
  const path = pathAt(call, 2)
  return onMatches(call, 2, { missing: "error", wanted: "a bool", event: "json.toggle" }, (value, place) => {
    if (typeof value !== "boolean") return undefined
    place.set(!value)
    return path?.isJsonPath === true ? Number(!value) : String(!value)
  })
}

const appendText = (call: Call): Answer => {
  const at = call.args.length > 3 ? 3 : 2
  const text = jsonAt(call, at)
  if (call.failed) return null
  if (typeof text !== "string") return call.refuse("WRONGTYPE wrong type of path value - expected string")
  return onMatches(call, at === 3 ? 2 : call.args.length, {
    missing: "error",
    wanted: "a string",
    event: "json.strappend"
  }, (value, place) => {
    if (typeof value !== "string") return undefined
    place.set(value + text)
    return Buffer.byteLength(value + text)
  })
}

const typeOf = (value: Json): string =>
  value === null
    ? "null"
    : Array.isArray(value)
    ? "array"
    : value instanceof Map
    ? "object"
    : typeof value === "number"
    ? Number.isInteger(value) ? "integer" : "number"
    : typeof value

/** RESP3 has another list around the reply. */
const types = (call: Call): Answer => {
  const document = documentOf(call, call.args[1])
  const path = pathAt(call, 2)
  if (call.failed || path === undefined) return null
  const found = document === undefined
    ? undefined
    : match(document, path.steps).map(({ value }) => new Simple(typeOf(value)))
  const answer = found === undefined ? null : path.isJsonPath ? found : found[0] ?? null
  return call.session.resp === 3 ? [answer] : answer
}

/** The commands on JSON documents. */
export const json: Group = {
  "JSON.ARRAPPEND": write(-4, append),
  "JSON.ARRINDEX": read(-4, indexOf),
  "JSON.ARRINSERT": write(-5, insert),
  "JSON.ARRLEN": read(-2, (call) => onMatches(call, 2, { ...lists, missing: "null" }, onList((list) => list.length))),
  "JSON.ARRPOP": write(-2, pop),
  "JSON.ARRTRIM": write(5, trim),
  "JSON.CLEAR": write(-2, clear),
  "JSON.DEL": write(-2, remove),
  "JSON.FORGET": write(-2, remove),
  "JSON.GET": read(-2, get),
  "JSON.MERGE": write(4, merge),
  "JSON.MGET": read(-3, mget),
  "JSON.MSET": write(-4, mset),
  "JSON.NUMINCRBY": write(4, arithmetic("json.numincrby", (value, by) => value + by)),
  "JSON.NUMMULTBY": write(4, arithmetic("json.nummultby", (value, by) => value * by)),
  "JSON.OBJKEYS": read(
    -2,
    (call) =>
      onMatches(call, 2, { missing: "null", wanted: "an object" }, (value) =>
        value instanceof Map
          ? Array.from(value.keys(), (name) => Buffer.from(name).toString("latin1"))
          : undefined)
  ),
  "JSON.OBJLEN": read(
    -2,
    (call) =>
      onMatches(
        call,
        2,
        { missing: "null", wanted: "an object" },
        (value) => value instanceof Map ? value.size : undefined
      )
  ),
  "JSON.SET": write(-4, set),
  "JSON.STRAPPEND": write(-3, appendText),
  "JSON.STRLEN": read(
    -2,
    (call) =>
      onMatches(
        call,
        2,
        { missing: "null", wanted: "a string" },
        (value) => typeof value === "string" ? Buffer.byteLength(value) : undefined
      )
  ),
  "JSON.TOGGLE": write(3, toggle),
  "JSON.TYPE": read(-2, types)
}
