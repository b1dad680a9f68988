import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Fifo } from "../../src/internal/Fifo.ts"

type Step =
  | { readonly step: "push"; readonly count: number }
  | { readonly step: "shift"; readonly count: number }
  | { readonly step: "filter"; readonly divisor: number }
  | { readonly step: "takeAll" }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ step: fc.constant("push" as const), count: fc.nat(40) }),
  fc.record({ step: fc.constant("shift" as const), count: fc.nat(40) }),
  fc.record({ step: fc.constant("filter" as const), divisor: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ step: fc.constant("takeAll" as const) })
)

describe("Fifo", () => {
  it("does what an array does, whatever happens in whatever order", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const fifo = new Fifo<number>()
      let model: Array<number> = []
      let next = 0
      for (const one of steps) {
        switch (one.step) {
          case "push":
            for (let i = 0; i < one.count; i++) {
              model.push(next)
              fifo.push(next++)
            }
            break
          case "shift":
            for (let i = 0; i < one.count; i++) expect(fifo.shift()).toBe(model.shift())
            break
          case "filter":
            model = model.filter((value) => value % one.divisor !== 0)
            fifo.filter((value) => value % one.divisor !== 0)
            break
          case "takeAll":
            expect(fifo.takeAll()).toStrictEqual(model)
            model = []
        }
        expect(fifo.size).toBe(model.length)
        expect(fifo.peek()).toBe(model[0])
      }
      expect(fifo.takeAll()).toStrictEqual(model)
    }))
  })
})
