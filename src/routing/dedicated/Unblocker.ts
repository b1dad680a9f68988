/**
 * Makes a server let go of a command that it holds back: by CLIENT UNBLOCK on the shared connection, and where that cannot
 * be, by closing the command's own connection.
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
  /** The server has answered it, or its connection is lost. */
  readonly isReleased: boolean
  /** Waits until it is released, at most `millis` milliseconds. */
  readonly awaitRelease: (millis: number) => Effect.Effect<unknown>
}

const unblock = (id: number) => question("CLIENT UNBLOCK", String(id))

/** When to ask again for a command that the server was not holding back, in milliseconds. */
const askAgainAfter = 5

export class Unblocker {
  private readonly clock: Clock.Clock
  private readonly idOf: (connection: Connection) => number | undefined
  private readonly sharedConnectionTo: (connection: Connection) => Connection
  private readonly patience: number

  /**
   * `idOf` tells the id that the server gave a connection. `patience` is how long an interruption waits for the server, in
   * milliseconds.
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

  /** Lasts until the command is released: on its connection, which then goes on, or by closing that. */
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
