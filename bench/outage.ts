/**
 * A shard dies under load, stays dead for 15 seconds and fails over: how often 10, 100 and 1,000 clients on 100 shards ask for the
 * topology, and when the last of them knows the new owner. In memory, under virtual time.
 *
 *     node bench/outage.ts [clients ...]
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { outage } from "../test/topology/outage.ts"
import { table } from "./report.ts"

const given = process.argv.slice(2).map(Number)
const sizes = given.length > 0 ? given : [10, 100, 1000]

const rows: Array<ReadonlyArray<string>> = []
for (const clients of sizes) {
  const started = performance.now()
  const report = await Effect.runPromise(
    Effect.provide(outage({ clients, shards: 100, outage: 15_000, seed: "outage" }), Logger.layer([]))
  )
  rows.push([
    clients.toLocaleString("en"),
    report.perClient.toFixed(1),
    String(report.mostByClient),
    String(report.busiestSecond),
    `${report.lastKnew} ms`
  ])
  console.error(`${clients} clients took ${((performance.now() - started) / 1000).toFixed(0)} s`)
}
console.log(
  table(["clients", "questions per client", "most by one", "most to a node in 1 s", "last client knew after"], rows)
)
