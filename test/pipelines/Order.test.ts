import { assert, describe, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { resolve } from "../../src/ClusterOptions.ts"
import * as Command from "../../src/commands/Command.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { Connection } from "../../src/connection/Connection.ts"
import type { Connections } from "../../src/connection/Connections.ts"
import type { Outgoing, Sendable } from "../../src/connection/Outgoing.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { type Entry, type HeldEntry, nextRound } from "../../src/routing/batches/EntryOrder.ts"
import { Batches } from "../../src/routing/batches/Pipeline.ts"
import { PipelineOrder } from "../../src/routing/batches/PipelineOrder.ts"
import * as ClientRegion from "../../src/routing/ClientRegion.ts"
import { keyless, slotOf } from "../../src/routing/CommandSlot.ts"
import { Dispatcher } from "../../src/routing/request/Dispatcher.ts"
import type { Shard, Snapshot } from "../../src/topology/Snapshot.ts"
import type { Topology } from "../../src/topology/Topology.ts"
import { Random } from "../chaos/Random.ts"
import { keyOfShard } from "../faults/Load.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

describe("The order of entries that are sent again", () => {
  const wait = { _tag: "RetryAfter", refresh: true } as const
  const moved = (port: number) => ({ _tag: "RetryAt", endpoint: { host: "h", port }, asking: false, moved: 1 }) as const
  const ask = { _tag: "RetryAt", endpoint: { host: "h", port: 2 }, asking: true, moved: undefined } as const
  const set = (position: number, key = "a"): Entry => ({ position, command: Strings.set(key, "v") })
  const get = (position: number, key = "a"): Entry => ({ position, command: Strings.get(key) })
  const held = (entry: Entry, step: HeldEntry["step"], onTheMove = false): HeldEntry => ({ ...entry, step, onTheMove })
  const positions = (entries: ReadonlyArray<Entry>) => entries.map(({ position }) => position)
  const decide = (entries: ReadonlyArray<HeldEntry>, accepted: ReadonlyArray<Entry>) => {
    const { next, overtaken, pause, rest } = nextRound(entries, accepted)
    return { overtaken: positions(overtaken), next: positions(next), rest: positions(rest), pause }
  }

  it("is that of the pipeline, in whatever order they came back", () => {
    const entries = [held(set(3), wait), held(set(1), wait), held(set(2), moved(2))]
    assert.deepStrictEqual(decide(entries, [set(0)]), { overtaken: [], next: [1, 2, 3], rest: [], pause: true })
  })

  it("is kept behind those that have to wait, and on each way", () => {
    const entries = [held(set(1), moved(2)), held(set(2), moved(2)), held(set(3), moved(3)), held(set(4), wait)]
    assert.deepStrictEqual(decide(entries, []), { overtaken: [], next: [1, 2], rest: [3, 4], pause: false })
  })

  it("lets nothing slip in behind a later entry that was executed", () => {
    const entries = [held(set(1), wait), held(set(3), wait)]
    assert.deepStrictEqual(decide(entries, [set(2)]), { overtaken: [1], next: [3], rest: [], pause: true })
    assert.deepStrictEqual(decide([held(set(1), wait)], [get(2)]).overtaken, [1])
    assert.deepStrictEqual(decide([held(get(1), wait)], [set(2)]).overtaken, [1])
    assert.deepStrictEqual(decide([held(get(1), wait)], [get(2)]).overtaken, [])
    assert.deepStrictEqual(decide([held(set(1), wait)], [set(2, "b")]).overtaken, [1])
  })

  it("is kept key by key while a slot is on the move, for its keys are on two nodes", () => {
    assert.deepStrictEqual(decide([held(set(1), ask, true)], [set(2, "b")]).next, [1])
    assert.deepStrictEqual(decide([held(set(1), ask, true)], [set(2, "a")]).overtaken, [1])
    const both: Entry = { position: 1, command: Strings.mset({ a: "1", b: "2" }) }
    assert.deepStrictEqual(decide([held(both, wait, true)], [set(2, "b")]).overtaken, [1])
  })
})

/** Servers that execute, refuse and lose as a seed says, and remember what they executed. */
class Model {
  /** The positions of the entries that were executed, per slot, in the order of execution. */
  readonly executed = new Map<number, Array<number>>()
  readonly nodes = [7001, 7002].map((port) =>
    new ClusterNode({ id: `node-${port}`, host: "127.0.0.1", port, role: "primary" })
  )
  private readonly random: Random
  private readonly commands: ReadonlyArray<Command.Command<unknown>>
  private readonly connections = new Map<string, Connection>()
  private readonly shards: ReadonlyArray<Shard> = this.nodes.map((primary) => ({ primary, replicas: [] }))
  private readonly slots = new Array<Shard | undefined>(16384).fill(this.shards[0])
  private version = 1
  private troubles: number

  constructor(random: Random, commands: ReadonlyArray<Command.Command<unknown>>) {
    this.random = random
    this.commands = commands
    this.troubles = random.between(1, 12)
  }

  readonly topology = {
    current: (): Snapshot => ({
      version: this.version,
      shards: this.shards,
      slots: this.slots,
      nodes: new Map(this.nodes.map((node) => [node.address, node])),
      primaries: this.nodes,
      replicas: [],
      aliases: new Map()
    }),
    defaultNode: () => this.nodes[0],
    requestRefresh: () => {},
    moved: (slot: number, { port }: Endpoint) => {
      this.slots[slot] = this.shards.find(({ primary }) => primary.port === port)
      this.version++
    }
  } as unknown as Topology["Service"]

  readonly service = {
    get: ({ host, port }: Endpoint) => this.connectionTo({ host, port })
  } as unknown as Connections["Service"]

  connectionTo(endpoint: Endpoint): Connection {
    const address = `${endpoint.host}:${endpoint.port}`
    const known = this.connections.get(address)
    if (known !== undefined) return known
    const queue: Array<Outgoing> = []
    const connection = {
      endpoint,
      address,
      state: "ready",
      connect: () => {},
      refused: () => {},
      doubtReports: () => {},
      send: (outgoing: Outgoing) => {
        if (queue.push(outgoing) === 1) setImmediate(() => this.answer(endpoint, queue.splice(0)))
      }
    } as unknown as Connection
    this.connections.set(address, connection)
    return connection
  }

  private answer(endpoint: Endpoint, written: ReadonlyArray<Outgoing>): void {
    for (const [i, outgoing] of written.entries()) {
      const block = outgoing.block ?? [outgoing.command]
      for (const [at, command] of block.entries()) {
        if (this.mayGoWrong(0.04)) return this.lose(written.slice(i), at)
        const slot = HashSlot.ofKey(command.args[0])
        const refusal = this.mayGoWrong(0.3) ? this.refusal(slot, endpoint) : undefined
        if (refusal === undefined) this.execute(command)
        outgoing.onReply(refusal ?? (command.spec.name === "RPUSH" ? 1 : "OK"))
      }
    }
  }

  /** The socket is gone; the server may have executed any number of the commands that it had got. */
  private lose(written: ReadonlyArray<Outgoing>, answered: number): void {
    const open = written.flatMap((outgoing, i) => (outgoing.block ?? [outgoing.command]).slice(i === 0 ? answered : 0))
    for (const command of open.slice(0, this.random.between(0, open.length))) this.execute(command)
    for (const outgoing of written) outgoing.onLost({ kind: "connection", message: "lost" }, true)
  }

  private execute(command: Sendable): void {
    const slot = HashSlot.ofKey(command.args[0])
    const executed = this.executed.get(slot) ?? []
    this.executed.set(slot, executed)
    executed.push(this.commands.findIndex((one) => one === command))
  }

  private mayGoWrong(probability: number): boolean {
    if (this.troubles === 0 || this.random.next() > probability) return false
    this.troubles--
    return true
  }

  private refusal(slot: number, { port }: Endpoint): ServerError {
    const other = `127.0.0.1:${port === 7001 ? 7002 : 7001}`
    return new ServerError(this.random.pick([
      "LOADING Redis is loading the dataset in memory",
      "CLUSTERDOWN Hash slot not served",
      "TRYAGAIN Multiple keys request during rehashing of slot",
      `MOVED ${slot} ${other}`,
      `ASK ${slot} ${other}`
    ]))
  }
}

/** The problems of a pipeline's results, given the executed entries. */
const untruths = (
  commands: ReadonlyArray<Command.Command<unknown>>,
  results: ReadonlyArray<Result.Result<unknown, { readonly outcome: string }>>,
  executed: Iterable<ReadonlyArray<number>>
): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const all = [...executed]
  for (const [i, result] of results.entries()) {
    const times = all.flat().filter((position) => position === i).length
    if (Result.isSuccess(result) && times === 0) wrong.push(`entry ${i} is said to be executed, and was not`)
    if (Result.isFailure(result) && result.failure.outcome === "NotExecuted" && times > 0) {
      wrong.push(`entry ${i} is said not to be executed, and was`)
    }
    if (times > 1 && !commands[i].spec.readonly && !commands[i].settings.idempotent) {
      wrong.push(`entry ${i} ran ${times} times`)
    }
  }
  for (const slot of all) {
    for (const later of new Set(slot)) {
      if (Result.isFailure(results[later])) continue
      for (const earlier of new Set(slot)) {
        const matters = !commands[earlier].spec.readonly || !commands[later].spec.readonly
        if (earlier < later && matters && slot.lastIndexOf(earlier) > slot.lastIndexOf(later)) {
          wrong.push(`entry ${earlier} was executed behind entry ${later}: ${slot.join(" ")}`)
        }
      }
    }
  }
  return wrong
}

