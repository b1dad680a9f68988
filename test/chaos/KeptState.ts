/**
 * Values that a program keeps by the stream of invalidations, as the page on caching shows it.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { InvalidationEvent } from "../../src/pubsub/Invalidation.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

export class KeptState {
  /** Reads that the kept values answered. */
  hits = 0
  /** The times when the stream said that reports may have been lost. */
  gaps = 0
  /** Whether all changes are reported. */
  isLive = false
  private readonly redis: ClusterClientShape
  private readonly values = new Map<string, string | null>()
  /** The reads on their way; those that are over keep nothing. */
  private readonly readings = new Set<{ readonly key: string; isOver: boolean }>()

  constructor(redis: ClusterClientShape) {
    this.redis = redis
  }

  /** Follows the changes of keys with these beginnings. */
  follow(prefixes: ReadonlyArray<string>): Effect.Effect<void, RedisClusterException> {
    return Stream.runForEach(this.redis.invalidations({ prefixes }), (event) => Effect.sync(() => this.take(event)))
  }

  read(key: string): Effect.Effect<string | null, RedisClusterException> {
    return Effect.suspend(() => {
      const kept = this.isLive ? this.values.get(key) : undefined
      if (kept !== undefined) {
        this.hits++
        return Effect.succeed(kept)
      }
      const reading = { key, isOver: !this.isLive }
      this.readings.add(reading)
      return this.redis.get(key).pipe(
        Effect.tap((value) => Effect.sync(() => void (reading.isOver || this.values.set(key, value)))),
        Effect.ensuring(Effect.sync(() => this.readings.delete(reading)))
      )
    })
  }

  private take(event: InvalidationEvent): void {
    switch (event._tag) {
      case "Invalidated":
        this.values.delete(String(event.key))
        for (const reading of this.readings) if (reading.key === event.key) reading.isOver = true
        return
      case "Subscribed":
        this.isLive = true
        return
      case "Interrupted":
        this.isLive = false
        return this.forgetAll()
      case "Gap":
        this.gaps++
        return this.forgetAll()
      case "Flushed":
        return this.forgetAll()
    }
  }

  private forgetAll(): void {
    this.values.clear()
    for (const reading of this.readings) reading.isOver = true
  }
}
