/**
 * The CLUSTER commands, and those with which a connection describes itself in a cluster.
 */
import { slotCount } from "../../cluster/HashSlot.ts"
import { type Answer, notSupported, ok, Pairs, Simple, Verbatim } from "./Answer.ts"
import { parseInteger } from "./Bytes.ts"
import { type Call, type Group, read } from "./Call.ts"
import { slotOf } from "./Database.ts"
import type { NodeRole } from "./Roles.ts"

interface Range {
  readonly start: number
  readonly end: number
  readonly owner: NodeRole
}

/** The ranges of slots with one owner, by the view of a node. */
const rangesOf = (node: NodeRole): ReadonlyArray<Range> => {
  const ranges: Array<Range> = []
  const { view } = node
  for (let start = 0; start < slotCount;) {
    let end = start
    while (end + 1 < slotCount && view[end + 1] === view[start]) end++
    const owner = node.cluster.nodes[view[start]]
    if (owner !== undefined) ranges.push({ start, end, owner })
    start = end + 1
  }
  return ranges
}

const listedReplicas = (primary: NodeRole): ReadonlyArray<NodeRole> =>
  primary.replicas.filter((replica) => !replica.failed && replica.cluster.isMember(replica))

const metadataOf = (node: NodeRole): Pairs => {
  const { preferredEndpoint } = node.cluster.settings
  const items: Array<Answer> = []
  if (preferredEndpoint !== "ip") items.push("ip", node.endpoint.host)
  if (preferredEndpoint !== "hostname" && node.hostname !== undefined) items.push("hostname", node.hostname)
  if (node.zone !== undefined) items.push("availability-zone", node.zone)
  return new Pairs(items)
}

const announcedHost = (node: NodeRole): Answer => {
  const host = node.cluster.hostOf(node)
  return host === "" ? null : host
}

const slots = (call: Call): Answer =>
  rangesOf(call.node).map(({ end, owner, start }) => {
    const row: Array<Answer> = [start, end]
    for (const node of [owner, ...listedReplicas(owner)]) {
      row.push([announcedHost(node), node.endpoint.port, node.id, metadataOf(node)])
    }
    return row
  })

const healthOf = (node: NodeRole): string =>
  node.failed ? "fail" : node.loadingUntil > node.cluster.now() ? "loading" : "online"

const shards = (call: Call): Answer => {
  const ranges = rangesOf(call.node)
  return call.node.cluster.members.filter((node) => node.isPrimary).map((primary) =>
    new Pairs([
      "slots",
      ranges.filter(({ owner }) => owner === primary).flatMap(({ end, start }) => [start, end]),
      "nodes",
      [primary, ...primary.replicas].map((node) =>
        new Pairs([
          "id",
          node.id,
          "port",
          node.endpoint.port,
          "ip",
          node.endpoint.host,
          "endpoint",
          announcedHost(node) ?? "",
          ...(node.hostname === undefined ? [] : ["hostname", node.hostname]),
          "role",
          node.isPrimary ? "master" : "replica",
          "replication-offset",
          node.offset,
          "health",
          healthOf(node),
          ...(node.zone === undefined ? [] : ["availability-zone", node.zone])
        ])
      )
    ])
  )
}

const lineOf = (call: Call, node: NodeRole, ranges: ReadonlyArray<Range>): string => {
  const flags = [
    ...(node === call.node ? ["myself"] : []),
    node.isPrimary ? "master" : "slave",
    ...(node.failed ? ["fail"] : [])
  ]
  const hostname = node.hostname === undefined ? "" : `,${node.hostname}`
  const own = ranges.filter(({ owner }) => owner === node).map(({ end, start }) =>
    start === end ? `${start}` : `${start}-${end}`
  )
  const moving = node === call.node
    ? [
      ...Array.from(node.migrating, ([slot, target]) => `[${slot}->-${target.id}]`),
      ...Array.from(node.importing, ([slot, source]) => `[${slot}-<-${source.id}]`)
    ]
    : []
  const { endpoint: { host, port } } = node
  return [
    node.id,
    `${host}:${port}@${port + 10_000}${hostname}`,
    flags.join(),
    node.primary?.id ?? "-",
    "0",
    "0",
    String(node.cluster.epoch),
    node.failed ? "disconnected" : "connected",
    ...own,
    ...moving
  ].join(" ")
}

