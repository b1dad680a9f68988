/**
 * The nodes that belong to a cluster, whether they serve slots or not, from `CLUSTER SHARDS` and, on servers without
 * it, from `CLUSTER NODES`.
 */
import type { Health, Role } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { Reply } from "../protocol/Reply.ts"

/** A node that belongs to the cluster, as another node reports it. */
export interface Member {
  readonly id: string
  /** The endpoint that the node announces; `undefined` when the node that was asked does not know it. */
  readonly endpoint: Endpoint | undefined
  readonly role: Role
  readonly health: Health | undefined
  readonly zone: string | undefined
}

/**
 * The host that a server announced. An unknown endpoint (null or empty) stands for the host that the answer came from,
 * `"?"` for no host at all.
 */
export const announcedHost = (host: string | null, via: Endpoint, ip?: string): string | undefined => {
  if (host === null || host === "") return via.host
  if (host === "?") return ip === undefined || ip === "" ? undefined : ip
  return host
}

/** The fields of a reply: a map over RESP3, a flat array over RESP2, nothing from servers that are too old. */
export const fieldsOf = (reply: Reply | undefined): ReadonlyMap<Reply, Reply> => {
  if (reply instanceof Map) return reply
  const fields = new Map<Reply, Reply>()
  if (Array.isArray(reply)) {
    for (let i = 0; i + 1 < reply.length; i += 2) fields.set(reply[i], reply[i + 1])
  }
  return fields
}

export const textOf = (reply: Reply | undefined): string | undefined => typeof reply === "string" ? reply : undefined

const healthOf = (reply: Reply | undefined): Health | undefined =>
  reply === "online" || reply === "loading" || reply === "fail" ? reply : undefined

const listOf = (reply: Reply | undefined): ReadonlyArray<Reply> => Array.isArray(reply) ? reply : []

const portOf = (node: ReadonlyMap<Reply, Reply>, tls: boolean): number => {
  const port = (tls ? node.get("tls-port") : undefined) ?? node.get("port") ?? node.get("tls-port")
  return typeof port === "number" ? port : 0
}

/**
 * Reads the answer of `CLUSTER SHARDS`, by id. `undefined` when the server does not know the command, or the user may not run
 * it.
 */
export const fromClusterShards = (
  reply: Reply,
  via: Endpoint,
  tls: boolean
): ReadonlyMap<string, Member> | undefined => {
  if (!Array.isArray(reply)) return undefined
  const members = new Map<string, Member>()
  for (const shard of reply as ReadonlyArray<Reply>) {
    for (const fields of listOf(fieldsOf(shard).get("nodes"))) {
      const node = fieldsOf(fields)
      const id = textOf(node.get("id"))
      const ip = textOf(node.get("ip"))
      const host = ip === undefined || ip === ""
        ? undefined
        : announcedHost(textOf(node.get("endpoint")) ?? null, via, ip)
      const port = portOf(node, tls)
      if (id === undefined) continue
      members.set(id, {
        id,
        endpoint: host === undefined || port <= 0 ? undefined : { host, port },
        role: node.get("role") === "master" ? "primary" : "replica",
        health: healthOf(node.get("health")),
        zone: textOf(node.get("availability-zone"))
      })
    }
  }
  return members
}

/** `id ip:port@busPort[,hostname] flags ...` */
const nodeLine = /^([0-9a-f]{40}) (\S*):(\d+)(?:@\d+)?(?:,\S*)? (\S+) /

/** Flags of nodes that do not belong to the cluster yet, or that cannot be reached by anybody. */
const outsiders = new Set(["handshake", "noaddr"])

/** Reads the answer of `CLUSTER NODES`, by id; `undefined` when the reply is something else. */
export const fromClusterNodes = (reply: Reply, via: Endpoint): ReadonlyMap<string, Member> | undefined => {
  if (typeof reply !== "string") return undefined
  const members = new Map<string, Member>()
  for (const line of reply.split("\n")) {
    const [, id, ip, port, text] = nodeLine.exec(line) ?? []
    if (id === undefined) continue
    const flags = text.split(",")
    if (flags.some((flag) => outsiders.has(flag))) continue
    members.set(id, {
      id,
      // A node that has not met any other does not know its own address.
      endpoint: { host: ip === "" ? via.host : ip, port: Number(port) },
      role: flags.includes("master") ? "primary" : "replica",
      health: flags.includes("fail") ? "fail" : "online",
      zone: undefined
    })
  }
  return members.size === 0 ? undefined : members
}
