/** `topology`: the shards of a cluster as a table and a ring, live, or as a picture in a file. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type ClientEvent, ClusterClient, type ClusterClientShape, type Snapshot } from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import { type EventWords, type Tone, wordsOf } from "../output/EventWords.ts"
import { ExitCode, failure, verdict } from "../output/Failure.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import * as Live from "../output/Live.ts"
import type { Style } from "../output/Paint.ts"
import { Screen } from "../output/Screen.ts"
import { cut, visible } from "../output/text.ts"
import * as Facts from "../topology/Facts.ts"
import * as Mermaid from "../topology/Mermaid.ts"
import * as Report from "../topology/Report.ts"
import * as Svg from "../topology/Svg.ts"

/** The present facts. Each node is asked with a PING, on connections that are there already. */
const look = (redis: ClusterClientShape): Effect.Effect<Facts.Facts> =>
  Effect.gen(function*() {
    const report = yield* redis.health()
    return Facts.of(yield* redis.topology, report)
  })

const toJson = (facts: Facts.Facts): unknown => {
  const node = (of: Facts.ShownShard["primary"]) => {
    const seen = facts.healthOf(of)
    return {
      id: of.id,
      address: of.address,
      role: of.role,
      zone: of.zone,
      health: Facts.healthWord(facts, of),
      pingMillis: seen?.latency,
      cause: seen?.cause
    }
  }
  return {
    coveredSlots: facts.coveredSlots,
    shards: facts.shards.map(({ primary, ranges, replicas, slots }) => ({
      slots,
      ranges,
      primary: node(primary),
      replicas: replicas.map(node)
    })),
    withoutSlots: facts.idle.map(node)
  }
}

const timeOf = (millis: number): string => new Date(millis).toTimeString().slice(0, 8)

/** Whether the owners of all slots are there and answer. */
const isSound = (facts: Facts.Facts): boolean =>
  facts.coveredSlots === facts.owners.length &&
  facts.shards.every(({ primary }) => !["down", "fail"].includes(Facts.healthWord(facts, primary)))

interface Seen extends EventWords {
  readonly at: number
  readonly event: ClientEvent
}

/** The events of the cluster from now on, with their words. */
const happenings = (redis: ClusterClientShape): Stream.Stream<Seen> =>
  redis.events.pipe(
    Stream.mapEffect((event) => Effect.map(Clock.currentTimeMillis, (at) => ({ at, event, words: wordsOf(event) }))),
    Stream.filterMap(({ at, event, words }) =>
      words === undefined || words.tone === "quiet" ? Result.fail(event) : Result.succeed({ at, event, ...words })
    )
  )

const styles: Readonly<Record<Tone, Style>> = { good: "green", bad: "red", change: "cyan", quiet: "dim" }

const remembered = 200

/** Asks for the topology every second: a client without commands would notice a change a minute later. */
const followed = (redis: ClusterClientShape): Effect.Effect<never> =>
  Effect.forever(Effect.andThen(Effect.ignore(redis.refreshTopology), Effect.sleep("1 second")))

/** The report, drawn again after each event and each second, with the last events under it. */
const watch = Effect.fnUntraced(function*(redis: ClusterClientShape) {
  const screen = yield* Screen
  let seen: ReadonlyArray<Seen> = []
  let report = yield* redis.health()
  const picture = (snapshot: Snapshot.Snapshot): Live.Picture => {
    const facts = Facts.of(snapshot, report)
    return ({ columns, rows }) => {
      const lines = Report.lines(facts, columns, screen.paint)
      const room = Math.max(0, rows - lines.length - 2)
      const events = room === 0 ?
        [] :
        seen.slice(-room).map(({ at, text, tone }) =>
          `${screen.paint.dim(timeOf(at))} ${screen.paint[styles[tone]](cut(visible(text), columns - 9))}`
        )
      return [...lines.slice(0, rows - 1), ...(room === 0 ? [] : [""]), ...events, screen.paint.dim("q quits")]
    }
  }
  const happened = Stream.tap(happenings(redis), (one) =>
    Effect.sync(() => {
      seen = [...seen, one].slice(-remembered)
    }))
  const asked = Stream.tap(
    Stream.fromEffectSchedule(redis.health(), Schedule.spaced("1 second")),
    (next) =>
      Effect.sync(() => {
        report = next
      })
  )
  const changes = Stream.mergeAll<unknown, never, never>([redis.topologyChanges, happened, asked], {
    concurrency: "unbounded"
  })
  yield* Live.show(Stream.mapEffect(changes, () => Effect.map(redis.topology, picture)))
})

export const topology = Command.make(
  "topology",
  {
    connecting: Connecting.withUrls,
    watch: Flag.Boolean("watch").pipe(
      Flag.withAlias("w"),
      Flag.withDescription("Follows the cluster live; where the output is no terminal, a line for each event"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    svg: Flag.optional(
      Flag.String("svg").pipe(
        Flag.withMetavar("file"),
        Flag.withDescription("Writes a picture into a file")
      )
    ),
    mermaid: Flag.Boolean("mermaid").pipe(
      Flag.withDescription("Prints a diagram of Mermaid, for pages of Markdown"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ json, mermaid, svg, watch: isWatched }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    // The first PING of a node takes as long as dialling it.
    yield* redis.health()
    if (isWatched && (mermaid || Option.isSome(svg))) {
      return yield* failure("--watch shows the cluster in the terminal: leave out --svg and --mermaid")
    }
    if (isWatched) yield* Effect.forkScoped(followed(redis))
    if (isWatched && screen.isTerminal && !json) return yield* watch(redis)
    if (isWatched) {
      return yield* screen.printAll(Stream.map(happenings(redis), ({ at, event, text }) =>
        json
          ? JSON.stringify({ time: new Date(at).toISOString(), ...event })
          : `${new Date(at).toISOString()} ${visible(text)}`))
    }
    const facts = yield* look(redis)
    if (Option.isSome(svg)) {
      const files = yield* FileSystem.FileSystem
      yield* files.writeFileString(svg.value, Svg.text(facts))
      yield* screen.note(`The picture is in ${svg.value}`)
    }
    if (mermaid) yield* screen.write(Mermaid.text(facts))
    if (json) yield* screen.printJson(toJson(facts))
    if (!mermaid && !json && Option.isNone(svg)) {
      yield* screen.print(Report.lines(facts, yield* screen.width, screen.paint).join("\n"))
    }
    if (!isSound(facts)) return yield* verdict(ExitCode.problem)
  }, Effect.scoped)
).pipe(
  Command.withDescription("Shows the shards of a cluster: nodes, roles, slots, zones and health"),
  Command.withExamples([
    {
      command: "effect-redis-cluster topology localhost:7000",
      description: "The cluster of a node, as a ring and a table"
    },
    {
      command: "effect-redis-cluster topology --watch localhost:7000",
      description: "Slots that move and failovers, as they happen"
    },
    {
      command: "effect-redis-cluster topology --svg cluster.svg localhost:7000",
      description: "A picture for a page or a ticket"
    },
    { command: "effect-redis-cluster topology --json rediss://cache.example.com:6379", description: "For programs" }
  ]),
  Connecting.connected
)
