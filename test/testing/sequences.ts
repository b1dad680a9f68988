/**
 * The calls of the differential tests: for each group of commands, random calls over few keys and few values, so that
 * they meet.
 */
import * as fc from "fast-check"
import type { Words } from "./Twins.ts"

type Part = string | fc.Arbitrary<string | Words>

/** A call: its name and the parts that follow, each one word, some, or none. */
const call = (name: string, ...parts: ReadonlyArray<Part>): fc.Arbitrary<Words> =>
  fc.tuple(...parts.map((part) => typeof part === "string" ? fc.constant(part) : part)).map((words) => [
    ...name.split(" "),
    ...words.flat()
  ])

const one = (...words: ReadonlyArray<string>) => fc.constantFrom(...words)
const maybe = (part: fc.Arbitrary<string | Words>) => fc.oneof(fc.constant<Words>([]), part)
const some = (part: fc.Arbitrary<string | Words>, min = 1, max = 3): fc.Arbitrary<Words> =>
  fc.array(part, { minLength: min, maxLength: max }).map((items) => items.flat())
const row = (...parts: ReadonlyArray<Part>): fc.Arbitrary<Words> =>
  fc.tuple(...parts.map((part) => typeof part === "string" ? fc.constant(part) : part)).map((words) => words.flat())

const key = one("{t}a", "{t}b", "{t}c")
const value = one("", "a", "b", "abc", "hello world", "1", "-5", "10", "3.5", "\xff\x00", "9223372036854775807")
/** Few, so that equal ones meet in a list. */
const item = one("a", "b", "1")
const integer = one("0", "1", "2", "-1", "-2", "5", "-100", "100", "x", "1.5", "9223372036854775807", "")
const index = one("0", "1", "2", "-1", "-2", "5", "-100", "100")
const field = one("f", "g", "h", "1")
const member = one("a", "b", "c", "1", "2", "3", "d")
const score = one("0", "1", "2", "-1", "1.5", "0.25", "inf", "-inf", "3")
const count = one("0", "1", "2", "10")
const seconds = one("100", "1000", "0", "-1", "x")

const longitude = one("13.361389", "15.087269", "-0.1278", "200", "0")
const latitude = one("38.115556", "37.502669", "51.5074", "-40", "0")
const id = one("1-1", "1-2", "2-0", "3", "5-5", "0-0", "x")
const end = one("-", "+", "1-1", "2", "(1-1", "(2-0")

/** Makes keys of the other types, so that WRONGTYPE is met. */
const others = fc.oneof(
  call("SET", key, value),
  call("LPUSH", key, value),
  call("HSET", key, field, value),
  call("SADD", key, member),
  call("ZADD", key, score, member),
  call("DEL", key)
)

const mixed = (
  calls: ReadonlyArray<fc.Arbitrary<Words>>,
  between = others
): fc.Arbitrary<ReadonlyArray<Words>> =>
  fc.array(fc.oneof({ weight: 9, arbitrary: fc.oneof(...calls) }, { weight: 1, arbitrary: between }), {
    minLength: 1,
    maxLength: 40,
    size: "max"
  })

const expiry = fc.oneof(row("EX", seconds), row("PX", one("100000", "0")), row("EXAT", one("99999999999", "0")))

const trackingWord = one("OPTIN", "OPTOUT", "BCAST", "NOLOOP", "BAD")
const trackingOption = fc.oneof(
  trackingWord,
  row("PREFIX", one("a", "ab", "b")),
  row("REDIRECT", one("99999999", "x", "0"))
)