const nodes = (call: Call): Answer => {
  const ranges = rangesOf(call.node)
  return new Verbatim(call.node.cluster.members.map((node) => `${lineOf(call, node, ranges)}\n`).join(""))
}

const info = (call: Call): Answer => {
  const { cluster } = call.node
  const ranges = rangesOf(call.node)
  const assigned = ranges.reduce((sum, { end, start }) => sum + end - start + 1, 0)
  const failed = ranges.filter(({ owner }) => owner.failed).reduce((sum, { end, start }) => sum + end - start + 1, 0)
  const facts = {
    cluster_state: cluster.isHealthy ? "ok" : "fail",
    cluster_slots_assigned: assigned,
    cluster_slots_ok: assigned - failed,
    cluster_slots_pfail: 0,
    cluster_slots_fail: failed,
    cluster_known_nodes: cluster.members.length,
    cluster_size: new Set(ranges.map(({ owner }) => owner)).size,
    cluster_current_epoch: cluster.epoch,
    cluster_my_epoch: cluster.epoch,
    cluster_stats_messages_sent: 0,
    cluster_stats_messages_received: 0,
    total_cluster_links_buffer_limit_exceeded: 0
  }
  return new Verbatim(Object.entries(facts).map(([name, value]) => `${name}:${value}\r\n`).join(""))
}

const slotArgument = (call: Call, index: number): number => {
  const slot = parseInteger(call.args[index] ?? "")
  if (slot === undefined || slot < 0 || slot >= slotCount) call.refuse("ERR Invalid or out of range slot")
  return slot ?? 0
}

const nodeArgument = (call: Call, index: number): NodeRole | undefined => {
  const id = call.args[index] ?? ""
  const node = call.node.cluster.members.find((one) => one.id === id)
  if (node === undefined) call.refuse(`ERR Unknown node ${id}`)
  return node
}

const setSlot = (call: Call): Answer => {
  const { cluster } = call.node
  if (!call.node.isPrimary) return call.refuse("ERR You can use SETSLOT only with masters.")
  const slot = slotArgument(call, 2)
  const action = call.word(3)
  const other = action === "STABLE" ? undefined : nodeArgument(call, 4)
  if (call.failed) return null
  if (action === "STABLE") {
    call.node.migrating.delete(slot)
    call.node.importing.delete(slot)
  } else if (other === undefined) return call.syntax()
  else if (action === "MIGRATING") {
    if (cluster.nodes[call.node.view[slot]] !== call.node) {
      return call.refuse(`ERR I'm not the owner of hash slot ${slot}`)
    }
    call.node.migrating.set(slot, other)
  } else if (action === "IMPORTING") {
    if (cluster.nodes[call.node.view[slot]] === call.node) {
      return call.refuse(`ERR I'm already the owner of hash slot ${slot}`)
    }
    call.node.importing.set(slot, other)
  } else if (action !== "NODE") return call.syntax()
  else if (other === call.node && call.node.importing.has(slot)) {
    // The node that takes the slot over informs the others.
    cluster.epoch++
    cluster.assign([slot], other)
  } else {
    if (cluster.nodes[call.node.view[slot]] === call.node && other !== call.node) {
      if (call.node.database.keysInSlot(slot).length > 0) {
        return call.refuse(
          `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`
        )
      }
    }
    call.node.view[slot] = other.index
    call.node.migrating.delete(slot)
    call.node.importing.delete(slot)
    cluster.changed()
  }
  return ok
}

const failover = (call: Call): Answer => {
  const { node } = call
  if (node.isPrimary) return call.refuse("ERR You should send CLUSTER FAILOVER to a replica")
  const mode = call.word(2)
  if (!["", "FORCE", "TAKEOVER"].includes(mode)) return call.syntax()
  if (mode === "" && node.primary?.alive === false) {
    return call.refuse("ERR Master is down or failed, please use CLUSTER FAILOVER FORCE")
  }
  // The reply comes before the failover.
  node.cluster.host.defer(() => node.cluster.promote(node, mode === ""))
  return ok
}

