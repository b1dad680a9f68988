/**
 * Random programs on a real cluster while random faults happen. A seed reproduces a run:
 *
 *     CHAOS_SEED=7 npm run test:chaos
 *
 * `CHAOS_SECONDS` says how long each of the two runs lasts; `CHAOS_ONLY` names faults by a part of their names.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run } from "./Run.ts"

const seconds = Number(process.env["CHAOS_SECONDS"] ?? 12)
const seed = Number(process.env["CHAOS_SEED"] ?? 1 + Math.floor(Math.random() * 1e6))
const only = process.env["CHAOS_ONLY"]

const judge = (lossy: boolean) =>
  Effect.gen(function*() {
    const report = yield* run({ seed, millis: seconds * 1000, lossy, only })
    console.log(
      `seed ${seed}: ${report.calls} calls, failures ${JSON.stringify(report.failures)}, ` +
        `${
          JSON.stringify(report.residents)
        }, ${report.topologyCalls} topology calls, p99 on healthy shards ${report.healthyP99} ms (own lag ${report.lag} ms)\n  ${
          report.faults.join("\n  ")
        }`
    )
    assert.strictEqual(report.violations.slice(0, 5).join("\n\n"), "", `CHAOS_SEED=${seed}`)
    assert.isAbove(report.calls, seconds * 100)
  })

describe("A client under fire", () => {
  it.live("fits every law while nothing is lost by the servers", () => judge(false), seconds * 1000 + 120_000)

  it.live(
    "executes nothing twice while the servers lose what they had acknowledged",
    () => judge(true),
    seconds * 1000 + 120_000
  )
})
