/**
 * The inventory of `inventory.py` on this client: keys of many slots, targets, scans, one node.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { ClusterClient, SortedSets } from "../../src/index.ts"

const show = (value: unknown) => Console.log(JSON.stringify(value))

const program = Effect.gen(function*() {
  const rc = yield* ClusterClient
  yield* rc.flushall()

  const stock = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`stock:${i}`, i * 10]))
  yield* rc.msetNonatomic(stock)
  const amounts = yield* rc.mgetNonatomic(Object.keys(stock))
  yield* show(amounts.reduce((sum, amount) => sum + Number(amount), 0))
  yield* rc.mget(["stock:3", "stock:4"]).pipe(
    Effect.catchReason("RedisClusterException", "CrossSlotError", () => show("keys of different slots"))
  )

  yield* rc.zadd("prices", { pen: 2, ink: 7, paper: 5 })
  yield* rc.zadd("prices", { pen: 1, ink: 9 }, { comparison: "GT" })
  const prices = yield* rc.zrange("prices", 0, -1, { withScores: true })
  yield* show(prices)

  yield* show([...yield* Stream.runCollect(rc.scanStream({ match: "stock:1*", count: 100 }))].toSorted())
  yield* show((yield* Stream.runCollect(rc.scanStream({ match: "stock:*", on: "primaries" }))).length)
  yield* show(yield* rc.existsNonatomic(["stock:1", "stock:2", "stock:99"]))
  yield* show(yield* rc.delNonatomic(["stock:1", "stock:2", "stock:99"]))

  const owner = yield* rc.ownerOf("prices")
  if (owner === undefined) return
  const r = yield* rc.node(owner)
  yield* show(
    yield* r.pipeline([
      SortedSets.zscore("prices", "ink"),
      SortedSets.zincrby("prices", 0.5, "pen"),
      SortedSets.zcard("prices")
    ])
  )
  yield* show([rc.slotOf("prices"), owner.role, (yield* rc.replicas).length])
  yield* show(yield* rc.dbsize())
})

program.pipe(
  Effect.provide(ClusterClient.layer({ nodes: { host: "localhost", port: Number(process.argv[2]) } })),
  NodeRuntime.runMain
)
