/**
 * What can be said about a client: options, their defaults, and their check.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Duplex } from "node:stream"
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls"
import type { ClusterNode } from "./cluster/ClusterNode.ts"
import type { Endpoint } from "./cluster/Endpoint.ts"
import { millisOf } from "./internal/millis.ts"
import * as ReadFrom from "./ReadFrom.ts"
import type { RedisClusterException } from "./RedisClusterException.ts"

/**
 * What a server wants to know before it serves.
 *
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** The ACL user; without it the password is that of the default user. */
  readonly username?: string | undefined
  readonly password: Redacted.Redacted
}

/**
 * TLS: the options of `node:tls`, and the server name (SNI, certificate check) for each node.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions extends TlsConnectionOptions {
  /** The server name for a node; without it, `servername`, and without that the node's host. */
  readonly servernameOf?: ((endpoint: Endpoint) => string) | undefined
}

/**
 * The options of a client. Only `nodes` is required.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterOptions {
  /**
   * The startup nodes: `"redis://user:password@host:port"`, `"rediss://host:port"` (as they are, or `Redacted`) or
   * `{ host, port }`, one or many.
   * They are tried in order, and kept for ever as the last resort.
   *
   * Or an effect that finds them (see `Discovery`): it runs at the start, and again whenever no known node answers.
   */
  readonly nodes: StartupNode | ReadonlyArray<StartupNode> | FindNodes
  /** The user of `AUTH`; wins over the URL. */
  readonly username?: string | undefined
  /** The password of `AUTH`; wins over the URL. */
  readonly password?: Redacted.Redacted | undefined
  /**
   * Credentials that change; wins over `username` and `password`. An effect is asked before each connection attempt. A
   * stream gives the credentials of today and then every later ones: new connections use the newest, and open ones log
   * in anew as soon as they come. One that ends leaves its last credentials in force, one that fails is run again.
   */
  readonly credentials?: Effect.Effect<Credentials, unknown> | Stream.Stream<Credentials, unknown> | undefined
  /** The name of the connections, as `CLIENT LIST` shows it. */
  readonly clientName?: string | undefined
  /** TLS; implied by `rediss://`. */
  readonly tls?: boolean | TlsOptions | undefined
  /** From call to reply, over queue, wire, redirects and back-off. Default: 5 seconds. */
  readonly commandTimeout?: Duration.Input | undefined
  /** From dialling to the end of the handshake. Default: 2 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long commands on the wire are waited for when the client closes. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
  /** TCP keep-alive probes start after this time of silence. Default: 30 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** When replies are due and the connection has been silent for this long, a PING is sent. Default: 2 seconds. */
  readonly pingAfter?: Duration.Input | undefined
  /**
   * When that PING is not answered for this long, the connection is destroyed and replaced. Together with `pingAfter` it
   * should outlast what a healthy server may take: a manual failover pauses its clients for up to 5 seconds.
   * Default: 4 seconds.
   */
  readonly pingTimeout?: Duration.Input | undefined
  /** How many MOVED and ASK redirects a command may follow without a pause in between. Default: 16. */
  readonly maxRedirects?: number | undefined
  /**
   * How long to wait before a command is tried again while the topology is changing (CLUSTERDOWN, TRYAGAIN, a lost
   * node ...). A new topology ends the wait early; the deadline ends it for good.
   * Default: 10 ms, doubling to 200 ms, jittered.
   */
  readonly retrySchedule?: Schedule.Schedule<unknown, RedisClusterException> | undefined
  /** When to dial again after a connection attempt failed. Default: 50 ms, doubling to 1 second, jittered. */
  readonly reconnectSchedule?: Schedule.Schedule<unknown> | undefined
  /** The time between two topology refreshes when nothing asks for one. Default: 60 seconds; `"Infinity"` turns it off. */
  readonly refreshInterval?: Duration.Input | undefined
  /** The least time between two topology refreshes. Default: 100 milliseconds. */
  readonly minRefreshInterval?: Duration.Input | undefined
  /** Start only when all 16384 slots have an owner. Default: `false`. */
  readonly requireFullCoverage?: boolean | undefined
  /** How many commands may be unanswered per node. Default: 16384. */
  readonly maxInFlight?: number | undefined
  /** How many bytes of unanswered commands there may be per node. Default: 64 MiB. */
  readonly maxInFlightBytes?: number | undefined
  /**
   * How many connections per node there may be beside the shared one: for blocking commands, `watch`, `dedicated` and
   * consumers. Whoever comes when all are in use waits for one, within its deadline. Default: 1024.
   */
  readonly maxDedicatedConnections?: number | undefined
  /** How long such a connection may be unused before it is closed. Default: 30 seconds. */
  readonly dedicatedIdleTimeout?: Duration.Input | undefined
  /** At the bound, new commands wait (within their deadline) or fail at once with `OverloadedError`. Default: `"wait"`. */
  readonly overflow?: "wait" | "fail" | undefined
  /**
   * Translates the addresses that servers announce (NAT, port forwarding); applied to the topology, MOVED and ASK. Where it throws, the address is left as it is.
   */
  readonly mapAddress?: ((endpoint: Endpoint) => Endpoint) | undefined
  /** Supplies the byte stream to a node in place of `node:net` and `node:tls`: tunnels, tests. */
  readonly stream?: ((endpoint: Endpoint) => Duplex) | undefined
  /** The newest RESP version to speak; a server that refuses 3 is spoken to in 2. Default: 3. */
  readonly protocol?: 2 | 3 | undefined
  /** Which nodes serve commands that only read. Default: `ReadFrom.primary`. */
  readonly readFrom?: ReadFrom.Policy | undefined
  /** The availability zone that this client runs in, for `ReadFrom.nearest`. */
  readonly availabilityZone?: string | undefined
  /** The availability zones of the nodes, where their servers do not tell them; wins over what those tell. */
  readonly zoneOf?: ((node: ClusterNode) => string | undefined) | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export type StartupNode = string | Redacted.Redacted | Endpoint

