/**
 * The map that a client uses, and the questions to nodes that keep it true.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as PubSub from "effect/PubSub"
import type * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import { isSlot } from "../cluster/HashSlot.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Connection, ConnectionState } from "../connection/Connection.ts"
import type { Connections } from "../connection/Connections.ts"
import { Alarm } from "../internal/Alarm.ts"
import { Listeners } from "../internal/Listeners.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import {
  ClosedError,
  ClusterDisabledError,
  exception,
  isRedisClusterException,
  NoReachableNodeError,
  type RedisClusterException
} from "../RedisClusterException.ts"
import { Claims } from "./Claims.ts"
import { FailedNodes } from "./FailedNodes.ts"
import { type Answer, Inquiry, type Refusal, refusal, type Wish } from "./Inquiry.ts"
import { areKin, type Facts, takesPlace } from "./Judgement.ts"
import { pauseBeforeLook, RefreshPace } from "./RefreshPace.ts"
import * as Snapshot from "./Snapshot.ts"
import { type Findings, type Source, survey } from "./Survey.ts"

/** The wait for one known node before the next is asked as well, in milliseconds. */
const pauseBetweenNodes = 100
/** The wait for one startup node, which has to be dialled, in milliseconds. */
const pauseBetweenSeeds = 500
/** The wait for other nodes when an answer is doubtful, in milliseconds. */
const confirmWithin = 500
/** The number of healthy nodes, and that of nodes that may be in trouble, that are asked before the startup nodes. */
const mostNodes = 5
/** With so many healthy nodes, none of them is asked too often. */
const enoughHealthy = 10
/**
 * After so many fruitless refreshes while commands fail, a startup node may know more than the nodes that were asked.
 */
const fruitlessUntilSeed = 3
/** The chance that a startup node is asked first then, so that not all clients of a cluster ask it at once. */
const seedChance = 1 / 6
/** The number of times that a doubtful answer without confirmation is left aside before it is accepted. */
const loneAnswers = 3
/**
 * The wait for further redirects after a redirect, before the map is fetched, in milliseconds. Up to as much again is
 * added at random.
 */
const movedPause = 50

/** The reason for a refresh. */
interface Reason {
  /** Whether health and zones of the nodes are wanted even when the slots have not changed. */
  readonly detailed: boolean
  /** Whether commands fail that a new map may help. */
  readonly troubled: boolean
}

export class LiveTopology {
  readonly onChange = new Listeners<[previous: Snapshot.Snapshot, next: Snapshot.Snapshot]>()
  readonly onRefresh = new Listeners<[failure: RedisClusterException | undefined, askedAt: number]>()
  private readonly options: ResolvedOptions
  private readonly connections: Connections["Service"]
  private readonly clock: Clock.Clock
  private readonly random: () => number
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** The snapshots for subscribers to changes; `undefined` is the end. */
  private readonly published: PubSub.PubSub<Snapshot.Snapshot | undefined>
  private readonly inquiry: Inquiry
  private readonly pace: RefreshPace
  private readonly refreshAlarm: Alarm
  private readonly lookAlarm: Alarm
  private readonly failedNodes: FailedNodes

  private snapshot = Snapshot.empty
  private chosenDefault: ClusterNode | undefined
  private running: Deferred.Deferred<Snapshot.Snapshot, RedisClusterException> | undefined
  /** Whether a refresh was requested and has not begun. */
  private isWanted = false
  /** Whether a redirect has come since the last refresh began: the redirect may be newer than the answer. */
  private hasMoved = false
  /** The owners that redirects have named lately. An owner knows its slots before other nodes have learnt of them. */
  private readonly claims = new Claims()
  /** The number of refreshes in a row that brought nothing new. */
  private fruitless = 0
  private loneAnswers = 0
  /** The addresses whose connection failed and has not come up since. */
  private readonly down = new Set<string>()
  /**
   * The ids of nodes whose role the servers are about to settle: nodes that do not serve any more, or that are back.
   */
  private unsettled = new Set<string>()
  /** Whether the last answer lacked a node that is up. */
  private lacksNodes = false
  private looks = 0
  /** The time of the last answer by a node of the cluster, in monotonic milliseconds. */
  private heardAt = Number.NEGATIVE_INFINITY
  /** The former cluster, after another one has taken its place and while some of its addresses may still lead to it. */
  private former: Snapshot.Snapshot | undefined
  private closed = false

