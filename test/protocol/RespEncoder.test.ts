import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { LargeText } from "../../src/protocol/LargeText.ts"
import type { Argument } from "../../src/protocol/Reply.ts"
import { type EncodedBatch, RespEncoder } from "../../src/protocol/RespEncoder.ts"

const bytesOf = (batch: EncodedBatch): Buffer =>
  typeof batch === "string"
    ? Buffer.from(batch, "latin1")
    : Buffer.concat(batch.map((chunk) => chunk instanceof LargeText ? chunk.bytes : chunk))

/** Reads commands as a server does: arrays of bulk strings, nothing else. */
const parse = (bytes: Buffer): Array<Array<Buffer>> => {
  let at = 0
  const number = (mark: string): number => {
    const end = bytes.indexOf("\r\n", at)
    const line = bytes.toString("latin1", at, end)
    expect(line).toMatch(/^[*$](?:0|[1-9][0-9]*)$/)
    expect(line[0]).toBe(mark)
    at = end + 2
    return Number(line.slice(1))
  }
  const commands: Array<Array<Buffer>> = []
  while (at < bytes.length) {
    commands.push(Array.from({ length: number("*") }, () => {
      const length = number("$")
      const word = bytes.subarray(at, at + length)
      expect(word).toHaveLength(length)
      expect(bytes.toString("latin1", at + length, at + length + 2)).toBe("\r\n")
      at += length + 2
      return word
    }))
  }
  return commands
}

const prefix = (count: number): string => `*${count + 1}\r\n$4\r\nECHO\r\n`

const encode = (commands: ReadonlyArray<ReadonlyArray<Argument>>) => {
  const encoder = new RespEncoder()
  for (const args of commands) encoder.push(prefix(args.length), args)
  const size = encoder.size
  return { encoder, size, batch: encoder.take() }
}

const roundtrip = (commands: ReadonlyArray<ReadonlyArray<Argument>>): void => {
  const { batch, encoder, size } = encode(commands)
  const bytes = bytesOf(batch)
  expect(size).toBe(bytes.length)
  expect(parse(bytes)).toStrictEqual(
    commands.map((args) => [Buffer.from("ECHO"), ...args.map((argument) => Buffer.from(argument as string))])
  )
  expect(encoder.size).toBe(0)
  expect(encoder.take()).toBe("")
}

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  // Any code units, lone surrogates among them.
  fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff })), { maxLength: 40 })
    .map((units) => String.fromCharCode(...units)),
  fc.tuple(
    fc.constantFrom("a", "ü", "\ud800", "\udc00", "😀"),
    fc.constantFrom(1, 19, 20, 21, 1024, 1025, 8191, 8192, 9000)
  )
    .map(([unit, count]) => unit.repeat(count))
)

const binary = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.tuple(fc.nat({ max: 255 }), fc.constantFrom(1023, 1024, 5000)).map(([byte, length]) =>
    new Uint8Array(length).fill(byte)
  )
)

