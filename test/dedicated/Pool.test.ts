import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Duplex } from "node:stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { Lists } from "../../src/commands/Lists.ts"
import * as Response from "../../src/testing/Response.ts"
import { TestCluster } from "../../src/testing/TestCluster.ts"
import { nameOf } from "../harness/nameOf.ts"
import { blockedClients, connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, settled, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

/** A far end that accepts the connection and says nothing. */
const silent = (): Duplex => new Duplex({ read() {}, write: (_, __, done) => done() })

/** A far end that accepts the connection and hangs up. */
const hangsUp = (): Duplex => {
  const stream = silent()
  setImmediate(() => stream.destroy())
  return stream
}

/** A stream on which nothing goes either way any more once the client writes `word`. */
const mutedBy = (word: string, stream: Duplex, onMute: (stream: Duplex) => void): Duplex => {
  let isMute = false
  const muted = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      if (!isMute && chunk.toString("latin1").includes(word)) {
        isMute = true
        onMute(muted)
      }
      if (!isMute) stream.write(chunk)
      done()
    },
    destroy(error, done) {
      stream.destroy()
      done(error)
    }
  })
  stream.on("data", (chunk) => isMute || muted.push(chunk))
  stream.on("end", () => muted.push(null))
  stream.on("error", (error) => muted.destroy(error))
  return muted
}

const blockedAt = (cluster: TestCluster["Service"]) =>
  Effect.map(cluster.received({ name: "BLPOP" }), (received) => received.length)

describe("The pool of a node", () => {
  layer(TestCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("dials a node that hangs up one attempt at a time, on reconnectSchedule, and fills when the node is up", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        let isUp = true
        let dials = 0
        const redis = yield* connect({
          nodes: cluster.nodes.map(({ address }) => `redis://${address}`),
          stream: (endpoint) => {
            if (isUp) return cluster.stream(endpoint)
            dials++
            return hangsUp()
          }
        })
        yield* redis.set("{storm}", "the shared connection is open")
        isUp = false
        yield* cluster.clearReceived
        const popping = yield* Effect.forEach(
          range(300),
          () => Effect.forkChild(redis.blpop("{storm}list", "Infinity"))
        )
        // Pauses of 50, 100, 200 ms and so on, jittered.
        yield* until("the fourth attempt", () => dials >= 4)
        assert.isAtMost(dials, 5)
        isUp = true
        yield* eventually(
          "all callers are held back by the server",
          Effect.map(blockedAt(cluster), (count) => count === 300)
        )
        yield* redis.pipeline(range(300).map((index) => Lists.rpush("{storm}list", String(index))))
        assert.strictEqual(new Set((yield* Fiber.joinAll(popping)).map((one) => one?.element)).size, 300)
      }))

    it.effect("counts a connection that the node ends at its first command as a failed attempt", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        let dials = 0
        const redis = yield* connect({
          nodes: cluster.nodes.map(({ address }) => `redis://${address}`),
          commandTimeout: "1 second",
          stream: (endpoint) => {
            dials++
            return mutedBy("WATCH", cluster.stream(endpoint), (stream) => stream.destroy())
          }
        })
        yield* redis.set("{greets}", "the shared connection is open")
        dials = 0
        yield* Effect.forEach(range(100), () => Effect.flip(redis.watch("{greets}", () => Effect.void)), {
          concurrency: "unbounded"
        })
        // The first attempt shows that the node can be reached, and lets all of them dial. Then the pauses begin.
        assert.isAtMost(dials, 100 + 10)
      }))

    it.effect("keeps one deadline for a session, however many connections are lost in its course", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        let watches = 0
        const redis = yield* connect({
          nodes: cluster.nodes.map(({ address }) => `redis://${address}`),
          commandTimeout: "1200 millis",
          pingAfter: "100 millis",
          pingTimeout: "100 millis",
          stream: (endpoint) => mutedBy("WATCH", cluster.stream(endpoint), () => watches++)
        })
        const ended = yield* Effect.timeout(Effect.flip(redis.watch("{hangs}", () => Effect.void)), "6 seconds")
        assert(["TimeoutError", "ConnectionError"].includes(nameOf(ended)), ended.message)
        assert.isAtLeast(watches, 2)
        assert.isAtMost(watches, 7)
      }))

    it.effect("says that no new connection was ready when none is in use", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        let isUp = true
        const redis = yield* connect({
          nodes: cluster.nodes.map(({ address }) => `redis://${address}`),
          commandTimeout: "300 millis",
          connectTimeout: "5 seconds",
          stream: (endpoint) => isUp ? cluster.stream(endpoint) : silent()
        })
        yield* redis.set("{slow}", "the shared connection is open")
        isUp = false
        const { reason } = yield* Effect.flip(redis.blpop("{slow}list", "Infinity"))
        assert(reason._tag === "TimeoutError", reason.message)
        assert.match(
          reason.message,
          /got no dedicated connection .* 300 ms, because no new one was ready in time; the command was not sent$/
        )
        assert.strictEqual(reason.outcome, "NotExecuted")
      }))
  })
})