  constructor(services: {
    readonly options: ResolvedOptions
    readonly connections: Connections["Service"]
    readonly clock: Clock.Clock
    readonly random: (typeof Random.Random)["Service"]
    readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
    readonly published: PubSub.PubSub<Snapshot.Snapshot | undefined>
  }) {
    const { clock, connections, options, runFork } = services
    this.options = options
    this.connections = connections
    this.clock = clock
    this.random = () => services.random.nextDoubleUnsafe()
    this.runFork = runFork
    this.published = services.published
    this.inquiry = new Inquiry(connections, options)
    this.pace = new RefreshPace(options.minRefreshInterval, this.random)
    this.refreshAlarm = new Alarm(clock, runFork, () => this.refreshIfWanted())
    this.lookAlarm = new Alarm(clock, runFork, () => this.look())
    this.failedNodes = new FailedNodes(connections, runFork, (node) => this.cameBack(node))
  }

  readonly current = (): Snapshot.Snapshot => this.snapshot

  readonly changes: Stream.Stream<Snapshot.Snapshot> = Stream.unwrap(
    Effect.suspend(() =>
      Effect.map(
        PubSub.subscribe(this.published),
        (subscription) =>
          Stream.concat(
            Stream.suspend(() => Stream.succeed(this.snapshot)),
            Stream.takeWhile(Stream.fromSubscription(subscription), (snapshot) => snapshot !== undefined)
          )
      )
    )
  )

  /** Joins the refresh that is running, or starts one. */
  readonly refresh: Effect.Effect<Snapshot.Snapshot, RedisClusterException> = Effect.suspend(() =>
    this.run({ detailed: true, troubled: false })
  )

  readonly requestRefresh = (): void => this.request(this.now)

  readonly moved = (slot: number, owner: Endpoint): void => {
    if (this.closed || !isSlot(slot)) return
    const next = Snapshot.moved(this.snapshot, slot, owner)
    if (next !== this.snapshot) {
      this.claims.add(slot, next.slots[slot]?.primary.address ?? addressOf(owner), this.now)
      this.replace(next)
      this.renew()
    }
    this.hasMoved = true
    // The map is patched already. A pause lets other redirects of one cause come first, and the servers agree.
    this.request(this.now + Math.min(movedPause, this.options.minRefreshInterval / 2) * (1 + this.random()))
  }

  readonly defaultNode = (): ClusterNode | undefined => {
    const chosen = this.chosenDefault
    const known = chosen === undefined ? undefined : Snapshot.find(this.snapshot, chosen)
    const isUsable = known !== undefined && (known === chosen || known.role === "primary")
    const { primaries } = this.snapshot
    this.chosenDefault = isUsable ? known : primaries[Math.floor(this.random() * primaries.length)]
    return this.chosenDefault
  }

  readonly setDefaultNode = (node: ClusterNode): void => {
    this.chosenDefault = node
  }

  /** Notes the states of the shared connections. */
  readonly observe = ({ address }: Connection, state: ConnectionState): void => {
    if (state === "down") {
      this.down.add(address)
      this.requestRefresh()
    } else if (state === "ready" && this.down.delete(address)) {
      const node = this.snapshot.nodes.get(address)
      if (node !== undefined) this.cameBack(node)
    }
  }

  /** Refreshes at long intervals although nothing has asked for it. Never ends. */
  readonly refreshForEver: Effect.Effect<never> = Effect.forever(
    Effect.suspend(() =>
      Effect.andThen(
        Effect.sleep(this.options.refreshInterval * (0.9 + this.random() * 0.2)),
        Effect.sync(() => this.start({ detailed: true, troubled: false }))
      )
    )
  )

  close(): void {
    this.closed = true
    this.refreshAlarm.clear()
    this.lookAlarm.clear()
    this.failedNodes.close()
    if (this.running !== undefined) Deferred.doneUnsafe(this.running, Exit.fail(closedError()))
    PubSub.endUnsafe(this.published, undefined)
  }

  private get now(): number {
    return monotonicMillis(this.clock)
  }

  /** Schedules a refresh for a time, or for a later one when the pace demands that. */
  private request(at: number): void {
    if (this.closed) return
    this.isWanted = true
    if (this.running === undefined) this.refreshAlarm.set(this.pace.nextAt(at))
  }

  /** Ends the pause, because something has changed. */
  private renew(): void {
    this.fruitless = 0
    this.pace.renew()
    if (this.isWanted && this.running === undefined) this.refreshAlarm.set(this.pace.nextAt(this.now))
  }

