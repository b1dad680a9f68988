/**
 * Programs that run from the beginning of a chaos run to its end: a consumer of streams, subscribers, and scans one after
 * the other.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { SubscriptionEvent } from "../../src/pubsub/SubscriptionEvent.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { until } from "../harness/Waiting.ts"
import type { KeptState } from "./KeptState.ts"
import type { Deliveries, Departure, OwnerLoss, Scan } from "./Laws.ts"
import * as Laws from "./Laws.ts"
import type { Recorder } from "./Workers.ts"

type Given = Deliveries["given"][number]
type Gap = Deliveries["gaps"][number]

/** The deliveries to one resident, by the tag of the family. */
class Inbox {
  private readonly given = new Map<string, Array<Given>>()
  private readonly gaps = new Map<string, Array<Gap>>()
  /** When something was last heard. */
  private readonly heardAt = new Map<string, number>()
  /** Since when what is about it may have been missed: its subscription ended with an error. */
  private readonly leftAt = new Map<string, number>()

  give(tag: string, text: string, redelivered: boolean): void {
    this.heardAt.set(tag, Date.now())
    const given = this.given.get(tag)
    if (given === undefined) this.given.set(tag, [{ text, redelivered }])
    else given.push({ text, redelivered })
  }

  miss(tag: string, { from, to }: Gap): void {
    this.gaps.set(tag, [...this.gaps.get(tag) ?? [], { from, to }])
  }

  /** Messages that were published before a subscription is live are not promised. */
  begin(tag: string): void {
    const from = this.gaps.has(tag) ? this.leftAt.get(tag) : 0
    if (from !== undefined) this.miss(tag, { from, to: Date.now() })
    this.leftAt.delete(tag)
  }

  /** Nobody listens any more until it begins again. */
  leave(tag: string): void {
    if (this.gaps.has(tag) && !this.leftAt.has(tag)) this.leftAt.set(tag, this.heardAt.get(tag) ?? 0)
  }

  /** Whether those who listen are live for all of these, or have been. */
  hasBegun(tags: ReadonlyArray<string>): boolean {
    return tags.every((tag) => this.gaps.has(tag))
  }

  of(tag: string): Deliveries {
    return { given: this.given.get(tag) ?? [], gaps: this.gaps.get(tag) ?? [] }
  }

  /** How much was given, and how many gaps were told. */
  get sizes(): readonly [given: number, gaps: number] {
    const sum = (all: ReadonlyMap<string, ReadonlyArray<unknown>>) => Array.from(all.values()).flat().length
    return [sum(this.given), sum(this.gaps)]
  }
}

/** The deliveries to the residents, and their ends. */
export class Residents {
  /** Of the streams. */
  readonly entries = new Inbox()
  /** Of the shard channels. */
  readonly messages = new Inbox()
  /** Of the channels of the whole cluster, by their names and by a pattern. */
  readonly news = new Inbox()
  readonly matched = new Inbox()
  readonly departures: Array<Departure> = []
  readonly scans: Array<Scan> = []
  readonly ownerLosses: Array<OwnerLoss> = []

  /** How much each of them did, and how many gaps were told. */
  get sizes(): Readonly<Record<string, number>> {
    const inboxes = [this.entries, this.messages, this.news, this.matched]
    const [entries, messages, news, matched] = inboxes.map(({ sizes: [given] }) => given)
    const gaps = inboxes.reduce((sum, { sizes: [, gaps] }) => sum + gaps, 0)
    return { scans: this.scans.length, entries, messages, news, matched, gaps }
  }
}

/** Writes down when the map of the client has no owner any more for slots. */
const watchMap = (redis: ClusterClientShape, { ownerLosses }: Residents) =>
  Stream.runForEach(redis.events, (event) =>
    Effect.sync(() => {
      if (event._tag !== "SlotsMoved" || event.to !== undefined) return
      const slots = event.slots.reduce((sum, { end, start }) => sum + end - start + 1, 0)
      ownerLosses.push({ at: Date.now(), slots })
    }))

const tagOf = (key: string): string => /^(?:\{|news:)([^}]*)/.exec(key)?.[1] ?? ""

export const streamOf = (tag: string) => `{${tag}}:stream`
/** A shard channel. */
export const channelOf = (tag: string) => `{${tag}}:channel`
/** A channel of the whole cluster, which is of no shard. */
export const newsOf = (tag: string) => `news:${tag}`

/** Keys that are there from before the run until its end. */
const stableKeysOf = (tag: string) => [1, 2, 3, 4].map((i) => `{${tag}}:stable:${i}`)
const membersKeyOf = (tag: string) => `{${tag}}:members`
const members = Array.from({ length: 150 }, (_, i) => `member-${i}`)

const consume = (redis: ClusterClientShape, tags: ReadonlyArray<string>, { entries }: Residents) =>
  redis.consume({
    streams: tags.map(streamOf),
    group: "group",
    consumer: "consumer",
    create: "all",
    block: "200 millis"
  }).pipe(
    Stream.mapEffect((entry) => {
      entries.give(tagOf(entry.stream), entry.fields["text"] ?? "", entry.redelivered)
      return Effect.ignore(entry.acknowledge)
    }, { concurrency: 8 }),
    Stream.runDrain
  )

