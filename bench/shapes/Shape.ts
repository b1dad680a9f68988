import type { ClusterNode } from "../BenchClient.ts"

/** The calls that are measured: each is one command with a reply of its own shape. */
export type Kind =
  | "getText"
  | "getBytes"
  | "setText"
  | "setBytes"
  | "incr"
  | "mget"
  | "lrange"
  | "smembers"
  | "hgetall"
  | "zrange"
  | "xrange"
  | "hset"
  | "zadd"

export interface Shape {
  readonly name: string
  readonly kind: Kind
  /** The key, or the hash tag of the keys. */
  readonly key: string
  /** The value that is written or read. */
  readonly value: string
  /** The number of elements, fields or keys. */
  readonly count: number
  readonly callers: number
}

const shape = (name: string, kind: Kind, value: string, count: number, callers: number): Shape => ({
  name: `${name}, ${callers} ${callers === 1 ? "caller" : "callers"}`,
  kind,
  key: `{shape:${kind}:${value.length}:${count}}`,
  value,
  count,
  callers
})

const short = "0123456789abcdef"
const unicode = "grüße, 世界! ".repeat(100)
const kib = (count: number) => "x".repeat(count * 1024)

export const shapes: ReadonlyArray<Shape> = [
  ...[1, 10, 100, 1000, 10_000].map((callers) => shape("GET of 16 B", "getText", short, 1, callers)),
  shape("GET of 1 KiB of unicode", "getText", unicode, 1, 100),
  shape("GET of 1 KiB as bytes", "getBytes", kib(1), 1, 100),
  shape("GET of 1 MiB as text", "getText", kib(1024), 1, 4),
  shape("GET of 1 MiB as bytes", "getBytes", kib(1024), 1, 4),
  shape("GET of 16 MiB as bytes", "getBytes", kib(16 * 1024), 1, 2),
  shape("SET of 1 MiB of text", "setText", kib(1024), 1, 4),
  shape("SET of 1 MiB of bytes", "setBytes", kib(1024), 1, 4),
  shape("INCR", "incr", "0", 1, 100),
  shape("MGET of 100 keys of one slot", "mget", short, 100, 10),
  shape("LRANGE of 1000", "lrange", short, 1000, 10),
  shape("SMEMBERS of 1000", "smembers", short, 1000, 10),
  shape("HGETALL of 100 fields", "hgetall", short, 100, 10),
  shape("ZRANGE WITHSCORES of 1000", "zrange", short, 1000, 10),
  shape("XRANGE of 100 entries", "xrange", short, 100, 10),
  shape("HSET of 10 fields", "hset", short, 10, 100),
  shape("ZADD of 10 members", "zadd", short, 10, 100)
]

/** The names of the elements, fields, members or keys of a shape. */
export const namesOf = ({ count, key }: Shape): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${key}:${index}`)

/** A client under test, with its best settings. */
export interface ShapeClient {
  readonly connect: (nodes: ReadonlyArray<ClusterNode>) => Promise<void>
  /** Makes the call of a shape once. */
  readonly once: (shape: Shape) => Promise<unknown>
  /** Makes the call of a shape in closed loops, one for each caller, until `more` says no. */
  readonly repeat: (shape: Shape, more: () => boolean) => Promise<void>
}

/** The loops of a client whose calls are promises. */
export const byPromises = (
  connect: ShapeClient["connect"],
  callOf: (shape: Shape) => () => Promise<unknown>
): ShapeClient => ({
  connect,
  once: (shape) => callOf(shape)(),
  repeat: async (shape, more) => {
    const call = callOf(shape)
    const loop = async () => {
      while (more()) await call()
    }
    await Promise.all(Array.from({ length: shape.callers }, loop))
  }
})
