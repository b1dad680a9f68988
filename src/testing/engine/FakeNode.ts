/**
 * One node: its sessions, its view of the cluster, and the path of a command from request to answer.
 *
 * The order of the checks, and their words, are those of a server in cluster mode.
 */
import { addressOf, type Endpoint } from "../../cluster/Endpoint.ts"
import { ServerError } from "../../protocol/Reply.ts"
import { type Answer, failure, Push, Simple } from "./Answer.ts"
import { type Bytes, compare } from "./Bytes.ts"
import { Call } from "./Call.ts"
import { type Command, find, supported } from "./Commands.ts"
import { copyEntry, Database, slotOf } from "./Database.ts"
import type { Change, ClusterRole, Library, NodeRole, SessionRole, Sink } from "./Roles.ts"
import { type ScriptValue, toValue } from "./ScriptValue.ts"
import { Session } from "./Session.ts"
import { TrackingTable } from "./Tracking.ts"
import { defaultUser, type KnownCommand, type User } from "./User.ts"

const queued = new Simple("QUEUED")
const noAuth = failure("NOAUTH Authentication required.")
const crossSlot = failure("CROSSSLOT Keys in request don't hash to the same slot")
const notServed = failure("CLUSTERDOWN Hash slot not served")
const isDown = failure("CLUSTERDOWN The cluster is down")
const tryAgain = failure("TRYAGAIN Multiple keys request during rehashing of slot")
const readOnly = failure("READONLY You can't write against a read only replica.")
const demoted = failure(
  "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
)
const loading = failure("LOADING Redis is loading the dataset in memory")

/** The commands that MULTI does not queue. */
const neverQueued = new Set(["EXEC", "DISCARD", "MULTI", "WATCH", "QUIT", "RESET"])
const withoutAuth = new Set(["AUTH", "HELLO", "QUIT", "RESET"])
const whileLoading = new Set([
  "AUTH",
  "HELLO",
  "INFO",
  "CLIENT",
  "READONLY",
  "READWRITE",
  "ASKING",
  "QUIT",
  "RESET",
  "CLUSTER"
])
const whileSubscribed = new Set([
  "SUBSCRIBE",
  "UNSUBSCRIBE",
  "PSUBSCRIBE",
  "PUNSUBSCRIBE",
  "SSUBSCRIBE",
  "SUNSUBSCRIBE",
  "PING",
  "QUIT",
  "RESET"
])
const publishes = new Set(["PUBLISH", "SPUBLISH"])
const onShardChannels = new Set(["SSUBSCRIBE", "SUNSUBSCRIBE", "SPUBLISH"])

export class FakeNode implements NodeRole {
  readonly cluster: ClusterRole
  readonly index: number
  readonly id: string
  readonly endpoint: Endpoint
  readonly address: string
  zone: string | undefined
  hostname: string | undefined
  /** The primary of this replica; `undefined` for a primary. */
  primary: NodeRole | undefined
  alive = true
  stalled = false
  /** Whether the other nodes have given it up. */
  failed = false
  /** The delay of its replies, in milliseconds. */
  delay = 0
  loadingUntil = 0
  /** The index of each slot's owner in the view of this node; -1 for none. */
  readonly view = new Int16Array(16384).fill(-1)
  readonly migrating = new Map<number, NodeRole>()
  readonly importing = new Map<number, NodeRole>()
  readonly sessions = new Set<SessionRole>()
  readonly blocked = new Set<SessionRole>()
  /** The flags of `notify-keyspace-events`. */
  notifications = ""
  readonly config = new Map<string, string>()
  /** The sources of the scripts that it has, by SHA1. */
  readonly scripts = new Map<string, Bytes>()
  /** The libraries of functions, by name: a replica has its primary's. */
  libraries = new Map<Bytes, Library>()
  readonly users: Map<Bytes, User>
  /** The end and the extent of a CLIENT PAUSE. */
  pause: { readonly until: number; readonly onlyWrites: boolean } | undefined
  readonly stats = { calls: new Map<string, number>(), errors: new Map<string, number>(), commands: 0, connections: 0 }
  /** The number of changes that its data has received. */
  private applied = 0
  /** The id of the stream of changes that this node gives to its replicas as a primary. */
  streamId: string
  private streams = 0

