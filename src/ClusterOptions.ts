/**
 * The options of a client, their defaults, and their check.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { isIPv6 } from "node:net"
import type { Duplex } from "node:stream"
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls"
import * as ClusterNode from "./cluster/ClusterNode.ts"
import type { Endpoint } from "./cluster/Endpoint.ts"
import * as checks from "./internal/checks.ts"
import { millisOf } from "./internal/millis.ts"
import type { Argument, Reply } from "./protocol/Reply.ts"
import * as ReadFrom from "./ReadFrom.ts"
import { exception, OptionsError, type RedisClusterException } from "./RedisClusterException.ts"

/**
 * The user and the password with which connections log in, for the option `credentials`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Credentials {
  /** The ACL user. Default: the default user. */
  readonly username?: string | undefined
  /** The password, which is never shown. */
  readonly password: Redacted.Redacted
}

/**
 * TLS: the options of `node:tls`, and the server name (SNI, certificate check) for each node.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions extends TlsConnectionOptions {
  /** The server name for a node. Default: `servername`, or else the node's host. */
  readonly servernameOf?: ((endpoint: Endpoint) => string) | undefined
}

/** A connection that was just made, for the option `onConnect`. */
export interface NewConnection extends Endpoint {
  /**
   * Sends a command, one after the other, and gives its reply: `send("CLIENT", "NO-EVICT", "ON")`. An error of the server fails it
   * with `ReplyError`. Commands that would change the replies of the connection, or that the client has to know of (`SELECT`, `AUTH`,
   * `READONLY`, `CLIENT TRACKING`, `SUBSCRIBE`, `MULTI`, blocking commands), fail with `OptionsError` and are not sent.
   */
  readonly send: (
    name: string,
    ...args: ReadonlyArray<Argument | number | bigint>
  ) => Effect.Effect<Reply, RedisClusterException>
}

/**
 * The cache of the client, for the option `cache`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CacheOptions {
  /** The greatest size of all cached replies, with their keys and indexes, in bytes: 1024 at least, for a small reply takes about 400. */
  readonly maxBytes: number
  /**
   * The first parts of the keys that may be cached. With it servers report every change of a key that begins with one of them, read or
   * not (`CLIENT TRACKING ... BCAST`), and remember nothing. No prefix may begin with another. Default: any key may be cached, and servers
   * remember which keys were read.
   */
  readonly prefixes?: ReadonlyArray<string> | undefined
}

