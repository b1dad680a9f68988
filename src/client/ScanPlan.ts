/**
 * The slots that a scan of the cluster has done, and those that are left.
 *
 * A cursor has a meaning for one server process only, and none for slots. A scan therefore consists of passes: one
 * pass is a scan of one node from the first cursor to the last, and it covers the slots that the node owned at every
 * page. Slots that came, went, or went and came back during a pass are left to a later one.
 *
 * Keys of a migrating slot are on both nodes, and move in one direction. A pass over the source sees the keys that are
 * still there, and a later pass over the target sees the rest.
 *
 * This file only keeps account of the lines with which nodes describe themselves; it sends nothing.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import type { Snapshot } from "../topology/Snapshot.ts"

/** The slots of a node at one moment, as the node itself reports them. */
export interface Holdings {
  readonly id: string
  readonly owned: ReadonlySet<number>
  /** The owned slots that migrate away, with their target. */
  readonly leaving: ReadonlyMap<number, string>
  /** The slots of other nodes that migrate to this node. */
  readonly arriving: ReadonlySet<number>
}

/** The holdings in a node's own line of `CLUSTER NODES`: `id address flags primary ping pong epoch state slot...`. */
export const holdingsOf = (line: string): Holdings => {
  const [id, , , , , , , , ...words] = line.trim().split(" ")
  const owned = new Set<number>()
  const leaving = new Map<number, string>()
  const arriving = new Set<number>()
  for (const word of words) {
    const moving = /^\[(\d+)-([<>])-(\w+)\]$/.exec(word)
    if (moving?.[2] === ">") leaving.set(Number(moving[1]), moving[3])
    else if (moving?.[2] === "<") arriving.add(Number(moving[1]))
    const range = /^(\d+)(?:-(\d+))?$/.exec(word)
    if (range === null) continue
    const end = Number(range[2] ?? range[1])
    for (let slot = Number(range[1]); slot <= end; slot++) owned.add(slot)
  }
  return { id, owned, leaving, arriving }
}

/** The target of a slot that does not migrate: no other node has keys of it. */
const nowhere = ""

/** One scan of one node. */
export class Pass {
  /** The slots whose keys the pass sees, with the node to which some of the keys may have gone meanwhile. */
  readonly whole = new Map<number, string>()
  /** The slots of which the pass sees the keys that an earlier pass over another node did not. */
  readonly rest = new Set<number>()
  /** The last line of the node. */
  line: string

  constructor(line: string) {
    this.line = line
  }

  covers(slot: number): boolean {
    return this.whole.has(slot) || this.rest.has(slot)
  }

  get isEmpty(): boolean {
    return this.whole.size === 0 && this.rest.size === 0
  }
}

const hasRest = (holdings: Holdings, slot: number): boolean =>
  holdings.arriving.has(slot) || (holdings.owned.has(slot) && !holdings.leaving.has(slot))

export class ScanPlan {
  private readonly open = new Set(Array.from({ length: slotCount }, (_, slot) => slot))
  /** The open slots of which one node has been scanned, with the node that has the rest. */
  private readonly halfDone = new Map<number, string>()

  /** The number of slots that are done. */
  get done(): number {
    return slotCount - this.open.size
  }

  get isComplete(): boolean {
    return this.open.size === 0
  }

  /** An open slot that no node owns; `undefined` when there is none. */
  uncovered(snapshot: Snapshot): number | undefined {
    for (const slot of this.open) if (snapshot.slots[slot] === undefined) return slot
    return undefined
  }

  /** The nodes that have keys of open slots, by the present map. */
  nodes(snapshot: Snapshot): ReadonlyArray<ClusterNode> {
    const primaries = new Map(snapshot.primaries.map((node) => [node.id, node]))
    const nodes = new Set<ClusterNode>()
    for (const slot of this.open) {
      const rest = this.halfDone.get(slot)
      const target = rest === undefined ? undefined : primaries.get(rest)
      // The node that had the rest is no primary any more, so that the slot has to be scanned again.
      if (rest !== undefined && target === undefined) this.halfDone.delete(slot)
      const node = target ?? snapshot.slots[slot]?.primary
      if (node !== undefined) nodes.add(node)
    }
    return [...nodes]
  }

  /** Begins a pass over the node that gave this line. */
  begin(line: string): Pass {
    const pass = new Pass(line)
    const holdings = holdingsOf(line)
    for (const slot of this.open) {
      const rest = this.halfDone.get(slot)
      if (rest === undefined) {
        if (holdings.owned.has(slot)) pass.whole.set(slot, holdings.leaving.get(slot) ?? nowhere)
      } else if (rest === holdings.id) {
        if (hasRest(holdings, slot)) pass.rest.add(slot)
        else this.halfDone.delete(slot)
      }
    }
    return pass
  }

  /** Removes slots from the pass that it does not cover any more, by the node's line that came with a page. */
  observe(pass: Pass, line: string): void {
    if (line === pass.line) return
    pass.line = line
    const holdings = holdingsOf(line)
    for (const [slot, before] of pass.whole) {
      const now = holdings.leaving.get(slot) ?? nowhere
      if (!holdings.owned.has(slot)) pass.whole.delete(slot)
      else if (before === nowhere) pass.whole.set(slot, now)
      // The migration was cancelled: keys that were away when their page came may be back.
      else if (now !== before) pass.whole.delete(slot)
    }
    for (const slot of pass.rest) {
      if (hasRest(holdings, slot)) continue
      pass.rest.delete(slot)
      this.halfDone.delete(slot)
    }
  }

  /** Marks the slots of a pass as done, after its last page. */
  finish(pass: Pass): void {
    for (const [slot, target] of pass.whole) {
      if (target === nowhere) this.settle(slot)
      else this.halfDone.set(slot, target)
    }
    for (const slot of pass.rest) this.settle(slot)
  }

  private settle(slot: number): void {
    this.open.delete(slot)
    this.halfDone.delete(slot)
  }
}
