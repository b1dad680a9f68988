import { assert, describe, it, layer } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import dns from "node:dns"
import * as Net from "node:net"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as Command from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { forward } from "../harness/Forwarding.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { connectionsNamed } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"
import { until } from "../harness/Waiting.ts"
import { Account, keyOfShard, openClient } from "./Load.ts"

/** Nobody takes over from a stopped node, and the others go on serving. */
const patient = { nodeTimeout: 30_000, options: ["--cluster-require-full-coverage", "no"] }

/** Runs an effect while a node is stopped. */
const whileStopped = <A, E, R>(cluster: RedisClusterShape, node: RedisNode, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(cluster.stop(node), () => effect, () => Effect.orDie(cluster.continue(node)))

/** The resources that keep this process alive, by kind: sockets, timers, pipes ... */
const handles = Effect.map(Effect.sleep(50), () => process.getActiveResourcesInfo())

/** Waits until no handle is left that was not there before; those that are. */
const leftOver = Effect.fnUntraced(function*(before: ReadonlyArray<string>) {
  for (let attempt = 0;; attempt++) {
    const known = [...before]
    const left = (yield* handles).filter((kind) => {
      const at = known.indexOf(kind)
      if (at >= 0) known.splice(at, 1)
      return at < 0
    })
    if (left.length === 0 || attempt === 40) return left
  }
})

layer(RedisCluster.layer(patient), { excludeTestServices: true, timeout: 60_000 })((it) => {
  describe("interruption", () => {
    it.effect("of a command in the queue: it never reaches the server", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [victim] = cluster.nodes
        const { connections, redis } = yield* openClient({ nodes: cluster.seeds, maxInFlight: 1 })
        const [first, second, third] = ["queue-a", "queue-b", "queue-c"].map((prefix) => keyOfShard(prefix, 0))
        yield* redis.get(first)
        const connection = connections.all().find(({ endpoint }) => endpoint.port === victim.port)
        const results = yield* whileStopped(
          cluster,
          victim,
          Effect.gen(function*() {
            const fibers = yield* Effect.forEach([first, second, third], (key) => Effect.forkScoped(redis.incr(key)))
            yield* until("three commands at hand", () => connection?.depth === 3)
            yield* Fiber.interrupt(fibers[1])
            return fibers
          })
        )
        assert.strictEqual(yield* Fiber.join(results[0]), 1)
        assert.strictEqual(yield* Fiber.join(results[2]), 1)
        assert.isNull(yield* redis.get(second))
      }))

    it.effect("of commands on the wire: the others get their own replies", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { connections, redis } = yield* openClient({ nodes: cluster.seeds })
        const keys = Array.from({ length: 60 }, (_, i) => keyOfShard(`wire-${i}`, 0))
        for (const key of keys) yield* redis.set(key, `value of ${key}`)
        const connection = connections.all().find(({ endpoint }) => endpoint.port === cluster.nodes[0].port)
        const fibers = yield* whileStopped(
          cluster,
          cluster.nodes[0],
          Effect.gen(function*() {
            const fibers = yield* Effect.forEach(keys, (key) => Effect.forkScoped(redis.get(key)))
            yield* until("all commands at hand", () => connection?.depth === keys.length)
            yield* Effect.sleep(50)
            yield* Effect.forEach(fibers.filter((_, i) => i % 3 === 0), (fiber) => Fiber.interrupt(fiber))
            return fibers
          })
        )
        for (const [i, fiber] of fibers.entries()) {
          const exit = yield* Fiber.await(fiber)
          if (i % 3 === 0) assert.isTrue(Exit.hasInterrupts(exit))
          else assert.deepStrictEqual(exit, Exit.succeed(`value of ${keys[i]}`))
        }
        assert.strictEqual(connection?.depth, 0)
        assert.strictEqual(connection?.state, "ready")
      }))

    it.effect("by Effect.timeout: the caller goes on at once, and the next reply is the next command's", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* openClient({ nodes: cluster.seeds })
        const [one, other] = ["timeout-a", "timeout-b"].map((prefix) => keyOfShard(prefix, 0))
        yield* redis.set(one, "one")
        yield* redis.set(other, "other")
        const later = yield* whileStopped(
          cluster,
          cluster.nodes[0],
          Effect.gen(function*() {
            const error = yield* Effect.flip(Effect.timeout(redis.get(one), 100))
            assert.strictEqual((error as Cause.TimeoutError)._tag, "TimeoutError")
            return yield* Effect.forkScoped(redis.get(other))
          })
        )
        assert.strictEqual(yield* Fiber.join(later), "other")
      }))
  })

  describe("a process that was too busy to look", () => {
    it.effect("takes the replies that came in time, although it reads them after the deadline", () =>
      Effect.gen(function*() {
        const { redis } = yield* openClient({ nodes: (yield* RedisCluster).seeds, commandTimeout: "150 millis" })
        const keys = [0, 1, 2].map((shard) => keyOfShard("busy", shard))
        for (const key of keys) yield* redis.set(key, "value")
        const fibers = yield* Effect.forEach(keys, (key) => Effect.forkScoped(redis.get(key)))
        // They are written at the end of this turn of the event loop; in the next one nobody listens.
        yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
        for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), "value")
      }))
  })

  describe("a function of the program that throws", () => {
    it.effect("while it transforms a result fails that command alone", () =>
      Effect.gen(function*() {
        const { redis } = yield* openClient({ nodes: (yield* RedisCluster).seeds })
        const key = keyOfShard("thrower", 0)
        yield* redis.set(key, "value")
        const broken = Strings.get(key).pipe(Command.map((): string => {
          throw new Error("a mistake")
        }))
        const [one, error, other] = yield* Effect.all(
          [redis.get(key), Effect.flip(redis.execute(broken)), redis.get(key)],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual([one, other], ["value", "value"])
        assert.strictEqual(error.reason._tag, "DecodeError")
        assert.strictEqual(error.outcome, "Executed")
      }))
  })

  describe("an argument that is neither text nor bytes", () => {
    const wrong: ReadonlyArray<unknown> = [undefined, null, {}, [1], true, Symbol("s"), () => "text"]
    it.effect("is refused before anything is sent, wherever it stands, and nobody else notices", () =>
      Effect.gen(function*() {
        const { connections, redis } = yield* openClient({ nodes: (yield* RedisCluster).seeds })
        const key = keyOfShard("misfit", 0)
        yield* redis.set(key, "0")
        for (const value of wrong) {
          // Values that a program without types would pass.
          const misfit = value as string
          const refused = yield* Effect.all(
            [
              redis.set(key, misfit),
              redis.set(misfit, "value"),
              redis.get(misfit),
              redis.send("SET", key, misfit),
              redis.send("SET", misfit, "value"),
              redis.on("primaries").send("CONFIG", "GET", misfit),
              redis.mgetNonatomic([key, misfit]),
              redis.msetNonatomic([[key, "changed"], [key + "2", misfit]]),
              redis.pipeline([Strings.set(key, "changed"), Strings.set(key, misfit)]),
              redis.transaction([Strings.set(key, "changed"), Strings.set(key, misfit)])
            ].map((effect: Effect.Effect<unknown, RedisClusterException>) => Effect.flip(effect)),
            { concurrency: "unbounded" }
          )
          for (const error of refused) {
            assert.include(["OptionsError", "PipelineError", "TransactionError"], error.reason._tag)
            assert.strictEqual(error.outcome, "NotExecuted")
            assert.include(error.message, "expected text (a string) or bytes (a Uint8Array)")
          }
        }
        assert.strictEqual(yield* redis.get(key), "0")
        assert.isTrue(connections.all().every(({ depth }) => depth === 0))
      }))
  })

  describe("the bound of unanswered commands", () => {
    const keys = Array.from({ length: 20 }, (_, i) => keyOfShard(`bound-${i}`, 0))

    it.effect("with overflow \"fail\": what is beyond it fails at once and was not executed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* openClient({ nodes: cluster.seeds, maxInFlight: 4, overflow: "fail" })
        yield* redis.get(keys[0])
        const { fibers, refused } = yield* whileStopped(
          cluster,
          cluster.nodes[0],
          Effect.gen(function*() {
            const fibers = yield* Effect.forEach(keys.slice(0, 4), (key) => Effect.forkScoped(redis.incr(key)))
            yield* Effect.sleep(20)
            const refused = yield* Effect.forEach(keys.slice(4), (key) => Effect.flip(redis.incr(key)))
            // The bound is that of one node.
            yield* redis.set(keyOfShard("bound", 1), "1")
            return { fibers, refused }
          })
        )
        for (const { outcome, reason } of refused) {
          assert.strictEqual(reason._tag, "OverloadedError")
          assert.strictEqual(outcome, "NotExecuted")
        }
        for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), 1)
        for (const key of keys.slice(4)) assert.isNull(yield* redis.get(key))
        for (const key of keys) yield* redis.del(key)
      }))

    it.effect("with overflow \"suspend\": what is beyond it waits its turn", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* openClient({ nodes: cluster.seeds, maxInFlight: 4 })
        yield* redis.get(keys[0])
        const fibers = yield* whileStopped(
          cluster,
          cluster.nodes[0],
          Effect.gen(function*() {
            const fibers = yield* Effect.forEach(keys, (key) => Effect.forkScoped(redis.incr(key)))
            yield* Effect.sleep(100)
            assert.isTrue(fibers.every((fiber) => fiber.pollUnsafe() === undefined))
            return fibers
          })
        )
        for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), 1)
      }))
  })

  describe("closing the client", () => {
    for (
      const { frozen, title } of [
        { frozen: false, title: "under load: everything ends, and nothing is left" },
        { frozen: true, title: "with a frozen node: everything ends when drainTimeout is over" }
      ]
    ) {
      it.effect(title, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const name = frozen ? "leaving-frozen" : "leaving"
          const before = yield* handles
          const scope = yield* Scope.make()
          const { redis } = yield* Scope.provide(
            openClient({
              nodes: cluster.seeds,
              clientName: name,
              drainTimeout: "300 millis",
              commandTimeout: "20 seconds"
            }),
            scope
          )
          const keys = [0, 1, 2].map((shard) => keyOfShard(name, shard))
          // Workers that go on until the client says that it is closed.
          const load = yield* Effect.forEach(keys.flatMap((key) => Array.from({ length: 20 }, () => key)), (key) =>
            Effect.forkScoped(Effect.flip(Effect.forever(redis.incr(key)))))
          yield* Effect.sleep(100)
          assert.isAtLeast(yield* connectionsNamed(cluster, name), 3)

          const close = Effect.gen(function*() {
            yield* Effect.sleep(50)
            const timed = yield* MachineLag.timed(Scope.close(scope, Exit.void))
            // The fibers have been told; they still have to run.
            yield* Effect.sleep(50)
            assert.isTrue(
              load.every((fiber) =>
                fiber.pollUnsafe() !== undefined
              ),
              "a command outlived its client"
            )
            return timed
          })
          const { own, took } = yield* frozen ? whileStopped(cluster, cluster.nodes[0], close) : close
          if (frozen) assert.isAtLeast(took, 290)
          assert.isBelow(own, 1300)
          for (const fiber of load) {
            const { outcome, reason } = yield* Fiber.join(fiber)
            assert.strictEqual(reason._tag, "ClosedError")
            // Commands on the wire to the frozen node may have been executed; nobody can know.
            if (outcome !== "NotExecuted") assert.isTrue(frozen && outcome === "Unknown", outcome)
          }
          const late = yield* Effect.flip(redis.get(keys[1]))
          assert.strictEqual(late.reason._tag, "ClosedError")

          assert.deepStrictEqual(yield* leftOver(before), [])
          for (let i = 0; i < 50 && (yield* connectionsNamed(cluster, name)) > 0; i++) yield* Effect.sleep(20)
          assert.strictEqual(yield* connectionsNamed(cluster, name), 0)
        }))
    }

    it.effect("that never came to be, for want of a node: nothing is left", () =>
      Effect.gen(function*() {
        const before = yield* handles
        const { port } = yield* Effect.scoped(forward(() => 1))
        const { reason } = yield* Effect.flip(Effect.scoped(openClient({ nodes: { host: "127.0.0.1", port } })))
        assert.strictEqual(reason._tag, "NoReachableNodeError")
        assert.deepStrictEqual(yield* leftOver(before), [])
      }))
  })
})

