/**
 * One run: a cluster, a client behind proxies, programs, faults, and the judgement.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { cached } from "../../src/commands/Command.ts"
import { HarnessError } from "../harness/HarnessError.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { nameOf } from "../harness/nameOf.ts"
import { connect } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import { Asides } from "./Asides.ts"
import { Families, shardCount } from "./Families.ts"
import { available, Evidence, Programs, type Scene } from "./Faults.ts"
import { describe, describeFault, type Fault } from "./History.ts"
import * as Judge from "./Judge.ts"
import { KeptState } from "./KeptState.ts"
import * as Laws from "./Laws.ts"
import * as Proxies from "./Proxies.ts"
import { Random } from "./Random.ts"
import * as Remains from "./Remains.ts"
import * as Residents from "./Residents.ts"
import { Trouble } from "./Trouble.ts"
import { burst, cacheBound, counters, pipelines, Recorder, seeker, worker } from "./Workers.ts"

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

/** The result of one stage. */
export interface Verdict {
  readonly calls: number
  readonly failures: Readonly<Record<string, number>>
  /** The work from the beginning to the end: scans, deliveries of entries and messages, times that a lock was held. */
  readonly residents: Readonly<Record<string, number>>
  /** Of the calls on shards to which nothing was done, in milliseconds. */
  readonly healthyP99: number
  /** Of reads on such shards while a burst waited for another one. */
  readonly besideBursts: Laws.Beside
  /** How often the programs met what faults do to them. */
  readonly evidence: Readonly<Record<string, number>>
  /** The broken laws, with the shortest history that shows each. */
  readonly violations: ReadonlyArray<string>
}

export interface Report {
  /** Before the first fault. */
  readonly calm: Verdict
  readonly fire: Verdict
  readonly faults: ReadonlyArray<string>
  /** How often faults were seen to have reached the client. */
  readonly evidence: Readonly<Record<string, number>>
  /** The longest time that this process did not look at its timers, in milliseconds. */
  readonly lag: number
  readonly topologyCalls: number
  /** Before the client was made, under fire, and after its scope. */
  readonly holdings: Readonly<Record<"before" | "amid" | "after", Laws.Holdings>>
  /** How many fibers were started. */
  readonly fibers: number
  readonly memory: Laws.Memory
  /** Of both stages, and of what is left in the end. */
  readonly violations: ReadonlyArray<string>
}

const commandTimeout = 2000
const grace = 250
/** How long the programs run before the first fault, at least; the first part of it is not measured. */
const calmMillis = 2500
const warmUpMillis = 1000

/** The families of the calm are others than those under fire, so that each stage is judged by what it did. */
const calmFamilies = new Families("c")
const families = new Families("s")

/** Programs on a client while something happens to the cluster, and what they wrote down. */
const underLoad = Effect.fnUntraced(function*<E>(
  redis: ClusterClientShape,
  outside: ClusterClientShape,
  { all: tags, settled }: Families,
  cluster: RedisClusterShape,
  programs: Programs,
  [ownRandom, ...randoms]: ReadonlyArray<Random>,
  meanwhile: Effect.Effect<void, E>
) {
  const recorder = new Recorder()
  const kept = new KeptState(redis)
  const companions = { outside, kept, asides: new Asides(redis, outside, recorder) }
  const residing = yield* Residents.start(redis, recorder, tags, kept)
  const load = yield* Effect.forkChild(
    Effect.forEach(
      randoms,
      (own, i) =>
        i < 4 ? seeker(redis, recorder, tags, own, companions) : worker(redis, recorder, tags, own, companions),
      { concurrency: "unbounded", discard: true }
    )
  )
  programs.burst = (shard, isOver) =>
    burst(redis, recorder, settled[shard], settled.filter((_, i) => i !== shard).flat(), isOver)
  programs.pipelines = (tag, isOver) => pipelines(redis, recorder, tag, ownRandom, isOver)
  programs.refusals = () => residing.residents.departures.filter(({ error }) => Laws.isRefusal(error)).length
  yield* meanwhile
  recorder.isRunning = false
  yield* Fiber.join(load)
  programs.end()
  const disagreements = yield* Remains.unmetered(disagreementsOf(cluster, redis, kept, tags))
  yield* residing.finish
  return { recorder, residents: residing.residents, kept, disagreements }
})

