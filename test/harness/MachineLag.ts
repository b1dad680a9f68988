/**
 * Measures by how much timers ring too late in an idle thread: the machine's own lag, whatever the thread under test does.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"

/** When a timer rang, in milliseconds since the epoch, and how many milliseconds too late. */
export type Lateness = readonly [at: number, millis: number]

const interval = 5
const reported = 100

const code = `
  const { parentPort } = require("node:worker_threads")
  let samples = []
  let due = performance.now() + ${interval}
  const ring = () => {
    samples.push([Date.now(), Math.max(0, performance.now() - due)])
    due = performance.now() + ${interval}
    setTimeout(ring, ${interval})
  }
  setTimeout(ring, ${interval})
  setInterval(() => parentPort.postMessage(samples.splice(0)), ${reported})`

export interface MachineLag {
  /** The lateness of the timers since this was last asked. */
  readonly seen: Effect.Effect<ReadonlyArray<Lateness>>
}

/** Watches until its scope ends. */
export const make: Effect.Effect<MachineLag, never, Scope.Scope> = Effect.gen(function*() {
  const worker = yield* Effect.acquireRelease(
    Effect.callback<Worker>((resume) => {
      const started = new Worker(code, { eval: true })
      started.once("online", () => resume(Effect.succeed(started)))
    }),
    (running) => Effect.promise(() => running.terminate())
  )
  let samples: Array<Lateness> = []
  worker.on("message", (more: ReadonlyArray<Lateness>) => samples.push(...more))
  const take = Effect.sync(() => {
    const taken = samples
    samples = []
    return taken
  })
  const nextReport = Effect.callback<void>((resume) => {
    worker.once("message", () => resume(Effect.void))
  })
  return { seen: Effect.andThen(nextReport, take) }
})

export interface Timed<A> {
  readonly result: A
  /** How long the effect took, in milliseconds. */
  readonly took: number
  /** `took` without the time by which the timers of an idle thread were late meanwhile. */
  readonly own: number
}

/** Runs an effect and measures it. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Timed<A>, E, R> =>
  Effect.scoped(Effect.gen(function*() {
    const machine = yield* make
    yield* machine.seen
    const started = performance.now()
    const result = yield* effect
    const took = performance.now() - started
    const lag = (yield* machine.seen).reduce((sum, [, millis]) => sum + millis, 0)
    return { result, took, own: Math.max(0, took - lag) }
  }))
