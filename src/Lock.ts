/**
 * A lock on a key of the cluster, for work that one process at a time should do.
 *
 * A lock is a key with a time to live. The holder extends it while its scope lives, so that the lock of a holder that
 * dies ends by itself. A holder that cannot extend the lock in time learns of it before the key can expire: `withLock`
 * interrupts the work under the lock.
 *
 * A lock has limits. Replication is asynchronous, so that a failover can lose a lock that was just acquired. A process
 * that is stopped, paused or swapped out learns of a loss only when it runs again. Where two holders at once would do
 * harm, use `fencing`: pass the `fence` to the resource, and let the resource refuse numbers that are smaller than the
 * greatest it has seen.
 *
 * The value of the key is the token of its holder, as with the locks of redis-py: programs of both kinds can share a
 * lock.
 *
 * **Example** (One report at a time)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * const program = Lock.withLock("report:daily", { ttl: "10 seconds", wait: "1 minute", fencing: true })(
 *   (lock) => Console.log(`writing the report, with fence ${lock.fence}`)
 * ).pipe(
 *   Effect.catchTags({
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
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import * as HashSlot from "./cluster/HashSlot.ts"
import { ClusterClient, type ClusterClientShape } from "./ClusterClient.ts"
import type { Lifetime } from "./commands/Call.ts"
import * as Command from "./commands/Command.ts"
import type { Exact } from "./commands/Options.ts"
import { Strings } from "./commands/Strings.ts"
import * as checks from "./internal/checks.ts"
import { millisOf } from "./internal/millis.ts"
import { monotonicMillis } from "./internal/monotonic.ts"
import { printable, reportable } from "./internal/reportable.ts"
import { stackless } from "./internal/stackless.ts"
import { exception, OptionsError, type Outcome, type RedisClusterException } from "./RedisClusterException.ts"
import * as Tracing from "./routing/request/Tracing.ts"
import * as Script from "./scripting/Script.ts"

const NotAcquiredTypeId = "~effect-redis-cluster/LockNotAcquiredError"
const LostTypeId = "~effect-redis-cluster/LockLostError"

/**
 * The lock was held by others until the time to wait, or the wait schedule, was over. Nothing ran under it: the outcome is
 * `NotExecuted`.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockNotAcquiredError
  extends Schema.TaggedError<LockNotAcquiredError>("effect-redis-cluster/LockNotAcquiredError")(
    "LockNotAcquiredError",
    { message: Schema.String }
  )
{
  get [NotAcquiredTypeId](): typeof NotAcquiredTypeId {
    return NotAcquiredTypeId
  }

  /** Others may release it. */
  get isRetryable(): boolean {
    return true
  }

  /** No work was done under the lock. */
  get outcome(): Outcome {
    return "NotExecuted"
  }
}

/**
 * The lock was lost while it was held: it could not be extended in time, or the server no longer knew it. Another holder
 * may have it. Work that was done under the lock up to then is not undone.
 *
 * @category errors
 * @since 0.1.0
 */
export class LockLostError
  extends Schema.TaggedError<LockLostError>("effect-redis-cluster/LockLostError")("LockLostError", {
    message: Schema.String
  })
{
  get [LostTypeId](): typeof LostTypeId {
    return LostTypeId
  }

  /** Another attempt would do the work under the lock twice. */
  get isRetryable(): boolean {
    return false
  }

  /** The work under the lock was interrupted somewhere, or ended unprotected. */
  get outcome(): Outcome {
    return "Unknown"
  }
}

reportable(LockNotAcquiredError.prototype, ({ _tag }) => _tag)
printable(LockNotAcquiredError.prototype)
reportable(LockLostError.prototype, ({ _tag }) => _tag)
printable(LockLostError.prototype)

/**
 * Either way in which a lock can disappoint: a schema, for programs that send it on.
 *
 * @category errors
 * @since 0.1.0
 */
export const LockError = Schema.Union([LockNotAcquiredError, LockLostError])

/**
 * The errors of a lock, beside those of any command: `LockNotAcquiredError` and `LockLostError`.
 *
 * @category errors
 * @since 0.1.0
 */
