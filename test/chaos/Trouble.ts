/**
 * One random fault after the other, as they are written down.
 */
import * as Effect from "effect/Effect"
import type { HarnessError } from "../harness/HarnessError.ts"
import type { FaultKind, Scene } from "./Faults.ts"
import type { Fault } from "./History.ts"
import type { Random } from "./Random.ts"

export class Trouble {
  private readonly faults: Array<Fault>
  private readonly scene: Scene
  private readonly kinds: ReadonlyArray<FaultKind>
  private readonly random: Random
  /** Each kind comes once before one comes again. */
  private coming: Array<FaultKind> = []

  /** The faults are added to `faults`. */
  constructor(scene: Scene, kinds: ReadonlyArray<FaultKind>, random: Random, faults: Array<Fault>) {
    this.faults = faults
    this.scene = scene
    this.kinds = kinds
    this.random = random
  }

  /** One fault after the other for so many milliseconds; there may be some time between them. */
  during(millis: number, between: readonly [least: number, most: number]): Effect.Effect<void, HarnessError> {
    if (this.kinds.length === 0) return Effect.void
    const next = Effect.suspend(() => Effect.andThen(Effect.sleep(this.random.between(...between)), this.next))
    return Effect.suspend(() => {
      const until = Date.now() + millis
      return Effect.whileLoop({ while: () => Date.now() < until, body: () => next, step: () => {} })
    })
  }

  private readonly next = Effect.suspend(() => {
    if (this.coming.length === 0) this.coming = this.random.shuffled(this.kinds)
    const kind = this.coming.pop() ?? this.kinds[0]
    const shard = kind.everywhere === true ? -1 : this.random.below(this.scene.shards.length)
    const { channels, lossy, moving, name, narrow } = kind
    const fault: Fault = {
      ...{ what: name, shard, lossy, moving, channels, narrow },
      ...{ started: Date.now(), ended: Number.POSITIVE_INFINITY }
    }
    this.faults.push(fault)
    return kind.run(this.scene, shard, this.random.fork()).pipe(
      // The consequences of a fault, late replies or a refresh, may take a moment.
      Effect.andThen(Effect.sleep(300)),
      Effect.andThen(Effect.sync(() => {
        fault.ended = Date.now()
      }))
    )
  })
}
