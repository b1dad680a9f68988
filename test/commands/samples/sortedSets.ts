import { SortedSets } from "../../../src/commands/SortedSets.ts"
import { type Sample } from "./Sample.ts"

const sorted = [["ZADD", "{t}z", "1", "a", "2.5", "b", "inf", "c"], ["ZADD", "{t}y", "10", "b"]]
const equal = [["ZADD", "{t}z", "0", "a", "0", "b", "0", "c"]]

const board = [SortedSets.zadd("board", { ann: 10, bob: 25, eve: 30 })]
const boards = [SortedSets.zadd("{board}:a", { ann: 1, bob: 2 }), SortedSets.zadd("{board}:b", { bob: 5 })]
const names = [SortedSets.zadd("names", { ann: 0, bob: 0, eve: 0 })]

export const sortedSets: ReadonlyArray<Sample> = [
  {
    name: "bzmpop",
    command: SortedSets.bzmpop("1 second", ["{board}:a", "{board}:b"], "MAX", { count: 2 }),
    prepare: boards,
    expected: { key: "{board}:a", members: [["bob", 2], ["ann", 1]] }
  },
  {
    name: "bzmpop of infinite scores",
    command: SortedSets.bzmpop("1 second", ["{t}x", "{t}z"], "MAX", { count: 2 }),
    prepare: sorted,
    expected: { key: "{t}z", members: [["c", Infinity], ["b", 2.5]] }
  },
  {
    name: "bzpopmax",
    command: SortedSets.bzpopmax("board", "1 second"),
    prepare: board,
    expected: { key: "board", member: "eve", score: 30 }
  },
  { name: "bzpopmax without a member", command: SortedSets.bzpopmax("{t}z", "10 millis"), expected: null },
  {
    name: "bzpopmin",
    command: SortedSets.bzpopmin("board", "1 second"),
    prepare: board,
    expected: { key: "board", member: "ann", score: 10 }
  },
  {
    name: "bzpopmin of several keys",
    command: SortedSets.bzpopmin(["{t}z", "{t}y"], "Infinity"),
    prepare: sorted,
    expected: { key: "{t}z", member: "a", score: 1 }
  },
  {
    name: "zadd",
    command: SortedSets.zadd("board", { ann: 12, joe: 5 }, { comparison: "GT", changed: true }),
    prepare: board,
    expected: 2
  },
  {
    name: "zadd of an infinite score",
    command: SortedSets.zadd("{t}z", { a: 2, d: -Infinity }, { changed: true }),
    prepare: sorted,
    expected: 2
  },
  {
    name: "zadd of pairs",
    command: SortedSets.zadd("{t}z", [["a", 2], ["d", 0.1]], { condition: "XX", comparison: "GT" }),
    prepare: sorted,
    expected: 0
  },
  {
    name: "zadd with increment",
    command: SortedSets.zadd("{t}z", { a: 0.5 }, { increment: true }),
    prepare: sorted,
    expected: 1.5
  },
  {
    name: "zadd with increment and condition",
    command: SortedSets.zadd("{t}z", { a: 1 }, { increment: true, condition: "NX" }),
    prepare: sorted,
    expected: null
  },
  { name: "zcard", command: SortedSets.zcard("board"), prepare: board, expected: 3 },
  { name: "zcount", command: SortedSets.zcount("board", 10, "(30"), prepare: board, expected: 2 },
  {
    name: "zcount to an infinite score",
    command: SortedSets.zcount("{t}z", "(1", Infinity),
    prepare: sorted,
    expected: 2
  },
  { name: "zdiff", command: SortedSets.zdiff(["{board}:a", "{board}:b"]), prepare: boards, expected: ["ann"] },
  {
    name: "zdiff with scores",
    command: SortedSets.zdiff(["{t}z", "{t}y"], { withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["c", Infinity]]
  },
  {
    name: "zdiffstore",
    command: SortedSets.zdiffstore("{board}:only", ["{board}:a", "{board}:b"]),
    prepare: boards,
    expected: 1
  },
  { name: "zincrby", command: SortedSets.zincrby("board", 5, "ann"), prepare: board, expected: 15 },
  { name: "zincrby by a fraction", command: SortedSets.zincrby("{t}z", 0.1, "a"), prepare: sorted, expected: 1.1 },
  {
    name: "zinter",
    command: SortedSets.zinter(["{board}:a", "{board}:b"], { withScores: true }),
    prepare: boards,
    expected: [["bob", 7]]
  },
  {
    name: "zinter with weights",
    command: SortedSets.zinter(["{t}z", "{t}y"], { weights: [2, 1], aggregate: "SUM", withScores: true }),
    prepare: sorted,
    expected: [["b", 15]]
  },
  {
    name: "zintercard",
    command: SortedSets.zintercard(["{board}:a", "{board}:b"], { limit: 10 }),
    prepare: boards,
    expected: 1
  },
  {
    name: "zinterstore",
    command: SortedSets.zinterstore("{board}:both", ["{board}:a", "{board}:b"], { aggregate: "MAX" }),
    prepare: boards,
    expected: 1
  },
  { name: "zlexcount", command: SortedSets.zlexcount("names", "[a", "(c"), prepare: names, expected: 2 },
  {
    name: "zmpop",
    command: SortedSets.zmpop("board", "MIN", { count: 2 }),
    prepare: board,
    expected: { key: "board", members: [["ann", 10], ["bob", 25]] }
  },
  {
    name: "zmpop of one",
    command: SortedSets.zmpop(["{t}z"], "MIN"),
    prepare: sorted,
    expected: { key: "{t}z", members: [["a", 1]] }
  },
  {
    name: "zmpop with count",
    command: SortedSets.zmpop("{t}z", "MAX", { count: 2 }),
    prepare: sorted,
    expected: { key: "{t}z", members: [["c", Infinity], ["b", 2.5]] }
  },
  { name: "zmscore", command: SortedSets.zmscore("board", ["ann", "joe"]), prepare: board, expected: [10, null] },
  { name: "zpopmax", command: SortedSets.zpopmax("board"), prepare: board, expected: [["eve", 30]] },
  {
    name: "zpopmax of an infinite score",
    command: SortedSets.zpopmax("{t}z"),
    prepare: sorted,
    expected: [["c", Infinity]]
  },
  { name: "zpopmin", command: SortedSets.zpopmin("board", 2), prepare: board, expected: [["ann", 10], ["bob", 25]] },
  { name: "zpopmin of nothing", command: SortedSets.zpopmin("{t}z"), expected: [] },
  {
    name: "zrandmember",
    command: SortedSets.zrandmember("board"),
    prepare: [SortedSets.zadd("board", { ann: 10 })],
    expected: "ann"
  },
  {
    name: "zrandmember with count",
    command: SortedSets.zrandmember("{t}y", { count: 3 }),
    prepare: sorted,
    expected: ["b"]
  },
  {
    name: "zrandmember with scores",
    command: SortedSets.zrandmember("{t}y", { count: -2, withScores: true }),
    prepare: sorted,
    expected: [["b", 10], ["b", 10]]
  },
  {
    name: "zrange",
    command: SortedSets.zrange("board", 0, 1, { reverse: true, withScores: true }),
    prepare: board,
    expected: [["eve", 30], ["bob", 25]]
  },
  { name: "zrange of all", command: SortedSets.zrange("{t}z", 0, -1), prepare: sorted, expected: ["a", "b", "c"] },
  {
    name: "zrange with scores",
    command: SortedSets.zrange("{t}z", 0, 1, { withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5]]
  },
  {
    name: "zrange by score",
    command: SortedSets.zrange("{t}z", Infinity, -Infinity, {
      by: "SCORE",
      reverse: true,
      limit: { offset: 1, count: 1 }
    }),
    prepare: sorted,
    expected: ["b"]
  },
  {
    name: "zrange by text",
    command: SortedSets.zrange("{t}z", "-", "[b", { by: "LEX" }),
    prepare: equal,
    expected: ["a", "b"]
  },
  {
    name: "zrangebylex",
    command: SortedSets.zrangebylex("names", "[b", "+"),
    prepare: names,
    expected: ["bob", "eve"]
  },
  {
    name: "zrangebylex with limit",
    command: SortedSets.zrangebylex("{t}z", "-", "+", { limit: { offset: 1, count: -1 } }),
    prepare: equal,
    expected: ["b", "c"]
  },
  {
    name: "zrangebyscore",
    command: SortedSets.zrangebyscore("board", 10, "(30"),
    prepare: board,
    expected: ["ann", "bob"]
  },
  {
    name: "zrangebyscore with options",
    command: SortedSets.zrangebyscore("{t}z", 1, "(3", { withScores: true, limit: { offset: 0, count: 5 } }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5]]
  },
  {
    name: "zrangestore",
    command: SortedSets.zrangestore("{board}:top", "{board}:a", 0, 9, { reverse: true }),
    prepare: boards,
    expected: 2
  },
  {
    name: "zrangestore without options",
    command: SortedSets.zrangestore("{t}d", "{t}z", 0, -1),
    prepare: sorted,
    expected: 3
  },
  {
    name: "zrangestore with options",
    command: SortedSets.zrangestore("{t}d", "{t}z", Infinity, "(1", {
      by: "SCORE",
      reverse: true,
      limit: { offset: 1, count: 5 }
    }),
    prepare: sorted,
    expected: 1
  },
  { name: "zrank", command: SortedSets.zrank("board", "bob"), prepare: board, expected: 1 },
  { name: "zrem", command: SortedSets.zrem("board", ["ann", "joe"]), prepare: board, expected: 1 },
  { name: "zremrangebylex", command: SortedSets.zremrangebylex("names", "-", "(b"), prepare: names, expected: 1 },
  { name: "zremrangebyrank", command: SortedSets.zremrangebyrank("board", 0, 1), prepare: board, expected: 2 },
  {
    name: "zremrangebyscore",
    command: SortedSets.zremrangebyscore("board", -Infinity, 10),
    prepare: board,
    expected: 1
  },
  {
    name: "zrevrange",
    command: SortedSets.zrevrange("board", 0, 0, { withScores: true }),
    prepare: board,
    expected: [["eve", 30]]
  },
  {
    name: "zrevrangebylex",
    command: SortedSets.zrevrangebylex("names", "+", "(ann"),
    prepare: names,
    expected: ["eve", "bob"]
  },
  {
    name: "zrevrangebyscore",
    command: SortedSets.zrevrangebyscore("board", 25, -Infinity),
    prepare: board,
    expected: ["bob", "ann"]
  },
  {
    name: "zrevrangebyscore to a text",
    command: SortedSets.zrevrangebyscore("{t}z", 3, "-inf"),
    prepare: sorted,
    expected: ["b", "a"]
  },
  {
    name: "zrevrangebyscore with options",
    command: SortedSets.zrevrangebyscore("{t}z", Infinity, 1, { withScores: true, limit: { offset: 1, count: 1 } }),
    prepare: sorted,
    expected: [["b", 2.5]]
  },
  { name: "zrevrank", command: SortedSets.zrevrank("board", "eve"), prepare: board, expected: 0 },
  {
    name: "zrevrank of a missing member",
    command: SortedSets.zrevrank("{t}z", "none"),
    prepare: sorted,
    expected: null
  },
  {
    name: "zrevrank with score",
    command: SortedSets.zrevrank("{t}z", "a", { withScore: true }),
    prepare: sorted,
    expected: { rank: 2, score: 1 },
    since: { redis: "7.2", valkey: "7.2" }
  },
  {
    name: "zscan",
    command: SortedSets.zscan("board", "0"),
    prepare: board,
    expected: { cursor: "0", items: [["ann", 10], ["bob", 25], ["eve", 30]] }
  },
  {
    name: "zscan of an infinite score",
    command: SortedSets.zscan("{t}z", "0"),
    prepare: sorted,
    expected: { cursor: "0", items: [["a", 1], ["b", 2.5], ["c", Infinity]] }
  },
  {
    name: "zscan without scores",
    command: SortedSets.zscan("{t}z", "0", { noScores: true }),
    prepare: sorted,
    expected: { cursor: "0", items: ["a", "b", "c"] },
    since: { valkey: "8.0" }
  },
  { name: "zscore", command: SortedSets.zscore("board", "bob"), prepare: board, expected: 25 },
  {
    name: "zunion",
    command: SortedSets.zunion(["{board}:a", "{board}:b"], { withScores: true }),
    prepare: boards,
    expected: [["ann", 1], ["bob", 7]]
  },
  {
    name: "zunion without options",
    command: SortedSets.zunion(["{t}z", "{t}y"]),
    prepare: sorted,
    expected: ["a", "b", "c"]
  },
  {
    name: "zunion with options",
    command: SortedSets.zunion(["{t}z", "{t}y"], { weights: [1, 0.5], aggregate: "MIN", withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5], ["c", Infinity]]
  },
  {
    name: "zunionstore",
    command: SortedSets.zunionstore("{board}:all", ["{board}:a", "{board}:b"], { weights: [2, 1] }),
    prepare: boards,
    expected: 2
  },
  {
    name: "zunionstore of one",
    command: SortedSets.zunionstore("{t}d", "{t}z", { weights: [2] }),
    prepare: sorted,
    expected: 3
  }
]
