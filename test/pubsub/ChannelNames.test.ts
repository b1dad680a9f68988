/**
 * The channels that a program names: every form is read, and what is no channel is refused with the form that is meant.
 */
import { assert, describe, it } from "@effect/vitest"
import { type ChannelNames, listsOf, namesOf } from "../../src/pubsub/ChannelNames.ts"
import { optionNames } from "../../src/pubsub/Subscription.ts"

const read = (given: unknown) => {
  const names = namesOf(given as ChannelNames, optionNames)
  return typeof names === "string" ? names : listsOf(names)
}

describe("The channels of a subscription", () => {
  const nothing = { channels: [], patterns: [], shardChannels: [] }

  it("are one classic channel, a list of them, or channels by their kind", () => {
    assert.deepStrictEqual(read("a"), { ...nothing, channels: ["a"] })
    assert.deepStrictEqual(read(["a", "b"]), { ...nothing, channels: ["a", "b"] })
    assert.deepStrictEqual(read({ patterns: "a*" }), { ...nothing, patterns: ["a*"] })
    assert.deepStrictEqual(
      read({ channels: ["a"], patterns: undefined, shardChannels: ["b", "c"] }),
      { ...nothing, channels: ["a"], shardChannels: ["b", "c"] }
    )
  })

  it("count once, each kind by itself", () => {
    assert.deepStrictEqual(
      read({ channels: ["a", "a"], patterns: ["a", "a"] }),
      { ...nothing, channels: ["a"], patterns: ["a"] }
    )
  })

  it("are named as the server repeats them", () => {
    assert.deepStrictEqual(read("\ud800"), { ...nothing, channels: ["\ufffd"] })
  })

  it("are refused with the word that is meant", () => {
    assert.match(String(read([])), /nothing to subscribe to/)
    assert.match(String(read({})), /nothing to subscribe to/)
    assert.match(String(read({ patterns: [] })), /nothing to subscribe to/)
    assert.match(String(read({ channel: "a" })), /no option "channel"; channels is meant/)
    assert.match(String(read({ channels: "a", bufferSize: 1 })), /the second argument with bufferSize is meant/)
    assert.match(String(read({ channels: 1 })), /channels has to be text, or a list of texts/)
    assert.match(String(read([1])), /channels has to be text, or a list of texts/)
    assert.match(String(read(null)), /channels have to be text/)
    assert.match(String(read(undefined)), /channels have to be text/)
    assert.match(String(read(7)), /channels have to be text/)
  })
})
