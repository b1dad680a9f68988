/**
 * The commands of a client that wait, for those who ask: the parts that hold commands are listed, and are visited when
 * somebody looks. A command costs nothing for it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Outgoing } from "./Outgoing.ts"

/** A command as far as it concerns those who look. */
export type Held = Pick<Outgoing, "block" | "command" | "deadline" | "settled">

/**
 * The reason why a command waits.
 *
 * - `connection`: it waits for a connection to be written to
 * - `reply`: it was written
 * - `pause`: an attempt has failed; the next one begins at a time, in monotonic milliseconds, or with a change of the
 *   cluster
 */
export type Wait =
  | { readonly kind: "connection" | "reply"; readonly address: string }
  | { readonly kind: "pause"; readonly failure: string; readonly until: number }

export type Visit = (held: Held, wait: Wait) => void

/** A part of the client that holds commands. */
export interface Holder {
  readonly visitWaiting: (visit: Visit) => void
}

export class WaitingCommands {
  private readonly holders = new Set<Holder>()

  /** Adds a part until the scope closes. */
  add(holder: Holder): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => this.holders.add(holder)),
      () => Effect.sync(() => this.holders.delete(holder))
    ))
  }

  visit(visit: Visit): void {
    for (const holder of this.holders) {
      holder.visitWaiting((held, wait) => {
        if (!held.settled) visit(held, wait)
      })
    }
  }
}

/** The list on which the parts of a client put themselves; `undefined` when nobody looks. */
export const CurrentWaitingCommands = Context.Reference<WaitingCommands | undefined>(
  "effect-redis-cluster/connection/WaitingCommands",
  { defaultValue: () => undefined }
)

/** Puts a part of a client on the list, if there is one. */
export const listed = (holder: Holder): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(CurrentWaitingCommands, (list) => list === undefined ? Effect.void : list.add(holder))
