import * as Schema from "effect/Schema"
import * as Command from "../../../src/commands/Command.ts"
import { Json } from "../../../src/modules/Json.ts"
import { isList, isNumber, type Sample } from "../../commands/samples/Sample.ts"

const k = "{t}k"
const given = (document: unknown) => [["JSON.SET", k, "$", JSON.stringify(document)]]
const list = given({ a: 1, b: [1, "x", null], c: { b: [] } })
const object = given({ a: 1, o: { x: 1.5, a: 2 }, s: "hi", t: true, n: null })
const missing = "{t}missing"
const noKey = /doesn't exist|does not exist/

const lists: ReadonlyArray<Sample> = [
  { name: "Json.arrappend", command: Json.arrappend(k, "$..b", [2, { y: 1 }]), prepare: list, expected: [5, 2] },
  { name: "Json.arrappend of no list", command: Json.arrappend(k, "$.a", [2]), prepare: list, expected: [null] },
  { name: "Json.arrappend at a legacy path", command: Json.arrappend(k, ".b", [2]), prepare: list, expected: 4 },
  { name: "Json.arrappend to a missing key", command: Json.arrappend(missing, "$", [2]), error: noKey },
  { name: "Json.arrindex", command: Json.arrindex(k, "$..b", "x"), prepare: list, expected: [1, -1] },
  { name: "Json.arrindex from", command: Json.arrindex(k, "$.b", "x", 0, 1), prepare: list, expected: [-1] },
  { name: "Json.arrindex at a legacy path", command: Json.arrindex(k, ".b", null), prepare: list, expected: 2 },
  { name: "Json.arrinsert", command: Json.arrinsert(k, "$.b", -1, [[1, 2]]), prepare: list, expected: [4] },
  { name: "Json.arrinsert at a legacy path", command: Json.arrinsert(k, ".b", 0, [0]), prepare: list, expected: 4 },
  { name: "Json.arrlen", command: Json.arrlen(k, "$.*"), prepare: list, expected: [null, 3, null] },
  { name: "Json.arrlen at a legacy path", command: Json.arrlen(k, ".b"), prepare: list, expected: 3 },
  { name: "Json.arrlen of a missing key", command: Json.arrlen(missing), expected: null },
  { name: "Json.arrpop", command: Json.arrpop(k, "$..b"), prepare: list, expected: [null, null] },
  { name: "Json.arrpop at a position", command: Json.arrpop(k, "$.b", 1), prepare: list, expected: ["x"] },
  { name: "Json.arrpop at a legacy path", command: Json.arrpop(k, ".b", 0), prepare: list, expected: 1 },
  { name: "Json.arrpop of the root", command: Json.arrpop(k), prepare: given([{ a: 1 }]), expected: { a: 1 } },
  { name: "Json.arrtrim", command: Json.arrtrim(k, "$..b", 0, 1), prepare: list, expected: [2, 0] },
  { name: "Json.arrtrim at a legacy path", command: Json.arrtrim(k, ".b", 1, 1), prepare: list, expected: 1 }
]

const numbers: ReadonlyArray<Sample> = [
  { name: "Json.numincrby", command: Json.numincrby(k, "$..a", 1.5), prepare: object, expected: [2.5, 3.5] },
  { name: "Json.numincrby of text", command: Json.numincrby(k, "$.s", 1), prepare: object, expected: [null] },
  { name: "Json.numincrby at a legacy path", command: Json.numincrby(k, ".a", 2), prepare: object, expected: 3 },
  { name: "Json.numincrby of a missing key", command: Json.numincrby(missing, ".a", 2), error: noKey },
  {
    name: "Json.numincrby of text at a legacy path",
    command: Json.numincrby(k, ".s", 2),
    prepare: object,
    expected: null
  },
  {
    name: "Json.numincrby of nothing at a legacy path",
    command: Json.numincrby(k, ".y", 2),
    prepare: object,
    expected: null
  },
  { name: "Json.numincrby of the root", command: Json.numincrby(k, ".", 2), prepare: given(1), expected: 3 },
  {
    name: "Json.numincrby at a legacy position",
    command: Json.numincrby(k, "[1]", 2),
    prepare: given([1, 2]),
    expected: 4
  },
  { name: "Json.numincrby at a legacy name", command: Json.numincrby(k, "a", 2), prepare: object, expected: 3 },
  {
    name: "Json.numincrby beyond integers",
    command: Json.numincrby(k, "$", 1e21),
    prepare: given(5),
    expected: [1e21]
  },
  {
    name: "Json.nummultby of text at a legacy path",
    command: Json.nummultby(k, ".s", 2),
    prepare: object,
    expected: null
  },
  { name: "Json.nummultby", command: Json.nummultby(k, "$.o.x", 2), prepare: object, expected: [3] },
  { name: "Json.nummultby at a legacy path", command: Json.nummultby(k, ".a", 3), prepare: object, expected: 3 },
  { name: "Json.toggle", command: Json.toggle(k, "$.*"), prepare: object, expected: [null, null, null, false, null] },
  { name: "Json.toggle at a legacy path", command: Json.toggle(k, ".t"), prepare: object, expected: false },
  { name: "Json.clear", command: Json.clear(k, "$.*"), prepare: object, expected: 2 },
  { name: "Json.clear of the root", command: Json.clear(k), prepare: object, expected: 1 }
]

