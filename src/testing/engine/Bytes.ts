/**
 * Byte strings: text in which every character stands for one byte (`latin1`). Keys and values are binary, and as byte
 * strings they are keys of maps, are cut and joined cheaply, and compare as the server compares them.
 */

/** A byte string. */
export type Bytes = string

/** UTF-8 text, or bytes, as a byte string. */
export const fromArgument = (value: string | Uint8Array): Bytes => {
  if (typeof value !== "string") {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1")
  }
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 127) return Buffer.from(value, "utf8").toString("latin1")
  }
  return value
}

/** A byte string as the UTF-8 text it holds. */
export const toText = (bytes: Bytes): string => {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 127) return Buffer.from(bytes, "latin1").toString("utf8")
  }
  return bytes
}

/** Compares by bytes, like `memcmp`. */
export const compare = (one: Bytes, other: Bytes): number => one < other ? -1 : one > other ? 1 : 0

const maxInt64 = 2n ** 63n - 1n
const minInt64 = -(2n ** 63n)
const integer = /^(?:0|-?[1-9][0-9]*)$/

/** Whether a number fits into the 64 bits that servers count with. */
export const isInt64 = (value: bigint): boolean => value >= minInt64 && value <= maxInt64

/** An integer exactly as servers read one: no sign but `-`, no leading zeros, 64 bits. */
export const parseInt64 = (bytes: Bytes): bigint | undefined => {
  if (bytes.length > 20 || !integer.test(bytes)) return undefined
  const value = BigInt(bytes)
  return isInt64(value) ? value : undefined
}

/** An integer as a number; beyond 2^53 it is not exact, which matters to counters only. */
export const parseInteger = (bytes: Bytes): number | undefined => {
  if (bytes.length < 16 && integer.test(bytes)) return Number(bytes)
  const value = parseInt64(bytes)
  return value === undefined ? undefined : Number(value)
}

const float = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/
const infinite = /^([+-]?)inf(?:inity)?$/i

/** A floating point number, infinities included, NaN not. */
export const parseFloat64 = (bytes: Bytes): number | undefined => {
  if (float.test(bytes)) return Number(bytes)
  const match = infinite.exec(bytes)
  return match === null ? undefined : match[1] === "-" ? -Infinity : Infinity
}

/** A score as servers print it. */
export const formatDouble = (value: number): Bytes =>
  value === Infinity
    ? "inf"
    : value === -Infinity
    ? "-inf"
    : Number.isNaN(value)
    ? "nan"
    : Object.is(value, -0)
    ? "-0"
    : String(value)

/** A number as servers add it: 64 bits of mantissa, which is more than a double has. */
interface LongDouble {
  readonly mantissa: bigint
  readonly exponent: number
}

const decimal = /^([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]+))?$/

const shifted = (value: bigint, by: number): bigint => by >= 0 ? value << BigInt(by) : value >> BigInt(-by)

/** A quotient, rounded half to even. */
const roundedQuotient = (dividend: bigint, divisor: bigint): bigint => {
  const quotient = dividend / divisor
  const rest = (dividend % divisor) * 2n
  return rest > divisor || (rest === divisor && (quotient & 1n) === 1n) ? quotient + 1n : quotient
}

const roundedRatio = (dividend: bigint, divisor: bigint): LongDouble => {
  const size = dividend < 0n ? -dividend : dividend
  if (size === 0n) return { mantissa: 0n, exponent: 0 }
  let exponent = size.toString(2).length - divisor.toString(2).length - 64
  const ratio = (exponent: number) =>
    exponent >= 0
      ? roundedQuotient(size, divisor << BigInt(exponent))
      : roundedQuotient(size << BigInt(-exponent), divisor)
  if (ratio(exponent) >= 1n << 64n) exponent++
  const mantissa = ratio(exponent)
  return { mantissa: dividend < 0n ? -mantissa : mantissa, exponent }
}

/** A decimal number; `undefined` when it is not a finite one of sane size. */
const parseLongDouble = (bytes: Bytes): LongDouble | undefined => {
  const match = decimal.exec(bytes)
  if (match === null) return undefined
  const [, sign, whole, part, exponent = "0"] = match
  const power = Number(exponent) - part.length
  if (whole + part === "" || Math.abs(power) > 300) return undefined
  const digits = BigInt(whole + part) * (sign === "-" ? -1n : 1n)
  return power >= 0 ? roundedRatio(digits * 10n ** BigInt(power), 1n) : roundedRatio(digits, 10n ** BigInt(-power))
}

const fraction = 17
const unit = 10n ** BigInt(fraction)

/** A number with 17 decimals, without zeros at the end. */
const formatLongDouble = ({ exponent, mantissa }: LongDouble): Bytes => {
  const size = mantissa < 0n ? -mantissa : mantissa
  const digits = exponent >= 0
    ? shifted(size, exponent) * unit
    : roundedQuotient(size * unit, 1n << BigInt(-exponent))
  const rest = String(digits % unit).padStart(fraction, "0").replace(/0+$/, "")
  return `${mantissa < 0n && digits > 0n ? "-" : ""}${digits / unit}${rest === "" ? "" : `.${rest}`}`
}

/** A sum as INCRBYFLOAT prints it: 0.1 + 0.2 is 0.3. */
export const addDecimals = (one: Bytes, other: Bytes): Bytes => {
  const [a, b] = [parseLongDouble(one), parseLongDouble(other)]
  if (a === undefined || b === undefined) return formatDouble(Number(one) + Number(other))
  const exponent = Math.min(a.exponent, b.exponent)
  const sum = shifted(a.mantissa, a.exponent - exponent) + shifted(b.mantissa, b.exponent - exponent)
  return formatLongDouble(
    exponent >= 0 ? roundedRatio(shifted(sum, exponent), 1n) : roundedRatio(sum, 1n << BigInt(-exponent))
  )
}

/** Matches the glob patterns of KEYS, SCAN and PSUBSCRIBE: `*`, `?`, `[a-z]`, `[^a]` and `\` for the character itself. */
export const glob = (pattern: Bytes): (text: Bytes) => boolean => {
  if (pattern === "*") return () => true
  const expression = new RegExp(`^${globSource(pattern)}$`, "s")
  return (text) => expression.test(text)
}

const globSource = (pattern: Bytes): string => {
  let source = ""
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === "*") source += ".*"
    else if (char === "?") source += "."
    else if (char === "[") {
      const [set, end] = globSet(pattern, i + 1)
      source += set
      i = end
    } else {
      if (char === "\\" && i + 1 < pattern.length) i++
      source += escaped(pattern[i])
    }
  }
  return source
}

/** A set of characters, from the position after its `[`. A set without `]` reaches to the end, as on a server. */
const globSet = (pattern: Bytes, start: number): readonly [source: string, end: number] => {
  let i = start
  const negated = pattern[i] === "^"
  if (negated) i++
  let set = ""
  for (; i < pattern.length && pattern[i] !== "]"; i++) {
    if (pattern[i] === "\\" && i + 1 < pattern.length) set += escaped(pattern[++i])
    else if (pattern[i + 1] === "-" && i + 2 < pattern.length) {
      const ends = [pattern[i], pattern[i + 2]].toSorted()
      set += `${escaped(ends[0])}-${escaped(ends[1])}`
      i += 2
    } else set += escaped(pattern[i])
  }
  if (set === "") return [negated ? "." : "(?!)", i]
  return [`[${negated ? "^" : ""}${set}]`, i]
}

const escaped = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`
