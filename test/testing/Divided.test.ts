/**
 * Slots in migration, and what a node says of its cluster: the engine's nodes answer what those of a real cluster do.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { makeEngine } from "../../src/testing/TestCluster.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { type Ask, askServer, askSession, incomparable, type Typed, type Words } from "./Twins.ts"

/** A real cluster and an engine with the same slots, and a connection to each node of both. */
const twinClusters = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const rows = (yield* cluster.command(cluster.nodes[0], "CLUSTER", "SLOTS")) as ReadonlyArray<
    readonly [number, number, ...ReadonlyArray<readonly [string, number]>]
  >
  const primaries = [...new Set(rows.map(([, , [, port]]) => port))]
  const rowsOf = (primary: number) => rows.filter(([, , [, port]]) => port === primary)
  const engine = yield* makeEngine({
    nodes: [
      ...primaries.map((port) => ({ slots: rowsOf(port).map(([start, end]) => [start, end] as const) })),
      ...primaries.map((_, index) => ({ replicaOf: index }))
    ]
  })
  const ports = [...primaries, ...primaries.map((port) => rowsOf(port)[0][3][1])]
  const real: Array<Ask> = []
  for (const port of ports) real.push(yield* askServer(port))
  const fake = engine.nodes.map((node) => askSession((write) => node.accept({ write, end: () => {} })))
  const ids = {
    real: yield* Effect.promise(() => Promise.all(real.map((ask) => ask([["CLUSTER", "MYID"]])))),
    fake: engine.nodes.map(({ id }) => id)
  }
  return {
    sides: [
      { ask: real, ports, ids: ids.real.map(([[, id]]) => String(id)) },
      { ask: fake, ports: engine.nodes.map(({ endpoint }) => endpoint.port), ids: ids.fake }
    ] as const
  }
})

type Side = Effect.Success<typeof twinClusters>["sides"][number]

/** Nodes by their position, not by their addresses and ids. */
const neutral = (side: Side, text: string): string => {
  const withoutIds = side.ids.reduce((all, id, i) => all.replaceAll(id, `<id ${i}>`), text)
  return side.ports.reduce(
    (all, port, i) => all.replaceAll(`@${port + 10_000}`, "@<bus>").replaceAll(String(port), `<port ${i}>`),
    withoutIds
  )
}

/** Rows in no order of their own, sorted. */
const byText = ([type, value]: Typed): Typed => [
  type,
  Array.isArray(value) ? value.toSorted((one, other) => JSON.stringify(one) < JSON.stringify(other) ? -1 : 1) : value
]

/** How far replication is, is a matter of the moment. */
const shardsOf = (reply: Typed): Typed => {
  const plain = ([type, value]: Typed): Typed => [
    type,
    Array.isArray(value)
      ? value.map((item, i) => value[i - 1]?.[1] === "replication-offset" ? [item[0], "<offset>"] : plain(item))
      : value
  ]
  return byText(plain(reply))
}

/** The lines; of times and epochs only that they are numbers. */
const nodesOf = (side: Side, [type, value]: Typed) => [
  type,
  String(value).replace(/^txt:/, "").trim().split("\n").map((line) =>
    neutral(
      side,
      line.split(" ").map((word, i) => i >= 4 && i <= 6 && Number.isInteger(Number(word)) ? "<n>" : word).join(" ")
    )
  ).toSorted()
]

const compared = new Set([
  "cluster_state",
  "cluster_slots_assigned",
  "cluster_slots_ok",
  "cluster_slots_pfail",
  "cluster_slots_fail",
  "cluster_known_nodes",
  "cluster_size"
])

/** A cluster's description of itself: facts to compare, and the names of all fields. */
const infoOf = ([type, value]: Typed) => {
  const lines = String(value).trim().split("\r\n").map((line) => line.split(":"))
  return {
    type,
    facts: lines.filter(([name]) => compared.has(name)),
    fields: lines.map(([name]) => name)
  }
}

/** The same play on both; what each node said to each command. */
const played = (side: Side, steps: ReadonlyArray<readonly [node: number, ...commands: ReadonlyArray<Words>]>) =>
  Effect.promise(async () => {
    const heard: Array<string> = []
    for (const [node, ...commands] of steps) {
      const replies = await side.ask[node](commands)
      heard.push(neutral(side, JSON.stringify([node, commands, replies])))
    }
    return heard
  })

