/**
 * A stream of credentials, kept running: the newest of them, and the outages in between.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Credentials, ResolvedOptions } from "../ClusterOptions.ts"
import { endless } from "../internal/endless.ts"

/** The kind of the failure, without the words of the error: they may quote the secret. */
const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const [what, error] = Option.match(Cause.findErrorOption(cause), {
    onSome: (error) => ["it failed", error] as const,
    onNone: () => ["it died", Cause.squash(cause)] as const
  })
  const name = Predicate.hasProperty(error, "_tag") ? error._tag : error instanceof Error ? error.name : undefined
  return typeof name === "string" ? `${what} with ${name}` : what
}

export interface CredentialsHooks {
  readonly onCredentials: (credentials: Credentials, isFirst: boolean) => void
  /** Called once, however often the stream fails until credentials come again. */
  readonly onOutage: (reason: string) => void
}

export class CredentialsStream {
  newest: Credentials | undefined
  private readonly stream: Stream.Stream<Credentials, unknown>
  private readonly schedule: ResolvedOptions["reconnectSchedule"]
  private readonly patience: number
  private readonly hooks: CredentialsHooks
  /** The dialling connections that wait for the first credentials. */
  private awaited = Deferred.makeUnsafe<Credentials, string>()
  private outage: string | undefined

  constructor(
    stream: Stream.Stream<Credentials, unknown>,
    { connectTimeout, reconnectSchedule }: Pick<ResolvedOptions, "connectTimeout" | "reconnectSchedule">,
    hooks: CredentialsHooks
  ) {
    this.stream = stream
    this.schedule = endless(reconnectSchedule)
    // A connection attempt ends after `connectTimeout`, and has to learn the reason before that.
    this.patience = connectTimeout / 2
    this.hooks = hooks
  }

  /**
   * The newest credentials, or the first that come. Fails with the reason when the next run of the stream fails or
   * takes too long.
   */
  readonly current: Effect.Effect<Credentials, string> = Effect.suspend(() => {
    if (this.newest !== undefined) return Effect.succeed(this.newest)
    const first = Deferred.await(this.awaited)
    const { outage, patience } = this
    return outage === undefined
      ? first
      : Effect.timeoutOrElse(first, { duration: patience, orElse: () => Effect.fail(outage) })
  })

  /** Runs the stream until it ends, again and again while it fails. */
  readonly run: Effect.Effect<void> = Effect.suspend(() => this.keepRunning())

  private readonly keepRunning = Effect.fnUntraced({ self: this }, function*(): Effect.fn.Return<void> {
    let pause = yield* Schedule.toStepWithSleep(this.schedule)
    while (true) {
      const before = this.newest
      const reason = yield* this.runOnce
      if (reason === undefined) return
      // A failure after new credentials begins a new outage, with the first pause.
      if (this.newest !== before) pause = yield* Schedule.toStepWithSleep(this.schedule)
      this.fail(reason)
      yield* Effect.ignoreCause(pause(undefined))
    }
  })

  /** Runs the stream once. The result is the reason for which it has to run again. */
  private readonly runOnce: Effect.Effect<string | undefined> = Effect.suspend(() => {
    return Effect.match(
      Effect.catchCause(Stream.runForEach(this.stream, this.arrive), (cause) => Effect.fail(reasonOf(cause))),
      {
        onFailure: (reason) => reason,
        onSuccess: () => this.newest === undefined ? "it ended without any" : undefined
      }
    )
  })

  private readonly arrive = (credentials: Credentials): Effect.Effect<void> =>
    Effect.sync(() => {
      const isFirst = this.newest === undefined
      this.newest = credentials
      this.outage = undefined
      Deferred.doneUnsafe(this.awaited, Effect.succeed(credentials))
      this.hooks.onCredentials(credentials, isFirst)
    })

  private fail(reason: string): void {
    const isNews = this.outage === undefined
    this.outage = reason
    const { awaited } = this
    this.awaited = Deferred.makeUnsafe()
    Deferred.doneUnsafe(awaited, Effect.fail(reason))
    if (isNews) this.hooks.onOutage(reason)
  }
}