  private refreshIfWanted(): void {
    if (!this.isWanted || this.running !== undefined) return
    // The pause has become longer meanwhile.
    if (this.pace.nextAt(this.now) > this.now) return this.refreshAlarm.set(this.pace.nextAt(this.now))
    this.start({ detailed: false, troubled: true })
  }

  private look(): void {
    if (this.closed) return
    this.looks++
    if (this.running === undefined) this.start({ detailed: true, troubled: false })
    else this.lookAgain()
  }

  /** Notes that a node that was down answers. It may have another role now, and the servers need a moment to notice. */
  private cameBack(node: ClusterNode): void {
    if (this.closed) return
    this.renew()
    if (!isServing(this.snapshot, node)) {
      this.unsettled.add(node.id)
      this.looks = 0
    }
    this.requestRefresh()
  }

  private start(reason: Reason): void {
    this.runFork(Effect.ignore(this.run(reason)))
  }

  private run(reason: Reason): Effect.Effect<Snapshot.Snapshot, RedisClusterException> {
    if (this.closed) return Effect.fail(closedError())
    if (this.running !== undefined) return Deferred.await(this.running)
    const result = Deferred.makeUnsafe<Snapshot.Snapshot, RedisClusterException>()
    this.running = result
    this.isWanted = false
    this.hasMoved = false
    this.refreshAlarm.clear()
    const askedAt = this.now
    this.pace.asked(askedAt)
    // The refresh runs in a fiber of its own: when the caller that started it is interrupted, it goes on for the
    // others.
    this.runFork(
      this.fetch(reason).pipe(
        Effect.map((answer) => this.apply(answer)),
        Effect.catchCause((cause) => Effect.fail(failureOf(cause))),
        Effect.onExit((exit) => Effect.sync(() => this.ended(result, exit, askedAt))),
        Effect.ignore
      )
    )
    return Deferred.await(result)
  }

  private ended(
    result: Deferred.Deferred<Snapshot.Snapshot, RedisClusterException>,
    exit: Exit.Exit<Snapshot.Snapshot, RedisClusterException>,
    askedAt: number
  ): void {
    this.running = undefined
    if (this.closed) return
    this.onRefresh.tell(Exit.isSuccess(exit) ? undefined : failureOf(exit.cause), askedAt)
    this.lookAgain()
    if (this.isWanted) this.refreshAlarm.set(this.pace.nextAt(this.now))
    Deferred.doneUnsafe(result, exit)
  }

  /** Schedules another refresh while the servers are about to settle something, for a limited number of times. */
  private lookAgain(): void {
    if (this.unsettled.size === 0 && !this.lacksNodes && this.former === undefined) return
    const pause = pauseBeforeLook(this.looks, this.random())
    if (pause !== undefined) this.lookAlarm.set(this.now + pause)
  }

  /** Replaces the map by an answer, if they differ. */
  private apply(answer: Answer): Snapshot.Snapshot {
    if (this.closed) return this.snapshot
    this.heardAt = this.now
    const previous = this.snapshot
    const next = answer.snapshot
    this.inquiry.accept(answer)
    if (next !== previous) {
      this.noteNodesThatLeft(previous, next)
      // Requests that failed since then are sent by the new map first.
      this.isWanted &&= this.hasMoved
      this.replace(next)
      this.renew()
    } else {
      this.fruitless++
      this.pace.fruitless()
    }
    for (const id of this.unsettled) {
      const node = Snapshot.nodeWithId(next, id)
      if (node === undefined || isServing(next, node)) this.unsettled.delete(id)
    }
    this.connections.retain(next.nodes)
    for (const address of this.down) if (!next.nodes.has(address)) this.down.delete(address)
    this.failedNodes.watch([...next.nodes.values()].filter((node) => node.health === "fail" && !isServing(next, node)))
    return this.snapshot
  }

  /** Notes nodes that are up and have vanished or serve no more, so that another refresh follows soon. */
  private noteNodesThatLeft(previous: Snapshot.Snapshot, next: Snapshot.Snapshot): void {
    const known = this.unsettled.size
    this.lacksNodes = false
    for (const node of previous.nodes.values()) {
      const now = Snapshot.nodeWithId(next, node.id)
      if (now === undefined) this.lacksNodes ||= node.id !== "" && this.isUp(node)
      else if (isServing(previous, node) && !isServing(next, now) && now.health !== "fail") this.unsettled.add(node.id)
    }
    if (this.unsettled.size > known || this.lacksNodes) this.looks = 0
  }

  private replace(next: Snapshot.Snapshot): void {
    const previous = this.snapshot
    this.snapshot = next
    PubSub.publishUnsafe(this.published, next)
    this.onChange.tell(previous, next)
  }