const tag = "divided"
const slot = String(HashSlot.ofKey(tag))
const owner = Math.floor(Number(slot) * 3 / HashSlot.slotCount)
/** `a` and `b` are still at the source, `m` and `n` have moved, the others have never been. */
const keys = ["a", "b", "m", "n", "x", "y"].map((key) => `{${tag}}${key}`)

const pairs = keys.flatMap((one) => keys.filter((other) => other !== one).map((other) => [one, other] as const))

/** Nothing of this changes what there is. */
const questions: ReadonlyArray<Words> = [
  ...keys.map((key) => ["GET", key]),
  ...pairs.map((pair) => ["MGET", ...pair]),
  ["EXISTS", keys[0], keys[2], keys[4]],
  ["MGET", keys[0], keys[1], keys[2]],
  ["MSET", keys[0], "1", keys[2], "1"],
  ["MSET", keys[2], "1", keys[4], "1"],
  ["DEL", keys[1], keys[3]],
  ["SUNIONSTORE", keys[4], keys[5], keys[0]],
  ["WATCH", keys[0], keys[2]]
]

describe("The nodes of the engine answer as those of a cluster do", () => {
  layer(RedisCluster.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("about keys of a slot that is divided between two of them", (ctx) =>
      Effect.gen(function*() {
        const reason = yield* incomparable
        if (reason !== undefined) return ctx.skip(reason)
        const { sides } = yield* twinClusters
        const [source, target, bystander] = [0, 1, 2].map((step) => (owner + step) % 3)
        const both = yield* Effect.forEach(sides, (side) => {
          const migrate = (key: string) => ["MIGRATE", "127.0.0.1", String(side.ports[target]), key, "0", "5000"]
          const asked = (node: number) => [
            ...questions.map((words) => [node, words] as const),
            ...questions.map((words) => [node, ["ASKING"], words] as const),
            ...pairs.map(([one, other]) => [node, ["MULTI"], ["GET", one], ["GET", other], ["EXEC"]] as const),
            ...pairs.map(([one, other]) =>
              [node, ["ASKING"], ["MULTI"], ["GET", one], ["GET", other], ["EXEC"]] as const
            )
          ]
          return played(side, [
            ...keys.slice(0, 4).map((key) => [source, ["SET", key, key]] as const),
            [target, ["CLUSTER", "SETSLOT", slot, "IMPORTING", side.ids[source]]],
            [source, ["CLUSTER", "SETSLOT", slot, "MIGRATING", side.ids[target]]],
            [source, migrate(keys[2]), migrate(keys[3]), migrate(keys[4])],
            ...asked(source),
            ...asked(target),
            ...asked(bystander),
            [source, migrate(keys[0]), migrate(keys[1])],
            ...asked(source),
            [target, ["CLUSTER", "SETSLOT", slot, "NODE", side.ids[target]]],
            [source, ["CLUSTER", "SETSLOT", slot, "NODE", side.ids[target]]],
            ...questions.map((words) => [source, words] as const),
            [target, ["MGET", ...keys]]
          ])
        })
        const [real, fake] = both
        for (const [i, heard] of fake.entries()) assert.strictEqual(heard, real[i])
      }))

    for (const resp of ["2", "3"]) {
      it.effect(`about the cluster, with the same fields in the same shapes, over RESP${resp}`, (ctx) =>
        Effect.gen(function*() {
          const reason = yield* incomparable
          if (reason !== undefined) return ctx.skip(reason)
          const { sides } = yield* twinClusters
          const told = yield* Effect.forEach(sides, (side) =>
            Effect.promise(async () => {
              const ask = async (...words: Words) => {
                const [, reply] = await side.ask[0]([["HELLO", resp], words])
                return reply
              }
              return {
                slots: neutral(side, JSON.stringify(byText(await ask("CLUSTER", "SLOTS")))),
                shards: neutral(side, JSON.stringify(shardsOf(await ask("CLUSTER", "SHARDS")))),
                nodes: nodesOf(side, await ask("CLUSTER", "NODES")),
                replicas: (await ask("CLUSTER", "REPLICAS", side.ids[0]))[0],
                info: infoOf(await ask("CLUSTER", "INFO")),
                slot: await ask("CLUSTER", "KEYSLOT", "{user}a")
              }
            }))
          const [real, fake] = told
          for (const name of ["slots", "shards", "nodes", "replicas", "slot"] as const) {
            assert.deepStrictEqual(fake[name], real[name], name)
          }
          const { fields: known, ...facts } = real.info
          const { fields, ...said } = fake.info
          assert.deepStrictEqual(said, facts)
          assert.deepStrictEqual(fields.filter((field) => !known.includes(field)), [])
        }))
    }
  })
})
