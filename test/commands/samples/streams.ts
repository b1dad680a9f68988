import * as Command from "../../../src/commands/Command.ts"
import { type StreamDetails, Streams } from "../../../src/commands/Streams.ts"
import { far, has, isList, isText, type Sample } from "./Sample.ts"

const log = [
  ["XADD", "{t}s", "1-1", "a", "1", "b", "2"],
  ["XADD", "{t}s", "2-1", "a", "3"],
  ["XADD", "{t}s", "3-1", "a", "4"]
]
/** A group whose consumer c has got the first two entries, of which the second has been deleted since. */
const group = [
  ...log,
  ["XGROUP", "CREATE", "{t}s", "g", "0"],
  ["XREADGROUP", "GROUP", "g", "c", "COUNT", "2", "STREAMS", "{t}s", ">"],
  ["XDEL", "{t}s", "2-1"]
]
const first = { id: "1-1", fields: { a: "1", b: "2" } }
const second = { id: "2-1", fields: { a: "3" } }
const third = { id: "3-1", fields: { a: "4" } }
const idempotent = { redis: "8.6" }

const events = [Streams.xadd("events", "1-1", { type: "login" }), Streams.xadd("events", "2-1", { type: "logout" })]
/** A group whose first consumer has got the first entry. */
const workers = [
  ...events,
  Streams.xgroupCreate("events", "workers", "0"),
  Streams.xreadgroup("workers", "w1", { events: ">" }, { count: 1 })
]
const login = { id: "1-1", fields: { type: "login" } }
const logout = { id: "2-1", fields: { type: "logout" } }

