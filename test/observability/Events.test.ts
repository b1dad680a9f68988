import { assert, describe, it as plain, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { Credentials } from "../../src/ClusterOptions.ts"
import { between, type ClientEvent } from "../../src/observability/ClientEvent.ts"
import * as Snapshot from "../../src/topology/Snapshot.ts"
import { addressOf } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { observe } from "./Observing.ts"

const key = "events:key"
const slot = HashSlot.ofKey(key)

/** The events from now on. */
const recorded = Effect.fnUntraced(function*(redis: ClusterClientShape) {
  const events: Array<ClientEvent> = []
  const fiber = yield* Effect.forkScoped(
    Stream.runForEach(redis.events, (event) => Effect.sync(() => events.push(event)))
  )
  yield* Effect.sleep(50)
  const count = (tag: ClientEvent["_tag"], node?: string) =>
    events.filter((event) =>
      event._tag === tag && (node === undefined || ("node" in event && `${event.node}` === node))
    )
      .length
  return { events, count, fiber }
})

describe("Events", () => {
  layer(RedisCluster.layer({ replicas: 1, nodeTimeout: 1000 }), { excludeTestServices: true })((it) => {
    it.effect("tell of a slot that moves, and of the refresh", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { redis } = yield* observe({ nodes: cluster.seeds })
        const { count, events } = yield* recorded(redis)
        const owner = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find(({ id }) => id !== owner.id)
        assert(target !== undefined)
        yield* cluster.migrateSlot(slot, target)
        yield* redis.get(key)
        yield* until("the slot has moved", () => count("SlotsMoved") === 1 && count("Refreshed") >= 1)
        const moved = events.find((event) => event._tag === "SlotsMoved")
        assert(moved?._tag === "SlotsMoved")
        assert.deepStrictEqual(moved.slots, [{ start: slot, end: slot }])
        assert.strictEqual(`${moved.from}`, addressOf(owner))
        assert.strictEqual(`${moved.to}`, addressOf(target))
        yield* cluster.migrateSlot(slot, owner)
      })))

    it.effect("tell of a subscription that may have missed messages", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { lines, redis } = yield* observe({ nodes: cluster.seeds })
        const { events } = yield* recorded(redis)
        yield* redis.subscribeScoped("events:channel")
        for (const node of yield* cluster.primaries) {
          yield* cluster.command(node, "CLIENT", "KILL", "TYPE", "pubsub")
        }
        yield* until("the gap", () => events.some((event) => event._tag === "MessagesMissed"))
        const missed = events.find((event) => event._tag === "MessagesMissed")
        assert(missed?._tag === "MessagesMissed")
        assert.strictEqual(missed.reason, "ConnectionLost")
        yield* until(
          "the log",
          () => lines.some(({ level, message }) => level === "Warn" && message.includes("missed"))
        )
      })))

    it.effect("tell of credentials that were rotated, not of the first ones", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const tokens = yield* Queue.unbounded<Credentials>()
        for (const node of cluster.nodes) {
          yield* cluster.command(node, "ACL", "SETUSER", "events", "on", ">one", ">two", "~*", "&*", "+@all")
        }
        yield* Queue.offer(tokens, { username: "events", password: Redacted.make("one") })
        const { lines, redis } = yield* observe({ nodes: cluster.seeds, credentials: Stream.fromQueue(tokens) })
        const { count } = yield* recorded(redis)
        yield* redis.get(key)
        assert.strictEqual(count("CredentialsRotated"), 0)
        yield* Queue.offer(tokens, { username: "events", password: Redacted.make("two") })
        yield* until("the rotation", () => count("CredentialsRotated") === 1)
        assert.isTrue(lines.some(({ level, message }) => level === "Debug" && message.includes("rotated")))
      })))

    it.effect("end with the client", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const fiber = yield* Effect.scoped(Effect.gen(function*() {
          const { redis } = yield* observe({ nodes: cluster.seeds })
          const fiber = yield* Effect.forkDetach(Stream.runDrain(redis.events))
          yield* Effect.sleep(50)
          return fiber
        }))
        yield* Effect.exit(Effect.timeout(Fiber.await(fiber), "5 seconds")).pipe(
          Effect.tap((exit) => Effect.sync(() => assert.strictEqual(exit._tag, "Success")))
        )
      }))

    it.effect("tell of a node that is killed, of who takes its place, that it is left out, and of its return", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* cluster.awaitOk
        yield* cluster.awaitReplicated
        const { redis } = yield* observe({ nodes: cluster.seeds })
        const { count, events } = yield* recorded(redis)
        const owner = yield* cluster.owner(slot)
        const node = addressOf(owner)
        yield* redis.set(key, "1")
        yield* cluster.kill(owner)
        const load = yield* Effect.forkChild(Effect.forever(
          Effect.andThen(Effect.ignore(redis.get(key)), Effect.sleep(5))
        ))
        // While nobody is elected no running node owns the slot.
        yield* eventually("the election", Effect.isSuccess(cluster.owner(slot)), 60_000)
        yield* until("the promotion", () => count("Promoted") === 1)
        assert.strictEqual(count("NodeDown", node), 1)
        const promoted = events.find((event) => event._tag === "Promoted")
        assert(promoted?._tag === "Promoted")
        assert.strictEqual(`${promoted.previous}`, node)
        assert.strictEqual(`${promoted.node}`, addressOf(yield* cluster.owner(slot)))
        yield* cluster.restart(owner)
        yield* cluster.awaitOk
        yield* redis.refreshTopology
        assert.strictEqual(count("NodeRemoved", node), count("NodeAdded", node))
        assert.isAtMost(count("NodeDown", node), 1)
        yield* Fiber.interrupt(load)
      })))
  })

  layer(RedisCluster.layer({ nodeTimeout: 30_000 }), { excludeTestServices: true })((it) => {
    it.effect("tell once of a node that is down, however often it is tried, and once of its return; so does the log", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { lines, redis, value } = yield* observe({ nodes: cluster.seeds, commandTimeout: 300 })
        const { count, events } = yield* recorded(redis)
        const owner = yield* cluster.owner(slot)
        const node = addressOf(owner)
        const returns = () =>
          events.filter((event) => event._tag === "NodeUp" && event.node === node && event.recovered)
        const said = (level: string) =>
          lines.filter(({ annotations, ...line }) => line.level === level && annotations["redis.node"] === node)
        yield* redis.set(key, "1")
        yield* cluster.kill(owner)
        const load = yield* Effect.forkChild(Effect.forever(
          Effect.andThen(Effect.ignore(redis.get(key)), Effect.sleep(5))
        ))
        yield* until("attempts", () => value("connect_failures_total", { node }) >= 5)
        assert.strictEqual(count("NodeDown", node), 1)
        assert.deepStrictEqual(said("Warn").map(({ message }) => message), [`node ${node} is down`])
        assert.isString(said("Warn")[0].annotations["redis.reason"])
        yield* cluster.restart(owner)
        yield* until("its return", () => returns().length === 1)
        yield* redis.set(key, "2").pipe(Effect.retry({ times: 20 }))
        assert.deepStrictEqual([count("NodeDown", node), returns().length], [1, 1])
        assert.deepStrictEqual(said("Info").map(({ message }) => message), [`node ${node} is up again`])
        yield* Fiber.interrupt(load)
      })))
  })

  plain("between two snapshots are promotions, moves, and nodes that come and go", () => {
    const owners = (rows: ReadonlyArray<readonly [number, number, ...ReadonlyArray<number>]>) => {
      const reply = rows.map(([start, end, ...ports]) => [start, end, ...ports.map((port) => ["h", port, `id${port}`])])
      const via = { host: "h", port: 1 }
      const result = Snapshot.fromClusterSlots(reply, { via, mapAddress: (one) => one, previous: Snapshot.empty })
      assert(result._tag === "Success")
      return result.success
    }
    const before = owners([[0, 99, 1, 2], [100, 199, 3, 4], [200, 16383, 5]])
    const after = owners([[0, 99, 2, 1], [100, 149, 3], [150, 159, 5], [160, 199, 3], [200, 16383, 5, 6]])
    const told = between(before, after).map((event) => {
      switch (event._tag) {
        case "Promoted":
          return `${event.node} for ${event.previous}`
        case "SlotsMoved":
          return `${JSON.stringify(event.slots)} from ${event.from} to ${event.to}`
        case "NodeAdded":
        case "NodeRemoved":
          return `${event._tag} ${event.node}`
        default:
          return event._tag
      }
    })
    assert.deepStrictEqual(told, [
      "NodeAdded h:6",
      "h:2 for h:1",
      `[{"start":150,"end":159}] from h:3 to h:5`,
      "NodeRemoved h:4"
    ])
    assert.deepStrictEqual(between(after, after), [])
    const unlisted = between(owners([[0, 16383, 1]]), owners([[0, 16383, 2, 1]]))
    assert.deepStrictEqual(unlisted.map(({ _tag }) => _tag), ["NodeAdded", "Promoted"])
  })
})
