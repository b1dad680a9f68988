/**
 * Many clients of one cluster lose the same shard at once: how often they ask for the topology, and when they know the new one.
 * In memory and under virtual time: a thousand clients of two hundred nodes fit on no machine.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { TestCluster } from "../../src/testing/index.ts"

export interface OutageOptions {
  readonly clients: number
  readonly shards: number
  /** From the death of the primary to the promotion of its replica, in milliseconds. */
  readonly outage: number
  readonly seed: string
}

export interface OutageReport {
  /** The most questions for the topology that a node was asked in one second. */
  readonly busiestSecond: number
  /** The most questions that one client asked, from the death of the primary to 2 seconds after the promotion. */
  readonly mostByClient: number
  readonly perClient: number
  /** How long after the promotion the last client knew it, in milliseconds. */
  readonly lastKnew: number
}

/** How far time goes at once, in milliseconds. */
const step = 100
const questions = new Set(["SLOTS", "SHARDS", "NODES"])

export const outage = Effect.fnUntraced(function*({ clients, outage, shards }: OutageOptions) {
  const cluster = yield* TestCluster.make({
    primaries: shards,
    replicas: 1,
    requireFullCoverage: false,
    automaticFailover: false,
    nodeTimeout: "5 seconds",
    logLimit: 1000
  })
  const [dead, other] = cluster.primaries
  const [replica] = yield* cluster.replicasOf(dead)
  const keyOf = ({ slots: [[first]] }: typeof dead) => {
    let i = 0
    while (HashSlot.ofKey(`key${i}`) !== first && HashSlot.ofKey(`{${i}}`) !== first) i++
    return HashSlot.ofKey(`key${i}`) === first ? `key${i}` : `{${i}}`
  }
  const [deadKey, otherKey] = [dead, other].map(keyOf)

  const names = new Map<number, string>()
  yield* cluster.onCommand("HELLO", ({ args, connection }) => {
    names.set(connection, args[args.indexOf("SETNAME") + 1])
    return undefined
  })
  let counting = false
  const bySecond = new Map<string, number>()
  const byClient = new Map<string, number>()
  const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
  yield* cluster.onCommand("CLUSTER", ({ args, at, connection, node }) => {
    if (counting && questions.has(args[0])) {
      count(bySecond, `${node} ${Math.floor(at / 1000)}`)
      count(byClient, names.get(connection) ?? "")
    }
    return undefined
  })

  const connect = (index: number) =>
    Effect.map(
      Layer.build(cluster.layerClient({ clientName: `client-${index}`, commandTimeout: "5 seconds" })),
      (context) => Context.get(context, ClusterClient)
    )
  const connected = yield* Effect.forEach(Array.from({ length: clients }, (_, i) => i), connect)
  const load = (key: string) => (redis: typeof connected[number]) =>
    Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.ignore(redis.get(key)), Effect.sleep("250 millis"))),
      { startImmediately: true }
    )
  const loads = yield* Effect.forEach(connected, load(deadKey))
  loads.push(...yield* Effect.forEach(connected, load(otherKey)))
  const pass = (millis: number) =>
    Effect.forEach(Array.from({ length: millis / step }), () => TestClock.adjust(step), { discard: true })
  yield* pass(1000)

  counting = true
  yield* cluster.kill(dead)
  yield* pass(outage)
  yield* cluster.failover(replica, "force")
  let lastKnew = 0
  for (let passed = 0; passed < 2500; passed += step) {
    const owners = yield* Effect.forEach(connected, (redis) => redis.ownerOf(deadKey))
    if (owners.some((owner) => owner?.address !== replica.address)) lastKnew = passed + step
    yield* pass(step)
    if (passed + step === 2000) counting = false
  }
  yield* Fiber.interruptAll(loads)
  const total = [...byClient.values()].reduce((sum, one) => sum + one, 0)
  const report: OutageReport = {
    busiestSecond: Math.max(...bySecond.values()),
    mostByClient: Math.max(...byClient.values()),
    perClient: total / clients,
    lastKnew
  }
  return report
}, (effect, { seed }) => Effect.provide(Random.withSeed(Effect.scoped(effect), seed), TestClock.layer()))
