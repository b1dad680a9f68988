import { SortedSets } from "../../../src/commands/SortedSets.ts"
import { type Sample } from "./Sample.ts"

const sorted = [["ZADD", "{t}z", "1", "a", "2.5", "b", "inf", "c"], ["ZADD", "{t}y", "10", "b"]]
const equal = [["ZADD", "{t}z", "0", "a", "0", "b", "0", "c"]]

export const sortedSets: ReadonlyArray<Sample> = [
  {
    name: "bzmpop",
    command: SortedSets.bzmpop("1 second", ["{t}x", "{t}z"], "MAX", { count: 2 }),
    prepare: sorted,
    expected: { key: "{t}z", members: [["c", Infinity], ["b", 2.5]] }
  },
  { name: "bzpopmax", command: SortedSets.bzpopmax("{t}z", "10 millis"), expected: null },
  {
    name: "bzpopmin",
    command: SortedSets.bzpopmin(["{t}z", "{t}y"], "Infinity"),
    prepare: sorted,
    expected: { key: "{t}z", member: "a", score: 1 }
  },
  {
    name: "zadd",
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
  { name: "zcard", command: SortedSets.zcard("{t}z"), prepare: sorted, expected: 3 },
  { name: "zcount", command: SortedSets.zcount("{t}z", "(1", Infinity), prepare: sorted, expected: 2 },
  { name: "zdiff", command: SortedSets.zdiff(["{t}z", "{t}y"]), prepare: sorted, expected: ["a", "c"] },
  {
    name: "zdiff with scores",
    command: SortedSets.zdiff(["{t}z", "{t}y"], { withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["c", Infinity]]
  },
  { name: "zdiffstore", command: SortedSets.zdiffstore("{t}d", ["{t}z", "{t}y"]), prepare: sorted, expected: 2 },
  { name: "zincrby", command: SortedSets.zincrby("{t}z", 0.1, "a"), prepare: sorted, expected: 1.1 },
  {
    name: "zinter",
    command: SortedSets.zinter(["{t}z", "{t}y"], { weights: [2, 1], aggregate: "SUM", withScores: true }),
    prepare: sorted,
    expected: [["b", 15]]
  },
  { name: "zintercard", command: SortedSets.zintercard(["{t}z", "{t}y"], { limit: 1 }), prepare: sorted, expected: 1 },
  {
    name: "zinterstore",
    command: SortedSets.zinterstore("{t}d", ["{t}z", "{t}y"], { aggregate: "MAX" }),
    prepare: sorted,
    expected: 1
  },
  { name: "zlexcount", command: SortedSets.zlexcount("{t}z", "[a", "(c"), prepare: equal, expected: 2 },
  {
    name: "zmpop",
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
  { name: "zmscore", command: SortedSets.zmscore("{t}z", ["b", "none"]), prepare: sorted, expected: [2.5, null] },
  { name: "zpopmax", command: SortedSets.zpopmax("{t}z"), prepare: sorted, expected: [["c", Infinity]] },
  { name: "zpopmin", command: SortedSets.zpopmin("{t}z", 2), prepare: sorted, expected: [["a", 1], ["b", 2.5]] },
  { name: "zpopmin of nothing", command: SortedSets.zpopmin("{t}z"), expected: [] },
  { name: "zrandmember", command: SortedSets.zrandmember("{t}y"), prepare: sorted, expected: "b" },
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
  { name: "zrange", command: SortedSets.zrange("{t}z", 0, -1), prepare: sorted, expected: ["a", "b", "c"] },
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
    command: SortedSets.zrangebylex("{t}z", "-", "+", { limit: { offset: 1, count: -1 } }),
    prepare: equal,
    expected: ["b", "c"]
  },
  {
    name: "zrangebyscore",
    command: SortedSets.zrangebyscore("{t}z", 1, "(3", { withScores: true, limit: { offset: 0, count: 5 } }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5]]
  },
  { name: "zrangestore", command: SortedSets.zrangestore("{t}d", "{t}z", 0, -1), prepare: sorted, expected: 3 },
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
  { name: "zrank", command: SortedSets.zrank("{t}z", "b"), prepare: sorted, expected: 1 },
  { name: "zrem", command: SortedSets.zrem("{t}z", ["a", "none"]), prepare: sorted, expected: 1 },
  { name: "zremrangebylex", command: SortedSets.zremrangebylex("{t}z", "-", "(b"), prepare: equal, expected: 1 },
  { name: "zremrangebyrank", command: SortedSets.zremrangebyrank("{t}z", 0, 1), prepare: sorted, expected: 2 },
  {
    name: "zremrangebyscore",
    command: SortedSets.zremrangebyscore("{t}z", -Infinity, 1),
    prepare: sorted,
    expected: 1
  },
  {
    name: "zrevrange",
    command: SortedSets.zrevrange("{t}z", 0, 0, { withScores: true }),
    prepare: sorted,
    expected: [["c", Infinity]]
  },
  {
    name: "zrevrangebylex",
    command: SortedSets.zrevrangebylex("{t}z", "+", "(a"),
    prepare: equal,
    expected: ["c", "b"]
  },
  {
    name: "zrevrangebyscore",
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
  { name: "zrevrank", command: SortedSets.zrevrank("{t}z", "none"), prepare: sorted, expected: null },
  {
    name: "zrevrank with score",
    command: SortedSets.zrevrank("{t}z", "a", { withScore: true }),
    prepare: sorted,
    expected: { rank: 2, score: 1 },
    since: { redis: "7.2", valkey: "7.2" }
  },
  {
    name: "zscan",
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
  { name: "zscore", command: SortedSets.zscore("{t}z", "b"), prepare: sorted, expected: 2.5 },
  { name: "zunion", command: SortedSets.zunion(["{t}z", "{t}y"]), prepare: sorted, expected: ["a", "b", "c"] },
  {
    name: "zunion with options",
    command: SortedSets.zunion(["{t}z", "{t}y"], { weights: [1, 0.5], aggregate: "MIN", withScores: true }),
    prepare: sorted,
    expected: [["a", 1], ["b", 2.5], ["c", Infinity]]
  },
  {
    name: "zunionstore",
    command: SortedSets.zunionstore("{t}d", "{t}z", { weights: [2] }),
    prepare: sorted,
    expected: 3
  }
]
