import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { connect as connectTo } from "node:net"
import { Duplex } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { blockedClients, connect, connectionsNamed } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, settled } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

/** Numbers from 0 to 1 that a seed decides. */
const generator = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** A link that takes a while to come about, and passes everything on from then. */
const slowToOpen = (stream: Duplex, millis: number): Duplex => {
  const early: Array<Buffer> = []
  let isOpen = false
  const link = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      if (isOpen) stream.write(chunk)
      else early.push(chunk)
      done()
    },
    final(done) {
      stream.end()
      done()
    },
    destroy(error, done) {
      stream.destroy()
      done(error)
    }
  })
  setTimeout(() => {
    isOpen = true
    if (!link.destroyed) { for (const chunk of early) stream.write(chunk) }
  }, millis)
  stream.on("data", (chunk) => link.push(chunk))
  stream.on("end", () => link.push(null))
  stream.on("error", (error) => link.destroy(error))
  return link
}

describeOnEach("An interruption at any moment, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("of whatever a dedicated connection is used for leaks no connection, and loses no element untold", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "any-moment"
        const random = generator(7)
        const stream = (endpoint: Endpoint) =>
          slowToOpen(cluster.stream?.(endpoint) ?? connectTo({ ...endpoint, noDelay: true }), random() * 4)
        // More callers than connections: some wait for one, some for the dial, some are held back by the server.
        const redis = yield* connect({
          nodes: cluster.seeds,
          clientName: name,
          stream,
          maxDedicatedConnections: 5,
          dedicatedIdleTimeout: "100 millis"
        })
        const counts = { taken: 0, lost: 0, pushed: 0 }
        const counting = Logger.layer([
          Logger.make(({ message }) => {
            if (String(message).includes("BLPOP was interrupted after")) counts.lost++
          })
        ])
        const pop = Effect.map(redis.blpop("{moment}list", "Infinity"), (popped) => {
          if (popped !== null) counts.taken++
        })
        const commit = redis.watch(
          "{moment}key",
          (tx) => Effect.andThen(tx.get("{moment}key"), tx.transaction([Strings.incr("{moment}key")]))
        )
        const own = Effect.scoped(Effect.gen(function*() {
          const client = yield* redis.dedicated("{moment}own")
          yield* client.set("{moment}own", "1")
          yield* client.blpop("{moment}never", "Infinity")
        }))
        const push = Effect.andThen(redis.rpush("{moment}list", "element"), Effect.sync(() => counts.pushed++))
        for (let turn = 0; turn < 40; turn++) {
          const fibers = yield* Effect.forEach(
            Array.from({ length: 12 }),
            (_, index) => {
              const use: Effect.Effect<unknown, unknown> = index % 4 === 0 ? own : index % 4 === 1 ? commit : pop
              const begin = Effect.andThen(Effect.sleep(random() * 3), Effect.ignore(use))
              return Effect.forkChild(Effect.provide(begin, counting), { startImmediately: true })
            }
          )
          const pushing = yield* Effect.forkChild(Effect.andThen(Effect.sleep(random() * 8), push))
          yield* Effect.forEach(
            fibers,
            (fiber) => Effect.andThen(Effect.sleep(random() * 12), Fiber.interrupt(fiber)),
            { concurrency: "unbounded", discard: true }
          )
          yield* Fiber.join(pushing)
        }
        assert.strictEqual(yield* settled(0, blockedClients(cluster)), 0)
        const left = yield* redis.llen("{moment}list")
        assert.strictEqual(counts.taken + counts.lost + left, counts.pushed, JSON.stringify({ ...counts, left }))
        // The shared connections are left.
        yield* eventually(
          "the dedicated connections are gone",
          Effect.map(connectionsNamed(cluster, name), (count) => count <= cluster.nodes.length)
        )
        // The pool is as good as new.
        assert.deepStrictEqual(
          yield* redis.watch("{moment}key", (tx) => tx.transaction([Strings.set("{moment}key", 1)])),
          [
            "OK"
          ]
        )
      }))
  })
})
