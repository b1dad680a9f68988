/**
 * The map that a client uses, and the questions to nodes that keep it true.
 */
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
import type { RedisClusterException } from "../RedisClusterException.ts"
import { Claims } from "./Claims.ts"
import { FailedNodes } from "./FailedNodes.ts"
import { closedError, failureOf, noReachableNode } from "./failures.ts"
import { FormerCluster } from "./FormerCluster.ts"
import { type Answer, Inquiry, type Refusal, refusal, type Wish } from "./Inquiry.ts"
import { type Facts, takesPlace } from "./Judgement.ts"
import { RefreshPace } from "./RefreshPace.ts"
import * as Snapshot from "./Snapshot.ts"
import { Sources } from "./Sources.ts"
import { type Findings, survey } from "./Survey.ts"
import { isServing, Unsettled } from "./Unsettled.ts"

/** The wait for one known node before the next is asked as well, in milliseconds. */
const pauseBetweenNodes = 100
/** The wait for one startup node, which has to be dialled, in milliseconds. */
const pauseBetweenSeeds = 500
/** The wait for other nodes when an answer is doubtful, in milliseconds. */
const confirmWithin = 500
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
  private readonly sources: Sources
  private readonly unsettled: Unsettled
  private readonly former: FormerCluster

  private snapshot = Snapshot.empty
  private chosenDefault: ClusterNode | undefined
  private running: Deferred.Deferred<Snapshot.Snapshot, RedisClusterException> | undefined
  /** Whether a refresh was requested and has not begun. */
  private isWanted = false
  /** Whether a redirect has come since the last refresh began: the redirect may be newer than the answer. */
  private hasMoved = false
  /** The owners that redirects have named lately. An owner knows its slots before other nodes have learnt of them. */
  private readonly claims = new Claims()
  private loneAnswers = 0
  /** The addresses whose connection failed and has not come up since. */
  private readonly down = new Set<string>()
  /** The time of the last answer by a node of the cluster, in monotonic milliseconds. */
  private heardAt = Number.NEGATIVE_INFINITY
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
    this.sources = new Sources(this.inquiry, connections, options, this.random)
    this.former = new FormerCluster(this.inquiry, this.random)
    this.unsettled = new Unsettled(this.random)
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
    this.claims.add(slot, next.slots[slot]?.primary.address ?? addressOf(owner), this.now)
    if (next !== this.snapshot) {
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
    this.unsettled.looked()
    if (this.running === undefined) this.start({ detailed: true, troubled: false })
    else this.lookAgain()
  }

  /** Notes that a node that was down answers. It may have another role now, and the servers need a moment to notice. */
  private cameBack(node: ClusterNode): void {
    if (this.closed) return
    this.renew()
    this.unsettled.cameBack(this.snapshot, node)
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
    if (this.unsettled.isEmpty && !this.former.isRemembered) return
    const pause = this.unsettled.nextPause()
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
      this.unsettled.changed(previous, next, (node) => this.sources.isUp(node))
      // Requests that failed since then are sent by the new map first.
      this.isWanted &&= this.hasMoved
      this.replace(next)
      this.renew()
    } else {
      this.pace.fruitless()
    }
    this.unsettled.settledBy(next)
    this.connections.retain(next.nodes)
    this.endSilent(next)
    for (const address of this.down) if (!next.nodes.has(address)) this.down.delete(address)
    this.failedNodes.watch([...next.nodes.values()].filter((node) => node.health === "fail" && !isServing(next, node)))
    return this.snapshot
  }

  /** Ends the silent connections to nodes that the servers have replaced: no command waits there for its own deadline. */
  private endSilent(map: Snapshot.Snapshot): void {
    for (const node of map.nodes.values()) {
      if (node.health !== "fail" || isServing(map, node)) continue
      for (const connection of this.connections.all()) {
        if (connection.address !== node.address || !connection.isSilent) continue
        connection.reset("it is silent, and the servers have marked its node as failed")
      }
    }
  }

  private replace(next: Snapshot.Snapshot): void {
    const previous = this.snapshot
    this.snapshot = next
    PubSub.publishUnsafe(this.published, next)
    this.onChange.tell(previous, next)
  }

  private readonly fetch = Effect.fnUntraced(function*(this: LiveTopology, reason: Reason) {
    const refusals: Array<Refusal> = []
    const known = this.snapshot
    const isFirst = known.shards.length === 0
    const timeout = isFirst ? this.options.connectTimeout : this.options.commandTimeout
    const wish: Wish = { ...reason, known, timeout }
    const recentClaims = () => this.claims.since(this.now)
    const facts: Facts = {
      known,
      isUp: (node) => this.sources.isUp(node),
      // A redirect that comes while a node is asked knows more than its answer.
      get claims() {
        return recentClaims()
      }
    }
    const find = Effect.scoped(Effect.gen({ self: this }, function*() {
      const returned = yield* this.former.ask(this.current, Math.min(timeout, confirmWithin))
      if (returned !== undefined) return { answer: returned, isLone: false, strangers: [] }
      return yield* survey({
        first: yield* this.sources.known({
          snapshot: this.snapshot,
          claimant: [...facts.claims.values()].at(-1),
          fruitless: this.pace.fruitlessAnswers,
          down: this.down
        }, wish),
        seeds: this.sources.seeds(wish),
        witness: (node) => this.sources.ofNode(this.snapshot, node, wish),
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
      this.pace.fruitless()
      return yield* Effect.fail(noReachableNode(refusals))
    }
    this.former.remember(known)
    this.unsettled.lookSoon()
    return stranger
  })
}
