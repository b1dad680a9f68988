import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DecodeFailure } from "../../src/commands/decode.ts"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import { moduleSamples } from "../modules/samples.ts"
import { notRun, samples } from "./samples.ts"

/** Everything that a value consists of. */
const leaves = (value: unknown): ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [value]
  if (value instanceof DecodeFailure || value instanceof ServerError) return [value]
  if (value instanceof Map) return [...value].flat().flatMap(leaves)
  return (value instanceof Set ? [...value] : Object.values(value)).flatMap(leaves)
}

const error = new ServerError("ERR no")

const word = fc.constantFrom("garbage", "", "id=", "a=b c=d", "-", "1.5x", "x:y\nz", "BUMPED")
const scalar: fc.Arbitrary<Reply> = fc.oneof(
  word,
  fc.constantFrom<Reply>(null, true, 3, 7n, error, new Uint8Array([255]))
)
const garbage = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("reply"), { maxLength: 4 }),
    fc.array(fc.tuple(word, tie("reply")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie("reply"), { maxLength: 3 }).map((elements) => new Set(elements))
  )
})).reply

const commands = [
  ...samples,
  ...moduleSamples,
  ...Object.entries(notRun).map(([name, { command }]) => ({ name, command }))
]

describe.each(commands)("$name", ({ command }) => {
  it("invents no number out of what it does not understand, and throws at no reply", () => {
    fc.assert(
      fc.property(garbage, (reply) => {
        const value: unknown = command.decode(reply)
        if (value instanceof DecodeFailure) return
        expect(leaves(value)).not.toContain(NaN)
      }),
      { numRuns: 30 }
    )
  })

  it("makes a value of no word that it does not expect", () => {
    const value: unknown = command.decode("garbage")
    if (value instanceof DecodeFailure) return
    for (const leaf of leaves(value)) expect(typeof leaf).toBe("string")
  })

  it("lets no error through as a part of its value", () => {
    for (const reply of [error, [error, error], new Map([["name", error]]), [["name", error]], ["name", error]]) {
      const value: unknown = command.decode(reply)
      // A caller that asks for replies without a decoder gets them unchanged.
      if (value === reply || value instanceof DecodeFailure) continue
      expect(leaves(value)).not.toContain(error)
    }
  })
})