const play = (seed: number, batches: number) =>
  Effect.scoped(Effect.gen(function*() {
    const random = new Random(seed)
    const commands: ReadonlyArray<Command.Command<unknown>> = range(random.between(2, 16)).map((i) => {
      const key = random.pick(["{a}", "{b}"])
      const command: Command.Command<unknown> = random.pick([
        Lists.rpush(key, String(i)),
        Command.idempotent(Strings.set(key, i)),
        Strings.get(key)
      ])
      return random.below(8) === 0 ? Command.timeout(command, "4 seconds") : command
    })
    const model = new Model(random, commands)
    const options = yield* Effect.fromResult(
      resolve({ nodes: "redis://127.0.0.1:7001", retrySchedule: Schedule.spaced("1 millis") })
    )
    const clock = yield* Clock.Clock
    const runFork = yield* FiberSet.makeRuntime<never>()
    const dispatcher = new Dispatcher({
      region: ClientRegion.make(),
      options,
      connections: model.service,
      topology: model.topology,
      random: () => random.next(),
      clock,
      runFork
    })
    const route = new Batches({
      owner: dispatcher,
      now: () => dispatcher.now(),
      dispatch: (request) => dispatcher.dispatch(request),
      nodeOf: (slot) => slot === keyless ? undefined : dispatcher.nodeOf(slot),
      connectionTo: (node) => dispatcher.connectionTo(node),
      pinned: undefined,
      slotOf,
      transactionSlotOf: slotOf,
      settle: (all) => all,
      refused: () => {},
      readFrom: () => ReadFrom.primary,
      timeout: 5000
    })
    const order = new PipelineOrder()
    const size = Math.ceil(commands.length / batches)
    const parts = range(batches).map((i) => commands.slice(i * size, (i + 1) * size))
    const results = yield* Effect.forEach(parts, (part) => route.pipelineResults(part, order), {
      concurrency: "unbounded"
    })
    return untruths(commands, results.flat(), model.executed.values()).map((wrong) => `seed ${seed}: ${wrong}`)
  }))

