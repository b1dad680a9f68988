/**
 * A TestCluster behind the face of the harness, so that one text of a test runs on real servers and on the engine.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import {
  type Control,
  type ScriptInput,
  type ScriptValue,
  TestCluster,
  type TestClusterOptions
} from "../../src/testing/index.ts"
import { HarnessError } from "../harness/HarnessError.ts"
import {
  RedisCluster,
  type RedisClusterOptions,
  type RedisClusterShape,
  type RedisNode
} from "../harness/RedisCluster.ts"

const mapped = <A>(effect: Effect.Effect<A, RedisClusterException>): Effect.Effect<A, HarnessError> =>
  // A turn of the event loop, as anything that is asked of a server takes: the load gets its turn.
  Effect.andThen(
    Effect.sleep(1),
    Effect.mapError(effect, (cause) => new HarnessError({ message: cause.message, cause }))
  )

const rawOf = (value: ScriptValue): Reply =>
  typeof value === "bigint"
    ? Number(value)
    : value instanceof ServerError
    ? value.message
    : Array.isArray(value)
    ? value.map(rawOf)
    : value as Reply

const controls = new WeakMap<RedisClusterShape, Control>()

/** The function for a script, for a cluster that has no Lua; servers know the script by its text. */
export const teachScript = (
  cluster: RedisClusterShape,
  script: string | { readonly lua: string },
  run: (input: ScriptInput) => ScriptValue
): Effect.Effect<void> => controls.get(cluster)?.onScript(script, run) ?? Effect.void

/** The function for a function of a library. */
export const teachFunction = (
  cluster: RedisClusterShape,
  name: string,
  run: (input: ScriptInput) => ScriptValue
): Effect.Effect<void> => controls.get(cluster)?.onFunction(name, run) ?? Effect.void

const shapeOf = (
  cluster: Control,
  seeds: ReadonlyArray<string>,
  stream: RedisClusterShape["stream"]
): RedisClusterShape => {
  const shape = faceOf(cluster, seeds, stream)
  controls.set(shape, cluster)
  return shape
}

const faceOf = (
  cluster: Control,
  seeds: ReadonlyArray<string>,
  stream: RedisClusterShape["stream"]
): RedisClusterShape => {
  const known = new Map<string, RedisNode>()
  const nodeOf = (id: string): RedisNode => {
    const found = known.get(id)
    if (found !== undefined) return found
    const { address, port, role } = cluster.nodes.filter((node) => node.id === id)[0]
    const node: RedisNode = {
      index: known.size,
      id,
      host: "127.0.0.1",
      port,
      url: `redis://${address}`,
      role,
      get pid() {
        return cluster.nodes.some((one) => one.id === id && one.alive) ? 1 : 0
      }
    }
    known.set(id, node)
    return node
  }
  const all = () => cluster.nodes.map(({ id }) => nodeOf(id))
  all()
  const moveSlot = Effect.fnUntraced(function*(slot: number, target: RedisNode) {
    yield* mapped(cluster.startMigration(slot, target))
    yield* mapped(cluster.finishMigration(slot))
  })
  return {
    get nodes() {
      return all()
    },
    seeds,
    stream,
    tls: undefined,
    password: undefined,
    command: (node, ...args) =>
      Effect.flatMap(
        mapped(
          cluster.command(node, ...args.map((arg) => typeof arg === "object" ? Buffer.from(arg).toString() : arg))
        ),
        (reply) =>
          reply instanceof ServerError
            ? Effect.fail(new HarnessError({ message: reply.message }))
            : Effect.succeed(rawOf(reply))
      ),
    primaries: Effect.sync(() => cluster.primaries.filter((node) => node.alive).map(({ id }) => nodeOf(id))),
    replicas: Effect.sync(() => cluster.replicas.filter((node) => node.alive).map(({ id }) => nodeOf(id))),
    replicasOf: (primary) =>
      Effect.map(mapped(cluster.replicasOf(primary)), (nodes) => nodes.map(({ id }) => nodeOf(id))),
    owner: (slot) => Effect.map(mapped(cluster.owner(slot)), ({ id }) => nodeOf(id)),
    awaitOk: Effect.void,
    // They have it at once: there is no replication lag.
    awaitReplicated: Effect.void,
    // Until the other ends of its sockets have heard of it.
    kill: (node) => Effect.andThen(mapped(cluster.kill(node)), Effect.sleep(20)),
    restart: (node) => mapped(cluster.restart(node)),
    readdress: () => Effect.fail(new HarnessError({ message: "A node of TestCluster keeps its address" })),
    stop: (node) => mapped(cluster.stall(node)),
    continue: (node) => mapped(cluster.resume(node)),
    failover: (replica, mode) => mapped(cluster.failover(replica, mode === undefined ? "graceful" : "force")),
    addNode: (options) =>
      Effect.map(mapped(cluster.addNode({ replicaOf: options?.replicaOf })), ({ id }) => nodeOf(id)),
    removeNode: (node) => mapped(cluster.removeNode(node)),
    migrateSlot: moveSlot,
    startMigration: (slot, target) => mapped(cluster.startMigration(slot, target)),
    moveKeys: (slot, max) => mapped(cluster.moveKeys(slot, max)),
    finishMigration: (slot) => mapped(cluster.finishMigration(slot))
  }
}

const optionsOf = (options: RedisClusterOptions = {}): TestClusterOptions => ({
  primaries: options.primaries,
  replicas: options.replicas,
  nodeTimeout: options.nodeTimeout,
  requireFullCoverage: !String(options.options ?? "").includes("cluster-require-full-coverage,no")
})

type Make = (options?: RedisClusterOptions) => Effect.Effect<RedisClusterShape, HarnessError, Scope.Scope>

export const inMemory: Make = (options) =>
  Effect.map(TestCluster.make(optionsOf(options)), (cluster) =>
    shapeOf(
      cluster,
      cluster.nodes.map((node) => `redis://${node.address}`),
      cluster.stream
    )).pipe(Effect.mapError((cause) => new HarnessError({ message: cause.message, cause })))

/** The engine on loopback ports, as a cluster of the harness. */
export const onSockets: Make = (options) =>
  Effect.map(TestCluster.listen(optionsOf(options)), (cluster) => shapeOf(cluster, cluster.urls, undefined)).pipe(
    Effect.mapError((cause) => new HarnessError({ message: cause.message, cause }))
  )

/** Where a scenario runs. */
export interface Environment {
  readonly name: string
  /** Processes and Lua, not the engine: for what only these can do. */
  readonly isReal: boolean
  /** `npm test` leaves it to `npm run test:all`. */
  readonly isLong: boolean
  readonly make: Make
  readonly layer: (options?: RedisClusterOptions) => Layer.Layer<RedisCluster, HarnessError>
}

export const environments: ReadonlyArray<Environment> = [
  {
    name: "real servers",
    isReal: true,
    isLong: false,
    make: RedisCluster.make,
    layer: (options) => RedisCluster.layer(options)
  },
  {
    name: "TestCluster in memory",
    isReal: false,
    isLong: false,
    make: inMemory,
    layer: (options) => Layer.effect(RedisCluster, inMemory(options))
  },
  {
    name: "TestCluster on sockets",
    isReal: false,
    isLong: true,
    make: onSockets,
    layer: (options) => Layer.effect(RedisCluster, onSockets(options))
  }
]
