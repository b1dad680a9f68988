/**
 * A cluster in half a minute: its topology, keys in every slot, many keys at once, and what a program sees while slots
 * move and a primary dies.
 *
 *     npm run demo
 *
 * With `REDIS_CLUSTER_URL` it uses that cluster, and leaves out what would hurt it. With `npm run demo -- --view` a page
 * in the browser shows the cluster live, as `effect-redis-cluster view` does.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"
import { Sampler } from "../src/cli/sampler/Sampler.ts"
import { serve } from "../src/cli/view/ViewServer.ts"
import { ClusterClient, HashSlot, Snapshot } from "../src/index.ts"
import { RedisCluster, type RedisClusterOptions, type RedisNode } from "../test/harness/RedisCluster.ts"
import { isMissing } from "../test/harness/RedisServer.ts"
import { onSockets } from "../test/testing/asRedisCluster.ts"
import * as Load from "./demo/Load.ts"
import * as Paper from "./demo/paper.ts"
import { clientOf, givenUrl } from "./support.ts"

/** Keys of one run: two runs on one cluster do not meet. */
const run = `demo:${Math.random().toString(36).slice(2, 8)}`

/** A key for each of the 16384 slots. */
const keyOfSlot: ReadonlyArray<string> = (() => {
  const keys = new Array<string>(HashSlot.slotCount)
  for (let i = 0, found = 0; found < keys.length; i++) {
    const key = `${run}:${i}`
    const slot = HashSlot.ofKey(key)
    if (keys[slot] !== undefined) continue
    keys[slot] = key
    found++
  }
  return keys
})()

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const before = clock.currentTimeNanosUnsafe()
    const value = yield* effect
    return [Number(clock.currentTimeNanosUnsafe() - before) / 1e6, value] as const
  })

const slotsText = (ranges: ReadonlyArray<Snapshot.SlotRange>): string => {
  const texts = ranges.map(({ end, start }) => start === end ? `${start}` : `${start}-${end}`)
  return texts.length <= 4 ? texts.join(" ") : `${texts.slice(0, 4).join(" ")} and ${texts.length - 4} more`
}

const showTopology = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const topology = yield* redis.topology
  const rows: Array<ReadonlyArray<string>> = []
  for (const [index, shard] of topology.shards.entries()) {
    const ranges = Snapshot.rangesOf(topology, shard)
    const count = ranges.reduce((sum, { end, start }) => sum + end - start + 1, 0)
    rows.push([
      String(index + 1),
      shard.primary.address,
      Paper.green("primary"),
      slotsText(ranges),
      Paper.count(count)
    ])
    for (const replica of shard.replicas) rows.push(["", replica.address, Paper.dim("replica"), "", ""])
  }
  yield* Paper.table(
    [{ name: "shard" }, { name: "node" }, { name: "role" }, { name: "slots" }, { name: "count", right: true }],
    rows
  )
})

const everySlot = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* Paper.section(2, "One key in each of the 16,384 slots")
  const each = { concurrency: 500 }
  const [writing] = yield* timed(
    Effect.forEach(keyOfSlot, (key) => redis.set(key, key, { expire: "10 minutes" }), { ...each, discard: true })
  )
  const [reading, values] = yield* timed(Effect.forEach(keyOfSlot, (key) => redis.get(key), each))
  const right = values.filter((value, slot) => value === keyOfSlot[slot]).length
  const row = (what: string, took: number) => [
    what,
    Paper.count(keyOfSlot.length),
    Paper.millis(took),
    Paper.count(keyOfSlot.length / took * 1000)
  ]
  yield* Paper.table(
    [
      { name: "500 callers" },
      { name: "commands", right: true },
      { name: "took", right: true },
      { name: "per second", right: true }
    ],
    [row("SET", writing), row("GET", reading)]
  )
  yield* Paper.fact(
    right === keyOfSlot.length,
    `${Paper.count(right)} of ${Paper.count(keyOfSlot.length)} values as written`
  )
})

const manyKeys = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* Paper.section(3, "Many keys at once")
  const tag = `{${keyOfSlot[0]}}`
  yield* redis.mset([[`${tag}:name`, "ada"], [`${tag}:city`, "london"]])
  const [name, city] = yield* redis.mget([`${tag}:name`, `${tag}:city`])
  yield* redis.del([`${tag}:name`, `${tag}:city`])
  yield* Paper.fact(name === "ada" && city === "london", "atomic: MSET and MGET of two keys with one hash tag")

  const refused = yield* redis.mget(keyOfSlot.slice(0, 2)).pipe(
    Effect.as(undefined),
    Effect.catchReason("RedisClusterException", "CrossSlotError", (reason) => Effect.succeed(reason))
  )
  yield* Paper.fact(
    refused?.outcome === "NotExecuted",
    "keys of two slots are refused before anything is sent: " + Paper.yellow("CrossSlotError")
  )

  const thousand = keyOfSlot.filter((_, slot) => slot % 16 === 0)
  const [took, values] = yield* timed(redis.mgetNonatomic(thousand))
  yield* Paper.fact(
    values.every((value, i) => value === thousand[i]),
    `non-atomic: ${Paper.count(thousand.length)} keys of as many slots, in order, in ${Paper.millis(took)}`
  )
})

