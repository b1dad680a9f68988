/**
 * Makes a server release a command that it holds back: by CLIENT UNBLOCK on the shared connection or, where that is
 * not possible, by closing the command's own connection.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Connection } from "../../connection/Connection.ts"
import type { Outgoing } from "../../connection/Outgoing.ts"
import { query, question } from "../../connection/Query.ts"
import { monotonicMillis } from "../../internal/monotonic.ts"

/** A written command whose caller was interrupted. */
export interface AbandonedCommand extends Outgoing {
  /** Whether the server has answered the command, or its connection was lost. */
  readonly isReleased: boolean
  /** Waits until the command is released, for at most `millis` milliseconds. */
  readonly awaitRelease: (millis: number) => Effect.Effect<unknown>
}

const unblock = (id: number) => question("CLIENT UNBLOCK", String(id))

/** The pause before the next CLIENT UNBLOCK when the server was not holding the command back, in milliseconds. */
const askAgainAfter = 5

export class Unblocker {
  private readonly clock: Clock.Clock
  private readonly idOf: (connection: Connection) => number | undefined
  private readonly sharedConnectionTo: (connection: Connection) => Connection
  private readonly patience: number

  /**
   * `idOf` gives the id that the server gave a connection. `patience` is the time for which an interruption waits for
   * the server, in milliseconds.
   */
  constructor(
    clock: Clock.Clock,
    idOf: (connection: Connection) => number | undefined,
    sharedConnectionTo: (connection: Connection) => Connection,
    patience: number
  ) {
    this.clock = clock
    this.idOf = idOf
    this.sharedConnectionTo = sharedConnectionTo
    this.patience = patience
  }

  /** Lasts until the command is released: by the server, and its connection goes on, or by closing the connection. */
  release(command: AbandonedCommand, connection: Connection): Effect.Effect<void> {
    const id = this.idOf(connection)
    const until = this.now() + this.patience
    const left = () => Math.max(0, until - this.now())
    const attempt: Effect.Effect<void> = Effect.suspend(() => {
      if (command.isReleased) return Effect.void
      if (id === undefined || left() === 0) return connection.hangUp(left())
      // The server holds another command back, or none: CLIENT UNBLOCK would end the wrong one.
      if (!connection.isNext(command)) return Effect.andThen(command.awaitRelease(askAgainAfter), attempt)
      return Effect.flatMap(Effect.result(query(this.sharedConnectionTo(connection), unblock(id), left())), (reply) => {
        if (Result.isFailure(reply) || typeof reply.success !== "number") return connection.hangUp(left())
        // 0: the server has not read the command yet, or its reply is on the way.
        return Effect.andThen(command.awaitRelease(reply.success === 1 ? left() : askAgainAfter), attempt)
      })
    })
    return attempt
  }

  private now(): number {
    return monotonicMillis(this.clock)
  }
}