  readonly lookup: (words: ReadonlyArray<Bytes>) => KnownCommand | ServerError = find
  readonly supported: ReadonlyArray<string> = supported

  private own: Database
  private readonly arriving: Array<Change> = []
  private readonly ready = new Set<Bytes>()
  private serving = false
  private expiryAt = Infinity
  private readonly tracking: TrackingTable = new TrackingTable(this)

  constructor(cluster: ClusterRole, index: number, id: string, endpoint: Endpoint) {
    this.cluster = cluster
    this.index = index
    this.id = id
    this.streamId = id
    this.endpoint = endpoint
    this.address = addressOf(endpoint)
    this.own = new Database(cluster.now, this.hooks)
    this.users = new Map([["default", defaultUser(cluster.settings.password)]])
  }

  private get hooks() {
    return {
      onChange: (key: Bytes, isByServer?: boolean) => this.changed(key, isByServer),
      onEvent: (event: string, kind: string, key: Bytes) => this.notify(event, kind, key)
    }
  }

  get isPrimary(): boolean {
    return this.primary === undefined
  }

  get replicas(): ReadonlyArray<NodeRole> {
    return this.cluster.nodes.filter((node) => node.primary === this)
  }

  /** The data that it serves: its own or, for a replica without lag, that of its primary. */
  get database(): Database {
    if (this.primary === undefined) return this.own
    if (this.cluster.lag === 0 && this.primary.alive) return this.primary.database
    this.catchUp(this.cluster.now())
    return this.own
  }

  /** Notes a change of its primary that is on its way. */
  arrive(change: Change): void {
    this.arriving.push(change)
  }

  /** Applies the changes that have arrived by then. */
  catchUp(time: number): void {
    while (this.arriving.length > 0 && this.arriving[0].at <= time) {
      const change = this.arriving.shift()
      if (change?.entry === undefined) this.own.drop(change?.key ?? "")
      else this.own.put(change.key, change.entry)
      this.applied++
      if (change !== undefined) this.tracking.changed(change.key, true)
    }
  }

  /** The time at which the last change on its way will have arrived. */
  get caughtUpAt(): number {
    return this.arriving.at(-1)?.at ?? 0
  }

  /** Drops the changes on their way, like those of a primary that dies. */
  loseArriving(): void {
    this.arriving.length = 0
  }

  /** Takes the data of its primary over as its own. */
  adopt(primary: NodeRole): void {
    this.applied = primary.offset
    this.own = primary.database
    this.own.hooks = this.hooks
  }

  /** Begins a replication stream of its own. */
  beginStream(): void {
    this.streams++
    this.streamId = this.id.slice(0, 32) + this.streams.toString(16).padStart(8, "0")
  }

  /** Its offset in the stream of changes: its own as a primary, or that of its primary. */
  get offset(): number {
    if (this.primary === undefined) return this.applied
    if (this.cluster.lag === 0 && this.primary.alive) return this.primary.offset
    this.catchUp(this.cluster.now())
    return this.applied
  }

  /** A full resynchronisation. */
  copyFrom(primary: NodeRole): void {
    this.arriving.length = 0
    this.own = new Database(this.cluster.now, this.hooks)
    for (const key of primary.database.keys()) {
      const entry = primary.database.get(key)
      if (entry !== undefined) this.own.put(key, copyEntry(entry))
    }
    this.libraries = new Map(primary.libraries)
    this.applied = primary.offset
    this.tracking.flush(() => {})
  }

  /** Accepts a connection. */
  accept(sink: Sink): SessionRole {
    const session = new Session(this.cluster.nextSessionId(), this, sink)
    this.sessions.add(session)
    this.stats.connections++
    return session
  }

  forget(session: SessionRole): void {
    this.sessions.delete(session)
    this.blocked.delete(session)
  }

  /** Answers one request. */
  handle(session: SessionRole, args: ReadonlyArray<Bytes>): void {
    const scripted = this.cluster.receive(this, session, args)
    if (scripted !== undefined) {
      scripted(session)
      return
    }
    this.execute(session, args)
  }

