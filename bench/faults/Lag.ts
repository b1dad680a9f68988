/**
 * Measures by how much the timers of a process ring too late, because of its own work and of the load of the machine.
 */
import type { Lateness } from "../../test/harness/MachineLag.ts"

const interval = 5

export class Lag {
  readonly samples: Array<Lateness> = []
  private timer: NodeJS.Timeout | undefined

  start(): void {
    const due = performance.now() + interval
    this.timer = setTimeout(() => {
      this.samples.push([Date.now(), Math.max(0, performance.now() - due)])
      this.start()
    }, interval)
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
