/**
 * The faults of a cluster. Each fault ends when the cluster is well again.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { HarnessError } from "../harness/HarnessError.ts"
import type { RedisClusterShape, RedisNode } from "../harness/RedisCluster.ts"
import { freePort } from "../harness/RedisServer.ts"
import type { Families } from "./Families.ts"
import type { Link, Proxies } from "./Proxies.ts"
import type { Random } from "./Random.ts"

/** How often a fault was seen to have reached the client, by what it does. */
export class Evidence {
  readonly counts: Record<string, number> = {}

  add(what: string, count: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + count
  }
}

export interface Scene {
  readonly cluster: RedisClusterShape
  readonly proxies: Proxies
  /** The shards by the slots they had at the start: the nodes that hold a shard's data, in any role. */
  readonly shards: ReadonlyArray<ReadonlyArray<RedisNode>>
  /** The families of keys: the slots of some may be moved about. */
  readonly families: Families
  readonly programs: Programs
  readonly evidence: Evidence
}

/** Calls that go on until it is over. */
type Calls<A> = (of: A, isOver: () => boolean) => Effect.Effect<void>

const none = () => Effect.void

/** The programs of the client that is there, as far as faults want something of them. */
export class Programs {
  /** Many calls to one shard, and reads of the others. */
  burst: Calls<number> = none
  /** Long pipelines to the slot of one family, several at a time. */
  pipelines: Calls<string> = none
  /** How many subscriptions were refused so far. */
  refusals: () => number = () => 0

  /** Nothing of the client is held any more. */
  end(): void {
    this.burst = none
    this.pipelines = none
    this.refusals = () => 0
  }
}

export interface FaultKind {
  readonly name: string
  /** The servers themselves may lose acknowledged writes. */
  readonly lossy?: true
  /** It concerns all shards. */
  readonly everywhere?: true
  /** Slots are moved: those that may be. */
  readonly moving?: true
  /** It is done to links of the client, which fail at the same time as something else does. */
  readonly onlyLinks?: true
  /** The user of the client may not use channels meanwhile. */
  readonly channels?: true
  /** The link carries little in a second: whoever waits there waits for bytes that are on their way. */
  readonly narrow?: true
  /** It forgets nodes: newer servers tell each other what is to be forgotten. */
  readonly forgets?: true
  /** The evidence without which the client has not met it: it is sought until it is there. */
  readonly meets?: string
  /** Commands of which the servers must have one, as `COMMAND INFO` names them. */
  readonly needs?: ReadonlyArray<string>
  readonly run: (scene: Scene, shard: number, random: Random) => Effect.Effect<void, HarnessError>
}

const primaryOf = (scene: Scene, shard: number): Effect.Effect<RedisNode, HarnessError> =>
  Effect.map(scene.cluster.primaries, (primaries) => {
    const members = new Set(scene.shards[shard].map((node) => node.id))
    return primaries.find((node) => members.has(node.id)) ?? scene.shards[shard][0]
  })

const replicaOf = (scene: Scene, primary: RedisNode): Effect.Effect<RedisNode | undefined, HarnessError> =>
  Effect.map(scene.cluster.replicasOf(primary), (replicas) => replicas[0])

const offsetOf = (cluster: RedisClusterShape, node: RedisNode) =>
  Effect.map(cluster.command(node, "INFO", "replication"), (info) => {
    const text = String(info)
    return Number(/(?:slave_repl_offset|master_repl_offset):(\d+)/.exec(text)?.[1] ?? -1)
  })

/** Until the replica has all that its primary, which takes no writes now, has. */
const awaitReplica = (cluster: RedisClusterShape, primary: RedisNode, replica: RedisNode) =>
  Effect.gen(function*() {
    for (let round = 0; round < 100; round++) {
      if ((yield* offsetOf(cluster, primary)) === (yield* offsetOf(cluster, replica))) return true
      yield* Effect.sleep(10)
    }
    return false
  })

const awaitPromotion = (cluster: RedisClusterShape, replica: RedisNode) =>
  Effect.gen(function*() {
    for (let round = 0; round < 400; round++) {
      if (String(yield* cluster.command(replica, "INFO", "replication")).includes("role:master")) return
      yield* Effect.sleep(25)
    }
  })

