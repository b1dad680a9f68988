/**
 * Every builder of a module runs on a real cluster with the modules, over RESP2 and over RESP3: its reply is decoded, and to the same value over
 * both protocols.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as Command from "../../src/commands/Command.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import type { Sample } from "../commands/samples/Sample.ts"
import { expectSame, open, run } from "../commands/server.ts"
import * as ModuleServer from "../harness/ModuleServer.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { moduleBuilders, moduleSamples } from "./samples.ts"

/** Runs a sample on a node that owns its keys. */
const runOn = async (port: number, flushed: ReadonlyArray<number>, sample: Sample) => {
  const { command, prepare = [] } = sample
  const results: Array<unknown> = []
  for (const protocol of [2, 3] as const) {
    // Indexes, which FLUSHALL drops as well, are on all nodes where a coordinator has made them.
    for (const each of flushed) {
      const client = await open(each, protocol)
      await client.send(["FLUSHALL"])
      client.close()
    }
    const client = await open(port, protocol)
    for (const step of prepare) {
      const reply = Command.isCommand(step) ? await run(client, step) : await client.send(step)
      expect(reply).not.toBeInstanceOf(ServerError)
    }
    results.push(await run(client, command))
    client.close()
  }
  expectSame(sample, results)
}

describe.skipIf(ModuleServer.isMissing)(
  `A command of a module gives the same value over RESP2 and RESP3${ModuleServer.why}:`,
  () => {
    layer(ModuleServer.cluster, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      for (const sample of moduleSamples) {
        it.effect(sample.name, () =>
          Effect.gen(function*() {
            const cluster = yield* RedisCluster
            const { port } = yield* cluster.owner(HashSlot.ofKey("{t}"))
            yield* Effect.promise(() => runOn(port, cluster.nodes.map((node) => node.port), sample))
          }))
      }
    })
  }
)

describe("The samples", () => {
  it("have one of every builder", () => {
    const covered = new Set(moduleSamples.map(({ name }) => name.split(" ")[0]))
    assert.deepStrictEqual(moduleBuilders.map(([name]) => name).filter((name) => !covered.has(name)), [])
    assert.isAbove(moduleBuilders.length, 60)
  })
})
