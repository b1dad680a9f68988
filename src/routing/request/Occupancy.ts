/**
 * Counts the commands that wait for each node, and their bytes: the bounds of a node apply to waiting commands, too.
 */
import { weightOf } from "../../connection/CommandQueue.ts"
import type { Connection } from "../../connection/Connection.ts"
import type { Outgoing } from "../../connection/Outgoing.ts"

/** A command that waits, or a caller that waits for the command of another. */
export type Waiting = Pick<Outgoing, "block" | "command">

/** The connection for which commands wait; `undefined` for commands whose slot no node owns. */
export type Place = Connection | undefined

interface Load {
  readonly weights: Map<Waiting, number>
  bytes: number
}

export class Occupancy {
  private readonly loads = new Map<Place, Load>()

  enter(place: Place, outgoing: Waiting): void {
    const load = this.loads.get(place) ?? { weights: new Map<Waiting, number>(), bytes: 0 }
    this.loads.set(place, load)
    const weight = weightOf(outgoing)
    load.weights.set(outgoing, weight)
    load.bytes += weight
  }

  leave(place: Place, outgoing: Waiting): void {
    const load = this.loads.get(place)
    const weight = load?.weights.get(outgoing)
    if (load === undefined || weight === undefined) return
    load.weights.delete(outgoing)
    load.bytes -= weight
    if (load.weights.size === 0) this.loads.delete(place)
  }

  countOf(place: Place): number {
    return this.loads.get(place)?.weights.size ?? 0
  }

  bytesOf(place: Place): number {
    return this.loads.get(place)?.bytes ?? 0
  }
}
