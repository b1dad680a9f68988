/** The events that the server sends to the page, as JSON. */
import type { EventLine } from "../sampler/EventLine.ts"
import type { Observation } from "../sampler/Observation.ts"

/** The figures of a node in the last rounds, the oldest first; `null` for rounds without an answer. */
export interface History {
  readonly commands: ReadonlyArray<number | null>
  readonly latency: ReadonlyArray<number | null>
}

/** An observation, and the heat of the slots in cells of as many slots each. */
export interface Tick {
  readonly observation: Observation
  readonly cells: ReadonlyArray<number>
}

/** The first event of a connection: everything that a page that was open before knows. */
export interface Hello extends Tick {
  readonly histories: Readonly<Record<string, History>>
  readonly totals: ReadonlyArray<number | null>
  readonly lines: ReadonlyArray<EventLine>
}

/** The number of rounds in a history. */
export const historyLength = 90

/** The number of cells of the heat map. */
export const cellCount = 1024
