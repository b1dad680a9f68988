import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { addressOf } from "../../src/cluster/Endpoint.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import { best, type Facts, judge, strangerPatience, takesPlace } from "../../src/topology/Judgement.ts"
import type { Member } from "../../src/topology/Members.ts"
import * as Snapshot from "../../src/topology/Snapshot.ts"

const host = "10.0.0.1"
const id = (port: number) => String(port).padEnd(40, "0")
const address = (port: number) => addressOf({ host, port })

interface View {
  /** The owners of equal parts of the slots; 0 for none. */
  readonly primaries: ReadonlyArray<number>
  /** Nodes without slots. */
  readonly others?: ReadonlyArray<number>
  readonly failed?: ReadonlyArray<number>
  /** Another cluster has other ids at the same addresses. */
  readonly cluster?: string
}

const view = ({ cluster = "", failed = [], others = [], primaries }: View): Snapshot.Snapshot => {
  const at = (i: number) => Math.floor((i * 16_384) / primaries.length)
  const idIn = (port: number) => `${cluster}${id(port)}`.slice(0, 40)
  const rows = primaries.flatMap((port, i): ReadonlyArray<Reply> =>
    port === 0 ? [] : [[at(i), at(i + 1) - 1, [host, port, idIn(port), []]]]
  )
  const member = (port: number): readonly [string, Member] => [idIn(port), {
    id: idIn(port),
    endpoint: { host, port },
    role: "primary",
    health: failed.includes(port) ? "fail" : "online",
    zone: undefined
  }]
  return Result.getOrThrow(Snapshot.fromClusterSlots(rows, {
    via: { host, port: 1 },
    mapAddress: (endpoint) => endpoint,
    previous: Snapshot.empty,
    members: new Map([...primaries, ...others].filter((port) => port > 0).map(member))
  }))
}

const facts = (
  known: Snapshot.Snapshot,
  { claims = [], up = [] }: {
    readonly up?: ReadonlyArray<number>
    readonly claims?: ReadonlyArray<readonly [slot: number, port: number]>
  } = {}
): Facts => ({
  known,
  isUp: ({ port }) => up.includes(port),
  claims: new Map(claims.map(([slot, port]) => [slot, address(port)]))
})

const usual = view({ primaries: [1, 2, 3] })

/** A judgement in one line. */
const verdict = (answer: Snapshot.Snapshot, given: Facts): string => {
  const judgement = judge(answer, given)
  switch (judgement._tag) {
    case "Accept":
      return "Accept"
    case "Refuse":
      return `Refuse ${judgement.reason}`
    case "Confirm":
      return `Confirm ${judgement.doubt} by ${judgement.witnesses.map(({ port }) => port).join()}`
  }
}

describe("An answer", () => {
  const cases: ReadonlyArray<readonly [name: string, answer: View, given: Facts, expected: string]> = [
    ["that says the same is accepted", { primaries: [1, 2, 3] }, facts(usual, { up: [1, 2, 3] }), "Accept"],
    ["is accepted at the start", { primaries: [1, 2, 3] }, facts(Snapshot.empty), "Accept"],
    ["with a new owner is accepted", { primaries: [1, 2, 4], others: [3] }, facts(usual, { up: [1, 2, 3] }), "Accept"],
    ["that lacks a node that is down is accepted", { primaries: [1, 2, 4] }, facts(usual, { up: [1, 2] }), "Accept"],
    [
      "that lacks a node that is up is confirmed by that node",
      { primaries: [1, 2, 4] },
      facts(usual, { up: [1, 2, 3] }),
      "Confirm partial by 3"
    ],
    [
      "of one's own half is confirmed by the nodes that it leaves out",
      { primaries: [1, 1, 0, 0] },
      facts(usual, { up: [1, 2, 3] }),
      "Confirm partial by 2,3"
    ],
    [
      "that covers fewer slots is confirmed by their owners",
      { primaries: [1, 2, 0], others: [3] },
      facts(usual, { up: [1, 2, 3] }),
      "Confirm uncovered by 3"
    ],
    [
      "that covers a part only is confirmed at the start",
      { primaries: [1, 2, 0] },
      facts(Snapshot.empty),
      "Confirm uncovered by 1,2"
    ],
    [
      "of a node that sees most primaries failed is confirmed by these, those that are up first",
      { primaries: [1, 2, 3], failed: [2, 3] },
      facts(usual, { up: [3] }),
      "Confirm minority by 3,2"
    ],
    [
      "of a node that sees half of the primaries failed is confirmed, at the start too",
      { primaries: [1, 2], failed: [2] },
      facts(Snapshot.empty),
      "Confirm minority by 2"
    ],
    [
      "of a node that sees one primary of three failed is accepted",
      { primaries: [1, 2, 3], failed: [3] },
      facts(usual, { up: [1, 2] }),
      "Accept"
    ],
    [
      "that contradicts a redirect is confirmed by the node that was named",
      { primaries: [1, 2, 3] },
      facts(usual, { up: [1, 2, 3], claims: [[0, 2]] }),
      "Confirm contradicted by 2"
    ],
    ["that bears a redirect out is accepted", { primaries: [1, 2, 3] }, facts(usual, { claims: [[0, 1]] }), "Accept"],
    ["without shards is refused", { primaries: [0] }, facts(usual), "Refuse unjoined"],
    [
      "of another cluster is refused, whatever its addresses",
      { primaries: [1, 2, 3], cluster: "x" },
      facts(usual),
      "Refuse foreign"
    ]
  ]
  for (const [name, answer, given, expected] of cases) {
    it(name, () => assert.strictEqual(verdict(view(answer), given), expected))
  }
})

