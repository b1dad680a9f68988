import { Sets } from "../../../src/commands/Sets.ts"
import { isList, type Sample } from "./Sample.ts"

const set = [["SADD", "{t}s", "1", "2"], ["SADD", "{t}u", "2", "3"]]
const single = [["SADD", "{t}s", "a"]]

const teams = [Sets.sadd("{team}:a", ["ada", "bob"]), Sets.sadd("{team}:b", ["bob", "eve"])]
const bag = [Sets.sadd("bag", "ball")]

export const sets: ReadonlyArray<Sample> = [
  { name: "sadd", command: Sets.sadd("{team}:a", ["bob", "joe"]), prepare: teams, expected: 1 },
  { name: "sadd of numbers", command: Sets.sadd("{t}s", ["2", 3]), prepare: set, expected: 1 },
  { name: "scard", command: Sets.scard("{team}:a"), prepare: teams, expected: 2 },
  { name: "sdiff", command: Sets.sdiff(["{team}:a", "{team}:b"]), prepare: teams, expected: ["ada"] },
  {
    name: "sdiffstore",
    command: Sets.sdiffstore("{team}:only", ["{team}:a", "{team}:b"]),
    prepare: teams,
    expected: 1
  },
  { name: "sinter", command: Sets.sinter(["{team}:a", "{team}:b"]), prepare: teams, expected: ["bob"] },
  { name: "sintercard", command: Sets.sintercard(["{team}:a", "{team}:b"], { limit: 5 }), prepare: teams, expected: 1 },
  {
    name: "sinterstore",
    command: Sets.sinterstore("{team}:both", ["{team}:a", "{team}:b"]),
    prepare: teams,
    expected: 1
  },
  { name: "sismember", command: Sets.sismember("{team}:a", "ada"), prepare: teams, expected: true },
  { name: "sismember of a number", command: Sets.sismember("{t}s", 1), prepare: set, expected: true },
  { name: "smembers", command: Sets.smembers("bag"), prepare: bag, expected: ["ball"] },
  { name: "smembers of numbers", command: Sets.smembers("{t}s"), prepare: set, expected: ["1", "2"] },
  { name: "smismember", command: Sets.smismember("{team}:a", ["ada", "joe"]), prepare: teams, expected: [true, false] },
  { name: "smismember of numbers", command: Sets.smismember("{t}s", [1, 9]), prepare: set, expected: [true, false] },
  { name: "smove", command: Sets.smove("{team}:a", "{team}:b", "ada"), prepare: teams, expected: true },
  { name: "smove of a number", command: Sets.smove("{t}s", "{t}u", 1), prepare: set, expected: true },
  { name: "spop", command: Sets.spop("bag"), prepare: bag, expected: "ball" },
  { name: "spop with count", command: Sets.spop("{t}s", 2), prepare: single, expected: ["a"] },
  { name: "srandmember", command: Sets.srandmember("bag"), prepare: bag, expected: "ball" },
  { name: "srandmember of a missing key", command: Sets.srandmember("{t}s"), expected: null },
  { name: "srandmember with count", command: Sets.srandmember("{t}s", -2), prepare: single, expected: ["a", "a"] },
  { name: "srem", command: Sets.srem("{team}:a", ["ada", "joe"]), prepare: teams, expected: 1 },
  { name: "srem of numbers", command: Sets.srem("{t}s", [1, 5]), prepare: set, expected: 1 },
  {
    name: "sscan",
    command: Sets.sscan("bag", "0", { match: "b*" }),
    prepare: bag,
    expected: { cursor: "0", items: ["ball"] }
  },
  {
    name: "sscan of numbers",
    command: Sets.sscan("{t}s", "0", { match: "*" }),
    prepare: set,
    expected: { cursor: "0", items: ["1", "2"] }
  },
  {
    name: "sunion",
    command: Sets.sunion(["{team}:a", "{team}:b"]),
    prepare: teams,
    unstable: (value) => isList(value) && String(value.toSorted()) === "ada,bob,eve",
    shown: "[\"ada\", \"bob\", \"eve\"]"
  },
  { name: "sunion of numbers", command: Sets.sunion(["{t}s", "{t}u"]), prepare: set, expected: ["1", "2", "3"] },
  {
    name: "sunionstore",
    command: Sets.sunionstore("{team}:all", ["{team}:a", "{team}:b"]),
    prepare: teams,
    expected: 3
  },
  { name: "sunionstore of one", command: Sets.sunionstore("{t}d", "{t}s"), prepare: set, expected: 2 }
]
