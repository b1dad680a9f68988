/**
 * The forms in which servers announce their addresses, as real servers announce them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import { networkInterfaces } from "node:os"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { connect, errorReplies } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"

const key = "{moving}"
const slot = HashSlot.ofKey(key)

/** Where a slot shall go: any primary that does not own it. */
const elsewhere = Effect.fnUntraced(function*(cluster: RedisClusterShape) {
  const owner = yield* cluster.owner(slot)
  return { owner, target: cluster.nodes.find(({ index }) => index !== owner.index) ?? owner }
})

/**
 * A client that knows the map sees a slot move: first half of its keys (ASK), then all of them (MOVED). The replies of
 * the servers on the way, and the client's names of its nodes.
 */
const followed = Effect.fnUntraced(function*(cluster: RedisClusterShape, options: Partial<ClusterOptions> = {}) {
  const redis = yield* connect({ nodes: cluster.seeds[0], refreshInterval: "Infinity", ...options })
  const keys = Array.from({ length: 10 }, (_, i) => `${key}${i}`)
  const readAll = Effect.map(
    Effect.forEach(keys, (key) => redis.get(key), { concurrency: "unbounded" }),
    (values) => assert.deepStrictEqual(values, keys)
  )
  for (const key of keys) yield* redis.set(key, key)
  const { owner, target } = yield* elsewhere(cluster)
  yield* cluster.startMigration(slot, target)
  yield* cluster.moveKeys(slot, 5)
  const answers = yield* Effect.forEach(keys, (key) =>
    Effect.flip(cluster.command(owner, "GET", key)).pipe(
      Effect.map((error) => error.message),
      Effect.orElseSucceed(() => "")
    ))
  const ask = answers.find((message) => message.includes("ASK")) ?? ""
  yield* readAll
  yield* cluster.finishMigration(slot)
  const moved = (yield* Effect.flip(cluster.command(owner, "GET", keys[0]))).message
  const before = yield* errorReplies(cluster, "MOVED")
  yield* redis.get(keys[0])
  yield* readAll
  assert.strictEqual((yield* redis.ownerOf(keys[0]))?.port, target.port)
  return {
    ask,
    moved,
    redirects: (yield* errorReplies(cluster, "MOVED")) - before,
    nodes: (yield* redis.nodes).map((node) => node.address),
    ports: cluster.nodes.map(({ port }) => port)
  }
})

const preferred = (type: string, hostname?: (port: number) => string) => (port: number) => [
  ...["--cluster-preferred-endpoint-type", type],
  ...(hostname === undefined ? [] : ["--cluster-announce-hostname", hostname(port)])
]

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1")
)

describe("Servers that announce", () => {
  it.live(
    "no host at all (MOVED slot :port, null in CLUSTER SLOTS) are reached at the host that answered",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({ options: preferred("unknown-endpoint") })
        const { ask, moved, nodes, ports, redirects } = yield* followed(cluster)
        assert.match(ask, new RegExp(`ASK ${slot} :\\d+`))
        assert.match(moved, new RegExp(`MOVED ${slot} :\\d+`))
        assert.strictEqual(redirects, 1)
        assert.sameMembers(nodes, ports.map((port) => `127.0.0.1:${port}`))
      }),
    30_000
  )

  it.live("hostnames are reached by name", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ options: preferred("hostname", () => "localhost") })
      const { ask, moved, nodes, ports, redirects } = yield* followed(cluster)
      assert.match(ask, new RegExp(`ASK ${slot} localhost:\\d+`))
      assert.match(moved, new RegExp(`MOVED ${slot} localhost:\\d+`))
      assert.strictEqual(redirects, 1)
      assert.sameMembers(nodes, ports.map((port) => `localhost:${port}`))
    }), 30_000)

  it.live(
    "\"?\" for want of a hostname are reached at the ip they add, and redirects at the node with that port",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({ options: preferred("hostname") })
        const { ask, moved, nodes, ports, redirects } = yield* followed(cluster)
        assert.match(ask, new RegExp(`ASK ${slot} \\?:\\d+`))
        assert.match(moved, new RegExp(`MOVED ${slot} \\?:\\d+`))
        assert.strictEqual(redirects, 1)
        assert.sameMembers(nodes, ports.map((port) => `127.0.0.1:${port}`))
      }),
    30_000
  )

  it.live.skipIf(!hasIpv6)("IPv6 addresses are reached there", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({
        options: ["--bind", "127.0.0.1", "::1", "--cluster-announce-ip", "::1"]
      })
      const { ask, moved, nodes, ports, redirects } = yield* followed(cluster, {
        nodes: `redis://[::1]:${cluster.nodes[0].port}`
      })
      assert.match(ask, new RegExp(`ASK ${slot} ::1:\\d+`))
      assert.match(moved, new RegExp(`MOVED ${slot} ::1:\\d+`))
      assert.strictEqual(redirects, 1)
      assert.sameMembers(nodes, ports.map((port) => `[::1]:${port}`))
    }), 30_000)

  it.live(
    "addresses that only others can reach are translated: in the map, in MOVED and in ASK",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({ options: preferred("hostname", (port) => `node-${port}.invalid`) })
        const dialled = new Set<string>()
        const { ask, moved, nodes, ports, redirects } = yield* followed(cluster, {
          mapAddress: ({ host, port }) => host.endsWith(".invalid") ? { host: "127.0.0.1", port } : { host, port },
          stream: (endpoint) => {
            dialled.add(endpoint.host)
            return Net.connect({ ...endpoint })
          }
        })
        assert.match(ask, new RegExp(`ASK ${slot} node-\\d+\\.invalid:\\d+`))
        assert.match(moved, new RegExp(`MOVED ${slot} node-\\d+\\.invalid:\\d+`))
        assert.strictEqual(redirects, 1)
        assert.deepStrictEqual([...dialled], ["127.0.0.1"])
        assert.sameMembers(nodes, ports.map((port) => `127.0.0.1:${port}`))
      }),
    30_000
  )
})
