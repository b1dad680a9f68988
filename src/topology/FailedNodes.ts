/**
 * Finds out when a node answers again that the servers have marked as failed and that nobody uses.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Connections } from "../connection/Connections.ts"
import { ping, query } from "../connection/Query.ts"

/** The pause between two attempts to reach a failed node, and the time that each may take, in milliseconds. */
const pause = 1000
const patience = 2000

export class FailedNodes {
  private readonly connections: Connections["Service"]
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly onReturn: (node: ClusterNode) => void
  /** The running attempts to reach a node, by its address. */
  private readonly attempts = new Map<string, Fiber.Fiber<unknown, unknown>>()

  constructor(
    connections: Connections["Service"],
    runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>,
    onReturn: (node: ClusterNode) => void
  ) {
    this.connections = connections
    this.runFork = runFork
    this.onReturn = onReturn
  }

  /**
   * Watches these nodes and no others. A node with a shared connection is left to that connection, which dials by
   * itself.
   */
  watch(nodes: ReadonlyArray<ClusterNode>): void {
    const shared = new Set(this.connections.all().map(({ address }) => address))
    const watched = new Set<string>()
    for (const node of nodes) {
      if (shared.has(node.address)) continue
      watched.add(node.address)
      if (!this.attempts.has(node.address)) this.attempts.set(node.address, this.runFork(this.reach(node)))
    }
    for (const [address, attempt] of this.attempts) {
      if (watched.has(address)) continue
      this.attempts.delete(address)
      attempt.interruptUnsafe()
    }
  }

  close(): void {
    this.watch([])
  }

  private reach(node: ClusterNode): Effect.Effect<void> {
    return Effect.scoped(
      Effect.flatMap(
        this.connections.open(node),
        (connection) => Effect.retry(query(connection, ping, patience), Schedule.spaced(pause))
      )
    ).pipe(
      Effect.andThen(Effect.sync(() => {
        this.attempts.delete(node.address)
        this.onReturn(node)
      })),
      Effect.ignore
    )
  }
}
