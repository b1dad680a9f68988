import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { isDeepStrictEqual } from "node:util"
import { describe, expect, it } from "vitest"
import { type Reply, ServerError, UnreadableReply } from "../../src/protocol/Reply.ts"
import { type DecoderOptions, RespDecoder } from "../../src/protocol/RespDecoder.ts"

// A reply of a server with its encoding: the model with which the decoder is compared.
type Wire =
  | { readonly type: "simple" | "error" | "text" | "verbatim" | "bulkError"; readonly text: string }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "integer" | "big"; readonly value: bigint }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "null"; readonly form: string }
  | { readonly type: "array" | "set" | "push"; readonly elements: ReadonlyArray<Wire> }
  | { readonly type: "map"; readonly entries: ReadonlyArray<readonly [Wire, Wire]> }
  | {
    readonly type: "attributed"
    readonly attributes: ReadonlyArray<readonly [Wire, Wire]>
    readonly value: Wire
  }

const bulk = (mark: string, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${mark}${content.length}\r\n`), content, Buffer.from("\r\n")])

const aggregate = (mark: string, count: number, elements: ReadonlyArray<Wire>): Buffer =>
  Buffer.concat([Buffer.from(`${mark}${count}\r\n`), ...elements.map(serialize)])

const serialize = (wire: Wire): Buffer => {
  switch (wire.type) {
    case "simple":
      return Buffer.from(`+${wire.text}\r\n`)
    case "error":
      return Buffer.from(`-${wire.text}\r\n`)
    case "text":
      return bulk("$", Buffer.from(wire.text))
    case "bytes":
      return bulk("$", wire.bytes)
    case "verbatim":
      return bulk("=", Buffer.from(`txt:${wire.text}`))
    case "bulkError":
      return bulk("!", Buffer.from(wire.text))
    case "integer":
      return Buffer.from(`:${wire.value}\r\n`)
    case "big":
      return Buffer.from(`(${wire.value}\r\n`)
    case "double": {
      const text = Number.isFinite(wire.value)
        ? Object.is(wire.value, -0) ? "-0" : String(wire.value)
        : Number.isNaN(wire.value)
        ? "nan"
        : wire.value > 0
        ? "inf"
        : "-inf"
      return Buffer.from(`,${text}\r\n`)
    }
    case "boolean":
      return Buffer.from(wire.value ? "#t\r\n" : "#f\r\n")
    case "null":
      return Buffer.from(`${wire.form}\r\n`)
    case "array":
      return aggregate("*", wire.elements.length, wire.elements)
    case "set":
      return aggregate("~", wire.elements.length, wire.elements)
    case "push":
      return aggregate(">", wire.elements.length, wire.elements)
    case "map":
      return aggregate("%", wire.entries.length, wire.entries.flat())
    case "attributed":
      return Buffer.concat([
        aggregate("|", wire.attributes.length, wire.attributes.flat()),
        serialize(wire.value)
      ])
  }
}

const expected = (wire: Wire, binary: boolean): Reply => {
  switch (wire.type) {
    case "simple":
      return wire.text
    case "error":
    case "bulkError":
      return new ServerError(wire.text)
    case "text":
    case "verbatim":
      return binary ? Buffer.from(wire.text) : wire.text
    case "bytes":
      return binary ? Buffer.from(wire.bytes) : new TextDecoder("utf-8", { ignoreBOM: true }).decode(wire.bytes)
    case "integer":
      return Number.isSafeInteger(Number(wire.value)) ? Number(wire.value) : wire.value
    case "big":
    case "double":
    case "boolean":
      return wire.value
    case "null":
      return null
    case "array":
    case "push":
      return wire.elements.map((element) => expected(element, binary))
    case "set":
      return new Set(wire.elements.map((element) => expected(element, binary)))
    case "map":
      return new Map(wire.entries.map(([key, value]) => [expected(key, binary), expected(value, binary)] as const))
    case "attributed":
      return expected(wire.value, binary)
  }
}

const anyText = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom("", "OK", "\r\n", "+OK\r\n", "\uFEFFbyte order mark")
)
const lineText = anyText.map((text) => text.replace(/[\r\n]/g, " "))

const scalar2: fc.Arbitrary<Wire> = fc.oneof(
  fc.record({ type: fc.constantFrom("simple", "error"), text: lineText }),
  fc.record({ type: fc.constant("text"), text: anyText }),
  fc.record({ type: fc.constant("bytes"), bytes: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({ type: fc.constant("integer"), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ type: fc.constant("integer"), value: fc.bigInt({ min: -2000n, max: 2000n }) }),
  fc.record({ type: fc.constant("null"), form: fc.constantFrom("$-1", "*-1") })
)

const scalar3: fc.Arbitrary<Wire> = fc.oneof(
  scalar2,
  fc.record({ type: fc.constantFrom("verbatim", "bulkError"), text: anyText }),
  fc.record({ type: fc.constant("big"), value: fc.bigInt() }),
  fc.record({ type: fc.constant("double"), value: fc.double() }),
  fc.record({ type: fc.constant("boolean"), value: fc.boolean() }),
  fc.record({ type: fc.constant("null"), form: fc.constant("_") })
)

const arrays = (element: fc.Arbitrary<Wire>): fc.Arbitrary<Wire> =>
  fc.record({ type: fc.constant("array"), elements: fc.array(element, { maxLength: 5 }) })

const resp2 = fc.letrec<{ value: Wire }>((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, scalar2, arrays(tie("value")))
})).value

const resp3 = fc.letrec<{ value: Wire }>((tie) => {
  const entries = fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 })
  return {
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      { arbitrary: scalar3, weight: 3 },
      arrays(tie("value")),
      fc.record({ type: fc.constant("set"), elements: fc.array(tie("value"), { maxLength: 4 }) }),
      fc.record({ type: fc.constant("map"), entries }),
      fc.record({ type: fc.constant("attributed"), attributes: entries, value: tie("value") })
    )
  }
}).value

const push: fc.Arbitrary<Wire> = fc.tuple(lineText, fc.array(resp3, { maxLength: 3 }), fc.boolean())
  .map(([kind, rest, simple]) => ({
    type: "push",
    elements: [{ type: simple ? "simple" : "text", text: Buffer.from(kind).toString() }, ...rest]
  }))

const message = fc.oneof({ arbitrary: resp3, weight: 4 }, push)

type Delivery = { readonly push: boolean; readonly value: Reply }

interface Options extends DecoderOptions {
  readonly binary?: () => boolean
  readonly lossy?: () => boolean
  readonly asList?: () => boolean
}

const make = (options?: Options) => {
  const deliveries: Array<Delivery> = []
  const decoder = new RespDecoder({
    binary: options?.binary ?? (() => false),
    lossy: options?.lossy ?? (() => true),
    asList: options?.asList ?? (() => false),
    onReply: (value) => void deliveries.push({ push: false, value }),
    onPush: (value) => void deliveries.push({ push: true, value })
  }, options)
  const feed = (bytes: Uint8Array | string, size: number = Infinity): string | undefined => {
    const all = Buffer.from(bytes)
    let failure: string | undefined
    for (let at = 0; at < all.length; at += size) failure = decoder.push(all.subarray(at, at + size))
    return failure
  }
  return { decoder, deliveries, feed, replies: () => deliveries.map((delivery) => delivery.value) }
}

/** Cuts bytes at the given places (taken modulo the length). */
const cut = (bytes: Buffer, places: ReadonlyArray<number>): Array<Buffer> => {
  const cuts = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])]
    .toSorted((a, b) => a - b)
  return cuts.slice(1).map((end, i) => Buffer.from(bytes.subarray(cuts[i], end)))
}

const places = fc.array(fc.nat(), { maxLength: 12 })

const decode = (wire: string | Uint8Array, options?: Options): ReadonlyArray<Reply> => {
  const outcomes = [Infinity, 1].map((size) => {
    const { feed, replies } = make(options)
    expect(feed(wire, size)).toBe(undefined)
    return replies()
  })
  expect(outcomes[1]).toStrictEqual(outcomes[0])
  return outcomes[0]
}

const refuse = (wire: string, options?: DecoderOptions): string => {
  const reasons = [Infinity, 1].map((size) => {
    const { deliveries, feed } = make(options)
    const reason = feed(wire, size)
    expect(deliveries).toStrictEqual([])
    return reason
  })
  expect(reasons[0]).toBeTypeOf("string")
  expect(reasons[1]).toBe(reasons[0])
  return reasons[0] ?? ""
}

describe("RespDecoder", () => {
  describe("decodes", () => {
    it.each<[string, string, Reply]>([
      ["a simple string", "+OK\r\n", "OK"],
      ["an empty simple string", "+\r\n", ""],
      ["an error", "-MOVED 3999 127.0.0.1:6381\r\n", new ServerError("MOVED 3999 127.0.0.1:6381")],
      ["a bulk error", "!21\r\nSYNTAX invalid syntax\r\n", new ServerError("SYNTAX invalid syntax")],
      ["an integer", ":1000\r\n", 1000],
      ["an integer with a sign", ":+7\r\n", 7],
      ["a negative integer", ":-42\r\n", -42],
      ["zero with a sign", ":-0\r\n", 0],
      ["the largest safe integer", ":9007199254740991\r\n", 9007199254740991],
      ["an integer that is not safe", ":9007199254740993\r\n", 9007199254740993n],
      ["the smallest 64 bit integer", ":-9223372036854775808\r\n", -9223372036854775808n],
      ["a bulk string", "$5\r\nhello\r\n", "hello"],
      ["an empty bulk string", "$0\r\n\r\n", ""],
      ["a bulk string with line ends", "$4\r\n\r\n\r\n\r\n", "\r\n\r\n"],
      ["a bulk string of UTF-8", "$4\r\n😀\r\n", "😀"],
      ["a verbatim string", "=15\r\ntxt:Some string\r\n", "Some string"],
      ["a verbatim string of markdown", "=4\r\nmkd:\r\n", ""],
      ["the RESP2 null string", "$-1\r\n", null],
      ["the RESP2 null array", "*-1\r\n", null],
      ["the RESP3 null", "_\r\n", null],
      ["true", "#t\r\n", true],
      ["false", "#f\r\n", false],
      ["a double", ",1.23\r\n", 1.23],
      ["a double with an exponent", ",-1.5e+300\r\n", -1.5e300],
      ["a double without a fraction", ",10\r\n", 10],
      ["infinity", ",inf\r\n", Infinity],
      ["negative infinity", ",-inf\r\n", -Infinity],
      ["not a number", ",nan\r\n", NaN],
      ["not a number, as older servers say it", ",-nan\r\n", NaN],
      [
        "a big number",
        "(3492890328409238509324850943850943825024385\r\n",
        3492890328409238509324850943850943825024385n
      ],
      ["a small big number", "(-1\r\n", -1n],
      ["an array", "*3\r\n:1\r\n$-1\r\n*1\r\n+a\r\n", [1, null, ["a"]]],
      ["an empty array", "*0\r\n", []],
      ["an array of empty arrays", "*2\r\n*0\r\n*0\r\n", [[], []]],
      ["a map", "%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n", new Map<Reply, Reply>([["a", 1], ["b", []]])],
      ["an empty map", "%0\r\n", new Map()],
      ["a map with null keys and values", "%1\r\n_\r\n_\r\n", new Map([[null, null]])],
      ["a set", "~2\r\n+a\r\n:1\r\n", new Set(["a", 1])],
      ["an empty set", "~0\r\n", new Set()]
    ])("%s", (_, wire, reply) => {
      expect(decode(wire)).toStrictEqual([reply])
    })

    it("text of every length as the same text", () => {
      for (let length = 0; length < 70; length++) {
        const ascii = "abcdefghijklmnopqrstuvwxyz".repeat(3).slice(0, length)
        expect(decode(`$${length}\r\n${ascii}\r\n`)).toStrictEqual([ascii])
        for (let at = 0; at < length; at++) {
          const text = ascii.slice(0, at) + "ü" + ascii.slice(at + 1)
          expect(make().feed(`$${length + 1}\r\n${text}\r\n`)).toBe(undefined)
          const { feed, replies } = make()
          feed(`$${length + 1}\r\n${text}\r\n`)
          expect(replies()).toStrictEqual([text])
        }
      }
    })

    it("bytes that are no UTF-8 as replacement characters, when lossy text is wanted", () => {
      expect(decode(Buffer.from("$3\r\na\xffb\r\n+a\xff\r\n", "latin1"))).toStrictEqual(["a\uFFFDb", "a\uFFFD"])
    })

    it("decimals as the numbers that they are", () => {
      const decimals = fc.stringMatching(/^-?[0-9]{1,16}(\.[0-9]{1,16})?(e-?[0-9]{1,2})?$/)
      fc.assert(fc.property(decimals, (text) => {
        expect(decode(`,${text}\r\n`)).toStrictEqual([Number(text)])
      }))
      for (const text of ["0", "-0", "0.1", "-0.30000000000000004", "123456789012345", "1234567.89012345"]) {
        expect(Object.is(decode(`,${text}\r\n`)[0], Number(text))).toBe(true)
      }
    })

    it("the texts of replies with many of them as single texts, beside all other parts, in any chunking", () => {
      const text = fc.oneof(
        { weight: 6, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 30 }) },
        fc.string({ unit: "grapheme-ascii", minLength: 100, maxLength: 300 }),
        anyText
      )
      const part: fc.Arbitrary<Wire> = fc.oneof(
        { weight: 8, arbitrary: fc.record({ type: fc.constant("text"), text }) },
        scalar3
      )
      const many = fc.record({
        type: fc.constantFrom("array", "push"),
        elements: fc.array(fc.oneof({ weight: 5, arbitrary: part }, arrays(part)), { minLength: 7, maxLength: 60 })
      }).map((wire): Wire =>
        wire.type === "push"
          ? { type: "push", elements: [{ type: "text", text: "kind" }, ...wire.elements] }
          : { type: "array", elements: wire.elements }
      )
      fc.assert(
        fc.property(fc.array(many, { minLength: 1, maxLength: 3 }), fc.boolean(), places, (wires, binary, cuts) => {
          const { decoder, replies } = make({ binary: () => binary, binaryPush: () => false })
          for (const chunk of cut(Buffer.concat(wires.map(serialize)), cuts)) {
            expect(decoder.push(chunk)).toBe(undefined)
            chunk.fill("#")
          }
          expect(replies()).toStrictEqual(wires.map((wire) => expected(wire, binary && wire.type !== "push")))
        }),
        { numRuns: 300 }
      )
    })

    it("sets and maps as lists where these are wanted, but not those inside of a reply", () => {
      const options = { asList: () => true }
      expect(decode("~2\r\n+a\r\n+b\r\n~0\r\n", options)).toStrictEqual([["a", "b"], []])
      expect(decode("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n%0\r\n", options)).toStrictEqual([["a", 1, "b", 2], []])
      expect(decode("%1\r\n~1\r\n+a\r\n%1\r\n+b\r\n+c\r\n", options)).toStrictEqual([
        [new Set(["a"]), new Map([["b", "c"]])]
      ])
      expect(decode("*1\r\n~1\r\n+a\r\n|1\r\n+k\r\n~1\r\n+v\r\n~1\r\n+a\r\n", options)).toStrictEqual([
        [new Set(["a"])],
        ["a"]
      ])
    })

    it("any reply in any chunking, and keeps nothing of a chunk", () => {
      fc.assert(
        fc.property(fc.array(message, { maxLength: 6 }), places, fc.boolean(), (wires, cuts, binary) => {
          const { decoder, deliveries } = make({ binary: () => binary })
          for (const chunk of cut(Buffer.concat(wires.map(serialize)), cuts)) {
            expect(decoder.push(chunk)).toBe(undefined)
            chunk.fill("#")
          }
          expect(deliveries).toStrictEqual(
            wires.map((wire) => ({ push: wire.type === "push", value: expected(wire, wire.type !== "push" && binary) }))
          )
        }),
        { numRuns: 500 }
      )
    })

    it("any RESP2 reply one byte at a time", () => {
      fc.assert(fc.property(fc.array(resp2, { maxLength: 4 }), fc.boolean(), (wires, binary) => {
        const { feed, replies } = make({ binary: () => binary })
        expect(feed(Buffer.concat(wires.map(serialize)), 1)).toBe(undefined)
        expect(replies()).toStrictEqual(wires.map((wire) => expected(wire, binary)))
      }))
    })
  })

  describe("bytes", () => {
    it("are asked for once for each reply, whatever the chunking, and never for a push", () => {
      const wire =
        "+OK\r\n>1\r\n+kind\r\n*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n|1\r\n+a\r\n$1\r\nx\r\n$1\r\nc\r\n$3\r\nabc\r\n"
      for (const size of [Infinity, 1, 2, 3, 5]) {
        let asked = 0
        const { feed, replies } = make({ binary: () => asked++ % 2 === 1 })
        expect(feed(wire, size)).toBe(undefined)
        expect(asked).toBe(4)
        expect(replies()).toStrictEqual([
          "OK",
          ["kind"],
          [Buffer.from("a"), [Buffer.from("b")]],
          "c",
          Buffer.from("abc")
        ])
      }
    })

    it("come for bulk and verbatim strings, not for simple strings and errors", () => {
      expect(decode("*5\r\n$1\r\na\r\n=5\r\ntxt:b\r\n+c\r\n-d\r\n!1\r\ne\r\n", { binary: () => true })).toStrictEqual([
        [Buffer.from("a"), Buffer.from("b"), "c", new ServerError("d"), new ServerError("e")]
      ])
    })

    it.each([3, 60_000, 70_000, 3_000_000])(
      "of %i bytes are the reader's, who may use the chunk's memory again",
      (length) => {
        const value = Buffer.from(Array.from({ length }, (_, i) => i * 7 % 251))
        const wire = Buffer.concat([Buffer.from(`$${length}\r\n`), value, Buffer.from("\r\n")])
        const { decoder, replies } = make({ binary: () => true })
        const memory = Buffer.alloc(64 * 1024)
        for (let at = 0; at < wire.length; at += memory.length) {
          expect(decoder.push(memory.subarray(0, wire.copy(memory, 0, at)))).toBe(undefined)
        }
        memory.fill("#")
        expect(value.equals(replies()[0] as Buffer)).toBe(true)
      }
    )

    it("come for the elements of a push, but not for its kind, when the decoder was made so", () => {
      const wire = ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n"
      expect(decode(wire)).toStrictEqual([["message", "ch", "x"]])
      expect(decode(wire, { binaryPush: () => true })).toStrictEqual([["message", Buffer.from("ch"), Buffer.from("x")]])
    })
  })

  describe("attributes", () => {
    it("are dropped in front of a reply, a push and an element, also inside each other", () => {
      const attribute = "|1\r\n+ttl\r\n|1\r\n+a\r\n+b\r\n*1\r\n:3600\r\n"
      const { deliveries, feed } = make()
      expect(feed(`${attribute}|0\r\n+OK\r\n${attribute}>2\r\n+kind\r\n${attribute}:1\r\n*1\r\n${attribute}:2\r\n`))
        .toBe(
          undefined
        )
      expect(deliveries).toStrictEqual([
        { push: false, value: "OK" },
        { push: true, value: ["kind", 1] },
        { push: false, value: [2] }
      ])
    })
  })

  describe("refuses", () => {
    it.each([
      ["an unknown type", "HTTP/1.1 400 Bad Request\r\n"],
      ["an empty line", "\r\n"],
      ["a line feed alone", "+OK\n+OK\r\n"],
      ["a carriage return alone", "+O\rK\r\n"],
      ["two carriage returns", "+OK\r\r\n"],
      ["an integer without digits", ":\r\n"],
      ["an integer of a sign", ":-\r\n"],
      ["an integer with a space", ": 1\r\n"],
      ["an integer with a fraction", ":1.5\r\n"],
      ["an integer of more than 64 bits", ":9223372036854775808\r\n"],
      ["a long integer with a letter", ":1234567890123456789a\r\n"],
      ["a string without a length", "$\r\n"],
      ["a string with a signed length", "$+1\r\na\r\n"],
      ["a string with a negative length", "$-2\r\n"],
      ["a string with a length that is no number", "$1a\r\na\r\n"],
      ["a string that is longer than announced", "$1\r\nab\r\n"],
      ["a string without its carriage return", "$1\r\na\n\n"],
      ["a string without its line feed", "$1\r\na\r\r"],
      ["a streamed string", "$?\r\n;1\r\na\r\n;0\r\n"],
      ["a part of a streamed string", ";1\r\na\r\n"],
      ["a streamed array", "*?\r\n"],
      ["the end of a streamed array", ".\r\n"],
      ["an array with a negative length", "*-2\r\n"],
      ["a map without a length", "%-1\r\n"],
      ["a set without a length", "~-1\r\n"],
      ["a push without a length", ">-1\r\n"],
      ["an attribute without a length", "|-1\r\n"],
      ["a bulk error without a length", "!-1\r\n"],
      ["a verbatim string without a length", "=-1\r\n"],
      ["a verbatim string without a format", "=3\r\ntxt\r\n"],
      ["a verbatim string without a colon", "=5\r\ntext:\r\n"],
      ["a null with content", "_1\r\n"],
      ["a boolean of another letter", "#x\r\n"],
      ["a boolean of two letters", "#tt\r\n"],
      ["a double without digits", ",\r\n"],
      ["a double that is hexadecimal", ",0x10\r\n"],
      ["a double of another word", ",Infinity\r\n"],
      ["an empty push", ">0\r\n"],
      ["a push whose kind is no string", ">1\r\n:1\r\n"],
      ["a push inside a reply", "*2\r\n:1\r\n>1\r\n+kind\r\n"],
      ["a push inside a push", ">2\r\n+kind\r\n>1\r\n+kind\r\n"],
      ["a push inside an attribute", "|1\r\n+a\r\n>1\r\n+kind\r\n"]
    ])("%s", (_, wire) => {
      // Reasons differ only where a part of a line already shows that something is wrong.
      const { deliveries, feed } = make()
      expect(feed(wire)).toBeTypeOf("string")
      expect(deliveries).toStrictEqual([])
      const slow = make()
      expect(slow.feed(wire, 1)).toBeTypeOf("string")
      expect(slow.deliveries).toStrictEqual([])
    })

    it("an unknown type before its line is complete", () => {
      expect(make().feed("H")).toBe("no type of reply starts with the byte 0x48")
    })
  })

  describe("makes unreadable, and goes on with the next reply:", () => {
    /** The value in the place of the first reply; the second reply is there. */
    const gapOf = (wire: string | Uint8Array, options?: Options): UnreadableReply => {
      const [first, second, ...more] = decode(Buffer.concat([Buffer.from(wire), Buffer.from("+next\r\n")]), options)
      expect([second, ...more]).toStrictEqual(["next"])
      expect(first).toBeInstanceOf(UnreadableReply)
      return first as UnreadableReply
    }
    const latin1 = (text: string) => Buffer.from(text, "latin1")
    const strict = { lossy: () => false }

    it("text that is not UTF-8", () => {
      for (const length of [1, 5, 16, 17, 100, 70_000]) {
        for (const at of [0, length >> 1, length - 1]) {
          const text = "x".repeat(at) + "\xff" + "x".repeat(length - at - 1)
          expect(gapOf(latin1(`$${length}\r\n${text}\r\n`), strict).message).toMatch("use Command.bytes")
          expect(gapOf(latin1(`+${text}\r\n`), strict).message).toMatch("Command.lossyText")
          expect(gapOf(latin1(`=${length + 4}\r\ntxt:${text}\r\n`), strict).message).toMatch("not UTF-8")
        }
      }
    })

    it("but not a replacement character that the server sent, nor anything when bytes are wanted", () => {
      const text = "a\uFFFDb".repeat(10)
      expect(decode(`$50\r\n${text}\r\n+\uFFFD\r\n`, strict)).toStrictEqual([text, "\uFFFD"])
      expect(decode(latin1("*2\r\n$1\r\n\xff\r\n+\xff\r\n"), { ...strict, binary: () => true })).toStrictEqual([
        [Buffer.from([255]), Buffer.from([255])]
      ])
    })

    it("nor the text of errors, of attributes and of pushes", () => {
      const error = new ServerError("ERR \uFFFD")
      expect(
        decode(latin1("-ERR \xff\r\n!5\r\nERR \xff\r\n|1\r\n$1\r\n\xff\r\n+\xff\r\n:1\r\n>1\r\n+\xff\r\n"), strict)
      )
        .toStrictEqual([error, error, 1, ["\uFFFD"]])
    })

    it("a part, and tells what can be had", () => {
      const gap = gapOf(latin1("%2\r\n+a\r\n*2\r\n$1\r\n\xff\r\n:1\r\n+b\r\n:2\r\n"), strict)
      expect(gap.partial).toStrictEqual(
        new Map<Reply, Reply>([["a", [new UnreadableReply(gap.message), 1]], ["b", 2]])
      )
    })

    it("aggregates inside each other that are too many", () => {
      const nested = (depth: number) => "*1\r\n".repeat(depth) + ":1\r\n"
      expect(decode(nested(1024))[0]).not.toBeInstanceOf(UnreadableReply)
      expect(gapOf(nested(1025)).message).toBe("more than 1024 aggregates inside each other")
      expect(gapOf(nested(200_000)).message).toBe("more than 1024 aggregates inside each other")
      expect(gapOf("*2\r\n%1\r\n+a\r\n~2\r\n|1\r\n+b\r\n*1\r\n:1\r\n:1\r\n$-1\r\n:2\r\n", { maxDepth: 1 }).partial)
        .toStrictEqual([new UnreadableReply("more than 1 aggregates inside each other"), 2])
      expect(decode("*2\r\n*1\r\n:1\r\n*1\r\n:1\r\n", { maxDepth: 2 })).toStrictEqual([[[1], [1]]])
    })

    it("aggregates with too many elements", () => {
      expect(decode("%2\r\n:1\r\n:1\r\n:2\r\n:2\r\n", { maxAggregateLength: 2 })).toHaveLength(1)
      for (
        const wire of [
          "%3\r\n" + ":1\r\n".repeat(6),
          "~3\r\n:1\r\n*1\r\n$0\r\n\r\n*0\r\n",
          "*3\r\n_\r\n*-1\r\n*2\r\n:1\r\n:2\r\n"
        ]
      ) {
        expect(gapOf(wire, { maxAggregateLength: 2 }).message).toBe("an aggregate of 3 elements, more than 2")
      }
    })

    it("strings that are too long", () => {
      expect(decode("$3\r\nabc\r\n", { maxBulkLength: 3 })).toStrictEqual(["abc"])
      for (const wire of ["$4\r\nabcd\r\n", "=8\r\ntxt:abcd\r\n", "!4\r\nab\r\n\r\n"]) {
        expect(gapOf(wire, { maxBulkLength: 3 }).message).toMatch(/^a string of [48] bytes, more than 3$/)
      }
      expect(refuse("$4\r\nabcd+\n", { maxBulkLength: 3 })).toBe("a string without its line end")
    })

    it("lines that are too long, but keeps the start of an error", () => {
      expect(decode("+12345\r\n", { maxLineLength: 6 })).toStrictEqual(["12345"])
      expect(gapOf("+123456\r\n", { maxLineLength: 6 }).message).toBe("a line of 7 bytes, more than 6")
      expect(decode("-ERR 56789\r\n", { maxLineLength: 6 })).toStrictEqual([new ServerError("ERR 5")])
      const line = "x".repeat(100_000)
      expect(decode(`+${line}\r\n-${line}\r\n`)).toStrictEqual([line, new ServerError(line)])
      expect(gapOf(`(${"1".repeat(100_000)}\r\n`).message).toBe("a line of 100001 bytes, more than 65536")
      expect(refuse(`:${"1".repeat(100_000)}`)).toBe("a line of more than 65536 bytes")
    })

    it("big numbers that are none, as scripts may answer", () => {
      for (const text of ["abc", "1 2", "", "1.5"]) {
        expect(gapOf(`(${text}\r\n`).message).toBe("a big number that is not a number")
      }
    })

    const shortened = (reply: Reply): Reply => {
      if (reply instanceof ServerError) return new ServerError("error")
      if (reply instanceof Map) return new Map(Array.from(reply, ([key, value]) => [shortened(key), shortened(value)]))
      if (reply instanceof Set) return new Set(Array.from(reply, shortened))
      return Array.isArray(reply) ? Array.from(reply, shortened) : reply
    }

    it("whatever is beyond a bound, in any chunking, with the same values around it", () => {
      const options = { maxDepth: 2, maxAggregateLength: 3, maxBulkLength: 10, maxLineLength: 12, ...strict }
      fc.assert(
        fc.property(fc.array(resp3, { minLength: 1, maxLength: 4 }), places, fc.boolean(), (wires, cuts, binary) => {
          const whole = make({ ...strict, binary: () => binary })
          const bounded = make({ ...options, binary: () => binary })
          const bytes = Buffer.concat(wires.map(serialize))
          whole.feed(bytes)
          for (const chunk of cut(bytes, cuts)) expect(bounded.decoder.push(chunk)).toBe(undefined)
          expect(bounded.deliveries).toHaveLength(wires.length)
          for (const [i, reply] of bounded.replies().entries()) {
            // An error keeps its start.
            if (!(reply instanceof UnreadableReply)) {
              expect(shortened(reply)).toStrictEqual(shortened(whole.replies()[i]))
            }
          }
        }),
        { numRuns: 500 }
      )
    })
  })

  describe("limits", () => {
    it("what a push may be, for nobody could be told of one that is skipped", () => {
      expect(refuse(">2\r\n+a\r\n*1\r\n", { maxDepth: 1 })).toBe("more than 1 aggregates inside each other")
      expect(refuse(">2\r\n+a\r\n$4\r\n", { maxBulkLength: 3 })).toBe("a string of 4 bytes, more than 3")
      expect(refuse(">3\r\n", { maxAggregateLength: 2 })).toBe("an aggregate of 3 elements, more than 2")
    })

    it("the length that can be announced", () => {
      expect(refuse(`$${"9".repeat(40)}\r\n`)).toBe("not the length of a string")
      expect(refuse(`*${2 ** 27}\r\n${"*999999999999999\r\n".repeat(10)}`)).toBe("more elements than can be counted")
    })

    it("what an announced length alone can make it hold", () => {
      const { deliveries, feed } = make()
      const before = process.memoryUsage()
      expect(feed(`*${2 ** 26}\r\n`.repeat(100))).toBe(undefined)
      expect(make().feed(`$${2 ** 28}\r\n12`)).toBe(undefined)
      const after = process.memoryUsage()
      expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(64 * 1024 * 1024)
      expect(deliveries).toStrictEqual([])
    })
  })

  it("a text that is kept keeps little else of its reply in memory", () => {
    const { decoder, deliveries } = make()
    const reply = Buffer.from(`*1000\r\n${"$20\r\nabcdefghijklmnopqrst\r\n".repeat(1000)}`)
    const kept: Array<unknown> = []
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 2000; i++) {
      decoder.push(reply)
      const [delivery] = deliveries.splice(0)
      if (Array.isArray(delivery.value)) kept.push(delivery.value[500])
    }
    // All of the replies would be 50 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(25e6)
    expect(kept).toHaveLength(2000)
  })

  describe("after a failure", () => {
    it("returns the same reason for ever and delivers nothing", () => {
      const { deliveries, feed } = make()
      const reason = feed("+before\r\n*2\r\n:1\r\n:x\r\n+after\r\n")
      expect(reason).toBe("not an integer")
      expect(feed("+after\r\n")).toBe(reason)
      expect(deliveries).toStrictEqual([{ push: false, value: "before" }])
    })

    it("in a damaged stream, has delivered what came whole before the damage", () => {
      fc.assert(
        fc.property(
          fc.array(message, { minLength: 1, maxLength: 6 }),
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          places,
          (wires, where, difference, cuts) => {
            const parts = wires.map(serialize)
            const bytes = Buffer.concat(parts)
            const damaged = where % bytes.length
            bytes[damaged] ^= difference
            let whole = 0
            for (let end = parts[0].length; end <= damaged; end += parts[whole].length) whole++
            const { decoder, deliveries, feed } = make()
            let failure: string | undefined
            for (const chunk of cut(bytes, cuts)) {
              const count = deliveries.length
              const result = decoder.push(chunk)
              if (failure !== undefined) {
                expect(result).toBe(failure)
                expect(deliveries).toHaveLength(count)
              }
              failure = result
            }
            expect(deliveries.slice(0, whole)).toStrictEqual(
              wires.slice(0, whole).map((wire) => ({ push: wire.type === "push", value: expected(wire, false) }))
            )
            if (failure !== undefined) {
              const count = deliveries.length
              expect(feed("+OK\r\n")).toBe(failure)
              expect(deliveries).toHaveLength(count)
            }
          }
        ),
        { numRuns: 1000 }
      )
    })

    it("or without one, a truncated stream has delivered exactly what came whole", () => {
      fc.assert(
        fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), fc.nat(), places, (wires, where, cuts) => {
          const parts = wires.map(serialize)
          const bytes = Buffer.concat(parts)
          const length = where % bytes.length
          let whole = 0
          for (let end = parts[0].length; end <= length; end += parts[whole].length) whole++
          const { decoder, replies } = make()
          for (const chunk of cut(bytes.subarray(0, length), cuts)) expect(decoder.push(chunk)).toBe(undefined)
          expect(replies()).toStrictEqual(wires.slice(0, whole).map((wire) => expected(wire, false)))
        })
      )
    })
  })

  it("decodes arbitrary bytes alike in one chunk and byte by byte, and never throws", () => {
    const fragments = fc.array(
      fc.oneof(
        fc.constantFrom(..."*$:+-_#,(!=%~>|?;.\r\n", "\r\n", "\r\n", "0", "1", "2", "-1", "txt:", "t", "inf", "1e5"),
        fc.constantFrom(
          "*2\r\n",
          "$1\r\na\r\n",
          ":1\r\n",
          ">1\r\n+k\r\n",
          "%1\r\n",
          "~2\r\n",
          "|1\r\n",
          "_\r\n",
          "=5\r\n"
        )
      ),
      { maxLength: 30 }
    ).map((parts) => new Uint8Array(Buffer.from(parts.join(""))))
    fc.assert(
      fc.property(fc.oneof(fragments, fc.uint8Array({ maxLength: 60 })), fc.boolean(), (bytes, binary) => {
        const outcome = (size: number) => {
          const { deliveries, feed } = make({ binary: () => binary })
          return { failed: feed(bytes, size) !== undefined, deliveries }
        }
        expect(outcome(1)).toStrictEqual(outcome(Infinity))
      }),
      { numRuns: 3000 }
    )
  })

  describe("reads long strings into the memory in which they stay", () => {
    const long = 64 * 1024

    /** Reads as a socket does: into the room of the decoder, or into memory that is used again. */
    const read = (decoder: RespDecoder, bytes: Buffer, sizes: ReadonlyArray<number>) => {
      const shared = Buffer.alloc(long)
      let copied = 0
      let failure: string | undefined
      for (let at = 0, reads = 0; at < bytes.length; reads++) {
        const memory = decoder.room ?? shared
        const size = bytes.copy(memory, 0, at, at + Math.min(memory.length, sizes[reads % sizes.length]))
        if (memory === shared) copied += size
        failure = decoder.push(memory.subarray(0, size))
        shared.fill("#")
        at += size
      }
      return { copied, failure }
    }

    const lengths = fc.oneof(
      fc.integer({ min: -4, max: 4 }).map((difference) => long + difference),
      fc.integer({ min: -4, max: 4 }).map((difference) => 2 * long + difference),
      fc.integer({ min: 2 * long, max: 6 * long })
    )
    const longText = fc.tuple(lengths, fc.constantFrom("x", "xü", "€")).map(([length, unit]) =>
      unit.repeat(length / Buffer.byteLength(unit))
    )
    const longPart: fc.Arbitrary<Wire> = fc.oneof(
      fc.record({ type: fc.constantFrom("text", "verbatim", "bulkError"), text: longText }),
      lengths.map((length): Wire => ({ type: "bytes", bytes: Buffer.alloc(length, "\xff\r\n", "latin1") }))
    )
    const some: fc.Arbitrary<Wire> = fc.oneof(
      { weight: 2, arbitrary: longPart },
      message,
      fc.array(fc.oneof(longPart, scalar3), { maxLength: 4 }).map((elements): Wire => ({ type: "array", elements })),
      fc.tuple(longPart, longPart, longPart).map(([name, value, reply]): Wire => ({
        type: "attributed",
        attributes: [[name, value]],
        value: reply
      })),
      longPart.map((part): Wire => ({ type: "push", elements: [{ type: "text", text: "kind" }, part] }))
    )
    const readSizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(4096, long, 8 * long)), {
      minLength: 1,
      maxLength: 6
    }).filter((sizes) => sizes.some((size) => size >= 4096))

    it("whatever the reads, whatever stands around them", () => {
      fc.assert(
        fc.property(fc.array(some, { minLength: 1, maxLength: 4 }), readSizes, fc.boolean(), (wires, sizes, binary) => {
          const { decoder, replies } = make({ binary: () => binary })
          expect(read(decoder, Buffer.concat(wires.map(serialize)), sizes).failure).toBe(undefined)
          expect(decoder.room).toBe(undefined)
          const got = replies()
          const wanted = wires.map((wire) => expected(wire, binary && wire.type !== "push"))
          expect(got.map((reply, i) => isDeepStrictEqual(reply, wanted[i]))).toStrictEqual(wires.map(() => true))
        }),
        { numRuns: 60 }
      )
    })

    it("with every boundary of the reads near the ends of the memory", () => {
      for (const length of [long, long + 1, 2 * long, 2 * long + 1, 3 * long + 7]) {
        const value = Buffer.from(Array.from({ length }, (_, i) => 97 + i % 26))
        const bytes = Buffer.concat([bulk("$", value), Buffer.from("+next\r\n")])
        for (const first of [8, 9, 10, 11, long, length - long, length, length + 8, length + 9, length + 10]) {
          for (const [binary, wanted] of [[true, value], [false, value.toString()]] as const) {
            const { decoder, replies } = make({ binary: () => binary })
            expect(read(decoder, bytes, [first, Infinity]).failure).toBe(undefined)
            expect(isDeepStrictEqual(replies(), [wanted, "next"])).toBe(true)
          }
        }
      }
    })

    it("and copies no more of them than came together with their header and their line end", () => {
      const value = Buffer.alloc(20 * long, "v")
      const { decoder, replies } = make({ binary: () => true })
      expect(read(decoder, bulk("$", value), [Infinity]).copied).toBeLessThanOrEqual(2 * long)
      expect(value.equals(replies()[0] as Buffer)).toBe(true)
    })

    it("but never into memory that they share, that is too small, or of which they are skipped", () => {
      for (
        const header of ["$100\r\n", `$${long - 2}\r\n`, `$${2 * long}\r\n${"x".repeat(long + 1)}`, "+", ":1", "*2\r\n"]
      ) {
        const { decoder, feed } = make()
        feed(header)
        expect(decoder.room).toBe(undefined)
      }
      const { decoder, feed } = make({ maxBulkLength: long })
      feed(`$${4 * long}\r\n`)
      expect(decoder.room).toBe(undefined)
    })

    it("without their line end they end the stream, and a stopped decoder has no room", () => {
      const broken = Buffer.from(`$${3 * long}\r\n${"x".repeat(3 * long)}x\r\n`)
      const { decoder, replies } = make()
      expect(read(decoder, broken, [Infinity]).failure).toBe("a string without its line end")
      expect(replies()).toStrictEqual([])
      const stopped = make()
      stopped.feed(`$${3 * long}\r\nx`)
      expect(stopped.decoder.room).not.toBe(undefined)
      stopped.decoder.stop()
      expect(stopped.decoder.room).toBe(undefined)
    })

    it("and gives the memory of a text back at once", () => {
      const { decoder } = make()
      const bytes = Buffer.concat([bulk("$", Buffer.alloc(64 * long, "x")), bulk("$", Buffer.alloc(64 * long, "x"))])
      const before = process.memoryUsage().arrayBuffers
      for (let i = 0; i < 20; i++) read(decoder, bytes, [Infinity])
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * 64 * long)
    })
  })

  describe("stop", () => {
    it.each(["onReply", "onPush", "binary"])("called in %s ends the delivery at once, without a failure", (handler) => {
      const seen: Array<Reply> = []
      const decoder: RespDecoder = new RespDecoder({
        binary: () => {
          if (handler === "binary") decoder.stop()
          return false
        },
        onReply: (reply) => {
          seen.push(reply)
          if (handler === "onReply") decoder.stop()
        },
        onPush: (push) => {
          seen.push(push)
          if (handler === "onPush") decoder.stop()
        }
      })
      const wire = handler === "onPush" ? ">1\r\n+first\r\n" : "+first\r\n"
      expect(decoder.push(Buffer.from(`${wire}+second\r\nmalformed`))).toBe(undefined)
      expect(decoder.push(Buffer.from("+third\r\n"))).toBe(undefined)
      expect(seen).toHaveLength(handler === "binary" ? 0 : 1)
    })

    it("called between chunks forgets what was started", () => {
      for (const start of ["+OK", "+OK\r", "$5\r\nhel", "*2\r\n:1\r\n", "$5\r\n"]) {
        const { decoder, deliveries } = make()
        decoder.push(Buffer.from(start))
        decoder.stop()
        expect(decoder.push(Buffer.from("\nlo\r\n+OK\r\n:1\r\n"))).toBe(undefined)
        expect(deliveries).toStrictEqual([])
      }
    })
  })

  describe("does its work once", () => {
    /** A chunk that counts how often one of its bytes is looked at. */
    const counted = (bytes: Buffer, count: () => void): Buffer =>
      new Proxy(bytes, {
        get: (target, key) => {
          if (typeof key === "string" && /^\d+$/.test(key)) count()
          const value: unknown = Reflect.get(target, key, target)
          return typeof value === "function" ? value.bind(target) : value
        }
      })

    it("and looks at each byte of a stream a few times at most, whatever the chunking", () => {
      const inner = "*3\r\n:123456\r\n$11\r\nhello world\r\n+simple string\r\n"
      const bytes = Buffer.from("*500\r\n" + inner.repeat(500))
      for (const size of [1, 2, 7, 100, 4096, bytes.length]) {
        let looks = 0
        const { decoder, replies } = make()
        for (let at = 0; at < bytes.length; at += size) {
          decoder.push(counted(Buffer.from(bytes.subarray(at, at + size)), () => looks++))
        }
        expect(replies()).toHaveLength(1)
        expect(looks).toBeLessThan(3 * bytes.length)
      }
    })

    it("so that an array of 512 KiB that comes byte by byte comes to an end", () => {
      const count = 2 ** 16
      const { feed, replies } = make()
      expect(feed(`*${count}\r\n` + "$2\r\nab\r\n".repeat(count), 1)).toBe(undefined)
      expect(replies()).toStrictEqual([Array.from({ length: count }, () => "ab")])
    }, 60_000)

    it("so that a line of 1 MB and a string of 1 MB that come byte by byte come to an end", () => {
      const text = "x".repeat(2 ** 20)
      const { feed, replies } = make({ maxLineLength: 2 ** 21 })
      expect(feed(`+${text}\r\n$${text.length}\r\n${text}\r\n`, 1)).toBe(undefined)
      expect(replies().map((reply) => reply === text)).toStrictEqual([true, true])
    }, 60_000)

    it("so that a string of 64 MB in chunks of 64 KiB comes to an end", () => {
      const length = 2 ** 26
      const { decoder, replies } = make({ binary: () => true })
      const chunk = Buffer.alloc(2 ** 16, "x")
      decoder.push(Buffer.from(`$${length}\r\n`))
      for (let sent = 0; sent < length; sent += chunk.length) decoder.push(chunk)
      expect(decoder.push(Buffer.from("\r\n"))).toBe(undefined)
      expect(replies()).toHaveLength(1)
      expect(Buffer.alloc(length, "x").equals(replies()[0] as Buffer)).toBe(true)
    }, 60_000)
  })
})