/** The keys for which readers show something else than the servers hold in the end, after the time that they may take. */
const disagreementsOf = Effect.fnUntraced(function*(
  cluster: RedisClusterShape,
  redis: ClusterClientShape,
  kept: KeptState,
  tags: ReadonlyArray<string>
) {
  const readers = [
    ["the cache", (key: string) => redis.get(key).pipe(cached("1 minute"))],
    ["a kept value", (key: string) => kept.read(key)]
  ] as const
  const keys = tags.flatMap((tag) => [0, 1, 2].map((i) => `{${tag}}:outside:${i}`))
  const look = Effect.forEach(keys, (key) =>
    Effect.gen(function*() {
      const owner = yield* cluster.owner(HashSlot.ofKey(key))
      const reply = yield* cluster.command(owner, "GET", key)
      const held = reply === null ? null : String(reply)
      return yield* Effect.forEach(readers, ([reader, read]) =>
        Effect.map(read(key), (shown): Laws.Disagreement => ({ reader, key, shown, held })))
    })).pipe(Effect.map((all) => all.flat().filter(({ held, shown }) => held !== shown)))
  const until = Date.now() + cacheBound + grace
  let found = yield* look
  while (found.length > 0 && Date.now() < until) found = yield* Effect.andThen(Effect.sleep(50), look)
  return found
})

const remainderOf = Effect.fnUntraced(function*(cluster: RedisClusterShape, tag: string) {
  const owner = yield* cluster.owner(HashSlot.ofKey(tag))
  const ask = (name: string, key: string, ...args: ReadonlyArray<string>) =>
    cluster.command(owner, name, `{${tag}}:${key}`, ...args)
  const counts = yield* Effect.forEach(
    counters,
    (name) => Effect.map(ask("GET", name), (count) => [name, Number(count)] as const)
  )
  const register = yield* ask("GET", "register")
  const ordered = yield* ask("LRANGE", "ordered", "0", "-1")
  const orderedLast = yield* ask("GET", "ordered-last")
  const list = yield* ask("LRANGE", "list", "0", "-1")
  const remainder: Judge.Remainder = {
    // Every counter is among them.
    counts: Object.fromEntries(counts) as Judge.Remainder["counts"],
    register: register === null ? null : String(register),
    list: Array.isArray(list) ? list.map(String) : [],
    ordered: Array.isArray(ordered) ? ordered.map(String) : [],
    orderedLast: orderedLast === null ? null : String(orderedLast)
  }
  return [tag, remainder] as const
})

const failuresOf = ({ calls }: Recorder): Readonly<Record<string, number>> => {
  const failures: Record<string, number> = {}
  for (const { ending, error } of calls) {
    if (error === undefined) continue
    const name = `${nameOf(error)} ${ending}`
    failures[name] = (failures[name] ?? 0) + 1
  }
  return failures
}

/** The longest time by which a timer was late, in milliseconds. */
class Lag {
  most = 0
  readonly watch: Effect.Effect<never> = Effect.forever(Effect.suspend(() => {
    const before = Date.now()
    return Effect.map(Effect.sleep(10), () => {
      this.most = Math.max(this.most, Date.now() - before - 10)
    })
  }))
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
  const scene: Scene = {
    cluster,
    proxies,
    shards: Array.from(
      { length: shardCount },
      (_, shard) => cluster.nodes.filter((node) => node.index % shardCount === shard)
    ),
    families,
    programs: new Programs(),
    evidence: new Evidence()
  }
  const kinds = (yield* available(cluster)).filter((fault) =>
    (options.lossy || fault.lossy === undefined) && fault.name.includes(options.only ?? "")
  )
  if (kinds.length === 0) {
    return yield* new HarnessError({ message: `These servers have no fault named "${options.only}"` })
  }
  const faults: Array<Fault> = []
  const [ofLinks, ofServers] = [true, undefined].map((onlyLinks) =>
    new Trouble(scene, kinds.filter((kind) => kind.onlyLinks === onlyLinks), random.fork(), faults)
  )
  /** Until the cluster is well again. */
  const trouble = Effect.all([
    ofServers.during(options.millis, [50, 300]),
    ofLinks.during(options.millis, [500, 3000])
  ], { concurrency: 2, discard: true }).pipe(Effect.andThen(cluster.awaitOk), Effect.andThen(Effect.sleep(500)))
  const randoms = () => Array.from({ length: 5 + (options.workers ?? 24) }, () => random.fork())
  const lag = new Lag()
  const machine = yield* MachineLag.make
  const meter = new Remains.FiberMeter()
  const epoch = Date.now()

