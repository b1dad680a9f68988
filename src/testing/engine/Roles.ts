/**
 * The session, the node and the cluster as commands see them, and as these three see each other.
 *
 * The classes behind the roles run commands, and commands act on the roles. The interfaces stand in between, so that
 * there is no circle of imports.
 */
import type { Endpoint } from "../../cluster/Endpoint.ts"
import type { ServerError } from "../../protocol/Reply.ts"
import type { Answer } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import type { Database, Entry } from "./Database.ts"
import type { ByteScript, ScriptCall, ScriptValue } from "./ScriptValue.ts"
import type { KnownCommand, User } from "./User.ts"

/** The time and the delays that the engine gets from outside. */
export interface Host {
  /** The time in milliseconds since 1970. */
  readonly now: () => number
  /** Runs `f` after so many milliseconds. The returned function cancels that. */
  readonly schedule: (millis: number, f: () => void) => () => void
  /** Runs `f` when the running code has ended. */
  readonly defer: (f: () => void) => void
}

export interface Settings {
  readonly password: string | undefined
  /** Whether the cluster serves nothing unless all slots have a healthy owner. */
  readonly requireFullCoverage: boolean
  /** The time after which a dead node is given up, in milliseconds. */
  readonly nodeTimeout: number
  /** Whether replicas take over by themselves. */
  readonly automaticFailover: boolean
  readonly preferredEndpoint: "ip" | "hostname" | "unknown"
  readonly seed: number
  readonly logLimit: number
}

/** A function that a library has registered. */
export interface LibraryFunction {
  readonly flags: ReadonlyArray<Bytes>
  readonly description: Bytes | null
}

/** A library of functions that a node has. */
export interface Library {
  readonly code: Bytes
  readonly functions: ReadonlyMap<Bytes, LibraryFunction>
}

/** The receiver of the bytes for the client. */
export interface Sink {
  readonly write: (bytes: Bytes) => void
  /** Closes the connection. */
  readonly end: () => void
}

/** A command for which a session waits. */
export interface Waiting {
  readonly keys: ReadonlySet<Bytes>
  /** Tries the command again; `undefined` when there is still no element. */
  readonly attempt: () => Answer | undefined
  /** The reply when the time is over. */
  readonly onTimeout: () => Answer
  readonly cancelTimeout: () => void
}

/** The reports of changed keys that a session wants (CLIENT TRACKING). */
export interface TrackingWish {
  readonly mode: "all" | "optin" | "optout" | "bcast"
  readonly prefixes: ReadonlyArray<Bytes>
  readonly noLoop: boolean
  /** The id of the session that gets the reports; 0 for the session itself. */
  readonly redirect: number
}

/** One client's connection to one node. */
export interface SessionRole {
  readonly id: number
  readonly node: NodeRole
  readonly since: number
  resp: 2 | 3
  name: string
  authenticated: boolean
  user: User
  readonly: boolean
  asking: boolean
  /** The reports of changed keys that it wants. */
  tracking: TrackingWish | undefined
  /** Whether CLIENT CACHING was said, for the next command: YES in the mode OPTIN, NO in the mode OPTOUT. */
  caching: boolean
  replies: "on" | "off" | "skip"
  lastCommand: string
  queue: Array<ReadonlyArray<Bytes>> | undefined
  aborted: boolean
  readonly watched: Set<Bytes>
  watchBroken: boolean
  readonly channels: Set<Bytes>
  readonly patterns: Map<Bytes, (channel: Bytes) => boolean>
  readonly shardChannels: Set<Bytes>
  readonly subscriptions: number
  readonly waiting: Waiting | undefined
  told: Array<Answer> | undefined
  readonly send: (answer: Answer) => void
  readonly tell: (message: Answer) => void
  readonly hear: () => void
  readonly hold: (millis: number) => void
  readonly wait: (
    keys: Iterable<Bytes>,
    millis: number,
    attempt: Waiting["attempt"],
    onTimeout: Waiting["onTimeout"]
  ) => void
  readonly resolve: (answer: Answer) => void
  readonly resolveAndClose: (answer: Answer) => void
  /** Takes bytes that the client sent. */
  readonly receive: (chunk: Bytes) => void
  readonly drain: () => void
  readonly end: () => void
  /** Ends the session, because the client is gone. */
  readonly close: () => void
  readonly endTransaction: () => void
  readonly unwatch: () => void
}

/** A change of a key on its way to a replica. */
export interface Change {
  readonly at: number
  readonly key: Bytes
  readonly entry: Entry | undefined
}

