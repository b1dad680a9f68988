/**
 * The methods with which a test observes and changes a cluster.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { FakeCluster } from "./engine/FakeCluster.ts"
import type { NodeRole } from "./engine/Roles.ts"
import type { ScriptInput, ScriptValue } from "./engine/ScriptValue.ts"
import type { Response } from "./Response.ts"

/**
 * A node of a test cluster at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestNode extends Endpoint {
  /** `host:port`, as the client names it. */
  readonly address: string
  readonly id: string
  readonly role: "primary" | "replica"
  readonly zone: string | undefined
  /** Whether the node is not killed. */
  readonly alive: boolean
  /** The ranges of slots it owns, both ends included. */
  readonly slots: ReadonlyArray<readonly [first: number, last: number]>
}

/**
 * The name of a node for the methods of a test cluster: its address, its endpoint, or the node itself.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeName = string | Endpoint

/**
 * A command as a node received it, with bytes as text.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReceivedCommand {
  /** The address of the node. */
  readonly node: string
  /** The name in upper case: `GET`, `CLUSTER`. */
  readonly name: string
  /** The words after the name. */
  readonly args: ReadonlyArray<string>
  /** The time of the command, in milliseconds of the clock. */
  readonly at: number
  /** The number of the connection that brought it. */
  readonly connection: number
}

/**
 * The methods with which a test observes and changes a test cluster. A method fails with a `RedisClusterException`,
 * whose reason is `OptionsError` or `UnknownNodeError`, when the step is impossible (an unknown node, a slot out of range).
 *
 * @category models
 * @since 0.1.0
 */
export interface Control {
  /** The present nodes, in the order in which they joined. */
  readonly nodes: ReadonlyArray<TestNode>
  readonly primaries: ReadonlyArray<TestNode>
  readonly replicas: ReadonlyArray<TestNode>
  readonly replicasOf: (primary: NodeName) => Effect.Effect<ReadonlyArray<TestNode>, RedisClusterException>
  /** The slot of a key. */
  readonly slotOf: (key: string) => Effect.Effect<number>
  /** The primary that owns a slot. */
  readonly owner: (slot: number) => Effect.Effect<TestNode, RedisClusterException>
  /**
   * Runs a command on a node, without the client, and without a place in `received`. An error reply is a
   * `ServerError`.
   */
  readonly command: (
    node: NodeName,
    ...words: ReadonlyArray<string | number>
  ) => Effect.Effect<ScriptValue, RedisClusterException>

  /** Moves a slot with its keys at once. The former owner answers MOVED from now on. */
  readonly moveSlot: (slot: number, target: NodeName) => Effect.Effect<void, RedisClusterException>
  /**
   * Begins a migration of a slot: the owner answers ASK for keys that it does not have, and both nodes answer TRYAGAIN
   * for keys that are divided between them.
   */
  readonly startMigration: (slot: number, target: NodeName) => Effect.Effect<void, RedisClusterException>
  /** Moves keys of a migrating slot, all or at most `max`. The result is the number of moved keys. */
  readonly moveKeys: (slot: number, max?: number) => Effect.Effect<number, RedisClusterException>
  /** Ends a migration: moves the keys that are left, and makes the target the owner of the slot. */
  readonly finishMigration: (slot: number) => Effect.Effect<void, RedisClusterException>

