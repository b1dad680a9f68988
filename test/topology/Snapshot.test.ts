import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import * as Snapshot from "../../src/topology/Snapshot.ts"

const via: Endpoint = { host: "seed.example.com", port: 7000 }
const unmapped = (endpoint: Endpoint) => endpoint

const parse = (
  reply: Reply,
  { mapAddress = unmapped, previous = Snapshot.empty }: {
    readonly mapAddress?: Snapshot.Origin["mapAddress"]
    readonly previous?: Snapshot.Snapshot
  } = {}
) => Snapshot.fromClusterSlots(reply, { via, mapAddress, previous })

const read = (...args: Parameters<typeof parse>): Snapshot.Snapshot => Result.getOrThrow(parse(...args))

const id = (letter: string) => letter.repeat(40)
const node = (letter: string, port: number): Reply => ["10.0.0.1", port, id(letter), new Map()]

/** Two shards with a replica each; the first has two ranges. */
const two: Reply = [
  [0, 99, node("a", 7001), node("c", 7003)],
  [100, 8191, node("b", 7002), node("d", 7004)],
  [8192, 16_383, node("a", 7001), node("c", 7003)]
]

describe("Snapshot", () => {
  describe("the host of a node", () => {
    const cases: ReadonlyArray<readonly [form: string, member: Reply, address: string | undefined]> = [
      ["an IPv4 address", ["10.0.0.1", 7001, id("a"), new Map()], "10.0.0.1:7001"],
      ["an IPv6 address", ["::1", 7001, id("a"), new Map()], "[::1]:7001"],
      ["a hostname", ["a.example.com", 7001, id("a"), new Map([["ip", "10.0.0.1"]])], "a.example.com:7001"],
      ["null: the host that was asked", [null, 7001, id("a"), new Map([["ip", "10.0.0.1"]])], "seed.example.com:7001"],
      ["empty: the host that was asked", ["", 7001, id("a"), new Map()], "seed.example.com:7001"],
      ["\"?\": the ip of the metadata (RESP3)", ["?", 7001, id("a"), new Map([["ip", "10.0.0.1"]])], "10.0.0.1:7001"],
      ["\"?\": the ip of the metadata (RESP2)", ["?", 7001, id("a"), ["ip", "10.0.0.1"]], "10.0.0.1:7001"],
      ["\"?\" without an ip: no node", ["?", 7001, id("a"), []], undefined],
      ["\"?\" with an empty ip: no node", ["?", 7001, id("a"), ["ip", ""]], undefined],
      ["no metadata, as before 7.0", ["10.0.0.1", 7001, id("a")], "10.0.0.1:7001"],
      ["port 0, as of a node without a port for us: no node", ["10.0.0.1", 0, id("a"), []], undefined]
    ]
    for (const [form, member, address] of cases) {
      it(form, () => {
        const snapshot = read([[0, 16_383, member]])
        assert.deepStrictEqual([...snapshot.nodes.keys()], address === undefined ? [] : [address])
        assert.strictEqual(snapshot.slots[16_383]?.primary.address, address)
        assert.strictEqual(Snapshot.coveredSlots(snapshot), address === undefined ? 0 : 16_384)
      })
    }

    it("is translated by mapAddress after the announced form was understood", () => {
      const seen: Array<Endpoint> = []
      const snapshot = read([[0, 16_383, [null, 7001, id("a")], ["10.0.0.2", 7002, id("b")]]], {
        mapAddress: (endpoint) => {
          seen.push(endpoint)
          return { host: "localhost", port: endpoint.port + 1000 }
        }
      })
      assert.deepStrictEqual(seen, [{ host: "seed.example.com", port: 7001 }, { host: "10.0.0.2", port: 7002 }])
      assert.deepStrictEqual([...snapshot.nodes.keys()].toSorted(), ["localhost:8001", "localhost:8002"])
    })
  })

  it("takes nodes that are mapped to one address for one shard: a command for all primaries goes there once", () => {
    const snapshot = read(two, { mapAddress: () => ({ host: "proxy", port: 6379 }) })
    assert.deepStrictEqual(snapshot.primaries.map(({ address }) => address), ["proxy:6379"])
    assert.strictEqual(Snapshot.coveredSlots(snapshot), 16_384)
  })

  it("finds a node by the address that it announced before mapAddress, too", () => {
    const snapshot = read([[0, 16_383, node("a", 7001)]], {
      mapAddress: ({ port }) => ({ host: "localhost", port: port + 1000 })
    })
    const [only] = snapshot.nodes.values()
    assert.strictEqual(Snapshot.find(snapshot, { host: "localhost", port: 8001 }), only)
    assert.strictEqual(Snapshot.find(snapshot, { host: "10.0.0.1", port: 7001 }), only)
    assert.strictEqual(Snapshot.find(snapshot, { host: "10.0.0.1", port: 7002 }), undefined)
  })

  it("finds a node by its port, or by a name of this machine, when there is exactly one such node", () => {
    const hosts = (one: string, other: string) =>
      read([[0, 99, [one, 7001, id("a"), []]], [100, 16_383, [other, 7001, id("b"), []]]])
    const distinct = hosts("127.0.0.1", "10.0.0.1")
    assert.strictEqual(Snapshot.find(distinct, { host: "localhost", port: 7001 })?.id, id("a"))
    assert.strictEqual(Snapshot.onlyNodeWithPort(distinct, 7001), undefined)
    assert.strictEqual(Snapshot.find(hosts("127.0.0.1", "127.0.0.2"), { host: "localhost", port: 7001 }), undefined)
    assert.strictEqual(Snapshot.onlyNodeWithPort(read([[0, 16_383, node("a", 7001)]]), 7001)?.id, id("a"))
  })

  it("is another one when a node is another one, and the next version after a MOVED", () => {
    const before = read(two)
    assert.isTrue(Snapshot.isSame(before, read(two, { previous: before })))
    assert.isFalse(Snapshot.isSame(before, read(two)))
    const after = Snapshot.moved(before, 50, { host: "10.0.0.1", port: 7002 })
    assert.strictEqual(after.version, before.version + 1)
    assert.isFalse(Snapshot.isSame(before, after))
  })

  it("puts the ranges of one primary together as one shard", () => {
    const snapshot = read(two)
    assert.strictEqual(snapshot.shards.length, 2)
    assert.strictEqual(snapshot.slots[0], snapshot.slots[16_383])
    assert.deepStrictEqual(Snapshot.rangesOf(snapshot, snapshot.shards[0]), [
      { start: 0, end: 99 },
      { start: 8192, end: 16_383 }
    ])
    assert.deepStrictEqual(snapshot.primaries.map((node) => node.port), [7001, 7002])
    assert.deepStrictEqual(snapshot.replicas.map((node) => node.port), [7003, 7004])
    assert.deepStrictEqual(snapshot.replicas.map((node) => node.role), ["replica", "replica"])
  })

  it("reads the availability zone where the server tells it", () => {
    const zone = new Map([["availability-zone", "eu-1a"]])
    const snapshot = read([[0, 16_383, ["10.0.0.1", 7001, id("a"), zone]]])
    assert.strictEqual(snapshot.primaries[0].zone, "eu-1a")
  })

  it("counts the slots without an owner", () => {
    const snapshot = read([[0, 9, node("a", 7001)]])
    assert.strictEqual(Snapshot.coveredSlots(snapshot), 10)
    assert.strictEqual(snapshot.slots[10], undefined)
  })

  it("keeps the nodes that did not change, and makes new ones of those that did", () => {
    const previous = read(two)
    const next = read([
      [0, 8191, node("b", 7002), node("d", 7004)],
      // The same address, another node; and a replica that became a primary.
      [8192, 16_383, node("c", 7003), node("e", 7001)]
    ], { previous })
    assert.strictEqual(next.nodes.get("10.0.0.1:7002"), previous.nodes.get("10.0.0.1:7002"))
    assert.notStrictEqual(next.nodes.get("10.0.0.1:7001"), previous.nodes.get("10.0.0.1:7001"))
    assert.strictEqual(next.nodes.get("10.0.0.1:7003")?.role, "primary")
    assert.isAbove(next.version, previous.version)
  })

  it("refuses what is not an answer of CLUSTER SLOTS", () => {
    const wrong: ReadonlyArray<Reply> = [
      new ServerError("ERR This instance has cluster support disabled"),
      "OK",
      ["not a row"],
      [[0, 16_384, node("a", 7001)]],
      [[5, 4, node("a", 7001)]],
      [[-1, 4, node("a", 7001)]],
      [["0", "4", node("a", 7001)]]
    ]
    for (const reply of wrong) assert.isTrue(Result.isFailure(parse(reply)))
  })

  describe("after a MOVED", () => {
    const before = read(two)

    it("to another primary, has one slot moved and all others where they were", () => {
      const after = Snapshot.moved(before, 50, { host: "10.0.0.1", port: 7002 })
      assert.strictEqual(after.slots[50], before.shards[1])
      assert.deepStrictEqual(after.slots.toSpliced(50, 1), before.slots.toSpliced(50, 1))
      assert.strictEqual(before.slots[50], before.shards[0])
      assert.isAbove(after.version, before.version)
    })

    it("to the shard's own replica, has the whole shard moved: it failed over", () => {
      const after = Snapshot.moved(before, 50, { host: "10.0.0.1", port: 7003 })
      for (const slot of [0, 50, 99, 8192, 16_383]) assert.strictEqual(after.slots[slot]?.primary.port, 7003)
      for (const slot of [100, 8191]) assert.strictEqual(after.slots[slot], before.slots[slot])
      assert.strictEqual(after.shards.length, 2)
      assert.strictEqual(after.nodes.get("10.0.0.1:7003")?.role, "primary")
      assert.strictEqual(after.nodes.get("10.0.0.1:7003")?.id, id("c"))
      assert.strictEqual(after.nodes.get("10.0.0.1:7001")?.role, "replica")
      assert.sameMembers(after.replicas.map((node) => node.port), [7001, 7004])
    })

    it("to an unknown node, knows it by its address", () => {
      const after = Snapshot.moved(before, 50, { host: "::1", port: 7009 })
      assert.strictEqual(after.slots[50]?.primary.address, "[::1]:7009")
      assert.strictEqual(after.nodes.get("[::1]:7009")?.id, "")
      // The next slot that moves there joins the same shard.
      const later = Snapshot.moved(after, 51, { host: "::1", port: 7009 })
      assert.strictEqual(later.slots[51], later.slots[50])
    })

    it("to a slot that had no owner, has one", () => {
      const holed = read([[0, 99, node("a", 7001)]])
      const after = Snapshot.moved(holed, 100, { host: "10.0.0.1", port: 7001 })
      assert.strictEqual(after.slots[100], holed.shards[0])
    })

    it("to where the slot is already, is the same", () => {
      assert.strictEqual(Snapshot.moved(before, 50, { host: "10.0.0.1", port: 7001 }), before)
    })
  })
})
