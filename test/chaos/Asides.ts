/**
 * A cache-aside of two processes over one origin, which writes down what it loads.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CacheAside from "../../src/CacheAside.ts"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import * as Codec from "../../src/values/Codec.ts"
import * as Value from "../../src/values/Value.ts"
import type { Recorder } from "./Workers.ts"

const value = Value.make({
  key: (key: string) => key,
  schema: Schema.String,
  codec: Codec.text,
  timeToLive: "1 minute"
})

/** The time that a load takes, in milliseconds. */
const loadMillis = 20

/** A cache-aside as one process uses it. */
class Process {
  private readonly redis: ClusterClientShape
  private readonly aside: CacheAside.CacheAside<string, string>

  constructor(redis: ClusterClientShape, aside: CacheAside.CacheAside<string, string>) {
    this.redis = redis
    this.aside = aside
  }

  get(key: string) {
    return Effect.provideService(this.aside.get(key), ClusterClient, this.redis)
  }

  invalidate(key: string) {
    return Effect.provideService(this.aside.invalidate(key), ClusterClient, this.redis)
  }
}

export class Asides {
  /** The process of the client of the run, which may answer from the memory of that client. */
  readonly near: Process
  /** The process of the client at the side of the servers. */
  readonly far: Process
  private readonly origin = new Map<string, string>()

  constructor(redis: ClusterClientShape, outside: ClusterClientShape, recorder: Recorder) {
    const load = (key: string) =>
      Effect.suspend(() => {
        const loaded = Effect.as(Effect.sleep(loadMillis), this.origin.get(key) ?? null)
        return recorder.observed("load", "load", key, loaded)
      })
    const definition = { value, load, lease: "5 seconds", wait: "5 seconds", whenUnavailable: "fail" } as const
    this.near = new Process(redis, CacheAside.make({ ...definition, cached: "1 minute" }))
    this.far = new Process(outside, CacheAside.make(definition))
  }

  /** Changes a value of the origin. */
  change(key: string, value: string): void {
    this.origin.set(key, value)
  }
}
