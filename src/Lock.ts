/**
 * A lock on a key of the cluster, for work that one process at a time should do.
 *
 * A lock is a key with a time to live. The holder extends it while its scope lives, so that a holder that dies frees it by
 * itself. A holder that cannot extend it in time is told, before the key can expire: `withLock` interrupts what runs
 * under it.
 *
 * What a lock cannot do: replication is asynchronous, so a failover can forget a lock that was just acquired, and a
 * process that stands still (stopped, paused, swapped out) hears of the loss only when it runs again. Where two holders
 * at once would do harm, hand the `fence` to the resource and let it refuse smaller numbers than the greatest it has seen.
 *
 * **Example** (One report at a time)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * const program = Lock.withLock("report:daily", { ttl: "10 seconds", wait: "1 minute" })(
 *   (lock) => Console.log(`writing the report, with fence ${lock.fence}`)
 * ).pipe(
 *   Effect.catchReasons("RedisClusterException", {
 *     LockNotAcquiredError: () => Effect.logInfo("another process is at it"),
 *     LockLostError: () => Effect.logWarning("the lock was lost, the work was interrupted")
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import * as HashSlot from "./cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "./ClusterClient.ts"
import type { Lifetime, Patience } from "./commands/Call.ts"
import * as Command from "./commands/Command.ts"
import { millisOf } from "./internal/millis.ts"
import { monotonicMillis } from "./internal/monotonic.ts"
import {
  exception,
  LockLostError,
  LockNotAcquiredError,
  OptionsError,
  type RedisClusterException
} from "./RedisClusterException.ts"
import * as Script from "./scripting/Script.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface LockOptions {
  /**
   * How long the lock outlives a holder that died; at least 100 milliseconds. It is extended after each third of it.
   * Ten seconds are a good start: a failover should fit in.
   */
  readonly ttl: Lifetime
  /** How long to wait while others hold it; `"none"` tries once. Default: `"forever"`. */
  readonly wait?: Patience | "none" | undefined
  /**
   * The pauses between two attempts; when it ends, so does the wait. Default: 100 ms, jittered by a half, so that many
   * who wait spread out, and have the same chance.
   */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

/**
 * A lock that is held.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lock {
  readonly key: string
  /**
   * Greater than that of every earlier holder of this lock: microseconds of the server's clock, or one more than the last
   * number where that is not behind it.
   */
  readonly fence: number
  /** Fails with `LockLostError` when the lock is lost, and does not end before: to race with what runs under it. */
  readonly lost: Effect.Effect<never, RedisClusterException>
  /** Whether it is held, as far as this process can know without asking. */
  readonly isHeld: Effect.Effect<boolean>
}

const keys = ["lock", "fence"] as const

/** How long the last fence number is remembered, in milliseconds: for servers whose clock is set back. */
const fenceMemory = 86_400_000

const result = Schema.Int

/**
 * Answers the fence number, or 0 when another one holds the lock. The same token may ask again, so that it may be sent
 * again when its fate is unknown.
 */
const acquireScript = Script.make({
  lua: `
    if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
    end
    local time = redis.call('TIME')
    local last = tonumber(redis.call('GET', KEYS[2]) or '0')
    local fence = math.max(time[1] * 1000000 + time[2], last + 1)
    redis.call('SET', KEYS[2], string.format('%.0f', fence), 'PX', ARGV[2] + ${fenceMemory})
    return fence
  `,
  keys,
  args: { token: Schema.String, ttl: Schema.Int },
  result
})

/** Answers 1, or 0 when the lock is another one's or nobody's. */
const extendScript = Script.make({
  lua: `
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])
  `,
  keys: ["lock"],
  args: { token: Schema.String, ttl: Schema.Int },
  result
})

const releaseScript = Script.make({
  lua: `
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call('DEL', KEYS[1])
  `,
  keys: ["lock"],
  args: { token: Schema.String },
  result
})

/**
 * For `TestCluster`, which has no Lua and does what they do.
 *
 * @internal
 */
export const scripts = { acquire: acquireScript, extend: extendScript, release: releaseScript, fenceMemory }

/** What the options and the key come to. Times in milliseconds. */
interface Settings {
  readonly key: string
  readonly fenceKey: string
  readonly ttl: number
  readonly wait: number
  readonly schedule: Schedule.Schedule<unknown>
}

/** The least that leaves time for extensions. */
const leastTtl = 100

const defaultSchedule: Schedule.Schedule<unknown> = Schedule.modifyDelay(
  Schedule.spaced("100 millis"),
  ({ duration }) => Effect.map(Random.nextBetween(0.5, 1.5), (factor) => Duration.times(duration, factor))
)