/**
 * The options of a client. Only `nodes` is required.
 *
 * **Details**
 *
 * Times are durations of Effect (`"5 seconds"`); a bare number is milliseconds. An option that does not exist, or that cannot be used,
 * fails the layer with an `OptionsError` that names it, and the option that was probably meant.
 *
 * **Gotchas**
 *
 * `commandTimeout` includes waits, redirects and retries: one that is shorter than a failover makes commands fail during each.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClusterOptions<out NodesR = never, out CredentialsR = never, out TlsR = never> {
  /**
   * The startup nodes: `"redis://user:password@host:port"`, `"rediss://host:port"` (also `valkey://`, `valkeys://`; as they are,
   * or `Redacted`) or `{ host, port }`, one or many.
   * They are tried in order, and stay the last resort for the life of the client.
   *
   * An effect that finds them is allowed as well (see `Discovery`): it runs at the start, and again whenever no known
   * node answers. So is a text `"host:port"`.
   */
  readonly nodes: StartupNode | ReadonlyArray<StartupNode> | FindNodes<NodesR>
  /** The user of `AUTH`; it wins over the URL. Default: the default user. */
  readonly username?: string | undefined
  /** The password of `AUTH`; it wins over the URL. Default: none. */
  readonly password?: Redacted.Redacted | undefined
  /**
   * Credentials that change; they win over `username` and `password`. An effect runs before each connection attempt. A
   * stream gives the current credentials, then each newer ones: new connections use the newest, and open connections
   * log in again as soon as they come. After a stream has ended its last credentials stay in use; a stream that fails
   * is run again. Default: `username` and `password`.
   */
  readonly credentials?:
    | Effect.Effect<Credentials, unknown, CredentialsR>
    | Stream.Stream<Credentials, unknown, CredentialsR>
    | undefined
  /** The name of the client's connections, as `CLIENT LIST` shows it. Default: none. */
  readonly clientName?: string | undefined
  /**
   * The name of the framework or program that is built on this library, for `CLIENT LIST`: with `"jobs_v2"` the servers show the
   * library `effect-redis-cluster(jobs_v2)`. Default: none.
   */
  readonly libName?: string | undefined
  /**
   * Run on every new connection (shared, dedicated and for subscriptions) before it is used: `CLIENT NO-EVICT`, or `CLIENT NO-TOUCH` from
   * Redis 7.2 on. A connection on which it fails is not used, and `connectTimeout` is its bound, too. Default: none.
   */
  readonly onConnect?: ((connection: NewConnection) => Effect.Effect<unknown, unknown>) | undefined
  /**
   * TLS; implied by `rediss://`. An effect runs before each connection attempt, for certificates that are renewed
   * while the program runs. Default: `false` for `redis://`.
   */
  readonly tls?: boolean | TlsOptions | Effect.Effect<TlsOptions, unknown, TlsR> | undefined
  /**
   * Whether each new connection asks the node for its id (`CLUSTER MYID`) and refuses a node with another id than that
   * of the topology. `false` is for proxies in front of a cluster whose nodes report other ids than `CLUSTER SLOTS`:
   * nothing then notices that another node listens at an address. Default: `true`.
   */
  readonly verifyNodeId?: boolean | undefined
  /**
   * The deadline of a command: the time from call to reply, with queueing, redirects and retries. Default: 5 seconds.
   */
  readonly commandTimeout?: Duration.Input | undefined
  /** The time from dialling to the end of the handshake. Default: 2 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** The time to wait for replies to written commands when the client closes. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
  /** The silence after which TCP keep-alive probes start. Default: 30 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** The silence after which a connection sends a PING while replies are due. Default: 2 seconds. */
  readonly pingAfter?: Duration.Input | undefined
  /**
   * The time after an unanswered PING at which the connection is destroyed and replaced. Together with `pingAfter` it
   * should be longer than the pauses of a healthy server: a manual failover pauses clients for up to 5 seconds.
   * Default: 4 seconds.
   */
  readonly pingTimeout?: Duration.Input | undefined
  /** The number of MOVED and ASK redirects that a command may follow without a pause in between. Default: 16. */
  readonly maxRedirects?: number | undefined
  /**
   * The pauses before a command is sent again while the topology changes (CLUSTERDOWN, TRYAGAIN, a lost node ...). A
   * new owner of its slot, or a connection that is ready again, ends the wait early; the deadline ends it for good.
   * Commands that begin to wait for one node and one reason together share the steps of the schedule. While thousands
   * wait for a node that is down or refuses everything, a pause may last some 200 ms longer than the schedule says. Default: 10 ms,
   * doubling to 200 ms, jittered.
   */
  readonly retrySchedule?: Schedule.Schedule<unknown, RedisClusterException> | undefined
  /**
   * The pauses before a node is dialled again after a failed attempt. Default: 50 ms, doubling to 1 second, jittered.
   */
  readonly reconnectSchedule?: Schedule.Schedule<unknown> | undefined
  /**
   * The pauses before another attempt at the start, while no startup node answers or (with `requireFullCoverage`) slots
   * have no owner. Default: none, the layer fails at once.
   */
  readonly startSchedule?: Schedule.Schedule<unknown, RedisClusterException> | undefined
  /** The time between two topology refreshes when nothing asks for one. Default: 60 seconds; `"Infinity"` turns it off. */
  readonly refreshInterval?: Duration.Input | undefined
  /** The least time between two topology refreshes. It doubles while nothing changes, up to about 2 seconds. Default: 100 milliseconds. */
  readonly minRefreshInterval?: Duration.Input | undefined
  /** Whether the client starts only when all 16384 slots have an owner. Default: `false`. */
  readonly requireFullCoverage?: boolean | undefined
  /** The greatest number of unanswered commands per node. Default: 16384. */
  readonly maxInFlight?: number | undefined
  /** The greatest size of the unanswered commands per node, in bytes. Default: 64 MiB. */
  readonly maxInFlightBytes?: number | undefined
  /**
   * The greatest number of connections per node beside the shared one: for blocking commands, `watch`, `dedicated` and consumers.
   * When all are in use, a caller waits for one, within its deadline. Default: 1024.
   */
  readonly maxDedicatedConnections?: number | undefined
  /** The time after which an unused connection of these is closed. Default: 30 seconds. */
  readonly dedicatedIdleTimeout?: Duration.Input | undefined
  /**
   * The treatment of commands beyond the bounds: they wait within their deadline, or fail at once with
   * `OverloadedError`. Default: `"suspend"`.
   */
  readonly overflow?: "suspend" | "fail" | undefined
  /**
   * Translates the addresses that servers announce (NAT, port forwarding); applied to the topology, MOVED and ASK.
   * When it throws, the address is left as it is. Default: no translation.
   */
  readonly mapAddress?: ((endpoint: Endpoint) => Endpoint) | undefined
  /** Makes the byte stream to a node in place of `node:net` and `node:tls`: for tunnels and tests. Default: none. */
  readonly stream?: ((endpoint: Endpoint) => Duplex) | undefined
  /** The newest version of RESP to use. With a server that refuses 3 the client uses 2. Default: 3. */
  readonly protocol?: 2 | 3 | undefined
  /**
   * A cache in this process for commands with `Command.cached`: servers report each change of what was read. It needs RESP3; with a server
   * that refuses to report, nothing is cached. Default: none.
   */
  readonly cache?: CacheOptions | undefined
  /** The policy that chooses the nodes for commands that only read. Default: `ReadFrom.primary`. */
  readonly readFrom?: ReadFrom.Policy | undefined
  /** The availability zone that this client runs in, for `ReadFrom.nearest`. Default: none. */
  readonly availabilityZone?: string | undefined
  /**
   * Logs each command and the node that it is sent to, at the level `Debug`. Arguments are not logged. Default: `false`, which costs
   * nothing.
   */
  readonly logCommands?: boolean | undefined
  /**
   * The attributes of the client's spans, log lines and metrics, for programs that have several clients:
   * `{ client: "cache" }`. Default: none; a client of `ClusterClient.named` has its id as `redis.client`
   * as well.
   */
  readonly attributes?: Readonly<Record<string, string>> | undefined
  /** The availability zones of nodes, for servers that do not report them; it wins over the reports. Default: none. */
  readonly zoneOf?: ((node: ClusterNode.ClusterNode) => string | undefined) | undefined
}

