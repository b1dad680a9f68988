/**
 * Asks one node for the topology, with as few questions as possible and without reading what it has read before.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Connection } from "../connection/Connection.ts"
import type { Connections } from "../connection/Connections.ts"
import type { LinkFailure } from "../connection/Outgoing.ts"
import { firstQuery, ping, query, question } from "../connection/Query.ts"
import { isPassing, kindOf } from "../protocol/ErrorKind.ts"
import { type Reply, ServerError } from "../protocol/Reply.ts"
import { fromClusterNodes, fromClusterShards, type Member } from "./Members.ts"
import * as Snapshot from "./Snapshot.ts"

const clusterSlots = question("CLUSTER SLOTS")
const clusterShards = question("CLUSTER SHARDS")
const clusterNodes = question("CLUSTER NODES")
const clusterMyId = question("CLUSTER MYID")

/** The time in which a node has to answer a PING at its former address, in milliseconds. */
const pingTimeout = 500

/** The reason why a node could not report the topology. */
export interface Refusal {
  readonly node: string
  readonly cause: string
}

export const refusal = (node: string, cause: string): Refusal => ({ node, cause })

const explained = (
  connection: Connection,
  asked: Effect.Effect<Reply, LinkFailure>
): Effect.Effect<Reply, Refusal> => Effect.mapError(asked, (failure) => refusal(connection.address, failure.message))

/** The topology as one node reports it. */
export interface Answer {
  /** The address at which the node was asked. */
  readonly from: string
  /** The id of the node; empty when it is unknown. */
  readonly by: string
  /** The snapshot of the answer. It is the known one when the answer brings nothing new. */
  readonly snapshot: Snapshot.Snapshot
  readonly slots: Reply
  readonly members: ReadonlyMap<string, Member> | undefined
}

/** The questions of an inquiry. */
export interface Wish {
  /** The map in use. */
  readonly known: Snapshot.Snapshot
  /** Whether health and zones of the nodes are wanted even when nothing has changed. */
  readonly detailed: boolean
  /** Whether commands fail: a node that is announced under another address may have left the known one. */
  readonly troubled: boolean
  /** The timeout of each question, in milliseconds. */
  readonly timeout: number
}

/** Whether two replies are equal. */
const isSameReply = (one: Reply, other: Reply): boolean => {
  if (one === other) return true
  if (Array.isArray(one)) {
    return Array.isArray(other) && one.length === other.length && one.every((item, i) => isSameReply(item, other[i]))
  }
  if (!(one instanceof Map && other instanceof Map) || one.size !== other.size) return false
  for (const [key, value] of one) if (!isSameReply(value, other.get(key) ?? null)) return false
  return true
}

export class Inquiry {
  private readonly connections: Connections["Service"]
  private readonly options: ResolvedOptions
  /** The answer in use: an equal reply need not be parsed. */
  private accepted: Answer | undefined
  private members: ReadonlyMap<string, Member> | undefined
  /**
   * The nodes that do not answer CLUSTER SHARDS, because their version has no such command or the user may not run it.
   */
  private readonly lackShards = new Set<string>()

  constructor(connections: Connections["Service"], options: ResolvedOptions) {
    this.connections = connections
    this.options = options
  }

  /** Notes that the map in use comes from this answer. */
  accept(answer: Answer): void {
    this.accepted = answer
    if (answer.members !== undefined) this.members = answer.members
  }

  /** Asks a known node on its shared connection. */
  askNode(node: ClusterNode, wish: Wish): Effect.Effect<Answer, Refusal> {
    return Effect.suspend(() => this.ask(this.connections.get(node), wish, undefined))
  }

  /** Asks a known node to which there may be no connection, and leaves no connection behind. */
  askOnce(node: ClusterNode, wish: Wish): Effect.Effect<Answer, Refusal> {
    return Effect.suspend(() => {
      const isConnected = this.connections.all().some(({ address, state }) =>
        address === node.address && state !== "idle"
      )
      return isConnected
        ? this.ask(this.connections.get(node), wish, undefined)
        : Effect.scoped(
          Effect.flatMap(this.connections.open(node), (connection) => this.ask(connection, wish, undefined))
        )
    })
  }

  /**
   * Asks on a connection of its own. The host name is resolved again, and nothing that is known about the address is
   * used.
   */
  askEndpoint(endpoint: Endpoint, wish: Wish): Effect.Effect<Answer, Refusal> {
    return Effect.scoped(
      Effect.flatMap(
        this.connections.open({ host: endpoint.host, port: endpoint.port }),
        (connection) =>
          Effect.flatMap(
            Effect.forEach(
              [clusterSlots, clusterMyId],
              (command) => explained(connection, firstQuery(connection, command, wish.timeout)),
              { concurrency: "unbounded" }
            ),
            ([slots, id]) => this.read(connection, slots, wish, typeof id === "string" ? id : undefined)
          )
      )
    )
  }

