/**
 * A cluster in memory, for tests. The client is the real one down to the socket, and an engine in its process plays
 * the servers. No server is started, no port listens, and time is Effect's clock.
 *
 * **Example** (A test without servers)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import { TestCluster } from "effect-redis-cluster/testing"
 *
 * it.effect("survives a slot that moves", () =>
 *   Effect.gen(function*() {
 *     const redis = yield* ClusterClient
 *     const cluster = yield* TestCluster
 *     yield* redis.set("user:1", "ada")
 *     const [, target] = cluster.primaries
 *     yield* cluster.moveSlot(yield* cluster.slotOf("user:1"), target)
 *     assert.strictEqual(yield* redis.get("user:1"), "ada")
 *   }).pipe(Effect.provide(TestCluster.layer({ primaries: 3 }))))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { Duplex } from "node:stream"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { ClusterClient } from "../ClusterClient.ts"
import * as ClusterOptions from "../ClusterOptions.ts"
import * as Connections from "../connection/Connections.ts"
import { CurrentWaitingCommands, WaitingCommands } from "../connection/WaitingCommands.ts"
import * as checks from "../internal/checks.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import { asideScripts } from "./AsideScripts.ts"
import * as Chaos from "./Chaos.ts"
import * as Control from "./Control.ts"
import { fromArgument } from "./engine/Bytes.ts"
import { FakeCluster } from "./engine/FakeCluster.ts"
import type { Host } from "./engine/Roles.ts"
import { sha1 } from "./engine/sha1.ts"
import { EngineControl } from "./EngineControl.ts"
import * as Gate from "./Gate.ts"
import { jsonScripts } from "./JsonScripts.ts"
import * as Listener from "./Listener.ts"
import { lockScripts } from "./LockScripts.ts"
import { dial } from "./MemoryStream.ts"
import * as Waiting from "./Waiting.ts"

/**
 * Options of a test cluster: its nodes and their behaviour. Each has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestClusterOptions {
  /** The number of primaries. Default: 3. */
  readonly primaries?: number | undefined
  /** The number of replicas of each primary. Default: 0. */
  readonly replicas?: number | undefined
  /**
   * The nodes one by one, in place of `primaries` and `replicas`: for slots that are not split evenly, zones, host names.
   * Default: none.
   */
  readonly nodes?: ReadonlyArray<NodeOptions> | undefined
  /** The password of the default user. Default: none. */
  readonly password?: string | undefined
  /**
   * Whether all slots need a healthy owner, or else commands with keys are answered CLUSTERDOWN. Default: `true`, as
   * on a server.
   */
  readonly requireFullCoverage?: boolean | undefined
  /** The time after which the other nodes give a dead or stalled node up; a bare number is milliseconds. Default: 2 seconds. */
  readonly nodeTimeout?: Duration.Input | undefined
  /**
   * Whether a replica takes over from a primary that was given up, 0.5 to 1 second later. Default: `true`. With
   * `false` only `failover` promotes replicas.
   */
  readonly automaticFailover?: boolean | undefined
  /** The time that a change takes to reach the replicas. Default: 0. */
  readonly replicationLag?: Duration.Input | undefined
  /**
   * The address that the nodes announce: their IP, their host name, or none, which stands for the address at which the
   * client reached them. Default: `"ip"`.
   */
  readonly preferredEndpoint?: "ip" | "hostname" | "unknown" | undefined
  /** The seed of all random choices: node ids, SPOP, RANDOMKEY, elections, `chaos`. Default: 1. */
  readonly seed?: number | undefined
  /** The number of commands that `received` remembers. Default: 100 000; beyond that the older half is dropped. */
  readonly logLimit?: number | undefined
}

/**
 * One node of a given topology.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeOptions {
  /** The ranges of slots of a primary, both ends included. Default: none. */
  readonly slots?: ReadonlyArray<readonly [first: number, last: number]> | undefined
  /** For a replica, the position of its primary in the list. Default: the node is a primary. */
  readonly replicaOf?: number | undefined
  /** The address at which the node listens. Default: `"127.0.0.1"`. */
  readonly host?: string | undefined
  /** The port at which the node listens. Default: 7000, and the next port for each further node. */
  readonly port?: number | undefined
  /** The host name that the node announces, with `preferredEndpoint: "hostname"`. Default: none. */
  readonly hostname?: string | undefined
  /** The availability zone that the node reports. Default: none. */
  readonly zone?: string | undefined
}

