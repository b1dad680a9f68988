/**
 * One thing that happens to a cluster under a client's load, and what the scenarios have in common.
 */
import calculateSlot from "cluster-key-slot"
import type * as Effect from "effect/Effect"
import type { HarnessError } from "../../test/harness/HarnessError.ts"
import type { Lateness } from "../../test/harness/MachineLag.ts"
import type { RedisClusterOptions, RedisClusterShape } from "../../test/harness/RedisCluster.ts"
import type { GroupReport, LoadGroup } from "./worker.ts"

export interface Scenario {
  readonly title: string
  readonly header: ReadonlyArray<string>
  readonly cluster: RedisClusterOptions
  readonly load: (cluster: RedisClusterShape) => ReadonlyArray<LoadGroup>
  /** Before the load starts. */
  readonly prepare?: (cluster: RedisClusterShape) => Effect.Effect<void, HarnessError>
  /** Under load; what the rows need to know of it. */
  readonly run: (cluster: RedisClusterShape) => Effect.Effect<Readonly<Record<string, number>>, HarnessError>
  readonly row: (
    reports: ReadonlyArray<GroupReport>,
    facts: Readonly<Record<string, number>>,
    cluster: RedisClusterShape,
    observed: Observed
  ) => Effect.Effect<ReadonlyArray<string>, HarnessError>
}

/** The facts about a run beside its calls. */
export interface Observed {
  /** How long a command of the client may take, in milliseconds. */
  readonly deadline: number | undefined
  /** The lateness of timers in the client's process; `machineLag` is that of an idle process. */
  readonly lag: ReadonlyArray<Lateness>
  readonly machineLag: ReadonlyArray<Lateness>
}

export const shards = 3
export const shardOf = (key: string) => Math.floor(calculateSlot(key) * shards / 16384)

export const keysOf = (shard: number | undefined, count: number): ReadonlyArray<string> => {
  const keys: Array<string> = []
  for (let i = 0; keys.length < count; i++) {
    const key = `fault:${i}`
    if (shard === undefined || shardOf(key) === shard) keys.push(key)
  }
  return keys
}

export const total = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((sum, one) => sum + one, 0)
export const listed = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).toSorted(([, a], [, b]) => b - a).map(([name, n]) => `${n} ${name}`).join(", ") || "none"