/** `tagsOf` says which families a topic is about: a channel is about its own, a pattern about all that it matches. */
const listen = (
  events: Stream.Stream<SubscriptionEvent, RedisClusterException>,
  inbox: Inbox,
  tagsOf: (topic: string) => ReadonlyArray<string> = (topic) => [tagOf(topic)]
) =>
  Stream.runForEach(events, (event) =>
    Effect.sync(() => {
      if (event._tag === "Message") return inbox.give(tagOf(event.channel), event.payload, false)
      for (const tag of event.channels.flatMap(tagsOf)) {
        if (event._tag === "Gap") inbox.miss(tag, event)
        else inbox.begin(tag)
      }
    }))

/** Listens again when the user lost the right to, and the error has said so. */
const listenOn = (
  program: Effect.Effect<void, RedisClusterException>,
  { departures }: Residents,
  inbox: Inbox,
  who: string,
  tags: ReadonlyArray<string>
) =>
  program.pipe(
    Effect.tapError((error) =>
      Effect.suspend(() => {
        if (!Laws.isRefusal(error)) return Effect.void
        departures.push({ who, at: Date.now(), error })
        for (const tag of tags) inbox.leave(tag)
        return Effect.sleep(50)
      })
    ),
    Effect.retry({ while: Laws.isRefusal })
  )

/** Writes down what a scan finds of what it should, and how it ends. */
const scanned = (
  residents: Residents,
  facts: Pick<Scan, "what" | "expected" | "patience">,
  stream: Stream.Stream<string, RedisClusterException>
) =>
  Effect.suspend(() => {
    const started = Date.now()
    const found = new Set<string>()
    const record = (error?: RedisClusterException) =>
      Effect.sync(() => void residents.scans.push({ ...facts, found, took: Date.now() - started, error }))
    return stream.pipe(
      // Unhurried, so that what happens does so in the middle of it.
      Stream.runForEachArray((page) => {
        for (const one of page) found.add(one)
        return Effect.sleep(50)
      }),
      Effect.matchEffect({ onFailure: record, onSuccess: () => record() })
    )
  })

const scan = (redis: ClusterClientShape, recorder: Recorder, tags: ReadonlyArray<string>, residents: Residents) => {
  const ofKeys = { what: "a scan of the keys", expected: tags.flatMap(stableKeysOf), patience: 10_000 }
  // A page is a command, and has the patience of one.
  const ofSet = { what: "a scan of a set", expected: members, patience: 2000 }
  // All tags of a run begin alike.
  const match = `{${tags[0][0]}*}:stable:*`
  const again = (round: (i: number) => Effect.Effect<void>) => {
    let rounds = 0
    return Effect.whileLoop({ while: () => recorder.isRunning, body: () => round(rounds++), step: () => {} })
  }
  const keys = () => scanned(residents, ofKeys, redis.scanStream({ match, count: 20, patience: ofKeys.patience }))
  const set = (i: number) => {
    const key = membersKeyOf(tags[i % tags.length])
    return scanned(residents, ofSet, redis.sscanStream(key, { count: 20 }))
  }
  return Effect.all([again(keys), again(set), again((i) => set(i + tags.length / 2))], {
    concurrency: "unbounded",
    discard: true
  })
}

/** Starts them; `finish` waits until what was written has had its time to arrive, and ends them. */
export const start = Effect.fnUntraced(function*(
  redis: ClusterClientShape,
  recorder: Recorder,
  tags: ReadonlyArray<string>,
  kept: KeptState
) {
  const residents = new Residents()
  for (const key of tags.flatMap(stableKeysOf)) yield* redis.set(key, key)
  for (const tag of tags) yield* redis.sadd(membersKeyOf(tag), members)

  const stay = (who: string, program: Effect.Effect<void, RedisClusterException>) =>
    Effect.forkChild(
      Effect.catch(
        program,
        (error) => Effect.sync(() => void residents.departures.push({ who, at: Date.now(), error }))
      )
    )
  const stayListening = (who: string, inbox: Inbox, program: Effect.Effect<void, RedisClusterException>) =>
    stay(who, listenOn(program, residents, inbox, who, tags))
  const { matched, messages, news } = residents
  const staying = yield* Effect.all([
    stay("the consumer", consume(redis, tags, residents)),
    stay("the watcher of the map", watchMap(redis, residents)),
    stay("the stream of changes", kept.follow(tags.map((tag) => `{${tag}}:outside:`))),
    stayListening(
      "the shard subscription",
      messages,
      listen(redis.subscribeEvents({ shardChannels: tags.map(channelOf) }), messages)
    ),
    stayListening("the subscription", news, listen(redis.subscribeEvents(tags.map(newsOf)), news)),
    stayListening(
      "the pattern subscription",
      matched,
      listen(redis.subscribeEvents({ patterns: newsOf(`${tags[0][0]}*`) }), matched, () => tags)
    )
  ])
  yield* until(
    "the subscriptions are live",
    () => kept.isLive && [messages, news, matched].every((inbox) => inbox.hasBegun(tags))
  )
  const scanning = yield* Effect.forkChild(scan(redis, recorder, tags, residents))
  const arrived = () =>
    tags.every((tag) => {
      const seen = new Set(residents.entries.of(tag).given.map(({ text }) => text))
      return recorder.calls.every((call) =>
        call.key !== streamOf(tag) || call.ending !== "ok" || seen.has(call.argument ?? "")
      )
    })
  return {
    residents,
    finish: Effect.gen(function*() {
      yield* Fiber.join(scanning)
      for (let waited = 0; waited < 5000 && !arrived(); waited += 100) yield* Effect.sleep(100)
      yield* Fiber.interruptAll(staying)
    })
  }
})
