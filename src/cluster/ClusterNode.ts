/**
 * A node of the cluster.
 *
 * @since 0.1.0
 */
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import { addressOf, type Endpoint } from "./Endpoint.ts"

/** The role of a node in its shard. */
export type Role = "primary" | "replica"

/** The health of a node, as `CLUSTER SHARDS` reports it. */
export type Health = "online" | "loading" | "fail"

const TypeId = "~effect-redis-cluster/ClusterNode"

/**
 * A node of one snapshot of the topology. A node that did not change is the same object in the next snapshot, so that
 * nodes can be keys of a `Map`.
 *
 * @category models
 * @since 0.1.0
 */
export class ClusterNode implements Endpoint {
  /** The node id, 40 hexadecimal digits; empty while it is known from a redirect only. */
  readonly id: string
  readonly host: string
  readonly port: number
  /** `host:port`. */
  readonly address: string
  readonly role: Role
  /** The availability zone, where the server reports it (Valkey 9.1 and later). */
  readonly zone: string | undefined
  /** The health of the node, where the server reports it (Redis 7.0 and later). */
  readonly health: Health | undefined

  constructor(
    fields: Endpoint & {
      readonly id: string
      readonly role: Role
      readonly zone?: string | undefined
      readonly health?: Health | undefined
    }
  ) {
    this.id = fields.id
    this.host = fields.host
    this.port = fields.port
    this.address = addressOf(fields)
    this.role = fields.role
    this.zone = fields.zone
    this.health = fields.health
  }

  get [TypeId](): typeof TypeId {
    return TypeId
  }

  toString(): string {
    return this.address
  }

  /** A node in short, as a key of a map is printed: `127.0.0.1:7000 (primary)`. */
  [NodeInspectSymbol](): string {
    return `${this.address} (${[this.role, this.zone].filter((word) => word !== undefined).join(", ")})`
  }
}

/**
 * Whether two ids may be those of one node: the id is unknown while only a redirect or the list of startup nodes has named
 * the node.
 *
 * @internal
 */
export const mayBeSame = (one: string, other: string): boolean => one === "" || other === "" || one === other

/**
 * The results of a command that answers by node, by the addresses of the nodes: `host:port`.
 *
 * **Example** (The memory of one node)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { byAddress, ClusterClient } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   const infos = byAddress(yield* redis.info("memory"))
 *   return infos.get("127.0.0.1:7000")
 * })
 * ```
 *
 * @category accessors
 * @since 0.1.0
 */
export const byAddress = <A>(results: ReadonlyMap<ClusterNode, A>): ReadonlyMap<string, A> =>
  new Map(Array.from(results, ([node, result]) => [node.address, result]))

/**
 * Whether a value is a `ClusterNode`. Nodes that another copy of the package made count as well.
 *
 * @category guards
 * @since 0.1.0
 */
export const isClusterNode = (value: unknown): value is ClusterNode => Predicate.hasProperty(value, TypeId)
