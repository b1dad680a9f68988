/**
 * What is found out about the nodes that serve reads, off the path of the reads: whether they are fast, in which zone
 * they are, how far they lag behind. It begins with the first read that is not bound to the primary.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Command } from "../../commands/Command.ts"
import { query, question } from "../../connection/Query.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"
import type { ReadNode, ReadNodes, ShardReadNodes } from "./ReadNodes.ts"

const ping = question("PING")
const infoServer = question("INFO", "server")
const infoReplication = question("INFO", "replication")

/** The time between two rounds, in milliseconds. */
const roundTime = 1000
/** How long one node may take to answer, in milliseconds. */
const patience = 1000

const lineOf = (info: unknown, name: string): string | undefined =>
  typeof info === "string" ? new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] : undefined

const offsetOf = (info: unknown, name: string): number | undefined => {
  const line = lineOf(info, name)
  return line === undefined ? undefined : Number(line)
}

const streamOf = (info: unknown): string | undefined => lineOf(info, "master_replid")

/** Where the primary's replication stream was, at the latest, at a time. */
interface Mark {
  readonly at: number
  readonly offset: number
}

/** Whoever has received a primary's stream up to a mark has everything that was written before its time. */
class Marks {
  private stream: string | undefined
  private marks: ReadonlyArray<Mark> = []

  add(stream: string | undefined, at: number, offset: number): void {
    if (stream !== this.stream) this.marks = []
    this.stream = stream
    // Of several marks at the same place the latest says the most.
    this.marks = [...this.marks.filter((mark) => mark.offset < offset), { at, offset }].slice(-marksKept)
  }

  passedBy(stream: string | undefined, offset: number): number | undefined {
    return stream === this.stream ? this.marks.findLast((mark) => mark.offset <= offset)?.at : undefined
  }
}

const marksKept = 64

/**
 * @category models
 * @since 0.1.0
 */
export class ReadProbes {
  private readonly readers: ReadNodes
  private readonly snapshot: () => Snapshot
  private readonly clock: Clock.Clock
  private readonly runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly marks = new WeakMap<ShardReadNodes, Marks>()
  private running = false
  private lagTime = Number.POSITIVE_INFINITY
  private measuring: Fiber.Fiber<void> | undefined

  constructor(
    readers: ReadNodes,
    snapshot: () => Snapshot,
    clock: Clock.Clock,
    runFork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  ) {
    this.readers = readers
    this.snapshot = snapshot
    this.clock = clock
    this.runFork = runFork
  }

  /** A read is made by a policy that bounds the lag, or does not. */
  begin(maxLag: number | undefined): void {
    if (!this.running) {
      this.running = true
      this.runFork(Effect.forever(Effect.andThen(this.tend, Effect.sleep(roundTime))))
    }
    const time = maxLag === undefined ? Number.POSITIVE_INFINITY : Math.min(maxLag / 4, roundTime)
    if (time >= this.lagTime) return
    this.lagTime = time
    this.measuring?.interruptUnsafe()
    this.measuring = this.runFork(Effect.forever(Effect.andThen(this.measure, Effect.sleep(time))))
  }

  private get shards(): ReadonlyArray<ShardReadNodes> {
    return this.readers.known(this.snapshot())
  }

  private readonly tend: Effect.Effect<void> = Effect.suspend(() => {
    this.readers.retain(this.snapshot())
    return Effect.forEach(this.shards.flatMap(({ all }) => all), (reader) => this.look(reader), {
      concurrency: "unbounded",
      discard: true
    })
  })

  private look(reader: ReadNode): Effect.Effect<void> {
    return Effect.suspend(() => {
      reader.forgive()
      const { latency } = reader.connection
      const isQuiet = latency.count === reader.samplesSeen
      reader.samplesSeen = latency.count
      if (reader.zone === undefined && reader.toldZone === undefined) {
        return Effect.map(this.ask(reader, infoServer), (info) => {
          if (typeof info === "string") reader.toldZone = lineOf(info, "availability_zone") ?? ""
        })
      }
      return isQuiet ? Effect.asVoid(this.time(reader)) : Effect.void
    })
  }

  /** The connection times but a sample of what it carries. */
  private time(reader: ReadNode): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { connection } = reader
      const sentAt = monotonicMillis(this.clock)
      return query(connection, ping, patience).pipe(
        Effect.map(() => connection.latency.add(monotonicMillis(this.clock) - sentAt)),
        Effect.ignore
      )
    })
  }

  private ask(reader: ReadNode, command: Command<unknown>): Effect.Effect<unknown> {
    return Effect.orElseSucceed(query(reader.connection, command, patience), () => undefined)
  }

  private readonly measure: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.shards, (shard) => this.measureShard(shard), { concurrency: "unbounded", discard: true })
  )

  /** First where the primary is, then which of its marks the replicas have passed. */
  private measureShard(shard: ShardReadNodes): Effect.Effect<void> {
    const marks = this.marks.get(shard) ?? new Marks()
    this.marks.set(shard, marks)
    const [primary, ...replicas] = shard.all
    return Effect.suspend(() => {
      const askedAt = monotonicMillis(this.clock)
      return Effect.flatMap(this.ask(primary, infoReplication), (info) => {
        const offset = offsetOf(info, "master_repl_offset")
        // What is not a primary any more has no stream of its own.
        if (offset !== undefined && lineOf(info, "role") === "master") marks.add(streamOf(info), askedAt, offset)
        return Effect.forEach(replicas, (reader) =>
          Effect.map(this.ask(reader, infoReplication), (info) => {
            const offset = offsetOf(info, "slave_repl_offset")
            const passed = offset === undefined ? undefined : marks.passedBy(streamOf(info), offset)
            if (passed !== undefined) reader.freshUntil = Math.max(reader.freshUntil, passed)
          }), { concurrency: "unbounded", discard: true })
      })
    })
  }
}