const parts: ReadonlyArray<Sample> = [
  {
    name: "Json.objkeys",
    command: Json.objkeys(k, "$.*"),
    prepare: object,
    expected: [null, ["x", "a"], null, null, null]
  },
  { name: "Json.objkeys at a legacy path", command: Json.objkeys(k, ".o"), prepare: object, expected: ["x", "a"] },
  { name: "Json.objkeys of a missing key", command: Json.objkeys(missing), expected: null },
  { name: "Json.objlen", command: Json.objlen(k, "$.*"), prepare: object, expected: [null, 2, null, null, null] },
  { name: "Json.objlen of the root", command: Json.objlen(k), prepare: object, expected: 5 },
  {
    name: "Json.strappend",
    command: Json.strappend(k, "$.*", "\"!"),
    prepare: object,
    expected: [null, null, 4, null, null]
  },
  { name: "Json.strappend at a legacy path", command: Json.strappend(k, ".s", "!"), prepare: object, expected: 3 },
  { name: "Json.strlen", command: Json.strlen(k, "$.*"), prepare: object, expected: [null, null, 2, null, null] },
  { name: "Json.strlen at a legacy path", command: Json.strlen(k, ".s"), prepare: object, expected: 2 },
  { name: "Json.strlen of a missing key", command: Json.strlen(missing), expected: null },
  {
    name: "Json.type",
    command: Json.type(k, "$.*"),
    prepare: object,
    expected: ["integer", "object", "string", "boolean", "null"]
  },
  { name: "Json.type of no match", command: Json.type(k, "$.nothing"), prepare: object, expected: [] },
  { name: "Json.type of one match", command: Json.type(k, "$.o"), prepare: object, expected: ["object"] },
  { name: "Json.type at a legacy path", command: Json.type(k, ".o.x"), prepare: object, expected: "number" },
  { name: "Json.type at a legacy path without a match", command: Json.type(k, ".no"), prepare: object, expected: null },
  { name: "Json.type of the root", command: Json.type(k), prepare: list, expected: "object" },
  { name: "Json.type of a missing key", command: Json.type(missing, "$"), expected: null },
  { name: "Json.debugMemory", command: Json.debugMemory(k), prepare: object, unstable: isNumber },
  { name: "Json.debugMemory at a path", command: Json.debugMemory(k, "$.a"), prepare: object, unstable: isList },
  { name: "Json.resp", command: Json.resp(k, "$.b"), prepare: list, expected: [["[", 1, "x", null]] },
  { name: "Json.del", command: Json.del(k, "$..a"), prepare: object, expected: 2 },
  { name: "Json.del of the root", command: Json.del(k), prepare: object, expected: 1 },
  { name: "Json.forget", command: Json.forget(missing), expected: 0 }
]

