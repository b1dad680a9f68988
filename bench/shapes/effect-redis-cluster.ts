import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type { RedisClusterException } from "../../src/index.ts"
import { ClusterClient, type ClusterClientShape, Command } from "../../src/index.ts"
import { namesOf, type Shape, type ShapeClient } from "./Shape.ts"

let runtime: ManagedRuntime.ManagedRuntime<ClusterClient, unknown>
let redis: ClusterClientShape

const callOf = (shape: Shape): () => Effect.Effect<unknown, RedisClusterException> => {
  const { key, value } = shape
  const names = namesOf(shape)
  switch (shape.kind) {
    case "getText":
      return () => redis.get(key)
    case "getBytes":
      return () => Command.bytes(redis.get(key))
    case "setText":
      return () => redis.set(key, value)
    case "setBytes": {
      const bytes = Buffer.from(value)
      return () => redis.set(key, bytes)
    }
    case "incr":
      return () => redis.incr(key)
    case "mget":
      return () => redis.mget(names)
    case "lrange":
      return () => redis.lrange(key, 0, -1)
    case "smembers":
      return () => redis.smembers(key)
    case "hgetall":
      return () => redis.hgetall(key)
    case "zrange":
      return () => redis.zrange(key, 0, -1, { withScores: true })
    case "xrange":
      return () => redis.xrange(key, "-", "+")
    case "hset": {
      const fields = Object.fromEntries(names.map((name) => [name, value]))
      return () => redis.hset(key, fields)
    }
    case "zadd": {
      const members = Object.fromEntries(names.map((name, score) => [name, score]))
      return () => redis.zadd(key, members)
    }
  }
}

export const client: ShapeClient = {
  connect: async (nodes) => {
    runtime = ManagedRuntime.make(
      ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })
    )
    redis = await runtime.runPromise(Effect.service(ClusterClient))
  },
  once: (shape) => Effect.runPromise(callOf(shape)()),
  repeat: (shape, more) => {
    const call = callOf(shape)
    const loop = Effect.whileLoop({ while: more, body: call, step: () => {} })
    return Effect.runPromise(
      Effect.all(Array.from({ length: shape.callers }, () => loop), { concurrency: "unbounded", discard: true })
    )
  }
}