export type LockError = typeof LockError.Type

/**
 * Whether a value is a `LockNotAcquiredError`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLockNotAcquiredError = (value: unknown): value is LockNotAcquiredError =>
  Predicate.hasProperty(value, NotAcquiredTypeId)

/**
 * Whether a value is a `LockLostError`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLockLostError = (value: unknown): value is LockLostError => Predicate.hasProperty(value, LostTypeId)

/**
 * Whether a value is one of the two errors of locks, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isLockError = (value: unknown): value is LockError =>
  isLockNotAcquiredError(value) || isLockLostError(value)

/**
 * Options of a lock. Only `ttl` is required.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockOptions {
  /**
   * The time after which the lock of a holder that died ends; at least 100 milliseconds. The lock is extended after
   * each third of it. Ten seconds are a good start, because a failover should fit in. A lock with `"Infinity"` lasts
   * until it is released, also when its holder died.
   */
  readonly ttl: Lifetime
  /** The time to wait while others hold the lock; `"0 millis"` tries once. Default: `"Infinity"`. */
  readonly wait?: Lifetime | undefined
  /**
   * The pauses between two attempts; the wait ends with the schedule. Default: 100 ms, jittered by a half, so that
   * many waiting processes spread out and have equal chances.
   */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  /**
   * Whether the lock has a `fence`. A second key of its slot, `key:fence` or `{key}:fence`, remembers the last number
   * for a day. Default: `false`.
   */
  readonly fencing?: boolean | undefined
}

/**
 * A lock that is held: the argument of the work under the lock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lock {
  /** The key of the lock. */
  readonly key: string
  /**
   * The token of the holder, which is the value of the key while it has the lock. Every process that knows it can
   * release the lock.
   */
  readonly token: string
  /** Fails with `LockLostError` when the lock is lost, and does not end before: to race with what runs under it. */
  readonly lost: Effect.Effect<never, LockLostError>
  /** Whether it is held, as far as this process can know without asking. */
  readonly isHeld: Effect.Effect<boolean>
  /**
   * Extends the lock now: it then lives for at least `ttl` from now on, by default that of its options. Locks are
   * extended automatically; this is for a process that is about to block its event loop. Fails with `LockLostError`
   * when the lock is lost.
   */
  readonly extend: (ttl?: Lifetime) => Effect.Effect<void, LockLostError | RedisClusterException>
  /** Releases the lock before its scope ends. Doing so again does no harm. */
  readonly release: Effect.Effect<void>
}

/**
 * A lock that is held and has a fence: a number that is greater than that of every earlier holder.
 *
 * @category models
 * @since 0.1.0
 */
export interface FencedLock extends Lock {
  /**
   * A number that is greater than that of every earlier holder of this lock: the microseconds of the server's clock,
   * or one more than the last number if the clock is not ahead of it.
   */
  readonly fence: number
}

/**
 * The type of the lock for given options: with `fencing: true` it is a `FencedLock`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type LockOf<O> = O extends { readonly fencing: true } ? FencedLock : Lock

/**
 * The time for which the last fence number is remembered, in milliseconds, for the case that a server's clock is set
 * back.
 */
const fenceMemory = 86_400_000

const result = Schema.Int

/**
 * Answers 1, or 0 when another holder has the lock. A holder may ask again with its token, so that the command can be
 * sent again when its outcome is unknown. A time to live of 0 stands for none.
 */
const take = `
  local function take()
    local set
    if ARGV[2] == '0' then set = redis.call('SET', KEYS[1], ARGV[1], 'NX')
    else set = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) end
    if set then return 1 end
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return 1
  end
`

const acquireScript = Script.make({
  lua: `${take} return take()`,
  keys: ["lock"],
  args: { token: Schema.String, ttl: Schema.Int },
  result
})

