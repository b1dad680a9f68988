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

  /** All kinds, the next one last. Kinds that are surely met come early, so that short runs have them. */
  private deck(): Array<FaultKind> {
    const all = this.random.shuffled(this.kinds)
    const met = all.filter(({ meets }) => meets !== undefined)
    const others = all.filter((kind) => !met.includes(kind))
    return [...others.slice(met.length), ...this.random.shuffled([...met, ...others.slice(0, met.length)])]
  }

  private readonly next = Effect.suspend(() => {
    if (this.coming.length === 0) this.coming = this.deck()
    const kind = this.coming.pop() ?? this.kinds[0]
    const shard = kind.everywhere === true ? -1 : this.random.below(this.scene.shards.length)
    const { channels, lossy, meets, moving, name, narrow } = kind
    const fault: Fault = {
      ...{ what: name, shard, lossy, moving, channels, narrow, meets },
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
