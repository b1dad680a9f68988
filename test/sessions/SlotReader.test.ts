import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Command } from "../../src/commands/Command.ts"
import { GroupConsumer } from "../../src/consumer/GroupConsumer.ts"
import { ClosedError, exception, type Outcome, type RedisClusterException } from "../../src/RedisClusterException.ts"

const closed = (outcome: Outcome) => exception(() => new ClosedError({ message: "closed", outcome }))

/** A reader whose first commands fail with these, and whose later ones find one pending entry. */
const readerAfter = (...failures: ReadonlyArray<RedisClusterException>) => {
  const left = [...failures]
  const execute = <A>(_command: Command<A>): Effect.Effect<A, RedisClusterException> =>
    Effect.suspend(() => {
      const failure = left.shift()
      const found = [{ key: "orders", entries: [{ id: "1-1", fields: { item: "tea" } }] }]
      // What XREADGROUP answers.
      return failure === undefined ? Effect.succeed(found as unknown as A) : Effect.fail(failure)
    })
  const options = { group: "g", consumer: "c", createFrom: undefined, count: 10, block: 10, claimIdle: 0 }
  return new GroupConsumer(execute, ["orders"], options)
}

describe("The reader of a slot", () => {
  it.live("reads on when a node left while it owed an answer", () =>
    Effect.gen(function*() {
      const entries = yield* readerAfter(closed("Unknown")).next
      assert.deepStrictEqual(entries.map(({ id, redelivered }) => [id, redelivered]), [["1-1", true]])
    }))

  it.live("ends when the client is closed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(readerAfter(closed("Unknown"), closed("NotExecuted")).next)
      assert.strictEqual(error.outcome, "NotExecuted")
    }))
})
