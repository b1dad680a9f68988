import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { monotonicMillis, steadyTimeOfDay, timeOfDayAt } from "../../src/internal/monotonic.ts"
import * as SteppedClock from "../harness/SteppedClock.ts"

describe("Intervals", () => {
  it("are measured by no file with the time of day", () => {
    // The helper itself, and the servers of TestCluster, whose keys expire at a time of day.
    const mayTellTime = new Set(["internal/monotonic.ts", "testing/Gate.ts", "testing/TestCluster.ts"])
    const root = new URL("../../src/", import.meta.url)
    const offenders = Fs.readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !mayTellTime.has(file.replaceAll("\\", "/")))
      .filter((file) =>
        /currentTimeMillis|\bDate\.now\b|\bnew Date\(\)/.test(Fs.readFileSync(new URL(file, root), "utf8"))
      )
    assert.deepStrictEqual(offenders, [])
  })

  it.live("of a clock that wraps that of the machine can be compared with the machine's own", () =>
    Effect.gen(function*() {
      const { clock } = yield* SteppedClock.make
      const own = yield* Effect.clockWith(Effect.succeed)
      assert.isBelow(Math.abs(monotonicMillis(clock) - monotonicMillis(own)), 1000)
    }))

  it.live("do not change when the time of day is set", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      const steady = steadyTimeOfDay(clock)
      const [at, shown] = [monotonicMillis(clock), steady()]
      step(-60_000)
      assert.isBelow(Math.abs(steady() - shown - (monotonicMillis(clock) - at)), 1)
      assert.isAtLeast(monotonicMillis(clock), at)
    }))

  it.live("are shown to people as times of day", () =>
    Effect.gen(function*() {
      const { clock } = yield* SteppedClock.make
      const at = monotonicMillis(clock)
      assert.isAtMost(Math.abs(timeOfDayAt(clock, at - 5000) - (clock.currentTimeMillisUnsafe() - 5000)), 50)
    }))
})
