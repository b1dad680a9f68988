/**
 * Keeps each subscription of the client on the nodes that `Plan` names.
 */
import type { Connections } from "../connection/Connections.ts"
import type * as Snapshot from "../topology/Snapshot.ts"
import { NodeSubscriptions } from "./NodeSubscriptions.ts"
import { type Facts, placesOf, sharesMessages } from "./Plan.ts"
import type { SharedSubscription } from "./SharedSubscription.ts"
import type { SubscriptionHooks } from "./SubscriptionConnection.ts"
import { busDelay, publishedAfter } from "./transit.ts"

/** The parts of the client that placements need. */
export interface Surroundings {
  readonly connections: Connections["Service"]
  readonly snapshot: () => Snapshot.Snapshot
  /** The last snapshot that a refresh brought before the present one. */
  readonly refreshed: () => Snapshot.Snapshot
  readonly now: () => number
  /** The time at which the servers were asked for the topology that is planned, in monotonic milliseconds. */
  readonly checkedAt: () => number
  /** Asks for another call of `place` at this time. */
  readonly lookAt: (time: number) => void
  readonly hooks: SubscriptionHooks
}

export class Placements {
  readonly nodes = new Map<string, NodeSubscriptions>()
  private readonly facts: Facts
  private readonly around: Surroundings
  private closed = false

  constructor(around: Surroundings) {
    this.around = around
    this.facts = {
      get snapshot() {
        return around.snapshot()
      },
      isDown: (address) => this.nodes.get(address)?.isDown === true
    }
  }

  /**
   * Moves a subscription to the nodes of the plan. The result says whether they changed. A node that has the
   * subscription keeps it.
   */
  place(shared: SharedSubscription): boolean {
    const before = shared.places
    const after = placesOf(shared, this.facts, before)
    const left = before.filter((address) => !after.includes(address))
    const added = after.filter((address) => !before.includes(address))
    if (left.length === 0 && added.length === 0) return false
    // A primary without slots has no messages to lose.
    const mayLose = added.length > 0 || after.length === 0
    if (shared.isLive && mayLose) shared.interrupt(this.provenAt(shared, left), "OwnerChanged")
    shared.places = after
    this.awaitSettled(shared, left, added)
    for (const address of left) this.nodes.get(address)?.unwant(shared)
    for (const address of added) this.give(address, shared)
    return true
  }

  /** Requests a subscription once more from each of its nodes. */
  askAgain(shared: SharedSubscription): void {
    for (const address of shared.places) this.give(address, shared)
  }

  remove(shared: SharedSubscription): void {
    for (const holder of this.holdersOf(shared)) holder.unwant(shared)
  }

  /** Whether all nodes that have to hold a subscription have confirmed it. */
  isConfirmed(shared: SharedSubscription): boolean {
    const { places } = shared
    return places.length > 0 && places.every((address) => this.nodes.get(address)?.isLive(shared) === true)
  }

  /** The nodes from which a subscription was requested. */
  holdersOf(shared: SharedSubscription): ReadonlyArray<NodeSubscriptions> {
    return shared.places.flatMap((address) => {
      const node = this.nodes.get(address)
      return node?.entryOf(shared) === undefined ? [] : [node]
    })
  }

  /** Drops the subscriptions of nodes whose address another node has taken over. */
  replaceStrangers(all: ReadonlyArray<SharedSubscription>): void {
    for (const [address, node] of this.nodes) {
      const id = this.facts.snapshot.nodes.get(address)?.id ?? ""
      if (id === "" || node.node.id === "" || id === node.node.id) continue
      for (const shared of all) {
        if (!shared.places.includes(address)) continue
        shared.interrupt(publishedAfter(node.caughtUpAt), "ConnectionLost")
        shared.places = shared.places.filter((place) => place !== address)
        // The node that is left has no address any more by which a plan could name it.
        if (shared.placement !== "everyPrimary") this.waitForBus(shared, node)
      }
      this.nodes.delete(address)
      node.close()
    }
  }

  close(): void {
    this.closed = true
    for (const node of this.nodes.values()) node.close()
    this.nodes.clear()
  }

  /**
   * The time until which a live subscription has certainly lost nothing, when it leaves these nodes or when other
   * nodes have to join.
   */
  private provenAt(shared: SharedSubscription, left: ReadonlyArray<string>): number {
    const proofs = left.map((address) => this.nodes.get(address)?.entryOf(shared)?.provenAt ?? 0).filter((at) => at > 0)
    // One node proves nothing about others that may have joined. The node that told the topology heard of its siblings' changes as
    // late as of their messages.
    if (shared.placement === "everyPrimary" || proofs.length === 0) proofs.push(publishedAfter(this.around.checkedAt()))
    return Math.min(...proofs)
  }

  /** Postpones requests to the added nodes until no message that was delivered can arrive from them a second time. */
  private awaitSettled(shared: SharedSubscription, left: ReadonlyArray<string>, added: ReadonlyArray<string>): void {
    const snapshots = { before: this.around.refreshed(), now: this.facts.snapshot }
    for (const one of left) {
      const node = this.nodes.get(one)
      if (node !== undefined && added.some((other) => sharesMessages(shared, snapshots, one, other))) {
        this.waitForBus(shared, node)
      }
    }
  }

  /** Lets the messages that a node has delivered reach its siblings before one of these is asked. */
  private waitForBus(shared: SharedSubscription, node: NodeSubscriptions): void {
    const deliveredAt = node.entryOf(shared)?.deliveredAt ?? 0
    shared.notBefore = Math.max(shared.notBefore, deliveredAt + busDelay)
  }

  private give(address: string, shared: SharedSubscription): void {
    const isNew = this.nodes.get(address)?.entryOf(shared) === undefined
    if (isNew && this.around.now() < shared.notBefore) return this.around.lookAt(shared.notBefore)
    this.nodeAt(address)?.want(shared)
  }

  private nodeAt(address: string): NodeSubscriptions | undefined {
    const known = this.nodes.get(address)
    const node = this.facts.snapshot.nodes.get(address)
    if (known !== undefined || node === undefined || this.closed) return known
    const created = new NodeSubscriptions(node, this.around.connections, this.around.hooks)
    this.nodes.set(address, created)
    return created
  }
}
