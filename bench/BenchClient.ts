/** One primary of the cluster under load, with the slots it owns (both ends included). */
export interface ClusterNode {
  readonly host: string
  readonly port: number
  readonly firstSlot: number
  readonly lastSlot: number
}

/**
 * One caller of a closed loop. `next` chooses the command to send (or says that the load is over), `replied` takes the
 * reply and must be called before `next` is called again.
 */
export interface Caller {
  readonly key: string
  readonly isWrite: boolean
  readonly value: string
  readonly next: () => boolean
  readonly replied: (reply: unknown) => void
}

/** As `Caller`, for the multi-key workload. */
export interface MgetCaller {
  readonly keys: Array<string>
  readonly next: () => boolean
  readonly replied: (replies: ReadonlyArray<unknown>) => void
}

/**
 * The interface of all clients under test. Each implements it in the way in which its own users would write the
 * fastest program.
 *
 * `run` and `runMget` resolve when every caller's load is over. `issue` sends one GET per key without waiting for any
 * reply: all of them before it returns, its promise resolves after the last reply.
 */
export interface BenchClient {
  readonly name: string
  readonly connect: (nodes: ReadonlyArray<ClusterNode>) => Promise<void>
  readonly run: (callers: ReadonlyArray<Caller>) => Promise<void>
  readonly runMget: (callers: ReadonlyArray<MgetCaller>) => Promise<void>
  readonly issue: (keys: ReadonlyArray<string>) => Promise<void>
  readonly close: () => Promise<void>
}
