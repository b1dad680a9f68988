/**
 * A client whose servers disagree, are cut off, or belong to another cluster: the map is judged, and a node is
 * identified by its id.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { tagWhere } from "../harness/Observed.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { connectTo, handshake, servers, slotsOf, stage, type View } from "./scripted.ts"

/** A key in each of so many equal parts of the slots. */
const keysOf = (parts: number): ReadonlyArray<string> =>
  Array.from(
    { length: parts },
    (_, part) => tagWhere((slot) => Math.floor((slot * parts) / HashSlot.slotCount) === part)
  )

const owners = (...names: ReadonlyArray<number | undefined>): View => ({
  owners: names.map((name) => name === undefined ? undefined : { name })
})

const portsOf = (redis: ClusterClientShape) =>
  Effect.map(redis.nodes, (nodes) => nodes.map(({ port }) => port).toSorted((a, b) => a - b))

const refreshes = (redis: ClusterClientShape, times: number) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.result(redis.refreshTopology))

describe("A view of the cluster", () => {
  it.live("that is partial never replaces a better one: the nodes that it leaves out are asked", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002])
      const redis = yield* connectTo(play.stream)
      const keys = keysOf(2)
      for (const key of keys) yield* redis.get(key)
      play.views.set(7002, owners(undefined, 7002))
      yield* refreshes(redis, 20)
      assert.isAbove(play.count("CLUSTER SLOTS", 7002), 1)
      assert.deepStrictEqual(yield* portsOf(redis), [7001, 7002])
      assert.strictEqual(yield* redis.get(keys[0]), "value of 7001")
    }))

  it.live("that is partial gives way to a better one of a startup node", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002])
      play.views.set(7002, owners(undefined, 7002))
      const redis = yield* connectTo(play.stream, {
        nodes: [7002, 7001].map((port) => ({ host: "fake", port }))
      })
      assert.deepStrictEqual(yield* portsOf(redis), [7001, 7002])
    }))

  it.live("that all nodes share is believed, also when it covers fewer slots and lacks a node that is up", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      const redis = yield* connectTo(play.stream)
      for (const key of keysOf(3)) yield* redis.get(key)
      for (const port of [7001, 7002, 7003]) play.views.set(port, owners(7001, 7002, undefined))
      yield* refreshes(redis, 3)
      assert.deepStrictEqual(yield* portsOf(redis), [7001, 7002])
    }))

  it.live("of a startup node that is cut off is not taken while another one has a better one", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      // A node that has lost the cluster: where it believes the others to be nobody listens.
      play.views.set(7009, {
        owners: [{ name: 7001, port: 7009 }, { name: 7002, port: 7012, failed: true }, {
          name: 7003,
          port: 7013,
          failed: true
        }]
      })
      play.names.set(7009, 7001)
      for (const port of [7012, 7013]) play.dead.add(port)
      const redis = yield* connectTo(play.stream, {
        nodes: [7009, 7001].map((port) => ({ host: "fake", port }))
      })
      for (const [i, key] of keysOf(3).entries()) assert.strictEqual(yield* redis.get(key), `value of ${7001 + i}`)
    }))

  it.live("of a node that is cut off never flips the map of a client that runs", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      const redis = yield* connectTo(play.stream)
      for (const key of keysOf(3)) yield* redis.get(key)
      const before = yield* redis.topology
      play.views.set(7003, {
        owners: [{ name: 7001, port: 7011, failed: true }, { name: 7002, port: 7012, failed: true }, { name: 7003 }]
      })
      for (const port of [7011, 7012]) play.dead.add(port)
      yield* refreshes(redis, 25)
      assert.isAbove(play.count("CLUSTER SLOTS", 7003), 1)
      assert.strictEqual(yield* redis.topology, before)
    }))

  it.live("that is stale without knowing it is left while commands wait in vain: a startup node has another", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002])
      // It has not noticed yet that it is alone.
      play.views.set(7009, { owners: [{ name: 7001, port: 7009 }, { name: 7002, port: 7012 }] })
      play.names.set(7009, 7001)
      play.dead.add(7012)
      const redis = yield* connectTo(play.stream, {
        nodes: [7009, 7002].map((port) => ({ host: "fake", port })),
        commandTimeout: "10 seconds"
      })
      assert.strictEqual(yield* redis.get(keysOf(2)[1]), "value of 7002")
    }))
})

