/**
 * Bits and small integers inside a string.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type Integer, type OneOrMore } from "./Call.ts"
import { checked } from "./checked.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { allButFirst } from "./keys.ts"
import { parameters } from "./parameters/Bitmaps.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * A part of a string, both ends included. Negative positions count from the end.
 *
 * @category models
 * @since 0.1.0
 */
export interface BitRange {
  /** The first position. */
  readonly start: Integer
  /** The last position. Default: the end of the string. */
  readonly end?: Integer | undefined
  /** The unit of the positions. Default: bytes. Since 7.0.0. */
  readonly unit?: "BYTE" | "BIT" | undefined
}

/**
 * The type of an integer: signed with up to 64 bits, or unsigned with up to 63.
 *
 * @category models
 * @since 0.1.0
 */
export type BitfieldEncoding = `i${number}` | `u${number}`

/**
 * The position at which an integer begins: a bit, or, with `#`, a multiple of its width.
 *
 * @category models
 * @since 0.1.0
 */
export type BitfieldOffset = number | `#${number}`

/**
 * A step of `bitfield` that reads one integer.
 *
 * @category models
 * @since 0.1.0
 */
export interface BitfieldGet {
  readonly get: BitfieldEncoding
  readonly offset: BitfieldOffset
}

/**
 * One step of `bitfield`. `overflow` holds for the steps after it.
 *
 * @category models
 * @since 0.1.0
 */
export type BitfieldStep =
  | BitfieldGet
  | { readonly set: BitfieldEncoding; readonly offset: BitfieldOffset; readonly value: Integer }
  | { readonly incrby: BitfieldEncoding; readonly offset: BitfieldOffset; readonly increment: Integer }
  | { readonly overflow: "WRAP" | "SAT" | "FAIL" }

/**
 * The methods of the commands on bits.
 *
 * @category models
 * @since 0.1.0
 */
export interface BitmapCommands<S extends Surface> {
  /** The number of bits that are set. Since 2.6.0. O(N) bytes. */
  bitcount(key: Argument, range?: BitRange): Returns<S, number>
  /** Reads and changes integers of any width, step by step. Returns the value of each step, `null` where `FAIL` met an overflow. Since 3.2.0. O(1) a step. */
  bitfield(key: Argument, steps: ReadonlyArray<BitfieldStep>): Returns<S, ReadonlyArray<number | null>>
  /** Reads integers of any width: replicas may answer. Since 6.0.0. O(1) a step. */
  bitfieldRo(key: Argument, steps: ReadonlyArray<BitfieldGet>): Returns<S, ReadonlyArray<number>>
  /**
   * Combines the bits of strings of one slot and stores the result; `NOT` takes one string. Returns the length in
   * bytes. Since 2.6.0 (the last four Redis 8.2). O(N) bytes.
   */
  bitop(
    operation: "AND" | "OR" | "XOR" | "NOT" | "DIFF" | "DIFF1" | "ANDOR" | "ONE",
    destination: Argument,
    keys: OneOrMore<Argument>
  ): Returns<S, number>
  /** The position of the first bit that is set or clear, -1 if there is none. Since 2.8.7. O(N) bytes. */
  bitpos(key: Argument, bit: 0 | 1, range?: BitRange): Returns<S, number>
  /** The bit at a position, 0 beyond the end. Since 2.2.0. O(1). */
  getbit(key: Argument, offset: number): Returns<S, 0 | 1>
  /** Sets or clears the bit at a position. Returns the former bit. Since 2.2.0. O(1). */
  setbit(key: Argument, offset: number, bit: 0 | 1): Returns<S, 0 | 1>
}

const BITCOUNT = new CommandSpec("BITCOUNT", { keys: 0, readonly: true })
const BITFIELD = new CommandSpec("BITFIELD", { keys: 0 })
const BITFIELD_RO = new CommandSpec("BITFIELD_RO", { keys: 0, readonly: true })
const BITOP = new CommandSpec("BITOP", { keys: allButFirst })
const BITPOS = new CommandSpec("BITPOS", { keys: 0, readonly: true })
const GETBIT = new CommandSpec("GETBIT", { keys: 0, readonly: true })
const SETBIT = new CommandSpec("SETBIT", { keys: 0 })

const bit: decode.Decoder<0 | 1> = (reply) => reply === 0 || reply === 1 ? reply : decode.unexpected("0 or 1", reply)

const addOffset = (self: Call, offset: BitfieldOffset): Call =>
  typeof offset === "number" ? self.integer("offset", offset, 0) : self.add(offset)

const addSteps = (self: Call, steps: ReadonlyArray<BitfieldStep>): Call => {
  if (steps.length === 0) self.refuse("steps must have at least one entry, got none: leave out the call instead")
  for (const step of steps) {
    if ("get" in step) addOffset(self.add("GET", step.get), step.offset)
    else if ("set" in step) addOffset(self.add("SET", step.set), step.offset).integer("value", step.value)
    else if ("incrby" in step) {
      addOffset(self.add("INCRBY", step.incrby), step.offset).integer("increment", step.increment)
    } else self.add("OVERFLOW", step.overflow)
  }
  return self
}

const addBit = (self: Call, bit: 0 | 1): Call =>
  bit === 0 || bit === 1 ? self.add(String(bit)) : self.refuse("bit must be 0 or 1, got something else")

/**
 * The builders of the commands on bits: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Bitmaps: BitmapCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  bitcount: (key, range) => {
    const self = call(BITCOUNT, key)
    if (range !== undefined) {
      self.integer("start", range.start).integer("end", range.end ?? -1)
      if (range.unit !== undefined) self.add(range.unit)
    }
    return self.to(decode.integer)
  },
  bitfield: (key, steps) => addSteps(call(BITFIELD, key), steps).to(decode.integersOrNull),
  bitfieldRo: (key, steps) => addSteps(call(BITFIELD_RO, key), steps).to(decode.integers),
  bitop: (operation, destination, keys) => {
    const self = call(BITOP, operation, destination).many("keys", keys)
    if (operation === "NOT" && self.args.length !== 3) self.refuse("NOT takes one key, got several")
    return self.to(decode.integer)
  },
  bitpos: (key, bit, range) => {
    const self = addBit(call(BITPOS, key), bit)
    if (range !== undefined) {
      self.integer("start", range.start)
      if (range.end !== undefined) self.integer("end", range.end)
      if (range.unit !== undefined) {
        if (range.end === undefined) self.refuse("unit needs an end: give -1 for the last one")
        self.add(range.unit)
      }
    }
    return self.to(decode.integer)
  },
  getbit: (key, offset) => call(GETBIT, key).integer("offset", offset, 0).to(bit),
  setbit: (key, offset, value) => addBit(call(SETBIT, key).integer("offset", offset, 0), value).to(bit)
})
