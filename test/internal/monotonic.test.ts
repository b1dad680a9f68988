import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Fs from "node:fs"
import {
  momentOf,
  monotonicMillis,
  settle,
  steadyTimeOfDay,
  timeOfDayAt,
  timeOfDayUntil
} from "../../src/internal/monotonic.ts"
import * as SteppedClock from "../harness/SteppedClock.ts"

describe("Intervals", () => {
  it("are measured by no file with the time of day", () => {
    // The helper itself, the servers of TestCluster, whose keys expire at a time of day, and entries that tell other
    // processes when they expire. The command line shows the time of day, and compares the clocks of servers.
    const mayTellTime = new Set([
      "internal/monotonic.ts",
      "testing/Gate.ts",
      "testing/TestCluster.ts",
      "aside/Aside.ts",
      "cli/commands/Topology.ts",
      "cli/doctor/Gather.ts",
      "cli/sampler/Sampler.ts"
    ])
    const root = new URL("../../src/", import.meta.url)
    const offenders = Fs.readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !mayTellTime.has(file.replaceAll("\\", "/")))
      .filter((file) =>
        // Without the examples in docstrings.
        /currentTimeMillis|\bDate\.now\b|\bnew Date\(\)/.test(
          Fs.readFileSync(new URL(file, root), "utf8").replaceAll(/^ *\/?\*.*$/gm, "")
        )
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

  it.live("are shown as spans that leave nothing out, in the whole milliseconds of clocks", () =>
    Effect.gen(function*() {
      const own = yield* Effect.clockWith(Effect.succeed)
      /** A clock at a time with a fraction, which shows whole milliseconds. */
      const at = (millis: number): typeof own => ({
        currentTimeMillisUnsafe: () => Math.floor(millis),
        currentTimeMillis: Effect.succeed(Math.floor(millis)),
        currentTimeNanosUnsafe: () => BigInt(Math.floor(millis * 1e6)),
        currentTimeNanos: Effect.succeed(BigInt(Math.floor(millis * 1e6))),
        monotonicTimeNanosUnsafe: () => BigInt(Math.round(millis * 1e6)),
        monotonicTimeNanos: Effect.succeed(BigInt(Math.round(millis * 1e6))),
        sleep: own.sleep
      })
      for (let past = 1000; past < 1003; past += 0.1) {
        for (let now = past; now < past + 3; now += 0.1) {
          assert.isAtMost(timeOfDayAt(at(now), past), Math.floor(past))
          assert.isAtLeast(timeOfDayUntil(at(now), past), Math.floor(past))
        }
      }
    }))
})

describe("The moment that calls share", () => {
  const nextTask = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))

  it.live("is one for all calls of a task, and its time is that of the end of the task", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clockWith(Effect.succeed)
      const first = momentOf(clock)
      const from = first.millis
      while (monotonicMillis(clock) - from < 5);
      const last = momentOf(clock)
      const before = monotonicMillis(clock)
      yield* nextTask
      assert.strictEqual(last, first)
      assert.isAtLeast(first.millis, before)
      assert.isAtMost(first.millis, monotonicMillis(clock))
    }))

  it.live("does not outlive its task, even while the time of day stands still", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clockWith(Effect.succeed)
      const stopped = Date.now()
      const own = Date.now
      yield* Effect.addFinalizer(() => Effect.sync(() => (Date.now = own)))
      Date.now = () => stopped
      const first = momentOf(clock)
      yield* nextTask
      const at = monotonicMillis(clock)
      assert.isAtLeast(momentOf(clock).millis, at)
      assert.isAbove(at, first.millis)
    }))

  it.live("does not change any more once something relies on its time", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clockWith(Effect.succeed)
      const first = momentOf(clock)
      settle(first)
      const at = first.millis
      assert.notStrictEqual(momentOf(clock), first)
      yield* nextTask
      assert.strictEqual(first.millis, at)
    }))

  it.effect("is exact on a clock that a test moves", () =>
    Effect.gen(function*() {
      const clock = yield* Effect.clockWith(Effect.succeed)
      const first = momentOf(clock)
      yield* TestClock.adjust("5 millis")
      assert.strictEqual(momentOf(clock).millis, first.millis + 5)
    }))
})
