/**
 * The members of the cluster, read from the answers of CLUSTER SHARDS and CLUSTER NODES.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Reply } from "../../src/protocol/Reply.ts"
import {
  announcedHost,
  fieldsOf,
  fromClusterNodes,
  fromClusterShards,
  type Member
} from "../../src/topology/Members.ts"

const via = { host: "10.0.0.9", port: 7000 }
const id = (letter: string) => letter.repeat(40)

describe("The host that a node announces", () => {
  it.each(
    [
      ["a name or an address", "node.example", "10.0.0.1", "node.example"],
      ["null, for an endpoint that it does not know", null, "10.0.0.1", "10.0.0.9"],
      ["an empty text, for the same", "", "10.0.0.1", "10.0.0.9"],
      ["a question mark beside an address", "?", "10.0.0.1", "10.0.0.1"],
      ["a question mark beside an empty address", "?", "", undefined],
      ["a question mark alone", "?", undefined, undefined]
    ] as const
  )("may be %s", (_, host, ip, expected) => {
    assert.strictEqual(announcedHost(host, via, ip), expected)
  })
})

describe("The fields of a reply", () => {
  it("are those of a map, of a flat array, or none", () => {
    const map = new Map<Reply, Reply>([["a", 1]])
    assert.strictEqual(fieldsOf(map), map)
    assert.deepStrictEqual([...fieldsOf(["a", 1, "b", null])], [["a", 1], ["b", null]])
    assert.deepStrictEqual([...fieldsOf(["a", 1, "b"])], [["a", 1]])
    assert.deepStrictEqual([...fieldsOf(undefined)], [])
  })
})

describe("CLUSTER SHARDS", () => {
  const node = (fields: Readonly<Record<string, Reply>>): Reply =>
    Object.entries({ id: id("a"), ip: "10.0.0.1", endpoint: "10.0.0.1", port: 7001, role: "master", ...fields }).flat()
  const only = (fields: Readonly<Record<string, Reply>>, tls = false): Member | undefined =>
    fromClusterShards([["slots", [0, 1], "nodes", [node(fields)]]], via, tls)?.get(id("a"))

  it("gives each node of each shard", () => {
    const reply: Reply = [
      ["slots", [0, 1], "nodes", [
        node({ health: "online" }),
        node({ id: id("b"), role: "replica", health: "loading" })
      ]],
      new Map<Reply, Reply>([["nodes", [new Map<Reply, Reply>([["id", id("c")], ["ip", ""], ["port", 7003]])]]])
    ]
    assert.deepStrictEqual([...fromClusterShards(reply, via, false)?.values() ?? []], [
      { id: id("a"), endpoint: { host: "10.0.0.1", port: 7001 }, role: "primary", health: "online", zone: undefined },
      { id: id("b"), endpoint: { host: "10.0.0.1", port: 7001 }, role: "replica", health: "loading", zone: undefined },
      { id: id("c"), endpoint: undefined, role: "replica", health: undefined, zone: undefined }
    ])
  })

  it("gives the port of the client's kind, and the other one where a node has no such port", () => {
    assert.deepStrictEqual(only({ "tls-port": 7101 })?.endpoint?.port, 7001)
    assert.deepStrictEqual(only({ "tls-port": 7101 }, true)?.endpoint?.port, 7101)
    assert.deepStrictEqual(only({}, true)?.endpoint?.port, 7001)
    assert.deepStrictEqual(only({ port: null, "tls-port": 7101 })?.endpoint?.port, 7101)
    assert.strictEqual(only({ port: 0 })?.endpoint, undefined)
  })

  it("gives health and zone where they are known", () => {
    assert.strictEqual(only({ health: "fail" })?.health, "fail")
    assert.strictEqual(only({ health: "unheard-of" })?.health, undefined)
    assert.strictEqual(only({ "availability-zone": "here" })?.zone, "here")
  })

  it("is no answer when it is an error, and leaves out a node without an id", () => {
    assert.strictEqual(fromClusterShards("ERR", via, false), undefined)
    assert.strictEqual(fromClusterShards([["nodes", [node({ id: null })]]], via, false)?.size, 0)
  })
})

describe("CLUSTER NODES", () => {
  const line = (letter: string, address: string, flags: string) => `${id(letter)} ${address} ${flags} - 0 0 1 connected`

  it("gives the nodes that belong to the cluster and can be reached", () => {
    const reply = [
      line("a", "10.0.0.1:7001@17001", "myself,master"),
      line("b", "10.0.0.2:7002@17002,name.example", "slave"),
      line("c", ":7003@17003", "master,fail"),
      line("d", "10.0.0.4:7004@17004", "handshake"),
      line("e", ":0@0", "master,noaddr"),
      ""
    ].join("\n")
    assert.deepStrictEqual([...fromClusterNodes(reply, via)?.values() ?? []], [
      { id: id("a"), endpoint: { host: "10.0.0.1", port: 7001 }, role: "primary", health: "online", zone: undefined },
      { id: id("b"), endpoint: { host: "10.0.0.2", port: 7002 }, role: "replica", health: "online", zone: undefined },
      { id: id("c"), endpoint: { host: "10.0.0.9", port: 7003 }, role: "primary", health: "fail", zone: undefined }
    ])
  })

  it("is no answer when it names no node", () => {
    assert.strictEqual(fromClusterNodes(["x"], via), undefined)
    assert.strictEqual(fromClusterNodes("nonsense", via), undefined)
  })
})
