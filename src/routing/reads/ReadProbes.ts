/**
 * Measures the nodes that serve reads, off the path of the reads: the latency, the zone and the lag of each. The
 * measurements begin with the first read that is not bound to the primary, and end when there are no such reads any
 * more.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Command } from "../../commands/Command.ts"
import { ping, query, question } from "../../connection/Query.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"
import { LagBounds } from "./LagBounds.ts"
import type { ReadNode } from "./ReadNode.ts"
import type { ReadNodes, ShardReadNodes } from "./ReadNodes.ts"
import { ReplicationMarks } from "./ReplicationMarks.ts"

const infoServer = question("INFO", "server")
const infoReplication = question("INFO", "replication")

/** The time between two rounds, in milliseconds. */
const roundTime = 1000
/** The rounds end after so many of them without a read. */
const quietRounds = 10
/** The time in which a node has to answer, in milliseconds. */
const patience = 1000

const lineOf = (info: unknown, name: string): string | undefined =>
  typeof info === "string" ? new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] : undefined

const offsetOf = (info: unknown, name: string): number | undefined => {
  const line = lineOf(info, name)
  return line === undefined ? undefined : Number(line)
}

const streamOf = (info: unknown): string | undefined => lineOf(info, "master_replid")

const each = { concurrency: "unbounded", discard: true } as const

export class ReadProbes {
  private readonly nodes: ReadNodes
  private readonly snapshot: () => Snapshot
  private readonly clock: Clock.Clock
  private readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly marks = new WeakMap<ShardReadNodes, ReplicationMarks>()
  private readonly bounds = new LagBounds(roundTime)
  /** The number of rounds without a read; `undefined` while there are no rounds. */
  private quiet: number | undefined
  private measuring: Fiber.Fiber<void> | undefined

  constructor(
    nodes: ReadNodes,
    snapshot: () => Snapshot,
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  ) {
    this.nodes = nodes
    this.snapshot = snapshot
    this.clock = clock
    this.runFork = runFork
  }

  /** Notes a read by a policy. `maxLag` is its bound on the lag, in milliseconds, if it has one. */
  begin(maxLag: number | undefined): void {
    if (this.quiet === undefined) {
      this.quiet = 0
      this.runFork(this.rounds)
    } else {
      this.quiet = 0
    }
    if (maxLag === undefined || !this.bounds.ask(maxLag, this.now)) return
    // The present pause may be too long for the new bound.
    this.measuring?.interruptUnsafe()
    this.measuring = this.runFork(this.measurements)
  }

  private readonly now = (): number => monotonicMillis(this.clock)

  private get shards(): ReadonlyArray<ShardReadNodes> {
    return this.nodes.known(this.snapshot())
  }

  private readonly rounds: Effect.Effect<void> = Effect.suspend(() => {
    if (this.quiet === undefined || this.quiet >= quietRounds) {
      this.quiet = undefined
      return Effect.void
    }
    this.quiet++
    return Effect.andThen(this.probeAll, Effect.andThen(Effect.sleep(roundTime), this.rounds))
  })

  private readonly probeAll: Effect.Effect<void> = Effect.suspend(() => {
    this.nodes.retain(this.snapshot())
    return Effect.forEach(this.shards.flatMap(({ all }) => all), (node) => this.probe(node), each)
  })

  private probe(node: ReadNode): Effect.Effect<void> {
    return Effect.suspend(() => {
      node.forgive()
      const { latency } = node.connection
      const isQuiet = latency.count === node.samplesSeen
      node.samplesSeen = latency.count
      if (node.zone === undefined && node.toldZone === undefined) return this.askForZone(node)
      return isQuiet ? this.measureLatency(node) : Effect.void
    })
  }

  private askForZone(node: ReadNode): Effect.Effect<void> {
    return Effect.map(this.ask(node, infoServer), (info) => {
      if (typeof info === "string") node.toldZone = lineOf(info, "availability_zone") ?? ""
    })
  }

  /**
   * Measures the latency of a node with a PING. Its connection measures only a sample of the commands, and nothing
   * without commands.
   */
  private measureLatency(node: ReadNode): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { connection } = node
      const sentAt = this.now()
      return query(connection, ping, patience).pipe(
        Effect.map(() => connection.latency.add(this.now() - sentAt)),
        Effect.ignore
      )
    })
  }

  private ask(node: ReadNode, command: Command<unknown>): Effect.Effect<unknown> {
    return Effect.orElseSucceed(query(node.connection, command, patience), () => undefined)
  }

  private readonly measurements: Effect.Effect<void> = Effect.suspend(() => {
    this.bounds.look(this.now())
    const { pause } = this.bounds
    if (pause === undefined) return Effect.void
    return Effect.andThen(
      Effect.forEach(this.shards, (shard) => this.measureLag(shard), each),
      Effect.andThen(Effect.sleep(pause), this.measurements)
    )
  })

  /** Asks the primary for its offset first, and then the replicas for theirs. */
  private readonly measureLag = Effect.fnUntraced({ self: this }, function*(shard: ShardReadNodes) {
    const marks = this.marks.get(shard) ?? new ReplicationMarks()
    this.marks.set(shard, marks)
    const [primary, ...replicas] = shard.all
    const askedAt = this.now()
    const info = yield* this.ask(primary, infoReplication)
    const offset = offsetOf(info, "master_repl_offset")
    // Only a primary has a replication stream of its own.
    if (offset !== undefined && lineOf(info, "role") === "master") {
      marks.add(streamOf(info), askedAt, offset, this.bounds.longest)
    }
    yield* Effect.forEach(replicas, (replica) => this.measureReplica(replica, marks), each)
  })

  private readonly measureReplica = Effect.fnUntraced(
    { self: this },
    function*(replica: ReadNode, marks: ReplicationMarks) {
      const info = yield* this.ask(replica, infoReplication)
      const offset = offsetOf(info, "slave_repl_offset")
      const passed = offset === undefined ? undefined : marks.passedBy(streamOf(info), offset)
      if (passed !== undefined) replica.freshUntil = Math.max(replica.freshUntil, passed)
    }
  )
}