const whole: ReadonlyArray<Sample> = [
  { name: "Json.get", command: Json.get(k), prepare: list, expected: { a: 1, b: [1, "x", null], c: { b: [] } } },
  { name: "Json.get at a path", command: Json.get(k, "$..b"), prepare: list, expected: [[1, "x", null], []] },
  { name: "Json.get of no match", command: Json.get(k, "$.nothing"), prepare: list, expected: [] },
  { name: "Json.get at a legacy path", command: Json.get(k, ".b[1]"), prepare: list, expected: "x" },
  { name: "Json.get at a legacy path without a match", command: Json.get(k, ".no"), prepare: list, error: noKey },
  { name: "Json.get of a missing key", command: Json.get(missing, "$"), expected: null },
  {
    name: "Json.get at paths",
    command: Json.get(k, ["$.a", "$..b"]),
    prepare: list,
    expected: { "$.a": [1], "$..b": [[1, "x", null], []] }
  },
  { name: "Json.get at a list of one path", command: Json.get(k, ["$.a"]), prepare: list, expected: { "$.a": [1] } },
  {
    name: "Json.get at legacy paths",
    command: Json.get(k, [".a", ".c"]),
    prepare: list,
    expected: { ".a": 1, ".c": { b: [] } }
  },
  {
    name: "Json.get with a schema",
    command: Json.get(k, "$.a").pipe(Command.schema(Schema.NullOr(Schema.Array(Schema.Number)))),
    prepare: list,
    expected: [1]
  },
  {
    name: "Json.get at a path of names",
    command: Json.get(k, Json.path("x.y", 0, "a\"b")),
    prepare: given({ "x.y": [{ "a\"b": 1 }] }),
    expected: [1]
  },
  { name: "Json.getText", command: Json.getText(k, "$.a"), prepare: list, expected: "[1]" },
  {
    name: "Json.getText formatted",
    command: Json.getText(k, "$.a", { indent: "\t", newline: "\n", space: " " }),
    prepare: list,
    expected: "[\n\t1\n]"
  },
  {
    name: "Json.getText as bytes",
    command: Command.bytes(Json.getText(k)),
    prepare: given("x"),
    expected: new Uint8Array(Buffer.from("\"x\""))
  },
  {
    name: "Json.getText of an integer beyond 2^53",
    command: Json.getText(k),
    prepare: [["JSON.SET", k, "$", "9007199254740993"]],
    expected: "9007199254740993"
  },
  { name: "Json.merge", command: Json.merge(k, "$", { a: null, z: 1 }), prepare: list, expected: "OK" },
  { name: "Json.merge of nothing", command: Json.merge(k, "$.y.z", { z: 1 }), prepare: list, expected: null },
  {
    name: "Json.merge of places that are missing",
    command: Json.merge(k, "$.y[*]", 1),
    prepare: list,
    error: /static path/
  },
  {
    name: "Json.set of places that are missing",
    command: Json.set(k, "$.y[*]", 1),
    prepare: list,
    error: /static path/
  },
  {
    name: "Json.mset of places that are missing",
    command: Json.mset([[k, "$.y[*]", 1]]),
    prepare: list,
    error: /static path/
  },
  { name: "Json.set beyond a list", command: Json.set(k, "$.b[9]", 1), prepare: list, error: /out of range/ },
  {
    name: "Json.get of numbers from 2^53 on",
    command: Json.get(k),
    prepare: [
      Json.set(k, "$", [2 ** 53, -(2 ** 53), 2 ** 60, 1e20, 1e21, 0.1234567890123456, "9007199254740992", "\"1"])
    ],
    expected: [2 ** 53, -(2 ** 53), 2 ** 60, 1e20, 1e21, 0.1234567890123456, "9007199254740992", "\"1"]
  },
  {
    name: "Json.getText of names that are numbers",
    command: Json.getText(k),
    prepare: [["JSON.SET", k, "$", "{\"b\":1,\"10\":{\"x\":\"a\",\"1\":2},\"2\":[3]}"]],
    expected: "{\"b\":1,\"10\":{\"x\":\"a\",\"1\":2},\"2\":[3]}"
  },
  { name: "Json.merge into a missing key", command: Json.merge(k, "$", { z: 1 }), expected: "OK" },
  {
    name: "Json.mget",
    command: Json.mget([k, missing], "$.a"),
    prepare: list,
    expected: [[1], null]
  },
  { name: "Json.mget at a legacy path", command: Json.mget([k, missing], ".a"), prepare: list, expected: [1, null] },
  { name: "Json.mset", command: Json.mset([[k, "$", { a: 1 }], ["{t}l", "$", [1]]]), expected: "OK" },
  { name: "Json.set", command: Json.set(k, "$", { a: [1, "x", null, true] }), expected: "OK" },
  {
    name: "Json.set of a new property",
    command: Json.set(k, "$.z", "\u00e9\ud83d\ude00"),
    prepare: list,
    expected: "OK"
  },
  { name: "Json.set of nothing", command: Json.set(k, "$.y.z", 1), prepare: list, expected: null },
  { name: "Json.set NX", command: Json.set(k, "$.a", 1, { condition: "NX" }), prepare: list, expected: null },
  { name: "Json.set XX", command: Json.set(k, "$.a", 1, { condition: "XX" }), prepare: list, expected: "OK" },
  { name: "Json.set of text", command: Json.set(k, "$", Json.text("9007199254740993")), expected: "OK" }
]

export const json: ReadonlyArray<Sample> = [...lists, ...numbers, ...parts, ...whole]
