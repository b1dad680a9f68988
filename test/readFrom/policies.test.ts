import { assert, describe, it } from "@effect/vitest"
import { ClusterNode, type Role } from "../../src/cluster/ClusterNode.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"

const candidate = (
  port: number,
  role: Role,
  facts: Partial<Omit<ReadFrom.Candidate, "node" | "role">> = {}
): ReadFrom.Candidate => ({
  node: new ClusterNode({ host: "10.0.0.1", port, id: "", role }),
  role,
  zone: undefined,
  latency: undefined,
  inFlight: 0,
  lag: undefined,
  healthy: true,
  ...facts
})

const order = (
  policy: ReadFrom.Policy,
  candidates: ReadonlyArray<ReadFrom.Candidate>,
  turn = 0,
  zone?: string
): ReadonlyArray<number> =>
  policy.order(candidates, { command: "GET", slot: 1, turn, zone, random: Math.random }).map(({ node }) => node.port)

const shard = [candidate(1, "primary"), candidate(2, "replica"), candidate(3, "replica")]
const doubtful = [candidate(1, "primary"), candidate(2, "replica", { healthy: false }), candidate(3, "replica")]
const alone = [candidate(1, "primary")]

describe("The policy", () => {
  it("primary names the primary alone", () => {
    assert.deepStrictEqual(order(ReadFrom.primary, shard), [1])
  })

  it("replica names the replicas in turn, those in trouble last, and leaves the primary to the last resort", () => {
    assert.deepStrictEqual(order(ReadFrom.replica, shard, 0), [2, 3])
    assert.deepStrictEqual(order(ReadFrom.replica, shard, 1), [3, 2])
    assert.deepStrictEqual(order(ReadFrom.replica, doubtful, 0), [3, 2])
    assert.deepStrictEqual(order(ReadFrom.replica, alone), [])
  })

  it("replicaPreferred names the primary before a replica in trouble", () => {
    assert.deepStrictEqual(order(ReadFrom.replicaPreferred, shard, 1), [3, 2])
    assert.deepStrictEqual(order(ReadFrom.replicaPreferred, doubtful, 1), [3, 1, 2])
  })

  it("roundRobin alternates exactly, also when a shard has one replica", () => {
    const pair = shard.slice(0, 2)
    const first = Array.from({ length: 6 }, (_, turn) => order(ReadFrom.roundRobin, pair, turn)[0])
    assert.deepStrictEqual(first, [1, 2, 1, 2, 1, 2])
    assert.deepStrictEqual(order(ReadFrom.roundRobin, shard, 2), [3, 1, 2])
    assert.deepStrictEqual(order(ReadFrom.roundRobin, doubtful, 1), [3, 1, 2])
  })

  it("random names all, each first now and then", () => {
    const orders = Array.from({ length: 300 }, () => order(ReadFrom.random, shard))
    for (const ports of orders) assert.deepStrictEqual(ports.toSorted(), [1, 2, 3])
    for (const port of [1, 2, 3]) {
      const share = orders.filter(([first]) => first === port).length / orders.length
      assert(share > 0.15 && share < 0.55, `${port} is first with a share of ${share}`)
    }
  })

  it("nearest names what is in the zone first: replicas in turn, then the primary; then the others", () => {
    const zoned = [
      candidate(1, "primary", { zone: "b" }),
      candidate(2, "replica", { zone: "a" }),
      candidate(3, "replica", { zone: "b" }),
      candidate(4, "replica", { zone: "a" }),
      candidate(5, "replica")
    ]
    assert.deepStrictEqual(order(ReadFrom.nearest("a"), zoned, 0), [2, 4, 3, 5, 1])
    assert.deepStrictEqual(order(ReadFrom.nearest("a"), zoned, 1), [4, 2, 5, 3, 1])
    assert.deepStrictEqual(order(ReadFrom.nearest(), zoned, 0, "b"), [3, 1, 2, 4, 5])
    assert.deepStrictEqual(order(ReadFrom.nearest("c"), zoned, 0), [2, 3, 4, 5, 1])
  })

  it("lowestLatency names the fastest first, and lets those without a measurement be measured", () => {
    const measured = [
      candidate(1, "primary", { latency: 2 }),
      candidate(2, "replica", { latency: 9 }),
      candidate(3, "replica", { latency: 1 }),
      candidate(4, "replica", { latency: 0.5, healthy: false })
    ]
    assert.deepStrictEqual(order(ReadFrom.lowestLatency, measured), [3, 1, 2, 4])
    assert.deepStrictEqual(order(ReadFrom.lowestLatency, [measured[0], candidate(5, "replica")]), [5, 1])
  })

  it("keeps its name and order when it is given a bound or a hedge", () => {
    const policy = ReadFrom.replica.pipe(ReadFrom.maxLag("2 seconds"), ReadFrom.hedge({ after: 20, percentile: 0.9 }))
    assert.strictEqual(policy.order, ReadFrom.replica.order)
    assert.strictEqual(policy.maxLag, 2000)
    assert.deepStrictEqual(policy.hedge, { after: 20, percentile: 0.9, budget: 0.1 })
    assert.strictEqual(policy.invalid, undefined)
  })

  it("says what is wrong with its bound, its hedge or its zone", () => {
    assert.match(ReadFrom.maxLag(ReadFrom.replica, 5).invalid ?? "", /maxLag .* at least 100 ms/)
    assert.match(ReadFrom.hedge(ReadFrom.replica, { after: 0 }).invalid ?? "", /after/)
    assert.match(ReadFrom.hedge(ReadFrom.replica, { percentile: 95 }).invalid ?? "", /percentile/)
    assert.match(ReadFrom.hedge(ReadFrom.replica, { budget: 0 }).invalid ?? "", /budget/)
    assert.match(ReadFrom.nearest("").invalid ?? "", /zone/)
  })
})