/** Acknowledged writes are on the replica, and no more writes will be for a moment; writes on the wire are not. */
const quiesce = (cluster: RedisClusterShape, primary: RedisNode, replica: RedisNode) =>
  Effect.andThen(
    cluster.command(primary, "CLIENT", "PAUSE", "2000", "WRITE"),
    awaitReplica(cluster, primary, replica)
  )

/** A port with a proxy in front of it before a node is there: the client never sees it bare. */
const newPort = ({ proxies }: Scene) => Effect.tap(freePort, (port) => proxies.open(port))

const restartHere = ({ cluster }: Scene, node: RedisNode) => cluster.restart(node)

const restartElsewhere = (scene: Scene, node: RedisNode) =>
  Effect.flatMap(newPort(scene), (port) => scene.cluster.readdress(node, port))

/** Calls beside a fault, until that is done; then the cluster is mended, and the calls end. */
const beside = <E>(
  calls: (isOver: () => boolean) => Effect.Effect<void>,
  fault: Effect.Effect<void, E>,
  mend: Effect.Effect<void, E> = Effect.void
) =>
  Effect.gen(function*() {
    let isOver = false
    const calling = yield* Effect.forkChild(calls(() => isOver))
    yield* Effect.ensuring(fault, Effect.sync(() => (isOver = true)))
    yield* mend
    yield* Fiber.join(calling)
  })

/** A burst for a shard that is down, and reads of the others as long as it is. */
const besideBurst = <E>(
  { programs }: Scene,
  shard: number,
  down: Effect.Effect<void, E>,
  mend?: Effect.Effect<void, E>
) => beside((isOver) => programs.burst(shard, isOver), down, mend)

/** A fault that meets pipelines in every stage: entries of one slot that have to be sent again together. */
const besidePipelines = <E>({ programs }: Scene, tag: string, fault: Effect.Effect<void, E>) =>
  beside((isOver) => programs.pipelines(tag, isOver), fault)

/** SIGKILL, the election of the replica, and the return of the dead as a replica. */
const crash = (orderly: boolean, restart: typeof restartHere, underBurst = false): FaultKind["run"] => (scene, shard) =>
  Effect.gen(function*() {
    const { cluster } = scene
    const primary = yield* primaryOf(scene, shard)
    const replica = yield* replicaOf(scene, primary)
    if (replica === undefined) return
    if (orderly && !(yield* quiesce(cluster, primary, replica))) return
    yield* cluster.kill(primary)
    const promotion = awaitPromotion(cluster, replica)
    yield* underBurst ? besideBurst(scene, shard, promotion) : promotion
    yield* restart(scene, primary)
    yield* cluster.awaitOk
  })

/**
 * A primary comes back under its id, with its data and on another port, before anybody takes over. Should it take too long
 * for that, the replica has all that it had.
 */
const movePrimary: FaultKind["run"] = (scene, shard) =>
  Effect.gen(function*() {
    const { cluster } = scene
    const primary = yield* primaryOf(scene, shard)
    const replica = yield* replicaOf(scene, primary)
    if (replica === undefined || !(yield* quiesce(cluster, primary, replica))) return
    yield* cluster.command(primary, "SAVE")
    yield* restartElsewhere(scene, primary)
    yield* cluster.awaitOk
  })

const onReplica =
  (run: (scene: Scene, replica: RedisNode) => Effect.Effect<void, HarnessError>): FaultKind["run"] => (scene, shard) =>
    Effect.gen(function*() {
      const replica = yield* replicaOf(scene, yield* primaryOf(scene, shard))
      if (replica === undefined) return
      yield* run(scene, replica)
      yield* scene.cluster.awaitOk
    })

const crashReplica = onReplica((scene, replica) =>
  scene.cluster.kill(replica).pipe(Effect.andThen(Effect.sleep(300)), Effect.andThen(scene.cluster.restart(replica)))
)

const manualFailover = (mode: "FORCE" | "TAKEOVER" | undefined): FaultKind["run"] => (scene, shard) =>
  Effect.gen(function*() {
    const replica = yield* replicaOf(scene, yield* primaryOf(scene, shard))
    if (replica === undefined) return
    yield* scene.cluster.failover(replica, mode)
    yield* scene.cluster.awaitOk
  })

