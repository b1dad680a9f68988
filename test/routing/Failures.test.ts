/**
 * The messages of errors, without a network.
 */
import { assert, describe, it } from "@effect/vitest"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import type { Diagnosis } from "../../src/routing/request/Diagnosis.ts"
import * as Failures from "../../src/routing/request/Failures.ts"

const lost = (written: boolean): Diagnosis => ({
  _tag: "Lost",
  failure: { kind: "connection", message: "the socket was closed" },
  written
})

/** A command of which an earlier attempt was lost on the wire, or none. */
const failed = (maybeExecuted: boolean): Failures.FailedCommand => ({
  command: Strings.get("key"),
  connection: { address: "127.0.0.1:7000" },
  slot: 12539,
  attempts: maybeExecuted ? 2 : 1,
  retryState: maybeExecuted ? { hops: [], lastFailure: lost(true), maybeExecuted, redirects: 0 } : undefined
})

const unsent: ReadonlyArray<readonly [string, (command: Failures.FailedCommand) => RedisClusterException]> = [
  ["a deadline", (command) => Failures.timedOut(command, 5000, false)],
  ["a lost connection", (command) => Failures.fromFailure(command, lost(false))],
  ["a closed client", Failures.closed],
  ["a lost dedicated connection", (command) => Failures.dedicatedLost(command, "the socket was closed", false)],
  [
    "a pool without a free connection",
    (command) => Failures.noDedicatedConnection(command, 5000, "127.0.0.1:7000", { inUse: 1, max: 1 })
  ]
]

describe("The message of an error about a command that was not sent", () => {
  it.each(unsent)("agrees with the outcome after an earlier attempt may have been executed: %s", (_, errorOf) => {
    const doubtful = errorOf(failed(true))
    assert.strictEqual(doubtful.outcome, "Unknown")
    assert.include(doubtful.message, "not sent this time, but an earlier attempt may have been executed")

    const certain = errorOf(failed(false))
    assert.strictEqual(certain.outcome, "NotExecuted")
    assert.include(certain.message, "the command was not sent")
    assert.notInclude(certain.message, "may have been executed")
  })

  it("says that the deadline passed before the command was sent, and not that a reply is missing", () => {
    assert.match(Failures.timedOut(failed(false), 5000, false).message, /^GET on .* could not be sent within 5000 ms;/)
    assert.match(Failures.timedOut(failed(false), 5000, true).message, /^GET on .* was not answered within 5000 ms;/)
  })
})