/**
 * A startup node: a URL (`redis://`, `rediss://`, `valkey://`, `valkeys://`), a text `"host:port"`, either of them as
 * `Redacted`, or an endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export type StartupNode = string | Redacted.Redacted | Endpoint

/**
 * An effect that finds the startup nodes, for the option `nodes`: `Discovery` makes them from DNS. It runs at the
 * start, and again whenever no known node answers.
 *
 * @category models
 * @since 0.1.0
 */
export type FindNodes<R = never> = Effect.Effect<ReadonlyArray<Endpoint>, unknown, R>

/** The options after the check, with every default in place. Durations are milliseconds. */
export interface ResolvedOptions {
  readonly seeds: ReadonlyArray<Endpoint>
  /** The effect that finds the startup nodes, in place of `seeds`. */
  readonly findSeeds: FindNodes | undefined
  readonly credentials: Effect.Effect<Credentials, unknown> | Credentials | undefined
  /** The stream of credentials, in place of `credentials`. */
  readonly credentialsStream: Stream.Stream<Credentials, unknown> | undefined
  readonly clientName: string | undefined
  readonly libName: string | undefined
  readonly onConnect: ((connection: NewConnection) => Effect.Effect<unknown, unknown>) | undefined
  readonly logCommands: boolean
  readonly tls: TlsOptions | Effect.Effect<TlsOptions, unknown> | undefined
  readonly verifyNodeId: boolean
  readonly commandTimeout: number
  readonly connectTimeout: number
  readonly drainTimeout: number
  readonly keepAlive: number
  readonly pingAfter: number
  readonly pingTimeout: number
  readonly maxRedirects: number
  readonly retrySchedule: Schedule.Schedule<unknown, RedisClusterException>
  readonly reconnectSchedule: Schedule.Schedule<unknown>
  readonly startSchedule: Schedule.Schedule<unknown, RedisClusterException> | undefined
  readonly refreshInterval: number
  readonly minRefreshInterval: number
  readonly requireFullCoverage: boolean
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly maxDedicatedConnections: number
  readonly dedicatedIdleTimeout: number
  readonly overflow: "suspend" | "fail"
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  readonly stream: ((endpoint: Endpoint) => Duplex) | undefined
  readonly protocol: 2 | 3
  readonly cache: { readonly maxBytes: number; readonly prefixes: ReadonlyArray<string> } | undefined
  readonly readFrom: ReadFrom.Policy
  readonly availabilityZone: string | undefined
  readonly zoneOf: ((node: ClusterNode.ClusterNode) => string | undefined) | undefined
  readonly attributes: Readonly<Record<string, string>>
}