/**
 * Options of `TestCluster.layer`: those of the cluster, and those of its client.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestLayerOptions extends TestClusterOptions {
  /** The options of the client: those of `ClusterClient.layer`, without `stream` and `tls`. Default: none. */
  readonly client?: ClientOptions | undefined
}

/**
 * Options of a client of a test cluster. The cluster itself provides the streams, and the startup nodes unless others
 * are given.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientOptions extends Partial<Omit<ClusterOptions.ClusterOptions, "stream" | "tls">> {}

/**
 * A test cluster: the service behind `TestCluster`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestClusterShape extends Control.Control {
  /**
   * Causes random faults for some time. The result is the list of faults. A seed reproduces the faults and their
   * times. It fails with an `OptionsError` for options that cannot be used.
   */
  readonly chaos: (
    options: Chaos.ChaosOptions
  ) => Effect.Effect<ReadonlyArray<Chaos.ChaosEvent>, RedisClusterException>
  /**
   * The commands of the clients that wait: for a connection, for a reply, or for their next attempt. When commands wait
   * and a `TestClock` has stood still for 2 seconds of real time, the cluster logs a warning that lists them.
   */
  readonly waiting: Effect.Effect<ReadonlyArray<Waiting.WaitingCommand>>
  /** Dials a node: the byte stream for a client's option `stream`. */
  readonly stream: (endpoint: Endpoint) => Duplex
  /**
   * A layer with a client of this cluster, and with the `Connections` below it. Each build of the layer makes another
   * client. It fails like `ClusterClient.layer`, with an `OptionsError` for options that cannot be used.
   */
  readonly layerClient: (
    options?: ClientOptions
  ) => Layer.Layer<ClusterClient | Connections.Connections, RedisClusterException>
}

/**
 * Options of `TestCluster.listen`: those of a test cluster, and the port.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions extends TestClusterOptions {
  /** The port of the first node; the others follow it. Default: 0, free ports. */
  readonly port?: number | undefined
}

/**
 * A cluster that listens on ports, made by `TestCluster.listen`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListeningClusterShape extends Control.Control {
  /** The URLs of its nodes: `redis://127.0.0.1:7000`. */
  readonly urls: ReadonlyArray<string>
}

const firstPort = 7000

const clusterChecks: checks.Checks<TestClusterOptions> = {
  primaries: checks.integer(1),
  replicas: checks.integer(0),
  nodes: (value) => Array.isArray(value) ? undefined : "a list of nodes",
  password: checks.anyText,
  requireFullCoverage: checks.boolean,
  nodeTimeout: checks.duration(0),
  automaticFailover: checks.boolean,
  replicationLag: checks.duration(0),
  preferredEndpoint: checks.oneOf("ip", "hostname", "unknown"),
  seed: (value) => typeof value === "number" ? undefined : "a number",
  logLimit: checks.integer(0)
}

const listenChecks: checks.Checks<ListenOptions> = { ...clusterChecks, port: checks.integer(0) }

const nodeChecks: checks.Checks<NodeOptions> = {
  slots: (value) => Array.isArray(value) ? undefined : "a list of ranges",
  replicaOf: checks.integer(0),
  host: checks.text,
  port: checks.integer(0),
  hostname: checks.text,
  zone: checks.anyText
}

const problemOf = (
  options: TestClusterOptions,
  optionChecks: checks.Checks<TestClusterOptions>
): string | undefined => {
  const problem = checks.problemOf(options, optionChecks)
  if (problem !== undefined) return problem
  const { nodes } = options
  if (nodes !== undefined) {
    if (nodes.length === 0) return "nodes is empty; a cluster needs at least one node"
    const owners = new Array<boolean>(HashSlot.slotCount).fill(false)
    for (const [i, node] of nodes.entries()) {
      const mistake = checks.problemOf(node, nodeChecks)
      if (mistake !== undefined) return `nodes[${i}]: ${mistake}`
      if (
        node.replicaOf !== undefined &&
        (nodes[node.replicaOf] === undefined || nodes[node.replicaOf].replicaOf !== undefined)
      ) {
        return `nodes[${i}].replicaOf has to be the position of a primary in nodes`
      }
      for (const [first, last] of node.slots ?? []) {
        if (!Number.isInteger(first) || !Number.isInteger(last) || first < 0 || first > last || last >= owners.length) {
          return `nodes[${i}].slots has to hold ranges of slots from 0 to ${owners.length - 1}`
        }
        if (owners.slice(first, last + 1).includes(true)) return `nodes[${i}].slots overlaps the slots of another node`
        owners.fill(true, first, last + 1)
      }
    }
    return undefined
  }
  return undefined
}

