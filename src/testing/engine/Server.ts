/**
 * The state and the settings of a node.
 */
import type { CommandEntry } from "../../commands/table/CommandReply.ts"
import * as CommandTable from "../../commands/table/CommandTable.ts"
import type { KeySpec } from "../../commands/table/KeySpec.ts"
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, Members, notSupported, ok, Pairs, Simple, Verbatim } from "./Answer.ts"
import { glob } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { version } from "./ConnectionCommands.ts"
import type { NodeRole } from "./Roles.ts"

type Section = (node: NodeRole) => Readonly<Record<string, string | number>>

const replicationOf: Section = (node) => {
  const { primary, replicas } = node
  const common = { master_replid: (primary ?? node).streamId, master_repl_offset: node.offset }
  if (primary === undefined) {
    return {
      role: "master",
      connected_slaves: replicas.filter((replica) => replica.alive).length,
      ...Object.fromEntries(
        replicas.filter((replica) => replica.alive).map(({ endpoint: { host, port }, offset }, i) => [
          `slave${i}`,
          `ip=${host},port=${port},state=online,offset=${offset},lag=0`
        ])
      ),
      ...common
    }
  }
  return {
    role: "slave",
    connected_slaves: 0,
    master_host: primary.endpoint.host,
    master_port: primary.endpoint.port,
    master_link_status: primary.alive ? "up" : "down",
    slave_repl_offset: node.offset,
    slave_read_only: 1,
    ...common
  }
}

const sections: Readonly<Record<string, Section>> = {
  server: (node) => ({
    redis_version: version,
    redis_mode: "cluster",
    os: "TestCluster",
    arch_bits: 64,
    process_id: process.pid,
    run_id: node.id,
    tcp_port: node.endpoint.port,
    uptime_in_seconds: Math.floor(process.uptime()),
    availability_zone: node.zone ?? ""
  }),
  clients: (node) => ({ connected_clients: node.sessions.size, blocked_clients: node.blocked.size }),
  memory: () => ({ used_memory: 1_000_000, maxmemory: 0, maxmemory_policy: "noeviction" }),
  persistence: (node) => ({ loading: node.loadingUntil > node.cluster.now() ? 1 : 0 }),
  stats: (node) => ({
    total_connections_received: node.stats.connections,
    total_commands_processed: node.stats.commands,
    total_error_replies: [...node.stats.errors.values()].reduce((sum, count) => sum + count, 0)
  }),
  replication: replicationOf,
  cpu: () => ({ used_cpu_sys: 0, used_cpu_user: 0 }),
  commandstats: (node) =>
    Object.fromEntries(Array.from(node.stats.calls, ([name, calls]) => [
      `cmdstat_${name}`,
      `calls=${calls},usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0`
    ])),
  errorstats: (node) =>
    Object.fromEntries(Array.from(node.stats.errors, ([code, count]) => [`errorstat_${code}`, `count=${count}`])),
  cluster: () => ({ cluster_enabled: 1 }),
  keyspace: (node): Readonly<Record<string, string>> => {
    const keys = node.database.keys()
    const expiring = keys.filter((key) => (node.database.get(key)?.expireAt ?? Infinity) < Infinity).length
    return keys.length === 0 ? {} : { db0: `keys=${keys.length},expires=${expiring},avg_ttl=0,subexpiry=0` }
  }
}

const notByDefault = new Set(["commandstats"])

const info = (call: Call): Answer => {
  const wanted = call.every(1).map((word) => word.toLowerCase())
  const all = wanted.some((word) => word === "all" || word === "everything")
  const byDefault = wanted.length === 0 || wanted.includes("default")
  const texts = Object.entries(sections)
    .filter(([name]) => all || wanted.includes(name) || (byDefault && !notByDefault.has(name)))
    .map(([name, section]) => {
      const lines = Object.entries(section(call.node)).map(([field, value]) => `${field}:${value}\r\n`)
      return `# ${name[0].toUpperCase()}${name.slice(1)}\r\n${lines.join("")}`
    })
  return new Verbatim(texts.join("\r\n"))
}

const knownSettings: Readonly<Record<string, (node: NodeRole) => string>> = {
  maxmemory: () => "0",
  "maxmemory-policy": () => "noeviction",
  save: () => "",
  appendonly: () => "no",
  port: (node) => String(node.endpoint.port),
  "cluster-enabled": () => "yes",
  "cluster-node-timeout": (node) => String(node.cluster.settings.nodeTimeout),
  "cluster-require-full-coverage": (node) => node.cluster.settings.requireFullCoverage ? "yes" : "no",
  "notify-keyspace-events": (node) => node.notifications
}

const settingsOf = (node: NodeRole): ReadonlyMap<string, string> =>
  new Map([
    ...Object.entries(knownSettings).map(([name, value]) => [name, value(node)] as const),
    ...node.config
  ])

const config = (call: Call): Answer => {
  switch (call.word(1)) {
    case "GET": {
      const patterns = call.every(2).map((pattern) => glob(pattern.toLowerCase()))
      return new Pairs([...settingsOf(call.node)].filter(([name]) => patterns.some((match) => match(name))).flat())
    }
    case "SET": {
      for (let i = 2; i + 1 < call.args.length; i += 2) {
        const name = call.args[i].toLowerCase()
        if (name === "notify-keyspace-events") {
          call.node.notifications = call.args[i + 1]
          call.node.watchExpiry()
        } else call.node.config.set(name, call.args[i + 1])
      }
      return ok
    }
    case "RESETSTAT":
      call.node.stats.calls.clear()
      call.node.stats.errors.clear()
      call.node.stats.commands = 0
      call.node.stats.connections = 0
      return ok
    case "REWRITE":
      return ok
    default:
      return notSupported(`CONFIG ${call.word(1)}`)
  }
}