const defaultRetrySchedule: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("10 millis"),
  Schedule.spaced("200 millis")
]).pipe(Schedule.jittered)

const defaultReconnectSchedule: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential("50 millis"),
  Schedule.spaced("1 second")
]).pipe(Schedule.jittered)

const schedule: checks.Check = (value) => Schedule.isSchedule(value) ? undefined : "a Schedule of Effect"

const tlsOptions: checks.Check = (value) =>
  typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value))
    ? undefined
    : "true, false, the options of node:tls or an Effect of them"

const clientName: checks.Check = (value) =>
  typeof value === "string" && value !== "" && !/[^!-~]/.test(value)
    ? undefined
    : "a text without spaces, newlines and special characters"

const libName: checks.Check = (value) =>
  typeof value === "string" && value !== "" && !/[^!-~]|[()]/.test(value)
    ? undefined
    : "a text without spaces, parentheses, newlines and special characters"

const secret: checks.Check = (value) =>
  Redacted.isRedacted(value) && typeof Redacted.value(value) === "string"
    ? undefined
    : "Redacted.make(...) of a text, so that it is never printed"

const credentials: checks.Check = (value) =>
  Effect.isEffect(value) || Stream.isStream(value) ? undefined : "an Effect or a Stream of { username, password }"

const policy: checks.Check = (value) => ReadFrom.isPolicy(value) ? undefined : "one of the policies of ReadFrom"

const attributes: checks.Check = (value) =>
  typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string")
    ? undefined
    : `an object of text, such as { client: "cache" }`

/** The least room of a cache, in bytes: one in which no reply fits would only cost. */
const leastCache = 1024

const cacheChecks: checks.Checks<CacheOptions> = {
  maxBytes: checks.integer(leastCache),
  prefixes: checks.prefixes
}

const cache: checks.Check = (value) => {
  if (typeof value === "object" && value !== null && !("maxBytes" in value)) return "an object with maxBytes"
  const problem = checks.problemOf(value, cacheChecks)
  return problem === undefined ? undefined : `an object of options: ${problem}`
}

/** One option: its check and its default. */
interface Option<A> {
  readonly check: checks.Check
  /** The default, as a program would write it. */
  readonly fallback: A
}

const option = <A>(fallback: A, check: checks.Check): Option<A> => ({ fallback, check })

/**
 * All options. Every other name is refused.
 *
 * @internal
 */
