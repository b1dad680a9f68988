/**
 * The functions of `cjson`, `bit` and `string` that Lua asks of the engine, and the text of a number.
 */
import { type Bytes, formatDouble, fromArgument } from "./Bytes.ts"
import { luaNull, LuaTable, type LuaValue } from "./LuaValue.ts"

const fromJson = (value: unknown): LuaValue => {
  if (value === null || value === undefined) return luaNull
  if (typeof value === "string") return value
  if (typeof value === "number" || typeof value === "boolean") return value
  if (Array.isArray(value)) return value.map(fromJson)
  return new LuaTable(Object.entries(value).map(([key, item]) => [key, fromJson(item)]))
}

const escape = /\\(?:u(d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|[0-9a-f]{4})|.)/gis

/**
 * Bytes of JSON with escapes beyond ASCII as the bytes of UTF-8. All other bytes stay: a string of JSON may hold any.
 */
const withoutEscapes = (bytes: Bytes): Bytes =>
  bytes.replace(escape, (whole: string, codes: string | undefined) => {
    const units = codes?.split(/\\u/i).map((code) => Number.parseInt(code, 16)) ?? [0]
    return units[0] < 128 ? whole : fromArgument(String.fromCharCode(...units))
  })

/** Reads JSON. The message of an error has the form of `cjson`, which counts characters from 1. */
export const decodeJson = (bytes: Bytes): LuaValue | Error => {
  try {
    return fromJson(JSON.parse(withoutEscapes(bytes)))
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

/** The nearest integer, and of two the even one. */
const rounded = (value: number): number => {
  const low = Math.floor(value)
  return value - low === 0.5 ? low + Math.abs(low % 2) : Math.round(value)
}

/** Runs a function of `bit`. */
export const bitOperation = (name: string, given: ReadonlyArray<LuaValue>): LuaValue | Error => {
  const values = given.map((value) => typeof value === "string" ? Number(value) : value)
  const numbers = values.filter((value) => typeof value === "number" && !Number.isNaN(value)) as Array<number>
  return numbers.length === 0 || numbers.length < given.length
    ? new Error(`bad argument #${numbers.length + 1} to '${name}' (number expected)`)
    : operations[name](numbers.map((value) => rounded(value) | 0))
}

/** A number as an integer of 64 bits. Numbers that do not fit become the least integer. */
const toInt64 = (value: number): bigint => Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n)

/** Formats an integer of 64 bits as `string.format` does on servers. */
export const formatInteger = (
  flags: string,
  width: number,
  precision: number | undefined,
  kind: string,
  value: number
): string => {
  const isSigned = kind === "d" || kind === "i"
  const exact = isSigned
    ? toInt64(value)
    : BigInt.asUintN(64, value >= 2 ** 63 && value < 2 ** 64 ? BigInt(value) : toInt64(value))
  const base = kind === "x" || kind === "X" ? 16 : kind === "o" ? 8 : 10
  const digits = (exact < 0n ? -exact : exact).toString(base).padStart(precision ?? 1, "0")
  const sign = exact < 0n ? "-" : isSigned && flags.includes("+") ? "+" : isSigned && flags.includes(" ") ? " " : ""
  const prefix = !flags.includes("#") ? "" : base === 16 ? "0x" : base === 8 && !digits.startsWith("0") ? "0" : ""
  const isPadded = flags.includes("0") && !flags.includes("-") && precision === undefined
  const body = isPadded ? digits.padStart(width - sign.length - prefix.length, "0") : digits
  const text = sign + prefix + body
  const whole = flags.includes("-") ? text.padEnd(width) : text.padStart(width)
  return kind === "X" ? whole.toUpperCase() : whole
}

/** A number as an argument of a command: an integer in full, others in the shortest form that C would write. */
export const numberArgument = (value: number): Bytes => {
  if (Number.isNaN(value)) return "-nan"
  if (!Number.isFinite(value)) return formatDouble(value)
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return String(BigInt(value))
  const [mantissa, exponent] = value.toExponential().split("e+")
  const digits = mantissa.replace(/[-.]/g, "").length
  return Number(exponent) >= digits + 7 ? `${mantissa}e+${exponent}` : formatDouble(value)
}
