import { assert, describe, it } from "@effect/vitest"
import { ofKey } from "../../src/cluster/HashSlot.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import { type Facts, markAt, placesOf, sharesMessages } from "../../src/pubsub/Plan.ts"
import { busDelay, publishedAfter } from "../../src/pubsub/transit.ts"
import type { Wish } from "../../src/pubsub/Wish.ts"
import * as Snapshot from "../../src/topology/Snapshot.ts"

const host = "10.0.0.1"
const address = (port: number) => `${host}:${port}`

/** The map that CLUSTER SLOTS tells. */
const parsed = (rows: Reply): Snapshot.Snapshot => {
  const result = Snapshot.fromClusterSlots(rows, {
    via: { host, port: 1 },
    mapAddress: (endpoint) => endpoint,
    previous: Snapshot.empty
  })
  assert(result._tag === "Success")
  return result.success
}

/** Three shards: primaries 1, 2, 3 with replicas 11 and 21, 12 and 22, 13 and 23; `gap` leaves the last one out. */
const snapshotOf = (primaries: ReadonlyArray<number>, shards = 3): Snapshot.Snapshot => {
  const rows = primaries.slice(0, shards).map((primary, index) => {
    const start = Math.ceil(16384 * index / 3)
    const end = Math.ceil(16384 * (index + 1) / 3) - 1
    const members = [index + 1, index + 11, index + 21].filter((port) => port !== primary)
    return [start, end, ...[primary, ...members].map((port) => [host, port, `id-${port}`, []])]
  })
  return parsed(rows)
}

const usual = snapshotOf([1, 2, 3])
const facts = (snapshot = usual, down: ReadonlyArray<number> = []): Facts => ({
  snapshot,
  isDown: (one) => down.map(address).includes(one)
})
const wish = (kind: Wish["kind"], placement: Wish["placement"] = "owner", slot = 0): Wish => ({
  kind,
  name: "name",
  slot,
  placement
})

