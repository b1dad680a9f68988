/**
 * The pace of the questions for the topology. While answers bring nothing new the pause between two questions doubles,
 * so that an outage causes few questions however many commands wait for its end.
 */

/** The longest pause, in milliseconds: the client learns of a new topology at most so long after the servers. */
const longestPause = 1950

/** The random part of a pause, so that clients that lost a node at one moment do not ask in step. */
const spread = 0.05

export class RefreshPace {
  private readonly shortest: number
  private readonly random: () => number
  private pause: number
  private askedAt = Number.NEGATIVE_INFINITY
  private inVain = 0

  /** `shortest` is the least time between two questions, in milliseconds; `random` gives numbers from 0 to 1. */
  constructor(shortest: number, random: () => number) {
    this.shortest = shortest
    this.random = random
    this.pause = shortest
  }

  /** The number of answers in a row that brought nothing new. */
  get fruitlessAnswers(): number {
    return this.inVain
  }

  /** The time at which the next question may be asked; `time` is now. */
  nextAt(time: number): number {
    return Math.max(time, this.askedAt + this.pause)
  }

  asked(time: number): void {
    this.askedAt = time
  }

  /** Notes that an answer brought nothing new. */
  fruitless(): void {
    this.inVain++
    const longest = Math.max(longestPause, this.shortest)
    const doubled = Math.min(longest, Math.max(this.shortest, this.pause) * 2)
    this.pause = Math.max(this.shortest, doubled * (1 - spread * this.random()))
  }

  /** Notes a change: a new snapshot, a connection that came up, a redirect. */
  renew(): void {
    this.inVain = 0
    this.pause = this.shortest * (1 + spread * this.random())
  }
}

/** The pauses, in milliseconds, before each further look at something that the servers are about to settle. */
const looks: ReadonlyArray<number> = [500, 1000, 1000, 1500, 2000, 4000, 8000, 16_000]

/**
 * The pause before a further look; `undefined` when there were enough looks. `taken` is the number of looks so far,
 * `random` a number from 0 to 1.
 */
export const pauseBeforeLook = (taken: number, random: number): number | undefined => {
  const pause = looks.at(taken)
  return pause === undefined ? undefined : pause * (1 - spread * random)
}
