import { Sets } from "../../../src/commands/Sets.ts"
import { type Sample } from "./Sample.ts"

const set = [["SADD", "{t}s", "1", "2"], ["SADD", "{t}u", "2", "3"]]
const single = [["SADD", "{t}s", "a"]]

export const sets: ReadonlyArray<Sample> = [
  { name: "sadd", command: Sets.sadd("{t}s", ["2", 3]), prepare: set, expected: 1 },
  { name: "scard", command: Sets.scard("{t}s"), prepare: set, expected: 2 },
  { name: "sdiff", command: Sets.sdiff(["{t}s", "{t}u"]), prepare: set, expected: ["1"] },
  { name: "sdiffstore", command: Sets.sdiffstore("{t}d", ["{t}s", "{t}u"]), prepare: set, expected: 1 },
  { name: "sinter", command: Sets.sinter(["{t}s", "{t}u"]), prepare: set, expected: ["2"] },
  { name: "sintercard", command: Sets.sintercard(["{t}s", "{t}u"], { limit: 5 }), prepare: set, expected: 1 },
  { name: "sinterstore", command: Sets.sinterstore("{t}d", ["{t}s", "{t}u"]), prepare: set, expected: 1 },
  { name: "sismember", command: Sets.sismember("{t}s", 1), prepare: set, expected: true },
  { name: "smembers", command: Sets.smembers("{t}s"), prepare: set, expected: ["1", "2"] },
  { name: "smismember", command: Sets.smismember("{t}s", [1, 9]), prepare: set, expected: [true, false] },
  { name: "smove", command: Sets.smove("{t}s", "{t}u", 1), prepare: set, expected: true },
  { name: "spop", command: Sets.spop("{t}s"), prepare: single, expected: "a" },
  { name: "spop with count", command: Sets.spop("{t}s", 2), prepare: single, expected: ["a"] },
  { name: "srandmember", command: Sets.srandmember("{t}s"), expected: null },
  { name: "srandmember with count", command: Sets.srandmember("{t}s", -2), prepare: single, expected: ["a", "a"] },
  { name: "srem", command: Sets.srem("{t}s", [1, 5]), prepare: set, expected: 1 },
  {
    name: "sscan",
    command: Sets.sscan("{t}s", "0", { match: "*" }),
    prepare: set,
    expected: { cursor: "0", items: ["1", "2"] }
  },
  { name: "sunion", command: Sets.sunion(["{t}s", "{t}u"]), prepare: set, expected: ["1", "2", "3"] },
  { name: "sunionstore", command: Sets.sunionstore("{t}d", "{t}s"), prepare: set, expected: 2 }
]
