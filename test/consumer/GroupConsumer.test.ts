import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Command } from "../../src/commands/Command.ts"
import { decodeReply } from "../../src/commands/Command.ts"
import { forms } from "../../src/consumer/EntryForm.ts"
import { GroupConsumer } from "../../src/consumer/GroupConsumer.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import { ClosedError, exception, type Outcome, type RedisClusterException } from "../../src/RedisClusterException.ts"

const closed = (outcome: Outcome) => exception(() => new ClosedError({ message: "closed", outcome }))

type Answer = Reply | RedisClusterException

const isFailure = (answer: Answer): answer is RedisClusterException =>
  typeof answer === "object" && answer !== null && "reason" in answer

const page = (...ids: ReadonlyArray<string>): Reply => [["orders", ids.map((id) => [id, ["item", "tea"]])]]

const pendingOnce = (...ids: ReadonlyArray<string>): Reply => ids.map((id) => [id, "c", 0, 2])

/** A consumer whose commands are answered in turns, and what it asks: the id behind each stream. */
const consumerWith = (...answers: ReadonlyArray<Answer>) => {
  const left = [...answers]
  const asked: Array<string> = []
  const execute = <A>(command: Command<A>): Effect.Effect<A, RedisClusterException> =>
    Effect.suspend(() => {
      asked.push(`${command.spec.name} ${String(command.args.at(-1))}`)
      const answer = left.shift() ?? null
      // The decoder gives the type of the command.
      return isFailure(answer) ? Effect.fail(answer) : Effect.succeed(decodeReply(command, answer) as A)
    })
  const settings = {
    group: "g",
    consumer: "c",
    createFrom: undefined,
    count: 10,
    block: 10,
    claim: undefined,
    form: forms.text
  }
  return { consumer: new GroupConsumer(execute, ["orders"], settings), asked }
}

const given = (consumer: GroupConsumer<unknown>) =>
  Effect.gen(function*() {
    yield* consumer.load
    const entries: Array<readonly [string, boolean, number]> = []
    while (consumer.hasEntries) {
      const entry = yield* consumer.give
      if (entry !== undefined) entries.push([entry.id, entry.redelivered, entry.deliveries])
    }
    return entries
  })

describe("The consumer of a slot", () => {
  it.live("reads on when a node left while it owed an answer", () =>
    Effect.gen(function*() {
      const { consumer } = consumerWith(closed("Unknown"), page("1-1"), pendingOnce("1-1"))
      assert.deepStrictEqual(yield* given(consumer), [["1-1", true, 2]])
    }))

  it.live("ends when the client is closed", () =>
    Effect.gen(function*() {
      const { consumer } = consumerWith(closed("Unknown"), closed("NotExecuted"))
      const error = yield* Effect.flip(consumer.load)
      assert.strictEqual(error.outcome, "NotExecuted")
    }))

  it.live("asks after a lost reply for what is pending behind the last entry that was given, and for nothing before it", () =>
    Effect.gen(function*() {
      const { asked, consumer } = consumerWith(
        ...[null, page("1-1", "1-2"), closed("Unknown"), page("1-3"), pendingOnce("1-3"), null, page("1-4")]
      )
      assert.deepStrictEqual(yield* given(consumer), [["1-1", false, 1], ["1-2", false, 1]])
      assert.deepStrictEqual(yield* given(consumer), [["1-3", true, 2]])
      assert.deepStrictEqual(yield* given(consumer), [["1-4", false, 1]])
      assert.deepStrictEqual(asked, [
        ...["XREADGROUP 0-0", "XREADGROUP >", "XREADGROUP >", "XREADGROUP 1-2", "XPENDING c", "XREADGROUP 1-3"],
        "XREADGROUP >"
      ])
    }))

  it.live("gives whatever the server delivers as new, also ids that it has delivered before", () =>
    Effect.gen(function*() {
      const { consumer } = consumerWith(null, page("1-1", "1-2"), page("1-1", "1-2"))
      const once: Array<readonly [string, boolean, number]> = [["1-1", false, 1], ["1-2", false, 1]]
      assert.deepStrictEqual(yield* given(consumer), once)
      assert.deepStrictEqual(yield* given(consumer), once)
    }))
})
