/**
 * HyperLogLog with the hash, the 16384 registers and the estimate of servers. The value always has their dense form.
 */
import { type Answer, failure, ok } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"

const registerCount = 16384
const indexBits = 14n
const header = `HYLL${"\0".repeat(12)}`
const mask64 = (1n << 64n) - 1n
const multiplier = 0xc6a4a7935bd1e995n

const byteAt = (bytes: Bytes, at: number): bigint => BigInt(bytes.charCodeAt(at))

/** MurmurHash64A with the seed of the servers. */
const hash = (bytes: Bytes): bigint => {
  const length = bytes.length
  let h = 0xadc83b19n ^ ((BigInt(length) * multiplier) & mask64)
  const whole = length - (length % 8)
  for (let i = 0; i < whole; i += 8) {
    let k = 0n
    for (let j = 7; j >= 0; j--) k = (k << 8n) | byteAt(bytes, i + j)
    k = (k * multiplier) & mask64
    k ^= k >> 47n
    k = (k * multiplier) & mask64
    h = ((h ^ k) * multiplier) & mask64
  }
  if (whole < length) {
    for (let i = length - 1; i >= whole; i--) h ^= byteAt(bytes, i) << BigInt((i - whole) * 8)
    h = (h * multiplier) & mask64
  }
  h ^= h >> 47n
  h = (h * multiplier) & mask64
  return h ^ (h >> 47n)
}

/** The register of an element, and the length of its run of zeros plus one. */
const patternOf = (element: Bytes): readonly [register: number, length: number] => {
  const bits = hash(element)
  let rest = (bits >> indexBits) | (1n << (64n - indexBits))
  let length = 1
  while ((rest & 1n) === 0n) {
    length++
    rest >>= 1n
  }
  return [Number(bits & ((1n << indexBits) - 1n)), length]
}

const unpack = (text: Bytes): Uint8Array => {
  const registers = new Uint8Array(registerCount)
  for (let i = 0; i < registerCount; i++) {
    const at = header.length + ((i * 6) >> 3)
    const pair = text.charCodeAt(at) | (at + 1 < text.length ? text.charCodeAt(at + 1) << 8 : 0)
    registers[i] = (pair >> ((i * 6) & 7)) & 63
  }
  return registers
}

const pack = (registers: Uint8Array): Bytes => {
  const bytes = Buffer.alloc((registerCount * 6) / 8 + 1)
  for (let i = 0; i < registerCount; i++) {
    const at = (i * 6) >> 3
    const shifted = registers[i] << ((i * 6) & 7)
    bytes[at] |= shifted & 0xff
    bytes[at + 1] |= shifted >> 8
  }
  return header + bytes.subarray(0, -1).toString("latin1")
}

const tau = (start: number): number => {
  if (start === 0 || start === 1) return 0
  let [x, y, z] = [start, 1, 1 - start]
  for (let before = Number.NaN; before !== z;) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}

const sigma = (start: number): number => {
  if (start === 1) return Infinity
  let [x, y, z] = [start, 1, start]
  for (let before = Number.NaN; before !== z;) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

const estimate = (registers: Uint8Array): number => {
  const longest = 64 - Number(indexBits)
  const histogram = new Array<number>(65).fill(0)
  for (const length of registers) histogram[length]++
  let z = registerCount * tau((registerCount - histogram[longest + 1]) / registerCount)
  for (let length = longest; length >= 1; length--) z = (z + histogram[length]) * 0.5
  z += registerCount * sigma(histogram[0] / registerCount)
  return Math.round((0.7213475204444817 * registerCount * registerCount) / z)
}

const notOne = failure("WRONGTYPE Key is not a valid HyperLogLog string value.")

const registersOf = (call: Call, key: Bytes): Uint8Array | undefined => {
  const text = call.find("string", key)
  if (text === undefined) return undefined
  if (text.startsWith("HYLL") && text.length > header.length) return unpack(text)
  call.fail(notOne)
  return undefined
}

const merged = (all: ReadonlyArray<Uint8Array | undefined>): Uint8Array => {
  const result = new Uint8Array(registerCount)
  for (const registers of all) {
    registers?.forEach((length, i) => {
      if (length > result[i]) result[i] = length
    })
  }
  return result
}

const put = (call: Call, key: Bytes, registers: Uint8Array): void => {
  call.db.set(key, { type: "string", value: pack(registers) }, call.db.get(key)?.expireAt)
  call.event("pfadd", "$", key)
}

const pfadd = (call: Call): Answer => {
  const found = registersOf(call, call.args[1])
  if (call.failed) return null
  const registers = found ?? new Uint8Array(registerCount)
  let changed = found === undefined
  for (const element of call.every(2)) {
    const [register, length] = patternOf(element)
    if (length <= registers[register]) continue
    registers[register] = length
    changed = true
  }
  if (changed) put(call, call.args[1], registers)
  return changed ? 1 : 0
}

export const hyperLogLog: Group = {
  PFADD: write(-2, pfadd),
  PFCOUNT: read(-2, (call) => {
    const all = call.every(1).map((key) => registersOf(call, key))
    return call.failed ? null : estimate(merged(all))
  }),
  PFMERGE: write(-2, (call) => {
    const all = call.every(1).map((key) => registersOf(call, key))
    if (call.failed) return null
    put(call, call.args[1], merged(all))
    return ok
  })
}
