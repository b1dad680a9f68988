/**
 * INCR under load, and the account of it: every command ends in exactly one of three columns.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import * as Connections from "../../src/connection/Connections.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import type { RedisClusterShape } from "../harness/RedisCluster.ts"

/** A client whose connections can be looked at. */
export const openClient = Effect.fnUntraced(function*(options: ClusterOptions.ClusterOptions) {
  const settings = yield* Effect.orDie(Effect.fromResult(ClusterOptions.resolve(options)))
  const connections = yield* Connections.make(settings)
  const context = yield* Effect.provideService(
    Layer.build(ClusterClient.layerFromConnections(options)),
    Connections.Connections,
    connections
  )
  return { redis: Context.get(context, ClusterClient), connections }
})

/** A key that starts with `prefix` in the `index`th of `count` equal parts of the slots. */
export const keyOfShard = (prefix: string, index: number, count = 3): string => {
  for (let i = 0;; i++) {
    const key = `${prefix}:${i}`
    if (Math.floor(HashSlot.ofKey(key) * count / HashSlot.slotCount) === index) return key
  }
}

/** The end of one INCR. Times in milliseconds since the epoch. */
export interface Entry {
  readonly key: string
  readonly started: number
  readonly ended: number
  /** The reply, or the error. */
  readonly result: Result.Result<number, RedisClusterException>
}

export class Account {
  readonly entries: Array<Entry> = []
  private running = true
  /** The longest time by which this process itself was late, in milliseconds. */
  lag = 0

  stop(): void {
    this.running = false
  }

  /** Increments a key again and again, one at a time, until `stop`. */
  worker(redis: ClusterClientShape, key: string): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      while (this.running) {
        const started = Date.now()
        const result = yield* Effect.result(redis.incr(key))
        this.entries.push({ key, started, ended: Date.now(), result })
        yield* Effect.sleep(2)
      }
    })
  }

  readonly watchLag: Effect.Effect<void> = Effect.forever(Effect.suspend(() => {
    const before = Date.now()
    return Effect.map(Effect.sleep(10), () => {
      this.lag = Math.max(this.lag, Date.now() - before - 10)
    })
  }))

  of(key: string): Array<Entry> {
    return this.entries.filter((entry) => entry.key === key)
  }

  acknowledged(key: string): Array<number> {
    return this.of(key).flatMap(({ result }) => Result.isSuccess(result) ? [result.success] : [])
  }

  failures(key: string): Array<RedisClusterException> {
    return this.of(key).flatMap(({ result }) => Result.isFailure(result) ? [result.failure] : [])
  }

  /**
   * The problems of the account, in words: an impossible outcome, a reply given twice, or a count on the server that
   * is not between acknowledged and acknowledged + unknown.
   */
  audit(cluster: RedisClusterShape, key: string) {
    return Effect.gen({ self: this }, function*() {
      const owner = yield* cluster.owner(HashSlot.ofKey(key))
      const count = Number(yield* cluster.command(owner, "GET", key))
      const acknowledged = this.acknowledged(key)
      const failures = this.failures(key)
      const unknown = failures.filter(({ outcome }) => outcome === "Unknown").length
      const complaints: Array<string> = []
      if (acknowledged.length === 0) complaints.push("nothing was acknowledged")
      if (failures.some(({ outcome }) => outcome === "Executed")) complaints.push("a failure claims to be executed")
      if (new Set(acknowledged).size !== acknowledged.length) complaints.push("two callers got the same count")
      if (count < acknowledged.length || count > acknowledged.length + unknown) {
        complaints.push(`the server counts ${count}, acknowledged ${acknowledged.length}, unknown ${unknown}`)
      }
      return { complaints, count, acknowledged: acknowledged.length, failed: failures.length, unknown }
    })
  }
}