export const groups: Readonly<Record<string, fc.Arbitrary<ReadonlyArray<Words>>>> = {
  strings: mixed([
    call("GET", key),
    call("SET", key, value, maybe(one("NX", "XX", "GET", "KEEPTTL", "BAD")), maybe(expiry)),
    call("SET", key, value, "GET", maybe(one("XX"))),
    call("SETNX", key, value),
    call("SETEX", key, seconds, value),
    call("PSETEX", key, one("100000", "0", "x"), value),
    call("GETSET", key, value),
    call("GETDEL", key),
    call("GETEX", key, maybe(fc.oneof(one("PERSIST", "BAD"), expiry))),
    call("TTL", key),
    call("MGET", some(key)),
    call("MSET", some(row(key, value)), maybe(key)),
    call("MSETNX", some(row(key, value))),
    call("APPEND", key, value),
    call("STRLEN", key),
    call("INCR", key),
    call("DECR", key),
    call("INCRBY", key, integer),
    call("DECRBY", key, integer),
    call("INCRBYFLOAT", key, one("0.1", "0.2", "-3.5", "1e3", "x", "5")),
    call("SETRANGE", key, one("0", "3", "-1", "x"), value),
    call("GETRANGE", key, index, index),
    call("LCS", key, key, maybe(one("LEN", "IDX", "BAD")), maybe(row("MINMATCHLEN", count)))
  ]),
  // Without writes: a report would stand among the replies.
  tracking: mixed([
    call("CLIENT TRACKING", one("ON", "ON", "ON", "OFF", "BAD"), maybe(trackingOption), maybe(trackingWord)),
    // Servers answer twice where several prefixes overlap.
    call("CLIENT TRACKING", "ON", "BCAST", row("PREFIX", one("a", "ab", "b")), maybe(one("NOLOOP"))),
    call("CLIENT TRACKING", "ON", one("OPTIN", "OPTOUT"), maybe(one("NOLOOP", "OPTIN"))),
    call("CLIENT TRACKING", "OFF"),
    call("CLIENT CACHING", one("YES", "NO", "BAD")),
    call("CLIENT TRACKINGINFO"),
    call("CLIENT GETREDIR")
  ], call("GET", key)),
  generic: mixed([
    call("SET", key, value),
    call("DEL", some(key)),
    call("UNLINK", some(key)),
    call("EXISTS", some(key)),
    call("TOUCH", some(key)),
    call("TYPE", key),
    call("EXPIRE", key, seconds, maybe(one("NX", "XX", "BAD")), maybe(one("XX", "NX"))),
    // Two clocks: only fixed times can be compared.
    call("EXPIREAT", key, one("99999999999", "88888888888"), one("GT", "LT"), maybe(one("XX", "LT", "NX"))),
    call("PEXPIRE", key, one("100000", "0", "-5", "x")),
    call("EXPIREAT", key, one("99999999999", "1", "x")),
    call("PEXPIREAT", key, one("99999999999000", "1")),
    call("TTL", key),
    call("EXPIRETIME", key),
    call("PERSIST", key),
    call("RENAME", key, key),
    call("RENAMENX", key, key),
    call("COPY", key, key, maybe(one("REPLACE", "BAD"))),
    call("KEYS", one("*", "{t}a", "{t}[ab]", "{t}[^a]", "?t?b", "x*")),
    call("DBSIZE"),
    call("RPUSH", key, some(one("3", "1", "2", "10", "x"))),
    call(
      "SORT",
      key,
      maybe(one("DESC", "ASC")),
      maybe(one("ALPHA")),
      maybe(row("LIMIT", index, count)),
      maybe(row("STORE", key))
    ),
    call("SORT_RO", key, maybe(row("BY", one("nosort", "w_*"))))
  ]),
  hashes: mixed([
    call("HSET", key, some(row(field, value)), maybe(field)),
    call("HMSET", key, some(row(field, value))),
    call("HSETNX", key, field, value),
    call("HGET", key, field),
    call("HMGET", key, some(field)),
    call("HGETALL", key),
    call("HKEYS", key),
    call("HVALS", key),
    call("HLEN", key),
    call("HEXISTS", key, field),
    call("HSTRLEN", key, field),
    call("HDEL", key, some(field)),
    call("HINCRBY", key, field, integer),
    call("HINCRBYFLOAT", key, field, one("0.1", "0.2", "-3.5", "x", "5")),
    call("HRANDFIELD", key, one("10", "0"), maybe(one("WITHVALUES"))),
    call("TYPE", key)
  ]),
  "hash fields that expire": mixed([
    call("HSET", key, some(row(field, value))),
    call("HDEL", key, some(field)),
    call("HGETALL", key),
    call("HEXPIRE", key, one("100", "1000", "0", "x"), maybe(one("NX", "XX")), "FIELDS", "1", field),
    call("HEXPIREAT", key, one("8888888888", "9999999999"), one("GT", "LT"), "FIELDS", "1", field),
    call("HPEXPIRE", key, one("100000", "0"), "FIELDS", "2", field, field),
    call("HEXPIREAT", key, one("99999999", "9999999999", "1"), "FIELDS", "1", field),
    call("HTTL", key, "FIELDS", one("1", "2", "x", "0"), field),
    call("HEXPIRETIME", key, "FIELDS", "1", field),
    call("HPERSIST", key, "FIELDS", "2", field, field),
    call("HGETDEL", key, "FIELDS", "1", field),
    call("HGETEX", key, maybe(row("EX", one("100", "1000"))), "FIELDS", "1", field),
    call("HGETEX", key, "PERSIST", "FIELDS", "1", field),
    call(
      "HSETEX",
      key,
      maybe(one("FNX", "FXX")),
      maybe(fc.oneof(row("EX", one("100", "1000")), one("KEEPTTL"))),
      "FIELDS",
      "1",
      field,
      value
    )
  ]),
  lists: mixed([
    call("LPUSH", key, some(item, 1, 5)),
    call("RPUSH", key, some(item, 1, 5)),
    call("LPUSHX", key, some(item, 1, 5)),
    call("RPUSHX", key, some(item, 1, 5)),
    call("LPOP", key, maybe(one("0", "1", "2", "-1", "x"))),
    call("RPOP", key, maybe(one("0", "1", "2", "-1", "x"))),
    call("LLEN", key),
    call("LRANGE", key, index, index),
    call("LINDEX", key, integer),
    call("LSET", key, one("0", "1", "-1", "5", "x"), item),
    call("LINSERT", key, one("BEFORE", "AFTER", "BAD"), item, item),
    call("LREM", key, one("0", "1", "-1", "2", "x"), item),
    call("LTRIM", key, index, index),
    call(
      "LPOS",
      key,
      item,
      maybe(row("RANK", one("1", "-1", "2", "0"))),
      maybe(row("COUNT", count)),
      maybe(row("MAXLEN", count))
    ),
    call("LMOVE", key, key, one("LEFT", "RIGHT", "BAD"), one("LEFT", "RIGHT")),
    call("RPOPLPUSH", key, key),
    call("LMPOP", one("1", "0", "x"), key, one("LEFT", "RIGHT"), maybe(row("COUNT", count))),
    call("LMPOP", "2", key, key, one("LEFT", "RIGHT", "BAD"))
  ]),
  sets: mixed([
    call("SADD", key, some(member)),
    call("SREM", key, some(member)),
    call("SCARD", key),
    call("SISMEMBER", key, member),
    call("SMISMEMBER", key, some(member)),
    call("SMEMBERS", key),
    call("SMOVE", key, key, member),
    call("SINTER", some(key)),
    call("SUNION", some(key)),
    call("SDIFF", some(key)),
    call("SINTERSTORE", key, some(key)),
    call("SUNIONSTORE", key, some(key)),
    call("SDIFFSTORE", key, some(key)),
    call("SINTERCARD", "2", key, key, maybe(row("LIMIT", one("0", "1", "-1", "x")))),
    call("SINTERCARD", one("0", "x", "5"), key),
    call("SPOP", key, one("10", "0", "-1")),
    call("SRANDMEMBER", key, one("10", "0"))
  ]),
  "sorted sets": mixed([
    call(
      "ZADD",
      key,
      maybe(one("NX", "XX", "GT", "LT")),
      maybe(one("CH", "INCR", "NX")),
      some(row(fc.oneof(score, one("x")), member))
    ),
    call("ZADD", key, some(row(score, member))),
    call("ZINCRBY", key, score, member),
    call("ZREM", key, some(member)),
    call("ZCARD", key),
    call("ZSCORE", key, member),
    call("ZMSCORE", key, some(member)),
    call("ZCOUNT", key, one("-inf", "(1", "0", "x"), one("+inf", "2", "(2")),
    call("ZLEXCOUNT", key, one("-", "[a", "(a", "x"), one("+", "[c", "(c")),
    call("ZRANGE", key, index, index, maybe(one("REV", "BAD")), maybe(one("WITHSCORES"))),
    call(
      "ZRANGE",
      key,
      one("-inf", "(1", "0", "+inf"),
      one("+inf", "2", "-inf"),
      "BYSCORE",
      maybe(one("REV")),
      maybe(row("LIMIT", index, one("-1", "1", "2"))),
      maybe(one("WITHSCORES"))
    ),
    call("ZRANGE", key, one("-", "[a", "+"), one("+", "[c", "-"), "BYLEX", maybe(one("REV", "WITHSCORES"))),
    call("ZREVRANGE", key, index, index, maybe(one("WITHSCORES"))),
    call(
      "ZRANGEBYSCORE",
      key,
      one("-inf", "(1", "x"),
      one("+inf", "2"),
      maybe(one("WITHSCORES")),
      maybe(row("LIMIT", index, count))
    ),
    call("ZREVRANGEBYSCORE", key, one("+inf", "2"), one("-inf", "(1"), maybe(one("WITHSCORES"))),
    call("ZRANGEBYLEX", key, one("-", "[a"), one("+", "(c"), maybe(row("LIMIT", index, count))),
    call("ZREVRANGEBYLEX", key, one("+", "(c"), one("-", "[a")),
    call("ZRANGESTORE", key, key, index, index, maybe(one("REV", "BYSCORE"))),
    call("ZRANK", key, member),
    call("ZREVRANK", key, member),
    call("ZREMRANGEBYRANK", key, index, index),
    call("ZREMRANGEBYSCORE", key, one("-inf", "(1"), one("0", "2")),
    call("ZREMRANGEBYLEX", key, one("-", "[a"), one("[b", "(c")),
    call("ZPOPMIN", key, maybe(one("0", "1", "2", "-1", "x"))),
    call("ZPOPMAX", key, maybe(one("0", "1", "2"))),
    call("ZMPOP", "2", key, key, one("MIN", "MAX", "BAD"), maybe(row("COUNT", count))),
    call("ZRANDMEMBER", key, one("10", "0"), maybe(one("WITHSCORES"))),
    call(
      "ZUNION",
      "2",
      key,
      key,
      maybe(row("WEIGHTS", one("1", "2", "x"), one("0", "-1"))),
      maybe(row("AGGREGATE", one("SUM", "MIN", "MAX", "BAD"))),
      maybe(one("WITHSCORES"))
    ),
    call("ZINTER", "2", key, key, maybe(one("WITHSCORES"))),
    call("ZDIFF", "2", key, key, maybe(one("WITHSCORES"))),
    call("ZUNIONSTORE", key, one("1", "0", "x", "3"), key),
    call("ZUNIONSTORE", key, "2", key, key, maybe(row("AGGREGATE", one("MIN", "MAX")))),
    call("ZINTERSTORE", key, "2", key, key, maybe(row("WEIGHTS", "2", "0.5"))),
    call("ZDIFFSTORE", key, "2", key, key),
    call("ZINTERCARD", "2", key, key, maybe(row("LIMIT", one("0", "1", "-1")))),
    call("SADD", key, some(member))
  ]),
  transactions: mixed([
    call("MULTI"),
    call("EXEC"),
    call("DISCARD"),
    call("WATCH", some(key)),
    call("UNWATCH"),
    call("SET", key, value),
    call("INCR", key),
    call("GET", key),
    call("LPUSH", key, value),
    call("GET", one("other")),
    call("SET", key),
    call("NOSUCH", "x"),
    call("MGET", key, "other")
  ]),
  streams: mixed([
    call(
      "XADD",
      key,
      maybe(one("NOMKSTREAM")),
      maybe(row("MAXLEN", maybe(one("=")), count)),
      id,
      some(row(field, value))
    ),
    call("XADD", key, one("1-*", "2-*", "6-*"), field, value),
    call("XADD", key, "7-7", field),
    call("XLEN", key),
    call("XRANGE", key, end, end, maybe(row("COUNT", count))),
    call("XREVRANGE", key, end, end, maybe(row("COUNT", count))),
    call("XDEL", key, some(id)),
    call("XTRIM", key, one("MAXLEN"), maybe(one("=")), count),
    call("XTRIM", key, "MINID", id),
    call("XREAD", maybe(row("COUNT", count)), "STREAMS", key, id),
    call("XREAD", "STREAMS", key, key, id, maybe(one("$"))),
    call("XSETID", key, id),
    call("XGROUP", "CREATE", key, one("g1", "g2"), fc.oneof(id, one("$")), maybe(one("MKSTREAM"))),
    call("XGROUP", "DESTROY", key, one("g1", "g2")),
    call("XGROUP", "SETID", key, one("g1", "g2"), id),
    // Not those that XCLAIM names: before 7.2 it made its consumer only when it had something for it.
    call("XGROUP", "CREATECONSUMER", key, "g1", "c3"),
    call("XGROUP", "DELCONSUMER", key, "g1", one("c1", "c2")),
    call(
      "XREADGROUP",
      "GROUP",
      one("g1", "g2"),
      one("c1", "c2"),
      maybe(row("COUNT", count)),
      maybe(one("NOACK")),
      "STREAMS",
      key,
      fc.oneof(one(">", ">"), id)
    ),
    call("XACK", key, "g1", some(id)),
    call("XPENDING", key, one("g1", "g2")),
    call("XCLAIM", key, "g1", one("c1", "c2"), "0", some(id), maybe(one("JUSTID", "FORCE"))),
    call(
      "XAUTOCLAIM",
      key,
      "g1",
      one("c1", "c2"),
      "0",
      one("0", "1-1", "-"),
      maybe(row("COUNT", count)),
      maybe(one("JUSTID"))
    ),
    call("XINFO", "GROUPS", key)
  ]),
  bitmaps: mixed([
    call("SETBIT", key, one("0", "7", "9", "100", "-1", "x"), one("0", "1", "2")),
    call("GETBIT", key, one("0", "7", "9", "100", "-1")),
    call("SET", key, one("\xff\xf0\x00", "foobar", "\x00", "\xff\xff")),
    call("BITCOUNT", key, maybe(row(index, index, maybe(one("BYTE", "BIT"))))),
    call("BITPOS", key, one("0", "1", "2"), maybe(row(index, maybe(row(index, maybe(one("BYTE", "BIT"))))))),
    call("BITOP", one("AND", "OR", "XOR", "NOT", "BAD"), key, some(key)),
    call("BITFIELD", key, some(row("GET", one("u8", "i5", "u64", "i64"), one("0", "#1", "3", "-1")))),
    call(
      "BITFIELD",
      key,
      maybe(row("OVERFLOW", one("WRAP", "SAT", "FAIL"))),
      some(row(one("SET", "INCRBY"), one("u8", "i5", "u2", "i64"), one("0", "#1", "3"), one("1", "-1", "100", "300")))
    ),
    call("BITFIELD_RO", key, "GET", "u8", "0"),
    call("GET", key)
  ]),
  hyperloglog: mixed([
    call("PFADD", key, maybe(some(one("a", "b", "c", "hello", "12345678", "a longer element of 30 bytes", ""), 1, 6))),
    call("PFCOUNT", some(key)),
    call("PFMERGE", key, some(key))
  ]),
  geo: mixed([
    call("GEOADD", key, maybe(one("NX", "XX")), maybe(one("CH")), some(row(longitude, latitude, member))),
    call("GEOPOS", key, some(member)),
    call("GEODIST", key, member, member, maybe(one("km", "mi", "ft", "bad"))),
    call("GEOHASH", key, some(member)),
    call(
      "GEOSEARCH",
      key,
      fc.oneof(row("FROMLONLAT", longitude, latitude), row("FROMMEMBER", member)),
      fc.oneof(row("BYRADIUS", one("200", "5000"), "km"), row("BYBOX", "400", "400", "km")),
      one("ASC", "DESC"),
      maybe(row("COUNT", count)),
      maybe(one("WITHDIST")),
      maybe(one("WITHCOORD"))
    ),
    call("GEOSEARCHSTORE", key, key, "FROMLONLAT", "15", "37", "BYRADIUS", "200", "km"),
    call("ZRANGE", key, "0", "-1")
    // Scores that are no places give what the server's arithmetic happens to give.
  ], fc.oneof(call("SET", key, value), call("DEL", key))),
  scans: mixed([
    call("SET", key, value),
    call("SADD", key, some(member)),
    call("HSET", key, some(row(field, value))),
    call("ZADD", key, some(row(score, member))),
    call(
      "SCAN",
      one("0", "x"),
      maybe(row("MATCH", one("*a", "x"))),
      maybe(row("COUNT", one("100", "0", "x"))),
      maybe(row("TYPE", "string"))
    ),
    call("SSCAN", key, "0", maybe(row("MATCH", one("[ab]", "1")))),
    call("HSCAN", key, "0", maybe(row("MATCH", "f"))),
    call("ZSCAN", key, "0")
  ])
}

/** Reads all keys in the end, whatever their types, after each sequence. */
export const inspection: ReadonlyArray<Words> = [
  ["DISCARD"],
  ...["{t}a", "{t}b", "{t}c"].flatMap((key): ReadonlyArray<Words> => [
    ["TYPE", key],
    ["TTL", key],
    ["GET", key],
    ["LRANGE", key, "0", "-1"],
    ["HGETALL", key],
    ["SMEMBERS", key],
    ["ZRANGE", key, "0", "-1", "WITHSCORES"],
    ["XRANGE", key, "-", "+"]
  ])
]
