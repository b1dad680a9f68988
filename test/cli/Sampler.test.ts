/**
 * The sampler: rates from two samples, the heat of slots, and rounds over real clusters with nodes that do not answer.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { wordsOf } from "../../src/cli/output/EventWords.ts"
import { uncoloured } from "../../src/cli/output/Paint.ts"
import { commandRates, isForeign, lagOf, ratesOf } from "../../src/cli/sampler/figures.ts"
import type { NodeSample } from "../../src/cli/sampler/NodeSample.ts"
import type { Observation } from "../../src/cli/sampler/Observation.ts"
import { Sampler } from "../../src/cli/sampler/Sampler.ts"
import { ownersWithin, SlotHeat } from "../../src/cli/sampler/SlotHeat.ts"
import { lines, ordered } from "../../src/cli/top/Report.ts"
import { ClusterClient, ClusterNode } from "../../src/index.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const sampleAt = (at: number, more: Partial<NodeSample> = {}): NodeSample => ({
  at,
  latency: 1,
  run: "a",
  server: "Redis 8",
  uptimeSeconds: 1,
  commands: 0,
  own: 0,
  hits: 0,
  misses: 0,
  bytesIn: 0,
  bytesOut: 0,
  cpuSeconds: 0,
  evictions: 0,
  memory: 0,
  maxMemory: 0,
  clients: 0,
  blocked: 0,
  keys: 0,
  role: "master",
  offset: 0,
  linkUp: undefined,
  zone: undefined,
  byCommand: new Map(),
  slow: [],
  moves: [],
  ...more
})

describe("The rates of two samples", () => {
  it("are per second, without the commands of the sampler itself", () => {
    const rates = ratesOf(
      sampleAt(0, { commands: 100, own: 10, hits: 5, bytesOut: 1000 }),
      sampleAt(2000, { commands: 310, own: 20, hits: 25, misses: 4, bytesOut: 5000, cpuSeconds: 0.5 })
    )
    assert.deepStrictEqual(rates, {
      commands: 100,
      bytesIn: 0,
      bytesOut: 2000,
      evictions: 0,
      cpu: 0.25,
      hits: 10,
      misses: 2
    })
  })

  it("are not known when the server has started again, or its counters were set to nothing", () => {
    assert.isUndefined(ratesOf(sampleAt(0), sampleAt(1000, { run: "b" })))
    assert.isUndefined(ratesOf(sampleAt(0, { commands: 9 }), sampleAt(1000, { commands: 3 })))
    assert.isUndefined(ratesOf(sampleAt(5), sampleAt(5)))
  })

  it("add up a command over all nodes, with the processor time of one call", () => {
    const count = (calls: number, usec: number) => new Map([["set", { calls, usec }], ["info", { calls: 99, usec: 9 }]])
    assert.deepStrictEqual(
      commandRates([
        [sampleAt(0), sampleAt(1000, { byCommand: count(10, 20) })],
        [sampleAt(0, { byCommand: count(5, 5) }), sampleAt(500, { byCommand: count(15, 45) })],
        [sampleAt(0), sampleAt(1000, { run: "b", byCommand: count(1000, 1) })]
      ], 5),
      [{ name: "SET", calls: 30, usec: 3 }]
    )
  })

  it("show the bytes by which a replica is behind, and never less than none", () => {
    assert.strictEqual(lagOf(sampleAt(0, { offset: 50 }), sampleAt(0, { role: "slave", offset: 20 })), 30)
    assert.strictEqual(lagOf(sampleAt(0, { offset: 10 }), sampleAt(0, { role: "slave", offset: 20 })), 0)
    assert.isUndefined(lagOf(undefined, sampleAt(0, { role: "slave" })))
  })

  it("leave out the commands of the sampler among the slow ones", () => {
    assert.deepStrictEqual(
      [["INFO"], ["CLUSTER", "NODES"], ["CLUSTER", "MYID"], ["GET", "k"]].map(isForeign),
      [false, false, true, true]
    )
  })
})

describe("The heat of slots", () => {
  it("is the processor time per second between two looks at a slot", () => {
    const heat = new SlotHeat()
    heat.observe(0, [{ slot: 1, keyCount: 3, cpuUsec: 100 }, { slot: 2, keyCount: 3, cpuUsec: 50 }])
    heat.observe(2000, [{ slot: 1, keyCount: 3, cpuUsec: 500 }, { slot: 2, keyCount: 3, cpuUsec: 60 }])
    assert.deepStrictEqual([heat.metric, heat.hottest(9)], ["cpu", [{ slot: 1, value: 200 }, { slot: 2, value: 5 }]])
    assert.strictEqual(heat.cells(1024)[0], 205)
  })

  it("is not counted when a counter began again at another node", () => {
    const heat = new SlotHeat()
    heat.observe(0, [{ slot: 1, keyCount: 3, cpuUsec: 100 }])
    heat.observe(1000, [{ slot: 1, keyCount: 3, cpuUsec: 7 }])
    heat.observe(2000, [{ slot: 1, keyCount: 3, cpuUsec: 9 }])
    assert.deepStrictEqual(heat.hottest(1), [{ slot: 1, value: 2 }])
  })

  it("is the number of keys where servers count no processor time", () => {
    const heat = new SlotHeat()
    heat.observe(0, [1, 2, 3].map((slot) => ({ slot, keyCount: slot, cpuUsec: undefined })))
    assert.deepStrictEqual([heat.metric, heat.hottest(2)], ["keys", [{ slot: 3, value: 3 }, { slot: 2, value: 2 }]])
  })

  it("is asked of the owners of the slots of a round", () => {
    const primary = new ClusterNode({ id: "a", host: "h", port: 1, role: "primary" })
    const shard = { primary, replicas: [] }
    const slots = [undefined, shard, undefined, shard, shard]
    assert.deepStrictEqual([...ownersWithin({ slots }, 1, 3)], [[shard, [1, 3]]])
  })
})

describe("The words of events", () => {
  const node = (port: number) => new ClusterNode({ id: `${port}`, host: "h", port, role: "primary" })
  it("name the slots that moved, and leave out what happens all the time", () => {
    assert.deepStrictEqual(
      wordsOf({ _tag: "SlotsMoved", slots: [{ start: 5, end: 5 }], from: node(1), to: node(2) }),
      { tone: "change", kind: "SlotsMoved", text: "slot 5 moved from h:1 to h:2" }
    )
    const many = [1, 3, 5, 7, 9].map((start) => ({ start, end: start }))
    assert.strictEqual(
      wordsOf({ _tag: "SlotsMoved", slots: many, from: node(1), to: undefined })?.text,
      "slots 1, 3, 5, 7 and 1 more of h:1 lost their owner"
    )
    assert.isUndefined(wordsOf({ _tag: "Refreshed", version: 1 }))
  })
})

describe("A sampler of a real cluster", () => {
  const observed = (until: (observation: Observation) => boolean) =>
    Effect.map(Stream.runHead(Stream.filter(Sampler.observations, until)), Option.getOrThrow)

  it.live("measures every node, goes on while one of them does not answer, and sees it come back", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster
      const layer = Sampler.layer({ interval: Duration.millis(100) }).pipe(
        Layer.provideMerge(ClusterClient.layer({ nodes: cluster.seeds }))
      )
      yield* Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("k", "v")
        const all = yield* observed(({ nodes }) => nodes.every(({ rates }) => rates !== undefined))
        assert.strictEqual(all.nodes.length, 4)
        assert.strictEqual(all.totals.silent, 0)
        for (const figures of all.nodes) {
          assert.isAbove(figures.memory ?? 0, 0)
          assert.isDefined(figures.latency)
        }
        // Sooner or later the counts have come to the slot of the key, and the idle cluster executes next to nothing.
        const counted = yield* observed(({ hot }) => hot.length > 0)
        assert.deepStrictEqual(counted.hot, [{ slot: redis.slotOf("k"), value: 1 }])
        assert.strictEqual(counted.heat, "keys")

        const [victim] = yield* cluster.replicas
        const address = `${victim.host}:${victim.port}`
        yield* cluster.stop(victim)
        const silent = yield* observed(({ totals }) => totals.silent > 0)
        assert.deepStrictEqual(
          silent.nodes.flatMap((node) => node.state === "silent" ? [node.address] : []),
          [address]
        )
        // The round after that has figures of the others.
        const later = yield* observed(({ round }) => round > silent.round + 1)
        for (const node of later.nodes) assert.strictEqual(node.state === "up", node.address !== address)
        yield* cluster.continue(victim)
        yield* observed(({ totals }) => totals.silent === 0)
        const { recentLines } = yield* Sampler
        assert.includeMembers(recentLines.map(({ kind }) => kind), ["Silent", "Answers"])

        const text = lines(all, { order: "memory", paint: uncoloured, width: Number.POSITIVE_INFINITY }).join("\n")
        for (const { address } of all.nodes) assert.include(text, address)
        assert.include(text, "all 4 nodes answer")
        const small = lines(all, { order: "shard", paint: uncoloured, width: 60, height: 6 })
        assert.isAtMost(small.length, 6)
        for (const line of small.slice(2)) assert.isAtMost(line.length, 60)
        const memory = ordered(all.nodes, "memory").map((node) => node.memory ?? 0)
        assert.deepStrictEqual(memory, memory.toSorted((a, b) => b - a))
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.provide(RedisCluster.layer({ primaries: 2, replicas: 1, nodeTimeout: 15_000 }))))
})