const stopFor = (millis: number): FaultKind["run"] => (scene, shard) =>
  Effect.gen(function*() {
    const primary = yield* primaryOf(scene, shard)
    yield* scene.cluster.stop(primary)
    yield* Effect.sleep(millis)
    yield* scene.cluster.continue(primary)
    yield* scene.cluster.awaitOk
  })

/** It is not long enough for another one to take over. */
const stopUnderBurst: FaultKind["run"] = (scene, shard) =>
  Effect.gen(function*() {
    const { cluster } = scene
    const primary = yield* primaryOf(scene, shard)
    yield* cluster.stop(primary)
    yield* besideBurst(scene, shard, Effect.sleep(1000), cluster.continue(primary))
    yield* cluster.awaitOk
  })

/** There and back again, a few slots, keys in halves, so that ASK and TRYAGAIN are seen as well. */
const moveSlots: FaultKind["run"] = (scene, _, random) =>
  Effect.gen(function*() {
    const { cluster, families } = scene
    const tag = random.pick(families.moving)
    const slot = HashSlot.ofKey(tag)
    const owner = yield* cluster.owner(slot)
    const others = (yield* cluster.primaries).filter((node) => node.id !== owner.id)
    const move = (to: RedisNode) =>
      Effect.gen(function*() {
        yield* cluster.startMigration(slot, to)
        yield* cluster.moveKeys(slot, random.between(1, 4))
        yield* Effect.sleep(random.between(50, 250))
        yield* cluster.finishMigration(slot)
        yield* Effect.sleep(random.between(20, 100))
      })
    yield* besidePipelines(scene, tag, Effect.andThen(move(random.pick(others)), move(owner)))
    yield* cluster.awaitOk
  })

const onPrimary = (
  run: (scene: Scene, primary: RedisNode, random: Random) => Effect.Effect<void, HarnessError>
): FaultKind["run"] =>
(scene, shard, random) => Effect.flatMap(primaryOf(scene, shard), (primary) => run(scene, primary, random))

const killClients: FaultKind["run"] = (scene, shard, random) =>
  Effect.gen(function*() {
    const { cluster, families } = scene
    const primary = yield* primaryOf(scene, shard)
    const kill = Effect.suspend(() =>
      Effect.andThen(
        Effect.ignore(cluster.command(primary, "CLIENT", "KILL", "TYPE", random.pick(["normal", "normal", "pubsub"]))),
        Effect.sleep(random.between(10, 80))
      )
    )
    const storm = Effect.forEach(Array.from({ length: random.between(2, 8) }), () => kill, { discard: true })
    yield* besidePipelines(scene, random.pick(families.settled[shard]), storm)
  })

const pauseClients = onPrimary(({ cluster }, primary, random) =>
  Effect.andThen(
    cluster.command(primary, "CLIENT", "PAUSE", String(random.between(100, 700)), random.pick(["WRITE", "ALL"])),
    Effect.sleep(800)
  )
)

const sleepServer = onPrimary(({ cluster }, primary, random) =>
  Effect.andThen(
    Effect.ignore(cluster.command(primary, "DEBUG", "SLEEP", String(random.between(1, 5) / 10))),
    Effect.sleep(100)
  )
)

const outOfMemory = onPrimary(({ cluster }, primary, random) =>
  Effect.gen(function*() {
    yield* cluster.command(primary, "CONFIG", "SET", "maxmemory", "1")
    yield* Effect.sleep(random.between(100, 400))
    yield* cluster.command(primary, "CONFIG", "SET", "maxmemory", "0")
  })
)

/** The server remembers so few of the keys that were read that it reports others as changed all the time. */
const fillTrackingTable = onPrimary(({ cluster }, primary, random) =>
  Effect.gen(function*() {
    yield* cluster.command(primary, "CONFIG", "SET", "tracking-table-max-keys", "3")
    yield* Effect.sleep(random.between(500, 1500))
    yield* cluster.command(primary, "CONFIG", "SET", "tracking-table-max-keys", "1000000")
  })
)

const loseRights = onPrimary(({ cluster }, primary, random) =>
  Effect.gen(function*() {
    yield* cluster.command(primary, "ACL", "SETUSER", "default", "-incr")
    yield* Effect.sleep(random.between(100, 300))
    yield* cluster.command(primary, "ACL", "SETUSER", "default", "+incr")
  })
)

