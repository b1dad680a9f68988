/**
 * Connections and the clients behind them. The set-up of a connection (`AUTH`, `SELECT`, `CLIENT SETNAME`, `READONLY`
 * ...) is an option of the client, because connections are shared and replaced.
 *
 * @since 0.1.0
 */
import { type Call, call, type Integer, type Lifetime, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { type ClientInfo, clientInfo } from "./clientInfo.ts"
import { make } from "./Command.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import type { Exact, RawOptions, When } from "./Options.ts"
import { parameters } from "./parameters/Clients.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

export type { ClientInfo } from "./clientInfo.ts"

/**
 * Kinds of connections.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientType = "normal" | "master" | "replica" | "pubsub" | "primary"

/**
 * Traits by which connections are chosen.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientTraits {
  /** The id of the connection, or a list of ids. A list in `clientKill` needs Valkey 8.1. */
  readonly id?: OneOrMore<Integer> | undefined
  /** The kind of the connection. */
  readonly type?: ClientType | undefined
  /** The user of the connection. In `clientList` it needs Valkey 8.1. */
  readonly user?: string | undefined
  /** The client's address, as `host:port`. In `clientList` it needs Valkey 8.1. */
  readonly addr?: string | undefined
  /** The server's address, as `host:port`. In `clientList` it needs Valkey 8.1. */
  readonly laddr?: string | undefined
  /** The name of the connection. Valkey 9.0. */
  readonly name?: string | undefined
  /** The letters that the flags of the connection have to contain. Valkey 9.0. */
  readonly flags?: string | undefined
  /** The name of the client library. Valkey 9.0. */
  readonly libName?: string | undefined
  /** The version of the client library. Valkey 9.0. */
  readonly libVer?: string | undefined
  /** The database of the connection. Valkey 9.0. */
  readonly db?: number | undefined
  /** The letters that the capabilities of the connection have to contain. Valkey 9.0. */
  readonly capa?: string | undefined
  /** The client's IP address, without a port. Valkey 9.0. */
  readonly ip?: string | undefined
}

/**
 * The connections that `clientKill` closes and `clientList` lists: those that match all properties.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientFilter extends ClientTraits {
  /** Connections that are at least so many seconds old. Redis 7.4 (not in `clientList`), Valkey 8.0 (in `clientList` 8.1). */
  readonly maxAge?: number | undefined
  /** Connections without a command for at least so many seconds. Valkey 9.0. */
  readonly idle?: number | undefined
  /** Whether the requesting connection is left out. Default: `true` in `clientKill`. In `clientList` it needs Valkey 8.1. */
  readonly skipMe?: boolean | undefined
  /** Connections with these traits are left out. Valkey 9.0. */
  readonly not?: ClientTraits | undefined
}

/**
 * The connections that `clientList` lists, and the form of the list.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientListOptions extends ClientFilter, RawOptions {}

/**
 * The reply of `clientTrackinginfo`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TrackingInfo {
  readonly flags: ReadonlyArray<string>
  readonly redirect: number
  readonly prefixes: ReadonlyArray<string>
}

/**
 * The reply of `hello`: facts about the server and the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface HelloReply {
  /** `redis` or `valkey`. */
  readonly server: string
  readonly version: string
  readonly proto: number
  /** The id of the connection. */
  readonly id: number
  /** `cluster` or `standalone`. */
  readonly mode: string
  readonly role: string
  /** The availability zone of the node, if it has one. Valkey 8.1. */
  readonly availabilityZone: string | undefined
  readonly modules: ReadonlyArray<{ readonly name: string; readonly version: number }>
}

/**
 * The methods of the commands on connections.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientCommands<S extends Surface> {
  /** The name of the connection, `null` if it has none. Needs a node. Since 2.6.9. O(1). */
  clientGetname(): Returns<S, string | null>
  /**
   * The id of the connection that gets the invalidations of this one: 0 for none, -1 when tracking is off. Needs a
   * node. Since 6.0.0. O(1).
   */
  clientGetredir(): Returns<S, number>
  /** The id of the connection. Needs a node. Since 5.0.0. O(1). */
  clientId(): Returns<S, number>
  /** Facts about the requesting connection. Needs a node. Since 6.2.0. O(1). */
  clientInfo<const O extends RawOptions = {}>(
    options?: Exact<O, RawOptions>
  ): Returns<S, When<O, "raw", string, ClientInfo>>
  /**
   * Closes connections of a node; at least one trait has to be given. Returns the number of closed connections. Needs
   * a node. Since 2.8.12. O(N) connections.
   */
  clientKill(filter: ClientFilter): Returns<S, number>
  /**
   * The connections of a node. Before Valkey 8.1 they can be chosen by type or id only. Needs a node. Since 2.4.0.
   * O(N) connections.
   */
  clientList<const O extends ClientListOptions = {}>(
    filter?: Exact<O, ClientListOptions>
  ): Returns<S, When<O, "raw", string, ReadonlyArray<ClientInfo>>>
  /** Holds back the commands of all clients of a node, or their writes only. Needs a node. Since 2.9.50. O(1). */
  clientPause(time: Lifetime, mode?: "ALL" | "WRITE"): Returns<S, "OK">
  /** The state of client-side caching for the connection. Needs a node. Since 6.2.0. O(1). */
  clientTrackinginfo(): Returns<S, TrackingInfo>
  /** Ends the blocking command of another connection, as if its time were over or with an error. Returns whether it was blocked. Needs a node. Since 5.0.0. O(log N). */
  clientUnblock(id: Integer, how?: "TIMEOUT" | "ERROR"): Returns<S, boolean>
  /** Ends `clientPause`. Needs a node. Since 6.2.0. O(N) connections. */
  clientUnpause(): Returns<S, "OK">
  /** Returns the message. Since 1.0.0. O(1). */
  echo(message: Value): Returns<S, string>
  /** Facts about the server and the connection, without a change of the protocol. Since 6.0.0. O(1). */
  hello(): Returns<S, HelloReply>
  /** Returns `PONG`, or the message. Goes to one node unless a target is given. Since 1.0.0. O(1). */
  ping(message?: Value): Returns<S, string>
}

