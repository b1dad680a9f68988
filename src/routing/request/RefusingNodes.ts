/**
 * Nodes that refuse every command for a while, because they load their data, have lost their primary, or see the
 * cluster down. Thousands of requests may wait for one node: a few at a time are sent as a test, and the others follow
 * when the node serves again.
 */
import type { Connection } from "../../connection/Connection.ts"
import { refusesEverything } from "../../protocol/ErrorKind.ts"
import type { Diagnosis } from "./Diagnosis.ts"
import type { Request } from "./Request.ts"

/** The time for which a refusal counts as the state of the node, in milliseconds. */
const current = 20
/** A node serves again when it has not refused its test requests for so long, in milliseconds, and has answered none. */
const patience = 1000

/**
 * The requests that may be sent to a node now: `all` that wait for it, a `few` as a test, `none` because the node has
 * just refused one, or none yet (`soon`) because a few are under way.
 */
export type Admission = "all" | "few" | "none" | "soon"

export class RefusingNodes {
  private readonly nodes = new WeakMap<
    Connection,
    { refusedAt: number; askedAt: number; test: Request | undefined }
  >()

  /** Whether a failure says that a node refuses everything. */
  static isTotal(failure: Diagnosis): boolean {
    return failure._tag === "Reply" && failure.kind !== "answer" && refusesEverything(failure.error)
  }

  refused(connection: Connection, now: number): void {
    const node = this.nodes.get(connection)
    if (node === undefined) {
      this.nodes.set(connection, { refusedAt: now, askedAt: Number.NEGATIVE_INFINITY, test: undefined })
    } else node.refusedAt = now
  }

  admission(connection: Connection, now: number): Admission {
    const node = this.nodes.get(connection)
    if (node === undefined) return "all"
    if (now - node.refusedAt < current) return "none"
    if (node.askedAt <= node.refusedAt) {
      node.askedAt = now
      node.test = undefined
      return "few"
    }
    return node.test?.settled === true || now - node.askedAt >= patience ? "all" : "soon"
  }

  /** Takes note of the last test request: when it is answered, all of them are. */
  tests(last: Request): void {
    const connection = last.retryState?.awaits?.connection
    const node = connection === undefined ? undefined : this.nodes.get(connection)
    if (node !== undefined) node.test = last
  }
}
