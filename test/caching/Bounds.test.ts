/**
 * The stated bounds on the age of cached values: a checker that knows every write reads through the cache of another
 * client, whatever happens to the cluster meanwhile.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { Command } from "../../src/index.ts"
import * as Proxies from "../chaos/Proxies.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster, type RedisClusterShape, type RedisNode } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"

const pingAfter = 200
const pingTimeout = 300
const refreshInterval = 500
/** The bound of docs/caching.md, with these settings: the greater one of a half-open link and of a slot that moved. */
const bound = Math.max(pingAfter + pingTimeout, refreshInterval * 1.1)

/** The longest time for which this process did not run its timers, in milliseconds: reports are read as late. */
class Lateness {
  longest = 0
  readonly watch: Effect.Effect<never> = Effect.forever(Effect.suspend(() => {
    const before = performance.now()
    return Effect.map(Effect.sleep(5), () => {
      this.longest = Math.max(this.longest, performance.now() - before - 5)
    })
  }))
}

/** One write of the other client. */
interface Write {
  readonly value: number
  readonly acknowledgedAt: number
}

const options = { pingAfter, pingTimeout, refreshInterval, cache: { maxBytes: 1024 * 1024 }, commandTimeout: 5000 }

/** The key of a slot that a node owns. */
const keyOf = Effect.fnUntraced(function*(cluster: RedisClusterShape, node: RedisNode, name: string) {
  for (let i = 0;; i++) {
    const key = `{${name}${i}}`
    if ((yield* cluster.owner(HashSlot.ofKey(key))).id === node.id) return key
  }
})

/**
 * Reads keys through the cache of one client while another client counts them up, and something happens. Each read has to
 * be as new as the bound says.
 */
const checked = Effect.fnUntraced(function*<E>(
  cluster: RedisClusterShape,
  keys: ReadonlyArray<string>,
  meanwhile: Effect.Effect<unknown, E> | ((redis: ClusterClientShape) => Effect.Effect<unknown, E>),
  reading: ClusterOptions = { nodes: cluster.seeds }
) {
  const redis = yield* connect({ ...options, ...reading })
  const other = yield* connect({ nodes: cluster.seeds })
  const lateness = new Lateness()
  const watching = yield* Effect.forkChild(lateness.watch)
  let isOver = false
  const writes = new Map(keys.map((key): [string, Array<Write>] => [key, []]))
  const oldest: Array<string> = []
  const until = (body: () => Effect.Effect<void>) => Effect.whileLoop({ while: () => !isOver, body, step: () => {} })
  const write = (key: string) => {
    const all = writes.get(key) ?? []
    let value = 0
    return until(() =>
      // A write whose fate is unknown may count or not: only acknowledged ones are asked for.
      Effect.result(other.set(key, ++value)).pipe(
        Effect.andThen(({ _tag }) =>
          Effect.sync(() => {
            if (_tag === "Success") all.push({ value, acknowledgedAt: performance.now() })
          })
        ),
        Effect.andThen(Effect.sleep(20))
      )
    )
  }
  const read = (key: string) => {
    const all = writes.get(key) ?? []
    return until(() => {
      const started = performance.now()
      return Effect.result(redis.get(key).pipe(Command.cached("1 hour"))).pipe(
        Effect.andThen((result) => {
          if (result._tag === "Failure") return Effect.sleep(5)
          const found = Number(result.success)
          // A silence is noticed by three timers, one after the other.
          const due = all.findLast(({ acknowledgedAt }) => acknowledgedAt < started - bound - 3 * lateness.longest)
          if (due !== undefined && found < due.value) {
            const age = started - due.acknowledgedAt
            oldest.push(`${key} was ${found}, and ${due.value} was acknowledged ${age.toFixed(0)} ms before`)
          }
          return Effect.sleep(1)
        })
      )
    })
  }
  const programs = yield* Effect.forEach(
    keys,
    (key) => Effect.forEach([write(key), read(key), read(key)], (program) => Effect.forkChild(program))
  )
  yield* Effect.sleep("100 millis")
  yield* Effect.ensuring(Effect.isEffect(meanwhile) ? meanwhile : meanwhile(redis), Effect.sync(() => (isOver = true)))
  yield* Effect.forEach(programs.flat(), Fiber.join)
  yield* Fiber.interrupt(watching)
  assert.deepStrictEqual(oldest.slice(0, 3), [])
  const statistics = yield* redis.cacheStatistics
  assert.isAbove(statistics.hits, 10)
  return statistics
})

