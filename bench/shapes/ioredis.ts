import { Cluster } from "ioredis"
import { byPromises, namesOf, type Shape } from "./Shape.ts"

const callOf = (cluster: Cluster, shape: Shape): () => Promise<unknown> => {
  const { key, value } = shape
  const names = [...namesOf(shape)]
  switch (shape.kind) {
    case "getText":
      return () => cluster.get(key)
    case "getBytes":
      return () => cluster.getBuffer(key)
    case "setText":
      return () => cluster.set(key, value)
    case "setBytes": {
      const bytes = Buffer.from(value)
      return () => cluster.set(key, bytes)
    }
    case "incr":
      return () => cluster.incr(key)
    case "mget":
      return () => cluster.mget(names)
    case "lrange":
      return () => cluster.lrange(key, 0, -1)
    case "smembers":
      return () => cluster.smembers(key)
    case "hgetall":
      return () => cluster.hgetall(key)
    case "zrange":
      return () => cluster.zrange(key, 0, -1, "WITHSCORES")
    case "xrange":
      return () => cluster.xrange(key, "-", "+")
    case "hset": {
      const fields = Object.fromEntries(names.map((name) => [name, value]))
      return () => cluster.hset(key, fields)
    }
    case "zadd": {
      const members = names.flatMap((name, score) => [score, name])
      return () => cluster.zadd(key, ...members)
    }
  }
}

/** `autopipelining` puts commands of one tick into one write. */
const clientWith = (enableAutoPipelining: boolean) => {
  let cluster: Cluster
  return byPromises(async (nodes) => {
    cluster = new Cluster(nodes.map(({ host, port }) => ({ host, port })), { lazyConnect: true, enableAutoPipelining })
    await cluster.connect()
  }, (shape) => callOf(cluster, shape))
}

export const client = clientWith(false)
export const autopipelining = clientWith(true)
