/**
 * The functions of `cjson` and `bit` that Lua asks of the engine.
 */
import { type Bytes, fromArgument, toText } from "./Bytes.ts"
import { luaNull, LuaTable, type LuaValue } from "./LuaValue.ts"

const fromJson = (value: unknown): LuaValue => {
  if (value === null || value === undefined) return luaNull
  if (typeof value === "string") return fromArgument(value)
  if (typeof value === "number" || typeof value === "boolean") return value
  if (Array.isArray(value)) return value.map(fromJson)
  return new LuaTable(Object.entries(value).map(([key, item]) => [fromArgument(key), fromJson(item)]))
}

/** Reads JSON. The message of an error has the form of `cjson`, which counts characters from 1. */
export const decodeJson = (bytes: Bytes): LuaValue | Error => {
  try {
    return fromJson(JSON.parse(toText(bytes)))
  } catch (cause) {
    const at = /at position (\d+)/.exec(String(cause))?.[1]
    return new Error(`Expected value but found invalid token at character ${at === undefined ? 1 : Number(at) + 1}`)
  }
}

const rotated = (value: number, by: number): number => (value << (by & 31)) | (value >>> (32 - (by & 31)))

const swapped = (value: number): number =>
  ((value >>> 24) & 0xff) | ((value >>> 8) & 0xff00) | ((value & 0xff00) << 8) | (value << 24)

const toHex = (value: number, digits: number): string => {
  const text = (value >>> 0).toString(16).padStart(8, "0").slice(-Math.min(8, Math.abs(digits)))
  return digits < 0 ? text.toUpperCase() : text
}

const operations: Readonly<Record<string, (values: ReadonlyArray<number>) => number | string>> = {
  tobit: ([value]) => value | 0,
  tohex: ([value, digits = 8]) => toHex(value, digits),
  bnot: ([value]) => ~value,
  band: (values) => values.reduce((one, other) => one & other),
  bor: (values) => values.reduce((one, other) => one | other),
  bxor: (values) => values.reduce((one, other) => one ^ other),
  lshift: ([value, by]) => value << (by & 31),
  rshift: ([value, by]) => (value >>> (by & 31)) | 0,
  arshift: ([value, by]) => value >> (by & 31),
  rol: ([value, by]) => rotated(value, by),
  ror: ([value, by]) => rotated(value, 32 - (by & 31)),
  bswap: ([value]) => swapped(value)
}

/** Runs a function of `bit`. */
export const bitOperation = (name: string, given: ReadonlyArray<LuaValue>): LuaValue | Error => {
  const values = given.map((value) => typeof value === "string" ? Number(value) : value)
  const numbers = values.filter((value) => typeof value === "number" && !Number.isNaN(value)) as Array<number>
  return numbers.length === 0 || numbers.length < given.length
    ? new Error(`bad argument #${numbers.length + 1} to '${name}' (number expected)`)
    // Lua rounds numbers to integers.
    : operations[name](numbers.map((value) => Math.round(value) | 0))
}
