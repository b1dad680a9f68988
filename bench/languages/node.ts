/**
 * Measures this library: `node node.ts effect-redis-cluster host:port`. README.md beside it has what it reads and writes.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createInterface } from "node:readline"
import { ClusterClient, Strings } from "../../src/index.ts"
import type { Work, WorkDone } from "./Work.ts"

const runtime = ManagedRuntime.make(ClusterClient.layer({ nodes: `redis://${process.argv[3]}` }))
const redis = await runtime.runPromise(Effect.service(ClusterClient))

const run = ({ callers, millis, mode, size }: Work) => {
  const keys = Array.from({ length: 1000 }, (_, i) => `languages:${size}:${i}`)
  const batch = Array.from({ length: 100 }, (_, i) => `{languages:${size}}:${i}`)
  const end = performance.now() + millis
  let commands = 0
  const caller = (first: number) => {
    let at = first
    return Effect.whileLoop({
      while: () => performance.now() < end,
      body: (): Effect.Effect<unknown, unknown> =>
        mode === "get" ? redis.get(keys[at++ % keys.length]) : redis.pipeline(batch.map((key) => Strings.get(key))),
      step: () => {
        commands += mode === "get" ? 1 : batch.length
      }
    })
  }
  return Effect.as(
    Effect.forEach(Array.from({ length: callers }, (_, index) => caller(index * 7)), (loop) => loop, {
      concurrency: "unbounded",
      discard: true
    }),
    () => commands
  )
}

for await (const line of createInterface({ input: process.stdin })) {
  const started = performance.now()
  const before = process.cpuUsage()
  const commands = (await Effect.runPromise(run(JSON.parse(line) as Work)))()
  const { system, user } = process.cpuUsage(before)
  const done: WorkDone = { commands, cpuMicros: system + user, millis: performance.now() - started }
  console.log(JSON.stringify(done))
}
await runtime.dispose()
