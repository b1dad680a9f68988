/**
 * One run: a cluster, a client behind proxies, programs, faults, and the judgement.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import * as HashSlot from "../../src/topology/HashSlot.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { connect } from "../laws/Observed.ts"
import { type FaultKind, faults as allFaults, type Scene } from "./Faults.ts"
import { describe, type Fault } from "./History.ts"
import * as Laws from "./Laws.ts"
import * as Proxies from "./Proxies.ts"
import { Random } from "./Random.ts"
import * as Residents from "./Residents.ts"
import { counters, Recorder, worker } from "./Workers.ts"

export interface RunOptions {
  readonly seed: number
  /** How long faults happen, in milliseconds. */
  readonly millis: number
  /** Also faults by which the servers themselves lose acknowledged writes; they are then judged with that in mind. */
  readonly lossy: boolean
  readonly workers?: number | undefined
  /** Only faults whose names contain this. */
  readonly only?: string | undefined
}

export interface Report {
  readonly calls: number
  readonly failures: Readonly<Record<string, number>>
  readonly faults: ReadonlyArray<string>
  readonly lag: number
  readonly topologyCalls: number
  /** What ran from the beginning to the end: scans, entries and messages that were given, times that a lock was held. */
  readonly residents: Readonly<Record<string, number>>
  readonly healthyP99: number
  /** What broke the laws, with the shortest history that shows it. */
  readonly violations: ReadonlyArray<string>
}

const shardCount = 3
const commandTimeout = 2000
const grace = 250

/** Tags of which each names a slot of one shard, as the slots are divided at the start. */
const tagsOf = (shard: number, count: number, taken: Set<number>): ReadonlyArray<string> => {
  const tags: Array<string> = []
  for (let i = 0; tags.length < count; i++) {
    const tag = `s${shard}-${i}`
    const slot = HashSlot.ofKey(tag)
    if (Math.floor(slot * shardCount / HashSlot.slotCount) !== shard || taken.has(slot)) continue
    taken.add(slot)
    tags.push(tag)
  }
  return tags
}

