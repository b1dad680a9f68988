import * as Command from "../../../src/commands/Command.ts"
import { VectorSets } from "../../../src/commands/VectorSets.ts"
import { has, isList, type Sample } from "./Sample.ts"

const since = { redis: "8.0" }
const plane = [
  ["VADD", "{t}v", "VALUES", "2", "1", "0", "a", "NOQUANT", "SETATTR", "{\"x\":1}"],
  ["VADD", "{t}v", "VALUES", "2", "0", "1", "b", "NOQUANT"]
]

const fruit = [
  VectorSets.vadd("words", "apple", [1, 0], { quantization: "NOQUANT", attributes: "{\"kind\":\"fruit\"}" }),
  VectorSets.vadd("words", "stone", [0, 1], { quantization: "NOQUANT" })
]

const elements: ReadonlyArray<Sample> = [
  {
    name: "vadd",
    command: VectorSets.vadd("words", "apple", [0.1, 0.9], { attributes: "{\"kind\":\"fruit\"}" }),
    expected: true
  },
  {
    name: "vadd of another quantization",
    command: VectorSets.vadd("{t}v", "c", [0.5, -0.5]),
    prepare: plane,
    error: /quantization/
  },
  {
    name: "vadd of bytes",
    command: VectorSets.vadd("{t}v", "c", new Float32Array([0.5, -0.5]), {
      quantization: "NOQUANT",
      ef: 100,
      attributes: "{\"x\":2}",
      links: 16,
      checkAndSet: true
    }),
    prepare: plane,
    expected: true
  },
  { name: "vadd with reduce", command: VectorSets.vadd("{t}v", "c", [1, 2, 3], { reduce: 2 }), expected: true },
  { name: "vcard", command: VectorSets.vcard("words"), prepare: fruit, expected: 2 },
  { name: "vdim", command: VectorSets.vdim("words"), prepare: fruit, expected: 2 },
  { name: "vdim of a missing key", command: VectorSets.vdim("{t}v"), error: /does not exist/ },
  { name: "vemb", command: VectorSets.vemb("words", "apple"), prepare: fruit, expected: [1, 0] },
  { name: "vemb of a missing element", command: VectorSets.vemb("{t}v", "x"), prepare: plane, expected: null },
  {
    name: "vemb as it is kept",
    command: Command.bytes(VectorSets.vemb("{t}v", "a", { raw: true })),
    prepare: plane,
    expected: {
      quantization: "f32",
      data: new Uint8Array(new Float32Array([1, 0]).buffer),
      norm: 1,
      range: undefined
    }
  },
  {
    name: "vemb as it is kept in 8 bits",
    command: VectorSets.vemb("{t}v", "a", { raw: true }),
    prepare: [["VADD", "{t}v", "VALUES", "2", "3", "0", "a"]],
    unstable: (value) => {
      const { norm, quantization, range } = value as { norm: number; quantization: string; range: number }
      return quantization === "int8" && norm === 3 && range === 1
    }
  },
  {
    name: "vgetattr",
    command: VectorSets.vgetattr("words", "apple"),
    prepare: fruit,
    expected: "{\"kind\":\"fruit\"}"
  },
  { name: "vgetattr of nothing", command: VectorSets.vgetattr("{t}v", "b"), prepare: plane, expected: null },
  {
    name: "vinfo",
    command: VectorSets.vinfo("words"),
    prepare: fruit,
    unstable: has("quantType", "hnswM", "vectorDim", "size"),
    shown: "{ quantType: \"f32\", vectorDim: 2, size: 2, ... }"
  },
  {
    name: "vinfo of vectors as they are",
    command: VectorSets.vinfo("{t}v"),
    prepare: plane,
    unstable: (value) =>
      has("quantType", "hnswM", "vectorDim", "size", "maxLevel", "vsetUid", "hnswMaxNodeUid")(value) &&
      (value as { quantType: string }).quantType === "f32" && (value as { vectorDim: number }).vectorDim === 2
  },
  { name: "vinfo of a missing key", command: VectorSets.vinfo("{t}v"), expected: null },
  {
    name: "vismember",
    command: VectorSets.vismember("words", "apple"),
    prepare: fruit,
    expected: true,
    since: { redis: "8.2" }
  },
  // The layers of an element are drawn by lot: the lowest one is always there.
  {
    name: "vlinks",
    command: VectorSets.vlinks("words", "apple"),
    prepare: fruit,
    unstable: (value) => isList(value) && JSON.stringify(value.at(-1)) === "[\"stone\"]",
    shown: "[[\"stone\"]]"
  },
  {
    name: "vlinks in the lowest layer",
    command: VectorSets.vlinks("{t}v", "a"),
    prepare: plane,
    unstable: (value) => JSON.stringify((value as ReadonlyArray<unknown>).at(-1)) === "[\"b\"]"
  },
  {
    name: "vlinks with scores",
    command: VectorSets.vlinks("{t}v", "a", { withScores: true }),
    prepare: plane,
    unstable: (value) => JSON.stringify((value as ReadonlyArray<unknown>).at(-1)) === "[[\"b\",0.5]]"
  },
  { name: "vlinks of a missing element", command: VectorSets.vlinks("{t}v", "x"), prepare: plane, expected: null },
  {
    name: "vrandmember",
    command: VectorSets.vrandmember("words"),
    prepare: [VectorSets.vadd("words", "apple", [1, 0])],
    expected: "apple"
  },
  { name: "vrandmember of a missing key", command: VectorSets.vrandmember("{t}v"), expected: null },
  {
    name: "vrandmember with count",
    command: VectorSets.vrandmember("{t}v", -2),
    prepare: [plane[0]],
    expected: ["a", "a"]
  },
  { name: "vrandmember with count of a missing key", command: VectorSets.vrandmember("{t}v", 2), expected: [] },
  {
    name: "vrange",
    command: VectorSets.vrange("words", "[a", "+", 5),
    prepare: fruit,
    expected: ["apple", "stone"],
    since: { redis: "8.4" }
  },
  { name: "vrem", command: VectorSets.vrem("words", "apple"), prepare: fruit, expected: true },
  {
    name: "vsetattr",
    command: VectorSets.vsetattr("words", "stone", "{\"kind\":\"rock\"}"),
    prepare: fruit,
    expected: true
  },
  {
    name: "vsetattr of a missing element",
    command: VectorSets.vsetattr("{t}v", "x", "{}"),
    prepare: plane,
    expected: false
  },
  {
    name: "vsim",
    command: VectorSets.vsim("words", { element: "apple" }, { count: 2, withScores: true }),
    prepare: fruit,
    expected: [["apple", 1], ["stone", 0.5]]
  },
  {
    name: "vsim with options",
    command: VectorSets.vsim("{t}v", { element: "a" }, { count: 2, ef: 10, truth: true, noThread: true }),
    prepare: plane,
    expected: ["a", "b"]
  },
  {
    name: "vsim of a vector with scores",
    command: VectorSets.vsim("{t}v", { vector: [0, 2] }, { withScores: true }),
    prepare: plane,
    expected: [["b", 1], ["a", 0.5]]
  },
  {
    name: "vsim as bytes",
    command: Command.bytes(VectorSets.vsim("{t}v", { element: "a" }, { withScores: true, count: 1 })),
    prepare: plane,
    expected: [[new Uint8Array([97]), 1]]
  },
  {
    name: "vsim with filter",
    command: VectorSets.vsim("{t}v", { vector: new Float32Array([0, 1]) }, { filter: ".x == 1", filterEf: 10 }),
    prepare: plane,
    expected: ["a"]
  },
  {
    name: "vsim with attributes",
    command: VectorSets.vsim("{t}v", { element: "a" }, { withAttributes: true, epsilon: 0.6 }),
    prepare: plane,
    expected: [{ element: "a", attributes: "{\"x\":1}" }, { element: "b", attributes: null }],
    since: { redis: "8.2" }
  },
  {
    name: "vsim with scores and attributes",
    command: VectorSets.vsim("{t}v", { element: "a" }, { withAttributes: true, withScores: true }),
    prepare: plane,
    expected: [{ element: "a", score: 1, attributes: "{\"x\":1}" }, { element: "b", score: 0.5, attributes: null }],
    since: { redis: "8.2" }
  },
  { name: "vsim of a missing key", command: VectorSets.vsim("{t}v", { element: "a" }), expected: [] }
]

export const vectorSets: ReadonlyArray<Sample> = elements.map((sample) => ({ since, ...sample }))
