/**
 * The resources of the process: sockets, timers and fibers, and the memory that the garbage collector leaves.
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

/** The resources that are held now. Timers are those of the whole process: some of them may be of the test runner. */
export const holdings = (meter: FiberMeter): Holdings => {
  const kinds = process.getActiveResourcesInfo()
  const count = (kind: string) => kinds.filter((other) => other === kind).length
  return { sockets: count("TCPSocketWrap"), timers: count("Timeout"), fibers: meter.running }
}

/** The resources that are held a moment later. The timer of the wait itself is one as long as it rings. */
const aMomentLater = (meter: FiberMeter): Effect.Effect<Holdings> =>
  Effect.sleep(20).pipe(Effect.andThen(Effect.yieldNow), Effect.map(() => holdings(meter)))

/** The least that is held at any moment of a while: what the test runner takes and gives back is not counted. */
export const least = Effect.fnUntraced(function*(meter: FiberMeter) {
  let found = yield* aMomentLater(meter)
  for (let round = 0; round < 10; round++) {
    const now = yield* aMomentLater(meter)
    found = {
      sockets: Math.min(found.sockets, now.sockets),
      timers: Math.min(found.timers, now.timers),
      fibers: Math.min(found.fibers, now.fibers)
    }
  }
  return found
})

/** The resources that are held as soon as they are no more than before, or else after so many milliseconds. */
export const settled = Effect.fnUntraced(function*(meter: FiberMeter, before: Holdings, millis: number) {
  const until = Date.now() + millis
  let found = yield* aMomentLater(meter)
  const isMore = () => found.sockets > before.sockets || found.timers > before.timers || found.fibers > before.fibers
  while (isMore() && Date.now() < until) found = yield* aMomentLater(meter)
  return found
})

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/**
 * The bytes in use that can be reached. Resources that were released in this turn of the event loop may take some more
 * turns.
 */
export const memory = Effect.gen(function*() {
  for (let round = 0; round < 3; round++) {
    yield* Effect.sleep(20)
    collect()
  }
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
})