  /** Its histories are gone when it has been judged: they would hide what the client keeps. */
  const stage = Effect.fnUntraced(function*<E>(
    redis: ClusterClientShape,
    outside: ClusterClientShape,
    stageFamilies: Families,
    faults: ReadonlyArray<Fault>,
    meanwhile: Effect.Effect<void, E>
  ) {
    const started = Date.now()
    const { all, shardOf } = stageFamilies
    const { disagreements, kept, recorder, residents } = yield* underLoad(
      redis,
      outside,
      stageFamilies,
      cluster,
      scene.programs,
      randoms(),
      Remains.unmetered(meanwhile)
    )
    const remainders = new Map(yield* Remains.unmetered(Effect.forEach(all, (tag) => remainderOf(cluster, tag))))
    const circumstances: Judge.Circumstances = { faults, shardOf, commandTimeout, grace: grace + lag.most }
    const violations = Judge.judge(recorder, residents, remainders, circumstances)
    const verdict: Verdict = {
      calls: recorder.calls.length,
      failures: failuresOf(recorder),
      residents: { ...residents.sizes, locks: recorder.tenures.length },
      healthyP99: Judge.healthyP99(recorder, circumstances, started + warmUpMillis),
      besideBursts: Judge.besideBursts(recorder, circumstances, yield* machine.seen),
      evidence: {
        ...Judge.evidence(recorder, residents),
        "reads that a kept value answered": kept.hits,
        "gaps told to who kept values": kept.gaps
      },
      violations: [...Laws.agreement(disagreements), ...Laws.keptUsed(kept)].concat(
        violations.map(({ calls, law }) =>
          calls.length === 0 ? law : `${law}\n${describe(calls.slice(0, 12), faults, epoch)}`
        )
      )
    }
    return verdict
  })

  const before = yield* Remains.least(meter)
  const client = Effect.gen(function*() {
    const redis = yield* connect({
      nodes: cluster.seeds,
      mapAddress: proxies.mapAddress,
      commandTimeout,
      pingAfter: "500 millis",
      pingTimeout: "1 second",
      refreshInterval: "1 second",
      cache: { maxBytes: 64 * 1024 }
    })
    // It is at the side of the servers, and meets no fault of a link.
    const outside = yield* connect({ nodes: cluster.seeds, commandTimeout })
    const watching = yield* Effect.forkChild(lag.watch)
    const calmVerdict = yield* stage(
      redis,
      outside,
      calmFamilies,
      [],
      Effect.sleep(Math.max(calmMillis, options.millis / 10))
    )
    const calmMemory = yield* Remains.memory
    const fire = yield* stage(redis, outside, families, faults, trouble)
    const cacheUse = yield* redis.cacheStatistics
    yield* Fiber.interrupt(watching)
    const amid = Remains.holdings(meter)
    const reference = new WeakRef(redis)
    return { calm: calmVerdict, fire, amid, calmMemory, fireMemory: yield* Remains.memory, reference, cacheUse }
  })
  const { amid, cacheUse, calm: calmVerdict, calmMemory, fire, fireMemory, reference } = yield* Remains.metered(meter)(
    Effect.scoped(client)
  )
  const after = yield* Remains.settled(meter, before, 3000)
  const elapsed = Date.now() - epoch
  const closedMemory = yield* Remains.memory
  const memory: Laws.Memory = {
    calm: calmMemory,
    fire: fireMemory,
    closed: closedMemory,
    isReachable: reference.deref() !== undefined
  }
  const asked = proxies.passed("topologyCalls")

  const evidence = {
    ...scene.evidence.counts,
    ...fire.evidence,
    "reads that the cache answered": cacheUse.hits,
    "reads that the cache did not answer": cacheUse.misses,
    "callers who shared a read": cacheUse.shared,
    ...Object.fromEntries(
      Object.entries(cacheUse.removed).map(([reason, count]) => [`cached replies ${reason}`, count])
    ),
    "replies with MOVED": proxies.passed("moved"),
    "replies with ASK": proxies.passed("asked")
  }

  const report: Report = {
    calm: calmVerdict,
    fire,
    faults: faults.map((fault) => describeFault(fault, epoch)),
    evidence,
    lag: lag.most,
    topologyCalls: asked,
    holdings: { before, amid, after },
    fibers: meter.started,
    memory,
    violations: [
      ...calmVerdict.violations,
      ...fire.violations,
      ...Laws.met(faults, evidence),
      ...Laws.cacheUsed(cacheUse),
      ...Laws.bystanders(calmVerdict.healthyP99, fire.besideBursts),
      ...Laws.topology(asked, elapsed),
      ...Laws.remains(before, amid, after),
      ...Laws.memory(memory)
    ]
  }
  return report
}, Effect.scoped)
