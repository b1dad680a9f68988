import { Bitmaps } from "../../../src/commands/Bitmaps.ts"
import { type Sample } from "./Sample.ts"

const bits = [["SET", "{t}b", "a"]]

const seen = [Bitmaps.setbit("seen", 3, 1), Bitmaps.setbit("seen", 9, 1)]

export const bitmaps: ReadonlyArray<Sample> = [
  { name: "bitcount", command: Bitmaps.bitcount("seen"), prepare: seen, expected: 2 },
  {
    name: "bitcount of bits",
    command: Bitmaps.bitcount("{t}b", { start: 0, end: 4, unit: "BIT" }),
    prepare: bits,
    expected: 2
  },
  { name: "bitcount from a place on", command: Bitmaps.bitcount("{t}b", { start: 0 }), prepare: bits, expected: 3 },
  {
    name: "bitfield",
    command: Bitmaps.bitfield("counters", [{ incrby: "u8", offset: "#0", increment: 5 }, { get: "u8", offset: "#1" }]),
    expected: [5, 0]
  },
  {
    name: "bitfield with an overflow",
    command: Bitmaps.bitfield("{t}b", [{ overflow: "FAIL" }, { get: "u8", offset: 0 }, {
      incrby: "u2",
      offset: "#0",
      increment: 9
    }]),
    prepare: bits,
    expected: [97, null]
  },
  {
    name: "bitfield with all steps",
    command: Bitmaps.bitfield("{t}b", [
      { overflow: "WRAP" },
      { set: "u8", offset: 0, value: 255 },
      { incrby: "u8", offset: 0, increment: 2 },
      { overflow: "SAT" },
      { incrby: "u8", offset: 0, increment: 300 }
    ]),
    prepare: bits,
    expected: [97, 1, 255]
  },
  {
    name: "bitfieldRo",
    command: Bitmaps.bitfieldRo("counters", [{ get: "u8", offset: "#0" }]),
    prepare: [Bitmaps.bitfield("counters", [{ set: "u8", offset: "#0", value: 5 }])],
    expected: [5]
  },
  {
    name: "bitfieldRo of signed integers",
    command: Bitmaps.bitfieldRo("{t}b", [{ get: "i4", offset: 4 }]),
    prepare: bits,
    expected: [1]
  },
  {
    name: "bitop",
    command: Bitmaps.bitop("AND", "{seen}:both", ["{seen}:mon", "{seen}:tue"]),
    prepare: [Bitmaps.setbit("{seen}:mon", 3, 1), Bitmaps.setbit("{seen}:tue", 9, 1)],
    expected: 2
  },
  { name: "bitop with NOT", command: Bitmaps.bitop("NOT", "{t}c", "{t}b"), prepare: bits, expected: 1 },
  {
    name: "bitop of Redis 8.2",
    command: Bitmaps.bitop("DIFF", "{t}c", ["{t}b", "{t}d"]),
    prepare: bits,
    expected: 1,
    since: { redis: "8.2" }
  },
  ...(["AND", "OR", "XOR"] as const).map((operation): Sample => ({
    name: `bitop with ${operation}`,
    command: Bitmaps.bitop(operation, "{t}c", ["{t}b", "{t}b"]),
    prepare: bits,
    expected: 1
  })),
  ...(["DIFF1", "ANDOR", "ONE"] as const).map((operation): Sample => ({
    name: `bitop with ${operation}`,
    command: Bitmaps.bitop(operation, "{t}c", ["{t}b", "{t}d"]),
    prepare: bits,
    expected: 1,
    since: { redis: "8.2" }
  })),
  { name: "bitpos", command: Bitmaps.bitpos("seen", 1), prepare: seen, expected: 3 },
  {
    name: "bitpos of bytes",
    command: Bitmaps.bitpos("{t}b", 1, { start: 0, end: -1, unit: "BYTE" }),
    prepare: bits,
    expected: 1
  },
  { name: "getbit", command: Bitmaps.getbit("seen", 3), prepare: seen, expected: 1 },
  { name: "setbit", command: Bitmaps.setbit("seen", 3, 1), expected: 0 }
]
