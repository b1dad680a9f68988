/** `top`: the load of the nodes, drawn again in its place or printed once. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { ClusterClient, HashSlot } from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import * as Sample from "../keyspace/Sample.ts"
import * as Sizes from "../keyspace/Sizes.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import * as Live from "../output/Live.ts"
import * as Progress from "../output/Progress.ts"
import { Screen } from "../output/Screen.ts"
import * as Table from "../output/Table.ts"
import { bytes, visibleBytes } from "../output/text.ts"
import type { Observation } from "../sampler/Observation.ts"
import { Sampler, type SamplerOptions } from "../sampler/Sampler.ts"
import { footOf, lines, type Order, orderNames, orderOfKey } from "../top/Report.ts"
import { intervalFlag } from "./View.ts"

/** The rounds within which each node that answers should have answered twice. */
const mostRounds = 10

/** Whether there is nothing more to wait for: rates need two answers. */
const isMeasured = ({ nodes, round }: Observation): boolean =>
  round >= 2 && (round >= mostRounds || nodes.every(({ rates, state }) => rates !== undefined || state === "silent"))

const measured = Effect.fnUntraced(function*(options: SamplerOptions) {
  const found = yield* Sampler.observations.pipe(
    Stream.filter(isMeasured),
    Stream.runHead,
    Effect.provide(Sampler.layer({ ...options, slotsPerRound: HashSlot.slotCount }))
  )
  return found._tag === "Some" ? found.value : yield* Effect.interrupt
})

const keysShown = 10

/** The biggest keys of a random sample. */
const biggestKeys = Effect.fnUntraced(function*(wanted: number) {
  const redis = yield* ClusterClient
  const show = yield* Progress.make("Sampling")
  const { nodes } = yield* Sizes.ask(redis, false)
  const tally = new Sample.Tally(keysShown)
  const primaries = nodes.filter(({ node }) => node.role === "primary")
  yield* Sample.sample(redis, primaries, wanted, tally, show)
  return tally.biggest
}, Effect.scoped)

const keyTable = (keys: ReadonlyArray<Sample.SampledKey>): Table.Table => ({
  columns: [{ title: "BIG KEY", least: 12 }, { title: "TYPE" }, { title: "SIZE", align: "right" }],
  rows: keys.map((each) => [visibleBytes(each.key), each.type, each.bytes === undefined ? "?" : bytes(each.bytes)])
})

const textOfKeys = (keys: ReadonlyArray<Sample.SampledKey>) =>
  keys.map((each) => ({ key: visibleBytes(each.key), type: each.type, bytes: each.bytes }))

/** Draws each observation until the user quits. */
const follow = Effect.fnUntraced(
  function*(options: SamplerOptions, first: Order, keys: ReadonlyArray<Sample.SampledKey>) {
    const { paint } = yield* Screen
    const order = yield* SubscriptionRef.make(first)
    const pictureOf = (observation: Observation, order: Order): Live.Picture => ({ columns, rows }) => {
      const big = keys.length === 0 ? [] : ["", ...Table.lines(keyTable(keys), columns, paint)]
      const body = lines(observation, { order, paint, width: columns, height: Math.max(8, rows - 2 - big.length) })
      return [...body, ...big, "", footOf(order, paint)]
    }
    const pictures = Stream.zipLatest(Sampler.observations, SubscriptionRef.changes(order)).pipe(
      Stream.map(([observation, order]) => pictureOf(observation, order))
    )
    yield* Live.show(pictures, ({ key }) => {
      const chosen = orderOfKey(key.name)
      return chosen === undefined ? Effect.void : SubscriptionRef.set(order, chosen)
    }).pipe(Effect.provide(Sampler.layer(options)))
  }
)

export const top = Command.make(
  "top",
  {
    once: Flag.Boolean("once").pipe(
      Flag.withDescription("Prints one measurement and ends, as it does without a terminal"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    sort: Flag.Literals("sort", orderNames).pipe(
      Flag.withDescription("The order of the nodes (default: shard)"),
      Flag.withDefault<Order>("shard")
    ),
    interval: intervalFlag,
    sampleKeys: Flag.Int("sample-keys").pipe(
      Flag.withMetavar("number"),
      Flag.withDescription("Looks for big keys in a random sample of so many keys first (default: 0)"),
      Flag.withDefault(0)
    ),
    json: jsonFlag,
    connecting: Connecting.withUrls
  },
  Effect.fnUntraced(function*({ interval, json, once, sampleKeys, sort }) {
    const screen = yield* Screen
    const keys = sampleKeys > 0 ? yield* biggestKeys(sampleKeys) : []
    if (!once && !json && screen.isTerminal) return yield* follow({ interval }, sort, keys)
    const observation = yield* measured({ interval: Duration.min(interval, Duration.seconds(5)) })
    if (json) {
      return yield* screen.printJson({ ...observation, ...(sampleKeys > 0 ? { bigKeys: textOfKeys(keys) } : {}) })
    }
    const width = yield* screen.width
    yield* screen.print(lines(observation, { order: sort, paint: screen.paint, width }).join("\n"))
    if (keys.length > 0) {
      yield* screen.print("")
      yield* screen.printTable(keyTable(keys))
    }
  })
).pipe(
  Command.withDescription(
    "Shows the load of each node: commands, latency, memory, hits, lag; hot slots and slow commands"
  ),
  Command.withExamples([
    { command: "effect-redis-cluster top localhost:7000", description: "Live; keys of the keyboard sort, q quits" },
    { command: "effect-redis-cluster top --once --sort memory localhost:7000", description: "One measurement" },
    {
      command: "effect-redis-cluster top --once --sample-keys 10000 localhost:7000",
      description: "With the biggest keys of a sample"
    }
  ]),
  Connecting.connected
)
