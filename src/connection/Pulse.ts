/**
 * The signs of life of one socket: how long it has been silent, and what has to be done about that. This is a pure
 * decision; nothing is sent or ended here.
 */

/**
 * The step that a silence calls for, and when to look again.
 *
 * - `Wait`: do nothing before `until`
 * - `Ask`: send a PING, and look again at `until`
 * - `Doubt`: the PING is overdue; send commands that another node can answer there as well, and look again at `until`
 * - `Dead`: end the socket; it was silent for so many milliseconds
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
  /** The time after the PING at which the socket is in doubt; never, when this is left out. */
  readonly doubtAfter?: number | undefined
}

/** All times are monotonic milliseconds. */
export class Pulse {
  /** The time of the last sign of life, or since when one has been expected. */
  heardAt: number
  private askedAt = notAsked
  private isToldOfDoubt = false
  private readonly limits: Limits

  constructor(limits: Limits, now: number) {
    this.limits = limits
    this.heardAt = now
  }

  /** Whether a PING was sent and no sign of life has come since. */
  get isDoubtful(): boolean {
    return this.askedAt !== notAsked
  }

  /** The time at which a silence that begins now is long enough for a PING. */
  overdueFrom(now: number): number {
    return now + this.limits.pingAfter
  }

  /** Notes a sign of life: bytes came, or bytes left. */
  heard(now: number): void {
    this.heardAt = now
    this.askedAt = notAsked
  }

  /** Notes that a PING is sent. */
  asked(now: number): void {
    this.askedAt = now
  }

  /** Grants the PING until that time, because the socket is silent for a known reason. */
  holdUntil(until: number): void {
    this.askedAt = until - this.limits.pingTimeout
  }

  /** Judges the silence. With the answer `Ask`, the PING counts as sent. */
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