describe("RespEncoder", () => {
  it("writes any text and any bytes so that a server reads the same", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.oneof(text, binary), { maxLength: 5 }), { maxLength: 5 }), roundtrip),
      { numRuns: 500 }
    )
  })

  it("makes one byte string of small arguments, text and bytes alike", () => {
    const { batch } = encode([["key", "value"], ["grün", new Uint8Array([0, 128, 255])]])
    expect(batch).toBe(
      "*3\r\n$4\r\nECHO\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*3\r\n$4\r\nECHO\r\n$5\r\ngr\u00c3\u00bcn\r\n$3\r\n\u0000\u0080\u00ff\r\n"
    )
  })

  it("sends a lone surrogate as the replacement character, also next to its other half in the next argument", () => {
    const { batch } = encode([["\ud83d", "\ude00"]])
    expect(parse(bytesOf(batch))).toStrictEqual([[Buffer.from("ECHO"), Buffer.from("\uFFFD"), Buffer.from("\uFFFD")]])
  })

  it("passes large bytes on without a copy", () => {
    const large = new Uint8Array(1024).fill(7)
    const { batch } = encode([["key", large], ["key", "value"]])
    expect(batch).toHaveLength(3)
    expect(batch[1]).toBe(large)
    roundtrip([["key", large], ["key", "value"]])
  })

  it("copies small bytes, so that the caller may change them", () => {
    const small = new Uint8Array([1, 2, 3])
    const encoder = new RespEncoder()
    encoder.push(prefix(1), [small])
    small.fill(9)
    expect(parse(bytesOf(encoder.take()))).toStrictEqual([[Buffer.from("ECHO"), Buffer.from([1, 2, 3])]])
  })

  it("sends the part of its memory that a view shows", () => {
    roundtrip([[new Uint8Array(new Uint8Array([1, 2, 3, 4, 5]).buffer, 1, 3), Buffer.from("abcdef").subarray(2, 4)]])
  })

  it("sends commands without arguments", () => {
    roundtrip([[], []])
  })

  it("starts anew after each take", () => {
    const encoder = new RespEncoder()
    for (const argument of ["first", new Uint8Array(2000), "x".repeat(10_000), "last"]) {
      encoder.push(prefix(1), [argument])
      expect(parse(bytesOf(encoder.take()))).toStrictEqual([[Buffer.from("ECHO"), Buffer.from(argument as string)]])
    }
  })

  it("splits what is too much for one string", () => {
    const commands = Array.from({ length: 500 }, (_, i) => ["key" + i, "x".repeat(8000)])
    expect(Array.isArray(encode(commands).batch)).toBe(true)
    roundtrip(commands)
  })

  describe("adds a command whole or not at all:", () => {
    const givenAway = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length)
      bytes.buffer.transfer()
      return bytes
    }

    it("one with an argument that cannot be sent is refused, and the others of the write are untouched", () => {
      const commands = fc.array(fc.array(fc.oneof(text, binary), { maxLength: 4 }), { maxLength: 6 })
      const broken = fc.constantFrom<unknown>(givenAway(3), givenAway(5000), 7, undefined, null)
      fc.assert(
        fc.property(commands, fc.array(fc.tuple(fc.nat(), fc.nat(), broken)), (all, faults) => {
          const encoder = new RespEncoder()
          const refused = new Set<number>()
          const spoiled: Array<ReadonlyArray<Argument>> = all.map((args) => [...args])
          for (const [which, where, argument] of faults) {
            if (all.length === 0) continue
            const i = which % all.length
            refused.add(i)
            spoiled[i] = [...all[i].slice(0, where % (all[i].length + 1)), argument as Argument, ...all[i]]
          }
          for (const [i, args] of spoiled.entries()) {
            const before = encoder.size
            const refusal = encoder.push(prefix(args.length), args)
            expect(refusal === undefined).toBe(!refused.has(i))
            if (refused.has(i)) expect(encoder.size).toBe(before)
          }
          expect(parse(bytesOf(encoder.take()))).toStrictEqual(
            all.filter((_, i) => !refused.has(i))
              .map((args) => [Buffer.from("ECHO"), ...args.map((argument) => Buffer.from(argument as string))])
          )
        }),
        { numRuns: 500 }
      )
    })

    it("everything after a size can be dropped, whatever it consists of", () => {
      fc.assert(
        fc.property(
          fc.array(fc.array(fc.oneof(text, binary), { maxLength: 4 }), { maxLength: 8 }),
          fc.nat(),
          (all, n) => {
            const kept = n % (all.length + 1)
            const encoder = new RespEncoder()
            for (const args of all.slice(0, kept)) encoder.push(prefix(args.length), args)
            const { size } = encoder
            for (const args of all.slice(kept)) encoder.push(prefix(args.length), args)
            encoder.truncate(size)
            encoder.push(prefix(1), ["last"])
            expect(parse(bytesOf(encoder.take()))).toStrictEqual(
              [...all.slice(0, kept), ["last"]].map((args) => [
                Buffer.from("ECHO"),
                ...args.map((argument) => Buffer.from(argument as string))
              ])
            )
          }
        ),
        { numRuns: 500 }
      )
    })

    it("empty bytes are no bytes that were given away", () => {
      roundtrip([[new Uint8Array(0), new Uint8Array(new ArrayBuffer(8), 8), Buffer.alloc(0)]])
    })
  })

  it("sends bytes of memory that others share or resize as they are at that moment", () => {
    for (const length of [10, 5000]) {
      const memory = new ArrayBuffer(length, { maxByteLength: 2 * length })
      const shared = new SharedArrayBuffer(length, { maxByteLength: 2 * length })
      const views = [new Uint8Array(memory).fill(1), new Uint8Array(shared).fill(2)]
      const encoder = new RespEncoder()
      encoder.push(prefix(2), views)
      memory.resize(1)
      shared.grow(2 * length)
      expect(parse(bytesOf(encoder.take()))).toStrictEqual([
        [Buffer.from("ECHO"), Buffer.alloc(length, 1), Buffer.alloc(length, 2)]
      ])
    }
  })
})