describe("A pipeline whose entries are refused and lost at random", () => {
  for (const [name, batches] of [["in one batch", 1], ["in batches side by side that share their order", 3]] as const) {
    it.live(`executes the entries of each slot in their order, and tells the truth about each: ${name}`, () =>
      Effect.gen(function*() {
        const wrong = yield* Effect.forEach(range(400), (seed) => play(seed, batches), { concurrency: 40 })
        assert.deepStrictEqual(wrong.flat(), [])
      }))
  }
})

describe("Pipelines that are made while their primary is down", () => {
  layer(RedisCluster.layer({ primaries: 3, replicas: 1, nodeTimeout: 15_000 }), {
    excludeTestServices: true,
    timeout: "60 seconds"
  })((it) => {
    it.effect("are executed in their order when it is back, and when its replica takes over", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds, commandTimeout: "20 seconds" })
        const [primary] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(primary)
        const round = (name: string, comeBack: typeof cluster.awaitOk) =>
          Effect.gen(function*() {
            const keys = range(20).map((i) => keyOfShard(`${name}-${i}`, 0))
            yield* cluster.kill(primary)
            const fibers = yield* Effect.forEach(keys, (key) =>
              Effect.forkChild(
                redis.pipelineResults([
                  ...range(10).map((i) => Lists.rpush(`{${key}}l`, String(i))),
                  ...range(10).map((i) => Strings.set(`{${key}}s`, i))
                ])
              ))
            yield* comeBack
            for (const [i, fiber] of fibers.entries()) {
              const results = yield* Fiber.join(fiber)
              const said = range(10).filter((at) => Result.isSuccess(results[at])).map(String)
              assert.deepStrictEqual(yield* redis.lrange(`{${keys[i]}}l`, 0, -1), said)
              const last = range(10).findLast((at) => Result.isSuccess(results[10 + at]))
              assert.strictEqual(yield* redis.get(`{${keys[i]}}s`), last === undefined ? null : String(last))
            }
          })
        yield* round("back", cluster.restart(primary))
        yield* cluster.awaitOk
        yield* cluster.awaitReplicated
        yield* round("promoted", cluster.failover(replica, "TAKEOVER"))
      }))
  })
})