  /**
   * Lets a replica take the place of its primary: after it has received all changes (`"graceful"`, the default), or at
   * once, so that changes on the way are lost (`"force"`).
   */
  readonly failover: (
    replica: NodeName,
    mode?: "graceful" | "force"
  ) => Effect.Effect<void, RedisClusterException>
  /**
   * Kills a node: its connections end, and new ones are refused. After `nodeTimeout` the other nodes give it up, and a
   * replica of it takes over.
   */
  readonly kill: (node: NodeName) => Effect.Effect<void, RedisClusterException>
  /**
   * Restarts a killed node: as a replica when another node has taken over, and otherwise as a primary without data.
   * For the time `loading` it answers LOADING.
   */
  readonly restart: (
    node: NodeName,
    options?: { readonly loading?: Duration.Input | undefined }
  ) => Effect.Effect<void, RedisClusterException>
  /**
   * Stalls a node: it accepts commands and sends no replies, like a stopped process. After `nodeTimeout` the other
   * nodes give it up.
   */
  readonly stall: (node: NodeName) => Effect.Effect<void, RedisClusterException>
  /** Lets a stalled node go on: it executes the commands that have arrived meanwhile. */
  readonly resume: (node: NodeName) => Effect.Effect<void, RedisClusterException>
  /** Delays the replies of a node by a time from now on; 0 ends the delay. Commands are executed at once. */
  readonly delay: (node: NodeName, by: Duration.Input) => Effect.Effect<void, RedisClusterException>
  /** Ends the connections of a node; new ones are accepted. */
  readonly disconnect: (node: NodeName) => Effect.Effect<void, RedisClusterException>
  /** Sets the time that a change takes to reach the replicas from now on. */
  readonly setReplicationLag: (lag: Duration.Input) => Effect.Effect<void>

  /** Adds a node: a primary without slots, or a replica. */
  readonly addNode: (options?: {
    readonly replicaOf?: NodeName | undefined
    readonly zone?: string | undefined
  }) => Effect.Effect<TestNode, RedisClusterException>
  /** Removes a node from the cluster. Fails when the node owns slots. */
  readonly removeNode: (node: NodeName) => Effect.Effect<void, RedisClusterException>

  /**
   * Intercepts commands of a name (`"GET"`) before the node executes them. The result `undefined` leaves a command to
   * the node; the latest interceptor is called first. The returned effect removes the interceptor.
   */
  readonly onCommand: (
    name: string,
    respond: (received: ReceivedCommand) => Response | undefined
  ) => Effect.Effect<Effect.Effect<void>>
  /**
   * Sets the function that runs in place of Lua when EVAL, EVALSHA or a `Script` runs this source. Without such a
   * function the script runs as Lua, when the package `lua-wasm-bindings` is installed; the scripts of `Lock` need
   * neither.
   */
  readonly onScript: (
    script: string | { readonly lua: string },
    run: (input: ScriptInput) => ScriptValue
  ) => Effect.Effect<void>
  /**
   * Sets the function that runs in place of Lua when FCALL calls a function of a library, on nodes that have the
   * library.
   */
  readonly onFunction: (name: string, run: (input: ScriptInput) => ScriptValue) => Effect.Effect<void>

  /** The commands that the nodes have received: all commands, or only those with a name, or at a node. */
  readonly received: (filter?: {
    readonly name?: string | undefined
    readonly node?: NodeName | undefined
  }) => Effect.Effect<ReadonlyArray<ReceivedCommand>>
  /** Clears the received commands and all counts. */
  readonly clearReceived: Effect.Effect<void>
  /** The number of CLUSTER SLOTS that were received since `clearReceived`. */
  readonly topologyCalls: Effect.Effect<number>
  /** The number of error replies with this code (`MOVED`, `ASK`) since `clearReceived`. */
  readonly errorReplies: (code: string) => Effect.Effect<number>
}

/**
 * The way in which clients reach the nodes: in memory, or by sockets that have to be opened and closed.
 *
 * @internal
 */
export interface Transport {
  /** An address for one more node. */
  readonly nextEndpoint: Effect.Effect<Endpoint, RedisClusterException>
  /** Accepts connections for a node. */
  readonly open: (node: NodeRole) => Effect.Effect<void, RedisClusterException>
  /** Refuses connections to a node. */
  readonly close: (node: NodeRole) => Effect.Effect<void>
}

/** @internal */
export const inMemory = (engine: FakeCluster): Transport => ({
  nextEndpoint: Effect.sync(() => ({
    host: engine.nodes[0].endpoint.host,
    port: Math.max(...engine.nodes.map(({ endpoint }) => endpoint.port)) + 1
  })),
  open: () => Effect.void,
  close: () => Effect.void
})