const explicit = { request: "explicit" } as const

const CLIENT_GETNAME = new CommandSpec("CLIENT GETNAME", explicit)
const CLIENT_GETREDIR = new CommandSpec("CLIENT GETREDIR", explicit)
const CLIENT_ID = new CommandSpec("CLIENT ID", explicit)
const CLIENT_INFO = new CommandSpec("CLIENT INFO", explicit)
const CLIENT_KILL = new CommandSpec("CLIENT KILL", explicit)
const CLIENT_LIST = new CommandSpec("CLIENT LIST", explicit)
const CLIENT_PAUSE = new CommandSpec("CLIENT PAUSE", explicit)
const CLIENT_TRACKINGINFO = new CommandSpec("CLIENT TRACKINGINFO", explicit)
const CLIENT_UNBLOCK = new CommandSpec("CLIENT UNBLOCK", explicit)
const CLIENT_UNPAUSE = new CommandSpec("CLIENT UNPAUSE", explicit)
const ECHO = new CommandSpec("ECHO", {})
const HELLO = new CommandSpec("HELLO", {})
const PING = new CommandSpec("PING", {})

const clientLines = decode.parsed((text) =>
  decode.arrayOf(decode.parsed(clientInfo))(text.split("\n").filter((line) => line !== ""))
)

const addTraits = (self: Call, traits: ClientTraits, prefix: "" | "NOT-"): Call => {
  if (traits.id !== undefined) self.add(`${prefix}ID`).many("id", traits.id)
  return self.option(`${prefix}TYPE`, traits.type)
    .option(`${prefix}USER`, traits.user)
    .option(`${prefix}ADDR`, traits.addr)
    .option(`${prefix}LADDR`, traits.laddr)
    .option(`${prefix}NAME`, traits.name)
    .option(`${prefix}FLAGS`, traits.flags)
    .option(`${prefix}LIB-NAME`, traits.libName)
    .option(`${prefix}LIB-VER`, traits.libVer)
    .integerOption(`${prefix}DB`, "db", traits.db, 0)
    .option(`${prefix}CAPA`, traits.capa)
    .option(`${prefix}IP`, traits.ip)
}

const addFilter = (self: Call, filter: ClientFilter): Call => {
  addTraits(self, filter, "")
    .integerOption("MAXAGE", "maxAge", filter.maxAge, 1)
    .integerOption("IDLE", "idle", filter.idle, 1)
  return filter.not === undefined ? self : addTraits(self, filter.not, "NOT-")
}

const addSkipMe = (self: Call, skipMe: boolean | undefined): Call =>
  self.option("SKIPME", skipMe === undefined ? undefined : skipMe ? "yes" : "no")

const trackingInfo = decode.struct<TrackingInfo>({
  flags: decode.field("flags", decode.strings),
  redirect: decode.field("redirect", decode.integer),
  prefixes: decode.field("prefixes", decode.strings)
})

const hello = decode.struct<HelloReply>({
  server: decode.field("server", decode.string),
  version: decode.field("version", decode.string),
  proto: decode.field("proto", decode.integer),
  id: decode.field("id", decode.integer),
  mode: decode.field("mode", decode.string),
  role: decode.field("role", decode.string),
  availabilityZone: decode.optional("availability_zone", decode.string),
  modules: decode.field(
    "modules",
    decode.arrayOf(decode.struct<HelloReply["modules"][number]>({
      name: decode.field("name", decode.string),
      version: decode.field("ver", decode.integer)
    }))
  )
})

/**
 * The builders of the commands on connections: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Clients: ClientCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  clientGetname: () => make(CLIENT_GETNAME, [], decode.stringOrNull),
  clientGetredir: () => make(CLIENT_GETREDIR, [], decode.integer),
  clientId: () => make(CLIENT_ID, [], decode.integer),
  clientInfo: (options: RawOptions = {}) =>
    make(CLIENT_INFO, [], decode.chosen(options.raw === true ? decode.string : decode.parsed(clientInfo))),
  clientKill: (filter) => {
    const self = addFilter(call(CLIENT_KILL), filter)
    if (self.args.length === 0) {
      self.refuse("the filter must say which connections, got none: give id, type, user, addr or another trait")
    }
    return addSkipMe(self, filter.skipMe).to(decode.integer)
  },
  clientList: (filter: ClientListOptions = {}) =>
    addSkipMe(addFilter(call(CLIENT_LIST), filter), filter.skipMe)
      .to(decode.chosen(filter.raw === true ? decode.string : clientLines)),
  clientPause: (time, mode) => {
    const self = call(CLIENT_PAUSE).milliseconds("time", time)
    return (mode === undefined ? self : self.add(mode)).to(decode.ok)
  },
  clientTrackinginfo: () => make(CLIENT_TRACKINGINFO, [], trackingInfo),
  clientUnblock: (id, how) => {
    const self = call(CLIENT_UNBLOCK).integer("id", id, 0)
    return (how === undefined ? self : self.add(how)).to(decode.boolean)
  },
  clientUnpause: () => make(CLIENT_UNPAUSE, [], decode.ok),
  echo: (message) => call(ECHO).value(message).to(decode.string),
  hello: () => make(HELLO, [], hello),
  ping: (message) => (message === undefined ? call(PING) : call(PING).value(message)).to(decode.string)
})