describe("A command that waits for ever", () => {
  layer(TestCluster.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("may follow its slot more often than maxRedirects: each wait on a server is a new start", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const redis = yield* connect({
          nodes: cluster.nodes.map(({ address }) => `redis://${address}`),
          maxRedirects: 2,
          stream: cluster.stream
        })
        const slot = HashSlot.ofKey("{moves}")
        yield* cluster.clearReceived
        const popping = yield* Effect.forkChild(redis.blpop("{moves}list", "Infinity"))
        for (const turn of range(5)) {
          yield* eventually("it waits", Effect.map(blockedAt(cluster), (count) => count > turn))
          yield* Effect.sleep("120 millis")
          const owner = yield* cluster.owner(slot)
          const [target] = cluster.primaries.filter(({ id }) => id !== owner.id)
          yield* cluster.moveSlot(slot, target)
        }
        yield* redis.rpush("{moves}list", "element")
        assert.strictEqual((yield* Fiber.join(popping))?.element, "element")
      }))

    it.effect("has the client's time again after each wait on a server", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const redis = yield* connect({
          nodes: cluster.nodes.map(({ address }) => `redis://${address}`),
          commandTimeout: "500 millis",
          stream: cluster.stream
        })
        const slot = HashSlot.ofKey("{tired}")
        let refusing = false
        yield* cluster.onCommand("BLPOP", () =>
          refusing ? Response.error("LOADING Redis is loading the dataset in memory") : undefined)
        const popping = yield* Effect.forkChild(Effect.result(redis.blpop("{tired}list", "Infinity")))
        const waiting = Effect.map(
          Effect.forEach(cluster.primaries, (node) =>
            cluster.command(node, "INFO", "clients")),
          (infos) => infos.some((info) => String(info).includes("blocked_clients:1"))
        )
        for (const _ of range(4)) {
          yield* eventually("it waits", waiting)
          yield* Effect.sleep("120 millis")
          refusing = true
          const owner = yield* cluster.owner(slot)
          const [target] = cluster.primaries.filter(({ id }) => id !== owner.id)
          yield* cluster.moveSlot(slot, target)
          yield* Effect.sleep("200 millis")
          refusing = false
        }
        yield* eventually("it waits", waiting)
        yield* redis.rpush("{tired}list", "element")
        const popped = yield* Fiber.join(popping)
        assert(Result.isSuccess(popped), Result.isFailure(popped) ? popped.failure.message : "")
        assert.strictEqual(popped.success?.element, "element")
      }))
  })
})

describeOnEach("A demoted primary, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("lets go of the commands that it held back: all follow, none gets a connection that is being closed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxDedicatedConnections: 20 })
        const [primary] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(primary)
        const tag = tagWhere((slot) => slot < 5000)
        const popping = yield* Effect.forEach(
          range(40),
          () => Effect.forkChild(Effect.result(redis.blpop(`{${tag}}list`, "Infinity")))
        )
        yield* settled(20, blockedClients(cluster))
        yield* cluster.failover(replica)
        yield* redis.pipeline(range(40).map((index) => Lists.rpush(`{${tag}}list`, String(index))))
        const popped = yield* Fiber.joinAll(popping)
        const failed = popped.flatMap((one) => Result.isFailure(one) ? [one.failure.message] : [])
        assert.deepStrictEqual(failed, [])
      }))

    it.effect("ends a dedicated connection on which it held a command back: later commands are certainly not executed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const [, primary] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(primary)
        const tag = tagWhere((slot) => slot > 6000 && slot < 10_000)
        const own = yield* redis.dedicated(tag)
        const popping = yield* Effect.forkChild(Effect.flip(own.blpop(`{${tag}}list`, "Infinity")))
        yield* settled(1, blockedClients(cluster))
        yield* cluster.failover(replica)
        const released = yield* Fiber.join(popping)
        const error = yield* Effect.flip(own.set(tag, "late"))
        // Valkey 9 sends a command that it held back away, when it notices the new owner before its own new role: then it
        // closes nothing, and sends later commands away as well.
        const expected = released.reason._tag === "MovedError" ? "MovedError" : "ConnectionError"
        assert.strictEqual(error.reason._tag, expected, error.message)
        assert.strictEqual(error.outcome, "NotExecuted")
      }))

    it.effect("does not stand in the way of a user without the right to PING", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "quiet", "on", ">secret", "~*", "+@all", "-ping")
        }
        const redis = yield* connect({ nodes: cluster.seeds, username: "quiet", password: Redacted.make("secret") })
        const own = yield* redis.dedicated("any")
        assert.strictEqual(yield* own.set("any", "1"), "OK")
        const node = yield* redis.dedicated(yield* redis.randomNode)
        assert.isNumber(yield* node.dbsize())
      }))
  })
})

describe("A shard that gives its last slots away in one migration (Redis 8.4 and later)", () => {
  layer(RedisCluster.layer({ options: ["--cluster-allow-replica-migration", "yes"] }), { excludeTestServices: true })(
    (it) => {
      it.effect("lets go of 40 commands that it held back, and all of them follow", (context) =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const [source, target] = cluster.nodes
          const known = yield* Effect.result(cluster.command(target, "CLUSTER", "MIGRATION", "STATUS", "ALL"))
          if (Result.isFailure(known)) return context.skip("these servers have no CLUSTER MIGRATION")
          const redis = yield* connect({ nodes: cluster.seeds, maxDedicatedConnections: 20 })
          const tag = tagWhere((slot) => slot < 5000)
          const popping = yield* Effect.forEach(
            range(40),
            () => Effect.forkChild(Effect.result(redis.blpop(`{${tag}}list`, "Infinity")))
          )
          yield* settled(20, blockedClients(cluster))
          yield* cluster.command(target, "CLUSTER", "MIGRATION", "IMPORT", 0, 5460)
          yield* eventually(
            "the slots have moved",
            Effect.map(
              cluster.command(source, "CLUSTER", "NODES"),
              (nodes) => /myself,slave/.test(String(nodes))
            ),
            10_000
          )
          yield* redis.pipeline(range(40).map((index) => Lists.rpush(`{${tag}}list`, String(index))))
          const popped = yield* Fiber.joinAll(popping)
          assert.deepStrictEqual(popped.flatMap((one) => Result.isFailure(one) ? [one.failure.message] : []), [])
        }))
    }
  )
})
