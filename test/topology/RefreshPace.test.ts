import { assert, describe, it } from "@effect/vitest"
import { pauseBeforeLook, RefreshPace } from "../../src/topology/RefreshPace.ts"

/** When questions are asked that are wanted all the time, until `end`. */
const times = (pace: RefreshPace, end: number, news: (time: number) => boolean = () => false): Array<number> => {
  const asked: Array<number> = []
  for (let time = 0; time <= end; time = pace.nextAt(time)) {
    asked.push(time)
    pace.asked(time)
    if (news(time)) pace.renew()
    else pace.fruitless()
  }
  return asked
}

describe("The pace of refreshes", () => {
  it("asks the first question at once", () => {
    assert.strictEqual(new RefreshPace(100, () => 0).nextAt(5), 5)
  })

  it("doubles the pause while nothing changes, up to less than two seconds", () => {
    const asked = times(new RefreshPace(100, () => 0), 12_000)
    const pauses = asked.slice(1).map((time, i) => time - asked[i])
    assert.deepStrictEqual(pauses, [200, 400, 800, 1600, 1950, 1950, 1950, 1950])
  })

  it("asks at most 7 times in 2 seconds and 14 times in 17, whatever chance says", () => {
    for (const chance of [0, 0.5, 0.999]) {
      assert.isAtMost(times(new RefreshPace(100, () => chance), 2000).length, 7)
      assert.isAtMost(times(new RefreshPace(100, () => chance), 17_000).length, 14)
    }
  })

  it("begins with the shortest pause again after news", () => {
    const asked = times(new RefreshPace(100, () => 0), 4000, (time) => time === 1400)
    assert.deepStrictEqual(asked, [0, 200, 600, 1400, 1500, 1700, 2100, 2900])
  })

  it("counts the answers in a row that brought nothing new", () => {
    const pace = new RefreshPace(100, () => 0)
    assert.strictEqual(pace.fruitlessAnswers, 0)
    pace.fruitless()
    pace.fruitless()
    assert.strictEqual(pace.fruitlessAnswers, 2)
    pace.renew()
    assert.strictEqual(pace.fruitlessAnswers, 0)
  })

  it("differs from client to client", () => {
    const [early, late] = [1, 0].map((chance) => times(new RefreshPace(100, () => chance), 10_000).at(-1))
    assert.notStrictEqual(early, late)
  })

  it("never asks more often than the shortest pause, however long that is", () => {
    const asked = times(new RefreshPace(5000, () => 1), 30_000)
    const pauses = asked.slice(1).map((time, i) => time - asked[i])
    assert.isAtLeast(Math.min(...pauses), 5000)
  })
})

describe("Further looks", () => {
  it("come soon, then less often, and end", () => {
    const pauses: Array<number> = []
    for (let taken = 0;; taken++) {
      const pause = pauseBeforeLook(taken, 0)
      if (pause === undefined) break
      pauses.push(pause)
    }
    assert.isAtMost(pauses[0], 1000)
    assert.isAtMost(Math.max(...pauses.slice(0, 5)), 2000)
    assert.deepStrictEqual(pauses.toSorted((a, b) => a - b), pauses)
    assert.isBelow(pauses.length, 10)
  })
})
