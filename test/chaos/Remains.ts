/**
 * What the process holds: sockets, timers and fibers, and the memory that the garbage collector leaves.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { Holdings } from "./Laws.ts"

/** Counts the fibers that begin and end where it is provided, also those that are forked into a scope or detached. */
export class FiberMeter implements Metric.FiberRuntimeMetricsService {
  started = 0
  ended = 0

  get running(): number {
    return this.started - this.ended
  }

  readonly recordFiberStart = (): void => {
    this.started++
  }

  readonly recordFiberEnd = (): void => {
    this.ended++
  }
}

/** Runs an effect, and all that it forks, under a meter. */
export const metered = (meter: FiberMeter) => Effect.provideService(Metric.FiberRuntimeMetrics, meter)

/** Takes an effect out from under a meter: what it forks is the business of another one. */
export const unmetered = Effect.provideService(Metric.FiberRuntimeMetrics, undefined)

/** What is held now. Timers are those of the whole process: some of them may be of the test runner. */
export const holdings = (meter: FiberMeter): Holdings => {
  const kinds = process.getActiveResourcesInfo()
  const count = (kind: string) => kinds.filter((other) => other === kind).length
  return { sockets: count("TCPSocketWrap"), timers: count("Timeout"), fibers: meter.running }
}

const least = (a: Holdings, b: Holdings): Holdings => ({
  sockets: Math.min(a.sockets, b.sockets),
  timers: Math.min(a.timers, b.timers),
  fibers: Math.min(a.fibers, b.fibers)
})

/**
 * The least that is held at any moment of a while, which ends early when it is no more than `enough`: what comes and goes
 * is not counted, what stays is.
 */
export const atRest = Effect.fnUntraced(function*(meter: FiberMeter, millis: number, enough?: Holdings) {
  let found = holdings(meter)
  const isEnough = () =>
    enough !== undefined && found.sockets <= enough.sockets && found.timers <= enough.timers &&
    found.fibers <= enough.fibers
  for (let waited = 0; waited < millis && !isEnough(); waited += 20) {
    // The timer of this wait is one as long as it rings.
    yield* Effect.andThen(Effect.sleep(20), Effect.yieldNow)
    found = least(found, holdings(meter))
  }
  return found
})

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/** The bytes in use that can be reached. What was let go in this turn of the event loop may take some more of them. */
export const memory = Effect.gen(function*() {
  for (let round = 0; round < 3; round++) {
    yield* Effect.sleep(20)
    collect()
  }
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
})
