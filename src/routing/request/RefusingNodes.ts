/**
 * Nodes that refuse every command for a while, because they load their data or have lost their primary. Thousands of
 * requests may wait for one node: a few at a time are sent as a test, and the others follow when the node serves
 * again.
 */
import type { Connection } from "../../connection/Connection.ts"
import type { Diagnosis } from "./Diagnosis.ts"

/** The time for which a refusal counts as the state of the node, in milliseconds. */
const current = 20
/** A node serves again when it has not refused the test requests for so long, in milliseconds. */
const patience = 100

/**
 * The requests that may be sent to a node now: `all` that wait for it, a `few` as a test, `none` because the node has
 * just refused one, or none yet (`soon`) because a few are under way.
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
