import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { ClusterClient } from "../src/ClusterClient.ts"
import type { ClusterOptions } from "../src/ClusterOptions.ts"
import * as Discovery from "../src/Discovery.ts"
import { openClient } from "./faults/Load.ts"
import * as DnsServer from "./harness/DnsServer.ts"
import { forward } from "./harness/Forwarding.ts"
import { RedisCluster } from "./harness/RedisCluster.ts"

const srv = (port: number, priority = 0, weight = 0, target = "127.0.0.1"): DnsServer.DnsRecord => ({
  type: "SRV",
  priority,
  weight,
  port,
  target
})

const failureOf = (options: ClusterOptions) => Effect.flip(Effect.scoped(Layer.build(ClusterClient.layer(options))))

describe("Discovery", () => {
  it.live("gives hosts and ports of SRV records by priority, and the heavier more often in front", () =>
    Effect.gen(function*() {
      const server = yield* DnsServer.make(() => [
        srv(7003, 20, 0, "c.example.com"),
        srv(7001, 10, 90, "a.example.com"),
        srv(7002, 10, 10, "b.example.com")
      ])
      const first = new Map<number, number>()
      for (let i = 0; i < 200; i++) {
        const found = yield* Discovery.srv("_redis._tcp.example.com", { servers: [server] })
        assert.deepStrictEqual(found[2], { host: "c.example.com", port: 7003 })
        assert.strictEqual(found.length, 3)
        first.set(found[0].port, (first.get(found[0].port) ?? 0) + 1)
      }
      // 180 and 20 are expected; beyond these bounds by chance once in a billion runs.
      assert.isAbove(first.get(7001) ?? 0, 150)
      assert.isAbove(first.get(7002) ?? 0, 0)
    }))

  it.live("gives every address of a host", () =>
    Effect.gen(function*() {
      const server = yield* DnsServer.make((name) =>
        name === "redis.example.com" ? [{ type: "A", address: "10.0.0.1" }, { type: "A", address: "10.0.0.2" }] : []
      )
      const found = yield* Discovery.dns("redis.example.com", 7000, { servers: [server] })
      assert.deepStrictEqual(found.map(({ host }) => host).toSorted(), ["10.0.0.1", "10.0.0.2"])
      assert.deepStrictEqual(found.map(({ port }) => port), [7000, 7000])
    }))

  it.live("says which name has no record, and does not wait long for a server that is silent", () =>
    Effect.gen(function*() {
      const [empty, silent] = [yield* DnsServer.make(() => []), yield* DnsServer.make(() => undefined)]
      const missing = yield* Effect.flip(Discovery.srv("_redis._tcp.example.com", { servers: [empty] }))
      assert.strictEqual(missing.reason._tag, "ConnectionError")
      assert.match(missing.message, /SRV record _redis\._tcp\.example\.com: ENOTFOUND/)
      const unknown = yield* Effect.flip(Discovery.dns("redis.example.com", 7000, { servers: [empty] }))
      assert.match(unknown.message, /A record redis\.example\.com: ENOTFOUND/)
      const mute = yield* Effect.flip(Discovery.srv("_redis._tcp.example.com", { servers: [silent], timeout: 100 }))
      assert.match(mute.message, /ETIMEOUT/)
      const wrong = yield* Effect.flip(Discovery.srv("_redis._tcp.example.com", { servers: ["no address"] }))
      assert.strictEqual(wrong.reason._tag, "OptionsError")
    }))
})

describe("Startup nodes that an effect finds", () => {
  it.effect("refuses options that cannot be meant, by name", () =>
    Effect.gen(function*() {
      for (
        const [options, named] of [[{ server: [] }, "servers is meant"], [{ timeout: "soon" }, "timeout"], [
          5,
          "an object"
        ]]
      ) {
        const error = yield* Effect.flip(
          Discovery.srv("_redis._tcp.example.com", options as Discovery.DiscoveryOptions)
        )
        assert.strictEqual(error.reason._tag, "OptionsError")
        assert.include(error.message, String(named))
      }
    }))

  layer(RedisCluster.layer(), { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("are tried in order, the dead ones too", () =>
      Effect.gen(function*() {
        const { nodes } = yield* RedisCluster
        const server = yield* DnsServer.make(() => [srv(1, 0), srv(nodes[1].port, 1)])
        const { redis } = yield* openClient({ nodes: Discovery.srv("_redis._tcp.example.com", { servers: [server] }) })
        assert.strictEqual(yield* redis.set("key", "value"), "OK")
        assert.strictEqual((yield* redis.primaries).length, 3)
      }))

    it.effect("are found anew when no known node answers: the cluster came back elsewhere", () =>
      Effect.gen(function*() {
        const { nodes } = yield* RedisCluster
        // The client knows the cluster through forwarded ports, which move.
        let forwarded = yield* Effect.forEach(nodes, ({ port }) => forward(() => port))
        let asked = 0
        const mapped = () => new Map(nodes.map(({ port }, i) => [port, forwarded[i].port]))
        const { redis } = yield* openClient({
          nodes: Effect.sync(() => {
            asked++
            return forwarded.map(({ port }) => ({ host: "127.0.0.1", port }))
          }),
          mapAddress: ({ host, port }) => ({ host, port: mapped().get(port) ?? port }),
          commandTimeout: "10 seconds"
        })
        assert.strictEqual(yield* redis.set("key", "moved"), "OK")
        assert.strictEqual(asked, 1)
        yield* redis.refreshTopology
        // Known nodes answer: nothing is looked up.
        assert.strictEqual(asked, 1)
        const before = forwarded
        forwarded = yield* Effect.forEach(nodes, ({ port }) => forward(() => port))
        for (const { close } of before) yield* close
        assert.strictEqual(yield* redis.get("key"), "moved")
        assert.isAtLeast(asked, 2)
      }))

    it.effect("are asked for again after a lookup that failed", () =>
      Effect.gen(function*() {
        const { nodes } = yield* RedisCluster
        let asked = 0
        const find = Effect.suspend(() =>
          ++asked < 3 ? Effect.fail("not yet") : Effect.succeed([{ host: "127.0.0.1", port: nodes[0].port }])
        )
        const context = yield* Layer.build(ClusterClient.layer({ nodes: find })).pipe(
          Effect.retry(Schedule.spaced(10))
        )
        assert.strictEqual(yield* Context.get(context, ClusterClient).set("key", "value"), "OK")
      }))

    it.effect("that are none, wrong, late or not to be found are told so, and no secret is", () =>
      Effect.gen(function*() {
        const empty = yield* DnsServer.make(() => [])
        const causes: ReadonlyArray<readonly [ClusterOptions["nodes"], RegExp]> = [
          [Effect.succeed([]), /found none/],
          [Effect.succeed([{ host: "a", port: 70_000 }]), /1 to 65535/],
          [Effect.fail(new Error("token hunter2")), /failed$/],
          [Effect.die("hunter2"), /failed$/],
          [Effect.never, /longer than 100 ms/],
          [Discovery.srv("_redis._tcp.example.com", { servers: [empty] }), /SRV record .* ENOTFOUND/]
        ]
        for (const [nodes, expected] of causes) {
          const { message, reason } = yield* failureOf({ nodes, connectTimeout: 100 })
          assert(reason._tag === "NoReachableNodeError")
          assert.strictEqual(reason.causes.length, 1)
          assert.match(reason.causes[0].cause, expected)
          assert.notInclude(message, "hunter2")
        }
      }))
  })
})
