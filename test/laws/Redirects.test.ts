import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { addressOf, connect, errorReplies, resetCounts, tagWhere } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const each = { concurrency: "unbounded" } as const

/** A hash tag of its own in the first node's slots, and another node to move it to. */
const slotToMove = (after: number) =>
  Effect.gen(function*() {
    const cluster = yield* RedisCluster
    const [source, target] = cluster.nodes
    const tag = tagWhere((slot) => slot >= after && slot < after + 500)
    return { tag, slot: HashSlot.ofKey(tag), source, target }
  })

describeOnEach("Redirects, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("follows MOVED once, and sends the next commands to the new owner directly", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, source, tag, target } = yield* slotToMove(0)
        // Refreshes so rare that only the patch can be what the burst goes by.
        const redis = yield* connect({ nodes: cluster.seeds, minRefreshInterval: "1 minute" })
        yield* redis.set(`{${tag}}a`, "value")
        assert.strictEqual((yield* redis.ownerOf(tag))?.address, addressOf(source))
        yield* cluster.migrateSlot(slot, target)

        yield* resetCounts(cluster)
        assert.strictEqual(yield* redis.get(`{${tag}}a`), "value")
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 1)
        assert.strictEqual((yield* redis.ownerOf(tag))?.address, addressOf(target))
        const burst = yield* Effect.forEach(Array.from({ length: 100 }), () => redis.get(`{${tag}}a`), each)
        assert.deepStrictEqual(new Set(burst), new Set(["value"]))
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 1)
      }))

    it.effect("follows MOVED also when the program's translation of addresses throws", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, tag, target } = yield* slotToMove(4900)
        let isBroken = false
        const mapAddress = (endpoint: Endpoint) => {
          if (isBroken) throw new Error("a bug of the program's")
          return endpoint
        }
        const redis = yield* connect({ nodes: cluster.seeds, mapAddress })
        yield* redis.set(`{${tag}}a`, "value")
        yield* cluster.migrateSlot(slot, target)
        isBroken = true
        assert.strictEqual(yield* redis.get(`{${tag}}a`), "value")
        assert.strictEqual((yield* redis.refreshTopology).primaries.length, 3)
      }))

    it.effect("follows ASK for 50 concurrent commands while half the keys have moved, and keeps the map", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, tag, target } = yield* slotToMove(1000)
        const redis = yield* connect({ nodes: cluster.seeds })
        const keys = Array.from({ length: 50 }, (_, index) => `{${tag}}${index}`)
        yield* Effect.forEach(keys, (key) => redis.set(key, key), each)
        // Traffic of its own on the target's connection: ASKING must not get lost among it.
        const bystander = tagWhere((slot) => slot > 6000 && slot < 10_000)
        yield* redis.set(bystander, "0")

        yield* cluster.startMigration(slot, target)
        assert.strictEqual(yield* cluster.moveKeys(slot, 25), 25)
        yield* resetCounts(cluster)
        const before = yield* redis.topology
        const values = yield* Effect.forEach(
          keys,
          (key) => Effect.zip(redis.get(key), redis.incr(bystander), { concurrent: true }),
          each
        )
        assert.deepStrictEqual(values.map(([value]) => value), keys)
        assert.strictEqual(yield* redis.get(bystander), "50")
        // A command that the target got without ASKING in front of it would have been answered MOVED.
        assert.strictEqual(yield* errorReplies(cluster, "ASK"), 25)
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)
        assert.strictEqual(yield* redis.topology, before)

        // New keys are born at the target.
        yield* Effect.forEach(keys, (key) => redis.set(`${key}:new`, key), each)
        assert.deepStrictEqual(yield* Effect.forEach(keys, (key) => redis.get(`${key}:new`), each), keys)
        assert.strictEqual(yield* cluster.command(target, "CLUSTER", "COUNTKEYSINSLOT", slot), 75)
        assert.strictEqual(yield* redis.topology, before)
        yield* cluster.finishMigration(slot)
      }))

    it.effect("absorbs TRYAGAIN of multi-key commands until the migration is over", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, tag, target } = yield* slotToMove(2000)
        const [a, b, c, d] = ["a", "b", "c", "d"].map((key) => `{${tag}}${key}`)
        const redis = yield* connect({
          nodes: cluster.seeds,
          maxRedirects: 4,
          retrySchedule: Schedule.spaced("10 millis")
        })
        yield* redis.mset({ [a]: "1", [b]: "2" })
        yield* cluster.startMigration(slot, target)
        assert.strictEqual(yield* cluster.moveKeys(slot, 1), 1)
        yield* resetCounts(cluster)
        const split = yield* Effect.forkChild(redis.mget([a, b]))
        // Both keys are new: the source says ASK, and the target TRYAGAIN, again and again.
        const born = yield* Effect.forkChild(redis.mset({ [c]: "3", [d]: "4" }))
        yield* eventually("40 refusals", Effect.map(errorReplies(cluster, "TRYAGAIN"), (count) => count >= 40))
        assert.strictEqual(split.pollUnsafe(), undefined)
        yield* cluster.finishMigration(slot)
        assert.deepStrictEqual(yield* Fiber.join(split), ["1", "2"])
        assert.strictEqual(yield* Fiber.join(born), "OK")
        assert.deepStrictEqual(yield* redis.mget([c, d]), ["3", "4"])
      }))

    // docs/security.md names these rights.
    it.effect("follows ASK and MOVED for a user who has the few rights that the client needs", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, tag, target } = yield* slotToMove(3500)
        const rights = ["+cluster|slots", "+ping", "+asking", "+get", "+set"]
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "modest", "on", ">secret", "~*", "-@all", ...rights)
        }
        const redis = yield* connect({ nodes: cluster.seeds, username: "modest", password: Redacted.make("secret") })
        yield* redis.set(tag, "value")
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot)
        assert.strictEqual(yield* redis.get(tag), "value")
        yield* cluster.finishMigration(slot)
        assert.strictEqual(yield* redis.get(tag), "value")
        assert.strictEqual((yield* redis.ownerOf(tag))?.address, addressOf(target))
      }))

    it.effect("hands MOVED and ASK of an explicitly given node to the caller as they are", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, source, tag, target } = yield* slotToMove(3000)
        const redis = yield* connect({ nodes: cluster.seeds })
        yield* redis.set(tag, "value")
        const before = yield* redis.topology
        const node = yield* redis.node(target)
        yield* resetCounts(cluster)
        const errors = [
          yield* Effect.flip(node.get(tag)),
          yield* Effect.flip(redis.on({ host: target.host, port: target.port }).get(tag))
        ]
        for (const { reason } of errors) {
          assert(reason._tag === "MovedError")
          assert.strictEqual(reason.slot, slot)
          assert.strictEqual(reason.address, addressOf(source))
          assert.strictEqual(reason.node, addressOf(target))
          assert.strictEqual(reason.attempts, 1)
        }
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 2)
        yield* cluster.startMigration(slot, target)
        const asked = yield* Effect.flip(Effect.flatMap(redis.node(source), (node) => node.get(`{${tag}}missing`)))
        assert(asked.reason._tag === "AskError")
        assert.strictEqual(asked.reason.address, addressOf(target))
        assert.strictEqual(yield* redis.topology, before)
        yield* cluster.finishMigration(slot)
      }))

    it.effect("gives up when two nodes send a command to each other without end, naming every hop", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { slot, source, tag, target } = yield* slotToMove(4000)
        const redis = yield* connect({ nodes: cluster.seeds, maxRedirects: 5 })
        // The source believes that the target owns the slot; the target was never told.
        yield* cluster.command(source, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
        yield* resetCounts(cluster)
        const { reason } = yield* Effect.flip(redis.get(tag))
        yield* cluster.command(target, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
        assert(reason._tag === "TooManyRedirectionsError")
        const [there, back] = [addressOf(source), addressOf(target)]
        assert.deepStrictEqual(
          reason.hops,
          [0, 1, 2].flatMap(() => [
            { node: there, reply: `MOVED ${slot} ${back}` },
            { node: back, reply: `MOVED ${slot} ${there}` }
          ])
        )
        assert.strictEqual(reason.attempts, 6)
        assert.strictEqual(reason.outcome, "NotExecuted")
        assert.include(reason.message, `${there} replied MOVED ${slot} ${back}`)
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 6)
      }))
  })
})