export const streams: ReadonlyArray<Sample> = [
  { name: "xack", command: Streams.xack("events", "workers", "1-1"), prepare: workers, expected: 1 },
  { name: "xack of an unknown id", command: Streams.xack("{t}s", "g", ["1-1", "9-9"]), prepare: group, expected: 1 },
  {
    name: "xackdel",
    command: Streams.xackdel("events", "workers", ["1-1", "9-9"]),
    prepare: workers,
    expected: [1, -1],
    since: { redis: "8.2" }
  },
  {
    name: "xackdel of acknowledged entries",
    command: Streams.xackdel("{t}s", "g", ["1-1", "9-9"], "ACKED"),
    prepare: group,
    expected: [1, -1],
    since: { redis: "8.2" }
  },
  {
    name: "xadd",
    command: Streams.xadd("events", "*", { type: "login" }, { trim: { maxLength: 1000, approximate: true } }),
    unstable: isText,
    shown: "\"1764539999000-0\""
  },
  { name: "xadd with an id", command: Streams.xadd("{t}s", "5-1", { a: 1 }), prepare: log, expected: "5-1" },
  { name: "xadd with the server's id", command: Streams.xadd("{t}s", "*", [["a", 1]]), unstable: isText },
  {
    name: "xadd without a stream",
    command: Streams.xadd("{t}s", "*", { a: 1 }, { noMkStream: true }),
    expected: null
  },
  {
    name: "xadd with trim",
    command: Streams.xadd("{t}s", "5-*", { a: 1 }, { trim: { maxLength: 100, approximate: true, limit: 10 } }),
    prepare: log,
    expected: "5-0"
  },
  {
    name: "xadd with references",
    command: Streams.xadd("{t}s", "5-1", { a: 1 }, { trim: { minId: "2-0" }, references: "DELREF" }),
    prepare: log,
    expected: "5-1",
    since: { redis: "8.2" }
  },
  {
    name: "xadd of a producer",
    command: Streams.xadd("{t}s", "*", { a: 1 }, { idempotent: { producer: "p", id: "i" }, noMkStream: true }),
    prepare: log,
    unstable: isText,
    since: idempotent
  },
  {
    name: "xadd of a producer, told apart by what is in it",
    command: Streams.xadd("{t}s", "*", { a: 1 }, { idempotent: { producer: "p" } }),
    unstable: isText,
    since: idempotent
  },
  {
    name: "xautoclaim",
    command: Streams.xautoclaim("events", "workers", "w2", "0 seconds", "0-0"),
    prepare: workers,
    expected: { cursor: "0-0", entries: [login], deleted: [] }
  },
  {
    name: "xautoclaim with count",
    command: Streams.xautoclaim("{t}s", "g", "d", "0 seconds", "0-0", { count: 10 }),
    prepare: group,
    expected: { cursor: "0-0", entries: [first], deleted: ["2-1"] }
  },
  {
    name: "xautoclaim with justId",
    command: Streams.xautoclaim("{t}s", "g", "d", "0 seconds", "0-0", { justId: true }),
    prepare: group,
    expected: { cursor: "0-0", ids: ["1-1"], deleted: ["2-1"] }
  },
  {
    name: "xcfgset",
    command: Streams.xcfgset("events", { idmpDuration: "1 minute" }),
    prepare: events,
    expected: "OK",
    since: idempotent
  },
  {
    name: "xcfgset of both",
    command: Streams.xcfgset("{t}s", { idmpDuration: "1 minute", idmpMaxSize: 50 }),
    prepare: log,
    expected: "OK",
    since: idempotent
  },
  {
    name: "xclaim",
    command: Streams.xclaim("events", "workers", "w2", "0 seconds", "1-1"),
    prepare: workers,
    expected: [login]
  },
  {
    name: "xclaim with options",
    command: Streams.xclaim("{t}s", "g", "d", "0 seconds", ["1-1", "2-1"], { idle: "1 second", retryCount: 3 }),
    prepare: group,
    expected: [first]
  },
  {
    name: "xclaim with justId",
    command: Streams.xclaim("{t}s", "g", "d", "0 seconds", "3-1", {
      time: far,
      force: true,
      justId: true,
      lastId: "3-1"
    }),
    prepare: group,
    expected: ["3-1"]
  },
  {
    name: "xclaim of young entries",
    command: Streams.xclaim("{t}s", "g", "d", "1 hour", "1-1"),
    prepare: group,
    expected: []
  },
  { name: "xdel", command: Streams.xdel("events", ["1-1", "9-9"]), prepare: events, expected: 1 },
  {
    name: "xdelex",
    command: Streams.xdelex("events", ["1-1", "9-9"], "DELREF"),
    prepare: workers,
    expected: [1, -1],
    since: { redis: "8.2" }
  },
  {
    name: "xdelex without references",
    command: Streams.xdelex("{t}s", ["1-1", "9-9"]),
    prepare: group,
    expected: [1, -1],
    since: { redis: "8.2" }
  },
  {
    name: "xdelex of what is not acknowledged",
    command: Streams.xdelex("{t}s", "1-1", "ACKED"),
    prepare: group,
    expected: [2],
    since: { redis: "8.2" }
  },
  { name: "xgroupCreate", command: Streams.xgroupCreate("events", "workers", "$", { mkStream: true }), expected: "OK" },
  {
    name: "xgroupCreate with entriesRead",
    command: Streams.xgroupCreate("{t}s", "h", "$", { mkStream: true, entriesRead: 3 }),
    expected: "OK"
  },
  {
    name: "xgroupCreateconsumer",
    command: Streams.xgroupCreateconsumer("events", "workers", "w2"),
    prepare: workers,
    expected: true
  },
  {
    name: "xgroupDelconsumer",
    command: Streams.xgroupDelconsumer("events", "workers", "w1"),
    prepare: workers,
    expected: 1
  },
  {
    name: "xgroupDelconsumer with two entries",
    command: Streams.xgroupDelconsumer("{t}s", "g", "c"),
    prepare: group,
    expected: 2
  },
  { name: "xgroupDestroy", command: Streams.xgroupDestroy("events", "workers"), prepare: workers, expected: true },
  {
    name: "xgroupDestroy of a missing group",
    command: Streams.xgroupDestroy("{t}s", "none"),
    prepare: log,
    expected: false
  },
  { name: "xgroupSetid", command: Streams.xgroupSetid("events", "workers", "$"), prepare: workers, expected: "OK" },
  {
    name: "xgroupSetid with entriesRead",
    command: Streams.xgroupSetid("{t}s", "g", "0", { entriesRead: -1 }),
    prepare: group,
    expected: "OK"
  },
  {
    name: "xinfoConsumers",
    command: Streams.xinfoConsumers("events", "workers"),
    prepare: workers,
    unstable: (value) => isList(value) && value.length === 1 && has("name", "pending", "idle")(value[0]),
    shown: "[{ name: \"w1\", pending: 1, idle: 12, inactive: 12 }]"
  },
  {
    name: "xinfoConsumers of a reader",
    command: Streams.xinfoConsumers("{t}s", "g"),
    prepare: group,
    unstable: (value) =>
      Array.isArray(value) && value.length === 1 && value[0].name === "c" && value[0].pending === 2 &&
      has("idle", "inactive")(value[0])
  },
  {
    name: "xinfoGroups",
    command: Streams.xinfoGroups("events"),
    prepare: workers,
    expected: [{ name: "workers", consumers: 1, pending: 1, lastDeliveredId: "1-1", entriesRead: 1, lag: 1 }]
  },
  {
    name: "xinfoGroups without a lag",
    command: Streams.xinfoGroups("{t}s"),
    prepare: group,
    expected: [{ name: "g", consumers: 1, pending: 2, lastDeliveredId: "2-1", entriesRead: 2, lag: null }]
  },
  {
    name: "xinfoStream",
    command: Streams.xinfoStream("events"),
    prepare: workers,
    unstable: has("length", "groups", "firstEntry", "lastEntry"),
    shown: "{ length: 2, groups: 1, lastGeneratedId: \"2-1\", ... }"
  },
  {
    name: "xinfoStream in short",
    command: Streams.xinfoStream("{t}s"),
    prepare: group,
    unstable: (value) => {
      const { entriesAdded, firstEntry, groups, lastEntry, lastGeneratedId, length, maxDeletedEntryId } = value as {
        readonly [name: string]: unknown
      }
      return length === 2 && groups === 1 && entriesAdded === 3 && lastGeneratedId === "3-1" &&
        maxDeletedEntryId === "2-1" && JSON.stringify([firstEntry, lastEntry]) === JSON.stringify([first, third])
    }
  },
  {
    name: "xinfoStream of an empty stream",
    command: Streams.xinfoStream("{t}s"),
    prepare: [["XGROUP", "CREATE", "{t}s", "g", "$", "MKSTREAM"]],
    unstable: (value) => (value as { firstEntry: unknown }).firstEntry === null
  },
  {
    name: "xinfoStream in full",
    command: Streams.xinfoStream("{t}s", { full: true, count: 0 }),
    prepare: group,
    unstable: (value) => {
      const { entries, groups } = value as StreamDetails
      const [{ consumers, pending, ...rest }] = groups
      return JSON.stringify(entries) === JSON.stringify([first, third]) &&
        JSON.stringify(rest) ===
          JSON.stringify({ name: "g", lastDeliveredId: "2-1", entriesRead: 2, lag: null, pelCount: 2 }) &&
        pending[1].id === "2-1" && pending[1].consumer === "c" && pending[1].delivered > 0 &&
        pending[1].deliveries === 1 && consumers[0].name === "c" && consumers[0].seenTime > 0 &&
        has("activeTime")(consumers[0]) && consumers[0].pelCount === 2 && consumers[0].pending[0].id === "1-1" &&
        consumers[0].pending[0].delivered > 0 && consumers[0].pending[0].deliveries === 1
    }
  },
  { name: "xlen", command: Streams.xlen("events"), prepare: events, expected: 2 },
  {
    name: "xpending",
    command: Streams.xpending("events", "workers"),
    prepare: workers,
    expected: { count: 1, first: "1-1", last: "1-1", consumers: [{ name: "w1", pending: 1 }] }
  },
  {
    name: "xpending of two",
    command: Streams.xpending("{t}s", "g"),
    prepare: group,
    expected: { count: 2, first: "1-1", last: "2-1", consumers: [{ name: "c", pending: 2 }] }
  },
  {
    name: "xpending of nothing",
    command: Streams.xpending("{t}s", "g"),
    prepare: [...log, ["XGROUP", "CREATE", "{t}s", "g", "0"]],
    expected: { count: 0, first: null, last: null, consumers: [] }
  },
  {
    name: "xpending with count",
    command: Streams.xpending("{t}s", "g", { count: 5, start: "(1-1", consumer: "c", idle: "0 seconds" }),
    prepare: group,
    unstable: (value) =>
      Array.isArray(value) && value.length === 1 && value[0].id === "2-1" && value[0].consumer === "c" &&
      value[0].idle >= 0 && value[0].deliveries === 1
  },
  { name: "xrange", command: Streams.xrange("events", "-", "+"), prepare: events, expected: [login, logout] },
  {
    name: "xrange to an excluded id",
    command: Streams.xrange("{t}s", "-", "(3-1"),
    prepare: log,
    expected: [first, second]
  },
  {
    name: "xrange as bytes",
    command: Command.bytes(Streams.xrange("{t}s", "-", "+", { count: 1 })),
    prepare: [["XADD", "{t}s", "1-1", "a", new Uint8Array([200])]],
    expected: [{ id: new Uint8Array([49, 45, 49]), fields: { a: new Uint8Array([200]) } }]
  },
  {
    name: "xrange of an entry that has a field twice",
    command: Streams.xrange("{t}s", "-", "+"),
    prepare: [["XADD", "{t}s", "1-1", "a", "1", "a", "2"]],
    expected: [{ id: "1-1", fields: { a: "2" } }]
  },
  {
    name: "xread",
    command: Streams.xread({ events: "1-1" }, { block: "5 seconds" }),
    prepare: events,
    expected: [{ key: "events", entries: [logout] }]
  },
  {
    name: "xread of one of two streams",
    command: Streams.xread({ "{t}none": "0", "{t}s": "1-1" }, { count: 1 }),
    prepare: log,
    expected: [{ key: "{t}s", entries: [second] }]
  },
  {
    name: "xread as bytes",
    command: Command.bytes(Streams.xread({ "{t}s": "2-1" })),
    prepare: log,
    expected: [{
      key: new TextEncoder().encode("{t}s"),
      entries: [{ id: new TextEncoder().encode("3-1"), fields: { a: new TextEncoder().encode("4") } }]
    }]
  },
  { name: "xread of nothing", command: Streams.xread({ "{t}s": "$" }), prepare: log, expected: [] },
  {
    name: "xread of several streams",
    command: Streams.xread([["{t}s", "2-1"], ["{t}u", "0"]]),
    prepare: [...log, ["XADD", "{t}u", "1-1", "a", "1"]],
    expected: [{ key: "{t}s", entries: [third] }, { key: "{t}u", entries: [{ id: "1-1", fields: { a: "1" } }] }]
  },
  {
    name: "xread that waits",
    command: Streams.xread({ "{t}s": "$" }, { block: "10 millis" }),
    prepare: log,
    expected: []
  },
  {
    name: "xread that need not wait",
    command: Streams.xread({ "{t}s": "2-1" }, { block: "Infinity" }),
    prepare: log,
    expected: [{ key: "{t}s", entries: [third] }]
  },
  {
    name: "xread of the last entry",
    command: Streams.xread({ "{t}s": "+" }),
    prepare: log,
    expected: [{ key: "{t}s", entries: [third] }],
    since: { redis: "7.4", valkey: "8.0" }
  },
  {
    name: "xreadgroup",
    command: Streams.xreadgroup("workers", "w2", { events: ">" }, { count: 10 }),
    prepare: workers,
    expected: [{ key: "events", entries: [logout] }]
  },
  {
    name: "xreadgroup without acknowledgement",
    command: Streams.xreadgroup("g", "c", { "{t}s": ">" }, { count: 5, noAck: true }),
    prepare: group,
    expected: [{ key: "{t}s", entries: [third] }]
  },
  {
    name: "xreadgroup of entries that were delivered before",
    command: Streams.xreadgroup("g", "c", { "{t}s": "0" }),
    prepare: group,
    expected: [{ key: "{t}s", entries: [first, { id: "2-1", fields: null }] }]
  },
  {
    name: "xreadgroup of a group with a bad name",
    command: Streams.xreadgroup("STREAMS", "STREAMS", { "{t}s": ">" }, { block: "10 millis" }),
    prepare: [["XGROUP", "CREATE", "{t}s", "STREAMS", "$", "MKSTREAM"]],
    expected: []
  },
  {
    name: "xreadgroup with claim",
    command: Streams.xreadgroup("g", "d", { "{t}s": ">" }, { claim: "0 seconds" }),
    prepare: group,
    unstable: (value) =>
      Array.isArray(value) && value[0].key === "{t}s" && value[0].entries.length === 2 &&
      value[0].entries[0].fields.b === "2" && value[0].entries[0].deliveries === 1 &&
      value[0].entries[0].idle >= 0 && value[0].entries[1].deliveries === 0,
    since: { redis: "8.4" }
  },
  {
    name: "xrevrange",
    command: Streams.xrevrange("events", "+", "-", { count: 1 }),
    prepare: events,
    expected: [logout]
  },
  {
    name: "xrevrange of two",
    command: Streams.xrevrange("{t}s", "+", "-", { count: 2 }),
    prepare: log,
    expected: [third, second]
  },
  { name: "xsetid", command: Streams.xsetid("events", "9-1"), prepare: events, expected: "OK" },
  {
    name: "xsetid with options",
    command: Streams.xsetid("{t}s", "9-1", { entriesAdded: 10, maxDeletedId: "2-1" }),
    prepare: log,
    expected: "OK"
  },
  { name: "xtrim", command: Streams.xtrim("events", { maxLength: 1 }), prepare: events, expected: 1 },
  { name: "xtrim of two", command: Streams.xtrim("{t}s", { maxLength: 1 }), prepare: log, expected: 2 },
  { name: "xtrim to an id", command: Streams.xtrim("{t}s", { minId: "2-0" }), prepare: log, expected: 1 },
  {
    name: "xtrim about",
    command: Streams.xtrim("{t}s", { maxLength: 1, approximate: true, limit: 0 }),
    prepare: log,
    expected: 0
  },
  {
    name: "xtrim with references",
    command: Streams.xtrim("{t}s", { maxLength: 1 }, { references: "ACKED" }),
    prepare: log,
    expected: 2,
    since: { redis: "8.2" }
  }
]