/** Moves a slot by the servers themselves, in one step. */
const moveAtOnce = Effect.fnUntraced(function*(cluster: RedisClusterShape, slot: number, to: RedisNode) {
  const from = yield* cluster.owner(slot)
  const byValkey = cluster.command(from, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
  const byRedis = cluster.command(to, "CLUSTER", "MIGRATION", "IMPORT", slot, slot)
  yield* Effect.catch(byValkey, () => byRedis)
  yield* eventually("that the slot has moved", Effect.map(cluster.owner(slot), ({ id }) => id === to.id))
})

const movesAtOnce = (cluster: RedisClusterShape) =>
  Effect.map(
    cluster.command(cluster.nodes[0], "COMMAND", "INFO", "cluster|migrateslots", "cluster|migration"),
    (infos) => Array.isArray(infos) && infos.some((info) => info !== null)
  )

/** Lets a node end the connections of a client. */
const endConnections = Effect.fnUntraced(function*(cluster: RedisClusterShape, node: RedisNode, name: string) {
  const list = String(yield* cluster.command(node, "CLIENT", "LIST"))
  for (const line of list.split("\n")) {
    const id = /^id=(\d+) /.exec(line)?.[1]
    if (id !== undefined && line.includes(` name=${name} `)) yield* cluster.command(node, "CLIENT", "KILL", "ID", id)
  }
})

describe("No cached value is older than the stated bound", () => {
  layer(RedisCluster.layer({ primaries: 3, replicas: 1, nodeTimeout: 500 }), {
    timeout: "60 seconds",
    excludeTestServices: true
  })((it) => {
    it.effect("while slots move key by key", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [source, target] = yield* cluster.primaries
        const key = yield* keyOf(cluster, source, "by key")
        const slot = HashSlot.ofKey(key)
        const { removed } = yield* checked(
          cluster,
          [key],
          Effect.gen(function*() {
            for (const to of [target, source, target, source]) {
              yield* cluster.startMigration(slot, to)
              yield* Effect.sleep("100 millis")
              yield* cluster.moveKeys(slot)
              yield* Effect.sleep("100 millis")
              yield* cluster.finishMigration(slot)
              yield* Effect.sleep("300 millis")
            }
          })
        )
        assert.isAbove(removed.changed, 0)
      }))

    it.effect("while slots move at once, by the servers themselves", (context) =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        if (!(yield* movesAtOnce(cluster))) return context.skip("these servers cannot")
        const [source, target] = yield* cluster.primaries
        const key = yield* keyOf(cluster, source, "at once")
        const moves = Effect.gen(function*() {
          for (const to of [target, source, target, source]) {
            yield* moveAtOnce(cluster, HashSlot.ofKey(key), to)
            yield* Effect.sleep("700 millis")
          }
        })
        yield* checked(cluster, [key], moves)
      }))

    it.effect("while replicas are promoted", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [primary] = yield* cluster.primaries
        const key = yield* keyOf(cluster, primary, "promoted")
        const promote = Effect.gen(function*() {
          const [replica] = yield* cluster.replicasOf(yield* cluster.owner(HashSlot.ofKey(key)))
          yield* cluster.failover(replica)
          yield* Effect.sleep("500 millis")
        })
        yield* checked(cluster, [key], Effect.andThen(promote, promote))
      }))

    it.effect("while servers end connections, and forget what was read, again and again", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const primaries = yield* cluster.primaries
        const keys = yield* Effect.forEach(primaries, (node) => keyOf(cluster, node, "ended"))
        const { removed } = yield* checked(
          cluster,
          keys,
          Effect.gen(function*() {
            for (const _ of range(5)) {
              for (const node of primaries) yield* endConnections(cluster, node, "checked")
              yield* Effect.sleep("150 millis")
            }
          }),
          { nodes: cluster.seeds, clientName: "checked" }
        )
        assert.isAbove(removed.disconnected, 0)
      }))

    it.effect("while the servers remember few of the keys that were read", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const primaries = yield* cluster.primaries
        const limit = (keys: number) =>
          Effect.forEach(primaries, (node) => cluster.command(node, "CONFIG", "SET", "tracking-table-max-keys", keys))
        // All of them are of one node.
        const tag = yield* keyOf(cluster, primaries[0], "few")
        const keys = range(10).map((i) => `${tag}${i}`)
        yield* limit(2)
        yield* Effect.ensuring(checked(cluster, keys, Effect.sleep("1 second")), Effect.orDie(limit(1_000_000)))
      }))

    it.effect("while links are half open", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const proxies = yield* Proxies.make
        for (const { port } of cluster.nodes) yield* proxies.open(port)
        const [primary] = yield* cluster.primaries
        const key = yield* keyOf(cluster, primary, "half open")
        const { mapAddress } = proxies
        const nodes = cluster.nodes.map(({ host, port }) => mapAddress({ host, port }))
        const { removed } = yield* checked(
          cluster,
          [key],
          (redis) =>
            Effect.gen(function*() {
              // There is a reply that could be given.
              yield* eventually("a reply", Effect.map(redis.cacheStatistics, ({ entries }) => entries > 0))
              proxies.linkTo(primary.port).silence()
              yield* Effect.sleep("1 second")
              proxies.linkTo(primary.port).mend()
              yield* Effect.sleep("300 millis")
            }),
          { nodes, mapAddress }
        )
        assert.isAbove(removed.disconnected, 0)
      }))

    it.effect("of a missing key that comes into being at another node, because its slot is moving", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [source, target] = yield* cluster.primaries
        const key = yield* keyOf(cluster, source, "born")
        const slot = HashSlot.ofKey(key)
        const redis = yield* connect({ ...options, nodes: cluster.seeds, refreshInterval: "1 hour" })
        const other = yield* connect({ nodes: cluster.seeds })
        const read = redis.get(key).pipe(Command.cached("1 hour"))
        assert.isNull(yield* read)
        yield* cluster.startMigration(slot, target)
        yield* other.set(key, "found")
        assert.isNull(yield* read, "nobody has reported it")
        yield* eventually("that it is found", Effect.map(read, (value) => value === "found"))
        const { hits, removed } = yield* redis.cacheStatistics
        assert.deepStrictEqual([hits > 0, removed.expired, removed.changed], [true, 1, 0])
        yield* cluster.finishMigration(slot)
        yield* cluster.migrateSlot(slot, source)
      }))
  })

  layer(RedisCluster.layer({ primaries: 3, nodeTimeout: 300 }), {
    timeout: "60 seconds",
    excludeTestServices: true
  })((it) => {
    it.effect("after a primary that is cut off from the others has refused a command of this client", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [own, ...others] = yield* cluster.primaries
        const key = yield* keyOf(cluster, own, "cut off")
        const redis = yield* connect({ ...options, nodes: cluster.seeds })
        const read = redis.get(key).pipe(Command.cached("1 hour"), Command.timeout("200 millis"))
        assert.isNull(yield* Effect.andThen(redis.del(key), read))
        yield* redis.set(key, "former")
        assert.strictEqual(yield* read, "former")
        yield* Effect.forEach(others, (node) => cluster.stop(node))
        yield* Effect.gen(function*() {
          yield* eventually(
            "that it refuses",
            Effect.map(Effect.exit(cluster.command(own, "GET", key)), Exit.isFailure)
          )
          assert.strictEqual(yield* read, "former", "nobody has told the client")
          assert.isTrue(Exit.isFailure(yield* Effect.exit(redis.strlen(key).pipe(Command.timeout("200 millis")))))
          assert.isTrue(Exit.isFailure(yield* Effect.exit(read)))
          assert.strictEqual((yield* redis.cacheStatistics).removed.disconnected, 1)
        }).pipe(Effect.ensuring(Effect.forEach(others, (node) => Effect.orDie(cluster.continue(node)))))
      }))
  })
})