export const table = {
  // `nodes` has a check of its own, which names the node.
  nodes: option(undefined, checks.anything),
  username: option(undefined, checks.text),
  password: option(undefined, secret),
  credentials: option(undefined, credentials),
  clientName: option(undefined, clientName),
  libName: option(undefined, libName),
  onConnect: option(undefined, checks.func),
  logCommands: option(false, checks.boolean),
  tls: option(undefined, tlsOptions),
  verifyNodeId: option(true, checks.boolean),
  commandTimeout: option("5 seconds", checks.duration(1)),
  connectTimeout: option("2 seconds", checks.duration(1)),
  drainTimeout: option("1 second", checks.duration(0)),
  keepAlive: option("30 seconds", checks.duration(0)),
  pingAfter: option("2 seconds", checks.duration(1)),
  pingTimeout: option("4 seconds", checks.duration(1)),
  maxRedirects: option(16, checks.integer(0)),
  retrySchedule: option(defaultRetrySchedule, schedule),
  reconnectSchedule: option(defaultReconnectSchedule, schedule),
  startSchedule: option(undefined, schedule),
  refreshInterval: option("60 seconds", checks.duration(100)),
  minRefreshInterval: option("100 millis", checks.duration(1)),
  requireFullCoverage: option(false, checks.boolean),
  maxInFlight: option(16_384, checks.integer(1)),
  maxInFlightBytes: option(64 * 1024 * 1024, checks.integer(1)),
  maxDedicatedConnections: option(1024, checks.integer(1)),
  dedicatedIdleTimeout: option("30 seconds", checks.duration(0)),
  overflow: option("suspend", checks.oneOf("suspend", "fail")),
  mapAddress: option(undefined, checks.func),
  stream: option(undefined, checks.func),
  protocol: option(3, checks.oneOf(2, 3)),
  cache: option(undefined, cache),
  readFrom: option(ReadFrom.primary, policy),
  availabilityZone: option(undefined, checks.text),
  zoneOf: option(undefined, checks.func),
  attributes: option({}, attributes)
} as const satisfies { readonly [Name in keyof Required<ClusterOptions>]: Option<ClusterOptions[Name] | undefined> }

const optionChecks: Readonly<Record<string, checks.Check>> = Object.fromEntries(
  Object.entries(table).map(([name, { check }]) => [name, check])
)

/** The names that other clients have for an option. */
const elsewhere: Readonly<Record<string, string>> = {
  address_remap: "mapAddress",
  client_name: "clientName",
  cluster_error_retry_attempts: "commandTimeout or retrySchedule",
  credential_provider: "credentials",
  health_check_interval: "pingAfter",
  driver_info: "libName",
  host: "nodes",
  lib_name: "libName",
  max_connections: "maxDedicatedConnections",
  natMap: "mapAddress",
  nodeAddressMap: "mapAddress",
  port: "nodes",
  read_from_replicas: "readFrom",
  redis_connect_func: "onConnect",
  require_full_coverage: "requireFullCoverage",
  rootNodes: "nodes",
  scaleReads: "readFrom",
  socket_connect_timeout: "connectTimeout",
  socket_keepalive: "keepAlive",
  socket_timeout: "commandTimeout",
  ssl: "tls",
  startup_nodes: "nodes",
  timeout: "commandTimeout",
  url: "nodes"
}

interface ParsedNode {
  readonly endpoint: Endpoint
  readonly tls: boolean
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
}

const isPort = (port: unknown): boolean => Number.isInteger(port) && Number(port) > 0 && Number(port) < 65536

/** Whether a value is a host name, or an address as sockets expect it: brackets and ports belong to URLs. */
const isHost = (host: unknown): boolean =>
  typeof host === "string" && (/^[\p{L}\p{N}._-]+$/u.test(host) || isIPv6(host))

/** The host as sockets expect it: without the brackets of an IPv6 literal. */
const bareHost = (hostname: string): string => hostname.startsWith("[") ? hostname.slice(1, -1) : hostname

const decoded = (text: string): string | undefined =>
  Result.getOrUndefined(Result.try({ try: () => decodeURIComponent(text), catch: () => undefined }))

const schemes: Readonly<Record<string, { readonly tls: boolean } | undefined>> = {
  "redis:": { tls: false },
  "rediss:": { tls: true },
  "valkey:": { tls: false },
  "valkeys:": { tls: true }
}

