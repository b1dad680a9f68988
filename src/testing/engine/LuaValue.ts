/**
 * Values of Lua, and their way to replies and back, by the rules of servers.
 */
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, Double, failure, Members, Nothing, NullArray, Pairs, Push, Simple, Verbatim } from "./Answer.ts"
import { type Bytes, formatDouble } from "./Bytes.ts"

/** A table of Lua. */
export class LuaTable extends Map<LuaValue, LuaValue> {}

/** `cjson.null`. */
export class LuaNull {
  readonly isLuaNull = true
}

export const luaNull = new LuaNull()

/** A value of Lua: strings are byte strings, and `null` is `nil`. */
export type LuaValue = Bytes | number | boolean | null | LuaTable | LuaNull | ReadonlyArray<LuaValue>

const single = (field: string, value: LuaValue): LuaTable => new LuaTable([[field, value]])

const pairsOf = (items: ReadonlyArray<Answer>, resp: 2 | 3): LuaTable => {
  const table = new LuaTable()
  for (let i = 0; i < items.length; i += 2) table.set(fromAnswer(items[i], resp), fromAnswer(items[i + 1], resp))
  return table
}

/** The reply to `redis.call` as the script sees it. */
export const fromAnswer = (answer: Answer, resp: 2 | 3): LuaValue => {
  if (typeof answer === "string" || typeof answer === "number") return answer
  if (typeof answer === "bigint") return Number(answer)
  if (typeof answer === "boolean") return resp === 3 ? answer : answer ? 1 : 0
  if (answer === null || answer instanceof NullArray || answer instanceof Nothing) return resp === 3 ? null : false
  if (answer instanceof ServerError) return single("err", answer.message)
  if (answer instanceof Simple) return single("ok", answer.text)
  if (answer instanceof Double) {
    return resp === 3 ? single("double", answer.value) : formatDouble(answer.value)
  }
  if (answer instanceof Verbatim) {
    return resp === 3
      ? single("verbatim_string", new LuaTable([["format", "txt"], ["string", answer.text]]))
      : answer.text
  }
  if (answer instanceof Pairs && resp === 3) return single("map", pairsOf(answer.items, resp))
  if (answer instanceof Members && resp === 3) {
    return single("set", new LuaTable(answer.items.map((item) => [fromAnswer(item, resp), true])))
  }
  const items = answer instanceof Pairs || answer instanceof Members || answer instanceof Push ? answer.items : answer
  return items.map((item) => fromAnswer(item, resp))
}

/** A number as the integer of a reply: servers cut the fraction off, and have one integer for all that do not fit. */
const integerOf = (value: number): number | bigint => {
  if (!(Math.abs(value) < 2 ** 63)) return -(2n ** 63n)
  const whole = Math.trunc(value)
  return Number.isSafeInteger(whole) ? whole : BigInt(whole)
}

const withoutBreaks = (text: Bytes): Bytes => text.replace(/[\r\n]/g, " ")

const textAt = (table: LuaTable, field: string): Bytes | undefined => {
  const value = table.get(field)
  return typeof value === "string" ? value : undefined
}

/** The elements before the first `nil`. */
const elementsOf = (table: LuaTable): ReadonlyArray<LuaValue> => {
  const elements: Array<LuaValue> = []
  for (let i = 1;; i++) {
    const value = table.get(i)
    if (value === undefined || value === null) return elements
    elements.push(value)
  }
}

const fromTable = (table: LuaTable, resp: 2 | 3): Answer => {
  const error = textAt(table, "err")
  if (error !== undefined) return failure(withoutBreaks(error))
  const status = textAt(table, "ok")
  if (status !== undefined) return new Simple(withoutBreaks(status))
  const double = table.get("double")
  if (typeof double === "number") return new Double(double)
  const map = table.get("map")
  if (map instanceof LuaTable) return new Pairs([...map].flat().map((value) => toAnswer(value, resp)))
  const set = table.get("set")
  if (set instanceof LuaTable) return new Members(Array.from(set.keys(), (value) => toAnswer(value, resp)))
  const verbatim = table.get("verbatim_string")
  if (verbatim instanceof LuaTable) {
    const text = textAt(verbatim, "string")
    if (text !== undefined && textAt(verbatim, "format") !== undefined) return new Verbatim(text)
  }
  return elementsOf(table).map((value) => toAnswer(value, resp))
}

/** The result of a script as a reply. */
export const toAnswer = (value: LuaValue, resp: 2 | 3): Answer => {
  if (typeof value === "string") return value
  if (typeof value === "number") return integerOf(value)
  if (typeof value === "boolean") return resp === 3 ? value : value ? 1 : null
  if (value === null || value instanceof LuaNull) return null
  if (value instanceof LuaTable) return fromTable(value, resp)
  return value.map((item) => toAnswer(item, resp))
}

/** A value in the form in which Lua reads it from its standard input. */
export const encodeLua = (value: LuaValue): Bytes => {
  if (typeof value === "string") return `s${value.length}\n${value}`
  if (typeof value === "number") return `d${formatDouble(value)}\n`
  if (typeof value === "boolean") return value ? "t\n" : "f\n"
  if (value === null) return "n\n"
  if (value instanceof LuaNull) return "z\n"
  if (value instanceof LuaTable) {
    let text = `m${value.size}\n`
    for (const [key, item] of value) text += encodeLua(key) + encodeLua(item)
    return text
  }
  return `a${value.length}\n${value.map(encodeLua).join("")}`
}

/** Reads the values that Lua has written to its standard output. */
export class LuaReader {
  private readonly bytes: Bytes
  private at = 0

  constructor(bytes: Bytes) {
    this.bytes = bytes
  }

  next(): LuaValue {
    const end = this.bytes.indexOf("\n", this.at)
    const kind = this.bytes[this.at]
    const rest = this.bytes.slice(this.at + 1, end)
    this.at = end + 1
    switch (kind) {
      case "s": {
        const start = this.at
        this.at += Number(rest)
        return this.bytes.slice(start, this.at)
      }
      case "d":
        return rest === "inf" ? Infinity : rest === "-inf" ? -Infinity : Number(rest)
      case "t":
        return true
      case "f":
        return false
      case "z":
        return luaNull
      case "{": {
        const table = new LuaTable()
        while (this.bytes[this.at] !== "}") {
          const key = this.next()
          table.set(key, this.next())
        }
        this.at += 2
        return table
      }
      default:
        return null
    }
  }
}
