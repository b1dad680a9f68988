/**
 * `Lock` and the lock of redis-py on one key: services in both languages keep each other out.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Lock from "../../src/Lock.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as RedisPy from "../harness/RedisPy.ts"
import { eventually } from "../harness/Waiting.ts"

const found = await RedisPy.find()
const python = "python" in found ? found.python : ""
const why = "reason" in found ? ` (skipped: ${found.reason})` : ""

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3 })))

const ttl = "20 seconds"

/** A Python process with `rc`, a client of the cluster. */
const connected = Effect.gen(function*() {
  const { nodes: [{ host, port }] } = yield* RedisCluster
  const ask = yield* RedisPy.session(python)
  yield* ask(`import redis; from redis.cluster import RedisCluster; rc = RedisCluster(host="${host}", port=${port})`)
  return ask
})

describe.skipIf(python === "")(`A lock and a lock of redis-py on the same key${why}`, () => {
  layer(client, { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("keep each other out", () =>
      Effect.gen(function*() {
        const ask = yield* connected
        yield* ask(`lock = rc.lock("report", timeout=20)`)
        assert.strictEqual(yield* ask(`lock.acquire()`), "True")
        assert.isTrue(Option.isNone(yield* Lock.tryWithLock("report", { ttl })(Effect.void)))
        assert.isTrue(yield* Lock.isLocked("report"))
        const waiting = yield* Effect.forkChild(
          Lock.withLock("report", { ttl, wait: "20 seconds" })(
            Effect.gen(function*() {
              assert.strictEqual(yield* ask(`rc.lock("report", timeout=20).acquire(blocking=False)`), "False")
              assert.strictEqual(yield* ask(`lock.owned()`), "False")
              return "ours"
            })
          )
        )
        yield* ask(`lock.release()`)
        assert.strictEqual(yield* Fiber.join(waiting), "ours")
        assert.strictEqual(yield* ask(`rc.lock("report", timeout=20).acquire(blocking=False)`), "True")
        yield* (yield* ClusterClient).del("report")
      }).pipe(Effect.scoped))

    it.effect("have tokens of one kind: each can be seen, extended and released from the other side", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const ask = yield* connected
        yield* ask(`lock = rc.lock("shared", timeout=5); lock.acquire()`)
        const token = yield* Lock.owner("shared")
        assert.strictEqual(yield* ask(`lock.local.token.decode()`), `'${token}'`)
        assert.isTrue(yield* Lock.extend("shared", token ?? "", "60 seconds"))
        assert.isAbove(yield* redis.pttl("shared"), 20_000)
        assert.strictEqual(yield* ask(`lock.owned()`), "True")
        assert.isTrue(yield* Lock.release("shared", token ?? ""))
        assert.strictEqual(yield* ask(`lock.locked()`), "False")
        const error = yield* Effect.flip(ask(`lock.release()`))
        assert.include(error.message, "LockNotOwnedError")

        yield* Effect.scoped(Effect.gen(function*() {
          const mine = yield* Lock.make("shared", { ttl })
          yield* ask(`theirs = rc.lock("shared", timeout=20, thread_local=False)`)
          yield* ask(`theirs.local.token = b"${mine.token}"`)
          assert.strictEqual(yield* ask(`theirs.owned()`), "True")
          assert.strictEqual(yield* ask(`theirs.release()`), "None")
          yield* eventually("that the lock is free", Effect.map(Lock.isLocked("shared"), (held) => !held))
        }))
      }).pipe(Effect.scoped))

    it.effect("have no time to live on either side when that is wished for", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const ask = yield* connected
        yield* Lock.withLock("endless", { ttl: "Infinity" })(Effect.gen(function*() {
          assert.strictEqual(yield* redis.pttl("endless"), -1)
          assert.strictEqual(yield* ask(`rc.lock("endless").acquire(blocking=False)`), "False")
        }))
        assert.strictEqual(yield* ask(`rc.lock("endless").acquire(blocking=False)`), "True")
        assert.isTrue(yield* Lock.isLocked("endless"))
        assert.isTrue(Option.isNone(yield* Lock.tryWithLock("endless", { ttl })(Effect.void)))
      }).pipe(Effect.scoped))
  })
})