/** In the slot of the lock, whatever hash tag that has; `undefined` for a key whose braces leave no way. */
const fenceKeyOf = (key: string): string | undefined =>
  [`${key}:fence`, `{${key}}:fence`].find((candidate) => HashSlot.ofKey(candidate) === HashSlot.ofKey(key))

const refuse = (problem: string): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => new OptionsError({ message: `Lock: ${problem}`, outcome: "NotExecuted" })))

const waitOf = (wait: LockOptions["wait"]): number =>
  wait === undefined || wait === "forever" ? Infinity : wait === "none" ? 0 : millisOf(wait)

const check = (key: string, options: LockOptions): Effect.Effect<Settings, RedisClusterException> =>
  Effect.suspend(() => {
    const fenceKey = fenceKeyOf(key)
    if (fenceKey === undefined) {
      return refuse("the key has braces that leave no way to name a second key of its slot; leave them out")
    }
    const ttl = Math.ceil(millisOf(options.ttl))
    if (!(ttl >= leastTtl && Number.isSafeInteger(ttl))) {
      return refuse(`ttl must be a finite duration of at least ${leastTtl} milliseconds, such as "10 seconds"`)
    }
    const wait = waitOf(options.wait)
    if (!(wait >= 0)) return refuse(`wait must be a duration such as "1 minute", "forever" or "none"`)
    return Effect.succeed({ key, fenceKey, ttl, wait, schedule: options.schedule ?? defaultSchedule })
  })

/** How long the end of a scope waits for the server to confirm the release, in milliseconds. */
const releasePatience = 2000

/** It has to be told before the key can expire, and needs time to stop. */
const validity = (ttl: number): number => ttl - ttl / 20

const notAcquired = (): RedisClusterException =>
  exception(() =>
    new LockNotAcquiredError({
      message: "the lock is held by another one, and the time to wait for it is over",
      outcome: "NotExecuted"
    })
  )

const lockLost = (why: string): RedisClusterException =>
  exception(() =>
    new LockLostError({
      message: `the lock was lost: ${why}; another one may hold it, and what ran under it was not protected to its end`,
      outcome: "Unknown"
    })
  )

/** One holder: what it says to the server, and what it knows of its lock. */
class Holder {
  readonly token = randomUUID()
  readonly redis: ClusterClientShape
  readonly settings: Settings
  readonly loss = Deferred.makeUnsafe<never, RedisClusterException>()
  isLost = false
  /** The server may have the lock in this holder's name. */
  isLeft = false
  /** Until when the lock is certainly held, in monotonic milliseconds. */
  validUntil = 0

  constructor(redis: ClusterClientShape, settings: Settings) {
    this.redis = redis
    this.settings = settings
  }

  /** The fence number, or 0. */
  readonly tryAcquire: Effect.Effect<number, RedisClusterException> = Clock.clockWith((clock) => {
    const { fenceKey, key, ttl } = this.settings
    const sentAt = monotonicMillis(clock)
    const call = acquireScript({ keys: { lock: key, fence: fenceKey }, args: { token: this.token, ttl } })
    this.isLeft = true
    return Effect.flatMap(this.redis.execute(Command.idempotent(call)), (fence) => {
      this.isLeft = fence !== 0
      this.validUntil = sentAt + validity(ttl)
      // The answer may have taken longer than the lock lives; the next one will say whether it still does.
      const isLate = this.isLeft && monotonicMillis(clock) >= this.validUntil
      return isLate ? this.tryAcquire : Effect.succeed(fence)
    })
  })

  /** Waits its turn. */
  readonly acquire: Effect.Effect<number, RedisClusterException> = Effect.suspend(() => {
    const { schedule, wait } = this.settings
    const once = Effect.flatMap(
      this.tryAcquire,
      (fence) => fence === 0 ? Effect.fail(undefined) : Effect.succeed(fence)
    )
    const attempts = wait === 0 ? once : Effect.retry(once, { schedule, while: (error) => error === undefined })
    const limited = wait === 0 || wait === Infinity
      ? attempts
      : Effect.timeoutOrElse(attempts, { duration: wait, orElse: () => Effect.fail(undefined) })
    return Effect.mapError(limited, (error) => error ?? notAcquired())
  })

  /** Extends the lock until that fails for good. */
  readonly keep: Effect.Effect<void> = Effect.suspend(() => {
    const { ttl } = this.settings
    let pause = ttl / 3
    const turn = Effect.suspend(() => Effect.andThen(Effect.sleep(pause), this.extend)).pipe(
      Effect.map((next) => (pause = next))
    )
    return Effect.asVoid(Effect.repeat(turn, { until: () => this.isLost }))
  })

