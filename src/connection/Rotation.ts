/**
 * Credentials that change while connections are open: the newest for a new connection, an AUTH on those that live.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Credentials, ResolvedOptions } from "../ClusterOptions.ts"
import { type Argument, ServerError } from "../protocol/Reply.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import { type End, OwnCommand } from "./OwnCommand.ts"
import { question } from "./Query.ts"

const auth = question("AUTH")

const argumentsOf = ({ password, username }: Credentials): ReadonlyArray<Argument> =>
  username === undefined ? [Redacted.value(password)] : [username, Redacted.value(password)]

/** With RESP2 a connection that has subscriptions takes no AUTH at all. */
const isDeaf = (reply: ServerError): boolean => reply.message.includes("Can't execute")

/**
 * A connection that can log in anew.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rotating {
  readonly address: string
  readonly interject: (outgoing: Outgoing, args: () => ReadonlyArray<Argument>) => boolean
  readonly redial: () => void
  /** For one that takes no AUTH: puts another socket in the place of its own. */
  readonly renew?: Effect.Effect<void, LinkFailure>
}

class Login extends OwnCommand {
  private readonly connection: Rotating
  private readonly resume: (effect: Effect.Effect<void, LinkFailure>) => void

  constructor(connection: Rotating, resume: (effect: Effect.Effect<void, LinkFailure>) => void) {
    super(auth)
    this.connection = connection
    this.resume = resume
  }

  protected onEnd(end: End): void {
    this.resume(this.resultOf(end))
  }

  private resultOf(end: End): Effect.Effect<void, LinkFailure> {
    switch (end._tag) {
      case "Replied":
        if (!(end.reply instanceof ServerError)) return Effect.void
        if (isDeaf(end.reply)) return this.connection.renew ?? Effect.void
        return Effect.fail({ kind: "authentication", message: end.reply.message })
      // The next socket is opened with the newest credentials.
      case "Lost":
        return end.failure.kind === "authentication" ? Effect.fail(end.failure) : Effect.void
      case "Overdue":
        return Effect.void
    }
  }
}

/**
 * Logs in anew on an open connection, alone between the commands: those before it are executed as who the connection was, those
 * after it as who it is then. A dialling with older credentials starts again. Fails when the server refuses: it then
 * goes on with the credentials that were in force.
 */
const login = (connection: Rotating, credentials: Credentials): Effect.Effect<void, LinkFailure> =>
  Effect.callback((resume) => {
    const entry = new Login(connection, resume)
    if (!connection.interject(entry, () => argumentsOf(credentials))) {
      connection.redial()
      return resume(Effect.void)
    }
    return Effect.sync(() => entry.abandon())
  })

/**
 * Follows the stream of credentials while the scope lives; the options for new connections, whose credentials are the
 * newest. A connection whose server refuses new credentials keeps the old ones, and is asked again as `reconnectSchedule`
 * says until it takes them or newer ones have come: users are set up node by node. `onRotated` is told of all but the first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const follow = Effect.fnUntraced(function*(
  options: ResolvedOptions,
  live: () => ReadonlyArray<Rotating>,
  onRotated: () => void
): Effect.fn.Return<ResolvedOptions, never, Scope.Scope> {
  if (options.credentialsStream === undefined) return options
  const runFork = yield* FiberSet.makeRuntime<never>()
  let newest: Credentials | undefined
  let first = Deferred.makeUnsafe<Credentials, void>()

  const rotate = (connection: Rotating, credentials: Credentials): Effect.Effect<void> =>
    Effect.suspend(() => {
      let told = false
      return login(connection, credentials).pipe(
        Effect.tapError((failure) => {
          if (told) return Effect.void
          told = true
          return Effect.logWarning(
            `${connection.address} ${
              failure.kind === "authentication" ? "refused" : "has not taken"
            } new credentials, ` +
              `the connection goes on with the old ones: ${failure.message}`
          )
        }),
        Effect.retry({ schedule: options.reconnectSchedule, while: () => newest === credentials }),
        Effect.ignore
      )
    })

  const arrive = (credentials: Credentials): Effect.Effect<void> =>
    Effect.sync(() => {
      if (newest !== undefined) onRotated()
      newest = credentials
      Deferred.doneUnsafe(first, Effect.succeed(credentials))
      for (const connection of live()) runFork(rotate(connection, credentials))
    })

  // Whoever waits for the first ones hears of the failure; the next attempt is the stream's.
  const failed = Effect.sync(() => {
    const waiting = first
    first = Deferred.makeUnsafe()
    Deferred.doneUnsafe(waiting, Effect.fail(undefined))
  })

  runFork(
    options.credentialsStream.pipe(
      Stream.runForEach(arrive),
      Effect.andThen(Effect.suspend(() => newest === undefined ? Effect.fail("no credentials") : Effect.void)),
      Effect.tapCause(() => failed),
      Effect.retry(options.reconnectSchedule),
      Effect.ignoreCause
    )
  )
  const current = Effect.suspend(() => newest === undefined ? Deferred.await(first) : Effect.succeed(newest))
  return { ...options, credentials: current }
})
