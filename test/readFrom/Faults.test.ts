import { assert, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Net from "node:net"
import { Duplex, Transform } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { keyOfShard } from "../faults/Load.ts"
import { calls, callsAt, connect, errorReplies, resetCounts } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"
import * as SteppedClock from "../harness/SteppedClock.ts"
import { until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { key, shard, slot } from "./Replicas.ts"

/** Reads that go on until they are stopped: how each of them ended, and how long it took. */
class Readers {
  readonly results: Array<Result.Result<string | null, RedisClusterException>> = []
  longest = 0
  private running = true

  run(redis: Pick<ClusterClientShape, "get">, key: string, count = 4) {
    const worker = Effect.gen({ self: this }, function*() {
      while (this.running) {
        const started = Date.now()
        this.results.push(yield* Effect.result(redis.get(key)))
        this.longest = Math.max(this.longest, Date.now() - started)
        yield* Effect.sleep(2)
      }
    })
    return Effect.forkChild(Effect.all(Array.from({ length: count }, () => worker), { concurrency: "unbounded" }))
  }

  stop(fiber: Fiber.Fiber<unknown>) {
    this.running = false
    return Fiber.await(fiber)
  }

  get failures(): ReadonlyArray<string> {
    return this.results.flatMap((result) => Result.isFailure(result) ? [result.failure.message] : [])
  }
}

/** Waits until a node is sent reads. */
const untilServing = (cluster: RedisClusterShape, node: RedisNode) =>
  Effect.gen(function*() {
    const before = yield* calls(cluster, "get", [node])
    yield* Effect.repeat(calls(cluster, "get", [node]), {
      schedule: Schedule.spaced(50),
      until: (count) => count > before + 5,
      times: 400
    })
    return (yield* calls(cluster, "get", [node])) > before + 5
  })

/**
 * Cuts replicas off: they go on serving what they have, and cannot log in to their primary. (One that is refused PSYNC
 * would fall back to SYNC, and when that is allowed again in between, count its offset from nowhere from then on.)
 */
const cutOff = (cluster: RedisClusterShape, replicas: ReadonlyArray<RedisNode>) =>
  Effect.acquireRelease(
    Effect.forEach(replicas, (replica) =>
      Effect.andThen(
        cluster.command(replica, "CONFIG", "SET", "masterauth", "wrong"),
        cluster.command(replica, "CLIENT", "KILL", "TYPE", "master")
      )),
    () =>
      Effect.orDie(Effect.forEach(replicas, (replica) => cluster.command(replica, "CONFIG", "SET", "masterauth", "")))
  )

/** Changes what is written to a node, or holds back what it says. */
const link = (endpoint: Endpoint, change: (bytes: string) => string, delay = 0): Duplex => {
  const socket = Net.connect(endpoint)
  const late = new Transform({
    transform: (chunk, _, done) => {
      setTimeout(() => done(null, chunk), delay)
    }
  })
  const changed = new Transform({
    transform: (chunk, _, done) => done(null, Buffer.from(change(chunk.toString("latin1")), "latin1"))
  })
  socket.on("error", () => late.destroy())
  changed.pipe(socket)
  return Duplex.from({ readable: socket.pipe(late), writable: changed })
}

const unchanged = (bytes: string): string => bytes

describeOnEach("Reads from replicas, on $name", (environment) => {
  layer(environment.layer({ primaries: 1, replicas: 2, nodeTimeout: 30_000 }), { excludeTestServices: true })((it) => {
    it.effect("do not notice the death of a replica, and go to it again when it is back", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes: [, victim, other] } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.replicaPreferred })
        const readers = new Readers()
        const load = yield* readers.run(redis, key)
        assert(yield* untilServing(cluster, victim))
        yield* cluster.kill(victim)
        assert(yield* untilServing(cluster, other))
        yield* Effect.sleep(500)
        const counts = (yield* redis.readStatistics).flatMap(({ nodes }) => [...nodes])
        const passedOn = counts.find(([node]) => node.port === victim.port)?.[1].passedOn ?? 0
        // Each reader at most once or twice: what is known to be down is not asked.
        assert(passedOn <= 12, `${passedOn} reads were sent to it in vain`)
        yield* cluster.restart(victim)
        yield* cluster.awaitOk
        assert(yield* untilServing(cluster, victim), "it serves again")
        yield* readers.stop(load)
        assert.deepStrictEqual(readers.failures, [])
      })))

    it.effect("leave a replica that is silent, in time for their deadline", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes: [, victim, other] } = yield* shard
        const redis = yield* connect({
          nodes: cluster.seeds,
          readFrom: ReadFrom.replicaPreferred,
          commandTimeout: "3 seconds"
        })
        const readers = new Readers()
        const load = yield* readers.run(redis, key)
        assert(yield* untilServing(cluster, victim))
        yield* Effect.acquireUseRelease(
          cluster.stop(victim),
          () => Effect.andThen(Effect.sleep(2500), untilServing(cluster, other)),
          () => Effect.orDie(cluster.continue(victim))
        )
        assert(yield* untilServing(cluster, victim), "it serves again")
        yield* readers.stop(load)
        assert.deepStrictEqual(readers.failures, [])
        assert(readers.longest < 3000, `the longest took ${readers.longest} ms`)
      })))

    it.effect("go to the primary when no replica is left, whatever the policy", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes: [primary, ...replicas] } = yield* shard
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.readFrom(ReadFrom.replica).get(key)
        yield* Effect.acquireUseRelease(
          Effect.forEach(replicas, cluster.kill),
          () =>
            Effect.gen(function*() {
              yield* resetCounts({ ...cluster, nodes: [primary] })
              for (const policy of [ReadFrom.replica, ReadFrom.replicaPreferred, ReadFrom.roundRobin]) {
                for (let i = 0; i < 10; i++) assert.strictEqual(yield* redis.readFrom(policy).get(key), "value")
              }
              assert.strictEqual(yield* calls(cluster, "get", [primary]), 30)
            }),
          () => Effect.orDie(Effect.andThen(Effect.forEach(replicas, cluster.restart), cluster.awaitOk))
        )
      })))

    it.effect.runIf(environment.isReal)(
      "pass on what a replica refuses with MASTERDOWN, and leave it alone for a while",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { cluster, nodes: [primary, replica] } = yield* shard
          const others = (yield* cluster.replicasOf(primary)).slice(1)
          const redis = yield* connect({
            nodes: cluster.seeds,
            readFrom: ReadFrom.make("one", (all) => all.filter(({ node }) => node.port === replica.port))
          })
          yield* redis.get(key)
          yield* Effect.acquireRelease(
            cluster.command(replica, "CONFIG", "SET", "replica-serve-stale-data", "no"),
            () => Effect.orDie(cluster.command(replica, "CONFIG", "SET", "replica-serve-stale-data", "yes"))
          )
          yield* cutOff(cluster, [replica])
          yield* resetCounts(cluster)
          for (let i = 0; i < 20; i++) assert.strictEqual(yield* redis.get(key), "value")
          assert.strictEqual(yield* calls(cluster, "get", [primary]), 20)
          // PINGs are refused as well, and are not counted here.
          assert.deepStrictEqual(yield* callsAt(cluster, [replica], "get"), [20])
          assert.isAtLeast(yield* errorReplies({ ...cluster, nodes: [replica] }, "MASTERDOWN"), 20)
          const preferred = redis.readFrom(ReadFrom.replicaPreferred)
          yield* resetCounts(cluster)
          for (let i = 0; i < 20; i++) assert.strictEqual(yield* preferred.get(key), "value")
          assert.deepStrictEqual(yield* callsAt(cluster, [primary, replica, ...others], "get"), [0, 0, 20])
        }))
    )

    it.effect.runIf(environment.isReal)(
      "pass on what a replica without READONLY sends away, and keep the map as it is",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { cluster, nodes: [primary, ...replicas] } = yield* shard
          const redis = yield* connect({
            nodes: cluster.seeds,
            readFrom: ReadFrom.replica,
            stream: (endpoint) => link(endpoint, (bytes) => bytes.replace("$8\r\nREADONLY", "$9\r\nREADWRITE"))
          })
          yield* redis.get(key)
          const before = yield* redis.topology
          yield* resetCounts(cluster)
          for (let i = 0; i < 10; i++) assert.strictEqual(yield* redis.get(key), "value")
          assert.strictEqual(yield* calls(cluster, "get", [primary]), 10)
          assert((yield* errorReplies({ ...cluster, nodes: replicas }, "MOVED")) > 0)
          assert.strictEqual((yield* redis.topology).slots[slot], before.slots[slot])
        }))
    )

    it.effect.runIf(environment.isReal)(
      "are never older than the bound, not even from replicas that are cut off while the time of day is set back",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const bound = 600
          const { cluster, nodes: [, ...replicas] } = yield* shard
          const { clock, step } = yield* SteppedClock.make
          const options = { nodes: cluster.seeds, readFrom: ReadFrom.replica.pipe(ReadFrom.maxLag(bound)) }
          const redis = yield* Effect.provideService(connect(options), Clock.Clock, clock)
          /** When each number was acknowledged. */
          const written: Array<number> = []
          const stale: Array<string> = []
          let running = true
          const writer = yield* Effect.forkChild(Effect.gen(function*() {
            for (let i = 0; running; i++) {
              yield* redis.set(key, i)
              written.push(Date.now())
              yield* Effect.sleep(10)
            }
          }))
          yield* Effect.sleep(50)
          const reader = yield* Effect.forkChild(Effect.gen(function*() {
            while (running) {
              const since = Date.now() - bound
              const value = Number(yield* redis.get(key))
              const next = written[value + 1]
              if (next !== undefined && next < since) stale.push(`${value}, replaced ${since - next} ms too early`)
              yield* Effect.sleep(2)
            }
          }))
          const served = (nodes: ReadonlyArray<RedisNode>) =>
            Effect.map(
              callsAt(cluster, nodes, "get"),
              (counts) => counts.reduce((sum, count) => sum + count, 0)
            )
          assert(yield* untilServing(cluster, replicas[0]), "a replica that is in time serves")
          yield* Effect.scoped(Effect.gen(function*() {
            yield* cutOff(cluster, replicas)
            step(-60_000)
            yield* Effect.sleep(bound + 200)
            const before = yield* served(replicas)
            yield* Effect.sleep(500)
            assert.strictEqual(yield* served(replicas), before)
          }))
          yield* cluster.awaitOk
          assert(yield* untilServing(cluster, replicas[0]), "it serves again")
          running = false
          yield* Fiber.join(reader)
          yield* Fiber.join(writer)
          assert.deepStrictEqual(stale, [])
          assert(written.length > 50)
        }))
    )

    it.effect("are asked of a second node when the first is silent", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes: [, victim] } = yield* shard
        const redis = yield* connect({
          nodes: cluster.seeds,
          readFrom: ReadFrom.replica.pipe(ReadFrom.hedge({ after: "20 millis", budget: 1 }))
        })
        for (let i = 0; i < 10; i++) yield* redis.get(key)
        const times: Array<number> = []
        yield* Effect.acquireUseRelease(
          cluster.stop(victim),
          () =>
            Effect.forEach(Array.from({ length: 10 }), () =>
              Effect.gen(function*() {
                const started = Date.now()
                assert.strictEqual(yield* redis.get(key), "value")
                times.push(Date.now() - started)
              })),
          () => Effect.orDie(cluster.continue(victim))
        )
        const [{ nodes }] = yield* redis.readStatistics
        const hedges = [...nodes.values()].reduce((sum, counts) => sum + counts.hedges, 0)
        assert(hedges > 0, "there were hedges")
        // Without them the first would take as long as the client is patient with a silent replica: 2.5 seconds.
        assert(Math.max(...times) < 1500, `they took ${times.join()} ms`)
        assert.strictEqual(yield* redis.get(key), "value")
      })))

    it.effect("that a silent replica holds are asked of the next node before its connection is given up", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, nodes: [, victim] } = yield* shard
        const redis = yield* connect({
          nodes: cluster.seeds,
          commandTimeout: "30 seconds",
          readFrom: ReadFrom.replica
        })
        for (let i = 0; i < 10; i++) yield* redis.get(key)
        yield* Effect.acquireUseRelease(
          cluster.stop(victim),
          () =>
            Effect.gen(function*() {
              const reads = Effect.forEach(Array.from({ length: 10 }), () => redis.get(key), { concurrency: 10 })
              assert.deepStrictEqual(new Set(yield* reads), new Set(["value"]))
            }),
          () => Effect.orDie(cluster.continue(victim))
        )
        const [{ nodes }] = yield* redis.readStatistics
        const counts = [...nodes.values()]
        assert(counts.some(({ hedges }) => hedges > 0), "the next node was asked")
        assert(counts.every(({ passedOn }) => passedOn === 0), "no connection was lost")
      })))

    it.effect.runIf(environment.isReal)(
      "are asked twice within the budget only",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { cluster, nodes } = yield* shard
          const slow = new Set(nodes.slice(1).map(({ port }) => port))
          const redis = yield* connect({
            nodes: cluster.seeds,
            readFrom: ReadFrom.replica.pipe(ReadFrom.hedge({ after: 1, budget: 0.1 })),
            stream: (endpoint) => link(endpoint, unchanged, slow.has(endpoint.port) ? 15 : 0)
          })
          yield* resetCounts(cluster)
          for (let i = 0; i < 100; i++) assert.strictEqual(yield* redis.get(key), "value")
          const sent = yield* calls(cluster, "get", nodes)
          assert(sent > 105 && sent <= 120, `${sent} were sent for 100 reads`)
        }))
    )
  })
})