/** An IPv6 address with a zone (`[fe80::1%25eth0]`), which `URL` does not accept. */
const zoned = /\[([0-9A-Fa-f:.]+)%25([\w.~-]+)\](?=[^@]*$)/

const parseUrl = (given: string, position: number): Result.Result<ParsedNode, string> => {
  // The URL itself may hold a password, so that messages name its position only.
  const where = `nodes[${position}]`
  const zone = zoned.exec(given)
  const bare = zone === null ? given : given.replace(zone[0], `[${zone[1]}]`)
  const input = /^[^\s/@]+:\d+$/.test(bare) ? `redis://${bare}` : bare
  const url = URL.canParse(input) ? new URL(input) : undefined
  const scheme = url === undefined ? undefined : schemes[url.protocol]
  if (url === undefined || scheme === undefined) {
    return Result.fail(
      `${where} is not a URL of the form redis://[user:password@]host:port (or rediss, valkey, valkeys), nor host:port`
    )
  }
  if (url.search !== "" || url.hash !== "") {
    return Result.fail(`${where} has a query or a fragment, which mean nothing here; give options beside nodes`)
  }
  if (url.pathname !== "" && url.pathname !== "/" && url.pathname !== "/0") {
    return Result.fail(`${where} names a database; a cluster has database 0 only, leave the path out`)
  }
  const [hostname, username, password] = [url.hostname, url.username, url.password].map(decoded)
  if (hostname === undefined || username === undefined || password === undefined) {
    return Result.fail(`${where} holds a % that is no valid percent-encoding; a % itself is written %25`)
  }
  const host = bareHost(hostname) + (zone === null ? "" : `%${zone[2]}`)
  const port = url.port === "" ? 6379 : Number(url.port)
  if (!isHost(host) || !isPort(port)) {
    return Result.fail(`${where} has no usable host and port (1 to 65535)`)
  }
  return Result.succeed({
    endpoint: { host, port },
    tls: scheme.tls,
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : Redacted.make(password)
  })
}

/** Whether a value is a node of a cluster, in memory or not: it has more members than an endpoint. */
const describesNode = (value: object): boolean =>
  ClusterNode.isClusterNode(value) ||
  ("id" in value && typeof value.id === "string" && "address" in value && typeof value.address === "string")

/** The reason why a value cannot be the place of a server; `undefined` when it can. */
const endpointProblem = (node: unknown, where: string): string | undefined => {
  if (typeof node !== "object" || node === null) return `${where} has to be { host, port }`
  const unknown = describesNode(node)
    ? undefined
    : Object.keys(node).find((name) => name !== "host" && name !== "port")
  if (unknown !== undefined) return `${where}: ${checks.unknownOption(unknown, ["host", "port"])}`
  const { host, port } = node as { readonly host?: unknown; readonly port?: unknown }
  if (!isHost(host)) return `${where}.host has to be a name or an address, without brackets, port and spaces`
  return isPort(port)
    ? undefined
    : `${where}.port has to be an integer from 1 to 65535`
}

const parseNode = (node: StartupNode, position: number): Result.Result<ParsedNode, string> => {
  if (typeof node === "string") return parseUrl(node, position)
  if (Redacted.isRedacted(node)) {
    const url: unknown = Redacted.value(node)
    return typeof url === "string"
      ? parseUrl(url, position)
      : Result.fail(`nodes[${position}] has to be a Redacted URL`)
  }
  const problem = endpointProblem(node, `nodes[${position}]`)
  return problem === undefined
    ? Result.succeed({ endpoint: { host: node.host, port: node.port }, tls: false })
    : Result.fail(`${problem}, or a URL`)
}

/** The nodes of a list, all of them with TLS or all without, and for one user. */
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
    ? Result.fail("nodes mixes URLs with TLS and without; a cluster is reached with TLS or without")
    : Result.succeed(parsed)
}

