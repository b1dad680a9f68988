/** Credentials that change while connections are open: new connections use the newest, and open ones get an AUTH. */
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

/** Whether a server refused AUTH because of RESP2: a connection with subscriptions accepts no AUTH there. */
const isDeaf = (reply: ServerError): boolean => reply.message.includes("Can't execute")

/** A connection that can log in again. */
export interface Rotating {
  readonly address: string
  readonly interject: (outgoing: Outgoing, args: () => ReadonlyArray<Argument>) => boolean
  readonly redial: () => void
  /** Replaces the socket, for a connection on which the server accepts no AUTH. */
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
      // The next socket will log in with the newest credentials.
      case "Lost":
        return end.failure.kind === "authentication" ? Effect.fail(end.failure) : Effect.void
      case "Overdue":
        return Effect.void
    }
  }
}

/**
 * Logs in again on an open connection, alone between the commands: the server executes the commands before the login
 * as the former user and those after it as the new one. A running dialling with older credentials starts again. Fails
 * when the server refuses the login; the former credentials then stay in force.
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
 * Logs in again on one connection. When the server refuses, the login is repeated by the schedule, and then at the
 * last pause of the schedule, until the server accepts these credentials or newer ones have come.
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
 * newest. A connection whose server refuses new credentials keeps the old ones and tries again, because operators set
 * users up node by node. `onRotated` is called for all but the first credentials, and `onOutage` whenever the stream
 * begins to fail.
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
      // The log has the warning even while there is no client whose events could carry it.
      runFork(Effect.logWarning(`the stream of credentials brings none, it is run again: ${reason}`))
      hooks.onOutage(reason)
    }
  })
  runFork(stream.run)
  return { ...options, credentials: stream.current }
})
