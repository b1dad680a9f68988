import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import { type ClusterOptions, resolve } from "../../src/ClusterOptions.ts"
import type { Command } from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { Connection } from "../../src/connection/Connection.ts"
import type { Connections } from "../../src/connection/Connections.ts"
import type { Outgoing } from "../../src/connection/Outgoing.ts"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as ClientRegion from "../../src/routing/ClientRegion.ts"
import { slotOf } from "../../src/routing/CommandSlot.ts"
import { Dispatcher } from "../../src/routing/request/Dispatcher.ts"
import { Request } from "../../src/routing/request/Request.ts"
import type { Shard, Snapshot } from "../../src/topology/Snapshot.ts"
import type { Topology } from "../../src/topology/Topology.ts"
import { range } from "../harness/range.ts"
import { until } from "../harness/Waiting.ts"

const refused = { kind: "connection", message: "refused" } as const

/** A connection whose state the test sets. */
class Line {
  private actual: "ready" | "down" = "down"
  /** How often it was asked for its state. */
  looks = 0
  depth = 0
  /** The reply, a turn of the event loop later. */
  reply: (() => Reply) | undefined = undefined
  readonly sent: Array<Outgoing> = []
  readonly endpoint: { readonly host: string; readonly port: number }
  readonly address: string

  constructor(node: ClusterNode) {
    this.endpoint = { host: node.host, port: node.port }
    this.address = node.address
  }

  get state(): "ready" | "down" {
    this.looks++
    return this.actual
  }

  set state(state: "ready" | "down") {
    this.actual = state
  }

  connect(): void {}

  refused(): void {}

  doubtReports(): void {}

  send(outgoing: Outgoing): void {
    this.sent.push(outgoing)
    const { reply } = this
    if (this.actual === "down") outgoing.onLost(refused, false)
    else if (reply !== undefined) setImmediate(() => outgoing.onReply(reply()))
  }
}

/** Two shards, of the even and of the odd slots, and a dispatcher. */
const network = Effect.fnUntraced(function*(options: Partial<ClusterOptions> = {}) {
  const nodes = [7001, 7002, 7003].map((port) =>
    new ClusterNode({ id: `node-${port}`, host: "127.0.0.1", port, role: "primary" })
  )
  const lines = nodes.map((node) => new Line(node))
  const shards = nodes.map((primary): Shard => ({ primary, replicas: [] }))
  const snapshotOf = (version: number, owners: ReadonlyArray<Shard | undefined>): Snapshot => ({
    version,
    shards,
    slots: range(16384).map((slot) => owners[slot % 2]),
    nodes: new Map(nodes.map((node) => [node.address, node])),
    primaries: nodes,
    replicas: [],
    aliases: new Map()
  })
  let snapshot = snapshotOf(1, [shards[0], shards[1]])
  let refreshes = 0
  const dispatcher = new Dispatcher({
    region: ClientRegion.make(),
    options: yield* Effect.fromResult(resolve({ nodes: "redis://127.0.0.1:7001", ...options })),
    connections: {
      get: ({ port }: { readonly port: number }) => lines[port - 7001]
    } as unknown as Connections["Service"],
    topology: {
      current: () => snapshot,
      defaultNode: () => nodes[0],
      requestRefresh: () => void refreshes++,
      moved: () => {}
    } as unknown as Topology["Service"],
    random: () => 0.5,
    clock: yield* Clock.Clock,
    runFork: yield* FiberSet.makeRuntime<never>()
  })
  const ended: Array<{ readonly command: Command<unknown>; readonly exit: Exit.Exit<unknown, RedisClusterException> }> =
    []
  return {
    lines,
    ended,
    refreshes: () => refreshes,
    /** Sends a GET of a key whose slot is even or odd. */
    get: (parity: 0 | 1, timeout = 5000) => {
      let key = 0
      while ((slotOf(Strings.get(`k${key}`)) as number) % 2 !== parity) key++
      const command = Strings.get(`k${key}`)
      const since = dispatcher.moment()
      const request = Request.bySlot(
        dispatcher,
        command,
        slotOf(command) as number,
        undefined,
        since,
        timeout,
        (exit) => {
          ended.push({ command, exit })
        }
      )
      dispatcher.dispatch(request)
      return request
    },
    isReady: (line: Line) => {
      line.state = "ready"
      dispatcher.onConnection(line as unknown as Connection, "ready")
    },
    owners: (even: number | undefined, odd: number | undefined) => {
      const shardAt = (node: number | undefined) => node === undefined ? undefined : shards[node]
      snapshot = snapshotOf(snapshot.version + 1, [shardAt(even), shardAt(odd)])
      dispatcher.onTopology()
    }
  }
})