export const run = Effect.fnUntraced(function*(options: RunOptions) {
  const random = new Random(options.seed)
  const cluster = yield* RedisCluster.make({
    replicas: 1,
    nodeTimeout: 1500,
    options: ["--cluster-require-full-coverage", "no"]
  })
  const proxies = yield* Proxies.make
  for (const node of cluster.nodes) yield* proxies.open(node.port)

  const slots = new Set<number>()
  const settled = Array.from({ length: shardCount }, (_, shard) => tagsOf(shard, 3, slots))
  const moving = Array.from({ length: shardCount }, (_, shard) => tagsOf(shard, 1, slots)[0])
  const tags = [...settled.flat(), ...moving]
  const shardOf = new Map(settled.flatMap((list, shard) => list.map((tag) => [tag, shard] as const)))
  const scene: Scene = {
    cluster,
    proxies,
    shards: Array.from(
      { length: shardCount },
      (_, shard) => cluster.nodes.filter((node) => node.index % shardCount === shard)
    ),
    movingSlots: moving.map((tag) => HashSlot.ofKey(tag))
  }

  const clientOptions: ClusterOptions = {
    nodes: cluster.seeds,
    mapAddress: proxies.mapAddress,
    commandTimeout,
    pingAfter: "500 millis",
    pingTimeout: "1 second"
  }
  const recorder = new Recorder()
  const happened: Array<Fault> = []
  const epoch = Date.now()
  let lag = 0
  const kinds = allFaults.filter((fault) =>
    (options.lossy || fault.lossy === undefined) && fault.name.includes(options.only ?? "")
  )

  const oneFault = Effect.gen(function*() {
    const kind: FaultKind = random.pick(kinds)
    const shard = kind.everywhere === true ? -1 : random.below(shardCount)
    const fault: Fault = { what: kind.name, shard, started: Date.now(), ended: Number.POSITIVE_INFINITY }
    happened.push(fault)
    yield* kind.run(scene, shard, random.fork())
    // What a fault has set going, replies that are late or a refresh, may take a moment.
    yield* Effect.sleep(300)
    fault.ended = Date.now()
  })

  const residents = yield* Effect.scoped(Effect.gen(function*() {
    const redis = yield* connect(clientOptions)
    const watching = yield* Effect.forkChild(Effect.forever(Effect.suspend(() => {
      const before = Date.now()
      return Effect.map(Effect.sleep(10), () => {
        lag = Math.max(lag, Date.now() - before - 10)
      })
    })))
    const load = yield* Effect.forkChild(Effect.forEach(
      Array.from({ length: options.workers ?? 24 }, () => random.fork()),
      (own) => worker(redis, recorder, tags, own),
      { concurrency: "unbounded", discard: true }
    ))
    const residing = yield* Residents.start(redis, recorder, tags)
    yield* Effect.sleep(300)
    while (Date.now() - epoch < options.millis) {
      yield* oneFault
      yield* Effect.sleep(random.between(50, 300))
    }
    yield* cluster.awaitOk
    yield* Effect.sleep(500)
    recorder.isRunning = false
    yield* Fiber.join(load)
    yield* residing.finish
    yield* Fiber.interrupt(watching)
    return residing.residents
  }))
  // Nothing of a client survives its scope.
  let open = proxies.connections()
  for (let waited = 0; waited < 2000 && open > 0; waited += 50) {
    yield* Effect.sleep(50)
    open = proxies.connections()
  }
  const elapsed = Date.now() - epoch

  const { calls } = recorder
  const violations: Array<Laws.Violation> = []
  const valueOf = (key: string, ...command: ReadonlyArray<string>) =>
    Effect.flatMap(cluster.owner(HashSlot.ofKey(key)), (owner) => cluster.command(owner, ...command))
  // What was lost on one shard is no excuse for another.
  const lossyShards = new Set(
    happened.filter(({ what }) => allFaults.some(({ lossy, name }) => name === what && lossy === true))
      .map(({ shard }) => shard)
  )
  for (const tag of tags) {
    const shard = shardOf.get(tag)
    const lossless = shard === undefined ? lossyShards.size === 0 : !lossyShards.has(shard)
    const of = (name: string) => calls.filter((call) => call.key === `{${tag}}:${name}`)
    const counts = new Map<string, number>()
    for (const name of counters) {
      const count = Number(yield* valueOf(tag, "GET", `{${tag}}:${name}`))
      counts.set(name, count)
      violations.push(...Laws.counter(of(name), count, lossless))
    }
    if (counts.get("pair-a") !== counts.get("pair-b")) {
      violations.push({ law: `a transaction took effect by half: ${JSON.stringify([...counts])}`, calls: of("pair-a") })
    }
    const value = yield* valueOf(tag, "GET", `{${tag}}:register`)
    violations.push(...Laws.register(of("register"), value === null ? null : String(value), lossless))
    violations.push(...Laws.reads(of("register")))
    // Of a slot on the move a replica does not know which keys have left: it answers that they do not exist.
    if (lossless && shard !== undefined) violations.push(...Laws.staleness(of("register")))
    const entries = { given: residents.entries.get(tag) ?? [], gaps: [] }
    violations.push(...Laws.deliveries(of("stream"), entries, lossless))
    const messages = { given: residents.messages.get(tag) ?? [], gaps: residents.gaps.get(tag) ?? [] }
    violations.push(...Laws.deliveries(of("channel"), messages, true))
    const list = yield* valueOf(tag, "LRANGE", `{${tag}}:list`, "0", "-1")
    violations.push(...Laws.list(of("list"), Array.isArray(list) ? list.map(String) : [], lossless))
  }
  violations.push(...residents.complaints.map((law) => ({ law, calls: [] })))
  if (lossyShards.size === 0) violations.push(...Laws.locks(recorder.tenures).map((law) => ({ law, calls: [] })))
  if (open > 0) violations.push({ law: `${open} sockets were left when the client had closed`, calls: [] })
  const shardOfKey = (key: string) => shardOf.get(/^\{(.*?)\}/.exec(key)?.[1] ?? "")
  violations.push(...Laws.noLeaks(calls, commandTimeout))
  violations.push(...Laws.deadline(calls, commandTimeout, grace + lag))
  violations.push(...Laws.bulkheads(calls, happened, shardOfKey))
  // At most one refresh each 100 ms; one that finds a node in trouble asks another.
  const asked = proxies.topologyCalls()
  if (asked > 20 + (elapsed / 100) * 2) {
    violations.push({ law: `${asked} topology calls in ${elapsed} ms`, calls: [] })
  }

  const failures: Record<string, number> = {}
  for (const { ending, error } of calls) {
    if (error === undefined) continue
    const name = `${error.reason._tag} ${ending}`
    failures[name] = (failures[name] ?? 0) + 1
  }
  const healthy = calls
    .filter((call) => shardOfKey(call.key) !== undefined && call.what !== "BLPOP")
    .filter((call) =>
      !happened.some(({ ended, shard, started }) =>
        (shard < 0 || shard === shardOfKey(call.key)) && started <= call.ended && ended >= call.started
      )
    )
    .map((call) => call.ended - call.started)
    .toSorted((a, b) => a - b)
  const report: Report = {
    calls: calls.length,
    failures,
    faults: happened.map(({ shard, what }) => shard < 0 ? what : `${what} (shard ${shard})`),
    lag,
    topologyCalls: asked,
    residents: {
      scans: residents.scans,
      entries: Array.from(residents.entries.values()).flat().length,
      messages: Array.from(residents.messages.values()).flat().length,
      gaps: Array.from(residents.gaps.values()).flat().length,
      locks: recorder.tenures.length
    },
    healthyP99: healthy[Math.floor(healthy.length * 0.99)] ?? 0,
    violations: violations.map(({ calls, law }) =>
      calls.length === 0 ? law : `${law}\n${describe(calls.slice(0, 12), happened, epoch)}`
    )
  }
  return report
}, Effect.scoped)