/** The server ends the connections of those who may not listen any more, and refuses them until they may again. */
const loseChannels: FaultKind["run"] = (scene, shard, random) =>
  Effect.gen(function*() {
    const { cluster, programs } = scene
    const primary = yield* primaryOf(scene, shard)
    const before = programs.refusals()
    yield* cluster.command(primary, "ACL", "SETUSER", "default", "resetchannels")
    yield* Effect.sleep(random.between(100, 400))
    for (let waited = 0; waited < 2000 && programs.refusals() === before; waited += 25) yield* Effect.sleep(25)
    yield* cluster.command(primary, "ACL", "SETUSER", "default", "allchannels")
  })

const partialViews = "partial views asked for"

/**
 * A primary's view of the cluster is partial for a while. A slot of another shard moves to this primary meanwhile: redirects
 * name it, and the client asks the node that a redirect has named for the topology. `forget` is repeated, because the other
 * nodes tell the primary what it has forgotten.
 */
const withPartialView = <E>(
  scene: Scene,
  primary: RedisNode,
  tag: string,
  random: Random,
  forget: Effect.Effect<void, E>,
  remember: Effect.Effect<void, E> = Effect.void
) =>
  Effect.gen(function*() {
    const { cluster, evidence, proxies } = scene
    const { passed } = proxies.linkTo(primary.port)
    const slot = HashSlot.ofKey(tag)
    const owner = yield* cluster.owner(slot)
    if (owner.id === primary.id) return
    yield* cluster.startMigration(slot, primary)
    yield* forget
    const before = passed.topologyCalls
    yield* cluster.finishMigration(slot)
    const millis = random.between(200, 600)
    for (let waited = 0; waited < millis || (waited < 3000 && passed.topologyCalls === before); waited += 20) {
      yield* forget
      yield* Effect.sleep(20)
    }
    evidence.add(partialViews, passed.topologyCalls - before)
    yield* remember
    yield* cluster.awaitOk
    yield* cluster.migrateSlot(slot, owner)
    yield* cluster.awaitOk
  })

/** A primary forgets the nodes of another shard, and learns them again. */
const forgetShard: FaultKind["run"] = (scene, shard, random) =>
  Effect.gen(function*() {
    const { cluster, families, shards } = scene
    const primary = yield* primaryOf(scene, shard)
    const [other, third] = random.shuffled(shards.map((_, i) => i).filter((i) => i !== shard))
    const owner = yield* primaryOf(scene, other)
    const nodes = [...(yield* cluster.replicasOf(owner)), owner]
    // A node that it does not know is forgotten already.
    const forget = Effect.forEach(
      nodes,
      ({ id }) => Effect.ignore(cluster.command(primary, "CLUSTER", "FORGET", id)),
      { discard: true }
    )
    const remember = Effect.forEach(
      nodes,
      ({ host, port }) => cluster.command(primary, "CLUSTER", "MEET", host, String(port)),
      { discard: true }
    )
    yield* withPartialView(scene, primary, families.moving[third], random, forget, remember)
  })

/** A primary does not know who owns slots of another shard, until the owner tells it again. */
const forgetSlots: FaultKind["run"] = (scene, shard, random) =>
  Effect.gen(function*() {
    const { cluster, families, shards } = scene
    const primary = yield* primaryOf(scene, shard)
    const [other, third] = random.shuffled(shards.map((_, i) => i).filter((i) => i !== shard))
    const first = Math.ceil(other * HashSlot.slotCount / shards.length)
    const range = [String(first + 200), String(first + 4000)]
    // The server refuses a range in which a slot is forgotten already.
    const forget = Effect.ignore(cluster.command(primary, "CLUSTER", "DELSLOTSRANGE", ...range))
    yield* withPartialView(scene, primary, families.moving[third], random, forget)
  })

const forgetScripts = onPrimary(({ cluster }, primary, random) =>
  Effect.forEach(
    Array.from({ length: random.between(2, 6) }),
    () =>
      Effect.andThen(
        cluster.command(primary, random.pick(["SCRIPT", "FUNCTION"]), "FLUSH"),
        Effect.sleep(random.between(10, 60))
      ),
    { discard: true }
  )
)

