/**
 * A cache-aside on one client: reads, placeholders, loads, and waits for the loads of others.
 *
 * A caller looks at the key first. A placeholder that a load of this process has put is shared, the placeholder of
 * another process is waited for, and a key that is missing is claimed. Because each caller looks first, no caller gets
 * a value whose load began before an invalidation that had ended when the caller came.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import type { ClusterClientShape } from "../ClusterClient.ts"
import * as Command from "../commands/Command.ts"
import { Generic } from "../commands/Generic.ts"
import { Strings } from "../commands/Strings.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { kindOf } from "../protocol/ErrorKind.ts"
import type { Argument } from "../protocol/Reply.ts"
import * as ReadFrom from "../ReadFrom.ts"
import { exception, type RedisClusterException, TimeoutError } from "../RedisClusterException.ts"
import * as Tracing from "../routing/request/Tracing.ts"
import { type Flight, Flights } from "./Flight.ts"
import type { Origin, Place } from "./Origin.ts"
import * as scripts from "./scripts.ts"
import type { Counters } from "./Statistics.ts"
import * as Stored from "./Stored.ts"

/** The result of a work: a value, or what is stored now instead. */
type Outcome<A> = { readonly value: A | null } | { readonly stored: Stored.Stored }

/** The works under way for one client, by the name of their key. */
export class Works<A, E> {
  readonly loads = new Flights<Outcome<A>, E | RedisClusterException>()
  /** The placeholders of these loads. */
  readonly heads = new Map<string, { readonly head: string; isClaiming: boolean }>()
  readonly waits = new Flights<Stored.Stored, RedisClusterException>()
  readonly refreshes = new Flights<Outcome<A>, E | RedisClusterException>()
  readonly direct = new Flights<Outcome<A>, E | RedisClusterException>()
}

/** The pauses between two looks at the placeholder of another process, in milliseconds. */
const firstPause = 5
const longestPause = 100
/** The longest time for which a load that has failed waits until its placeholder is removed, in milliseconds. */
const releasePatience = 2000

/** The errors that the program has to mend: loading without the cache would hide them. */
const isMistake = ({ reason }: RedisClusterException): boolean => {
  switch (reason._tag) {
    case "OptionsError":
    case "EncodeError":
    case "DecodeError":
    case "ClosedError":
      return true
    case "ReplyError":
      return reason.code === "WRONGTYPE" || kindOf(reason) === "noPermission"
    default:
      return false
  }
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text)

/** The key beside a value that is there while somebody loads it again. */
const refreshKeyOf = (key: Argument): Argument =>
  typeof key === "string" ? `${key}:refresh` : Buffer.concat([key, Buffer.from(":refresh")])

/** A cache-aside on one client. */
export class Aside<I, A, E, R> {
  private readonly origin: Origin<I, A, E, R>
  private readonly counters: Counters
  private readonly redis: ClusterClientShape
  private readonly works: Works<A, E>

  constructor(origin: Origin<I, A, E, R>, counters: Counters, redis: ClusterClientShape, works: Works<A, E>) {
    this.origin = origin
    this.counters = counters
    this.redis = redis
    this.works = works
  }

