import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { RedisCluster, type RedisNode } from "../harness/RedisCluster.ts"
import { Account, type Entry, keyOfShard, openClient } from "./Load.ts"

const partial = ["--cluster-require-full-coverage", "no"]

const shards = [0, 1, 2] as const

/** How long the slowest of these took, in milliseconds. */
const slowest = (entries: ReadonlyArray<Entry>): number =>
  entries.reduce((longest, { ended, started }) => Math.max(longest, ended - started), 0)

/** Runs `during` while `workers` fibers per shard increment one key each shard; the account and the keys. */
const underLoad = <A, E, R>(
  redis: Parameters<Account["worker"]>[0],
  prefix: string,
  workers: number,
  during: (account: Account, keys: ReadonlyArray<string>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const account = new Account()
    const keys = shards.map((shard) => keyOfShard(prefix, shard))
    const watching = yield* Effect.forkChild(account.watchLag)
    const load = yield* Effect.forkChild(Effect.forEach(
      keys.flatMap((key) => Array.from({ length: workers }, () => key)),
      (key) => account.worker(redis, key),
      { concurrency: "unbounded", discard: true }
    ))
    yield* Effect.sleep(300)
    const result = yield* during(account, keys)
    yield* Effect.sleep(300)
    account.stop()
    yield* Fiber.join(load)
    yield* Fiber.interrupt(watching)
    return { account, keys, result }
  })

describe("SIGKILL of a primary under load", () => {
  const cases = [
    { fullCoverage: false, title: "the other shards see nothing and wait for nothing" },
    { fullCoverage: true, title: "with full coverage required, the other shards wait as long as the servers refuse" }
  ]
  it.live.each(cases)(
    "$title; the shard answers after its promotion, every INCR is accounted for",
    ({ fullCoverage }) =>
      Effect.gen(function*() {
        const options = ["--cluster-require-full-coverage", fullCoverage ? "yes" : "no"]
        const cluster = yield* RedisCluster.make({ replicas: 1, nodeTimeout: 1000, options })
        const { redis } = yield* openClient({ nodes: cluster.seeds, commandTimeout: "15 seconds" })
        const [victim] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(victim)

        const promotion = Effect.gen(function*() {
          for (;;) {
            if (String(yield* cluster.command(replica, "INFO", "replication")).includes("role:master")) {
              return Date.now()
            }
            yield* Effect.sleep(10)
          }
        })
        const { account, keys, result } = yield* underLoad(redis, "kill", 4, (account, [mine]) =>
          Effect.gen(function*() {
            yield* cluster.kill(victim)
            const killed = Date.now()
            const promoted = yield* promotion
            const answered = () =>
              account.of(mine).find(({ ended, result }) => Result.isSuccess(result) && ended > killed + 100)
            while (answered() === undefined && Date.now() < promoted + 6000) yield* Effect.sleep(5)
            return { killed, promoted, answered: answered()?.ended ?? Number.POSITIVE_INFINITY }
          }))

        const { answered, killed, promoted } = result
        const others = keys.slice(1).flatMap((key) => account.of(key)).filter(({ ended }) => ended > killed)
        console.log(
          `SIGKILL, full coverage ${fullCoverage ? "required" : "not required"}: promoted after ${
            promoted - killed
          } ms, first success ${answered - promoted} ms after that; ` +
            `slowest command of the other shards ${slowest(others)} ms ` +
            `(own lag ${account.lag} ms)`
        )
        assert.isBelow(answered - promoted, 2000)
        for (const key of keys.slice(1)) {
          assert.deepStrictEqual(account.failures(key), [])
          // They were served all the time that the shard was without a primary.
          if (!fullCoverage) {
            assert.isTrue(account.of(key).some(({ ended, started }) => started > killed && ended < promoted))
          }
        }
        if (!fullCoverage) assert.isBelow(slowest(others), 500 + account.lag)
        for (const key of keys) {
          const audit = yield* account.audit(cluster, key)
          assert.deepStrictEqual(audit.complaints, [], JSON.stringify(audit))
        }
        // Only what was on the wire when the server died may have failed.
        assert.isAtMost(account.failures(keys[0]).length, 4)
      }),
    60_000
  )
})

