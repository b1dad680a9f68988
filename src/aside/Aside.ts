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
import * as Fiber from "effect/Fiber"
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
import { refreshKeyOf } from "./refreshKey.ts"
import * as scripts from "./scripts.ts"
import type { Counters } from "./Statistics.ts"
import * as Stored from "./Stored.ts"

interface Value<A> {
  readonly value: A | null
}
/** The result of a load: a value, what is stored now instead, or why the cluster took no placeholder. */
type Loaded<A> =
  | Value<A>
  | { readonly stored: Stored.Stored }
  | { readonly refused: RedisClusterException }
/** The result of a refresh: a value, the lock of somebody who does it, or why the cluster gave no lock. */
type Refreshed<A> =
  | Value<A>
  | { readonly locked: string }
  | { readonly refused: RedisClusterException }

/** The works under way for one client, by the name of their key. */
export class Works<A, E> {
  readonly loads = new Flights<Loaded<A>, E | RedisClusterException>()
  /** The placeholders of these loads. */
  readonly heads = new Map<string, { readonly head: string; isClaiming: boolean }>()
  readonly waits = new Flights<Stored.Stored, RedisClusterException>()
  /** By the name of the key and the value that they replace: a caller shares no refresh that began before a write. */
  readonly refreshes = new Flights<Refreshed<A>, E | RedisClusterException>()
  readonly direct = new Flights<A | null, E>()
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
      return Effect.matchEffect(this.read(place.key), {
        onSuccess: (stored) => {
          switch (stored._tag) {
            case "Entry":
            case "Plain":
              return this.reload(input, place, stored, until)
            case "Missing":
            case "Loading":
              return this.answer(input, place, stored, until)
          }
        },
        onFailure: (error) => this.without(input, place, error)
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
          ? this.replaced(input, place, stored, until)
          : this.hit(found.value)
      }
      case "Entry": {
        const found = stored.payload === null ? { value: null } : place.decode(stored.payload)
        return found === undefined
          ? this.replaced(input, place, stored, until)
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
    former: Stored.Former,
    until: number
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    const seen = Stored.seenOf(former)
    return Effect.matchEffect(this.run(scripts.discard({ keys: { key: place.key }, args: { seen } })), {
      onSuccess: (removed) => {
        this.counters.replaced += removed
        return this.load(input, place, until)
      },
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
      return Effect.flatMap(flight, (flight) => this.concluded(input, place, flight, until, isJoinable))
    })
  }

  /** Waits for a load, and goes on with its result. */
  private concluded(
    input: I,
    place: Place<A>,
    flight: Flight<Loaded<A>, E | RedisClusterException>,
    until: number,
    isShared: boolean
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Effect.flatMap(flight.join, (outcome): Effect.Effect<A | null, E | RedisClusterException, R> => {
      if ("value" in outcome) return Effect.succeed(outcome.value)
      if ("stored" in outcome) return this.answer(input, place, outcome.stored, until)
      return this.without(input, place, outcome.refused, isShared)
    })
  }

  private startLoad(input: I, place: Place<A>): Effect.Effect<Flight<Loaded<A>, E | RedisClusterException>, never, R> {
    const { heads, loads } = this.works
    const claim = { head: Stored.placeholder(), isClaiming: true }
    heads.set(place.name, claim)
    const ended = Effect.sync(() => {
      if (heads.get(place.name) === claim) heads.delete(place.name)
    })
    const work = Effect.uninterruptibleMask((restore) =>
      Effect.matchCauseEffect(restore(this.claimed(place.key, claim.head)), {
        onSuccess: (other): Effect.Effect<Loaded<A>, E | RedisClusterException, R> => {
          claim.isClaiming = false
          return other === undefined
            ? this.loaded(input, place, claim.head, restore)
            : Effect.succeed({ stored: other })
        },
        // The placeholder may be there, whatever became of its reply. Nothing was loaded: callers may still share this.
        onFailure: (cause) => this.refused(place.key, claim.head, cause)
      })
    )
    return loads.start(place.name, Effect.ensuring(Tracing.operation("redis.aside.load", () => work), ended))
  }

  /** Puts a placeholder: `undefined` when it is there, and otherwise what is there in its place. */
  private claimed(
    key: Argument,
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
  ): Effect.Effect<Value<A>, E | RedisClusterException, R> {
    return Clock.clockWith((clock) => {
      this.counters.loads++
      const from = monotonicMillis(clock)
      const load = restore(Effect.suspend(() => this.origin.load(input)))
      return Effect.flatMap(Effect.exit(this.keeping(key, head, load)), (
        exit
      ): Effect.Effect<Value<A>, E | RedisClusterException> => {
        if (Exit.isFailure(exit)) return Effect.andThen(this.release(key, head), Effect.failCause(exit.cause))
        return Effect.onError(
          this.stored(input, key, bytesOf(head), exit.value, monotonicMillis(clock) - from),
          () => this.release(key, head)
        )
      })
    })
  }

  /** Runs a load, and prolongs its placeholder meanwhile: a process that lives keeps others from loading beside it. */
  private keeping<B, F, S>(key: Argument, head: string, load: Effect.Effect<B, F, S>): Effect.Effect<B, F, S> {
    return Effect.acquireUseRelease(
      Effect.forkDetach(this.prolonging(key, head), { uninterruptible: false }),
      () => load,
      (fiber) => Effect.sync(() => fiber.interruptUnsafe())
    )
  }

  /** Prolongs a placeholder until it is gone. */
  private prolonging(key: Argument, head: string): Effect.Effect<void> {
    const { lease } = this.origin
    const seen = bytesOf(head)
    const prolong = this.run(scripts.store({ keys: { key }, args: { seen, entry: seen, ttl: lease } }))
    return Effect.matchEffect(Effect.andThen(Effect.sleep(lease / 3), prolong), {
      onSuccess: (done) => done === 0 ? Effect.void : this.prolonging(key, head),
      onFailure: () => this.prolonging(key, head)
    })
  }

  private stored(
    input: I,
    key: Argument,
    seen: Uint8Array,
    value: A | null,
    took: number
  ): Effect.Effect<Value<A>, RedisClusterException> {
    const payload = value === null ? null : this.origin.encode(input, value)
    if (Command.isCommand(payload)) return Effect.andThen(this.redis.execute(payload), Effect.die("unreachable"))
    const result: Value<A> = { value }
    return Effect.flatMap(this.made(payload === null ? null : bytesFrom(payload), took), ({ entry, ttl }) => {
      if (ttl < 1) return Effect.as(this.discard(key, seen), result)
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
      const { heads, loads } = this.works
      const own = heads.get(place.name)?.head === seen.head ? loads.get(place.name) : undefined
      if (own !== undefined) {
        this.counters.shared++
        return this.concluded(input, place, own, until, true)
      }
      return Effect.matchEffect(this.waited(`${place.name} ${seen.head}`, this.gone(place, seen.head), until), {
        onSuccess: (stored) => this.answer(input, place, stored, until),
        onFailure: (error) =>
          error._tag === "Late" ? Effect.fail(timedOut(this.origin.wait)) : this.without(input, place, error)
      })
    })
  }

  /** Waits for another process, together with the others of this process, until the end of the time to wait. */
  private waited(
    name: string,
    work: Effect.Effect<Stored.Stored, RedisClusterException>,
    until: number
  ): Effect.Effect<Stored.Stored, RedisClusterException | typeof late> {
    return Effect.suspend(() => {
      const { waits } = this.works
      const running = waits.get(name)
      if (running === undefined) this.counters.waits++
      const flight = running === undefined ? waits.start(name, work) : Effect.succeed(running)
      return Effect.flatMap(flight, ({ join }) => this.inTime(join, until))
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
    return this.watching(place.key, head, this.look(place), (stored) => isHead(stored, head))
  }

  /** Looks at a placeholder, less and less often, while it has to be waited for. */
  private watching<B>(
    key: Argument,
    head: string,
    look: Effect.Effect<B, RedisClusterException>,
    isThere: (found: B) => boolean
  ): Effect.Effect<B, RedisClusterException> {
    return Clock.clockWith((clock) => {
      let since = monotonicMillis(clock)
      const again = (pause: number): Effect.Effect<B, RedisClusterException> =>
        Effect.flatMap(Effect.andThen(this.pause(pause), atOnce(look)), ({ found, isNear }) => {
          if (!isThere(found)) return Effect.succeed(found)
          // The server's report changes the memory of the client, in which a look costs nothing.
          const next = again(isNear ? firstPause : Math.min(pause * 1.5, longestPause))
          const now = monotonicMillis(clock)
          if (now - since < this.origin.lease) return next
          since = now
          return Effect.andThen(this.discardEndless(key, head), next)
        })
      return again(firstPause)
    })
  }

  /** Removes a placeholder that has no time to live, as after a `PERSIST`: nobody may be behind it. */
  private discardEndless(key: Argument, head: string): Effect.Effect<void> {
    return Effect.ignore(Effect.flatMap(
      this.run(Generic.pttl(key)),
      (left) => left === -1 ? this.release(key, head) : Effect.void
    ))
  }

  /** A pause of about that length, so that processes do not look all at once. */
  private pause(millis: number): Effect.Effect<void> {
    return Effect.flatMap(Random.nextBetween(0.5, 1.5), (factor) => Effect.sleep(millis * factor))
  }

  /** Starts to load a value again in the background, if it is near its end. After its end the load would not be stored. */
  private refreshEarly(input: I, place: Place<A>, entry: Stored.Entry): Effect.Effect<void, never, R> {
    const { eagerness } = this.origin
    const { refreshes } = this.works
    const isRunning = [askedNameOf(place, entry), earlyNameOf(place)].some((name) => refreshes.get(name) !== undefined)
    if (eagerness === 0 || isRunning) return Effect.void
    return Effect.flatMap(
      Random.next,
      (random) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Stored.isDue(entry, now, random, eagerness)
            ? Effect.asVoid(this.refreshing(input, place, entry, Math.max(0, entry.expireAt - now)))
            : Effect.void)
    )
  }

  /** Loads a value again for a caller who asks for it, or waits for another process that does. */
  private reload(
    input: I,
    place: Place<A>,
    former: Stored.Former,
    until: number
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    return Effect.flatMap(
      this.refreshing(input, place, former),
      ({ join }) =>
        Effect.flatMap(join, (outcome): Effect.Effect<A | null, E | RedisClusterException, R> => {
          if ("value" in outcome) return Effect.succeed(outcome.value)
          if ("refused" in outcome) return this.without(input, place, outcome.refused)
          const { locked } = outcome
          const changed = this.changed(place, locked, former)
          return Effect.matchEffect(this.waited(`${askedNameOf(place, former)} ${locked}`, changed, until), {
            // The other one has loaded nothing: this caller does.
            onSuccess: (stored) =>
              Stored.isStill(stored, former)
                ? this.reload(input, place, former, until)
                : this.answer(input, place, stored, until),
            onFailure: (error) =>
              error._tag === "Late" ? Effect.fail(timedOut(this.origin.wait)) : this.without(input, place, error)
          })
        })
    )
  }

  /**
   * Loads a value again while it is served. Only one process at a time does: a key beside the value says so. `patience`
   * is the time that a load in the background may take, in milliseconds; a caller who asks waits.
   */
  private refreshing(
    input: I,
    place: Place<A>,
    former: Stored.Former,
    patience?: number
  ): Effect.Effect<Flight<Refreshed<A>, E | RedisClusterException>, never, R> {
    return Effect.suspend(() => {
      const isAsked = patience === undefined
      // A caller who asks does not share a load in the background, which may give up.
      const name = isAsked ? askedNameOf(place, former) : earlyNameOf(place)
      const running = this.works.refreshes.get(name)
      if (running !== undefined) return Effect.succeed(running)
      const key = refreshKeyOf(place.key)
      const head = Stored.placeholder()
      // After a load in the background that has failed the next attempt follows after `lease`.
      const failed = isAsked ? this.release(key, head) : this.resting(key, head)
      const work = Effect.uninterruptibleMask((restore) =>
        Effect.matchCauseEffect(restore(this.locked(key, head, isAsked)), {
          onSuccess: (locked): Effect.Effect<Refreshed<A>, E | RedisClusterException, R> => {
            if (locked !== undefined) return Effect.succeed({ locked })
            this.counters.refreshes++
            return this.keeping(key, head, this.reloaded(input, place, former, restore)).pipe(
              Effect.onError(() => failed),
              Effect.tap(() => this.release(key, head))
            )
          },
          // The lock may be there, whatever became of its reply.
          onFailure: (cause) => this.refused(key, head, cause)
        })
      )
      const traced = Tracing.operation("redis.aside.refresh", () => work)
      const bounded = isAsked ? traced : Effect.timeoutOrElse(traced, {
        duration: patience,
        orElse: () => Effect.succeed({ locked: head })
      })
      return this.works.refreshes.start(name, bounded)
    })
  }

  /** Frees what a failed attempt may have put, and tells why it failed; an interruption goes on. */
  private refused(
    key: Argument,
    head: string,
    cause: Cause.Cause<RedisClusterException>
  ): Effect.Effect<{ readonly refused: RedisClusterException }> {
    return Effect.andThen(
      this.release(key, head),
      Effect.catch(Effect.failCause(cause), (refused) => Effect.succeed({ refused }))
    )
  }

  /**
   * Takes the lock of a refresh: `undefined` when it is taken, and otherwise the head of what is there. A caller who
   * asks waits only for somebody who loads, and takes the place of anything else.
   */
  private locked(
    key: Argument,
    head: string,
    isAsked: boolean
  ): Effect.Effect<string | undefined, RedisClusterException> {
    return Effect.flatMap(this.claimed(key, head), (other) => {
      switch (other?._tag) {
        case undefined:
          return Effect.succeed(undefined)
        case "Loading":
          return Effect.succeed(other.head)
        case "Missing":
          return this.locked(key, head, isAsked)
        case "Entry":
        case "Plain": {
          if (!isAsked) return Effect.succeed("")
          const seen = other._tag === "Plain" ? other.bytes : bytesOf(other.head)
          const call = scripts.store({ keys: { key }, args: { seen, entry: bytesOf(head), ttl: this.origin.lease } })
          return Effect.flatMap(
            this.run(call),
            (done) => done === 1 ? Effect.succeed(undefined) : this.locked(key, head, isAsked)
          )
        }
      }
    })
  }

  /** Keeps the lock of a refresh for a while from loads in the background. */
  private resting(key: Argument, head: string): Effect.Effect<void> {
    const args = { seen: bytesOf(head), entry: bytesOf(Stored.rest()), ttl: this.origin.lease }
    return this.afterwards(scripts.store({ keys: { key }, args }))
  }

  private reloaded(
    input: I,
    { key }: Place<A>,
    former: Stored.Former,
    restore: <B, F, S>(effect: Effect.Effect<B, F, S>) => Effect.Effect<B, F, S>
  ): Effect.Effect<Value<A>, E | RedisClusterException, R> {
    return Clock.clockWith((clock) => {
      const from = monotonicMillis(clock)
      return Effect.flatMap(
        restore(Effect.suspend(() => this.origin.load(input))),
        (value) => this.stored(input, key, Stored.seenOf(former), value, monotonicMillis(clock) - from)
      )
    })
  }

  /** Waits until another process has loaded a value again, or has given up, and gives the content of the key. */
  private changed(
    place: Place<A>,
    locked: string,
    former: Stored.Former
  ): Effect.Effect<Stored.Stored, RedisClusterException> {
    const key = refreshKeyOf(place.key)
    const look = Effect.all([this.read(key), this.read(place.key)])
    return Effect.map(
      this.watching(
        key,
        locked,
        look,
        ([lock, stored]) => isHead(lock, locked) && Stored.isStill(stored, former)
      ),
      ([, stored]) => stored
    )
  }

  /** Goes on after a failure of the cluster: loads the value without the cache, or fails. */
  private without(
    input: I,
    place: Place<A>,
    error: RedisClusterException,
    isShared = false
  ): Effect.Effect<A | null, E | RedisClusterException, R> {
    if (!this.mayGoOn(error)) return Effect.fail(error)
    return Effect.suspend(() => {
      const { direct } = this.works
      const running = direct.get(place.name)
      if (running !== undefined && !isShared) this.counters.shared++
      const flight = running === undefined ? direct.start(place.name, this.direct(input)) : Effect.succeed(running)
      return Effect.flatMap(flight, ({ join }) => join)
    })
  }

  private direct(input: I): Effect.Effect<A | null, E, R> {
    return Effect.suspend(() => {
      this.counters.direct++
      return this.origin.load(input)
    })
  }

  private mayGoOn(error: RedisClusterException): boolean {
    return this.origin.goesOn && !isMistake(error)
  }

  /** Removes what begins with a head, if it is still there. */
  private release(key: Argument, head: string): Effect.Effect<void> {
    return this.discard(key, bytesOf(head))
  }

  private discard(key: Argument, seen: Uint8Array): Effect.Effect<void> {
    return this.afterwards(scripts.discard({ keys: { key }, args: { seen } }))
  }

  /** Runs a command that tidies up, for a bounded time, whatever becomes of it. */
  private afterwards(call: Command.Command<unknown>): Effect.Effect<void> {
    const timeout = Math.min(this.origin.lease, releasePatience, this.origin.timeout ?? Infinity)
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

/** The name of a refresh that callers ask for. */
const askedNameOf = ({ name }: Place<unknown>, former: Stored.Former): string => `${name} ${Stored.nameOf(former)}`

const isHead = (stored: Stored.Stored, head: string): boolean => "head" in stored && stored.head === head

/** Looks, and tells whether the memory of the client has answered: no server answers before a fiber goes on. */
const atOnce = <A, E, R>(look: Effect.Effect<A, E, R>): Effect.Effect<{ found: A; isNear: boolean }, E, R> =>
  Effect.flatMap(Effect.forkChild(look, { startImmediately: true }), (fiber) => {
    const isNear = fiber.pollUnsafe() !== undefined
    return Effect.map(Fiber.join(fiber), (found) => ({ found, isNear }))
  })

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