/**
 * Finds the startup nodes.
 *
 * @category models
 * @since 0.1.0
 */
export type FindNodes = Effect.Effect<ReadonlyArray<Endpoint>, unknown>

/**
 * The options after the check, with every default in place. Durations are milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResolvedOptions {
  readonly seeds: ReadonlyArray<Endpoint>
  /** In place of `seeds`. */
  readonly findSeeds: FindNodes | undefined
  readonly credentials: Effect.Effect<Credentials, unknown> | Credentials | undefined
  /** In place of `credentials`. */
  readonly credentialsStream: Stream.Stream<Credentials, unknown> | undefined
  readonly clientName: string | undefined
  readonly tls: TlsOptions | undefined
  readonly commandTimeout: number
  readonly connectTimeout: number
  readonly drainTimeout: number
  readonly keepAlive: number
  readonly pingAfter: number
  readonly pingTimeout: number
  readonly maxRedirects: number
  readonly retrySchedule: Schedule.Schedule<unknown, RedisClusterException>
  readonly reconnectSchedule: Schedule.Schedule<unknown>
  readonly refreshInterval: number
  readonly minRefreshInterval: number
  readonly requireFullCoverage: boolean
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly maxDedicatedConnections: number
  readonly dedicatedIdleTimeout: number
  readonly overflow: "wait" | "fail"
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  readonly stream: ((endpoint: Endpoint) => Duplex) | undefined
  readonly protocol: 2 | 3
  readonly readFrom: ReadFrom.Policy
  readonly availabilityZone: string | undefined
  readonly zoneOf: ((node: ClusterNode) => string | undefined) | undefined
}

const defaultRetrySchedule: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("10 millis"),
  Schedule.spaced("200 millis")
]).pipe(Schedule.jittered)

const defaultReconnectSchedule: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("50 millis"),
  Schedule.spaced("1 second")
]).pipe(Schedule.jittered)

interface ParsedNode {
  readonly endpoint: Endpoint
  readonly tls: boolean
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
}