const checked = (
  options: TestClusterOptions,
  optionChecks: checks.Checks<TestClusterOptions> = clusterChecks
): Effect.Effect<void, RedisClusterException> => {
  const message = problemOf(options, optionChecks)
  return message === undefined
    ? Effect.void
    : Effect.fail(exception(() => new OptionsError({ message, outcome: "NotExecuted" })))
}

const evenly = (primaries: number, replicas: number): ReadonlyArray<NodeOptions> => {
  const at = (i: number) => Math.floor((i * HashSlot.slotCount) / primaries)
  return [
    ...Array.from({ length: primaries }, (_, i): NodeOptions => ({ slots: [[at(i), at(i + 1) - 1]] })),
    ...Array.from({ length: primaries * replicas }, (_, i): NodeOptions => ({ replicaOf: i % primaries }))
  ]
}

const millis = (input: Duration.Input | undefined, fallback: number): number =>
  input === undefined ? fallback : Duration.toMillis(Duration.fromInputUnsafe(input))

/** The options of the cluster alone. The cluster refuses a value that is no object of options. */
const clusterOf = (options: TestLayerOptions): TestClusterOptions => {
  if (!Predicate.isObject(options)) return options
  const { client: _, ...cluster }: TestLayerOptions = options
  return cluster
}

/** The number of replies before the event loop gets a turn. */
const answersPerTurn = 100

/** The time and the delays of the engine, from Effect's clock. */
const makeHost = Effect.fnUntraced(function*(stir: () => void): Effect.fn.Return<Host, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  let deferred = 0
  return {
    now: () => clock.currentTimeMillisUnsafe(),
    schedule: (delay, f) => {
      const fiber = runFork(Effect.andThen(
        Effect.sleep(delay),
        Effect.sync(() => {
          stir()
          f()
        })
      ))
      return () => fiber.interruptUnsafe()
    },
    defer: (f) => {
      stir()
      // Now and then the event loop gets a turn, because a program that never pauses would keep all other work waiting.
      if (++deferred % answersPerTurn === 0) setImmediate(f)
      else queueMicrotask(f)
    }
  }
})

/**
 * Builds the engine. `endpoints` are addresses in place of invented ones.
 *
 * @internal
 */
export const makeEngine = Effect.fnUntraced(function*(
  options: TestClusterOptions,
  endpoints?: ReadonlyArray<Endpoint>,
  stir: () => void = () => {}
): Effect.fn.Return<FakeCluster, RedisClusterException, Scope.Scope> {
  yield* checked(options)
  const engine = new FakeCluster(yield* makeHost(stir), {
    password: options.password,
    requireFullCoverage: options.requireFullCoverage ?? true,
    nodeTimeout: millis(options.nodeTimeout, 2000),
    automaticFailover: options.automaticFailover ?? true,
    preferredEndpoint: options.preferredEndpoint ?? "ip",
    seed: options.seed ?? 1,
    logLimit: options.logLimit ?? 100_000
  })
  for (const [lua, run] of [...asideScripts, ...jsonScripts]) engine.byteScripts.set(sha1(fromArgument(lua)), run)
  for (const [lua, run] of lockScripts) engine.scripts.set(sha1(fromArgument(lua)), run)
  const nodes = nodesOf(options)
  for (const [i, given] of nodes.entries()) {
    const node = engine.add(endpoints?.[i] ?? { host: given.host ?? "127.0.0.1", port: given.port ?? firstPort + i })
    node.zone = given.zone
    node.hostname = given.hostname
  }
  for (const [i, { replicaOf, slots = [] }] of nodes.entries()) {
    for (const [first, last] of slots) {
      engine.assign(Array.from({ length: last - first + 1 }, (_, k) => first + k), engine.nodes[i])
    }
    if (replicaOf !== undefined) engine.replicate(engine.nodes[i], engine.nodes[replicaOf])
  }
  engine.setLag(millis(options.replicationLag, 0))
  return engine
})

