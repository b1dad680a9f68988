/**
 * Which slots a scan of the cluster is done with.
 *
 * A cursor means something to one process only, and says nothing about slots. So a scan goes in passes: one pass is a
 * scan of one node from the first cursor to the last, and it covers the slots that this node owned at every page of it.
 * Slots that came, went, or went and came back in the course of a pass are left to a later one.
 *
 * Keys of a slot that is being migrated are on both nodes, and go one way. A pass over the node they leave sees what was
 * there yet, and a pass over the other node, begun afterwards, sees the rest.
 *
 * Everything here is bookkeeping over what nodes say about themselves; nothing is asked here.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import type { Snapshot } from "../topology/Snapshot.ts"

/**
 * What a node says about the slots it holds, at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Holdings {
  readonly id: string
  readonly owned: ReadonlySet<number>
  /** Owned slots whose keys are being migrated, and to which node. */
  readonly leaving: ReadonlyMap<number, string>
  /** Slots of other nodes whose keys are being migrated here. */
  readonly arriving: ReadonlySet<number>
}

/**
 * The holdings in a node's own line of `CLUSTER NODES`: `id address flags primary ping pong epoch state slot...`.
 *
 * @category parsing
 * @since 0.1.0
 */
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

/** No other node has keys of the slot. */
const nowhere = ""

/**
 * One scan of one node.
 *
 * @category models
 * @since 0.1.0
 */
export class Pass {
  /** The slots whose keys it sees, and where some of these may have gone meanwhile. */
  readonly whole = new Map<number, string>()
  /** The slots whose keys it sees as far as an earlier pass over another node did not. */
  readonly rest = new Set<number>()
  /** The node's line that was looked at last. */
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

/**
 * @category models
 * @since 0.1.0
 */
export class ScanPlan {
  private readonly open = new Set(Array.from({ length: slotCount }, (_, slot) => slot))
  /** Open slots of which one node has been scanned: the node that has the rest. */
  private readonly halfDone = new Map<number, string>()

  /** How many slots are done. */
  get done(): number {
    return slotCount - this.open.size
  }

  get isComplete(): boolean {
    return this.open.size === 0
  }

  /** A slot that is still to be scanned and that no node owns; `undefined` when there is none. */
  uncovered(snapshot: Snapshot): number | undefined {
    for (const slot of this.open) if (snapshot.slots[slot] === undefined) return slot
    return undefined
  }

  /** The nodes that have, as far as is known, keys of open slots. */
  nodes(snapshot: Snapshot): ReadonlyArray<ClusterNode> {
    const primaries = new Map(snapshot.primaries.map((node) => [node.id, node]))
    const nodes = new Set<ClusterNode>()
    for (const slot of this.open) {
      const rest = this.halfDone.get(slot)
      const target = rest === undefined ? undefined : primaries.get(rest)
      // The node that had the rest is no primary any more: what was scanned of the slot is worth nothing.
      if (rest !== undefined && target === undefined) this.halfDone.delete(slot)
      const node = target ?? snapshot.slots[slot]?.primary
      if (node !== undefined) nodes.add(node)
    }
    return [...nodes]
  }

  /** Begins a pass over the node that says this of itself. */
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

  /** Takes from the pass what it does not cover any more, by what the node said together with a page. */
  observe(pass: Pass, line: string): void {
    if (line === pass.line) return
    pass.line = line
    const holdings = holdingsOf(line)
    for (const [slot, before] of pass.whole) {
      const now = holdings.leaving.get(slot) ?? nowhere
      if (!holdings.owned.has(slot)) pass.whole.delete(slot)
      else if (before === nowhere) pass.whole.set(slot, now)
      // The migration was given up: keys that were away when their page came may be back.
      else if (now !== before) pass.whole.delete(slot)
    }
    for (const slot of pass.rest) {
      if (hasRest(holdings, slot)) continue
      pass.rest.delete(slot)
      this.halfDone.delete(slot)
    }
  }

  /** The last page has come. */
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