const allPrimaries = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* Paper.section(4, "One command on all primaries")
  const sizes = yield* redis.on("primaries").dbsize()
  const servers = yield* redis.on("primaries").info("server")
  const nameOf = (node: Parameters<typeof servers.get>[0]) => {
    const server = servers.get(node)?.server
    return server?.valkeyVersion === undefined ? `Redis ${server?.redisVersion}` : `Valkey ${server.valkeyVersion}`
  }
  yield* Paper.table(
    [{ name: "node" }, { name: "server" }, { name: "DBSIZE", right: true }],
    [...sizes].map(([node, size]) => [
      node.address,
      nameOf(node),
      Paper.count(size)
    ])
  )
  yield* Paper.line(`DBSIZE without a target asks them all and adds up: ${Paper.count(yield* redis.dbsize())}`)
})

/** Tags for the load: the last slots of each shard. */
const someSlots = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const topology = yield* redis.topology
  return topology.shards.map((shard): Load.Group => {
    const slots = keyOfSlot.flatMap((_, slot) => topology.slots[slot] === shard ? [slot] : [])
    return slots.slice(-40).map((slot) => keyOfSlot[slot])
  })
})

const showTally = Effect.fnUntraced(function*(tally: Load.Tally) {
  const seconds = tally.now() / 1000
  yield* Paper.table(
    [
      { name: "commands", right: true },
      { name: "per second", right: true },
      { name: "failures", right: true },
      { name: "p50", right: true },
      { name: "p99", right: true },
      { name: "p99.9", right: true },
      { name: "longest", right: true }
    ],
    [[
      Paper.count(tally.operations),
      Paper.count(tally.operations / seconds),
      Paper.count(tally.notExecuted + tally.unknown),
      Paper.millis(tally.percentile(0.5)),
      Paper.millis(tally.percentile(0.99)),
      Paper.millis(tally.percentile(0.999)),
      Paper.millis(tally.percentile(1))
    ]]
  )
})

/** Sets the counters to nothing before a load counts. */
const resetCounters = Effect.fnUntraced(function*(groups: ReadonlyArray<Load.Group>) {
  const redis = yield* ClusterClient
  yield* redis.delNonatomic(groups.flat().flatMap(Load.keysOf))
})

/** Compares what the servers counted with what the callers were told. */
const checkCounters = Effect.fnUntraced(function*(tally: Load.Tally) {
  const redis = yield* ClusterClient
  const tags = [...tally.counters.keys()]
  const values = yield* redis.mgetNonatomic(tags.map(Load.counterOf))
  const sum = { counted: 0, acknowledged: 0, unknown: 0, lost: 0, twice: 0 }
  tags.forEach((tag, i) => {
    const { acknowledged, unknown } = tally.counters.get(tag) ?? { acknowledged: 0, unknown: 0 }
    const counted = Number(values[i] ?? 0)
    sum.counted += counted
    sum.acknowledged += acknowledged
    sum.unknown += unknown
    sum.lost += Math.max(0, acknowledged - counted)
    sum.twice += Math.max(0, counted - acknowledged - unknown)
  })
  const may = sum.unknown === 0 ? "" : `, ${sum.unknown} more may have been executed`
  yield* Paper.fact(
    sum.twice === 0,
    `INCR: ${Paper.count(sum.acknowledged)} acknowledged${may}; the servers counted ${Paper.count(sum.counted)}, ` +
      (sum.twice === 0 ? "none twice" : `${sum.twice} twice`)
  )
  if (sum.lost > 0) {
    yield* Paper.line(Paper.dim(
      `  ${sum.lost} of them died with the primary: it answers before its replica has them (WAIT asks for more)`
    ))
  }
})

