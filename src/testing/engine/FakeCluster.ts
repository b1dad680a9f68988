/**
 * The nodes together: the owners of slots, replication, failures, and changes that concern all nodes.
 *
 * Everything is synchronous; time and delays come from the host.
 */
import type { Endpoint } from "../../cluster/Endpoint.ts"
import { slotCount } from "../../cluster/HashSlot.ts"
import type { Bytes } from "./Bytes.ts"
import { copyEntry } from "./Database.ts"
import { FakeNode } from "./FakeNode.ts"
import { generator, hexId } from "./Random.ts"
import type { ClusterRole, Host, NodeRole, Received, SessionRole, Settings } from "./Roles.ts"
import type { ByteScript, ScriptCall } from "./ScriptValue.ts"

/** Answers a command in place of the node; `undefined` leaves it to the node. */
export type Interceptor = (received: Received) => ((session: SessionRole) => void) | undefined

export class FakeCluster implements ClusterRole {
  readonly host: Host
  readonly settings: Settings
  readonly now: () => number
  readonly random: () => number
  readonly nodes: Array<NodeRole> = []
  readonly log: Array<Received> = []
  readonly interceptors: Array<Interceptor> = []
  readonly scripts = new Map<string, ScriptCall>()
  readonly byteScripts = new Map<string, ByteScript>()
  /** The functions that replace those of libraries, by name. */
  readonly functions = new Map<string, ScriptCall>()
  /** The time until a change has reached the replicas, in milliseconds. */
  lag = 0
  epoch = 0
  private sessions = 0
  private health: boolean | undefined

  constructor(host: Host, settings: Settings) {
    this.host = host
    this.settings = settings
    this.now = host.now
    this.random = generator(settings.seed)
  }

  nextSessionId(): number {
    return ++this.sessions
  }

  nodeAt(endpoint: Endpoint): NodeRole | undefined {
    return this.nodes.find((node) =>
      node.endpoint.port === endpoint.port && (node.endpoint.host === endpoint.host || node.hostname === endpoint.host)
    )
  }

  get members(): ReadonlyArray<NodeRole> {
    return this.nodes.filter((node) => !this.removed.has(node))
  }

  private readonly removed = new Set<NodeRole>()

  /** Adds a node: without slots, or as a replica. */
  add(endpoint: Endpoint, primary?: NodeRole): NodeRole {
    const node = new FakeNode(this, this.nodes.length, hexId(this.random), endpoint)
    const known = this.members.find((one) => one.alive)
    if (known !== undefined) node.view.set(known.view)
    this.nodes.push(node)
    if (primary !== undefined) this.replicate(node, primary)
    return node
  }

  remove(node: NodeRole): void {
    this.removed.add(node)
    node.alive = false
    node.primary = undefined
    node.disconnect()
    this.changed()
  }

  isMember(node: NodeRole): boolean {
    return !this.removed.has(node)
  }

  /** The host of a node in redirects and CLUSTER SLOTS; empty for the host at which the client reached the node. */
  hostOf(node: NodeRole): string {
    switch (this.settings.preferredEndpoint) {
      case "ip":
        return node.endpoint.host
      case "hostname":
        return node.hostname ?? "?"
      case "unknown":
        return ""
    }
  }

  /** The owner of a slot as most nodes see it. */
  owner(slot: number): NodeRole | undefined {
    const witness = this.members.find((node) => node.alive) ?? this.members[0]
    return this.nodes[witness.view[slot]]
  }

  /** Tells every node that these slots have another owner. */
  assign(slots: Iterable<number>, owner: NodeRole | undefined): void {
    const index = owner?.index ?? -1
    const moved = [...slots]
    const given = new Set(moved)
    for (const node of this.nodes) {
      if (node !== owner) node.dropShardChannels((slot) => node.view[slot] === node.index && given.has(slot))
      for (const slot of moved) {
        node.view[slot] = index
        node.migrating.delete(slot)
        node.importing.delete(slot)
      }
    }
    this.changed()
  }

  /** Called after a change of owners or of living nodes. */
  changed(): void {
    this.health = undefined
    for (const node of this.nodes) {
      if (!node.alive) continue
      if (node.blocked.size > 0) node.releaseBlocked()
      node.releaseShardChannels()
    }
  }

  slotsOf(owner: NodeRole): Array<number> {
    const witness = this.members.find((node) => node.alive) ?? owner
    const slots: Array<number> = []
    for (let slot = 0; slot < slotCount; slot++) if (witness.view[slot] === owner.index) slots.push(slot)
    return slots
  }

  /** `cluster_state`: whether keys are served at all. */
  get isHealthy(): boolean {
    this.health ??= this.judge()
    return this.health
  }

  private judge(): boolean {
    const witness = this.members.find((node) => node.alive)
    if (witness === undefined) return false
    const owners = new Set(witness.view)
    if (this.settings.requireFullCoverage && owners.has(-1)) return false
    owners.delete(-1)
    const failed = [...owners].filter((index) => this.nodes[index].failed).length
    if (this.settings.requireFullCoverage && failed > 0) return false
    return failed * 2 < Math.max(1, owners.size)
  }

  /** Makes a node a copy of another one. */
  replicate(node: NodeRole, primary: NodeRole): void {
    node.primary = primary
    node.copyFrom(primary)
  }

  setLag(millis: number): void {
    for (const node of this.members) {
      if (node.primary === undefined) continue
      // Without lag the node has served the data of its primary; from now on it needs a copy.
      if (this.lag === 0 && node.primary.alive) node.copyFrom(node.primary)
      else node.catchUp(Infinity)
    }
    this.lag = millis
  }