  execute(session: SessionRole, args: ReadonlyArray<Bytes>): void {
    const replies = session.replies
    session.told = []
    this.tracking.begin(session)
    const answer = this.answer(session, args)
    this.tracking.end()
    this.countError(answer)
    if (session.replies === "on" && replies !== "skip") session.send(answer)
    if (replies === "skip") session.replies = "on"
    session.hear()
    if (this.ready.size > 0) this.serveBlocked()
  }

  private answer(session: SessionRole, args: ReadonlyArray<Bytes>): Answer {
    const command = find(args)
    if (command instanceof ServerError) return refused(session, command)
    const { name } = command
    this.stats.commands++
    this.count(this.stats.calls, command.fullName(args))
    const refusal = this.refusal(session, command, args)
    if (refusal !== undefined) {
      if (name === "EXEC") {
        session.endTransaction()
        return refusal.code === "MOVED" || refusal.code === "ASK" || refusal.code === "CROSSSLOT" ||
            refusal.code === "TRYAGAIN" || refusal.code === "CLUSTERDOWN"
          ? refusal
          : failure(`EXECABORT Transaction discarded because of: ${refusal.message}`)
      }
      return refused(session, refusal)
    }
    if (session.queue !== undefined && !neverQueued.has(name)) {
      // The commands of a broken transaction are not kept.
      if (!session.aborted && !session.watchBroken) session.queue.push(args)
      return queued
    }
    const answer = this.run(session, command, args)
    if (session.asking && name !== "ASKING" && session.queue === undefined) session.asking = false
    if (session.caching && name !== "CLIENT" && session.queue === undefined) session.caching = false
    session.lastCommand = name
    return answer
  }

  runNested(session: SessionRole, words: ReadonlyArray<Bytes>): Answer {
    const command = find(words)
    return command instanceof ServerError ? command : this.run(session, command, words, true)
  }

  /** Runs a command that has passed all checks. */
  private run(session: SessionRole, command: Command, args: ReadonlyArray<Bytes>, inTransaction = false): Answer {
    const call = new Call(args, session, inTransaction)
    const answer = command.definition.run(call)
    const isTracked = session.tracking !== undefined && !command.isWrite && !onShardChannels.has(command.name)
    if (isTracked) this.tracking.remember(session, command.keysOf(args))
    return call.failure ?? answer
  }

  private refusal(session: SessionRole, command: Command, args: ReadonlyArray<Bytes>): ServerError | undefined {
    const { name } = command
    if (!session.authenticated && !withoutAuth.has(name)) return noAuth
    if (!session.user.isFree) {
      const refusal = session.user.refusal(command, args)
      if (refusal !== undefined) return refusal
    }
    if (this.loadingUntil > 0 && this.cluster.now() < this.loadingUntil && !whileLoading.has(name)) return loading
    const redirect = this.redirect(session, command, args)
    if (redirect !== undefined) return redirect
    if (!this.isPrimary && command.isWrite) return readOnly
    if (session.resp === 2 && session.subscriptions > 0 && !whileSubscribed.has(name)) {
      return failure(
        `ERR Can't execute '${
          command.fullName(args).toLowerCase()
        }': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`
      )
    }
    return undefined
  }

  /** The redirect of a request whose keys are not served here; `undefined` when they are. */
  redirect(session: SessionRole, command: KnownCommand, args: ReadonlyArray<Bytes>): ServerError | undefined {
    if (command.name !== "EXEC") return this.redirectKeys(session, command.keysOf(args), command)
    const queue = session.queue ?? []
    const commands = queue.map((words) => ({ words, command: find(words) }))
    const keys = commands.flatMap(({ command, words }) => command instanceof ServerError ? [] : command.keysOf(words))
    const writes = commands.some(({ command }) => !(command instanceof ServerError) && command.isWrite)
    return this.redirectKeys(session, keys, command, writes)
  }