/** Of any node of the shard: it does not matter to a link what else happens to the servers. */
const onLink =
  (run: (link: Link, random: Random, evidence: Evidence) => Effect.Effect<void>): FaultKind["run"] =>
  (scene, shard, random) =>
    Effect.suspend(() => run(scene.proxies.linkTo(random.pick(scene.shards[shard]).port), random, scene.evidence))

const cutLink = onLink((link, random) =>
  Effect.forEach(
    Array.from({ length: random.between(2, 6) }),
    () =>
      Effect.andThen(
        Effect.sync(() => link.cutAfter(random.below(3000), random.pick(["requests", "replies"]))),
        Effect.sleep(random.between(20, 150))
      ),
    { discard: true }
    // A link that carries little would be cut later, when nobody excuses it.
  ).pipe(Effect.andThen(Effect.sync(() => link.mend())))
)

/**
 * Nobody ends the socket but the client, if it sends anything there in the first second. It has to have found out by the end,
 * 1.5 seconds after a reply that did not come, and some more on a busy machine: what fails then is not excused.
 */
const halfOpen = onLink((link) =>
  Effect.gen(function*() {
    link.weigh()
    yield* Effect.sleep(200)
    link.abandonBusiest()
    link.weigh()
    yield* Effect.sleep(1000)
    link.endIdle()
    yield* Effect.sleep(2000)
  })
)

const badLink = (spoil: (link: Link) => void, millis: number) =>
  onLink((link, _, evidence) =>
    Effect.gen(function*() {
      const { narrowly } = link.passed
      spoil(link)
      yield* Effect.sleep(millis)
      link.mend()
      if (link.passed.narrowly > narrowly) evidence.add("bytes over narrow links", link.passed.narrowly - narrowly)
      // A link that was silent is ended; the client has to dial again.
      yield* Effect.sleep(300)
    })
  )

/**
 * For a while, new connections to an address lead to a node of another shard. They stay open when the address leads to its
 * own node again: the client has to find out. A loss that it has not found by the end is not excused.
 */
const swapFarEnd: FaultKind["run"] = ({ evidence, proxies, shards }, shard, random) =>
  Effect.gen(function*() {
    const link = proxies.linkTo(random.pick(shards[shard]).port)
    const others = shards.filter((_, other) => other !== shard).flat()
    const before = link.passed.astray
    link.leadTo(random.pick(others).port)
    yield* Effect.sleep(random.between(300, 800))
    link.mend()
    evidence.add("connections that led elsewhere", link.passed.astray - before)
    yield* Effect.sleep(3000)
  })

/** A node joins as a primary without slots, and leaves again; or a second replica does. */
const comeAndGo: FaultKind["run"] = (scene, shard, random) =>
  Effect.gen(function*() {
    const port = yield* newPort(scene)
    const replicaOf = random.next() < 0.5 ? undefined : yield* primaryOf(scene, shard)
    const node = yield* scene.cluster.addNode({ port, replicaOf })
    yield* Effect.sleep(random.between(200, 600))
    yield* scene.cluster.removeNode(node)
    yield* scene.cluster.awaitOk
  })

/** A node joins, is given a slot, gives it back and leaves. */
const comeServeAndGo: FaultKind["run"] = (scene, shard, random) =>
  Effect.gen(function*() {
    const { cluster } = scene
    const slot = HashSlot.ofKey(scene.families.moving[shard])
    const owner = yield* cluster.owner(slot)
    const guest = yield* cluster.addNode({ port: yield* newPort(scene) })
    yield* cluster.migrateSlot(slot, guest)
    yield* Effect.sleep(random.between(200, 600))
    yield* cluster.migrateSlot(slot, owner)
    yield* cluster.awaitOk
    yield* cluster.removeNode(guest)
    yield* cluster.awaitOk
  })

