/** The cluster as the page knows it: the last observation, the histories of its nodes, and the slots that moved lately. */
import type { NodeFigures, Observation } from "../sampler/Observation.ts"
import { hueOf, ShardColours } from "./ShardColours.ts"
import { type Hello, type History, historyLength, type Tick } from "./wire.ts"

export const slotCount = 16384

/** A shard under the number that it keeps for as long as the page is open. */
export interface NumberedShard {
  readonly number: number
  readonly hue: number
  readonly primary: string
  readonly replicas: ReadonlyArray<string>
  readonly slots: Observation["shards"][number]["slots"]
  readonly count: number
}

/** Slots that have another shard since a while. The numbers are those of shards; 0 is none. */
export interface RecentMove {
  readonly id: number
  readonly at: number
  readonly start: number
  readonly end: number
  readonly from: number
  readonly to: number
}

interface Trail {
  readonly commands: Array<number | null>
  readonly latency: Array<number | null>
}

const movesKept = 60

const push = (values: Array<number | null>, value: number | undefined): void => {
  values.push(value ?? null)
  if (values.length > historyLength) values.shift()
}

/** The number of the shard of each slot. */
const ownersOf = (shards: ReadonlyArray<NumberedShard>): Uint16Array => {
  const owners = new Uint16Array(slotCount)
  for (const { number, slots } of shards) for (const { end, start } of slots) owners.fill(number, start, end + 1)
  return owners
}

/** The runs of slots whose shard is another one. */
export const movesBetween = (
  before: Uint16Array,
  after: Uint16Array
): ReadonlyArray<Pick<RecentMove, "start" | "end" | "from" | "to">> => {
  const moves: Array<{ start: number; end: number; from: number; to: number }> = []
  for (let slot = 0; slot < after.length; slot++) {
    const [from, to] = [before[slot], after[slot]]
    if (from === to) continue
    const last = moves.at(-1)
    if (last !== undefined && last.end === slot - 1 && last.from === from && last.to === to) last.end = slot
    else moves.push({ start: slot, end: slot, from, to })
  }
  return moves
}

export class Cluster {
  observation: Observation
  cells: ReadonlyArray<number>
  shards: ReadonlyArray<NumberedShard> = []
  readonly moves: Array<RecentMove> = []
  readonly totals: Array<number | null>
  private readonly colours = new ShardColours()
  private readonly trails = new Map<string, Trail>()
  private owners: Uint16Array = new Uint16Array(slotCount)
  private moveCount = 0

  constructor(hello: Hello) {
    this.observation = hello.observation
    this.cells = hello.cells
    this.totals = [...hello.totals]
    for (const [address, { commands, latency }] of Object.entries(hello.histories)) {
      this.trails.set(address, { commands: [...commands], latency: [...latency] })
    }
    this.number()
    this.owners = ownersOf(this.shards)
  }

  /** Takes the next observation. */
  observe({ cells, observation }: Tick, now: number): void {
    const isNewRound = observation.round !== this.observation.round
    this.observation = observation
    this.cells = cells
    this.number()
    const owners = ownersOf(this.shards)
    for (const move of movesBetween(this.owners, owners)) {
      this.moves.push({ id: ++this.moveCount, at: now, ...move })
      if (this.moves.length > movesKept) this.moves.shift()
    }
    this.owners = owners
    if (!isNewRound) return
    push(this.totals, observation.totals.commands)
    for (const { address, latency, rates } of observation.nodes) {
      const trail = this.trails.get(address) ?? { commands: [], latency: [] }
      this.trails.set(address, trail)
      push(trail.commands, rates?.commands)
      push(trail.latency, latency)
    }
  }

  historyOf(address: string): History {
    return this.trails.get(address) ?? { commands: [], latency: [] }
  }

  node(address: string): NodeFigures | undefined {
    return this.observation.nodes.find((node) => node.address === address)
  }

  nodeWithId(id: string): NodeFigures | undefined {
    return this.observation.nodes.find((node) => node.id === id)
  }

  /** The shard of a slot; `undefined` for a slot without an owner. */
  shardOf(slot: number): NumberedShard | undefined {
    const number = this.owners[slot]
    return number === 0 ? undefined : this.shards.find((shard) => shard.number === number)
  }

  private number(): void {
    const colours = this.colours.assign(this.observation.shards)
    this.shards = this.observation.shards
      .map((shard, i) => ({ ...shard, number: colours[i] + 1, hue: hueOf(colours[i]) }))
      .toSorted((a, b) => a.number - b.number)
  }
}