/**
 * @internal
 */
export const nodesOf = (options: TestClusterOptions): ReadonlyArray<NodeOptions> =>
  options.nodes ?? evenly(options.primaries ?? 3, options.replicas ?? 0)

const make = Effect.fnUntraced(function*(
  options: TestClusterOptions = {}
): Effect.fn.Return<TestClusterShape, RedisClusterException, Scope.Scope> {
  const gate = yield* Gate.make
  const engine = yield* makeEngine(options, undefined, gate.stir)
  const waiting = new WaitingCommands()
  yield* Waiting.watch(waiting, engine)
  const layerServices = Layer.merge(
    Layer.succeed(Clock.Clock, gate.clock),
    Layer.succeed(CurrentWaitingCommands, waiting)
  )
  const stream = (endpoint: Endpoint): Duplex => dial(engine.nodeAt(endpoint), endpoint)
  // `nodes` is a getter, so that the object is extended and not spread.
  const control = new EngineControl(engine, Control.inMemory(engine))
  return Object.assign(control, {
    chaos: (options: Chaos.ChaosOptions) => Chaos.run(control, options, engine.settings.seed),
    waiting: Effect.sync(() => Waiting.list(waiting, engine, gate.clock)),
    stream,
    layerClient: (client: ClientOptions = {}) => {
      const settings: ClusterOptions.ClusterOptions = {
        nodes: engine.nodes.map((node) => node.endpoint),
        // The end does not wait, because nobody advances the test clock any more.
        drainTimeout: 0,
        ...client,
        stream
      }
      return ClusterClient.layerFromConnections(settings).pipe(
        Layer.provideMerge(layerConnections(settings)),
        Layer.provide(layerServices)
      )
    }
  })
})

const listen = Effect.fnUntraced(function*(
  options: ListenOptions = {}
): Effect.fn.Return<ListeningClusterShape, RedisClusterException, Scope.Scope> {
  yield* checked(options, listenChecks)
  const listener = yield* Listener.make
  const { port = 0, ...cluster } = options
  const endpoints: Array<Endpoint> = []
  for (let i = 0; i < nodesOf(options).length; i++) endpoints.push(yield* listener.add(port === 0 ? 0 : port + i))
  const engine = yield* makeEngine(cluster, endpoints)
  for (const node of engine.nodes) listener.assign(node)
  return Object.assign(new EngineControl(engine, listener), {
    urls: endpoints.map((endpoint) => `redis://${addressOf(endpoint)}`)
  })
})