/** As `moveSlots`, by the servers themselves and in one step. */
const moveSlotsAtOnce: FaultKind["run"] = (scene, _, random) =>
  Effect.gen(function*() {
    const { cluster, families } = scene
    const tag = random.pick(families.moving)
    const slot = String(HashSlot.ofKey(tag))
    const owner = yield* cluster.owner(Number(slot))
    const target = random.pick((yield* cluster.primaries).filter((node) => node.id !== owner.id))
    const move = (from: RedisNode, to: RedisNode) =>
      Effect.gen(function*() {
        const byValkey = cluster.command(from, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
        const byRedis = cluster.command(to, "CLUSTER", "MIGRATION", "IMPORT", slot, slot)
        yield* Effect.catch(byValkey, () => byRedis)
        for (let round = 0; round < 200 && (yield* cluster.owner(Number(slot))).id !== to.id; round++) {
          yield* Effect.sleep(25)
        }
        yield* cluster.awaitOk
      })
    yield* besidePipelines(scene, tag, Effect.andThen(move(owner, target), move(target, owner)))
  })

export const faults: ReadonlyArray<FaultKind> = [
  { name: "SIGKILL after the replica caught up", run: crash(true, restartHere) },
  { name: "SIGKILL under a burst of commands", run: crash(true, restartHere, true) },
  { name: "SIGKILL", lossy: true, run: crash(false, restartHere) },
  { name: "CLUSTER FAILOVER", run: manualFailover(undefined) },
  { name: "CLUSTER FAILOVER FORCE", lossy: true, run: manualFailover("FORCE") },
  { name: "CLUSTER FAILOVER TAKEOVER", lossy: true, run: manualFailover("TAKEOVER") },
  { name: "SIGSTOP for 400 ms", run: stopFor(400) },
  { name: "SIGSTOP until another takes over", lossy: true, run: stopFor(4000) },
  { name: "SIGSTOP under a burst of commands", run: stopUnderBurst },
  { name: "slots moved there and back", everywhere: true, moving: true, run: moveSlots },
  {
    name: "slots moved at once by the servers",
    everywhere: true,
    moving: true,
    needs: ["cluster|migrateslots", "cluster|migration"],
    run: moveSlotsAtOnce
  },
  { name: "a primary comes back on another port", run: movePrimary },
  { name: "SIGKILL after the replica caught up, and back on another port", run: crash(true, restartElsewhere) },
  { name: "a replica comes back on another port", run: onReplica(restartElsewhere) },
  { name: "SIGKILL of a replica", run: crashReplica },
  { name: "CLIENT KILL storm", run: killClients },
  { name: "CLIENT PAUSE", run: pauseClients },
  { name: "DEBUG SLEEP", run: sleepServer },
  { name: "out of memory", run: outOfMemory },
  { name: "tracking table full", run: fillTrackingTable },
  { name: "rights taken away", run: loseRights },
  { name: "channels taken away", channels: true, meets: "subscriptions refused", run: loseChannels },
  { name: "a primary forgets a shard", moving: true, forgets: true, meets: partialViews, run: forgetShard },
  { name: "a primary forgets owners of slots", moving: true, meets: partialViews, run: forgetSlots },
  { name: "scripts forgotten", run: forgetScripts },
  { name: "link cut at some byte", onlyLinks: true, run: cutLink },
  { name: "socket half open", onlyLinks: true, run: halfOpen },
  { name: "link silent", onlyLinks: true, run: badLink((link) => link.silence(), 1500) },
  { name: "link slow", onlyLinks: true, run: badLink((link) => link.slow(80), 800) },
  { name: "far end swapped", run: swapFarEnd },
  { name: "link narrow", onlyLinks: true, narrow: true, run: badLink((link) => link.narrow(3_000_000), 2500) },
  { name: "a node comes and goes", run: comeAndGo },
  { name: "a node comes, serves and goes", moving: true, run: comeServeAndGo }
]

/** The faults that these servers can have. */
export const available = (cluster: RedisClusterShape): Effect.Effect<ReadonlyArray<FaultKind>, HarnessError> =>
  Effect.filter(faults, ({ forgets, needs }) =>
    forgets === true
      ? Effect.map(cluster.command(cluster.nodes[0], "INFO", "server"), (info) =>
        /redis_version:(?:6|7\.0)\./.test(String(info)))
      : needs === undefined
      ? Effect.succeed(true)
      : Effect.map(
        cluster.command(cluster.nodes[0], "COMMAND", "INFO", ...needs),
        (infos) =>
          Array.isArray(infos) && infos.some((info) => info !== null)
      ))