describe("Where a subscription belongs", () => {
  it("the owner of the slot, at first", () => {
    for (const kind of ["channel", "pattern", "shardChannel"] as const) {
      assert.deepStrictEqual(placesOf(wish(kind), facts(), []), [address(1)])
      assert.deepStrictEqual(placesOf(wish(kind, "owner", 16383), facts(), []), [address(3)])
    }
  })

  it("a classic one stays where it is while that node serves", () => {
    for (const kind of ["channel", "pattern"] as const) {
      assert.deepStrictEqual(placesOf(wish(kind), facts(), [address(2)]), [address(2)])
      // Also when it has become a replica.
      assert.deepStrictEqual(placesOf(wish(kind), facts(snapshotOf([11, 2, 3])), [address(1)]), [address(1)])
    }
  })

  it("a classic one leaves a node that is down or gone, for the owner if that serves, or any primary, or any replica", () => {
    assert.deepStrictEqual(placesOf(wish("channel"), facts(usual, [2]), [address(2)]), [address(1)])
    assert.deepStrictEqual(placesOf(wish("channel"), facts(), [address(99)]), [address(1)])
    const [other] = placesOf(wish("channel"), facts(usual, [1]), [address(1)])
    assert.include([address(2), address(3)], other)
    const [replica] = placesOf(wish("channel"), facts(usual, [1, 2, 3]), [address(1)])
    assert.include(usual.replicas.map((node) => node.address), replica)
  })

  it("with everything down the owner is tried", () => {
    const all = [1, 2, 3, 11, 12, 13, 21, 22, 23]
    assert.deepStrictEqual(placesOf(wish("channel"), facts(usual, all), []), [address(1)])
  })

  it("a shard channel follows the owner of its slot, and waits for it when it is down", () => {
    assert.deepStrictEqual(placesOf(wish("shardChannel"), facts(), [address(2)]), [address(1)])
    assert.deepStrictEqual(placesOf(wish("shardChannel"), facts(snapshotOf([11, 2, 3])), [address(1)]), [address(11)])
    assert.deepStrictEqual(placesOf(wish("shardChannel"), facts(usual, [1]), [address(1)]), [address(1)])
  })

  it("without an owner a shard channel stays where it is, or waits", () => {
    const partial = snapshotOf([1, 2, 3], 2)
    assert.deepStrictEqual(placesOf(wish("shardChannel", "owner", 16383), facts(partial), [address(3)]), [address(3)])
    assert.deepStrictEqual(placesOf(wish("shardChannel", "owner", 16383), facts(partial), []), [])
  })

  it("a replica of the shard, while one serves, or else the primary", () => {
    for (const kind of ["channel", "shardChannel"] as const) {
      const [first] = placesOf(wish(kind, "replica"), facts(), [])
      assert.include([address(11), address(21)], first)
      assert.deepStrictEqual(placesOf(wish(kind, "replica"), facts(), [address(21)]), [address(21)])
      assert.deepStrictEqual(placesOf(wish(kind, "replica"), facts(usual, [21]), [address(21)]), [address(11)])
    }
    assert.deepStrictEqual(placesOf(wish("shardChannel", "replica"), facts(usual, [11, 21]), []), [address(1)])
    // A node that holds it and is no replica of the shard any more is left.
    for (const held of [1, 12]) {
      const [place] = placesOf(wish("shardChannel", "replica"), facts(), [address(held)])
      assert.include([address(11), address(21)], place)
    }
  })

  it("without replicas a wish for one is fulfilled by the primary, and without an owner a channel goes to any primary", () => {
    const alone = parsed([[0, 8191, [host, 1, "id-1", []]]])
    for (const kind of ["channel", "pattern", "shardChannel"] as const) {
      assert.deepStrictEqual(placesOf(wish(kind, "replica"), facts(alone), []), [address(1)])
    }
    assert.deepStrictEqual(placesOf(wish("channel", "owner", 16383), facts(alone), []), [address(1)])
    assert.deepStrictEqual(placesOf(wish("channel", "replica", 16383), facts(alone), []), [address(1)])
    assert.deepStrictEqual(placesOf(wish("channel"), facts(Snapshot.empty), []), [])
  })

  it("a mark is a name with the prefix in a slot of the node's shard, whatever the node's role in it", () => {
    for (const port of [2, 12, 22]) {
      const mark = markAt(usual, address(port), "prefix")
      assert.match(mark ?? "", /^prefix:/)
      assert.strictEqual(usual.slots[ofKey(mark ?? "")]?.primary.port, 2)
    }
    assert.isUndefined(markAt(usual, address(99), "prefix"))
    const single = parsed([[0, 16382, [host, 1, "id-1", []]], [16383, 16383, [host, 2, "id-2", []]]])
    assert.strictEqual(ofKey(markAt(single, address(2), "prefix") ?? ""), 16383)
  })

  it("a named node and no other, for as long as it is one", () => {
    const named = wish("channel", { host, port: 2 })
    assert.deepStrictEqual(placesOf(named, facts(), []), [address(2)])
    assert.deepStrictEqual(placesOf(named, facts(usual, [2]), [address(2)]), [address(2)])
    assert.deepStrictEqual(placesOf(named, facts(snapshotOf([1, 2, 3], 1)), [address(2)]), [])
  })

  it("every primary, as they are", () => {
    assert.deepStrictEqual(placesOf(wish("pattern", "everyPrimary"), facts(), []), [1, 2, 3].map(address))
    assert.deepStrictEqual(
      placesOf(wish("pattern", "everyPrimary"), facts(snapshotOf([11, 2, 3])), [1, 2, 3].map(address)),
      [11, 2, 3].map(address)
    )
  })

  it("channels spread over the nodes when their own does not serve", () => {
    const places = [0, 1, 2, 3].map((slot) => placesOf(wish("channel", "owner", slot), facts(usual, [1]), [])[0])
    assert.strictEqual(new Set(places).size, 2)
  })

  it("classic messages reach all nodes, those of shard channels one shard, notifications nobody else", () => {
    const shares = (wish: Wish, one: number, other: number) =>
      sharesMessages(wish, { before: usual, now: usual }, address(one), address(other))
    assert.isTrue(shares(wish("channel"), 1, 2))
    assert.isTrue(shares(wish("shardChannel"), 1, 11))
    assert.isFalse(shares(wish("shardChannel"), 1, 2))
    assert.isTrue(shares(wish("shardChannel"), 99, 2))
    assert.isFalse(shares(wish("pattern", "everyPrimary"), 1, 2))
  })

  it("a message that came may have been published earlier by as much as the bus may take", () => {
    assert.isAbove(busDelay, 0)
    assert.strictEqual(publishedAfter(1000), 1000 - busDelay)
  })

  it("shard channels that change their primary are with the same messages unless both nodes have been in other shards all along", () => {
    const shares = (before: Snapshot.Snapshot, now: Snapshot.Snapshot, one: number, other: number) =>
      sharesMessages(wish("shardChannel"), { before, now }, address(one), address(other))
    const redirected = (snapshot: Snapshot.Snapshot, port: number) => Snapshot.moved(snapshot, 0, { host, port })
    /** One slot of the shard 1 belongs to another primary. */
    const partOf = (primary: number, others: ReadonlyArray<number> = []) =>
      parsed([
        [0, 0, [host, primary, `id-${primary}`, []]],
        [1, 8191, ...[1, ...others].map((port) => [host, port, `id-${port}`, []])],
        [8192, 16383, [host, 2, "id-2", []]]
      ])
    const alone = parsed([[0, 8191, [host, 1, "id-1", []]], [8192, 16383, [host, 2, "id-2", []]]])
    // A slot that moves between shards that keep others.
    assert.isFalse(shares(alone, partOf(2), 1, 2))
    assert.isFalse(shares(usual, redirected(usual, 2), 1, 2))
    assert.isFalse(shares(usual, redirected(usual, 2), 11, 22))
    // A failover, as the servers know it and as a redirect tells of it.
    assert.isTrue(shares(usual, snapshotOf([11, 2, 3]), 1, 11))
    assert.isTrue(shares(usual, redirected(usual, 11), 1, 11))
    // In the course of a failover other nodes see the former primary without slots.
    const idle = parsed([[0, 8191, [host, 11, "id-11", []]], [8192, 16383, [host, 2, "id-2", []]]])
    assert.isTrue(shares(usual, idle, 1, 11))
    const listed = Snapshot.fromClusterSlots(
      [[0, 8191, [host, 11, "id-11", []]], [8192, 16383, [host, 2, "id-2", []]]],
      {
        via: { host, port: 2 },
        mapAddress: (endpoint) => endpoint,
        previous: usual,
        members: new Map([1, 2, 11].map((port) => [
          `id-${port}`,
          { id: `id-${port}`, endpoint: { host, port }, role: "primary", health: undefined, zone: undefined }
        ]))
      }
    )
    assert(listed._tag === "Success")
    assert.isDefined(listed.success.nodes.get(address(1)))
    assert.isTrue(shares(usual, listed.success, 1, 11))
    // A redirect names a node that is no replica of the shard, or belongs to none, as far as the client knows.
    assert.isTrue(shares(alone, redirected(alone, 11), 1, 11))
    assert.isTrue(shares(listed.success, redirected(listed.success, 1), 11, 1))
    assert.isTrue(shares(usual, partOf(12), 1, 12))
    // Several redirects have made it the primary of some slots, and no refresh has come yet.
    const twice = Snapshot.moved(redirected(listed.success, 1), 1, { host, port: 1 })
    assert.isTrue(shares(listed.success, twice, 11, 1))
    // Nodes that the snapshots do not have.
    assert.isTrue(shares(usual, usual, 99, 2))
    assert.isTrue(shares(usual, usual, 1, 99))
  })
})