describe("CLIENT KILL storm", () => {
  it.live("every INCR is accounted for, and the client is well afterwards", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make()
      const { connections, redis } = yield* openClient({ nodes: cluster.seeds })
      const { account, keys } = yield* underLoad(redis, "storm", 8, () =>
        Effect.forEach(Array.from({ length: 15 }), () =>
          Effect.andThen(
            Effect.forEach(cluster.nodes, (node) =>
              cluster.command(node, "CLIENT", "KILL", "TYPE", "normal"), {
              concurrency: "unbounded"
            }),
            Effect.sleep(150)
          )))
      for (const key of keys) {
        const audit = yield* account.audit(cluster, key)
        console.log(`CLIENT KILL storm: ${JSON.stringify(audit)}`)
        assert.deepStrictEqual(audit.complaints, [])
        for (const { reason } of account.failures(key)) {
          assert.strictEqual(reason._tag, "ConnectionError")
        }
        assert.isAbove(yield* redis.incr(key), audit.count)
      }
      for (const connection of connections.all()) {
        assert.strictEqual(connection.depth, 0)
      }
    }), 60_000)
})

describe("SIGSTOP of a primary for 6 seconds", () => {
  const workers = 32
  it.live(
    "ends each command by its deadline, spares the other shards, holds little, and recovers",
    () =>
      Effect.gen(function*() {
        // Nobody takes over: the nodes are more patient than the test.
        const cluster = yield* RedisCluster.make({ nodeTimeout: 30_000, options: partial })
        const { connections, redis } = yield* openClient({
          nodes: cluster.seeds,
          commandTimeout: "1 second",
          pingAfter: "1 second",
          pingTimeout: "1 second"
        })
        const [victim] = cluster.nodes
        const connectionTo = (node: RedisNode) => connections.all().find(({ endpoint }) => endpoint.port === node.port)

        const { account, keys, result } = yield* underLoad(redis, "stop", workers, () =>
          Effect.gen(function*() {
            const losses: Array<string> = []
            const stopListening = connections.onState((connection, state) => {
              if (connection.endpoint.port !== victim.port) losses.push(`${connection.address} is ${state}`)
              else if (state === "connecting") losses.push(connection.lastFailure?.message ?? "")
            })
            let depth = 0
            yield* cluster.stop(victim)
            const stopped = Date.now()
            while (Date.now() < stopped + 6000) {
              depth = Math.max(depth, connectionTo(victim)?.depth ?? 0)
              yield* Effect.sleep(20)
            }
            yield* cluster.continue(victim)
            const continued = Date.now()
            yield* Effect.sleep(2000)
            stopListening()
            return { stopped, continued, depth, losses }
          }))

        const { continued, depth, losses, stopped } = result
        const recovered = account.of(keys[0]).find(({ ended, result }) => Result.isSuccess(result) && ended > continued)
        console.log(
          `SIGSTOP: longest command ${
            slowest(account.entries)
          } ms (own lag ${account.lag} ms), deepest queue ${depth}, ` +
            `first success ${(recovered?.ended ?? Infinity) - continued} ms after SIGCONT`
        )
        assert.isAtMost(slowest(account.entries), 1000 + 250 + account.lag)
        for (const key of keys.slice(1)) assert.deepStrictEqual(account.failures(key), [])
        assert.isAbove(account.failures(keys[0]).length, workers)
        // A command that was written and given up is held until the connection is replaced, 2 seconds after the last
        // reply.
        assert.isAtMost(depth, workers * 4)
        // The half-open socket was found out once, by a PING, and no other connection was touched.
        assert.strictEqual(losses.length, 1, losses.join("; "))
        assert.include(losses[0], "PING unanswered")
        assert.isDefined(recovered)
        const late = account.of(keys[0]).filter(({ started }) => started > continued + 1500)
        assert.isNotEmpty(late)
        assert.isTrue(late.every(({ result }) => Result.isSuccess(result)))
        for (const key of keys) {
          const audit = yield* account.audit(cluster, key)
          assert.deepStrictEqual(audit.complaints, [], JSON.stringify(audit))
        }
        assert.isTrue(stopped < continued)
      }),
    60_000
  )
})
