/**
 * The signs of life of one socket: how long it has been silent, and what follows from that. A decision; nothing is sent or ended here.
 */

/**
 * The step that a silence calls for, and when to look again.
 *
 * - `Wait`: nothing before `until`
 * - `Ask`: a PING, and a look at `until`
 * - `Doubt`: the PING is overdue: commands that another node can answer are asked there as well; then a look at `until`
 * - `Dead`: the socket is to be ended; it was silent for so many milliseconds
 */
export type Diagnosis =
  | { readonly _tag: "Wait"; readonly until: number }
  | { readonly _tag: "Ask"; readonly until: number }
  | { readonly _tag: "Doubt"; readonly until: number }
  | { readonly _tag: "Dead"; readonly silentFor: number }

const notAsked = -1

/** In milliseconds. */
interface Limits {
  readonly pingAfter: number
  readonly pingTimeout: number
  /** How long after the PING the socket is in doubt; never, when it is left out. */
  readonly doubtAfter?: number | undefined
}

/** All times are monotonic milliseconds. */
export class Pulse {
  /** When the socket last showed a sign of life, or since when one has been expected. */
  heardAt: number
  private askedAt = notAsked
  private isToldOfDoubt = false
  private readonly limits: Limits

  constructor(limits: Limits, now: number) {
    this.limits = limits
    this.heardAt = now
  }

  /** A PING was sent, and no sign of life has come since. */
  get isDoubtful(): boolean {
    return this.askedAt !== notAsked
  }

  /** When a silence that begins now is long enough for a PING. */
  overdueFrom(now: number): number {
    return now + this.limits.pingAfter
  }

  /** A sign of life: bytes came, or bytes left. */
  heard(now: number): void {
    this.heardAt = now
    this.askedAt = notAsked
  }

  /** A PING is sent. */
  asked(now: number): void {
    this.askedAt = now
  }

  /** The socket is silent for a reason: the PING has until that time. */
  holdUntil(until: number): void {
    this.askedAt = until - this.limits.pingTimeout
  }

  /** Judges the silence. `Ask` counts as asked. */
  probe(now: number): Diagnosis {
    const { pingAfter, pingTimeout } = this.limits
    const doubtAfter = this.limits.doubtAfter ?? pingTimeout
    if (this.askedAt !== notAsked) {
      const until = this.askedAt + pingTimeout
      const doubtAt = this.askedAt + doubtAfter
      if (now < doubtAt) return { _tag: "Wait", until: doubtAt }
      if (now < until && !this.isToldOfDoubt) {
        this.isToldOfDoubt = true
        return { _tag: "Doubt", until }
      }
      return now < until ? { _tag: "Wait", until } : { _tag: "Dead", silentFor: Math.round(now - this.heardAt) }
    }
    const overdue = this.heardAt + pingAfter
    if (now < overdue) return { _tag: "Wait", until: overdue }
    this.askedAt = now
    this.isToldOfDoubt = false
    return { _tag: "Ask", until: now + doubtAfter }
  }
}