const moveSlots = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  yield* Paper.section(5, "Moving 20 slots, live")
  const groups = yield* someSlots
  const redis = yield* ClusterClient
  const { primaries } = yield* redis.topology
  const source = primaries[primaries.length - 1]
  const target = cluster.nodes.find((node) => node.port === primaries[0].port)
  if (target === undefined) return
  const moving = groups[groups.length - 1].slice(-20)
  // Enough keys in each slot that the move takes a while, and callers meet it half way.
  yield* redis.msetNonatomic(
    moving.flatMap((tag) => Array.from({ length: 200 }, (_, i) => [`{${tag}}:${i}`, "x"] as const))
  )
  yield* resetCounters(groups)
  yield* redis.on("all").configResetstat()

  const [tally, took] = yield* Load.during(groups, () =>
    Effect.gen(function*() {
      yield* Effect.sleep("300 millis")
      const [took] = yield* timed(
        Effect.forEach(moving, (tag) => moveSlowly(HashSlot.ofKey(tag), target), { discard: true })
      )
      yield* Effect.sleep("300 millis")
      return took
    }))
  const keys = Paper.count(moving.length * 203)
  yield* Paper.line(
    `${moving.length} slots with some ${keys} keys went from port ${source.port} to port ${target.port} in ` +
      `${Paper.millis(took)}, while ${groups.length * Load.callersPerGroup}`
  )
  yield* Paper.line("callers read, wrote and counted in them and in other slots:")
  yield* showTally(tally)
  yield* Paper.line(`the servers said ${Paper.yellow(yield* redirects)}`)
  yield* showFailures(tally)
  yield* checkCounters(tally)
  yield* Console.log("")
  yield* showTopology
})

/** Moves a slot in steps, so that for a while some of its keys are here and some there. */
const moveSlowly = Effect.fnUntraced(function*(slot: number, target: RedisNode) {
  const cluster = yield* RedisCluster
  yield* cluster.startMigration(slot, target)
  while ((yield* cluster.moveKeys(slot, 50)) > 0) yield* Effect.sleep(3)
  yield* cluster.finishMigration(slot)
})

/** How often the servers answered that a key is, or may be, elsewhere. */
const redirects = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const infos = yield* redis.on("all").info("errorstats")
  const said = (code: string) => [...infos.values()].reduce((sum, { errorstats }) => sum + (errorstats[code] ?? 0), 0)
  return ["MOVED", "ASK", "TRYAGAIN"].map((code) => `${Paper.count(said(code))} × ${code}`).join(", ")
})

const showFailures = Effect.fnUntraced(function*(tally: Load.Tally) {
  const failures = tally.notExecuted + tally.unknown
  yield* Paper.fact(failures === 0, `the program saw ${failures === 0 ? "none of it: 0" : failures} failures`)
  for (const [kind, count] of tally.failures) yield* Paper.line(Paper.yellow(`  ${count} × ${kind}`))
})

const killPrimary = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const redis = yield* ClusterClient
  yield* Paper.section(6, "Killing a primary under load")
  const groups = yield* someSlots
  yield* resetCounters(groups)
  const topology = yield* redis.topology
  const victimShard = topology.shards[1]
  const victim = cluster.nodes.find((node) => node.port === victimShard.primary.port)
  const heir = cluster.nodes.find((node) => node.port === victimShard.replicas[0].port)
  if (victim === undefined || heir === undefined) return

  const [tally, events] = yield* Load.during(groups, (tally) =>
    Effect.gen(function*() {
      yield* Effect.sleep("1 second")
      const killed = tally.now()
      yield* cluster.kill(victim)
      const isReplica = Effect.map(
        cluster.command(heir, "ROLE"),
        (role) => !Array.isArray(role) || role[0] !== "master"
      )
      while (yield* isReplica) yield* Effect.sleep(5)
      const promoted = tally.now()
      while (tally.groups[1].lastAnswer < promoted && tally.now() < promoted + 10_000) yield* Effect.sleep(5)
      yield* Effect.sleep("800 millis")
      return { killed, promoted }
    }))

  const { from, to } = tally.groups[1].longestSilence
  const since = (at: number) => Paper.millis(at - events.killed).padStart(8)
  yield* Paper.line(`${"0 ms".padStart(8)}  SIGKILL to the primary on port ${victim.port}`)
  yield* Paper.line(`${since(events.promoted)}  its replica on port ${heir.port} calls itself primary`)
  yield* Paper.line(
    `${since(to)}  the shard's first answer, ${Paper.bold(Paper.millis(Math.max(0, to - events.promoted)))} later`
  )
  yield* Console.log("")
  yield* Paper.line(Paper.dim("answers in each tenth of a second, by shard"))
  const length = Math.floor(tally.now() / 100) - 1
  const timelines = tally.groups.map((seen) => Array.from({ length }, (_, i) => seen.timeline[i] ?? 0))
  const top = Math.max(...timelines.flat())
  for (let i = 0; i < timelines.length; i++) {
    const silence = tally.groups[i].longestSilence
    yield* Paper.line(
      `shard ${i + 1} ${Paper.sparkline(timelines[i], top)} ${
        Paper.dim(`longest silence ${Paper.millis(silence.to - silence.from)}`)
      }`
    )
  }
  yield* Console.log("")
  yield* showTally(tally)
  const recovery = to - Math.max(from, events.killed)
  yield* Paper.fact(
    recovery < 10_000,
    `time to recovery ${Paper.millis(recovery)}, most of it the servers' own election`
  )
  const incrOnly = [...tally.failures.keys()].every((kind) => kind.startsWith("INCR: ConnectionError, outcome Unknown"))
  yield* Paper.fact(
    incrOnly,
    tally.failures.size === 0
      ? "0 failures: no INCR was on the wire at that moment, all else waited or was sent again"
      : `${tally.unknown} INCR on the wire to it: their outcome is Unknown, so they were not sent twice`
  )
  if (!incrOnly) { for (const [kind, count] of tally.failures) yield* Paper.line(Paper.yellow(`  ${count} × ${kind}`)) }
  yield* checkCounters(tally)
  yield* Console.log("")
  yield* redis.refreshTopology
  yield* showTopology
})

