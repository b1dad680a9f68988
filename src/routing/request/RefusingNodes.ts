/**
 * Nodes that refuse every command for a while, because they load their data or have lost their primary. Thousands may wait
 * for one of them: a few at a time ask whether it still refuses, and the others follow when it does not.
 */
import type { Connection } from "../../connection/Connection.ts"
import type { Diagnosis } from "./Diagnosis.ts"

/** How long a refusal is taken for the state of the node, in milliseconds. */
const current = 20
/** When a node has not refused those that ask it for so long, it serves again, in milliseconds. */
const patience = 100

/**
 * The requests that may be sent to a node now: all that wait for it, a few to find out, none because it has just refused one, or
 * none yet because a few are under way.
 */
export type Admission = "all" | "few" | "none" | "soon"

export class RefusingNodes {
  private readonly nodes = new WeakMap<Connection, { refusedAt: number; askedAt: number }>()

  /** Whether a failure says that a node refuses everything. */
  static isTotal(failure: Diagnosis): boolean {
    return failure._tag === "Reply" && (failure.kind === "loading" || failure.kind === "masterDown")
  }

  refused(connection: Connection, now: number): void {
    const node = this.nodes.get(connection)
    if (node === undefined) this.nodes.set(connection, { refusedAt: now, askedAt: Number.NEGATIVE_INFINITY })
    else node.refusedAt = now
  }

  admission(connection: Connection, now: number): Admission {
    const node = this.nodes.get(connection)
    if (node === undefined) return "all"
    if (now - node.refusedAt < current) return "none"
    if (node.askedAt <= node.refusedAt) {
      node.askedAt = now
      return "few"
    }
    return now - node.askedAt < patience ? "soon" : "all"
  }
}
