import { createCluster, RESP_TYPES } from "redis"
import { byPromises, namesOf, type Shape } from "./Shape.ts"

let cluster: ReturnType<typeof createCluster>

const callOf = (shape: Shape): () => Promise<unknown> => {
  const { key, value } = shape
  const names = [...namesOf(shape)]
  switch (shape.kind) {
    case "getText":
      return () => cluster.get(key)
    case "getBytes": {
      const bytes = cluster.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
      return () => bytes.get(key)
    }
    case "setText":
      return () => cluster.set(key, value)
    case "setBytes": {
      const bytes = Buffer.from(value)
      return () => cluster.set(key, bytes)
    }
    case "incr":
      return () => cluster.incr(key)
    case "mget":
      return () => cluster.mGet(names)
    case "lrange":
      return () => cluster.lRange(key, 0, -1)
    case "smembers":
      return () => cluster.sMembers(key)
    case "hgetall":
      return () => cluster.hGetAll(key)
    case "zrange":
      return () => cluster.zRangeWithScores(key, 0, -1)
    case "xrange":
      return () => cluster.xRange(key, "-", "+")
    case "hset": {
      const fields = Object.fromEntries(names.map((name) => [name, value]))
      return () => cluster.hSet(key, fields)
    }
    case "zadd": {
      const members = names.map((name, score) => ({ value: name, score }))
      return () => cluster.zAdd(key, members)
    }
  }
}

/** The timeout off, as its users would for speed. */
export const client = byPromises(async (nodes) => {
  cluster = createCluster({
    rootNodes: nodes.map(({ host, port }) => ({ socket: { host, port } })),
    commandOptions: { timeout: 0 }
  })
  cluster.on("error", (error) => console.error(error))
  await cluster.connect()
}, callOf)
