/**
 * The methods with which a test observes and changes a cluster.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { upperCase } from "../commands/words.ts"
import { exception, OptionsError, type RedisClusterException, UnknownNodeError } from "../RedisClusterException.ts"
import { type Answer, failure, ok } from "./engine/Answer.ts"
import { fromArgument, toText } from "./engine/Bytes.ts"
import type { FakeCluster } from "./engine/FakeCluster.ts"
import type { Received } from "./engine/Roles.ts"
import type { NodeRole } from "./engine/Roles.ts"
import type { SessionRole } from "./engine/Roles.ts"
import { sha1 } from "./engine/Scripting.ts"
import type { ScriptInput, ScriptValue } from "./engine/ScriptValue.ts"
import type { Response, ResponseValue } from "./Response.ts"

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
 * The methods with which a test observes and changes a test cluster. A method fails with a `RedisClusterException`
 * when the step is impossible (an unknown node, a slot out of range).
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
   * Sets the function that runs when EVAL, EVALSHA or a `Script` runs this source, because a test cluster has no Lua.
   * The scripts of `Lock` are built in.
   */
  readonly onScript: (
    script: string | { readonly lua: string },
    run: (input: ScriptInput) => ScriptValue
  ) => Effect.Effect<void>
  /**
   * Sets the function that runs when FCALL calls a function of a library, on nodes that have the library, because a
   * test cluster has no Lua.
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

const bad = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

const rangesOf = (slots: ReadonlyArray<number>): ReadonlyArray<readonly [number, number]> => {
  const ranges: Array<[number, number]> = []
  for (const slot of slots) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}

const viewOf = (node: NodeRole): TestNode => ({
  ...node.endpoint,
  address: node.address,
  id: node.id,
  role: node.isPrimary ? "primary" : "replica",
  zone: node.zone,
  alive: node.alive,
  slots: rangesOf(node.cluster.slotsOf(node))
})

const receivedOf = ({ at, node, session, words }: Received): ReceivedCommand => ({
  node: node.address,
  name: upperCase(words[0]),
  args: words.slice(1).map(toText),
  at,
  connection: session
})

const answerOf = (value: ResponseValue): Answer =>
  typeof value === "string"
    ? value === "OK" ? ok : fromArgument(value)
    : Array.isArray(value)
    ? value.map(answerOf)
    : value as Exclude<ResponseValue, string | ReadonlyArray<ResponseValue>>

const millisOf = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

const playing = (response: Response, words: Received["words"]) => (session: SessionRole): void => {
  const { node } = session
  switch (response._tag) {
    case "Reply":
      return session.send(answerOf(response.value))
    case "Failure":
      node.stats.errors.set(
        failure(response.message).code,
        (node.stats.errors.get(failure(response.message).code) ?? 0) + 1
      )
      return session.send(failure(response.message))
    case "Silence":
      // Replies come in order, so that later commands on this connection wait, too.
      return session.wait([], 0, () => undefined, () => null)
    case "Disconnect":
      if (response.executed) {
        session.replies = "off"
        node.execute(session, words)
      }
      return session.end()
    case "Delayed":
      session.hold(millisOf(response.by))
      return node.execute(session, words)
  }
}

/** @internal */
export const make = (engine: FakeCluster, transport: Transport): Control => {
  const nodeOf = (name: NodeName): Effect.Effect<NodeRole, RedisClusterException> =>
    Effect.suspend(() => {
      const address = typeof name === "string" ? name : addressOf(name)
      const node = engine.members.find((one) => one.address === address)
      return node === undefined
        ? Effect.fail(exception(() =>
          new UnknownNodeError({
            message: `${address} is no node of this TestCluster; its nodes are ` +
              engine.members.map((one) => one.address).join(", "),
            outcome: "NotExecuted",
            node: address
          })
        ))
        : Effect.succeed(node)
    })

  const withNode = (name: NodeName, f: (node: NodeRole) => void): Effect.Effect<void, RedisClusterException> =>
    Effect.map(nodeOf(name), f)

  const slotIn = (slot: number): Effect.Effect<number, RedisClusterException> =>
    Number.isInteger(slot) && slot >= 0 && slot < HashSlot.slotCount
      ? Effect.succeed(slot)
      : Effect.fail(bad(`a slot has to be an integer from 0 to ${HashSlot.slotCount - 1}`))

  const primaryOf = (name: NodeName): Effect.Effect<NodeRole, RedisClusterException> =>
    Effect.flatMap(nodeOf(name), (node) =>
      node.isPrimary
        ? Effect.succeed(node)
        : Effect.fail(bad(`${node.address} is a replica; a slot can only go to a primary`)))

  const targetOf = Effect.fnUntraced(function*(slot: number) {
    yield* slotIn(slot)
    const target = engine.owner(slot)?.migrating.get(slot)
    return target ?? (yield* Effect.fail(bad(`slot ${slot} is not in migration; start with startMigration`)))
  })

  return {
    get nodes() {
      return engine.members.map(viewOf)
    },
    get primaries() {
      return engine.members.filter((node) => node.isPrimary).map(viewOf)
    },
    get replicas() {
      return engine.members.filter((node) => !node.isPrimary).map(viewOf)
    },
    replicasOf: (primary) => Effect.map(nodeOf(primary), (node) => node.replicas.map(viewOf)),
    slotOf: (key) => Effect.sync(() => HashSlot.ofKey(key)),
    owner: Effect.fnUntraced(function*(slot) {
      const owner = engine.owner(yield* slotIn(slot))
      return owner === undefined ? yield* Effect.fail(bad(`slot ${slot} has no owner`)) : viewOf(owner)
    }),
    command: (name, ...words) =>
      Effect.map(nodeOf(name), (node) => node.ask(words.map((word) => fromArgument(String(word))))),

    moveSlot: Effect.fnUntraced(function*(slot, target) {
      engine.finishMigration(yield* slotIn(slot), yield* primaryOf(target))
    }),
    startMigration: Effect.fnUntraced(function*(slot, target) {
      engine.startMigration(yield* slotIn(slot), yield* primaryOf(target))
    }),
    moveKeys: (slot, max) => Effect.map(targetOf(slot), (target) => engine.moveKeys(slot, target, max)),
    finishMigration: (slot) => Effect.map(targetOf(slot), (target) => engine.finishMigration(slot, target)),

    failover: Effect.fnUntraced(function*(name, mode = "graceful") {
      const node = yield* nodeOf(name)
      if (node.isPrimary) return yield* Effect.fail(bad(`${node.address} is a primary; a failover is a replica's`))
      engine.promote(node, mode === "graceful")
    }),
    kill: Effect.fnUntraced(function*(name) {
      const node = yield* nodeOf(name)
      engine.kill(node)
      yield* transport.close(node)
    }),
    restart: Effect.fnUntraced(function*(name, options) {
      const node = yield* nodeOf(name)
      // A running node goes down first.
      engine.kill(node)
      yield* transport.close(node)
      yield* transport.open(node)
      engine.restart(node, millisOf(options?.loading ?? 0))
    }),
    stall: (name) => withNode(name, (node) => engine.setStalled(node, true)),
    resume: (name) => withNode(name, (node) => engine.setStalled(node, false)),
    delay: (name, by) =>
      withNode(name, (node) => {
        node.delay = millisOf(by)
      }),
    disconnect: (name) => withNode(name, (node) => node.disconnect()),
    setReplicationLag: (lag) => Effect.sync(() => engine.setLag(millisOf(lag))),

    addNode: Effect.fnUntraced(function*(options) {
      const primary = options?.replicaOf === undefined ? undefined : yield* primaryOf(options.replicaOf)
      const node = engine.add(yield* transport.nextEndpoint, primary)
      node.zone = options?.zone
      yield* transport.open(node)
      return viewOf(node)
    }),
    removeNode: Effect.fnUntraced(function*(name) {
      const node = yield* nodeOf(name)
      if (engine.slotsOf(node).length > 0) {
        return yield* Effect.fail(bad(`${node.address} owns slots; move them to other nodes first`))
      }
      engine.remove(node)
      yield* transport.close(node)
    }),

    onCommand: (name, respond) =>
      Effect.sync(() => {
        const wanted = upperCase(name)
        const interceptor = (received: Received) => {
          if (upperCase(received.words[0]) !== wanted) return undefined
          const response = respond(receivedOf(received))
          return response === undefined ? undefined : playing(response, received.words)
        }
        engine.interceptors.unshift(interceptor)
        return Effect.sync(() => {
          const at = engine.interceptors.indexOf(interceptor)
          if (at !== -1) engine.interceptors.splice(at, 1)
        })
      }),
    onScript: (script, run) =>
      Effect.sync(() => {
        engine.scripts.set(sha1(fromArgument(typeof script === "string" ? script : script.lua)), run)
      }),
    onFunction: (name, run) =>
      Effect.sync(() => {
        engine.functions.set(fromArgument(name), run)
      }),

    received: (filter = {}) =>
      Effect.sync(() => {
        const { name, node } = filter
        const address = node === undefined || typeof node === "string" ? node : addressOf(node)
        return engine.log.map(receivedOf).filter((one) =>
          (name === undefined || one.name === upperCase(name)) && (address === undefined || one.node === address)
        )
      }),
    clearReceived: Effect.sync(() => {
      engine.log.length = 0
      for (const node of engine.nodes) {
        node.stats.calls.clear()
        node.stats.errors.clear()
      }
    }),
    topologyCalls: Effect.sync(() =>
      engine.nodes.reduce((sum, node) => sum + (node.stats.calls.get("cluster|slots") ?? 0), 0)
    ),
    errorReplies: (code) =>
      Effect.sync(() => engine.nodes.reduce((sum, node) => sum + (node.stats.errors.get(code) ?? 0), 0))
  }
}