const role = (call: Call): Answer => {
  const { primary } = call.node
  if (primary === undefined) {
    return [
      "master",
      call.node.offset,
      call.node.replicas.filter((replica) => replica.alive).map(({ endpoint: { host, port }, offset }) => [
        host,
        String(port),
        String(offset)
      ])
    ]
  }
  const { host, port } = primary.endpoint
  return ["slave", host, port, primary.alive ? "connected" : "connect", call.node.offset]
}

/** A key specification in the reply of COMMAND. */
const keySpec = ({ begin, find, notKey }: KeySpec): Answer => {
  const beginning: Answer = begin.type === "index"
    ? new Pairs(["type", "index", "spec", new Pairs(["index", begin.index])])
    : begin.type === "keyword"
    ? new Pairs(["type", "keyword", "spec", new Pairs(["keyword", begin.keyword, "startfrom", begin.from])])
    : new Pairs(["type", "unknown", "spec", new Pairs([])])
  const finding: Answer = find.type === "range"
    ? new Pairs([
      "type",
      "range",
      "spec",
      new Pairs(["lastkey", find.last, "keystep", find.step, "limit", find.limit])
    ])
    : find.type === "keynum"
    ? new Pairs([
      "type",
      "keynum",
      "spec",
      new Pairs(["keynumidx", find.count, "firstkey", find.first, "keystep", find.step])
    ])
    : new Pairs(["type", "unknown", "spec", new Pairs([])])
  return new Pairs([
    "flags",
    new Members(notKey ? [new Simple("not_key")] : []),
    "begin_search",
    beginning,
    "find_keys",
    finding
  ])
}

/** The description of a command in the reply of COMMAND, from the library's own table. */
const describe = (
  node: NodeRole,
  name: string,
  entry: CommandEntry,
  subcommands: ReadonlyArray<Answer>
): Answer => {
  const found = node.lookup([name])
  const arity = found instanceof ServerError ? -1 : found.arity
  const [first] = entry.keySpecs
  const simple = first?.begin.type === "index" && first.find.type === "range" ? first : undefined
  const flags = [entry.readonly ? "readonly" : "write", ...(entry.blocking ? ["blocking"] : [])]
  return [
    name.toLowerCase(),
    arity,
    new Members(flags.map((flag) => new Simple(flag))),
    simple?.begin.type === "index" ? simple.begin.index : 0,
    simple?.find.type === "range" && simple.begin.type === "index"
      ? simple.find.last < 0 ? simple.find.last : simple.begin.index + simple.find.last
      : 0,
    simple?.find.type === "range" ? simple.find.step : 0,
    new Members([]),
    [
      ...(entry.requestTip === undefined ? [] : [`request_policy:${entry.requestTip}`]),
      ...(entry.responseTip === undefined ? [] : [`response_policy:${entry.responseTip}`])
    ],
    entry.keySpecs.map(keySpec),
    subcommands
  ]
}

const descriptions = (node: NodeRole, names: ReadonlyArray<string>): Answer => {
  const { entries } = CommandTable.embedded()
  return names.map((name): Answer => {
    const entry = entries.get(name)
    if (entry === undefined || !node.supported.includes(name)) return null
    const own = [...entries.values()].filter((other) => other.name.startsWith(`${name} `))
    return describe(
      node,
      name,
      entry,
      own.map((other) => describe(node, other.name.replace(" ", "|"), other, []))
    )
  })
}

const commandInfo = (call: Call): Answer => {
  const { supported } = call.node
  switch (call.args.length > 1 ? call.word(1) : "") {
    case "":
      return descriptions(call.node, supported.filter((name) => CommandTable.embedded().entries.has(name)))
    case "COUNT":
      return supported.length
    case "LIST":
      return supported.map((name) => name.toLowerCase())
    case "INFO":
      return descriptions(call.node, call.args.length > 2 ? call.every(2).map((name) => name.toUpperCase()) : supported)
    case "DOCS":
      return new Pairs([])
    case "GETKEYS": {
      const command = call.node.lookup(call.args.slice(2))
      if (command instanceof ServerError) return failure("ERR Invalid command specified")
      const keys = command.keysOf(call.args.slice(2))
      return keys.length === 0 ? failure("ERR The command has no key arguments") : keys
    }
    default:
      return notSupported(`COMMAND ${call.word(1)}`)
  }
}

const flush = (call: Call): Answer => {
  call.node.flush()
  return ok
}

export const server: Group = {
  INFO: read(-1, info),
  CONFIG: read(-2, config),
  COMMAND: read(-1, commandInfo),
  ROLE: read(1, role),
  DBSIZE: read(1, (call) => call.db.size),
  FLUSHALL: write(-1, flush),
  FLUSHDB: write(-1, flush),
  TIME: read(1, (call) => {
    const { now } = call
    return [String(Math.floor(now / 1000)), String(Math.floor((now % 1000) * 1000))]
  }),
  LASTSAVE: read(1, () => 0)
}
