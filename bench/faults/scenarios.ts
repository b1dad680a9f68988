/**
 * The faults of the cluster while a client works, and the figures that are taken from the report.
 */
import calculateSlot from "cluster-key-slot"
import * as Effect from "effect/Effect"
import { keysOf, listed, type Scenario, shardOf, total } from "./Scenario.ts"
import { waiting } from "./waiting.ts"

const duplicates: Scenario = {
  title: "200 callers INCR 30 keys, CLIENT KILL TYPE normal on all nodes every 250 ms, 20 times",
  header: ["acknowledged", "errors", "of these said to be", "on the servers", "servers - acknowledged", "verdict"],
  cluster: { replicas: 0 },
  load: () => [{ name: "all", call: "incr", keys: keysOf(undefined, 30), workers: 200 }],
  run: (cluster) =>
    Effect.gen(function*() {
      yield* Effect.sleep(500)
      for (let round = 0; round < 20; round++) {
        yield* Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLIENT", "KILL", "TYPE", "normal"), {
          concurrency: "unbounded"
        })
        yield* Effect.sleep(250)
      }
      return {}
    }),
  row: ([report], _, cluster) =>
    Effect.gen(function*() {
      let onServers = 0
      for (const key of keysOf(undefined, 30)) {
        const owner = yield* cluster.owner(calculateSlot(key))
        onServers += Number(yield* cluster.command(owner, "GET", key))
      }
      const acknowledged = total(report.succeeded)
      const errors = total(report.failed)
      const ambiguous = report.outcomes["Unknown"] ?? report.outcomes["not said"] ?? 0
      const over = onServers - acknowledged
      const verdict = over > ambiguous
        ? `${over - ambiguous} silent double executions`
        : over < 0
        ? `${-over} acknowledged are missing`
        : report.outcomes["not said"] === undefined && errors > 0
        ? "at most once, and said which"
        : "at most once, not said which"
      return [String(acknowledged), String(errors), listed(report.outcomes), String(onServers), String(over), verdict]
    })
}

const stalled: Scenario = {
  title: "SIGSTOP of a primary for 6 s: 2000 SET a second to it, 100 closed loops on the other shards",
  header: ["stalled shard: failed", "slowest", "healthy: failed", "slowest ", "calls a second, of before"],
  cluster: { replicas: 0, nodeTimeout: 30_000, options: ["--cluster-require-full-coverage", "no"] },
  load: () => [
    { name: "stalled", call: "set", keys: keysOf(0, 20), workers: 1, rate: 2000 },
    { name: "healthy", call: "set", keys: [...keysOf(1, 10), ...keysOf(2, 10)], workers: 100 }
  ],
  run: (cluster) =>
    Effect.gen(function*() {
      yield* Effect.sleep(2000)
      const stopped = Date.now()
      yield* cluster.stop(cluster.nodes[0])
      yield* Effect.sleep(6000)
      yield* cluster.continue(cluster.nodes[0])
      const continued = Date.now()
      yield* Effect.sleep(2000)
      return { stopped, continued }
    }),
  row: ([dead, healthy], { continued, stopped }) => {
    // A success is noted once a millisecond: enough for the share of time in which there were some.
    const share = (from: number, to: number) =>
      healthy.successes.filter((at) => at >= from && at < to).length / (to - from)
    const ratio = share(stopped + 200, continued) / share(stopped - 1500, stopped)
    return Effect.succeed([
      `${total(dead.failed)} (${listed(dead.failed)})`,
      `${dead.maxMillis} ms`,
      `${total(healthy.failed)} (${listed(healthy.failed)})`,
      `${healthy.maxMillis} ms`,
      ratio.toFixed(2)
    ])
  }
}

const killed: Scenario = {
  title: "SIGKILL of a primary with a replica, cluster-node-timeout 2000, 50 SET loops on each shard",
  header: [
    "promoted after",
    "first success after",
    "failed on its shard",
    "failed on healthy shards",
    "healthy slowest"
  ],
  cluster: { replicas: 1, nodeTimeout: 2000, options: ["--cluster-require-full-coverage", "no"] },
  load: () => [0, 1, 2].map((shard) => ({ name: `shard ${shard}`, call: "set", keys: keysOf(shard, 20), workers: 50 })),
  run: (cluster) =>
    Effect.gen(function*() {
      yield* Effect.sleep(1000)
      const [replica] = yield* cluster.replicasOf(cluster.nodes[0])
      yield* cluster.kill(cluster.nodes[0])
      const killed = Date.now()
      while (!String(yield* cluster.command(replica, "INFO", "replication")).includes("role:master")) {
        yield* Effect.sleep(10)
      }
      const promoted = Date.now()
      yield* Effect.sleep(8000)
      return { killed, promoted }
    }),
  row: ([dead, ...healthy], { killed, promoted }) => {
    const first = dead.successes.find((at) => at > killed + 100)
    const failed = healthy.reduce((sum, { failed }) => sum + total(failed), 0)
    return Effect.succeed([
      `${promoted - killed} ms`,
      first === undefined ? "never" : `${first - killed} ms`,
      `${total(dead.failed)} (${listed(dead.failed)})`,
      `${failed} (${listed(Object.assign({}, ...healthy.map((report) => report.failed)))})`,
      `${Math.max(...healthy.map(({ maxMillis }) => maxMillis))} ms`
    ])
  }
}

const movedSlots = 40
const keysPerSlot = 60
const movedTags: ReadonlyArray<string> = (() => {
  const bySlot = new Map<number, string>()
  for (let i = 0; bySlot.size < movedSlots; i++) {
    const tag = `move${i}`
    if (shardOf(tag) === 0 && !bySlot.has(calculateSlot(tag))) bySlot.set(calculateSlot(tag), tag)
  }
  return [...bySlot.values()]
})()

const resharded: Scenario = {
  title:
    `${movedSlots} slots with ${keysPerSlot} keys each moved one by one under SET, MGET, MSET, pipelines and MULTI`,
  header: ["calls", "leaked to the program", "which"],
  cluster: { replicas: 0 },
  load: () => [{ name: "all", call: "mixed", keys: movedTags, workers: 60 }],
  prepare: (cluster) =>
    Effect.forEach(
      movedTags.flatMap((tag) => Array.from({ length: keysPerSlot }, (_, i) => `{${tag}}:${i}`)),
      (key) => cluster.command(cluster.nodes[0], "SET", key, "v"),
      { concurrency: 20, discard: true }
    ),
  run: (cluster) =>
    Effect.gen(function*() {
      yield* Effect.sleep(500)
      for (const tag of movedTags) {
        const slot = calculateSlot(tag)
        yield* cluster.startMigration(slot, cluster.nodes[1])
        for (let moved = 0; moved < keysPerSlot; moved += 15) {
          yield* cluster.moveKeys(slot, 15)
          yield* Effect.sleep(20)
        }
        yield* cluster.finishMigration(slot)
      }
      yield* Effect.sleep(500)
      return {}
    }),
  row: ([report]) =>
    Effect.succeed([
      String(total(report.succeeded) + total(report.failed)),
      String(total(report.failed)),
      listed(report.failed)
    ])
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  duplicates,
  stalled,
  killed,
  resharded,
  ...waiting
}