describe("Of several views", () => {
  const cases: ReadonlyArray<readonly [name: string, views: ReadonlyArray<readonly [View, votes: number]>, Facts]> = [
    [
      "the one of a majority is better than one of more nodes that is cut off",
      [[{ primaries: [1, 2, 3], failed: [2, 3] }, 3], [{ primaries: [1, 2, 3] }, 1]],
      facts(usual)
    ],
    [
      "the one that covers more slots is better",
      [[{ primaries: [1, 0] }, 2], [{ primaries: [1, 2] }, 1]],
      facts(usual)
    ],
    [
      "the one that more nodes share is better: a forgotten node has only its own vote",
      [[{ primaries: [1, 2], others: [3] }, 1], [{ primaries: [1, 2] }, 3]],
      facts(usual, { up: [1, 2, 3] })
    ],
    [
      "the one that knows more of the nodes that are up is better, when as many share it",
      [[{ primaries: [1, 2] }, 1], [{ primaries: [1, 2], others: [3] }, 1]],
      facts(usual, { up: [3] })
    ],
    [
      "the one that bears a redirect out is better than one that more nodes share",
      [[{ primaries: [1, 2, 3] }, 3], [{ primaries: [4, 2, 3] }, 1]],
      facts(usual, { claims: [[0, 4]] })
    ],
    [
      "the one of the known cluster is better than any of another one",
      [[{ primaries: [1, 2, 3], cluster: "x" }, 5], [{ primaries: [1, 0, 0] }, 1]],
      facts(usual)
    ]
  ]
  for (const [name, views, given] of cases) {
    it(name, () => {
      const opinions = views.map(([described, votes]) => ({ snapshot: view(described), votes, by: "" }))
      assert.strictEqual(best(opinions, given), opinions[1])
      assert.strictEqual(best(opinions.toReversed(), given), opinions[1])
    })
  }

  it("an owner is believed when it says that a slot is not its own", () => {
    const former = { snapshot: view({ primaries: [1, 2, 3, 4] }), votes: 2, by: id(1) }
    const owner = { snapshot: view({ primaries: [1, 2, 3, 0], others: [4] }), votes: 1, by: id(4) }
    assert.strictEqual(best([former, owner], facts(Snapshot.empty)), owner)
  })

  it("the first of equals is taken, and none of none", () => {
    const opinions = [1, 2].map(() => ({ snapshot: view({ primaries: [1, 2, 3] }), votes: 1, by: "" }))
    assert.strictEqual(best(opinions, facts(usual)), opinions[0])
    assert.isUndefined(best([], facts(usual)))
  })
})

describe("Another cluster takes the place of the known one", () => {
  it("at once when it has most of the known addresses: it was made new there", () => {
    assert.isTrue(takesPlace(view({ primaries: [1, 2, 3], cluster: "x" }), usual, 0))
    assert.isTrue(takesPlace(view({ primaries: [2, 3], cluster: "x" }), usual, 0))
  })

  it("only after nothing of the known one was heard for a while when it has a single address", () => {
    const stranger = view({ primaries: [1, 8, 9], cluster: "x" })
    assert.isFalse(takesPlace(stranger, usual, strangerPatience - 1))
    assert.isTrue(takesPlace(stranger, usual, strangerPatience))
  })
})
