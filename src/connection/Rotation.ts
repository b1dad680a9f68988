/**
 * Credentials that change while connections are open: the newest for a new connection, an AUTH on those that live.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Credentials, ResolvedOptions } from "../ClusterOptions.ts"
import { endless } from "../internal/endless.ts"
import { withoutArguments } from "../protocol/quotes.ts"
import { type Argument, ServerError } from "../protocol/Reply.ts"
import { CredentialsStream } from "./CredentialsStream.ts"
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
        return Effect.fail({ kind: "authentication", message: withoutArguments(end.reply.message, []) })
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
 * Logs in anew on one connection: when the server refuses, again as the schedule says, which goes on at its last pause, until it
 * takes the credentials or newer ones have come.
 */
const rotate = (
  connection: Rotating,
  credentials: Credentials,
  schedule: ResolvedOptions["reconnectSchedule"],
  isNewest: () => boolean
): Effect.Effect<void> =>
  Effect.suspend(() => {
    let told = false
    return login(connection, credentials).pipe(
      Effect.tapError((failure) => {
        if (told) return Effect.void
        told = true
        const what = failure.kind === "authentication" ? "refused" : "has not taken"
        return Effect.logWarning(
          `${connection.address} ${what} new credentials, the connection goes on with the old ones: ${failure.message}`
        )
      }),
      Effect.retry({ schedule: endless(schedule), while: isNewest }),
      Effect.ignore
    )
  })

/**
 * Follows the stream of credentials while the scope lives; the options for new connections, whose credentials are the
 * newest. A connection whose server refuses new credentials keeps the old ones, and is asked again: users are set up node by node.
 * `onRotated` is told of all but the first credentials, `onOutage` of each time from which on the stream brings none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const follow = Effect.fnUntraced(function*(
  options: ResolvedOptions,
  live: () => ReadonlyArray<Rotating>,
  hooks: { readonly onRotated: () => void; readonly onOutage: (reason: string) => void }
): Effect.fn.Return<ResolvedOptions, never, Scope.Scope> {
  if (options.credentialsStream === undefined) return options
  const runFork = yield* FiberSet.makeRuntime<never>()
  const { reconnectSchedule } = options
  const stream = new CredentialsStream(options.credentialsStream, options, {
    onCredentials: (credentials, isFirst) => {
      if (!isFirst) hooks.onRotated()
      const isNewest = () => stream.newest === credentials
      for (const connection of live()) runFork(rotate(connection, credentials, reconnectSchedule, isNewest))
    },
    onOutage: (reason) => {
      // Also when there is no client yet whose events could tell it.
      runFork(Effect.logWarning(`the stream of credentials brings none, it is run again: ${reason}`))
      hooks.onOutage(reason)
    }
  })
  runFork(stream.run)
  return { ...options, credentials: stream.current }
})
