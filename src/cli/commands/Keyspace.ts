/** `keyspace`: the number of keys on each node, their types, and the biggest of them. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { ClusterClient, HashSlot } from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import * as Sample from "../keyspace/Sample.ts"
import * as Sizes from "../keyspace/Sizes.ts"
import { ExitCode, verdict } from "../output/Failure.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import * as Progress from "../output/Progress.ts"
import { Screen, type ScreenShape } from "../output/Screen.ts"
import { bytes, count, duration, textOf, visibleBytes } from "../output/text.ts"

const share = (part: number, whole: number): string => whole === 0 ? "" : `${Math.round(part / whole * 100)}%`

const printSizes = Effect.fnUntraced(function*(screen: ScreenShape, { nodes }: Sizes.Sizes) {
  const primaries = nodes.filter(({ node }) => node.role === "primary")
  const sum = (f: (size: Sizes.NodeSize) => number) => primaries.reduce((total, size) => total + f(size), 0)
  const row = (name: string, role: string, keys: number, expires: number, ttl: number, memory: number) => [
    name,
    role,
    count(keys),
    count(expires),
    share(expires, keys),
    ttl === 0 ? "" : duration(ttl),
    bytes(memory)
  ]
  yield* screen.printTable({
    columns: [
      { title: "NODE" },
      { title: "ROLE" },
      { title: "KEYS", align: "right" },
      { title: "WITH EXPIRY", align: "right" },
      { title: "", align: "right" },
      { title: "MEAN TTL", align: "right" },
      { title: "MEMORY", align: "right" }
    ],
    rows: [
      ...nodes.map(({ averageTtl, expires, keys, node, usedMemory }) =>
        row(node.address, node.role, keys, expires, averageTtl, usedMemory)
      ),
      row(
        "total",
        "primaries",
        sum(({ keys }) => keys),
        sum(({ expires }) => expires),
        0,
        sum(({ usedMemory }) => usedMemory)
      )
        .map((text) => ({ text, style: "bold" as const }))
    ]
  })
})

const printTally = Effect.fnUntraced(
  function*(screen: ScreenShape, tally: Sample.Tally, total: number, isWhole: boolean) {
    const isSized = tally.sized > 0
    yield* screen.print("")
    yield* screen.print(
      screen.paint.dim(
        isWhole
          ? `All ${count(tally.keys)} keys:`
          : `A sample of ${count(tally.keys)} of ${count(total)} keys; --full looks at all of them:`
      )
    )
    yield* screen.printTable({
      columns: [
        { title: "TYPE" },
        { title: isWhole ? "KEYS" : "SHARE", align: "right" },
        { title: "WITH EXPIRY", align: "right" },
        { title: "MEAN SIZE", align: "right" },
        { title: "OF MEMORY", align: "right" }
      ],
      rows: tally.types.map((type) => [
        type.type,
        isWhole ? count(type.keys) : share(type.keys, tally.keys),
        share(type.withExpiry, type.keys),
        isSized ? bytes(type.bytes / type.keys) : "?",
        isSized ? share(type.bytes, tally.bytes) : "?"
      ])
    })
    if (!isSized) {
      return yield* screen.note("The servers do not tell the sizes of keys: the user may not run MEMORY USAGE")
    }
    yield* screen.print("")
    yield* screen.printTable({
      columns: [
        { title: isWhole ? "BIGGEST KEYS" : "BIGGEST KEYS OF THE SAMPLE", least: 16 },
        { title: "TYPE" },
        { title: "SIZE", align: "right" },
        { title: "SLOT", align: "right" },
        { title: "TTL", align: "right" }
      ],
      rows: tally.biggest.map(({ bytes: size = 0, key, ttl, type }) => [
        visibleBytes(key),
        type,
        bytes(size),
        `${HashSlot.ofKey(key)}`,
        ttl === undefined ? "" : duration(ttl)
      ])
    })
  }
)

const toJson = ({ failed, nodes }: Sizes.Sizes, tally: Sample.Tally, isWhole: boolean): unknown => ({
  nodes: nodes.map(({ node, ...size }) => ({ node: node.address, role: node.role, ...size })),
  failed: failed.map(({ error, node }) => ({ node: node.address, error: error.message })),
  sample: {
    isWhole,
    keys: tally.keys,
    types: tally.types,
    biggest: tally.biggest.map(({ bytes, key, ttl, type }) => ({
      ...(textOf(key) === undefined ? { keyBase64: Buffer.from(key).toString("base64") } : { key: textOf(key) }),
      slot: HashSlot.ofKey(key),
      type,
      bytes,
      ttl
    }))
  }
})

const whole = (name: string): Flag.Flag<number> =>
  Flag.Int(name).pipe(Flag.filter((value) => value >= 0, () => "Expected a number of at least 0"))

export const keyspace = Command.make(
  "keyspace",
  {
    connecting: Connecting.withUrls,
    sample: whole("sample").pipe(
      Flag.withMetavar("keys"),
      Flag.withDescription("The number of random keys that are looked at (default: 1000); 0 for none"),
      Flag.withDefault(1000)
    ),
    full: Flag.Boolean("full").pipe(
      Flag.withDescription("Looks at all keys in place of a sample, which takes long for many"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    top: whole("top").pipe(
      Flag.withMetavar("keys"),
      Flag.withDescription("The number of biggest keys that are shown (default: 10)"),
      Flag.withDefault(10)
    ),
    replicas: Flag.Boolean("replicas").pipe(
      Flag.withDescription("Shows the replicas as well"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function*({ full, json, replicas, sample, top }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    const sizes = yield* Sizes.ask(redis, replicas)
    const primaries = sizes.nodes.filter(({ node }) => node.role === "primary")
    const total = primaries.reduce((sum, { keys }) => sum + keys, 0)
    const tally = new Sample.Tally(top)
    // A random sample of few keys would have some of them twice, and others never.
    const isWhole = full || (sample > 0 && sample >= total)
    if (!json) yield* printSizes(screen, sizes)
    for (const { error, node } of sizes.failed) {
      yield* screen.note(`${screen.paint.red("error")}: ${node.address}: ${error.message}`)
    }
    yield* Effect.gen(function*() {
      const show = yield* Progress.make(isWhole ? "all keys" : "sample")
      yield* isWhole ? Sample.all(redis, tally, show) : Sample.sample(redis, primaries, sample, tally, show)
    }).pipe(Effect.scoped)
    if (json) yield* screen.printJson(toJson(sizes, tally, isWhole))
    else if (tally.keys > 0) yield* printTally(screen, tally, total, isWhole)
    if (sizes.failed.length > 0) return yield* verdict(ExitCode.problem)
  })
).pipe(
  Command.withDescription("Shows how many keys each node has, their types, and the biggest of them"),
  Command.withExamples([
    { command: "effect-redis-cluster keyspace localhost:7000", description: "Numbers of keys, and a random sample" },
    { command: "effect-redis-cluster keyspace --sample 100000 localhost:7000", description: "A better sample" },
    {
      command: "effect-redis-cluster keyspace --full --top 50 --json localhost:7000",
      description: "Every key, for programs"
    }
  ]),
  Connecting.connected
)
