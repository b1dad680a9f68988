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
    shared.notBefore = Math.max(shared.notBefore, this.settledAt(shared, left, added))
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
      const { caughtUpAt } = node
      this.nodes.delete(address)
      node.close()
      for (const shared of all) {
        if (!shared.places.includes(address)) continue
        shared.interrupt(publishedAfter(caughtUpAt), "ConnectionLost")
        shared.places = shared.places.filter((place) => place !== address)
      }
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

  /** The earliest time at which the added nodes may be asked without a delivered message arriving a second time. */
  private settledAt(shared: SharedSubscription, left: ReadonlyArray<string>, added: ReadonlyArray<string>): number {
    let at = 0
    for (const one of left) {
      const deliveredAt = this.nodes.get(one)?.entryOf(shared)?.deliveredAt ?? 0
      if (deliveredAt + busDelay <= at) continue
      if (added.some((other) => sharesMessages(shared, this.facts.snapshot, one, other))) at = deliveredAt + busDelay
    }
    return at
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