  /** Extends the lock once; how long the next time is to wait for, in milliseconds. */
  private readonly extend: Effect.Effect<number> = Clock.clockWith((clock) => {
    const { key, ttl } = this.settings
    const sentAt = monotonicMillis(clock)
    if (sentAt >= this.validUntil) return this.lose("it could not be extended in time")
    const within = (pause: number) => Math.max(0, Math.min(pause, this.validUntil - monotonicMillis(clock)))
    const call = extendScript({ keys: { lock: key }, args: { token: this.token, ttl } })
    const command = Command.timeout(Command.idempotent(call), Math.max(1, this.validUntil - sentAt))
    return Effect.matchEffect(this.redis.execute(command), {
      onSuccess: (held) => {
        if (held === 0) return this.lose("the server no longer knows it as this holder's")
        this.validUntil = sentAt + validity(ttl)
        return Effect.succeed(within(ttl / 3))
      },
      // Again soon, for as long as the lock lives.
      onFailure: () => Effect.succeed(within(ttl / 20))
    })
  })

  private lose(why: string): Effect.Effect<number> {
    return Effect.sync(() => {
      this.isLost = true
      Deferred.doneUnsafe(this.loss, Effect.fail(lockLost(why)))
      return 0
    })
  }

  /** Whether the holder can be sure of it now. */
  readonly isHeld: Effect.Effect<boolean> = Clock.clockWith((clock) =>
    Effect.sync(() => !this.isLost && monotonicMillis(clock) < this.validUntil)
  )

  /** Frees the lock if it is this holder's. When that fails, the time to live frees it. */
  readonly release: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isLost || !this.isLeft) return Effect.void
    const call = releaseScript({ keys: { lock: this.settings.key }, args: { token: this.token } })
    const timeout = Math.min(this.settings.ttl, releasePatience)
    return Effect.ignore(this.redis.execute(Command.timeout(Command.idempotent(call), timeout)))
  })
}

/**
 * Acquires a lock and holds it until the scope closes, extending it as long as that takes.
 *
 * Its key is `key`; a second key of the same slot, `key:fence` or `{key}:fence`, remembers the last fence number for a
 * day. The lock is not reentrant: who holds it and asks again waits for itself.
 *
 * Fails with `LockNotAcquiredError` when others hold it for longer than `wait` or `schedule` allow; with `OptionsError`
 * for options that cannot be used; and as any command does when the cluster cannot be asked. Interrupted while it waits,
 * it leaves nothing behind.
 *
 * **Example** (A handle)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const lock = yield* Lock.make("report:daily", { ttl: "10 seconds", wait: "none" })
 *   yield* Effect.logInfo(`holding it with fence ${lock.fence}`)
 *   yield* Effect.raceFirst(Effect.sleep("1 second"), lock.lost)
 * }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  key: string,
  options: LockOptions
): Effect.Effect<Lock, RedisClusterException, ClusterClient | Scope.Scope> =>
  Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const redis = yield* ClusterClient
    const holder = new Holder(redis, yield* check(key, options))
    const fence = yield* Effect.onError(restore(holder.acquire), () => holder.release)
    yield* Effect.addFinalizer(() => holder.release)
    yield* Effect.forkScoped(Effect.interruptible(holder.keep))
    return { key, fence, lost: Deferred.await(holder.loss), isHeld: holder.isHeld }
  }))

const endedUnderIt = (lock: Lock): Effect.Effect<void, RedisClusterException> =>
  Effect.flatMap(
    lock.isHeld,
    (held) => held ? Effect.void : Effect.fail(lockLost("it had run out when the work ended"))
  )

/**
 * Runs an effect under a lock: acquires it, extends it meanwhile, and releases it however the effect ends.
 *
 * When the lock is lost the effect is interrupted, and the whole fails with `LockLostError`; also when the effect cannot
 * be interrupted, or ended before it was, for its end was not protected. Other errors are those of `make`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLock = (key: string, options: LockOptions) =>
<A, E, R>(
  use: Effect.Effect<A, E, R> | ((lock: Lock) => Effect.Effect<A, E, R>)
): Effect.Effect<A, E | RedisClusterException, R | ClusterClient> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Scope.provide(make(key, options), scope), (lock) =>
      Effect.tap(
        Effect.raceFirst(Effect.isEffect(use) ? use : use(lock), lock.lost),
        () => endedUnderIt(lock)
      ))
  )