const assignRanges = (owned: boolean) => (call: Call): Answer => {
  const isRange = call.word(1).endsWith("RANGE")
  const slots: Array<number> = []
  for (let i = 2; i < call.args.length; i += isRange ? 2 : 1) {
    const start = slotArgument(call, i)
    const end = isRange ? slotArgument(call, i + 1) : start
    for (let slot = start; slot <= end && !call.failed; slot++) slots.push(slot)
  }
  if (call.failed) return null
  const { cluster, view } = call.node
  const busy = slots.find((slot) => owned === (cluster.nodes[view[slot]] !== undefined))
  if (busy !== undefined) return call.refuse(`ERR Slot ${busy} is already ${owned ? "busy" : "unassigned"}`)
  cluster.assign(slots, owned ? call.node : undefined)
  return ok
}

const subcommands: Readonly<Record<string, ((call: Call) => Answer) | undefined>> = {
  SLOTS: slots,
  SHARDS: shards,
  NODES: nodes,
  INFO: info,
  MYID: (call) => call.node.id,
  MYSHARDID: (call) => (call.node.primary ?? call.node).id,
  KEYSLOT: (call) => slotOf(call.args[2] ?? ""),
  COUNTKEYSINSLOT: (call) => {
    const slot = slotArgument(call, 2)
    return call.failed ? null : call.db.keysInSlot(slot).length
  },
  GETKEYSINSLOT: (call) => {
    const slot = slotArgument(call, 2)
    const count = call.integer(3)
    return call.failed ? null : call.db.keysInSlot(slot).slice(0, count)
  },
  SETSLOT: setSlot,
  FAILOVER: failover,
  ADDSLOTS: assignRanges(true),
  ADDSLOTSRANGE: assignRanges(true),
  DELSLOTS: assignRanges(false),
  DELSLOTSRANGE: assignRanges(false),
  REPLICATE: (call) => {
    const primary = nodeArgument(call, 2)
    if (primary === undefined) return null
    if (primary === call.node) return call.refuse("ERR Can't replicate myself")
    call.node.cluster.replicate(call.node, primary)
    call.node.cluster.changed()
    return ok
  },
  REPLICAS: (call) => {
    const primary = nodeArgument(call, 2)
    if (primary === undefined) return null
    return primary.replicas.map((replica) => lineOf(call, replica, []))
  },
  "COUNT-FAILURE-REPORTS": () => 0,
  LINKS: () => [],
  SAVECONFIG: () => ok,
  BUMPEPOCH: (call) => {
    call.node.cluster.epoch++
    return `BUMPED ${call.node.cluster.epoch}`
  },
  FORGET: (call) => {
    const node = nodeArgument(call, 2)
    if (node === undefined) return null
    if (node === call.node) return call.refuse("ERR I tried hard but I can't forget myself...")
    return ok
  }
}

/** MIGRATE to another node of the same cluster. */
const migrate = (call: Call): Answer => {
  const { cluster } = call.node
  const target = cluster.nodeAt({ host: call.args[1], port: Number(call.args[2]) })
  const at = call.args.findIndex((word, i) => i > 5 && word.toUpperCase() === "KEYS")
  const keys = at === -1 ? [call.args[3]] : call.args.slice(at + 1)
  if (target === undefined || !target.alive) return call.refuse("IOERR error or timeout connecting to the client")
  const copies = call.args.slice(6, at === -1 ? undefined : at).some((word) => word.toUpperCase() === "COPY")
  const present = keys.filter((key) => call.db.has(key))
  if (present.length === 0) return new Simple("NOKEY")
  if (copies) return notSupported("MIGRATE with COPY")
  for (const key of present) cluster.moveKey(call.node, target, key)
  target.serveBlocked()
  return ok
}

const flag = (set: (call: Call) => void) =>
  read(1, (call) => {
    set(call)
    return ok
  })

export const clusterCommands: Group = {
  CLUSTER: read(-2, (call) => {
    const run = subcommands[call.word(1)]
    return run === undefined ? notSupported(`CLUSTER ${call.word(1)}`) : run(call)
  }),
  MIGRATE: { arity: -6, write: true, run: migrate },
  ASKING: flag((call) => (call.session.asking = true)),
  READONLY: flag((call) => (call.session.readonly = true)),
  READWRITE: flag((call) => (call.session.readonly = false))
}
