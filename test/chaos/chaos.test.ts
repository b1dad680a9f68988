/**
 * Random programs on a real cluster while random faults happen. A seed reproduces a run:
 *
 *     CHAOS_SEED=7 npm run test:chaos
 *
 * `CHAOS_SECONDS` says how long the faults of each of the two runs last; `CHAOS_ONLY` names faults by a part of their names.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Report, run } from "./Run.ts"

const seconds = Number(process.env["CHAOS_SECONDS"] ?? 11)
const seed = Number(process.env["CHAOS_SEED"] ?? 1 + Math.floor(Math.random() * 1e6))
const only = process.env["CHAOS_ONLY"]

const mebibytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)

const describeReport = (
  { calm, evidence, faults, fibers, fire, holdings, lag, memory, topologyCalls }: Report
): string =>
  [
    `seed ${seed}: ${calm.calls} calls in the calm, ${fire.calls} under fire; own lag ${lag} ms`,
    `p99 on healthy shards: ${calm.healthyP99} ms in the calm, ${fire.healthyP99} ms under fire, ` +
    `${fire.besideBursts.p99} ms beside bursts, when the machine was late by ${fire.besideBursts.lag.toFixed(1)} ms`,
    `failures: ${JSON.stringify(fire.failures)}`,
    `residents: ${JSON.stringify(fire.residents)}; ${topologyCalls} topology calls`,
    `seen: ${JSON.stringify(evidence)}`,
    `held: ${JSON.stringify(holdings)}; ${fibers} fibers were started`,
    `memory: ${mebibytes(memory.calm)} MiB before the faults, ${mebibytes(memory.fire)} MiB after them, ` +
    `${mebibytes(memory.closed)} MiB when the client had closed`,
    `${faults.length} faults:`,
    ...faults
  ].join("\n  ")

const judge = (lossy: boolean) =>
  Effect.gen(function*() {
    const report = yield* run({ seed, millis: seconds * 1000, lossy, only })
    console.log(describeReport(report))
    assert.strictEqual(report.violations.slice(0, 5).join("\n\n"), "", `CHAOS_SEED=${seed}`)
    assert.isAbove(report.fire.calls, seconds * 100)
  })

describe("A client under fire", { tags: ["long"] }, () => {
  it.live("fits every law while nothing is lost by the servers", () => judge(false), seconds * 1000 + 120_000)

  it.live(
    "executes nothing twice while the servers lose what they had acknowledged",
    () => judge(true),
    seconds * 1000 + 120_000
  )
})