describe("a cluster that moves", () => {
  it.live(
    "is found again behind the same seed when all of it has restarted on new ports",
    () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const old = yield* Scope.provide(RedisCluster.make(), scope)
        let port = old.nodes[0].port
        const seed = yield* forward(() => port)
        const { redis } = yield* openClient({
          nodes: { host: "127.0.0.1", port: seed.port },
          commandTimeout: "20 seconds"
        })
        const keys = [0, 1, 2].map((shard) => keyOfShard("moving", shard))
        for (const key of keys) assert.strictEqual(yield* redis.incr(key), 1)

        yield* Scope.close(scope, Exit.void)
        const waiting = yield* Effect.forEach(keys, (key) => Effect.forkScoped(redis.get(key)))
        const cluster = yield* RedisCluster.make()
        port = cluster.nodes[1].port
        // The new cluster is empty: these are its answers.
        for (const fiber of waiting) assert.isNull(yield* Fiber.join(fiber))
        for (const key of keys) assert.strictEqual(yield* redis.incr(key), 1)
        const nodes = yield* redis.nodes
        assert.sameMembers(nodes.map((node) => node.port), cluster.nodes.map((node) => node.port))
      }),
    60_000
  )

  it.live.skipIf(process.platform !== "linux")(
    "is found again when the seed's name leads to another address",
    () =>
      Effect.gen(function*() {
        const name = "redis.test"
        let address = "127.0.0.1"
        let resolved = 0
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            const original = dns.lookup
            dns.lookup =
              ((hostname: string, options: { readonly all?: boolean }, done: (...args: Array<unknown>) => void) => {
                if (hostname !== name) return original(hostname, options, done)
                resolved++
                const answer = options.all === true ? [[{ address, family: 4 }]] : [address, 4]
                process.nextTick(done, null, ...answer)
              }) as typeof dns.lookup
            return original
          }),
          (original) => Effect.sync(() => (dns.lookup = original))
        )
        const scope = yield* Scope.make()
        const old = yield* Scope.provide(RedisCluster.make(), scope)
        const { port } = old.nodes[0]
        const { redis } = yield* openClient({ nodes: { host: name, port }, commandTimeout: "20 seconds" })
        const keys = [0, 1, 2].map((shard) => keyOfShard("named", shard))
        for (const key of keys) assert.strictEqual(yield* redis.incr(key), 1)
        assert.strictEqual(resolved, 1)

        yield* Scope.close(scope, Exit.void)
        const cluster = yield* RedisCluster.make()
        yield* forward(() => cluster.nodes[1].port, { host: "127.0.0.2", port })
        address = "127.0.0.2"
        for (const key of keys) assert.strictEqual(yield* redis.incr(key), 1)
        assert.isAtLeast(resolved, 2)
        assert.sameMembers((yield* redis.nodes).map((node) => node.port), cluster.nodes.map((node) => node.port))
      }),
    60_000
  )

  it.live("is not mistaken for another one that has taken over an address", () =>
    Effect.gen(function*() {
      const [ours, others] = yield* Effect.all([RedisCluster.make(), RedisCluster.make()], { concurrency: 2 })
      const taken = ours.nodes[0]
      let port = taken.port
      const stream = (endpoint: Endpoint) =>
        Net.connect({ host: endpoint.host, port: endpoint.port === taken.port ? port : endpoint.port })
      const { redis } = yield* openClient({ nodes: ours.seeds, stream, commandTimeout: "1 second" })
      const keys = [0, 1, 2].map((shard) => keyOfShard("foreign", shard))
      for (const key of keys) assert.strictEqual(yield* redis.incr(key), 1)

      port = others.nodes[0].port
      yield* ours.command(taken, "CLIENT", "KILL", "TYPE", "normal")
      const error = yield* Effect.flip(
        Effect.gen(function*() {
          // The first of them may still be lost with the connection that is killed under it.
          yield* Effect.result(redis.incr(keys[0]))
          return yield* redis.incr(keys[0])
        })
      )
      assert.strictEqual(error.reason._tag, "ConnectionError")
      assert.strictEqual(error.outcome, "NotExecuted")
      assert.include(error.message, `another node (${others.nodes[0].id}) listens where ${taken.id} was expected`)
      for (const key of keys.slice(1)) assert.strictEqual(yield* redis.incr(key), 2)
      yield* redis.refreshTopology
      assert.sameMembers((yield* redis.nodes).map(({ id }) => id), ours.nodes.map(({ id }) => id))
      for (const key of keys) {
        for (const node of others.nodes) {
          const reply = yield* Effect.result(others.command(node, "GET", key))
          assert.isTrue(Result.isFailure(reply) || reply.success === null, "a command went to the other cluster")
        }
      }

      port = taken.port
      const account = new Account()
      const worker = yield* Effect.forkScoped(account.worker(redis, keys[0]))
      yield* until("an answer", () => account.acknowledged(keys[0]).length > 0)
      account.stop()
      yield* Fiber.join(worker)
      assert.strictEqual(account.acknowledged(keys[0])[0], 2)
    }), 60_000)
})