  private connectionsTo(node: ClusterNode): ReadonlyArray<Connection> {
    return this.connections.all().filter(({ address }) => address === node.address)
  }

  private isUp(node: ClusterNode): boolean {
    return this.connectionsTo(node).some(({ healthy }) => healthy)
  }

  private readonly fetch = Effect.fnUntraced(function*(this: LiveTopology, reason: Reason) {
    const refusals: Array<Refusal> = []
    const known = this.snapshot
    const isFirst = known.shards.length === 0
    const timeout = isFirst ? this.options.connectTimeout : this.options.commandTimeout
    const wish: Wish = { ...reason, known, timeout }
    const facts: Facts = { known, isUp: (node) => this.isUp(node), claims: this.claims.since(this.now) }
    const find = Effect.scoped(Effect.gen({ self: this }, function*() {
      const returned = yield* this.askFormer(timeout)
      if (returned !== undefined) return { answer: returned, isLone: false, strangers: [] }
      return yield* survey({
        first: yield* this.sources(wish, facts),
        seeds: Effect.map(findSeeds(this.options), (seeds) => seeds.map((seed) => this.seed(seed, wish))),
        witness: (node) => this.source(node, wish),
        facts,
        pause: isFirst ? pauseBetweenSeeds : pauseBetweenNodes,
        confirmWithin: isFirst ? this.options.connectTimeout : confirmWithin
      }, refusals)
    }))
    const silence = Effect.sync((): Findings => {
      refusals.push(refusal("topology", `no node answered within ${timeout} ms`))
      return { answer: undefined, isLone: false, strangers: [] }
    })
    const { answer, isLone, strangers } = isFirst
      ? yield* find
      : yield* Effect.timeoutOrElse(find, { duration: timeout, orElse: () => silence })
    if (answer !== undefined) {
      // The only node that answers may be the one that is cut off.
      this.loneAnswers = isLone ? this.loneAnswers + 1 : 0
      const isBelieved = !isLone || isFirst || this.loneAnswers >= loneAnswers
      return isBelieved ? answer : { ...answer, snapshot: known }
    }
    const stranger = strangers.find(({ snapshot }) => takesPlace(snapshot, known, this.now - this.heardAt))
    if (stranger === undefined) {
      this.fruitless++
      this.pace.fruitless()
      return yield* Effect.fail(noReachableNode(refusals))
    }
    this.former = known
    this.looks = 0
    return stranger
  })

  /**
   * The nodes to ask, the best first: the node that a redirect has named, healthy nodes, nodes that may be in trouble.
   */
  private readonly sources = Effect.fnUntraced(function*(this: LiveTopology, wish: Wish, { claims }: Facts) {
    const nodes = this.shuffled([...this.snapshot.nodes.values()])
    const claimant = [...claims.values()].at(-1)
    const named = nodes.filter((node) => node.address === claimant && this.connections.get(node).promising)
    const others = nodes.filter((node) => !named.includes(node))
    const healthy = others.filter((node) => this.isUp(node))
    const idle = others.filter((node) => !healthy.includes(node) && node.health !== "fail")
    const sources = [...named.map((node) => this.source(node, wish)), ...this.inOrder(healthy, idle, wish)]
    if (!wish.troubled || this.fruitless < fruitlessUntilSeed) return sources
    if (!this.isAlmostAlone && this.random() >= seedChance) return sources
    const seeds = yield* Effect.orElseSucceed(findSeeds(this.options), () => [])
    const seed = seeds.at(Math.floor(this.random() * seeds.length))
    return seed === undefined ? sources : [this.seed(seed, wish), ...sources]
  })

  /** Whether half of the primaries cannot be reached, so that the map itself may be wrong. */
  private get isAlmostAlone(): boolean {
    const { primaries } = this.snapshot
    return primaries.filter(({ address }) => this.down.has(address)).length * 2 >= primaries.length
  }

  /**
   * Puts healthy nodes first. In trouble, when few nodes are healthy, other nodes are mixed in, because all clients of
   * the cluster would ask the few.
   */
  private inOrder(
    healthy: ReadonlyArray<ClusterNode>,
    idle: ReadonlyArray<ClusterNode>,
    wish: Wish
  ): ReadonlyArray<Source> {
    const ofIdle = (node: ClusterNode): Source => ({ name: node.address, ask: this.inquiry.askOnce(node, wish) })
    const ofHealthy = (node: ClusterNode): Source => this.source(node, wish)
    const some = (nodes: ReadonlyArray<ClusterNode>) => nodes.slice(0, mostNodes)
    if (!wish.troubled || healthy.length >= enoughHealthy) {
      return [...some(healthy).map(ofHealthy), ...some(idle).map(ofIdle)]
    }
    return this.shuffled([...healthy.map(ofHealthy), ...idle.map(ofIdle)]).slice(0, 2 * mostNodes)
  }