  private redirectKeys(
    session: SessionRole,
    keys: ReadonlyArray<Bytes>,
    command: KnownCommand,
    writes = command.isWrite
  ): ServerError | undefined {
    if (keys.length === 0) return undefined
    const slot = slotOf(keys[0])
    const owner = this.cluster.nodes[this.view[slot]]
    if (owner === undefined) return notServed
    if (keys.length > 1 && keys.some((key) => slotOf(key) !== slot)) return crossSlot
    const isSharded = onShardChannels.has(command.name)
    if (!this.cluster.isHealthy && !isSharded) return isDown
    const target = owner === this ? this.migrating.get(slot) : undefined
    const source = this.importing.get(slot)
    if (!isSharded && (target !== undefined || source !== undefined)) {
      // MIGRATE itself moves the keys: keys that have moved count as missing.
      if (command.name === "MIGRATE") return undefined
      const missing = keys.filter((key) => !this.database.has(key)).length
      if (target !== undefined && missing > 0) {
        return missing < keys.length ? tryAgain : failure(`ASK ${slot} ${target.announced}`)
      }
      if (source !== undefined && session.asking) {
        return keys.length > 1 && missing > 0 ? tryAgain : undefined
      }
    }
    if (owner === this) return undefined
    const readsHere = this.primary === owner && (isSharded || (session.readonly && !writes))
    return readsHere ? undefined : failure(`MOVED ${slot} ${owner.announced}`)
  }

  /** The address in redirects. */
  get announced(): string {
    return `${this.cluster.hostOf(this)}:${this.endpoint.port}`
  }

  /** Called after a change of a key: for sessions that watch it or wait for it, and for replicas. */
  changed(key: Bytes, isByServer = false): void {
    if (this.isPrimary) this.applied++
    this.report(key, isByServer)
    for (const session of this.sessions) if (session.watched.has(key)) session.watchBroken = true
    if (this.blocked.size > 0) this.ready.add(key)
    if (this.notifications !== "" || this.tracking.isWanted) this.watchExpiry()
    const { lag } = this.cluster
    if (lag === 0) return
    const at = this.cluster.now() + lag
    for (const replica of this.replicas) {
      const entry = this.own.get(key)
      if (replica.alive) replica.arrive({ at, key, entry: entry && copyEntry(entry) })
    }
  }

  report(key: Bytes, isByServer: boolean): void {
    this.tracking.changed(key, isByServer)
    if (this.cluster.lag === 0) { for (const replica of this.replicas) replica.report(key, isByServer) }
  }

  flush(): void {
    this.tracking.flush(() => this.database.clear())
  }

  /** With notifications or reports of expiries, keys expire in time, and not only on their next use. */
  watchExpiry(): void {
    const next = this.own.nextExpiry()
    if (next >= this.expiryAt) return
    this.expiryAt = next
    this.cluster.host.schedule(Math.max(1, next - this.cluster.now()), () => {
      this.expiryAt = Infinity
      if (!this.isPrimary || !this.alive) return
      this.own.keys()
      this.watchExpiry()
    })
  }

  /** Lets sessions that wait for a key try again, in the order in which they came. */
  serveBlocked(): void {
    if (this.serving) return
    this.serving = true
    while (this.ready.size > 0) {
      const ready = new Set(this.ready)
      this.ready.clear()
      for (const session of [...this.blocked]) {
        const waiting = session.waiting
        if (waiting === undefined || ![...waiting.keys].some((key) => ready.has(key))) continue
        const answer = waiting.attempt()
        if (answer !== undefined) session.resolve(answer)
      }
    }
    this.serving = false
  }

  /** Ends the waiting for keys of slots that are not served here any more. */
  releaseBlocked(): void {
    for (const session of [...this.blocked]) {
      const [key] = session.waiting?.keys ?? []
      if (key === undefined) continue
      const slot = slotOf(key)
      const owner = this.cluster.nodes[this.view[slot]]
      if (owner === this) continue
      if (this.isPrimary && owner !== undefined) session.resolve(failure(`MOVED ${slot} ${owner.announced}`))
      else session.resolveAndClose(demoted)
    }
  }

  /** Publishes a keyspace event, where these are turned on. */
  notify(event: string, kind: string, key: Bytes): void {
    const flags = this.notifications
    for (const replica of this.replicas) this.notifyLater(replica, event, kind, key)
    if (flags === "" || !(flags.includes(kind) || (flags.includes("A") && !"mn".includes(kind)))) return
    if (flags.includes("K")) this.publish(`__keyspace@0__:${key}`, event)
    if (flags.includes("E")) this.publish(`__keyevent@0__:${event}`, key)
  }

