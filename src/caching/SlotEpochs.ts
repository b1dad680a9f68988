/**
 * The epoch of each slot: a number that grows when the slot gets another owner. A reply of an earlier epoch is not
 * valid any more, so that a reshard takes the replies of the slots that moved, and no others.
 */
import { slotCount } from "../cluster/HashSlot.ts"
import type { Snapshot } from "../topology/Snapshot.ts"

export class SlotEpochs {
  private readonly epochs = new Uint32Array(slotCount)

  of(slot: number): number {
    return this.epochs[slot]
  }

  /** Compares two snapshots. The result is the number of slots that have another owner now. */
  changed(previous: Snapshot, next: Snapshot): number {
    let moved = 0
    for (let slot = 0; slot < slotCount; slot++) {
      const [before, after] = [previous.slots[slot], next.slots[slot]]
      if (before === after || before?.primary.address === after?.primary.address) continue
      this.epochs[slot]++
      moved++
    }
    return moved
  }
}
