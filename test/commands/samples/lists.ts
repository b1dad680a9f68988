import { Lists } from "../../../src/commands/Lists.ts"
import { type Sample } from "./Sample.ts"

const list = [["RPUSH", "{t}l", "3", "1", "2"]]

const tasks = [Lists.rpush("tasks", ["write", "test", "ship"])]
const jobs = [Lists.rpush("{jobs}:new", ["a", "b"])]

export const lists: ReadonlyArray<Sample> = [
  {
    name: "blmove",
    command: Lists.blmove("{jobs}:new", "{jobs}:busy", "LEFT", "RIGHT", "1 second"),
    prepare: jobs,
    expected: "a"
  },
  {
    name: "blmove without an element",
    command: Lists.blmove("{t}l", "{t}m", "LEFT", "RIGHT", "10 millis"),
    expected: null
  },
  {
    name: "blmpop",
    command: Lists.blmpop("1 second", ["{jobs}:urgent", "{jobs}:new"], "LEFT", { count: 2 }),
    prepare: jobs,
    expected: { key: "{jobs}:new", elements: ["a", "b"] }
  },
  {
    name: "blmpop from the right",
    command: Lists.blmpop("1 second", ["{t}x", "{t}l"], "RIGHT", { count: 2 }),
    prepare: list,
    expected: { key: "{t}l", elements: ["2", "1"] }
  },
  {
    name: "blpop",
    command: Lists.blpop(["{jobs}:urgent", "{jobs}:new"], "Infinity"),
    prepare: jobs,
    expected: { key: "{jobs}:new", element: "a" }
  },
  {
    name: "brpop",
    command: Lists.brpop("{jobs}:new", "1 second"),
    prepare: jobs,
    expected: { key: "{jobs}:new", element: "b" }
  },
  { name: "brpop without an element", command: Lists.brpop("{t}l", "10 millis"), expected: null },
  {
    name: "brpoplpush",
    command: Lists.brpoplpush("{jobs}:new", "{jobs}:busy", "1 second"),
    prepare: jobs,
    expected: "b"
  },
  { name: "lindex", command: Lists.lindex("tasks", -1), prepare: tasks, expected: "ship" },
  { name: "linsert", command: Lists.linsert("tasks", "BEFORE", "ship", "review"), prepare: tasks, expected: 4 },
  { name: "linsert before a number", command: Lists.linsert("{t}l", "BEFORE", 1, "x"), prepare: list, expected: 4 },
  { name: "llen", command: Lists.llen("tasks"), prepare: tasks, expected: 3 },
  { name: "lmove", command: Lists.lmove("{jobs}:new", "{jobs}:busy", "LEFT", "RIGHT"), prepare: jobs, expected: "a" },
  { name: "lmove without an element", command: Lists.lmove("{t}l", "{t}m", "LEFT", "LEFT"), expected: null },
  {
    name: "lmpop",
    command: Lists.lmpop(["{jobs}:urgent", "{jobs}:new"], "LEFT", { count: 2 }),
    prepare: jobs,
    expected: { key: "{jobs}:new", elements: ["a", "b"] }
  },
  {
    name: "lmpop of one",
    command: Lists.lmpop("{t}l", "LEFT"),
    prepare: list,
    expected: { key: "{t}l", elements: ["3"] }
  },
  {
    name: "lmpop with count",
    command: Lists.lmpop("{t}l", "RIGHT", { count: 2 }),
    prepare: list,
    expected: { key: "{t}l", elements: ["2", "1"] }
  },
  { name: "lmpop of nothing", command: Lists.lmpop(["{t}l"], "LEFT"), expected: null },
  { name: "lpop", command: Lists.lpop("tasks"), prepare: tasks, expected: "write" },
  { name: "lpop with count", command: Lists.lpop("{t}l", 2), prepare: list, expected: ["3", "1"] },
  { name: "lpop with count of nothing", command: Lists.lpop("{t}l", 2), expected: null },
  { name: "lpos", command: Lists.lpos("tasks", "test"), prepare: tasks, expected: 1 },
  { name: "lpos of a number", command: Lists.lpos("{t}l", 2), prepare: list, expected: 2 },
  {
    name: "lpos with count",
    command: Lists.lpos("{t}l", "1", { rank: -1, count: 0, maxLength: 10 }),
    prepare: list,
    expected: [1]
  },
  { name: "lpush", command: Lists.lpush("tasks", ["think", "talk"]), prepare: tasks, expected: 5 },
  { name: "lpush of a number", command: Lists.lpush("{t}l", ["a", 1]), prepare: list, expected: 5 },
  { name: "lpushx", command: Lists.lpushx("tasks", "think"), prepare: tasks, expected: 4 },
  { name: "lpushx without a list", command: Lists.lpushx("{t}l", "a"), expected: 0 },
  { name: "lrange", command: Lists.lrange("tasks", 0, -1), prepare: tasks, expected: ["write", "test", "ship"] },
  { name: "lrem", command: Lists.lrem("tasks", 0, "test"), prepare: tasks, expected: 1 },
  { name: "lrem from the end", command: Lists.lrem("{t}l", -1, 3), prepare: list, expected: 1 },
  { name: "lset", command: Lists.lset("tasks", 0, "think"), prepare: tasks, expected: "OK" },
  { name: "ltrim", command: Lists.ltrim("tasks", 0, 1), prepare: tasks, expected: "OK" },
  { name: "rpop", command: Lists.rpop("tasks"), prepare: tasks, expected: "ship" },
  { name: "rpoplpush", command: Lists.rpoplpush("{jobs}:new", "{jobs}:busy"), prepare: jobs, expected: "b" },
  { name: "rpoplpush within a list", command: Lists.rpoplpush("{t}l", "{t}l"), prepare: list, expected: "2" },
  { name: "rpush", command: Lists.rpush("tasks", ["write", "test"]), expected: 2 },
  { name: "rpush of bytes", command: Lists.rpush("{t}l", new Uint8Array([1])), prepare: list, expected: 4 },
  { name: "rpushx", command: Lists.rpushx("tasks", "rest"), prepare: tasks, expected: 4 },
  { name: "rpushx of several", command: Lists.rpushx("{t}l", ["a", "b"]), prepare: list, expected: 5 }
]