  /** Lets a replica publish an event of its primary when the change has reached it. */
  private notifyLater(replica: NodeRole, event: string, kind: string, key: Bytes): void {
    if (replica.notifications === "" || !replica.alive) return
    const { host, lag } = this.cluster
    if (lag === 0) replica.notify(event, kind, key)
    else host.schedule(lag, () => replica.primary === this && replica.alive && replica.notify(event, kind, key))
  }

  get defaultUser(): User {
    return this.users.get("default") ?? defaultUser(undefined)
  }

  /** Lets requests wait: all of them, or only writes (CLIENT PAUSE). */
  pauseFor(millis: number, onlyWrites: boolean): void {
    const pause = { until: this.cluster.now() + millis, onlyWrites }
    this.pause = pause
    this.cluster.host.schedule(millis, () => this.pause === pause && this.endPause())
  }

  endPause(): void {
    this.pause = undefined
    for (const session of [...this.sessions]) session.drain()
  }

  /** Whether a request has to wait for the end of a pause. */
  isPaused(session: SessionRole, args: ReadonlyArray<Bytes>): boolean {
    if (this.pause === undefined) return false
    if (!this.pause.onlyWrites) return true
    const command = find(args)
    if (command instanceof ServerError) return false
    if (command.name !== "EXEC") {
      return session.queue === undefined && (command.isWrite || publishes.has(command.name))
    }
    return (session.queue ?? []).some((words) => {
      const queued = find(words)
      return !(queued instanceof ServerError) && queued.isWrite
    })
  }

  /** Delivers a message to the subscribers of this node. The result is their number. */
  publish(channel: Bytes, message: Bytes): number {
    let receivers = 0
    for (const session of this.sessions) {
      if (session.channels.has(channel)) {
        session.tell(new Push(["message", channel, message]))
        receivers++
      }
      for (const [pattern, matches] of session.patterns) {
        if (!matches(channel)) continue
        session.tell(new Push(["pmessage", pattern, channel, message]))
        receivers++
      }
    }
    return receivers
  }

  publishSharded(channel: Bytes, message: Bytes): number {
    let receivers = 0
    for (const session of this.sessions) {
      if (!session.shardChannels.has(channel)) continue
      session.tell(new Push(["smessage", channel, message]))
      receivers++
    }
    return receivers
  }

  /** Ends the subscriptions to shard channels whose slot is not served here any more, like servers. */
  releaseShardChannels(): void {
    this.dropShardChannels((slot) => {
      const owner = this.cluster.nodes[this.view[slot]]
      return owner !== this && owner !== this.primary
    })
  }

  /** Ends the subscriptions to the shard channels of some slots, also when a primary becomes a replica. */
  dropShardChannels(isLost: (slot: number) => boolean): void {
    for (const session of this.sessions) {
      for (const channel of [...session.shardChannels].toSorted(compare)) {
        if (!isLost(slotOf(channel))) continue
        session.shardChannels.delete(channel)
        session.send(new Push(["sunsubscribe", channel, session.shardChannels.size]))
      }
    }
  }

  /** Runs a command without a client, for tests that control the cluster. */
  ask(words: ReadonlyArray<Bytes>): ScriptValue {
    const session = new Session(0, this, { write: () => {}, end: () => {} })
    session.authenticated = true
    session.user = defaultUser(undefined)
    session.readonly = true
    const answer = this.answer(session, words)
    if (this.ready.size > 0) this.serveBlocked()
    return toValue(answer)
  }

  /** Ends every connection. */
  disconnect(): void {
    for (const session of [...this.sessions]) session.end()
  }

  countError(answer: Answer): void {
    if (answer instanceof ServerError) this.count(this.stats.errors, answer.code)
  }

  private count(counts: Map<string, number>, name: string): void {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
}

/** Notes a refusal, which breaks an open MULTI. */
const refused = (session: SessionRole, error: ServerError): ServerError => {
  if (session.queue !== undefined) session.aborted = true
  session.asking = session.asking && session.queue !== undefined
  return error
}
