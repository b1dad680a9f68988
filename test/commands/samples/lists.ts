import { Lists } from "../../../src/commands/Lists.ts"
import { type Sample } from "./Sample.ts"

const list = [["RPUSH", "{t}l", "3", "1", "2"]]

export const lists: ReadonlyArray<Sample> = [
  { name: "blmove", command: Lists.blmove("{t}l", "{t}m", "LEFT", "RIGHT", "1 second"), prepare: list, expected: "3" },
  {
    name: "blmove without an element",
    command: Lists.blmove("{t}l", "{t}m", "LEFT", "RIGHT", "10 millis"),
    expected: null
  },
  {
    name: "blmpop",
    command: Lists.blmpop("1 second", ["{t}x", "{t}l"], "RIGHT", { count: 2 }),
    prepare: list,
    expected: { key: "{t}l", elements: ["2", "1"] }
  },
  {
    name: "blpop",
    command: Lists.blpop(["{t}x", "{t}l"], "Infinity"),
    prepare: list,
    expected: { key: "{t}l", element: "3" }
  },
  { name: "brpop", command: Lists.brpop("{t}l", "10 millis"), expected: null },
  { name: "brpoplpush", command: Lists.brpoplpush("{t}l", "{t}m", "1 second"), prepare: list, expected: "2" },
  { name: "lindex", command: Lists.lindex("{t}l", -1), prepare: list, expected: "2" },
  { name: "linsert", command: Lists.linsert("{t}l", "BEFORE", 1, "x"), prepare: list, expected: 4 },
  { name: "llen", command: Lists.llen("{t}l"), prepare: list, expected: 3 },
  { name: "lmove", command: Lists.lmove("{t}l", "{t}m", "LEFT", "LEFT"), expected: null },
  { name: "lmpop", command: Lists.lmpop("{t}l", "LEFT"), prepare: list, expected: { key: "{t}l", elements: ["3"] } },
  {
    name: "lmpop with count",
    command: Lists.lmpop("{t}l", "RIGHT", { count: 2 }),
    prepare: list,
    expected: { key: "{t}l", elements: ["2", "1"] }
  },
  { name: "lmpop of nothing", command: Lists.lmpop(["{t}l"], "LEFT"), expected: null },
  { name: "lpop", command: Lists.lpop("{t}l"), prepare: list, expected: "3" },
  { name: "lpop with count", command: Lists.lpop("{t}l", 2), prepare: list, expected: ["3", "1"] },
  { name: "lpop with count of nothing", command: Lists.lpop("{t}l", 2), expected: null },
  { name: "lpos", command: Lists.lpos("{t}l", 2), prepare: list, expected: 2 },
  {
    name: "lpos with count",
    command: Lists.lpos("{t}l", "1", { rank: -1, count: 0, maxLength: 10 }),
    prepare: list,
    expected: [1]
  },
  { name: "lpush", command: Lists.lpush("{t}l", ["a", 1]), prepare: list, expected: 5 },
  { name: "lpushx", command: Lists.lpushx("{t}l", "a"), expected: 0 },
  { name: "lrange", command: Lists.lrange("{t}l", 0, -1), prepare: list, expected: ["3", "1", "2"] },
  { name: "lrem", command: Lists.lrem("{t}l", -1, 3), prepare: list, expected: 1 },
  { name: "lset", command: Lists.lset("{t}l", 0, "a"), prepare: list, expected: "OK" },
  { name: "ltrim", command: Lists.ltrim("{t}l", 0, 1), prepare: list, expected: "OK" },
  { name: "rpop", command: Lists.rpop("{t}l"), prepare: list, expected: "2" },
  { name: "rpoplpush", command: Lists.rpoplpush("{t}l", "{t}l"), prepare: list, expected: "2" },
  { name: "rpush", command: Lists.rpush("{t}l", new Uint8Array([1])), prepare: list, expected: 4 },
  { name: "rpushx", command: Lists.rpushx("{t}l", ["a", "b"]), prepare: list, expected: 5 }
]
