/**
 * Strings as rows of bits.
 */
import { type Answer, failure } from "./Answer.ts"
import { type Bytes, parseInt64, parseInteger } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"

const badOffset = failure("ERR bit offset is not an integer or out of range")
const badBit = failure("ERR bit is not an integer or out of range")
const largest = 4 * 1024 * 1024 * 1024

const offsetAt = (call: Call, index: number): number => {
  const offset = call.integer(index, badOffset)
  if (offset < 0 || offset >= largest) call.fail(badOffset)
  return offset
}

const bitOf = (text: Bytes, offset: number): 0 | 1 => {
  const byte = offset >> 3 < text.length ? text.charCodeAt(offset >> 3) : 0
  return (byte >> (7 - (offset & 7))) & 1 ? 1 : 0
}

const put = (call: Call, key: Bytes, value: Bytes, event: string): void => {
  call.db.set(key, { type: "string", value }, call.db.get(key)?.expireAt)
  call.event(event, "$", key)
}

const setbit = (call: Call): Answer => {
  const key = call.args[1]
  const offset = offsetAt(call, 2)
  const bit = call.failed ? 0 : call.integer(3, badBit)
  if (bit !== 0 && bit !== 1) call.fail(badBit)
  const old = call.failed ? undefined : call.find("string", key)
  if (call.failed) return null
  const at = offset >> 3
  const text = (old ?? "").padEnd(at + 1, "\0")
  const mask = 1 << (7 - (offset & 7))
  const byte = text.charCodeAt(at)
  const next = bit === 1 ? byte | mask : byte & ~mask
  put(call, key, text.slice(0, at) + String.fromCharCode(next) + text.slice(at + 1), "setbit")
  return bitOf(old ?? "", offset)
}

/** A range of bits, from `start` to before `end`, from arguments that count bytes or bits. */
const bitsBetween = (
  length: number,
  start: number,
  end: number,
  unit: "BYTE" | "BIT"
): readonly [start: number, end: number] => {
  const total = unit === "BIT" ? length * 8 : length
  const from = Math.max(0, start < 0 ? total + start : start)
  const to = Math.min(total - 1, Math.max(0, end < 0 ? total + end : end))
  const factor = unit === "BIT" ? 1 : 8
  return from > to ? [0, 0] : [from * factor, (to + 1) * factor]
}

const isUnit = (word: string): word is "BYTE" | "BIT" => word === "BYTE" || word === "BIT"

const bitcount = (call: Call): Answer => {
  const text = call.find("string", call.args[1])
  if (call.args.length === 3 || call.args.length > 5) return call.syntax()
  const unit = call.args.length === 5 ? call.word(4) : "BYTE"
  let [start, end] = [0, -1]
  if (call.args.length > 2) {
    start = call.integer(2)
    end = call.integer(3)
    if (!isUnit(unit)) call.syntax()
  }
  if (call.failed || text === undefined || !isUnit(unit)) return 0
  const isEmpty = start < 0 && end < 0 && start > end
  const [from, to] = isEmpty ? [0, 0] : bitsBetween(text.length, start, end, unit)
  let count = 0
  for (let i = from; i < to; i++) count += bitOf(text, i)
  return count
}

const bitpos = (call: Call): Answer => {
  const wrongBit = failure("ERR The bit argument must be 1 or 0.")
  const bit = call.integer(2)
  if (!call.failed && bit !== 0 && bit !== 1) call.fail(wrongBit)
  const text = call.failed ? undefined : call.find("string", call.args[1])
  if (call.args.length > 6) return call.syntax()
  const start = call.args.length > 3 && !call.failed ? call.integer(3) : 0
  const hasEnd = call.args.length > 4
  const unit = call.args.length > 5 ? call.word(5) : "BYTE"
  if (!isUnit(unit)) call.syntax()
  const end = hasEnd && !call.failed ? call.integer(4) : -1
  if (call.failed || !isUnit(unit)) return null
  if (text === undefined) return bit === 1 ? -1 : 0
  const [from, to] = bitsBetween(text.length, start, end, unit)
  for (let i = from; i < to; i++) if (bitOf(text, i) === bit) return i
  // Beyond its end a string counts as zeros, unless the call gave an end.
  return bit === 0 && !hasEnd && from < to ? text.length * 8 : -1
}

const operations: Readonly<Record<string, ((bytes: ReadonlyArray<number>) => number) | undefined>> = {
  AND: (bytes) => bytes.reduce((one, other) => one & other),
  OR: (bytes) => bytes.reduce((one, other) => one | other),
  XOR: (bytes) => bytes.reduce((one, other) => one ^ other),
  NOT: ([byte]) => ~byte & 0xff
}

const bitop = (call: Call): Answer => {
  const operation = operations[call.word(1)]
  if (operation === undefined) return call.syntax()
  const keys = call.every(3)
  if (call.word(1) === "NOT" && keys.length !== 1) {
    return call.refuse("ERR BITOP NOT must be called with a single source key.")
  }
  const texts = keys.map((key) => call.find("string", key) ?? "")
  if (call.failed) return null
  const length = Math.max(...texts.map((text) => text.length))
  let value = ""
  for (let i = 0; i < length; i++) {
    value += String.fromCharCode(operation(texts.map((text) => i < text.length ? text.charCodeAt(i) : 0)))
  }
  if (length === 0) {
    if (call.db.delete(call.args[2])) call.event("del", "g", call.args[2])
  } else {
    call.db.set(call.args[2], { type: "string", value })
    call.event("set", "$", call.args[2])
  }
  return length
}