  /**
   * Lets a replica take the place of its primary. Changes that have not reached it are lost, unless `complete` is set.
   */
  promote(replica: NodeRole, complete: boolean): void {
    const old = replica.primary
    if (old === undefined) return
    if (complete) replica.catchUp(Infinity)
    if (this.lag === 0) replica.adopt(old)
    else {
      replica.catchUp(this.now())
      replica.loseArriving()
    }
    const others = old.replicas.filter((node) => node !== replica)
    replica.primary = undefined
    replica.beginStream()
    this.epoch++
    for (const other of others) this.replicate(other, replica)
    const slots = this.slotsOf(old)
    this.replicate(old, replica)
    this.assign(slots, replica)
  }

  /** A node dies. When it stays dead, the others give it up, and a replica of it takes over. */
  kill(node: NodeRole): void {
    if (!node.alive) return
    if (this.lag === 0) { for (const replica of node.replicas) replica.copyFrom(node) }
    node.alive = false
    for (const session of [...node.sessions]) session.end()
    for (const replica of node.replicas) if (this.lag > 0) replica.loseArriving()
    this.giveUpLater(node, () => !node.alive)
  }

  /** After the node timeout the others give a node up, if it has not come back by then. */
  giveUpLater(node: NodeRole, isGone: () => boolean): void {
    this.host.schedule(this.settings.nodeTimeout, () => {
      if (!isGone() || !this.isMember(node)) return
      node.failed = true
      this.changed()
      if (node.primary !== undefined || !this.settings.automaticFailover) return
      // Servers wait half a second and a random part of another before they stand for election.
      this.host.schedule(500 + Math.floor(this.random() * 500), () => {
        const heir = node.replicas.find((replica) => replica.alive && !replica.stalled)
        if (node.failed && node.primary === undefined && heir !== undefined) this.takeOver(heir, node)
      })
    })
  }

  /** Promotes a replica without the help of its primary, which is gone. */
  private takeOver(heir: NodeRole, dead: NodeRole): void {
    // A stalled primary still has its data, and without lag its replicas have a copy.
    if (this.lag === 0 && dead.alive) heir.adopt(dead)
    heir.primary = undefined
    heir.beginStream()
    heir.catchUp(this.now())
    heir.loseArriving()
    this.epoch++
    for (const other of dead.replicas) this.replicate(other, heir)
    const slots = this.slotsOf(dead)
    dead.primary = heir
    this.assign(slots, heir)
  }

  restart(node: NodeRole, loadingMillis: number): void {
    const witness = this.members.find((one) => one.alive)
    const data = node.isPrimary ? [...node.database.keys()] : []
    node.alive = true
    node.failed = false
    node.stalled = false
    if (loadingMillis > 0) node.loadingUntil = this.now() + loadingMillis
    if (witness !== undefined) node.view.set(witness.view)
    // Nothing is saved: the data of a primary is gone, as with `save ""`.
    if (node.primary === undefined) {
      for (const key of data) node.database.drop(key)
      node.beginStream()
      node.libraries = new Map()
    } else node.copyFrom(node.primary)
    this.changed()
  }

  setStalled(node: NodeRole, stalled: boolean): void {
    if (node.stalled === stalled) return
    node.stalled = stalled
    if (stalled) return this.giveUpLater(node, () => node.stalled)
    node.failed = false
    this.changed()
    for (const session of [...node.sessions]) session.drain()
  }

  startMigration(slot: number, target: NodeRole): void {
    const source = this.owner(slot)
    if (source === undefined || source === target) return
    source.migrating.set(slot, target)
    target.importing.set(slot, source)
  }

  /** Moves keys of a slot, at most `max`. The result is their number. */
  moveKeys(slot: number, target: NodeRole, max = Infinity): number {
    const source = this.owner(slot)
    if (source === undefined || source === target) return 0
    const keys = source.database.keysInSlot(slot).slice(0, max)
    for (const key of keys) this.moveKey(source, target, key)
    target.serveBlocked()
    return keys.length
  }

  moveKey(source: NodeRole, target: NodeRole, key: Bytes): boolean {
    const entry = source.database.get(key)
    if (entry === undefined) return false
    target.database.put(key, copyEntry(entry))
    target.changed(key)
    source.database.delete(key)
    return true
  }

  finishMigration(slot: number, target: NodeRole): void {
    this.moveKeys(slot, target)
    this.epoch++
    this.assign([slot], target)
  }

  /** Notes a command, and returns the answer of an interceptor, if there is one. */
  receive(
    node: NodeRole,
    session: SessionRole,
    words: ReadonlyArray<Bytes>
  ): ((session: SessionRole) => void) | undefined {
    const received: Received = { node, at: this.now(), session: session.id, words }
    this.log.push(received)
    if (this.log.length > this.settings.logLimit) this.log.splice(0, this.settings.logLimit >> 1)
    for (const interceptor of this.interceptors) {
      const answer = interceptor(received)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  /**
   * Delivers a message to the subscribers of all nodes, like the cluster bus. The result is the number of subscribers
   * at `via`.
   */
  publish(via: NodeRole, channel: Bytes, message: Bytes): number {
    for (const node of this.members) {
      if (node !== via && node.alive) node.publish(channel, message)
    }
    return via.publish(channel, message)
  }

  publishSharded(via: NodeRole, channel: Bytes, message: Bytes): number {
    const primary = via.primary ?? via
    for (const node of [primary, ...primary.replicas]) {
      if (node !== via && node.alive) node.publishSharded(channel, message)
    }
    return via.publishSharded(channel, message)
  }
}