/** The number of different values. */
const kinds = (values: ReadonlyArray<string | undefined>): number =>
  new Set(values.filter((value) => value !== undefined)).size

/** The nodes that an effect finds are checked as the option itself would be. */
const checkedSeeds = (find: FindNodes): FindNodes =>
  Effect.flatMap(find, (found: unknown) => {
    const problem = Array.isArray(found)
      ? found.map((node, i) => endpointProblem(node, `[${i}]`)).find((problem) => problem !== undefined)
      : "it gave no list"
    return problem === undefined
      // The check above has accepted each of them.
      ? Effect.succeed(found as ReadonlyArray<Endpoint>)
      : Effect.fail(exception(() =>
        new OptionsError({
          message: `the effect of nodes has to give a list of { host, port }: ${problem}`,
          outcome: "NotExecuted"
        })
      ))
  })

/**
 * Guards a function of a program. It is called while the bytes of a socket are read, where nobody could catch an
 * error. An invalid result, for example `undefined` from a table without this entry, counts as no answer.
 */
const guarded =
  <A, B>(f: (value: A) => B, isResult: (result: unknown) => boolean, otherwise: (value: A) => B) => (value: A): B => {
    try {
      const result = f(value)
      return isResult(result) ? result : otherwise(value)
    } catch {
      return otherwise(value)
    }
  }

const mapping = (mapAddress: ClusterOptions["mapAddress"]): (endpoint: Endpoint) => Endpoint =>
  mapAddress === undefined
    ? (endpoint) => endpoint
    : guarded(mapAddress, (result) => endpointProblem(result, "") === undefined, (endpoint) => endpoint)

/** Checks that concern several options. */
const contradictions = (options: ClusterOptions, parsed: ReadonlyArray<ParsedNode>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const passwords = parsed.map(({ password }) => password === undefined ? undefined : Redacted.value(password))
  const usernames = parsed.map(({ username }) => username)
  if (options.credentials === undefined) {
    if (options.password === undefined && kinds(passwords) > 1) {
      problems.push("nodes has URLs with different passwords; a cluster has one: give it as password")
    }
    if (options.username === undefined && kinds(usernames) > 1) {
      problems.push("nodes has URLs with different users; a cluster has one: give it as username")
    }
    const hasUser = options.username !== undefined || kinds(usernames) > 0
    if (hasUser && options.password === undefined && kinds(passwords) === 0) {
      problems.push("username is given without a password")
    }
  }
  const { minRefreshInterval = table.minRefreshInterval.fallback, refreshInterval = table.refreshInterval.fallback } =
    options
  if (millisOf(minRefreshInterval) > millisOf(refreshInterval)) {
    problems.push("minRefreshInterval has to be no longer than refreshInterval")
  }
  if (options.cache !== undefined && options.protocol === 2) {
    problems.push("cache needs RESP3, in which servers report changes: leave out protocol: 2")
  }
  const unreadable = ReadFrom.isPolicy(options.readFrom)
    ? ReadFrom.problemOf(options.readFrom, options.availabilityZone)
    : undefined
  if (unreadable !== undefined) problems.push(unreadable)
  return problems
}

/**
 * The options with effects that require nothing: the context that is there when the client is made serves them.
 *
 * @internal
 */
export const closed = <R>(options: ClusterOptions<R, R, R>, context: Context.Context<R>): ClusterOptions => {
  // Programs in plain JavaScript may give anything.
  if (typeof options !== "object" || options === null) return options
  const { credentials, nodes, tls } = options
  return {
    ...options,
    nodes: Effect.isEffect(nodes) ? Effect.provideContext(nodes, context) : nodes,
    credentials: Effect.isEffect(credentials)
      ? Effect.provideContext(credentials, context)
      : Stream.isStream(credentials)
      ? Stream.provideContext(credentials, context)
      : credentials,
    tls: Effect.isEffect(tls) ? Effect.provideContext(tls, context) : tls
  }
}