/** Acquires a lock with a fence: answers the fence number in the place of 1. */
const acquireFencedScript = Script.make({
  lua: `
    ${take}
    if take() == 0 then return 0 end
    local time = redis.call('TIME')
    local last = tonumber(redis.call('GET', KEYS[2]) or '0')
    local fence = math.max(time[1] * 1000000 + time[2], last + 1)
    redis.call('SET', KEYS[2], string.format('%.0f', fence), 'PX', ARGV[2] + ${fenceMemory})
    return fence
  `,
  keys: ["lock", "fence"],
  args: { token: Schema.String, ttl: Schema.Int },
  result
})

/**
 * Answers 1, or 0 when the token does not hold the lock. The lock then lives for at least the given time; a longer
 * time to live is not shortened.
 */
const extendScript = Script.make({
  lua: `
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    local left = redis.call('PTTL', KEYS[1])
    if left >= 0 and left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
    return 1
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
 * The scripts, for `TestCluster`, which does the same in TypeScript where it has no Lua.
 *
 * @internal
 */
export const scripts = {
  acquire: acquireScript,
  acquireFenced: acquireFencedScript,
  extend: extendScript,
  release: releaseScript,
  fenceMemory
}

/** The options and the key, checked. Times are in milliseconds, `Infinity` without end. */
interface Settings {
  readonly key: string
  /** The key of the fence; `undefined` without fencing. */
  readonly fenceKey: string | undefined
  readonly ttl: number
  readonly wait: number
  readonly schedule: Schedule.Schedule<unknown>
}

/** The shortest time to live that leaves time for extensions, in milliseconds. */
const leastTtl = 100

/** The time between two checks of a lock without a time to live, in milliseconds: it can be lost as well. */
const lookAtForever = 10_000

const defaultSchedule: Schedule.Schedule<unknown> = Schedule.modifyDelay(
  Schedule.spaced("100 millis"),
  ({ duration }) => Effect.map(Random.nextBetween(0.5, 1.5), (factor) => Duration.times(duration, factor))
)

/**
 * The key of the fence, in the slot of the lock. It is `undefined` when the braces of the lock's key make that
 * impossible.
 */
const fenceKeyOf = (key: string): string | undefined =>
  [`${key}:fence`, `{${key}}:fence`].find((candidate) => HashSlot.ofKey(candidate) === HashSlot.ofKey(key))

const refuse = (problem: string): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => new OptionsError({ message: `Lock: ${problem}`, outcome: "NotExecuted" })))

const ttlCheck: checks.Check = (value) =>
  checks.lifetime(leastTtl)(value) === undefined
    ? undefined
    : `a finite duration of at least ${leastTtl} milliseconds, such as "10 seconds"`

const endlessTtlCheck: checks.Check = (value) =>
  checks.lifetime(leastTtl, false)(value) === undefined
    ? undefined
    : `a duration of at least ${leastTtl} milliseconds, such as "10 seconds" or "Infinity"`

const optionChecks: checks.Checks<LockOptions> = {
  ttl: endlessTtlCheck,
  wait: checks.lifetime(0, false),
  schedule: (value) => Schedule.isSchedule(value) ? undefined : "a Schedule of Effect",
  fencing: checks.boolean
}

const waitOf = (wait: LockOptions["wait"]): number => wait === undefined ? Infinity : millisOf(wait)

const check = (key: string, options: LockOptions): Effect.Effect<Settings, RedisClusterException> =>
  Effect.suspend(() => {
    const problems = checks.problemsOf(options, optionChecks)
    if (problems.length > 0) return refuse(problems.join("; "))
    if (options.ttl === undefined) return refuse(`ttl is required: a duration such as "10 seconds", or "Infinity"`)
    if (typeof key !== "string" || key === "") return refuse("the key has to be a text that is not empty")
    const fenceKey = options.fencing === true ? fenceKeyOf(key) : undefined
    if (options.fencing === true && fenceKey === undefined) {
      return refuse(
        "the key has braces that leave no way to name a second key of its slot; leave them, or fencing, out"
      )
    }
    return Effect.succeed({
      key,
      fenceKey,
      ttl: Math.ceil(millisOf(options.ttl)),
      wait: waitOf(options.wait),
      schedule: options.schedule ?? defaultSchedule
    })
  })

/** The time for which the end of a scope waits for the server to confirm the release, in milliseconds. */
const releasePatience = 2000

/**
 * The time for which a lock counts as held. It is a little shorter than the time to live, so that the work under the
 * lock can stop before the key expires.
 */
const validity = (ttl: number): number => ttl === Infinity ? Infinity : ttl - ttl / 20

const notAcquired = (
  message = "another holder has the lock, and the time to wait for it is over"
): LockNotAcquiredError => stackless(() => new LockNotAcquiredError({ message }))

const lockLost = (why: string): LockLostError =>
  stackless(() =>
    new LockLostError({
      message:
        `the lock was lost: ${why}; another holder may have it, and the work under it was not protected to its end`
    })
  )

/** The error of an answer that took longer than the lock lives. */
const late = (): LockNotAcquiredError =>
  notAcquired("the server's answers take longer than the lock lives; give it a longer ttl")

/** The time to live as an argument of the scripts. */
const ttlArgument = (ttl: number): number => ttl === Infinity ? 0 : ttl

/** One holder: its commands, and its knowledge of the lock. */
class Holder {
  readonly token = randomUUID()
  readonly redis: ClusterClientShape
  readonly settings: Settings
  readonly loss = Deferred.makeUnsafe<never, LockLostError>()
  private isLost = false
  /** Whether the server may have the lock under this holder's token. */
  private isLeft = false
  /** The time until which the lock is certainly held, in monotonic milliseconds. */
  private validUntil = 0

  constructor(redis: ClusterClientShape, settings: Settings) {
    this.redis = redis
    this.settings = settings
  }

  /**
   * Tries to acquire the lock. The result is the fence number (1 without fencing), or 0 when another holder has the
   * lock. Fails with `undefined` when the answer came too late.
   */
  private readonly tryAcquire: Effect.Effect<number, RedisClusterException | undefined> = Clock.clockWith((clock) => {
    const { fenceKey, key, ttl } = this.settings
    const sentAt = monotonicMillis(clock)
    const args = { token: this.token, ttl: ttlArgument(ttl) }
    const call = fenceKey === undefined
      ? acquireScript({ keys: { lock: key }, args })
      : acquireFencedScript({ keys: { lock: key, fence: fenceKey }, args })
    this.isLeft = true
    return Effect.flatMap(this.redis.execute(Command.idempotent(call)), (fence) => {
      this.isLeft = fence !== 0
      this.validUntil = sentAt + validity(ttl)
      const isLate = this.isLeft && monotonicMillis(clock) >= this.validUntil
      return isLate ? Effect.fail(undefined) : Effect.succeed(fence)
    })
  })

  /** Acquires the lock, and waits while others hold it. */
  readonly acquire: Effect.Effect<number, LockNotAcquiredError | RedisClusterException> = Effect.suspend(() => {
    const { schedule, wait } = this.settings
    const isPassing = (error: LockNotAcquiredError | RedisClusterException | undefined): boolean =>
      error === undefined || error === held
    const held = notAcquired()
    const attempt = Effect.flatMap(
      // After an answer that came too late the lock may be acquired: the next answer tells.
      Effect.retry(this.tryAcquire, { times: 1, while: (error) => error === undefined }),
      (fence) => fence === 0 ? Effect.fail(held) : Effect.succeed(fence)
    )
    const attempts = wait === 0 ? attempt : Effect.retry(attempt, { schedule, while: isPassing })
    const limited = wait === 0 || wait === Infinity
      ? attempts
      : Effect.timeoutOrElse(attempts, { duration: wait, orElse: () => Effect.fail(held) })
    return Effect.mapError(limited, (error) => error ?? late())
  })

  /** Extends the lock until it is lost. */
  readonly keep: Effect.Effect<void> = Effect.suspend(() => {
    let pause = this.period
    const turn = Effect.suspend(() => Effect.andThen(Effect.sleep(pause), this.extendInTime)).pipe(
      Effect.map((next) => (pause = next))
    )
    return Effect.asVoid(Effect.repeat(turn, { until: () => !this.isLeft || this.isLost }))
  })

  /** The time between two extensions. */
  private get period(): number {
    return Math.min(this.settings.ttl / 3, lookAtForever)
  }

  /** Extends the lock once, to at least `ttl` from now. The result says whether it is held. */
  private extendBy(ttl: number, timeout: number | undefined): Effect.Effect<boolean, RedisClusterException> {
    return Clock.clockWith((clock) => {
      const sentAt = monotonicMillis(clock)
      const call = extendScript({
        keys: { lock: this.settings.key },
        args: { token: this.token, ttl: ttlArgument(ttl) }
      })
      const command = Command.idempotent(call)
      return Effect.map(
        this.redis.execute(timeout === undefined ? command : Command.timeout(command, timeout)),
        (held) => {
          if (held !== 0) this.validUntil = Math.max(this.validUntil, sentAt + validity(ttl))
          else this.lose("the server no longer knows it as this holder's")
          return held !== 0
        }
      )
    })
  }

  /** Extends the lock once. The result is the pause before the next extension, in milliseconds. */
  private readonly extendInTime: Effect.Effect<number> = Clock.clockWith((clock) => {
    const { ttl } = this.settings
    const left = this.validUntil - monotonicMillis(clock)
    if (!this.isLeft) return Effect.succeed(0)
    if (left <= 0) return Effect.sync(() => this.lose("it could not be extended in time"))
    const within = (pause: number) => Math.max(0, Math.min(pause, this.validUntil - monotonicMillis(clock)))
    const timeout = left === Infinity ? undefined : Math.max(1, left)
    return Effect.match(this.extendBy(ttl, timeout), {
      onSuccess: () => within(this.period),
      // The extension is repeated soon, for as long as the lock lives.
      onFailure: () => within(this.period / 7)
    })
  })

  /** Extends the lock on demand of the program. */
  readonly extend = (ttl?: Lifetime): Effect.Effect<void, LockLostError | RedisClusterException> =>
    Effect.suspend(() => {
      const problem = ttl === undefined ? undefined : ttlCheck(ttl)
      if (problem !== undefined) return refuse(`the time of extend has to be ${problem}`)
      if (this.isLost) return Deferred.await(this.loss)
      if (!this.isLeft) return Effect.fail(lockLost("it has been released"))
      const millis = ttl === undefined ? this.settings.ttl : Math.ceil(millisOf(ttl))
      return Effect.flatMap(
        this.extendBy(millis, undefined),
        (held) => held ? Effect.void : Deferred.await(this.loss)
      )
    })

  private lose(why: string): number {
    this.isLost = true
    Deferred.doneUnsafe(this.loss, Effect.fail(lockLost(why)))
    return 0
  }

  /** Whether the lock is certainly held now. */
  readonly isHeld: Effect.Effect<boolean> = Clock.clockWith((clock) =>
    Effect.sync(() => this.isLeft && !this.isLost && monotonicMillis(clock) < this.validUntil)
  )

  /** Releases the lock if this holder has it. When that fails, the lock ends with its time to live. */
  readonly release: Effect.Effect<void> = Effect.suspend(() => {
    if (this.isLost || !this.isLeft) return Effect.void
    this.isLeft = false
    const call = releaseScript({ keys: { lock: this.settings.key }, args: { token: this.token } })
    const timeout = Math.min(this.settings.ttl, releasePatience)
    return Effect.ignore(this.redis.execute(Command.timeout(Command.idempotent(call), timeout)))
  })
}

/**
 * The locks of each scope. They are released side by side, so that a node that hangs delays the end of the scope once
 * only.
 */
const heldBy = new WeakMap<Scope.Scope, Set<Holder>>()

const releaseWithScope = (scope: Scope.Scope, holder: Holder): Effect.Effect<void> => {
  const holders = heldBy.get(scope)
  if (holders !== undefined) {
    return Effect.sync(() => {
      holders.add(holder)
    })
  }
  const own = new Set([holder])
  heldBy.set(scope, own)
  return Scope.addFinalizer(
    scope,
    Effect.suspend(() => {
      heldBy.delete(scope)
      return Effect.forEach(own, ({ release }) => release, { concurrency: "unbounded", discard: true })
    })
  )
}

/** A lock until the scope closes. It has a fence when the options say so. */
const acquired = (
  key: string,
  options: LockOptions
): Effect.Effect<Lock, LockNotAcquiredError | RedisClusterException, ClusterClient | Scope.Scope> =>
  Effect.uninterruptibleMask(Effect.fnUntraced(function*(restore) {
    const redis = yield* ClusterClient
    const scope = yield* Scope.Scope
    const settings = yield* check(key, options)
    const holder = new Holder(redis, settings)
    const fence = yield* Effect.onError(restore(holder.acquire), () => holder.release)
    yield* releaseWithScope(scope, holder)
    yield* Effect.forkScoped(Effect.interruptible(holder.keep))
    const { extend, isHeld, loss, release, token } = holder
    const lock: Lock = { key, token, lost: Deferred.await(loss), isHeld, extend, release }
    return settings.fenceKey === undefined ? lock : { ...lock, fence }
  }))

/**
 * Acquires a lock and holds it until the scope closes; the lock is extended as long as that takes.
 *
 * **When to use**
 *
 * Use it when the work is no single effect, or when the handle is passed on. `withLock` is simpler, and interrupts the
 * work when the lock is lost.
 *
 * **Details**
 *
 * The lock is the Redis key `key`, whose value is the token of the holder. The locks of one scope are released side by
 * side when it closes. An interruption while it waits leaves nothing behind.
 *
 * It fails with `LockNotAcquiredError` when others hold the lock for longer than `wait` or `schedule` allow; with
 * `OptionsError` for options that cannot be used; and like any command when the cluster does not answer.
 *
 * **Gotchas**
 *
 * The lock is not reentrant: a holder that asks again waits for itself. Race the work with `lock.lost`, or a lost lock
 * goes unnoticed. A failure of the cluster ends the wait, however long `wait` is. A failover may lose the lock, and a paused
 * process learns of that too late: with `fencing`, the resource can refuse the former holder.
 *
 * **Example** (A handle)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const lock = yield* Lock.make("report:daily", { ttl: "10 seconds", wait: "0 millis", fencing: true })
 *   yield* Effect.logInfo(`holding it with fence ${lock.fence}`)
 *   yield* Effect.raceFirst(Effect.sleep("1 second"), lock.lost)
 * }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const O extends LockOptions>(
  key: string,
  options: Exact<O, LockOptions>
): Effect.Effect<LockOf<O>, LockNotAcquiredError | RedisClusterException, ClusterClient | Scope.Scope> =>
  Effect.map(acquired(key, options), fenced<O>)

/** The option decides whether the lock has a fence. */
const fenced = <O>(lock: Lock): LockOf<O> => lock as LockOf<O>

const endedUnderIt = (lock: Lock): Effect.Effect<void, LockLostError> =>
  Effect.flatMap(
    lock.isHeld,
    (held) => held ? Effect.void : Effect.fail(lockLost("it had run out when the work ended"))
  )

/**
 * Runs an effect under a lock: acquires the lock, extends it while the effect runs, and releases it however the effect
 * ends.
 *
 * **When to use**
 *
 * Use it for work that one process at a time should do.
 *
 * **Details**
 *
 * When the lock is lost the effect is interrupted, and the result is a failure with `LockLostError`. That holds also
 * for an effect that cannot be interrupted, or that ended before the interruption, because its end was not protected.
 * Other errors are those of `make`: `LockNotAcquiredError`, and the `RedisClusterException` of its commands.
 *
 * **Gotchas**
 *
 * The lock is not reentrant: an effect that takes its own lock again waits for itself. An interruption stops this process only: what
 * the effect has sent to others goes on. Give them the `fence`. The default of `wait` is without end: `tryWithLock` tries once.
 *
 * **Example** (First and last)
 *
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * const options = { ttl: "10 seconds", wait: "1 minute" } as const
 *
 * export const program = Effect.andThen(
 *   Lock.withLock(Console.log("one report at a time"), "report", options),
 *   Console.log("one invoice at a time").pipe(Lock.withLock("invoice", options))
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLock: {
  <const O extends LockOptions>(
    key: string,
    options: Exact<O, LockOptions>
  ): <A, E, R>(
    use: Effect.Effect<A, E, R> | ((lock: LockOf<O>) => Effect.Effect<A, E, R>)
  ) => Effect.Effect<A, E | LockError | RedisClusterException, R | ClusterClient>
  <A, E, R, const O extends LockOptions>(
    use: Effect.Effect<A, E, R> | ((lock: LockOf<O>) => Effect.Effect<A, E, R>),
    key: string,
    options: Exact<O, LockOptions>
  ): Effect.Effect<A, E | LockError | RedisClusterException, R | ClusterClient>
} = dual(3, <A, E, R, const O extends LockOptions>(
  use: Effect.Effect<A, E, R> | ((lock: LockOf<O>) => Effect.Effect<A, E, R>),
  key: string,
  options: O
): Effect.Effect<A, E | LockError | RedisClusterException, R | ClusterClient> =>
  Tracing.operation(
    "redis.lock",
    (annotate) =>
      Effect.scopedWith((scope) =>
        Effect.flatMap(noted(annotate, Scope.provide(acquired(key, options), scope)), (lock) =>
          Effect.tap(
            Effect.raceFirst(Effect.isEffect(use) ? use : use(fenced<O>(lock)), lock.lost),
            () => endedUnderIt(lock)
          ))
      )
  ))

/** Notes on the span how long the lock was waited for, and its fence. */
const noted = <L extends Lock, E, R>(
  annotate: Tracing.Annotate,
  acquire: Effect.Effect<L, E, R>
): Effect.Effect<L, E, R> =>
  Clock.clockWith((clock) => {
    const from = monotonicMillis(clock)
    return Effect.onExit(acquire, (exit) =>
      Effect.sync(() => {
        annotate({ "redis.lock.acquired": Exit.isSuccess(exit), "redis.lock.waited": monotonicMillis(clock) - from })
        if (Exit.isSuccess(exit) && "fence" in exit.value) annotate({ "redis.lock.fence": exit.value.fence })
      }))
  })

/**
 * Runs an effect under a lock, or leaves it out when others hold the lock: the result is then `None`.
 *
 * **When to use**
 *
 * Use it for periodic work of which one process is enough.
 *
 * **Details**
 *
 * The lock is tried once by default, or for as long as `wait` says. Other errors are those of `withLock`: `LockLostError`, and the
 * `RedisClusterException` of its commands.
 *
 * **Gotchas**
 *
 * `None` says that others hold the lock now, not that they do the work to its end.
 *
 * **Example** (One process at a time is enough)
 *
 * ```ts
 * import { Console, Effect, Option } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * const program = Lock.tryWithLock("cleanup", { ttl: "10 seconds" })(Console.log("cleaning up")).pipe(
 *   Effect.map(Option.isSome)
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const tryWithLock: {
  <const O extends LockOptions>(
    key: string,
    options: Exact<O, LockOptions>
  ): <A, E, R>(
    use: Effect.Effect<A, E, R> | ((lock: LockOf<O>) => Effect.Effect<A, E, R>)
  ) => Effect.Effect<Option.Option<A>, E | LockLostError | RedisClusterException, R | ClusterClient>
  <A, E, R, const O extends LockOptions>(
    use: Effect.Effect<A, E, R> | ((lock: LockOf<O>) => Effect.Effect<A, E, R>),
    key: string,
    options: Exact<O, LockOptions>
  ): Effect.Effect<Option.Option<A>, E | LockLostError | RedisClusterException, R | ClusterClient>
} = dual(3, <A, E, R, const O extends LockOptions>(
  use: Effect.Effect<A, E, R> | ((lock: LockOf<O>) => Effect.Effect<A, E, R>),
  key: string,
  options: O
): Effect.Effect<Option.Option<A>, E | LockLostError | RedisClusterException, R | ClusterClient> =>
  Tracing.operation(
    "redis.lock",
    (annotate) =>
      Effect.scopedWith((scope) =>
        noted(annotate, acquired(key, { ...options, wait: options?.wait ?? "0 millis" })).pipe(
          Scope.provide(scope),
          Effect.map((lock) => Option.some(fenced<O>(lock))),
          Effect.catchTag("LockNotAcquiredError", () => Effect.succeed(Option.none<LockOf<O>>())),
          Effect.flatMap(Option.match({
            onNone: () => Effect.succeed(Option.none<A>()),
            onSome: (lock) =>
              Effect.raceFirst(Effect.isEffect(use) ? use : use(lock), lock.lost).pipe(
                Effect.tap(() => endedUnderIt(lock)),
                Effect.map(Option.some)
              )
          }))
        )
      )
  ))

/**
 * Reads the token of a lock's holder; `null` while nobody holds the lock. It fails like the command GET, with a
 * `RedisClusterException`.
 *
 * **Example** (Who has it)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * export const program = Effect.tap(Lock.owner("report"), (token) => Effect.log(token ?? "nobody"))
 * ```
 *
 * @category accessors
 * @since 0.1.0
 */
export const owner = (key: string): Effect.Effect<string | null, RedisClusterException, ClusterClient> =>
  Effect.flatMap(ClusterClient, (redis) => redis.execute(Strings.get(key)))

/**
 * Reads whether a lock is held. It fails like the command GET, with a `RedisClusterException`.
 *
 * **Gotchas**
 *
 * The answer may be old when it comes. To do something under the lock, take it: `tryWithLock`.
 *
 * **Example** (Asked before it is worth waiting)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * export const program = Effect.flatMap(
 *   Lock.isLocked("report"),
 *   (locked) => locked ? Effect.log("somebody is at it") : Effect.void
 * )
 * ```
 *
 * @category accessors
 * @since 0.1.0
 */
export const isLocked = (key: string): Effect.Effect<boolean, RedisClusterException, ClusterClient> =>
  Effect.map(owner(key), (token) => token !== null)

/**
 * Releases a lock for the holder with a token, from any process: for an operator, or a process that got the token. The
 * result says whether that holder had the lock. It fails like a script, with a `RedisClusterException`.
 *
 * **Gotchas**
 *
 * The holder goes on with its work until it next extends the lock, at most a third of `ttl` later: then its `lost` fails.
 *
 * **Example** (A lock that an operator takes away)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const token = yield* Lock.owner("report")
 *   return token !== null && (yield* Lock.release("report", token))
 * })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const release = (key: string, token: string): Effect.Effect<boolean, RedisClusterException, ClusterClient> =>
  Effect.flatMap(ClusterClient, (redis) =>
    Effect.map(
      redis.execute(Command.idempotent(releaseScript({ keys: { lock: key }, args: { token } }))),
      (released) => released !== 0
    ))

/**
 * Extends a lock for the holder with a token, from any process: the lock then lives for at least `ttl` from now on.
 * The result says whether that holder has the lock. It fails with an `OptionsError` for a `ttl` that is no duration of at
 * least 100 milliseconds, and otherwise like a script.
 *
 * **Example** (More time for another process)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-redis-cluster"
 *
 * export const program = Effect.flatMap(
 *   Lock.owner("report"),
 *   (token) => token === null ? Effect.succeed(false) : Lock.extend("report", token, "1 minute")
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const extend = (
  key: string,
  token: string,
  ttl: Lifetime
): Effect.Effect<boolean, RedisClusterException, ClusterClient> =>
  Effect.flatMap(ClusterClient, (redis) => {
    const problem = ttlCheck(ttl)
    if (problem !== undefined) return refuse(`the time of extend has to be ${problem}`)
    const args = { token, ttl: Math.ceil(millisOf(ttl)) }
    return Effect.map(
      redis.execute(Command.idempotent(extendScript({ keys: { lock: key }, args }))),
      (held) => held !== 0
    )
  })