  private source(node: ClusterNode, wish: Wish): Source {
    const isKnown = this.snapshot.nodes.get(node.address) === node
    return {
      name: node.address,
      ask: isKnown ? this.inquiry.askNode(node, wish) : this.inquiry.askEndpoint(node, wish)
    }
  }

  private seed(given: Endpoint, wish: Wish): Source {
    const seed = this.options.mapAddress(given)
    const timeout = this.options.connectTimeout
    return { name: `seed ${addressOf(seed)}`, ask: this.inquiry.askEndpoint(seed, { ...wish, timeout }) }
  }

  private shuffled<A>(items: Array<A>): ReadonlyArray<A> {
    for (let i = items.length - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1))
      const item = items[i]
      items[i] = items[j]
      items[j] = item
    }
    return items
  }

  /** Asks whether the former cluster is back at its own addresses. */
  private readonly askFormer = Effect.fnUntraced(function*(this: LiveTopology, timeout: number) {
    const { former } = this
    if (former === undefined) return undefined
    const nodes = [...former.nodes.values()].filter((node) => node.id !== "" && !this.snapshot.nodes.has(node.address))
    // All of its addresses belong to the new cluster, so that it cannot come back.
    if (nodes.length === 0) this.former = undefined
    const wish: Wish = { known: former, detailed: true, troubled: true, timeout: Math.min(timeout, confirmWithin) }
    for (const node of this.shuffled(nodes).slice(0, 2)) {
      const answer = yield* Effect.option(this.inquiry.askEndpoint(node, wish))
      if (answer._tag === "None" || !areKin(answer.value.snapshot, former)) continue
      this.former = undefined
      // Versions only grow.
      return { ...answer.value, snapshot: { ...answer.value.snapshot, version: this.snapshot.version + 1 } }
    }
    return undefined
  })
}

const isServing = (snapshot: Snapshot.Snapshot, node: ClusterNode): boolean =>
  snapshot.primaries.includes(node) || snapshot.replicas.includes(node)

const closedError = (): RedisClusterException =>
  exception(() => new ClosedError({ message: "the client is closed", outcome: "NotExecuted" }))

/** The startup nodes: those of the option, or those that its effect finds within `connectTimeout`. */
const findSeeds = (options: ResolvedOptions): Effect.Effect<ReadonlyArray<Endpoint>, Refusal> => {
  if (options.findSeeds === undefined) return Effect.succeed(options.seeds)
  const refuse = (cause: string): Effect.Effect<never, Refusal> => Effect.fail(refusal("nodes", cause))
  return options.findSeeds.pipe(
    // The error of a program may quote a secret.
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      return refuse(isRedisClusterException(error) ? error.message : "the effect that finds the nodes failed")
    }),
    Effect.timeoutOrElse({
      duration: options.connectTimeout,
      orElse: () => refuse(`the effect that finds the nodes took longer than ${options.connectTimeout} ms`)
    }),
    Effect.flatMap((seeds) =>
      seeds.length === 0 ? refuse("the effect that finds the nodes found none") : Effect.succeed(seeds)
    )
  )
}

const failureOf = (cause: Cause.Cause<RedisClusterException>): RedisClusterException => {
  const error = Cause.squash(cause)
  return isRedisClusterException(error)
    ? error
    : noReachableNode([
      refusal("topology", `the refresh failed: ${error instanceof Error ? error.message : "interrupted"}`)
    ])
}

const noReachableNode = (causes: ReadonlyArray<Refusal>): RedisClusterException => {
  const disabled = causes.find(({ cause }) => cause.includes("cluster support disabled"))
  if (disabled !== undefined) {
    return exception(() =>
      new ClusterDisabledError({
        message: `${disabled.node} runs without cluster mode; start it with cluster-enabled yes, ` +
          `or use a client for standalone servers`,
        outcome: "NotExecuted",
        node: disabled.node
      })
    )
  }
  return exception(() =>
    new NoReachableNodeError({
      message: `no node could tell the topology: ${causes.map(({ cause, node }) => `${node}: ${cause}`).join("; ")}`,
      outcome: "NotExecuted",
      causes
    })
  )
}
