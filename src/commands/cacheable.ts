/**
 * The commands whose replies the client may keep: the reply depends on nothing but the values of the keys and the
 * arguments, so that the server's report of a change of a key is enough to know that it is outdated.
 *
 * This is a list, because many commands that only read depend on more: on the time (`TTL`), on chance (`SRANDMEMBER`),
 * on a cursor (`SSCAN`), on the server (`OBJECT`), or on keys that they do not declare (`SORT_RO ... BY`).
 */
import type { Argument } from "../protocol/Reply.ts"
import { isWord } from "./words.ts"

/** One text, so that bundles have no list of the names of all groups of commands. */
export const names: ReadonlySet<string> = new Set(
  (
    "GET GETRANGE SUBSTR STRLEN GETBIT BITCOUNT BITPOS BITFIELD_RO LCS MGET DIGEST EXISTS TYPE EXPIRETIME " +
    "PEXPIRETIME SORT_RO HGET HMGET HGETALL HKEYS HVALS HLEN HEXISTS HSTRLEN HEXPIRETIME HPEXPIRETIME " +
    "LINDEX LLEN LPOS LRANGE SCARD SISMEMBER SMISMEMBER SMEMBERS SDIFF SINTER SUNION SINTERCARD ZCARD " +
    "ZCOUNT ZLEXCOUNT ZMSCORE ZSCORE ZRANK ZREVRANK ZDIFF ZINTER ZUNION ZINTERCARD ZRANGE ZRANGEBYLEX " +
    "ZRANGEBYSCORE ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE GEODIST GEOHASH GEOPOS GEOSEARCH " +
    "GEORADIUS_RO GEORADIUSBYMEMBER_RO XLEN XRANGE XREVRANGE JSON.GET JSON.TYPE JSON.STRLEN JSON.ARRLEN " +
    "JSON.ARRINDEX JSON.OBJLEN JSON.OBJKEYS"
  ).split(" ")
)

/** Whether the reply of a call depends on nothing but the values of its keys and its arguments. */
export const isCacheable = (name: string, args: ReadonlyArray<Argument>): boolean =>
  names.has(name) &&
  // BY and GET read keys that the command does not declare.
  (name !== "SORT_RO" || !args.slice(1).some((arg) => isWord(arg, "BY") || isWord(arg, "GET")))
