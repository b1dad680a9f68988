import { assert, describe, it } from "@effect/vitest"
import { Deadlines } from "../../src/internal/Deadlines.ts"

describe("Deadlines", () => {
  it("gives what has passed, the earliest first, and not more than is asked for", () => {
    const deadlines = new Deadlines<string>()
    deadlines.add("later", 30)
    deadlines.add("second", 20.5)
    deadlines.add("first", 10)
    deadlines.add("also second", 20.9)
    assert.strictEqual(deadlines.next, 10)
    assert.deepStrictEqual(deadlines.takePassed(9.9, 10), [])
    assert.deepStrictEqual(deadlines.takePassed(21, 2), ["first", "second"])
    assert.strictEqual(deadlines.next, 21)
    assert.deepStrictEqual(deadlines.takePassed(21, 2), ["also second"])
    assert.strictEqual(deadlines.next, 30)
    assert.deepStrictEqual(deadlines.takePassed(30, 2), ["later"])
    assert.strictEqual(deadlines.next, Number.POSITIVE_INFINITY)
  })

  it("is never earlier than a deadline, and less than a millisecond later", () => {
    const deadlines = new Deadlines<string>()
    deadlines.add("one", 10.25)
    assert.deepStrictEqual(deadlines.takePassed(10.2, 1), [])
    assert.strictEqual(deadlines.next, 11)
    assert.deepStrictEqual(deadlines.takePassed(11, 1), ["one"])
  })

  it("keeps nothing of what was removed, and no deadline that never passes", () => {
    const deadlines = new Deadlines<string>()
    deadlines.add("gone", 10)
    deadlines.add("endless", Number.POSITIVE_INFINITY)
    deadlines.remove("gone", 10)
    deadlines.remove("unknown", 10)
    assert.strictEqual(deadlines.size, 0)
    assert.strictEqual(deadlines.next, Number.POSITIVE_INFINITY)
  })
})
