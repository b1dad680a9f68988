/**
 * A connection that logs each command of the program and the node that it is sent to.
 *
 * A class beside the other one, so that connections that log nothing have nothing to ask about it.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Connection } from "./Connection.ts"
import type { Outgoing } from "./Outgoing.ts"
import { OwnCommand } from "./OwnCommand.ts"

export class LoggedConnection extends Connection {
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

  constructor(...args: ConstructorParameters<typeof Connection>) {
    super(...args)
    this.fork = args[3].runFork
  }

  override send(outgoing: Outgoing): void {
    if (!(outgoing instanceof OwnCommand)) {
      for (const { spec } of outgoing.block ?? [outgoing.command]) {
        this.fork(Effect.logDebug(`${spec.name} is sent to ${this.address}`))
      }
    }
    super.send(outgoing)
  }
}