/** One node: its data, its sessions and its view of the cluster. */
export interface NodeRole {
  readonly cluster: ClusterRole
  readonly index: number
  readonly id: string
  readonly endpoint: Endpoint
  readonly address: string
  /** The address in redirects. */
  readonly announced: string
  zone: string | undefined
  hostname: string | undefined
  readonly isPrimary: boolean
  /** The primary of this replica; `undefined` for a primary. */
  primary: NodeRole | undefined
  readonly replicas: ReadonlyArray<NodeRole>
  alive: boolean
  stalled: boolean
  /** Whether the other nodes have given it up. */
  failed: boolean
  /** The delay of its replies, in milliseconds. */
  delay: number
  loadingUntil: number
  /** The index of each slot's owner in the view of this node; -1 for none. */
  readonly view: Int16Array
  readonly migrating: Map<number, NodeRole>
  readonly importing: Map<number, NodeRole>
  readonly sessions: ReadonlySet<SessionRole>
  readonly blocked: Set<SessionRole>
  /** The data that it serves: its own or, for a replica without lag, that of its primary. */
  readonly database: Database
  /** The flags of `notify-keyspace-events`. */
  notifications: string
  readonly config: Map<string, string>
  /** The sources of the scripts that it has, by SHA1. */
  readonly scripts: Map<string, Bytes>
  /** The libraries of functions, by name: a replica has its primary's. */
  libraries: Map<Bytes, Library>
  readonly users: Map<Bytes, User>
  readonly defaultUser: User
  readonly stats: {
    readonly calls: Map<string, number>
    readonly errors: Map<string, number>
    commands: number
    connections: number
  }
  /** Its offset in the stream of changes. */
  readonly offset: number
  readonly streamId: string
  readonly supported: ReadonlyArray<string>

  readonly accept: (sink: Sink) => SessionRole
  readonly forget: (session: SessionRole) => void
  readonly disconnect: () => void
  readonly handle: (session: SessionRole, args: ReadonlyArray<Bytes>) => void
  readonly execute: (session: SessionRole, args: ReadonlyArray<Bytes>) => void
  /** Finds a command, for commands that run or describe other commands. */
  readonly lookup: (words: ReadonlyArray<Bytes>) => KnownCommand | ServerError
  /** The redirect of a request whose keys are not served here; `undefined` when they are. */
  readonly redirect: (
    session: SessionRole,
    command: KnownCommand,
    args: ReadonlyArray<Bytes>
  ) => ServerError | undefined
  /** Runs a command within a script or EXEC. */
  readonly runNested: (session: SessionRole, words: ReadonlyArray<Bytes>) => Answer
  /** Runs a command without a client, for tests that control the cluster. */
  readonly ask: (words: ReadonlyArray<Bytes>) => ScriptValue
  readonly isPaused: (session: SessionRole, args: ReadonlyArray<Bytes>) => boolean
  readonly pauseFor: (millis: number, onlyWrites: boolean) => void
  readonly endPause: () => void
  readonly countError: (answer: Answer) => void

  readonly catchUp: (time: number) => void
  readonly caughtUpAt: number
  readonly loseArriving: () => void
  readonly arrive: (change: Change) => void
  readonly adopt: (primary: NodeRole) => void
  readonly beginStream: () => void
  readonly copyFrom: (primary: NodeRole) => void
  readonly changed: (key: Bytes) => void
  /** Reports a change to the sessions that want reports. */
  readonly report: (key: Bytes, isByServer: boolean) => void
  /** Deletes all keys. */
  readonly flush: () => void
  readonly watchExpiry: () => void
  readonly notify: (event: string, kind: string, key: Bytes) => void
  readonly serveBlocked: () => void
  readonly releaseBlocked: () => void
  readonly publish: (channel: Bytes, message: Bytes) => number
  readonly publishSharded: (channel: Bytes, message: Bytes) => number
  readonly releaseShardChannels: () => void
  readonly dropShardChannels: (isLost: (slot: number) => boolean) => void
}

/** A command as a node received it. */
export interface Received {
  readonly node: NodeRole
  readonly at: number
  readonly session: number
  readonly words: ReadonlyArray<Bytes>
}

/** The nodes together. */
export interface ClusterRole {
  readonly host: Host
  readonly settings: Settings
  readonly now: () => number
  readonly random: () => number
  readonly nodes: ReadonlyArray<NodeRole>
  readonly members: ReadonlyArray<NodeRole>
  readonly isHealthy: boolean
  /** The time until a change has reached the replicas, in milliseconds. */
  readonly lag: number
  epoch: number
  /** The registered scripts, by their SHA1. */
  readonly scripts: ReadonlyMap<string, ScriptCall>
  /** The scripts of the library that work on bytes, by their SHA1. */
  readonly byteScripts: ReadonlyMap<string, ByteScript>
  /** The registered functions of libraries, by name. */
  readonly functions: ReadonlyMap<string, ScriptCall>
  readonly nextSessionId: () => number
  readonly nodeAt: (endpoint: Endpoint) => NodeRole | undefined
  readonly isMember: (node: NodeRole) => boolean
  readonly hostOf: (node: NodeRole) => string
  readonly slotsOf: (owner: NodeRole) => Array<number>
  readonly assign: (slots: Iterable<number>, owner: NodeRole | undefined) => void
  readonly changed: () => void
  readonly replicate: (node: NodeRole, primary: NodeRole) => void
  readonly promote: (replica: NodeRole, complete: boolean) => void
  readonly moveKey: (source: NodeRole, target: NodeRole, key: Bytes) => boolean
  readonly receive: (
    node: NodeRole,
    session: SessionRole,
    words: ReadonlyArray<Bytes>
  ) => ((session: SessionRole) => void) | undefined
  readonly publish: (via: NodeRole, channel: Bytes, message: Bytes) => number
  readonly publishSharded: (via: NodeRole, channel: Bytes, message: Bytes) => number
}