describeOnEach("A failover, on $name", (environment) => {
  layer(environment.layer({ primaries: 3, replicas: 1 }), { excludeTestServices: true })((it) => {
    const mine = keyOfShard("failover", 1)

    const nodesOf = Effect.gen(function*() {
      const cluster = yield* RedisCluster
      const primary = yield* cluster.owner(HashSlot.ofKey(mine))
      const [replica] = yield* cluster.replicasOf(primary)
      return { cluster, primary, replica }
    })

    it.effect.runIf(environment.isReal)(
      "never lets the former primary serve stale reads to those who want the primary",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { cluster, primary, replica } = yield* nodesOf
          const redis = yield* connect({ nodes: cluster.seeds, refreshInterval: "Infinity" })
          const primaryIs = Effect.map(redis.ownerOf(mine), (node) => node?.port)
          yield* redis.set(mine, "old")
          // READONLY connections to both are open, and the primary's for commands as well.
          for (let i = 0; i < 4; i++) yield* redis.readFrom(ReadFrom.roundRobin).get(mine)
          yield* cluster.awaitReplicated
          yield* cluster.failover(replica)
          yield* cluster.awaitOk
          yield* cutOff(cluster, [primary])
          yield* cluster.command(replica, "SET", mine, "new")
          assert.strictEqual(yield* primaryIs, primary.port, "the client has not heard of it")
          assert.strictEqual(yield* redis.get(mine), "new")
          assert.strictEqual(yield* redis.readFrom(ReadFrom.primary).get(mine), "new")
          assert.deepStrictEqual(yield* redis.pipeline([Strings.get(mine)]), ["new"])
          assert.strictEqual(yield* primaryIs, replica.port)
        }))
    )

    it.effect("there and back under reads of every policy fails none of them", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, primary, replica } = yield* nodesOf
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set(mine, "value")
        yield* cluster.awaitReplicated
        const readers = new Readers()
        const loads = yield* Effect.forEach(
          [ReadFrom.replica, ReadFrom.replicaPreferred, ReadFrom.roundRobin, ReadFrom.lowestLatency],
          (policy) => readers.run(redis.readFrom(policy), mine, 2)
        )
        const read = Effect.suspend(() => {
          const before = readers.results.length
          return until("50 more reads", () => readers.results.length > before + 50)
        })
        yield* read
        for (const node of [replica, primary]) {
          yield* cluster.failover(node)
          yield* cluster.awaitOk
          yield* Effect.sleep(300)
          yield* read
        }
        for (const load of loads) yield* readers.stop(load)
        assert.deepStrictEqual(readers.failures, [])
        assert(readers.results.length > 100)
        assert(readers.results.every((result) => Result.isSuccess(result) && result.success === "value"))
      })))

    it.effect("apart, a slot that moves is read from its new owner, whatever replicas believe of it", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, primary } = yield* nodesOf
        const target = (yield* cluster.primaries).find(({ id }) => id !== primary.id) ?? primary
        const redis = yield* connect({ nodes: cluster.seeds, readFrom: ReadFrom.replica, refreshInterval: "Infinity" })
        yield* redis.set(mine, "moved")
        yield* cluster.awaitReplicated
        assert.strictEqual(yield* redis.get(mine), "moved")
        yield* cluster.migrateSlot(HashSlot.ofKey(mine), target)
        for (let i = 0; i < 50; i++) {
          assert.strictEqual(yield* redis.get(mine), "moved")
          const owner = (yield* redis.ownerOf(mine))?.port
          assert.strictEqual(owner, target.port, `after ${i} reads the owner is ${owner}`)
        }
      })))
  })
})