  private ask(connection: Connection, wish: Wish, id: string | undefined): Effect.Effect<Answer, Refusal> {
    return Effect.flatMap(
      this.query(connection, clusterSlots, wish),
      (slots) => this.read(connection, slots, wish, id)
    )
  }

  private query(connection: Connection, command: typeof ping, { timeout }: Wish): Effect.Effect<Reply, Refusal> {
    return explained(connection, query(connection, command, timeout))
  }

  /** `id` is the id of the node that answered, for when its address does not tell. */
  private readonly read = Effect.fnUntraced(
    function*(
      this: Inquiry,
      connection: Connection,
      slots: Reply,
      wish: Wish,
      id: string | undefined
    ): Effect.fn.Return<Answer, Refusal> {
      const { known } = wish
      const from = connection.address
      const by = id ?? connection.expectedId
      const unchanged: Answer = { from, by, snapshot: known, slots, members: undefined }
      const { accepted } = this
      const isNamed = id === undefined || Snapshot.find(known, connection.endpoint)?.id === id
      const isInUse = accepted?.snapshot === known && isNamed
      if (isInUse && !wish.detailed && isSameReply(accepted.slots, slots)) return unchanged
      const parse = (members: ReadonlyMap<string, Member> | undefined) =>
        this.parse(slots, connection.endpoint, members, wish, id)
      const first = yield* parse(this.members)
      if (!wish.detailed && Snapshot.isSame(known, first)) return unchanged
      const members = yield* this.membersBy(connection, wish)
      const snapshot = members === undefined ? first : yield* parse(members)
      return { from, by, snapshot: Snapshot.isSame(known, snapshot) ? known : snapshot, slots, members }
    }
  )

  /** Parses an answer. A node that is announced under another address gets a PING at the known one. */
  private readonly parse = Effect.fnUntraced(
    function*(
      this: Inquiry,
      slots: Reply,
      via: Endpoint,
      members: ReadonlyMap<string, Member> | undefined,
      wish: Wish,
      id: string | undefined
    ): Effect.fn.Return<Snapshot.Snapshot, Refusal> {
      const renamed = new Set<ClusterNode>()
      const gone = new Set<ClusterNode>()
      const parse = () =>
        Effect.mapError(
          Effect.fromResult(Snapshot.fromClusterSlots(slots, {
            via,
            mapAddress: this.options.mapAddress,
            previous: wish.known,
            members,
            answeredBy: id,
            keepsAddress: (node) => {
              renamed.add(node)
              return !gone.has(node)
            }
          })),
          (message) => refusal(addressOf(via), message)
        )
      const snapshot = yield* parse()
      yield* Effect.forEach(renamed, (node) =>
        Effect.map(this.isStillThere(node, wish), (isThere) => {
          if (!isThere) gone.add(node)
        }), { concurrency: "unbounded", discard: true })
      return gone.size === 0 ? snapshot : yield* parse()
    }
  )

  private isStillThere(node: ClusterNode, wish: Wish): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const open = this.connections.all().filter(({ address, expectedId }) =>
        address === node.address && expectedId === node.id
      )
      const ready = open.find(({ state }) => state === "ready")
      const answers = (connection: Connection) =>
        Effect.map(Effect.result(query(connection, ping, pingTimeout)), Result.isSuccess)
      if (ready !== undefined) return answers(ready)
      if (open.some(({ lastFailure }) => lastFailure !== undefined)) return Effect.succeed(false)
      return wish.troubled ? Effect.scoped(Effect.flatMap(this.connections.open(node), answers)) : Effect.succeed(true)
    })
  }

  /** The members of the cluster; `undefined` when the node does not report them. */
  private readonly membersBy = Effect.fnUntraced(
    function*(
      this: Inquiry,
      connection: Connection,
      wish: Wish
    ): Effect.fn.Return<ReadonlyMap<string, Member> | undefined> {
      const { address, endpoint } = connection
      const ask = (command: typeof ping) => Effect.orElseSucceed(this.query(connection, command, wish), () => null)
      if (!this.lackShards.has(address)) {
        const reply = yield* ask(clusterShards)
        if (!(reply instanceof ServerError)) return fromClusterShards(reply, endpoint, this.options.tls !== undefined)
        if (isPassing(kindOf(reply))) return undefined
        this.lackShards.add(address)
      }
      return fromClusterNodes(yield* ask(clusterNodes), endpoint)
    }
  )
}