/** The most by which a number grows within one turn of the event loop, until it has reached `end`. */
const mostPerTurn = (end: number, count: () => number): Effect.Effect<number> =>
  Effect.callback<number>((resume) => {
    let [seen, most] = [count(), 0]
    const turn = () => {
      most = Math.max(most, count() - seen)
      seen = count()
      if (seen < end) setImmediate(turn)
      else resume(Effect.succeed(most))
    }
    setImmediate(turn)
  })

const failureOf = (exit: Exit.Exit<unknown, RedisClusterException>): RedisClusterException => {
  assert(Exit.isFailure(exit))
  const [reason] = exit.cause.reasons
  assert(reason._tag === "Fail")
  return reason.error
}

describe("Commands that wait for a node", () => {
  it.live("share the steps of the retry schedule, and are not sent while its connection is down", () =>
    Effect.gen(function*() {
      let steps = 0
      const retrySchedule = Schedule.spaced("5 millis").pipe(Schedule.tap(() => Effect.sync(() => steps++)))
      const { get, isReady, lines, refreshes } = yield* network({ retrySchedule })
      for (const _ of range(1000)) get(0)
      assert.strictEqual(lines[0].sent.length, 1000)
      yield* until("ten pauses", () => steps >= 10)
      assert.strictEqual(lines[0].sent.length, 1000)
      assert.isAtMost(steps, 100)
      assert.isAtMost(refreshes(), 1000)
      isReady(lines[0])
      yield* until("all are sent again", () => lines[0].sent.length === 2000)
    }).pipe(Effect.scoped))

  it.live("are not looked at one by one while nothing changes for them", () =>
    Effect.gen(function*() {
      let steps = 0
      const retrySchedule = Schedule.spaced("1 millis").pipe(Schedule.tap(() => Effect.sync(() => steps++)))
      const { get, lines: [line] } = yield* network({ retrySchedule })
      for (const _ of range(1000)) get(0)
      yield* until("the first pauses are over", () => steps >= 10)
      const [before, begun] = [line.looks, steps]
      yield* until("twenty more pauses", () => steps >= begun + 20)
      assert.isBelow(line.looks - before, 1000)
    }).pipe(Effect.scoped))

  it.live.each([
    ["a connection that is down", undefined],
    ["a node that refuses everything", "CLUSTERDOWN The cluster is down"]
  ])(
    "ask the retry schedule no more often when they come one after the other than when they come at once: %s",
    ([, refusal]) =>
      Effect.gen(function*() {
        let steps = 0
        const retrySchedule = Schedule.spaced("10 millis").pipe(Schedule.tap(() => Effect.sync(() => steps++)))
        const { ended, get, isReady, lines: [line] } = yield* network({ retrySchedule })
        if (refusal !== undefined) {
          line.state = "ready"
          line.reply = () => new ServerError(refusal)
        }
        const called: Array<Request> = []
        const begun = performance.now()
        for (const _ of range(250)) {
          for (const _ of range(20)) called.push(get(0, 60_000))
          yield* Effect.sleep(4)
        }
        assert.isAtMost(steps, (performance.now() - begun) / 4)
        assert.strictEqual(ended.length, 0)
        const before = line.sent.length
        line.reply = () => "value"
        isReady(line)
        yield* until("all are answered", () => ended.length === 5000)
        // Those for a connection come in their order when it is ready; of those that were refused, a few go ahead.
        if (refusal === undefined) assert.isTrue(called.every((request, i) => line.sent[before + i] === request))
      }).pipe(Effect.scoped)
  )

  it.live("are sent again some in a turn of the event loop, in their order, when there are thousands", () =>
    Effect.gen(function*() {
      const { get, isReady, lines: [line] } = yield* network({ retrySchedule: Schedule.spaced("1 hour") })
      const requests = range(20_000).map(() => get(0, 60_000))
      isReady(line)
      assert.isAtMost(line.sent.length, 20_256)
      assert.isAtMost(yield* mostPerTurn(40_000, () => line.sent.length), 256)
      assert.isTrue(requests.every((request, i) => line.sent[20_000 + i] === request))
    }).pipe(Effect.scoped))

  it.live("wait on when their connection goes down again before their turn, and leave none behind", () =>
    Effect.gen(function*() {
      const { ended, get, isReady, lines: [line] } = yield* network({ retrySchedule: Schedule.spaced("5 millis") })
      const requests = range(2000).map(() => get(0, 60_000))
      for (const request of requests.slice(1000, 1100)) request.cancel()
      isReady(line)
      const inFlight = line.sent.length - 2000
      line.state = "down"
      yield* until("the others have had their turn, and were refused", () => line.sent.length === 2000 + 1900)
      line.reply = () => "value"
      isReady(line)
      yield* until("all that are not in flight are answered", () => ended.length === 1900 - inFlight)
    }).pipe(Effect.scoped))

  it.live("end at their deadlines some in a turn of the event loop, when there are thousands", () =>
    Effect.gen(function*() {
      const { ended, get } = yield* network({ retrySchedule: Schedule.spaced("1 hour") })
      for (const _ of range(20_000)) get(0, 200)
      const most = yield* mostPerTurn(20_000, () => ended.length)
      assert.isAtMost(most, 128)
    }).pipe(Effect.scoped))

  it.live("are sent again when their own node changes, and only then", () =>
    Effect.gen(function*() {
      const { get, isReady, lines, owners } = yield* network({ retrySchedule: Schedule.spaced("1 hour") })
      for (const _ of range(3)) get(0)
      for (const _ of range(2)) get(1)
      isReady(lines[1])
      assert.deepStrictEqual(lines.map(({ sent }) => sent.length), [3, 4, 0])
      owners(0, 2)
      assert.deepStrictEqual(lines.map(({ sent }) => sent.length), [3, 4, 0])
      lines[2].state = "ready"
      owners(2, 2)
      assert.deepStrictEqual(lines.map(({ sent }) => sent.length), [3, 4, 3])
    }).pipe(Effect.scoped))

  it.live("are sent to the new owner at the next pause, when the map had changed before they failed", () =>
    Effect.gen(function*() {
      const { get, lines, owners } = yield* network({ retrySchedule: Schedule.spaced("5 millis") })
      lines[0].state = "ready"
      lines[2].state = "ready"
      const request = get(0)
      owners(2, 1)
      lines[0].state = "down"
      request.onLost(refused, false)
      yield* until("it is sent to the new owner", () => lines[2].sent.length === 1)
    }).pipe(Effect.scoped))

  it.live("fail, each for itself, when the retry schedule says no more", () =>
    Effect.gen(function*() {
      const { ended, get, lines } = yield* network({
        retrySchedule: Schedule.max([Schedule.spaced("1 millis"), Schedule.recurs(3)])
      })
      for (const _ of range(10)) get(0)
      yield* until("all have failed", () => ended.length === 10)
      for (const { exit } of ended) assert.strictEqual(failureOf(exit).reason._tag, "ConnectionError")
      lines[0].state = "ready"
      const late = get(0)
      late.onReply(new ServerError("LOADING Redis is loading the dataset in memory"))
      yield* until("a later one has pauses of its own", () => lines[0].sent.length === 12)
    }).pipe(Effect.scoped))

  it.live("continue the schedule where they were, when they are refused again", () =>
    Effect.gen(function*() {
      let steps = 0
      const retrySchedule = Schedule.max([Schedule.spaced("1 millis"), Schedule.recurs(3)]).pipe(
        Schedule.tap(() => Effect.sync(() => steps++))
      )
      const { ended, get, lines } = yield* network({ retrySchedule })
      lines[0].state = "ready"
      const loading = new ServerError("LOADING Redis is loading the dataset in memory")
      get(0)
      for (const attempt of [1, 2, 3, 4]) {
        yield* until(`attempt ${attempt}`, () => lines[0].sent.length === attempt)
        lines[0].sent[attempt - 1].onReply(loading)
      }
      yield* until("it has failed", () => ended.length === 1)
      const { reason } = failureOf(ended[0].exit)
      assert.strictEqual(reason._tag, "LoadingError")
      assert.strictEqual(reason.attempts, 4)
    }).pipe(Effect.scoped))

  it.live.each([
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down"
  ])(
    "ask a node that refuses everything a few at a time, and follow when it serves again: %s",
    (refusal) =>
      Effect.gen(function*() {
        const { ended, get, lines } = yield* network({ retrySchedule: Schedule.spaced("5 millis") })
        const [line] = lines
        line.state = "ready"
        let isRefusing = true
        let refusals = 0
        line.reply = () => {
          if (!isRefusing) return "value"
          refusals++
          return new ServerError(refusal)
        }
        for (const _ of range(2000)) get(0)
        yield* until("they have asked a few times", () => refusals > 2000 + 3 * 16)
        assert.isBelow(refusals, 4000)
        isRefusing = false
        yield* until("all are answered", () => ended.length === 2000)
      }).pipe(Effect.scoped)
  )

  it.live("keep their deadlines, however many they are", () =>
    Effect.gen(function*() {
      const { ended, get } = yield* network()
      for (const _ of range(3000)) get(0, 50)
      get(1, 60_000)
      yield* until("all of the dead shard have failed", () => ended.length === 3000)
    }).pipe(Effect.scoped))

  it.live("count against the bounds of their node, when commands beyond these fail at once", () =>
    Effect.gen(function*() {
      const { ended, get, isReady, lines, owners } = yield* network({ overflow: "fail", maxInFlight: 100 })
      for (const _ of range(150)) get(0)
      assert.strictEqual(ended.length, 50)
      for (const { exit } of ended) {
        assert.strictEqual(failureOf(exit).reason._tag, "OverloadedError")
        assert.strictEqual(failureOf(exit).outcome, "NotExecuted")
      }
      // The bound is that of one node.
      lines[1].state = "ready"
      get(1)
      assert.strictEqual(lines[1].sent.length, 1)
      isReady(lines[0])
      assert.strictEqual(lines[0].sent.length, 200)
      owners(undefined, 1)
      for (const _ of range(150)) get(0)
      assert.strictEqual(ended.length, 100)
    }).pipe(Effect.scoped))

  it.live("count against the bounds of their node by their bytes, too", () =>
    Effect.gen(function*() {
      // The key of each command.
      const weight = 2
      const { ended, get, isReady, lines } = yield* network({ overflow: "fail", maxInFlightBytes: 10 * weight })
      for (const _ of range(30)) get(0)
      assert.strictEqual(ended.length, 20)
      for (const { exit } of ended) {
        assert.strictEqual(failureOf(exit).reason._tag, "OverloadedError")
        assert.strictEqual(failureOf(exit).outcome, "NotExecuted")
        assert.include(failureOf(exit).message, `${10 * weight} bytes`)
      }
      isReady(lines[0])
      assert.strictEqual(lines[0].sent.length, 20)
      // Nothing waits any more: the bytes are free again.
      lines[0].state = "down"
      for (const _ of range(10)) get(0)
      assert.strictEqual(ended.length, 20)
    }).pipe(Effect.scoped))

  it.live("leave nothing behind when they are given up", () =>
    Effect.gen(function*() {
      const { ended, get, isReady, lines } = yield* network({ overflow: "fail", maxInFlight: 10 })
      for (const request of range(10).map(() => get(0))) request.cancel()
      for (const _ of range(10)) get(0)
      assert.strictEqual(ended.length, 0)
      isReady(lines[0])
      assert.strictEqual(lines[0].sent.length, 30)
    }).pipe(Effect.scoped))
})