describe("A view that a node told before a slot moved", () => {
  it.live("does not undo the redirect that came meanwhile", () =>
    Effect.gen(function*() {
      const [before, after] = [owners(7001, 7002, 7003, 7001), owners(7002, 7002, 7003, 7001)]
      const [key] = keysOf(4)
      let state: "calm" | "slow" | "moved" = "calm"
      const late: Array<(reply: string) => void> = []
      const redis = yield* connectTo(servers((endpoint, command, hold) => {
        if (command === "CLUSTER SLOTS") {
          if (state !== "slow") return slotsOf(state === "calm" ? before : after)
          if (endpoint.port !== 7003) return "-ERR not now"
          late.push(hold())
          return undefined
        }
        if (state === "moved" && command === `GET ${key}` && endpoint.port !== 7002) {
          return `-MOVED ${HashSlot.ofKey(key)} fake:7002`
        }
        return handshake(endpoint, command) ?? `+of ${endpoint.port}`
      }))
      assert.strictEqual(yield* redis.get(key), "of 7001")
      const seen: Array<number | undefined> = []
      yield* Effect.forkScoped(Stream.runForEach(redis.topologyChanges, (map) =>
        Effect.sync(() =>
          seen.push(map.slots[HashSlot.ofKey(key)]?.primary.port)
        )))
      state = "slow"
      const refresh = yield* Effect.forkChild(redis.refreshTopology)
      yield* until("a node is asked", () =>
        late.length > 0)
      state = "moved"
      assert.strictEqual(yield* redis.get(key), "of 7002")
      for (const answer of late) answer(slotsOf(before))
      yield* Fiber.join(refresh)
      yield* until("the map names the new owner", () => seen.includes(7002))
      assert.strictEqual((yield* redis.ownerOf(key))?.port, 7002)
      assert.deepStrictEqual(seen.slice(seen.indexOf(7002)).filter((port) => port !== 7002), [])
    }))
})

describe("A startup node of another cluster", () => {
  it.live("is not adopted because our own nodes are down for a moment", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      const redis = yield* connectTo(play.stream, {
        nodes: [7001, 7002].map((port) => ({ host: "fake", port })),
        commandTimeout: "400 millis"
      })
      const [key] = keysOf(3)
      yield* redis.get(key)
      for (const port of [7001, 7002, 7003]) play.kill(port)
      // Another cluster has got one of the addresses.
      play.dead.delete(7002)
      play.names.set(7002, "stranger")
      play.views.set(7002, { owners: [{ name: "stranger", port: 7002 }, { name: "other", port: 7008 }] })
      play.views.set(7008, { owners: [{ name: "stranger", port: 7002 }, { name: "other", port: 7008 }] })
      for (let i = 0; i < 5; i++) {
        const result = yield* Effect.result(redis.get(key))
        assert.isTrue(Result.isFailure(result), `a reply of another cluster: ${result}`)
      }
      const error = yield* Effect.flip(redis.refreshTopology)
      assert.include(error.message, "fake:7002: it belongs to another cluster now")
      for (const port of [7001, 7003]) play.dead.delete(port)
      yield* eventually("our own reply", Effect.map(Effect.result(redis.get(key)), Result.isSuccess))
      assert.strictEqual(yield* redis.get(key), "value of 7001")
    }))

  it.live("is adopted when the cluster was made new, and left when a node of the former one is back; events say so", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      const redis = yield* connectTo(play.stream, { commandTimeout: "5 seconds" })
      const replaced: Array<ReadonlyArray<number>> = []
      yield* Effect.forkScoped(
        redis.events.pipe(Stream.runForEach((event) =>
          Effect.sync(() => {
            if (event._tag === "ClusterReplaced") {
              replaced.push(event.nodes.map(({ port }) => port).toSorted((a, b) => a - b))
            }
          })
        )),
        { startImmediately: true }
      )
      const [key] = keysOf(3)
      yield* redis.get(key)
      for (const port of [7001, 7002, 7003]) play.kill(port)
      const made: View = { owners: [{ name: "new1", port: 7001 }, { name: "new2", port: 7002 }] }
      for (const [port, name] of [[7001, "new1"], [7002, "new2"]] as const) {
        play.names.set(port, name)
        play.views.set(port, made)
        play.dead.delete(port)
      }
      assert.strictEqual(yield* redis.get(key), "value of new1")
      yield* until("an event", () => replaced.length === 1)
      assert.deepStrictEqual(yield* portsOf(redis), [7001, 7002])

      // The third node comes back, and the others of its cluster have moved.
      const former: View = { owners: [{ name: 7001, port: 7011 }, { name: 7002, port: 7012 }, { name: 7003 }] }
      for (const [port, name] of [[7011, 7001], [7012, 7002], [7003, 7003]] as const) {
        play.names.set(port, name)
        play.views.set(port, former)
        play.dead.delete(port)
      }
      yield* until("the way back", () => replaced.length === 2)
      assert.deepStrictEqual(replaced, [[7001, 7002], [7003, 7011, 7012]])
      assert.strictEqual(yield* redis.get(key), "value of 7001")
    }))
})