/** Checks options and fills in the defaults. A failure is a message with the problems. */
export const resolve = (options: ClusterOptions): Result.Result<ResolvedOptions, string> => {
  // Programs in plain JavaScript may pass anything.
  const problems = [...checks.problemsOf(options, optionChecks, elsewhere)]
  if (typeof options !== "object" || options === null) return Result.fail(problems.join("; "))
  if (options.nodes === undefined) problems.push("nodes is required: a URL, or { host, port }, or a list of these")
  const findSeeds = Effect.isEffect(options.nodes) ? checkedSeeds(options.nodes) : undefined
  const nodes = Effect.isEffect(options.nodes) || options.nodes === undefined
    ? Result.succeed<ReadonlyArray<ParsedNode>>([])
    : parseNodes(options.nodes)
  if (Result.isFailure(nodes)) return Result.fail([nodes.failure, ...problems].join("; "))
  const parsed = nodes.success
  problems.push(...contradictions(options, parsed))
  if (problems.length > 0) return Result.fail(problems.join("; "))

  type Durations =
    | "commandTimeout"
    | "connectTimeout"
    | "drainTimeout"
    | "keepAlive"
    | "pingAfter"
    | "pingTimeout"
    | "refreshInterval"
    | "minRefreshInterval"
    | "dedicatedIdleTimeout"
  const millis = (name: Durations): number => millisOf(options[name] ?? table[name].fallback)
  const password = options.password ?? parsed.find((node) => node.password !== undefined)?.password
  const username = options.username ?? parsed.find((node) => node.username !== undefined)?.username
  const tls = options.tls ?? parsed[0]?.tls ?? false
  const credentials = Effect.isEffect(options.credentials) ? options.credentials : undefined
  return Result.succeed({
    seeds: parsed.map((node) => node.endpoint),
    findSeeds,
    credentials: credentials ?? (password === undefined ? undefined : { username, password }),
    credentialsStream: Stream.isStream(options.credentials) ? options.credentials : undefined,
    clientName: options.clientName,
    libName: options.libName,
    onConnect: options.onConnect,
    logCommands: options.logCommands ?? table.logCommands.fallback,
    tls: tls === false ? undefined : tls === true ? {} : tls,
    verifyNodeId: options.verifyNodeId ?? table.verifyNodeId.fallback,
    commandTimeout: millis("commandTimeout"),
    connectTimeout: millis("connectTimeout"),
    drainTimeout: millis("drainTimeout"),
    keepAlive: millis("keepAlive"),
    pingAfter: millis("pingAfter"),
    pingTimeout: millis("pingTimeout"),
    maxRedirects: options.maxRedirects ?? table.maxRedirects.fallback,
    retrySchedule: options.retrySchedule ?? defaultRetrySchedule,
    reconnectSchedule: options.reconnectSchedule ?? defaultReconnectSchedule,
    startSchedule: options.startSchedule,
    refreshInterval: millis("refreshInterval"),
    minRefreshInterval: millis("minRefreshInterval"),
    requireFullCoverage: options.requireFullCoverage ?? table.requireFullCoverage.fallback,
    maxInFlight: options.maxInFlight ?? table.maxInFlight.fallback,
    maxInFlightBytes: options.maxInFlightBytes ?? table.maxInFlightBytes.fallback,
    maxDedicatedConnections: options.maxDedicatedConnections ?? table.maxDedicatedConnections.fallback,
    dedicatedIdleTimeout: millis("dedicatedIdleTimeout"),
    overflow: options.overflow ?? table.overflow.fallback,
    mapAddress: mapping(options.mapAddress),
    stream: options.stream,
    protocol: options.protocol ?? table.protocol.fallback,
    cache: options.cache === undefined
      ? undefined
      : { maxBytes: options.cache.maxBytes, prefixes: options.cache.prefixes ?? [] },
    readFrom: options.readFrom ?? table.readFrom.fallback,
    availabilityZone: options.availabilityZone,
    attributes: options.attributes ?? table.attributes.fallback,
    zoneOf: options.zoneOf === undefined
      ? undefined
      : guarded(options.zoneOf, (zone) => zone === undefined || typeof zone === "string", () => undefined)
  })
}
