import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as Command from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import {
  blockedClients,
  calls,
  connect,
  connectionsNamed,
  errorReplies,
  resetCounts,
  tagWhere
} from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { settled } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

describeOnEach("Blocking commands, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("take turns on the connections of a pool, and leave none behind when nobody comes", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "blocking-pool"
        const redis = yield* connect({
          nodes: cluster.seeds,
          clientName: name,
          maxDedicatedConnections: 3,
          dedicatedIdleTimeout: "300 millis"
        })
        yield* redis.ping()
        const start = yield* connectionsNamed(cluster, name)
        const popping = yield* Effect.forEach(range(12), () => Effect.forkChild(redis.blpop("{turns}list", "Infinity")))
        assert.strictEqual(yield* settled(3, blockedClients(cluster)), 3)
        assert.isAtMost(yield* connectionsNamed(cluster, name), start + 1 + 3)
        yield* Effect.forEach(range(12), (index) => redis.rpush("{turns}list", String(index)))
        const popped = yield* Fiber.joinAll(popping)
        assert.deepStrictEqual(
          popped.map((one) => Number(one?.element)).toSorted((a, b) => a - b),
          range(12)
        )
        const shared = (yield* connectionsNamed(cluster, name)) - 3
        assert.strictEqual(yield* settled(shared, connectionsNamed(cluster, name)), shared)
      }))

    it.effect("wait for a connection no longer than any command, and say so", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxDedicatedConnections: 1, commandTimeout: "300 millis" })
        const first = yield* Effect.forkChild(redis.blpop("{full}list", "Infinity"))
        yield* settled(1, blockedClients(cluster))
        const { reason } = yield* Effect.flip(redis.blpop("{full}list", "Infinity"))
        assert(reason._tag === "TimeoutError")
        assert.strictEqual(reason.outcome, "NotExecuted")
        assert.strictEqual(reason.waitingFor, "connection")
        assert.match(reason.message, /no free dedicated connection .* 300 ms \(1 in use\).*maxDedicatedConnections/)
        yield* redis.rpush("{full}list", "kept")
        assert.strictEqual((yield* Fiber.join(first))?.element, "kept")
      }))

    it.effect("end with a TimeoutError when the server does not answer, although their connection is closed for it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "300 millis" })
        const node = yield* cluster.owner(HashSlot.ofKey("{silent}list"))
        assert.isNull(yield* redis.blpop("{silent}list", "10 millis"))
        yield* cluster.stop(node)
        const { reason } = yield* Effect.ensuring(
          Effect.flip(redis.blpop("{silent}list", "100 millis")),
          Effect.orDie(cluster.continue(node))
        )
        assert.strictEqual(reason._tag, "TimeoutError", reason.message)
        assert.strictEqual(reason.outcome, "Unknown")
      }))

    it.effect("are never cut short by a deadline of the client, even after waiting for a connection", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, maxDedicatedConnections: 1, commandTimeout: "1 second" })
        const [one, other] = yield* Effect.all([
          redis.blpop("{patient}list", "700 millis"),
          redis.blpop("{patient}list", "1200 millis")
        ], each)
        assert.deepStrictEqual([one, other], [null, null])
        assert.isNull(yield* redis.execute(Command.timeout(Lists.blpop("{patient}list", "600 millis"), "500 millis")))
      }))

    it.effect("take nothing for a caller that has gone: 1000 interruptions", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "interrupted"
        const redis = yield* connect({ nodes: cluster.seeds, clientName: name, dedicatedIdleTimeout: "200 millis" })
        yield* redis.ping()
        for (let turn = 0; turn < 1000; turn += 20) {
          const popping = yield* Effect.forEach(range(20), () =>
            Effect.forkChild(redis.blpop("{gone}list", "Infinity"), { startImmediately: true }))
          if (turn % 100 === 0) {
            assert.strictEqual(yield* settled(20, blockedClients(cluster)), 20)
          } else {for (let steps = 0; steps < turn % 7; steps++) {
              yield* Effect.sleep("1 millis")
            }}
          yield* Fiber.interruptAll(popping)
          // They have gone: what comes from now on is for the living.
          yield* redis.rpush("{gone}list", String(turn))
          assert.strictEqual(yield* redis.lpop("{gone}list"), String(turn))
        }
        assert.strictEqual(yield* blockedClients(cluster), 0)
        assert.isTrue(
          yield* settled(
            true,
            Effect.map(connectionsNamed(cluster, name), (count) =>
              count <= 3)
          )
        )
      }))

    it.effect("say so when an element was taken while they were being interrupted: each is accounted for", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        let taken = 0
        let lost = 0
        let left = 0
        const counting = Logger.layer([
          Logger.make(({ message }) => {
            if (String(message).includes("BLPOP was interrupted after")) lost++
          })
        ])
        const pop = Effect.map(redis.blpop("{race}list", "Infinity"), (popped) => {
          if (popped !== null) taken++
        })
        for (const turn of range(50)) {
          const popping = yield* Effect.forEach(
            range(20),
            () => Effect.forkChild(Effect.provide(pop, counting), { startImmediately: true })
          )
          if (turn % 2 === 0) yield* settled(20, blockedClients(cluster))
          const pushing = yield* Effect.forkChild(
            redis.pipeline(range(5).map((index) => Lists.rpush("{race}list", String(index)))),
            { startImmediately: true }
          )
          for (let steps = 0; steps < turn % 5; steps++) yield* Effect.yieldNow
          yield* Fiber.interruptAll(popping)
          yield* Fiber.join(pushing)
          left += yield* redis.llen("{race}list")
          yield* redis.del("{race}list")
        }
        console.log(`1000 interruptions, 250 elements: ${taken} taken, ${left} left, ${lost} lost and told`)
        assert.strictEqual(taken + left + lost, 250)
      }))

    it.effect("are not held up by others, nor others by them, when 200 wait", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const popping = yield* Effect.forEach(range(200), (index) =>
          Effect.forkChild(redis.blpop(`many:${index}`, "Infinity")))
        assert.strictEqual(yield* settled(200, blockedClients(cluster)), 200)
        yield* redis.pipeline(
          range(200).map((index) =>
            Lists.rpush(`many:${index}`, String(index))
          )
        )
        const popped = yield* Fiber.joinAll(popping)
        assert.deepStrictEqual(popped.map((one) => one?.element), range(200).map(String))
      }))

    it.effect("follow their slot when it moves away under them", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [, target] = cluster.nodes
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "1 second" })
        const tag = tagWhere((slot) => slot < 500)
        const key = `{${tag}}list`
        yield* resetCounts(cluster)
        const popping = yield* Effect.forkChild(redis.blpop(key, "Infinity"))
        yield* settled(1, blockedClients(cluster))
        // Longer than the client's own time: the server's does not count.
        yield* Effect.sleep("1200 millis")
        yield* cluster.migrateSlot(HashSlot.ofKey(key), target)
        while ((yield* errorReplies(cluster, "MOVED")) === 0) yield* Effect.sleep("10 millis")
        yield* redis.rpush(key, "element")
        assert.deepStrictEqual(yield* Fiber.join(popping), { key, element: "element" })
      }))

    it.effect("are never sent twice", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const owner = yield* cluster.owner(HashSlot.ofKey("{twice}list"))
        yield* resetCounts(cluster)
        const popping = yield* Effect.forkChild(Effect.flip(redis.blpop("{twice}list", "Infinity")))
        yield* settled(1, blockedClients(cluster))
        yield* cluster.command(owner, "CLIENT", "KILL", "TYPE", "normal")
        const { reason } = yield* Fiber.join(popping)
        assert.strictEqual(reason._tag, "ConnectionError")
        assert.strictEqual(reason.outcome, "Unknown")
        // Newer servers count a command that was held back only when it ends.
        assert.isAtMost(yield* calls(cluster, "blpop"), 1)
        assert.strictEqual(yield* blockedClients(cluster), 0)
      }))

    it.effect("are refused where they would hold up others: pipelines, targets, WAIT on shared connections", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const node = yield* redis.node(yield* redis.randomNode)
        const all: ReadonlyArray<Effect.Effect<unknown, RedisClusterException>> = [
          redis.pipeline([Strings.get("a"), Lists.blpop("a", "1 second")]),
          redis.on("primaries").blpop("a", "1 second"),
          redis.wait(1, "10 millis"),
          redis.send("WAIT", "1", "10"),
          redis.on("primaries").wait(1, "10 millis"),
          node.wait(1, "10 millis"),
          redis.transaction([Generic.wait(1, "10 millis")])
        ]
        for (const refused of all) assert.strictEqual((yield* Effect.flip(refused)).outcome, "NotExecuted")
        // Within a transaction nothing blocks.
        assert.deepStrictEqual(yield* redis.transaction([Lists.blpop("{tx}none", "Infinity")]), [null])
      }))

    it.effect("do not keep their caller when the node does not answer", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, drainTimeout: "200 millis" })
        const owner = yield* cluster.owner(HashSlot.ofKey("{frozen}list"))
        const popping = yield* Effect.forkChild(redis.blpop("{frozen}list", "Infinity"))
        yield* settled(1, blockedClients(cluster))
        yield* cluster.stop(owner)
        const { own } = yield* MachineLag.timed(Fiber.interrupt(popping))
        assert.isBelow(own, 1500)
        yield* cluster.continue(owner)
        assert.strictEqual(yield* settled(0, blockedClients(cluster)), 0)
      }))

    it.effect("do not wait for ever on a node that does not answer, and for as long as they like on one that does", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const timing = { pingAfter: "100 millis", pingTimeout: "500 millis" } as const
        const redis = yield* connect({ nodes: cluster.seeds, ...timing })
        const owner = yield* cluster.owner(HashSlot.ofKey("{dead}list"))
        assert.isNull(yield* redis.blpop("{dead}list", "1500 millis"))
        const own = yield* redis.dedicated("{dead}list")
        const all = [redis.blpop("{dead}list", "Infinity"), own.blpop("{dead}list", "Infinity")]
        const popping = yield* Effect.forEach(all, (pop) => Effect.forkChild(Effect.flip(pop)))
        yield* settled(2, blockedClients(cluster))
        yield* cluster.stop(owner)
        for (const fiber of popping) {
          const error = yield* Effect.timeout(Fiber.join(fiber), "5 seconds")
          assert.strictEqual(error.reason._tag, "ConnectionError")
          assert.strictEqual(error.outcome, "Unknown")
        }
        yield* cluster.continue(owner)
        assert.strictEqual(yield* settled(0, blockedClients(cluster)), 0)
      }))

    it.effect("end with the client, and so do the connections that nobody uses", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const name = "ending"
        const popping = yield* Effect.scoped(Effect.gen(function*() {
          const redis = yield* connect({ nodes: cluster.seeds, clientName: name, drainTimeout: "100 millis" })
          yield* redis.watch("{ending}list", (tx) => tx.get("{ending}list"))
          const popping = yield* Effect.forkDetach(Effect.flip(redis.blpop("{ending}list", "Infinity")))
          yield* settled(1, blockedClients(cluster))
          return popping
        }))
        const { reason } = yield* Fiber.join(popping)
        assert.strictEqual(reason._tag, "ClosedError")
        assert.strictEqual(reason.outcome, "Unknown")
        assert.strictEqual(yield* settled(0, connectionsNamed(cluster, name)), 0)
      }))

    it.effect("are freed by hanging up where a user may not call them back", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "-client|unblock")
        }
        const redis = yield* connect({ nodes: cluster.seeds, username: "mute", password: Redacted.make("secret") })
        const popping = yield* Effect.forkChild(redis.blpop("{mute}list", "Infinity"))
        yield* settled(1, blockedClients(cluster))
        yield* Fiber.interrupt(popping)
        assert.strictEqual(yield* blockedClients(cluster), 0)
        yield* redis.rpush("{mute}list", "kept")
        assert.strictEqual(yield* redis.llen("{mute}list"), 1)
      }))

    it.effect("run on one given node, too", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const owner = yield* redis.ownerOf("node:list")
        assert(owner !== undefined)
        const node = yield* redis.node(owner)
        const popping = yield* Effect.forkChild(node.blpop("node:list", "Infinity"))
        yield* settled(1, blockedClients(cluster))
        yield* node.rpush("node:list", "here")
        assert.strictEqual((yield* Fiber.join(popping))?.element, "here")
      }))
  })
})
