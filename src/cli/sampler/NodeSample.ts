/** The readings of one node at one moment: counters since the start of the server, and figures of the moment. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type ClusterClientShape, type ClusterNode, Command } from "../../index.ts"

/** An entry of SLOWLOG. The words may hold keys and values of users. */
export interface SlowCommand {
  readonly node: string
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** Milliseconds. */
  readonly took: number
  readonly words: ReadonlyArray<string>
  readonly client: string
}

/** A slot of which some keys are at one node and some at another. */
export interface OpenMove {
  readonly slot: number
  /** The id of the node that the slot leaves. */
  readonly from: string
  /** The id of the node that the slot goes to. */
  readonly to: string
}

export interface CommandCount {
  readonly calls: number
  /** The processor time of all calls, in microseconds. */
  readonly usec: number
}

export interface NodeSample {
  /** The time of the answer, in milliseconds of the monotonic clock. */
  readonly at: number
  /** The time from the PING to its reply, in milliseconds. */
  readonly latency: number
  /** A name of the running process, whose counters began at 0. */
  readonly run: string
  readonly server: string
  readonly uptimeSeconds: number
  readonly commands: number
  /** The part of `commands` that the sampler itself sent. */
  readonly own: number
  readonly hits: number
  readonly misses: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** The processor time of the server, in seconds. */
  readonly cpuSeconds: number
  readonly evictions: number
  readonly memory: number
  /** The limit of the memory in bytes, 0 for none. */
  readonly maxMemory: number
  readonly clients: number
  readonly blocked: number
  readonly keys: number
  readonly role: "master" | "slave"
  /** The offset of the stream of replication that the node has executed. */
  readonly offset: number
  /** Whether a replica is connected to its primary. */
  readonly linkUp: boolean | undefined
  readonly zone: string | undefined
  readonly byCommand: ReadonlyMap<string, CommandCount>
  readonly slow: ReadonlyArray<SlowCommand>
  readonly moves: ReadonlyArray<OpenMove>
}

/** The clusters whose nodes are asked for the whole map, which has a line for each node. */
const smallCluster = 64

/** The slowest commands are among the last ones of each node. */
const slowEntries = 16

const sections = ["server", "clients", "memory", "stats", "replication", "cpu", "keyspace", "commandstats"] as const

/** The commands that one sample sends, beside INFO and PING. */
interface Extent {
  readonly slowlog: boolean
  readonly moves: boolean
}

/** The extent of a sample: replicas have no open moves of their own, and a map of many nodes is too long to be asked for often. */
export const extentOf = (node: ClusterNode, nodes: number): Extent => ({
  slowlog: true,
  moves: node.role === "primary" && nodes <= smallCluster
})

export const commandsOf = ({ moves, slowlog }: Extent): number => 2 + (slowlog ? 1 : 0) + (moves ? 1 : 0)

const nothing = <A>(value: A) => Effect.orElseSucceed(() => value)

/**
 * Asks a node within `patience` milliseconds, and fails with a sentence about a node that does not answer. A user without the
 * right to SLOWLOG or CLUSTER NODES gets a sample without their figures.
 */
export const ask: (
  redis: ClusterClientShape,
  node: ClusterNode,
  options: { readonly patience: number; readonly extent: Extent; readonly own: number }
) => Effect.Effect<NodeSample, string> = Effect.fnUntraced(
  function*(redis, node, { extent, own, patience }) {
    const clock = yield* Clock.Clock
    const client = yield* redis.node(node)
    const health = yield* client.health({ timeout: patience })
    if (health.latency === undefined) return yield* Effect.fail(health.cause ?? "it does not answer")
    const [info, slow, lines] = yield* Effect.all([
      client.info(sections),
      extent.slowlog ? nothing([])(client.slowlogGet(slowEntries)) : Effect.succeed([]),
      extent.moves ? nothing([])(client.clusterNodes()) : Effect.succeed([])
    ], { concurrency: "unbounded" }).pipe(Command.withTimeout(patience))
    const { clients, commandstats, cpu, keyspace, memory, replication, server, stats } = info
    const self = lines.find(({ flags }) => flags.includes("myself"))
    return {
      at: Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
      latency: health.latency,
      run: server.runId,
      server: server.valkeyVersion === undefined ? `Redis ${server.redisVersion}` : `Valkey ${server.valkeyVersion}`,
      uptimeSeconds: server.uptimeInSeconds,
      commands: stats.totalCommandsProcessed,
      own,
      hits: stats.keyspaceHits ?? 0,
      misses: stats.keyspaceMisses ?? 0,
      bytesIn: stats.totalNetInputBytes ?? 0,
      bytesOut: stats.totalNetOutputBytes ?? 0,
      cpuSeconds: cpu.usedCpuSys + cpu.usedCpuUser,
      evictions: stats.evictedKeys ?? 0,
      memory: memory.usedMemory,
      maxMemory: memory.maxmemory,
      clients: clients.connectedClients,
      blocked: clients.blockedClients,
      keys: Object.values(keyspace).reduce((sum, { keys }) => sum + keys, 0),
      role: replication.role,
      offset: replication.slaveReplOffset ?? replication.masterReplOffset,
      linkUp: replication.masterLinkStatus === undefined ? undefined : replication.masterLinkStatus === "up",
      zone: server.availabilityZone || undefined,
      byCommand: new Map(Object.entries(commandstats).map(([name, { calls, usec }]) => [name, { calls, usec }])),
      slow: slow.map(({ args, client, duration, id, time }) => ({
        node: node.address,
        id,
        at: time * 1000,
        took: duration / 1000,
        words: args,
        client
      })),
      moves: self === undefined ? [] : [
        ...self.migrating.map(({ slot, to }) => ({ slot, from: self.id, to })),
        ...self.importing.map(({ from, slot }) => ({ slot, from, to: self.id }))
      ]
    }
  },
  Effect.mapError((error) => typeof error === "string" ? error : error.message)
)
