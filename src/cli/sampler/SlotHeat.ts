/**
 * The use of each slot, gathered a part of the slots at a time. A server that counts processor time per slot
 * (`cluster-slot-stats-enabled`) is asked for it; of the others only the number of keys is known.
 */
import { HashSlot, type Snapshot } from "../../index.ts"

/** The measure of heat: microseconds of processor time per second, or keys. */
export type HeatMetric = "cpu" | "keys"

export interface HotSlot {
  readonly slot: number
  readonly value: number
}

/** A figure of one slot. */
export interface SlotFigure {
  readonly slot: number
  readonly keyCount: number
  readonly cpuUsec: number | undefined
}

export class SlotHeat {
  /** `undefined` until something is known. */
  metric: HeatMetric | undefined = undefined
  private readonly values = new Float64Array(HashSlot.slotCount)
  private readonly counters = new Float64Array(HashSlot.slotCount).fill(-1)
  private readonly times = new Float64Array(HashSlot.slotCount)

  /** Takes figures of slots at a time in milliseconds. A counter that went back began again at another node. */
  observe(at: number, figures: ReadonlyArray<SlotFigure>): void {
    const metric = figures.some(({ cpuUsec }) => cpuUsec !== undefined) ? "cpu" : "keys"
    if (figures.length === 0) return
    if (this.metric !== metric) this.values.fill(0)
    this.metric = metric
    for (const { cpuUsec, keyCount, slot } of figures) {
      if (cpuUsec === undefined) {
        if (metric === "keys") this.values[slot] = keyCount
        continue
      }
      const before = this.counters[slot]
      const seconds = (at - this.times[slot]) / 1000
      if (before >= 0 && cpuUsec >= before && seconds > 0) this.values[slot] = (cpuUsec - before) / seconds
      this.counters[slot] = cpuUsec
      this.times[slot] = at
    }
  }

  /** The slots of the greatest values, the greatest first; slots without any use are left out. */
  hottest(limit: number): ReadonlyArray<HotSlot> {
    const found: Array<HotSlot> = []
    for (let slot = 0; slot < this.values.length; slot++) {
      const value = this.values[slot]
      if (value <= 0 || (found.length === limit && value <= found[limit - 1].value)) continue
      const place = found.findIndex((other) => other.value < value)
      found.splice(place < 0 ? found.length : place, 0, { slot, value })
      if (found.length > limit) found.pop()
    }
    return found
  }

  /** The sums of neighbouring slots, in so many cells. */
  cells(count: number): ReadonlyArray<number> {
    const size = HashSlot.slotCount / count
    return Array.from({ length: count }, (_, cell) => {
      let sum = 0
      for (let slot = cell * size; slot < (cell + 1) * size; slot++) sum += this.values[slot]
      return Math.round(sum * 10) / 10
    })
  }
}

/** The slots of each primary between two slots, both included. */
export const ownersWithin = (
  { slots }: Pick<Snapshot.Snapshot, "slots">,
  start: number,
  end: number
): ReadonlyMap<Snapshot.Shard, ReadonlyArray<number>> => {
  const owned = new Map<Snapshot.Shard, Array<number>>()
  for (let slot = start; slot <= Math.min(end, slots.length - 1); slot++) {
    const shard = slots[slot]
    if (shard === undefined) continue
    const own = owned.get(shard)
    if (own === undefined) owned.set(shard, [slot])
    else own.push(slot)
  }
  return owned
}