describe("A node is its id", () => {
  /** Each names itself by the loopback interface, and the others by an address or by a name, as it likes. */
  const contradictory = (self: number): View => ({
    owners: [7001, 7002, 7003].map((name) => ({
      name,
      host: name === self ? "127.0.0.1" : self % 2 === 0 ? "10.0.0.1" : "node.example"
    }))
  })

  it.live("25 refreshes from nodes that name each other differently open no connection and make no gap", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002, 7003])
      for (const port of [7001, 7002, 7003]) play.views.set(port, contradictory(port))
      play.answer = (_, command) =>
        command.startsWith("SUBSCRIBE")
          ? `>3\r\n$9\r\nsubscribe\r\n$${command.slice(10).length}\r\n${command.slice(10)}\r\n:1`
          : undefined
      const redis = yield* connectTo(play.stream, { nodes: [7001, 7002].map((port) => ({ host: "fake", port })) })
      for (const key of keysOf(3)) yield* redis.get(key)
      const subscription = yield* redis.subscribeEventsScoped("news")
      const events: Array<string> = []
      yield* Effect.forkScoped(
        Stream.runForEach(Stream.fromQueue(subscription), (event) => Effect.sync(() => events.push(event._tag))),
        { startImmediately: true }
      )
      const dialled = play.dialled.length
      const before = (yield* redis.nodes).map(({ address }) => address)
      yield* refreshes(redis, 25)
      for (const key of keysOf(3)) yield* redis.get(key)
      assert.deepStrictEqual(play.dialled.slice(dialled), [])
      assert.deepStrictEqual((yield* redis.nodes).map(({ address }) => address), before)
      assert.notInclude(events, "Gap")
      // Every name that was heard is a name of the node.
      for (const host of ["127.0.0.1", "10.0.0.1", "node.example"]) {
        assert.strictEqual((yield* redis.nodeAt({ host, port: 7003 })).port, 7003)
      }
    }))

  it.live("a node that is announced elsewhere stays where it answers, and moves when it answers there no more", () =>
    Effect.gen(function*() {
      const play = stage([7001, 7002])
      const redis = yield* connectTo(play.stream, { commandTimeout: "5 seconds" })
      const keys = keysOf(2)
      for (const key of keys) yield* redis.get(key)
      const renamed: View = { owners: [{ name: 7001 }, { name: 7002, port: 7012 }] }
      for (const port of [7001, 7002, 7012]) play.views.set(port, renamed)
      play.names.set(7012, 7002)
      const dialled = play.dialled.length
      yield* refreshes(redis, 3)
      assert.deepStrictEqual(yield* portsOf(redis), [7001, 7002])
      assert.deepStrictEqual(play.dialled.slice(dialled), [])
      assert.strictEqual((yield* redis.nodeAt({ host: "fake", port: 7012 })).port, 7002)
      // A redirect to the new name leads to the same connection.
      let moved = false
      play.answer = (port, command) => {
        if (moved || port !== 7001 || !command.startsWith("GET")) return undefined
        moved = true
        return `-MOVED ${HashSlot.ofKey(keys[0])} fake:7012`
      }
      assert.strictEqual(yield* redis.get(keys[0]), "value of 7002")
      assert.deepStrictEqual(play.dialled.slice(dialled), [])

      play.kill(7002)
      assert.strictEqual(yield* redis.get(keys[1]), "value of 7002")
      assert.deepStrictEqual(yield* portsOf(redis), [7001, 7012])
    }))
})