/**
 * Whether there can be a server.
 *
 * @internal
 */
export const isUsable = ({ host, port }: Endpoint): boolean =>
  host.length > 0 && Number.isInteger(port) && port > 0 && port < 65536

/** The host as sockets want it: without the brackets of an IPv6 literal. */
const bareHost = (hostname: string): string => hostname.startsWith("[") ? hostname.slice(1, -1) : hostname

const decoded = (text: string): string | undefined =>
  Result.getOrUndefined(Result.try({ try: () => decodeURIComponent(text), catch: () => undefined }))

const parseUrl = (input: string, position: number): Result.Result<ParsedNode, string> => {
  // The URL itself may hold a password: messages name its position only.
  const where = `nodes[${position}]`
  const url = URL.canParse(input) ? new URL(input) : undefined
  if (url === undefined || (url.protocol !== "redis:" && url.protocol !== "rediss:")) {
    return Result.fail(`${where} is not a URL of the form redis://[user:password@]host:port or rediss://...`)
  }
  if (url.pathname !== "" && url.pathname !== "/" && url.pathname !== "/0") {
    return Result.fail(`${where} names a database; a cluster has database 0 only, leave the path out`)
  }
  const [hostname, username, password] = [url.hostname, url.username, url.password].map(decoded)
  if (hostname === undefined || username === undefined || password === undefined) {
    return Result.fail(`${where} holds a % that is no valid percent-encoding; a % itself is written %25`)
  }
  const host = bareHost(hostname)
  const port = url.port === "" ? 6379 : Number(url.port)
  if (!isUsable({ host, port })) return Result.fail(`${where} has no usable host and port (1 to 65535)`)
  return Result.succeed({
    endpoint: { host, port },
    tls: url.protocol === "rediss:",
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : Redacted.make(password)
  })
}

const parseNode = (node: StartupNode, position: number): Result.Result<ParsedNode, string> => {
  if (typeof node === "string") return parseUrl(node, position)
  if (Redacted.isRedacted(node)) return parseUrl(Redacted.value(node), position)
  return isUsable(node)
    ? Result.succeed({ endpoint: { host: node.host, port: node.port }, tls: false })
    : Result.fail(`nodes[${position}] needs a host and a port from 1 to 65535`)
}

/** The nodes of a list, all of them with TLS or all without. */
const parseNodes = (
  nodes: StartupNode | ReadonlyArray<StartupNode>
): Result.Result<ReadonlyArray<ParsedNode>, string> => {
  // `Array.isArray` does not narrow a read-only array.
  const given = Array.isArray(nodes) ? nodes as ReadonlyArray<StartupNode> : [nodes as StartupNode]
  if (given.length === 0) return Result.fail("nodes is empty; at least one startup node is needed")
  const parsed: Array<ParsedNode> = []
  for (let i = 0; i < given.length; i++) {
    const node = parseNode(given[i], i)
    if (Result.isFailure(node)) return Result.fail(node.failure)
    parsed.push(node.success)
  }
  return parsed.some((node) => node.tls !== parsed[0].tls)
    ? Result.fail("nodes mixes redis:// and rediss:// URLs; a cluster is reached with TLS or without")
    : Result.succeed(parsed)
}

const asItIs = (endpoint: Endpoint): Endpoint => endpoint

/** A program's own function is called where nobody could catch what it throws: in the middle of what a socket brought. */
const unlessItThrows = <A, B>(f: (value: A) => B, otherwise: (value: A) => B) => (value: A): B => {
  try {
    return f(value)
  } catch {
    return otherwise(value)
  }
}