/** The faults that every cluster allows. */
const harmless = Effect.gen(function*() {
  yield* Paper.section(1, "The topology")
  yield* showTopology
  yield* everySlot
  yield* manyKeys
  yield* allPrimaries
})

/** Whether the page is wanted. */
const withView = process.argv.includes("--view")

/** Opens a page in the browser, where there is one. */
const openPage = (url: string) =>
  Effect.sync(() => {
    const opener = process.platform === "darwin" ? "open" : process.platform === "win32" ? "explorer" : "xdg-open"
    spawn(opener, [url], { stdio: "ignore", detached: true }).on("error", () => undefined).unref()
  })

/** Serves the page while the demo runs, and waits a while for somebody who opens it. */
const viewed = <A, E, R>(demo: Effect.Effect<A, E, R>) =>
  withView
    ? Effect.gen(function*() {
      const { opened, url } = yield* serve({ port: 0, showsWords: false })
      yield* Paper.line(`${Paper.bold(url)}  shows the cluster while it works`)
      if (process.stdout.isTTY) {
        yield* openPage(url)
        yield* Effect.timeoutOption(opened, "30 seconds")
        yield* Effect.sleep("3 seconds")
      }
      const result = yield* demo
      // The last events are still to be seen.
      if (process.stdout.isTTY) yield* Effect.sleep("10 seconds")
      return result
    }).pipe(
      Effect.scoped,
      Effect.provide(Sampler.layer({ interval: Duration.millis(500) })),
      Effect.provide(NodeServices.layer)
    )
    : demo

const removeKeys = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.unlinkNonatomic(keyOfSlot)
})

const onGivenCluster = (url: string) =>
  Effect.gen(function*() {
    yield* Effect.ensuring(viewed(harmless), Effect.ignore(removeKeys))
    yield* Paper.section(5, "Left out")
    yield* Paper.line("This cluster is yours: no slot was moved and no primary killed, and the demo's keys are")
    yield* Paper.line("removed. Without REDIS_CLUSTER_URL the demo starts a cluster of its own and does both.")
  }).pipe(Effect.provide(ClusterClient.layer({ nodes: url, clientName: "demo" })))

const clusterOptions: RedisClusterOptions = {
  primaries: 3,
  replicas: 1,
  nodeTimeout: 1000,
  // The shards that are whole go on while one is down.
  options: ["--cluster-require-full-coverage", "no", "--save", "", "--appendonly", "no"]
}

/** Where no server can be found or installed, the in-memory cluster of the library's tests serves in its place. */
const standIn = Effect.andThen(
  Console.log(Paper.yellow(
    "  No Redis or Valkey server was found, and none could be installed. What follows is no real cluster:\n" +
      "  TestCluster, this library's own in-memory one, stands in for it on loopback ports."
  )),
  onSockets(clusterOptions)
)

const ownCluster = Layer.effect(
  RedisCluster,
  Effect.catchIf(RedisCluster.make(clusterOptions), isMissing, () => standIn)
)

const onOwnCluster = Effect.gen(function*() {
  yield* harmless
  yield* moveSlots
  yield* killPrimary
}).pipe(
  viewed,
  Effect.provide(
    Layer.provideMerge(clientOf({ clientName: "demo", commandTimeout: "10 seconds" }), ownCluster)
  )
)

const demo = Effect.gen(function*() {
  yield* Paper.title(
    "effect-redis-cluster",
    givenUrl === undefined
      ? "starting a cluster of 3 primaries and 3 replicas on this machine ..."
      : "on the cluster of REDIS_CLUSTER_URL"
  )
  const [took] = yield* timed(givenUrl === undefined ? onOwnCluster : onGivenCluster(givenUrl))
  yield* Console.log(Paper.dim(`\n  ${(took / 1000).toFixed(0)} s, and nothing is left behind.\n`))
}).pipe(
  // One line that says what to do, where a stack would hide it.
  Effect.catchTag(["HarnessError", "RedisClusterException"], (error) =>
    Effect.andThen(
      Console.error(error.message),
      Effect.sync(() => {
        process.exitCode = 1
      })
    ))
)

NodeRuntime.runMain(demo)