  get(input: I, place: Place<A>): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Clock.clockWith((clock) => {
      const until = monotonicMillis(clock) + this.origin.wait
      return Effect.matchEffect(this.look(place), {
        onSuccess: (stored) => this.answer(input, place, stored, until),
        onFailure: (error) => this.without(input, place, error)
      })
    })
  }

  /** Removes the value, and lets later callers share no load that was begun before. */
  remove(place: Place<A>): Effect.Effect<void, RedisClusterException> {
    return this.changing(place, Generic.del(place.key))
  }

  set(input: I, place: Place<A>, value: A): Effect.Effect<void, RedisClusterException> {
    const payload = this.origin.encode(input, value)
    if (Command.isCommand(payload)) return Effect.asVoid(this.redis.execute(payload))
    return Effect.flatMap(
      this.made(bytesFrom(payload), 0),
      ({ entry, ttl }) => this.changing(place, Strings.set(place.key, entry, { expire: { milliseconds: ttl } }))
    )
  }

  refresh(input: I, place: Place<A>): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Clock.clockWith((clock) => {
      const until = monotonicMillis(clock) + this.origin.wait
      // The memory of the client may lag behind.
      return Effect.flatMap(this.read(place.key), (stored) => {
        switch (stored._tag) {
          case "Entry":
            return Effect.flatMap(
              this.refreshing(input, place, stored, true),
              (flight) => this.concluded(input, place, flight, until)
            )
          case "Plain":
            return this.replaced(input, place, stored.bytes, until)
          case "Missing":
          case "Loading":
            return this.answer(input, place, stored, until)
        }
      })
    })
  }

  private answer(
    input: I,
    place: Place<A>,
    stored: Stored.Stored,
    until: number
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    switch (stored._tag) {
      case "Missing":
        return this.load(input, place, until)
      case "Loading":
        return this.wait(input, place, stored, until)
      case "Plain": {
        const found = place.decode(stored.bytes)
        return found === undefined
          ? this.replaced(input, place, stored.bytes, until)
          : this.hit(found.value)
      }
      case "Entry": {
        const found = stored.payload === null ? { value: null } : place.decode(stored.payload)
        return found === undefined
          ? this.replaced(input, place, bytesOf(stored.head), until)
          : Effect.andThen(this.refreshEarly(input, place, stored), this.hit(found.value))
      }
    }
  }

  private hit(value: A | null): Effect.Effect<A | null> {
    this.counters.hits++
    return Effect.succeed(value)
  }

  /** Removes a value that cannot be read, such as one of an earlier schema, and loads it. */
  private replaced(
    input: I,
    place: Place<A>,
    seen: Uint8Array,
    until: number
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Effect.matchEffect(this.run(scripts.discard({ keys: { key: place.key }, args: { seen } })), {
      onSuccess: () => this.load(input, place, until),
      onFailure: (error) => this.without(input, place, error)
    })
  }

  /** Loads a value that is missing, or shares the load of a caller that is about to begin. */
  private load(input: I, place: Place<A>, until: number): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Effect.suspend(() => {
      const { heads, loads } = this.works
      const running = loads.get(place.name)
      // The placeholder of a load that has begun is gone: somebody has invalidated the value since.
      const isJoinable = running !== undefined && heads.get(place.name)?.isClaiming === true
      if (isJoinable) this.counters.shared++
      const flight = isJoinable ? Effect.succeed(running) : this.startLoad(input, place)
      return Effect.flatMap(flight, (flight) => this.concluded(input, place, flight, until))
    })
  }

  private concluded(
    input: I,
    place: Place<A>,
    flight: Flight<Outcome<A>, E | RedisClusterException>,
    until: number
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Effect.flatMap(flight.join, (outcome) =>
      "stored" in outcome
        ? this.answer(input, place, outcome.stored, until)
        : Effect.succeed(outcome.value))
  }

  private startLoad(input: I, place: Place<A>): Effect.Effect<Flight<Outcome<A>, E | RedisClusterException>, never, R> {
    const { heads, loads } = this.works
    const claim = { head: Stored.placeholder(), isClaiming: true }
    heads.set(place.name, claim)
    const ended = Effect.sync(() => {
      if (heads.get(place.name) === claim) heads.delete(place.name)
    })
    const work = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.exit(restore(this.claimed(place, claim.head))), (claimed) => {
        claim.isClaiming = false
        if (Exit.isSuccess(claimed)) {
          return claimed.value === undefined
            ? this.loaded(input, place, claim.head, restore)
            : Effect.succeed({ stored: claimed.value })
        }
        // The placeholder may be there, whatever became of its reply.
        return Effect.andThen(this.release(place.key, claim.head), this.afterOutage(input, claimed.cause, restore))
      })
    )
    return loads.start(place.name, Effect.ensuring(Tracing.operation("redis.aside.load", () => work), ended))
  }

  /** Loads without the cache when the placeholder could not be put for want of the cluster. */
  private afterOutage(
    input: I,
    cause: Cause.Cause<RedisClusterException>,
    restore: <B, F, S>(effect: Effect.Effect<B, F, S>) => Effect.Effect<B, F, S>
  ): Effect.Effect<Outcome<A>, E | RedisClusterException, R> {
    return Effect.catch(
      Effect.failCause(cause),
      (error): Effect.Effect<Outcome<A>, E | RedisClusterException, R> =>
        this.mayGoOn(error) ? restore(this.direct(input)) : Effect.fail(error)
    )
  }

  /** Puts a placeholder: `undefined` when it is there, and otherwise what is there in its place. */
  private claimed(
    { key }: Place<A>,
    head: string
  ): Effect.Effect<Stored.Stored | undefined, RedisClusterException> {
    const put = Strings.set(key, head, { condition: "NX", expire: { milliseconds: this.origin.lease } })
    return Effect.flatMap(this.run(put), (reply) =>
      reply !== null
        ? Effect.succeed(undefined)
        // A command that was repeated finds its own placeholder.
        : Effect.map(
          this.read(key),
          (stored) => stored._tag === "Loading" && stored.head === head ? undefined : stored
        ))
  }

  /** Loads the value and puts it in the place of what was seen, if that is still there. */
  private loaded(
    input: I,
    { key }: Place<A>,
    head: string,
    restore: <B, F, S>(effect: Effect.Effect<B, F, S>) => Effect.Effect<B, F, S>
  ): Effect.Effect<Outcome<A>, E | RedisClusterException, R> {
    return Clock.clockWith((clock) => {
      this.counters.loads++
      const from = monotonicMillis(clock)
      return Effect.flatMap(Effect.exit(restore(Effect.suspend(() => this.origin.load(input)))), (
        exit
      ): Effect.Effect<Outcome<A>, E | RedisClusterException> => {
        if (Exit.isFailure(exit)) return Effect.andThen(this.release(key, head), Effect.failCause(exit.cause))
        return Effect.onError(
          this.stored(input, key, head, exit.value, monotonicMillis(clock) - from),
          () => this.release(key, head)
        )
      })
    })
  }

  private stored(
    input: I,
    key: Argument,
    head: string,
    value: A | null,
    took: number
  ): Effect.Effect<Outcome<A>, RedisClusterException> {
    const payload = value === null ? null : this.origin.encode(input, value)
    if (Command.isCommand(payload)) return Effect.andThen(this.redis.execute(payload), Effect.die("unreachable"))
    const seen = bytesOf(head)
    const result: Outcome<A> = { value }
    return Effect.flatMap(this.made(payload === null ? null : bytesFrom(payload), took), ({ entry, ttl }) => {
      if (ttl < 1) return Effect.as(this.release(key, head), result)
      return Effect.match(this.run(scripts.store({ keys: { key }, args: { seen, entry, ttl } })), {
        onSuccess: (done) => {
          if (done === 0) this.counters.unstored++
          return result
        },
        // The placeholder ends by itself.
        onFailure: () => {
          this.counters.unstored++
          return result
        }
      })
    })
  }

  /** The entry of a value, and its time to live in milliseconds. */
  private made(
    payload: Uint8Array | null,
    took: number
  ): Effect.Effect<{ readonly entry: Uint8Array; readonly ttl: number }> {
    const { jitter, negativeTimeToLive, timeToLive } = this.origin
    const most = payload === null ? negativeTimeToLive : timeToLive
    return Effect.flatMap(Random.next, (random) => {
      const ttl = Math.ceil(most * (1 - jitter * random))
      return Effect.map(Clock.currentTimeMillis, (now) => ({ entry: Stored.entry(payload, now + ttl, took), ttl }))
    })
  }

  /** Waits until the placeholder of another load is gone, and goes on with what is there then. */
  private wait(
    input: I,
    place: Place<A>,
    seen: Stored.Loading,
    until: number
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Effect.suspend(() => {
      const { heads, loads, waits } = this.works
      const own = heads.get(place.name)?.head === seen.head ? loads.get(place.name) : undefined
      if (own !== undefined) {
        this.counters.shared++
        return this.concluded(input, place, own, until)
      }
      const name = `${place.name} ${seen.head}`
      const running = waits.get(name)
      if (running === undefined) this.counters.waits++
      const flight = running === undefined ? waits.start(name, this.gone(place, seen.head)) : Effect.succeed(running)
      return Effect.flatMap(flight, ({ join }) =>
        Effect.matchEffect(this.inTime(join, until), {
          onSuccess: (stored) => this.answer(input, place, stored, until),
          onFailure: (error) =>
            error._tag === "Late" ? Effect.fail(timedOut(this.origin.wait)) : this.without(input, place, error)
        }))
    })
  }

  private inTime<B>(
    self: Effect.Effect<B, RedisClusterException>,
    until: number
  ): Effect.Effect<B, RedisClusterException | typeof late> {
    if (until === Infinity) return self
    return Clock.clockWith((clock) =>
      Effect.timeoutOrElse(self, {
        duration: Math.max(0, until - monotonicMillis(clock)),
        orElse: () => Effect.fail(late)
      })
    )
  }

  /** Waits until a key does not begin with this head any more, and gives the content that it has then. */
  private gone(place: Place<A>, head: string): Effect.Effect<Stored.Stored, RedisClusterException> {
    const { cached } = this.origin
    const look = (pause: number): Effect.Effect<Stored.Stored, RedisClusterException> =>
      Effect.flatMap(
        Effect.andThen(this.pause(pause), this.look(place)),
        (stored) =>
          "head" in stored && stored.head === head
            // The server's report changes the memory of the client, in which a look costs nothing.
            ? look(cached === undefined ? Math.min(pause * 1.5, longestPause) : firstPause)
            : Effect.succeed(stored)
      )
    return look(firstPause)
  }

  /** A pause of about that length, so that processes do not look all at once. */
  private pause(millis: number): Effect.Effect<void> {
    return Effect.flatMap(Random.nextBetween(0.5, 1.5), (factor) => Effect.sleep(millis * factor))
  }

  /** Starts to load a value again in the background, if it is near its end. */
  private refreshEarly(input: I, place: Place<A>, entry: Stored.Entry): Effect.Effect<void, never, R> {
    const { eagerness } = this.origin
    const { refreshes } = this.works
    const isRunning = refreshes.get(place.name) !== undefined || refreshes.get(earlyNameOf(place)) !== undefined
    if (eagerness === 0 || isRunning) return Effect.void
    return Effect.flatMap(
      Random.next,
      (random) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Stored.isDue(entry, now, random, eagerness)
            ? Effect.asVoid(this.refreshing(input, place, entry, false))
            : Effect.void)
    )
  }

  /** Loads a value again while it is served. Only one process at a time does: a key beside the value says so. */
  private refreshing(
    input: I,
    place: Place<A>,
    entry: Stored.Entry,
    isAsked: boolean
  ): Effect.Effect<Flight<Outcome<A>, E | RedisClusterException>, never, R> {
    // A caller who asks does not share a load in the background, which may give up.
    const name = isAsked ? place.name : earlyNameOf(place)
    const running = this.works.refreshes.get(name)
    if (running !== undefined) return Effect.succeed(running)
    const lock = { ...place, key: refreshKeyOf(place.key) }
    const head = Stored.placeholder()
    const work: Effect.Effect<Outcome<A>, E | RedisClusterException, R> = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.onError(restore(this.claimed(lock, head)), () => this.release(lock.key, head)),
        (other) => {
          if (other !== undefined) {
            return isAsked ? restore(this.changed(place, lock, entry)) : Effect.succeed({ stored: entry })
          }
          this.counters.refreshes++
          // A load in the background that fails leaves its key: the next attempt follows when that has ended.
          return this.reloaded(input, place, entry, restore).pipe(
            Effect.tap(() => this.release(lock.key, head)),
            isAsked ? Effect.onError(() => this.release(lock.key, head)) : (self) => self
          )
        }
      )
    )
    const { lease } = this.origin
    const traced = Tracing.operation("redis.aside.refresh", () => work)
    const bounded = isAsked ? traced : Effect.timeoutOrElse(traced, {
      duration: lease,
      orElse: () => Effect.succeed({ stored: entry })
    })
    return this.works.refreshes.start(name, bounded)
  }

  private reloaded(
    input: I,
    { key }: Place<A>,
    entry: Stored.Entry,
    restore: <B, F, S>(effect: Effect.Effect<B, F, S>) => Effect.Effect<B, F, S>
  ): Effect.Effect<Outcome<A>, E | RedisClusterException, R> {
    return Clock.clockWith((clock) => {
      const from = monotonicMillis(clock)
      return Effect.flatMap(
        restore(Effect.suspend(() => this.origin.load(input))),
        (value) => this.stored(input, key, entry.head, value, monotonicMillis(clock) - from)
      )
    })
  }

  /** Waits until another process has loaded a value again, or has given up, and gives the content of the key. */
  private changed(
    place: Place<A>,
    lock: Place<A>,
    entry: Stored.Entry
  ): Effect.Effect<Outcome<A>, RedisClusterException> {
    const look = (pause: number): Effect.Effect<Outcome<A>, RedisClusterException> =>
      Effect.andThen(this.pause(pause), Effect.all([this.read(lock.key), this.read(place.key)])).pipe(
        Effect.flatMap(([locked, stored]) =>
          locked._tag === "Loading" && "head" in stored && stored.head === entry.head
            ? look(Math.min(pause * 1.5, longestPause))
            : Effect.succeed({ stored })
        )
      )
    return Effect.suspend(() => {
      this.counters.waits++
      return look(firstPause)
    })
  }

  /** Goes on after a failure of the cluster: loads the value without the cache, or fails. */
  private without(
    input: I,
    place: Place<A>,
    error: RedisClusterException
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    if (!this.mayGoOn(error)) return Effect.fail(error)
    const { direct } = this.works
    const running = direct.get(place.name)
    if (running !== undefined) this.counters.shared++
    const flight = running === undefined ? direct.start(place.name, this.direct(input)) : Effect.succeed(running)
    return Effect.flatMap(
      flight,
      (flight) =>
        Effect.flatMap(
          flight.join,
          (outcome) => "value" in outcome ? Effect.succeed(outcome.value) : Effect.fail(error)
        )
    )
  }

  private direct(input: I): Effect.Effect<Outcome<A>, E, R> {
    return Effect.suspend(() => {
      this.counters.direct++
      return Effect.map(this.origin.load(input), (value) => ({ value }))
    })
  }

  private mayGoOn(error: RedisClusterException): boolean {
    return this.origin.goesOn && !isMistake(error)
  }

  /** Removes what begins with a head, if it is still there. */
  private release(key: Argument, head: string): Effect.Effect<void> {
    const timeout = Math.min(this.origin.lease, releasePatience, this.origin.timeout ?? Infinity)
    const call = scripts.discard({ keys: { key }, args: { seen: bytesOf(head) } })
    return Effect.ignore(this.run(Command.timeout(call, timeout)))
  }

  /** Reads the key of a value, perhaps from the memory of the client. */
  private look({ key }: Place<A>): Effect.Effect<Stored.Stored, RedisClusterException> {
    const { cached } = this.origin
    const get = Command.bytes(Strings.get(key))
    return Effect.map(this.run(cached === undefined ? get : Command.cached(get, cached)), Stored.read)
  }

  /** Reads a key from its server. */
  private read(key: Argument): Effect.Effect<Stored.Stored, RedisClusterException> {
    return Effect.map(this.run(Command.bytes(Strings.get(key))), Stored.read)
  }

  /** Runs a command that changes a value, and lets later callers share no load that does without the cache. */
  private changing(place: Place<A>, command: Command.Command<unknown>): Effect.Effect<void, RedisClusterException> {
    const forgotten = Effect.sync(() => this.works.direct.forget(place.name))
    return Effect.andThen(forgotten, Effect.ensuring(Effect.asVoid(this.run(command)), forgotten))
  }

  /** Runs a command at the primary: a replica may still have what was invalidated. All of them may be repeated. */
  private run<B>(command: Command.Command<B>): Effect.Effect<B, RedisClusterException> {
    const { timeout } = this.origin
    const limited = timeout === undefined || command.settings.timeout !== undefined
      ? command
      : Command.timeout(command, timeout)
    return this.redis.region({ readFrom: ReadFrom.primary })(this.redis.execute(Command.idempotent(limited)))
  }
}

/** The name of a load in the background. */
const earlyNameOf = ({ name }: Place<unknown>): string => `${name} early`

/** Stands for the end of the time to wait. */
const late = { _tag: "Late" } as const

const timedOut = (timeout: number): RedisClusterException =>
  exception(() =>
    new TimeoutError({
      message: `CacheAside: another process did not load the value within ${timeout} ms`,
      outcome: "NotExecuted",
      timeout,
      waitingFor: "reply"
    })
  )

const bytesFrom = (payload: Argument): Uint8Array => typeof payload === "string" ? Buffer.from(payload) : payload
