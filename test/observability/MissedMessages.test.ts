/**
 * Gaps of many subscriptions, told as one event.
 */
import { assert, describe, it } from "vitest"
import type { MessagesMissed } from "../../src/observability/ClientEvent.ts"
import { MissedMessages } from "../../src/observability/MissedMessages.ts"

describe("Gaps that come of one loss", () => {
  it("are one event for each reason, with the earliest time and the number of subscriptions", async () => {
    const events: Array<MessagesMissed> = []
    const missed = new MissedMessages((event) => events.push(event))
    for (let i = 0; i < 300; i++) missed.add("ConnectionLost", 1000 - i)
    missed.add("Overflow", 5)
    await Promise.resolve()
    assert.deepStrictEqual(events, [
      { _tag: "MessagesMissed", reason: "ConnectionLost", from: 701, subscriptions: 300 },
      { _tag: "MessagesMissed", reason: "Overflow", from: 5, subscriptions: 1 }
    ])
    missed.add("Overflow", 9)
    await Promise.resolve()
    assert.strictEqual(events.length, 3)
  })
})