interface Field {
  readonly signed: boolean
  readonly bits: number
}

const badType = failure(
  "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
)

const fieldAt = (call: Call, index: number): Field => {
  const match = /^([iu])([0-9]+)$/.exec(call.args[index] ?? "")
  const signed = match?.[1] === "i"
  const bits = Number(match?.[2] ?? 0)
  if (bits < 1 || bits > (signed ? 64 : 63)) call.fail(badType)
  return { signed, bits }
}

/** `#n` counts fields, `n` counts bits. */
const fieldOffset = (call: Call, index: number, bits: number): number => {
  const text = call.args[index] ?? ""
  const offset = parseInteger(text.startsWith("#") ? text.slice(1) : text)
  const position = (offset ?? -1) * (text.startsWith("#") ? bits : 1)
  if (position < 0 || position >= largest) call.fail(badOffset)
  return position
}

const readField = (text: Bytes, offset: number, { bits, signed }: Field): bigint => {
  let value = 0n
  for (let i = 0; i < bits; i++) value = (value << 1n) | BigInt(bitOf(text, offset + i))
  return signed ? BigInt.asIntN(bits, value) : value
}

const writeField = (text: Bytes, offset: number, { bits }: Field, value: bigint): Bytes => {
  const bytes = Array.from(text.padEnd((offset + bits + 7) >> 3, "\0"), (char) => char.charCodeAt(0))
  const pattern = BigInt.asUintN(bits, value)
  for (let i = 0; i < bits; i++) {
    const at = offset + i
    const mask = 1 << (7 - (at & 7))
    if ((pattern >> BigInt(bits - 1 - i)) & 1n) bytes[at >> 3] |= mask
    else bytes[at >> 3] &= ~mask
  }
  return bytes.map((byte) => String.fromCharCode(byte)).join("")
}

/** A value that a field cannot hold, treated by the overflow rule; `undefined` when the field stays as it was. */
const fitted = (value: bigint, { bits, signed }: Field, overflow: string): bigint | undefined => {
  const least = signed ? -(1n << BigInt(bits - 1)) : 0n
  const most = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n
  if (value >= least && value <= most) return value
  if (overflow === "FAIL") return undefined
  if (overflow === "SAT") return value < least ? least : most
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)
}

interface FieldStep {
  readonly kind: string
  readonly field: Field
  readonly offset: number
  readonly value: bigint
  readonly overflow: string
}

const bitfield = (readonly: boolean) => (call: Call): Answer => {
  const steps: Array<FieldStep> = []
  let overflow = "WRAP"
  for (let i = 2; i < call.args.length && !call.failed;) {
    const kind = call.word(i)
    const left = call.args.length - i - 1
    if (kind === "OVERFLOW" && left >= 1) {
      overflow = call.word(i + 1)
      if (!["WRAP", "SAT", "FAIL"].includes(overflow)) call.refuse("ERR Invalid OVERFLOW type specified")
      i += 2
    } else if ((kind === "GET" && left >= 2) || ((kind === "SET" || kind === "INCRBY") && left >= 3)) {
      const field = fieldAt(call, i + 1)
      const offset = call.failed ? 0 : fieldOffset(call, i + 2, field.bits)
      const value = kind === "GET" || call.failed ? 0n : parseInt64(call.args[i + 3])
      if (value === undefined) call.refuse("ERR value is not an integer or out of range")
      if (readonly && kind !== "GET") call.refuse("ERR BITFIELD_RO only supports the GET subcommand")
      steps.push({ kind, field, offset, value: value ?? 0n, overflow })
      i += kind === "GET" ? 3 : 4
    } else call.syntax()
  }
  const old = call.failed ? undefined : call.find("string", call.args[1])
  if (call.failed) return null
  const writes = steps.filter(({ kind }) => kind !== "GET")
  const end = Math.max(0, ...writes.map(({ field, offset }) => offset + field.bits))
  // The string grows to hold all fields of the call, even when nothing is written.
  let text = (old ?? "").padEnd((end + 7) >> 3, "\0")
  const results = steps.map(({ field, kind, offset, overflow, value }): Answer => {
    const before = readField(text, offset, field)
    if (kind === "GET") return before
    const given = field.signed ? value : BigInt.asUintN(64, value)
    const after = fitted(kind === "SET" ? given : before + value, field, overflow)
    if (after === undefined) return null
    text = writeField(text, offset, field, after)
    return kind === "SET" ? before : after
  })
  if (writes.length > 0) put(call, call.args[1], text, "setbit")
  return results
}

export const bitmaps: Group = {
  SETBIT: write(4, setbit),
  GETBIT: read(3, (call) => {
    const offset = offsetAt(call, 2)
    const text = call.failed ? undefined : call.find("string", call.args[1])
    return bitOf(text ?? "", offset)
  }),
  BITCOUNT: read(-2, bitcount),
  BITPOS: read(-3, bitpos),
  BITOP: write(-4, bitop),
  BITFIELD: write(-2, bitfield(false)),
  BITFIELD_RO: read(-2, bitfield(true))
}