/**
 * Checks options and fills in the defaults. A failure is a message that says what was wrong.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (options: ClusterOptions): Result.Result<ResolvedOptions, string> => {
  const findSeeds = Effect.isEffect(options.nodes) ? options.nodes : undefined
  const nodes = Effect.isEffect(options.nodes) ? Result.succeed([]) : parseNodes(options.nodes)
  if (Result.isFailure(nodes)) return Result.fail(nodes.failure)
  const parsed = nodes.success

  const problems: Array<string> = []
  const millis = (name: string, input: Duration.Input | undefined, fallback: number, least: number): number => {
    if (input === undefined) return fallback
    const value = millisOf(input)
    if (!(value >= least)) problems.push(`${name} has to be a duration of at least ${least} ms`)
    return value
  }
  const count = (name: string, input: number | undefined, fallback: number, least: number): number => {
    const value = input ?? fallback
    if (!Number.isInteger(value) || value < least) problems.push(`${name} has to be an integer of at least ${least}`)
    return value
  }

  const password = options.password ?? parsed.find((node) => node.password !== undefined)?.password
  const username = options.username ?? parsed.find((node) => node.username !== undefined)?.username
  if (options.credentials === undefined && username !== undefined && password === undefined) {
    problems.push("username is given without a password")
  }
  if (options.clientName !== undefined && /[^!-~]/.test(options.clientName)) {
    problems.push("clientName may not contain spaces, newlines or special characters")
  }
  const tls = options.tls ?? parsed[0]?.tls ?? false
  const credentialsStream = Stream.isStream(options.credentials) ? options.credentials : undefined
  const credentials = Effect.isEffect(options.credentials) ? options.credentials : undefined
  const readFrom = options.readFrom ?? ReadFrom.primary
  if (options.availabilityZone === "") problems.push("availabilityZone is empty; name a zone, or leave it out")
  // Programs in plain JavaScript may give anything.
  const unreadable = ReadFrom.isPolicy(readFrom)
    ? ReadFrom.problemOf(readFrom, options.availabilityZone)
    : "readFrom has to be one of the policies of ReadFrom"
  if (unreadable !== undefined) problems.push(unreadable)

  const resolved: ResolvedOptions = {
    seeds: parsed.map((node) => node.endpoint),
    findSeeds,
    credentials: credentials ?? (password === undefined ? undefined : { username, password }),
    credentialsStream,
    clientName: options.clientName,
    tls: tls === false ? undefined : tls === true ? {} : tls,
    commandTimeout: millis("commandTimeout", options.commandTimeout, 5000, 1),
    connectTimeout: millis("connectTimeout", options.connectTimeout, 2000, 1),
    drainTimeout: millis("drainTimeout", options.drainTimeout, 1000, 0),
    keepAlive: millis("keepAlive", options.keepAlive, 30_000, 0),
    pingAfter: millis("pingAfter", options.pingAfter, 2000, 1),
    pingTimeout: millis("pingTimeout", options.pingTimeout, 4000, 1),
    maxRedirects: count("maxRedirects", options.maxRedirects, 16, 0),
    retrySchedule: options.retrySchedule ?? defaultRetrySchedule,
    reconnectSchedule: options.reconnectSchedule ?? defaultReconnectSchedule,
    refreshInterval: millis("refreshInterval", options.refreshInterval, 60_000, 100),
    minRefreshInterval: millis("minRefreshInterval", options.minRefreshInterval, 100, 1),
    requireFullCoverage: options.requireFullCoverage ?? false,
    maxInFlight: count("maxInFlight", options.maxInFlight, 16_384, 1),
    maxInFlightBytes: count("maxInFlightBytes", options.maxInFlightBytes, 64 * 1024 * 1024, 1),
    maxDedicatedConnections: count("maxDedicatedConnections", options.maxDedicatedConnections, 1024, 1),
    dedicatedIdleTimeout: millis("dedicatedIdleTimeout", options.dedicatedIdleTimeout, 30_000, 0),
    overflow: options.overflow ?? "wait",
    mapAddress: unlessItThrows(options.mapAddress ?? asItIs, asItIs),
    stream: options.stream,
    protocol: options.protocol ?? 3,
    readFrom,
    availabilityZone: options.availabilityZone,
    zoneOf: options.zoneOf === undefined ? undefined : unlessItThrows(options.zoneOf, () => undefined)
  }
  return problems.length === 0 ? Result.succeed(resolved) : Result.fail(problems.join("; "))
}