/**
 * The cluster of a test, as a service: its layers, and the methods with which a test observes and changes it.
 *
 * **When to use**
 *
 * Use it for tests of programs that use the client, without servers. For a few replies there is `ClusterClient.layerMock`.
 *
 * **Details**
 *
 * Its layers and constructors fail with an `OptionsError` for options that cannot be used.
 *
 * **Gotchas**
 *
 * With a `TestClock` a fiber that waits (for a retry, a deadline, a blocking command) goes on only when the test adjusts the clock:
 * fork the effect, adjust the clock, then join the fiber. The cluster has no Lua: register a function for each script
 * (`onScript`).
 *
 * **Example** (A primary that dies)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { ClusterClient } from "effect-redis-cluster"
 * import { TestCluster } from "effect-redis-cluster/testing"
 * import { TestClock } from "effect/testing"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const cluster = yield* TestCluster
 *   yield* redis.set("user:1", "ada")
 *   yield* cluster.kill(yield* cluster.owner(yield* cluster.slotOf("user:1")))
 *   const reading = yield* Effect.forkChild(redis.get("user:1"))
 *   yield* TestClock.adjust("5 seconds")
 *   return yield* Fiber.join(reading) // "ada", from the replica
 * }).pipe(Effect.provide(TestCluster.layer({ replicas: 1 })), Effect.provide(TestClock.layer()))
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class TestCluster extends Context.Service<TestCluster, TestClusterShape>()(
  "effect-redis-cluster/testing/TestCluster"
) {
  /**
   * Makes a cluster, which ends with the scope. It fails with an `OptionsError` for options that cannot be used.
   *
   * **Example** (Two clusters in one test)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { TestCluster } from "effect-redis-cluster/testing"
   *
   * export const program = Effect.scoped(Effect.gen(function*() {
   *   const one = yield* TestCluster.make({ primaries: 1 })
   *   const other = yield* TestCluster.make({ primaries: 3 })
   *   return [one.primaries.length, other.primaries.length]
   * }))
   * ```
   *
   * @since 0.1.0
   */
  static readonly make = make

  /**
   * Makes a cluster that listens on ports of the loopback interface, in RESP2 and RESP3, for any client of Redis. The
   * ports close with the scope. It fails with an `OptionsError` for options that cannot be used, and with a
   * `ConnectionError` for ports that cannot be opened.
   *
   * **Gotchas**
   *
   * The cluster uses the clock of the fiber: provide the live clock where a test waits for sockets.
   *
   * **Example** (A cluster for another client)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   * import { TestCluster } from "effect-redis-cluster/testing"
   *
   * export const program = Effect.scoped(Effect.gen(function*() {
   *   const { urls } = yield* TestCluster.listen({ primaries: 3 })
   *   const redis = yield* ClusterClient.make({ nodes: urls })
   *   return yield* redis.ping()
   * }))
   * ```
   *
   * @since 0.1.0
   */
  static readonly listen = listen

  /**
   * Makes a layer with the cluster only: `layerClient` of the cluster makes clients. It fails with an `OptionsError` for
   * options that cannot be used.
   *
   * **Example** (Two clients of one cluster)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   * import { TestCluster } from "effect-redis-cluster/testing"
   *
   * export const program = Effect.gen(function*() {
   *   const cluster = yield* TestCluster
   *   const write = Effect.flatMap(ClusterClient, (redis) => redis.set("k", "v")).pipe(Effect.provide(cluster.layerClient()))
   *   const read = Effect.flatMap(ClusterClient, (redis) => redis.get("k")).pipe(Effect.provide(cluster.layerClient()))
   *   yield* write
   *   return yield* read // "v"
   * }).pipe(Effect.provide(TestCluster.layerCluster()))
   * ```
   *
   * @since 0.1.0
   */
  static readonly layerCluster = (
    options: TestClusterOptions = {}
  ): Layer.Layer<TestCluster, RedisClusterException> => Layer.effect(TestCluster, make(options))

  /**
   * Makes a layer with the cluster, a client of it, and the `Connections` below that client. It fails with an
   * `OptionsError` for options that cannot be used.
   *
   * **Gotchas**
   *
   * Each build of the layer makes a new, empty cluster.
   *
   * **Example** (Keys that expire)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   * import { TestCluster } from "effect-redis-cluster/testing"
   * import { TestClock } from "effect/testing"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.set("code:1", "123456", { expire: "10 minutes" })
   *   yield* TestClock.adjust("10 minutes")
   *   return yield* redis.get("code:1") // null
   * }).pipe(Effect.provide(TestCluster.layer()), Effect.provide(TestClock.layer()))
   * ```
   *
   * @since 0.1.0
   */
  static readonly layer = (
    options: TestLayerOptions = {}
  ): Layer.Layer<TestCluster | ClusterClient | Connections.Connections, RedisClusterException> =>
    Layer.unwrap(Effect.map(TestCluster, (cluster) => cluster.layerClient(options?.client))).pipe(
      Layer.provideMerge(TestCluster.layerCluster(clusterOf(options)))
    )
}

const layerConnections = (
  options: ClusterOptions.ClusterOptions
): Layer.Layer<Connections.Connections, RedisClusterException> =>
  Layer.unwrap(
    Effect.suspend(() => {
      const result = ClusterOptions.resolve(options)
      return result._tag === "Success"
        ? Effect.succeed(Connections.layer(result.success))
        : Effect.fail(exception(() => new OptionsError({ message: result.failure, outcome: "NotExecuted" })))
    })
  )
