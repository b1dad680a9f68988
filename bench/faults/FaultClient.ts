/**
 * The interface of all clients for the scenarios. Each client is used as its own documentation shows, with its retries
 * and timeouts at their defaults: that is what its users get.
 */
export interface FaultClient {
  readonly get: (key: string) => Promise<unknown>
  readonly incr: (key: string) => Promise<unknown>
  readonly set: (key: string, value: string) => Promise<unknown>
  /** Keys of one slot. */
  readonly mget: (keys: Array<string>) => Promise<unknown>
  /** Keys of one slot. */
  readonly mset: (keys: Array<string>, value: string) => Promise<unknown>
  /** SET on keys of one slot in a pipeline: the error of each entry, or `undefined`. */
  readonly pipeline: (keys: Array<string>, value: string) => Promise<ReadonlyArray<unknown>>
  /** SET on keys of one slot in MULTI and EXEC. */
  readonly transaction: (keys: Array<string>, value: string) => Promise<unknown>
  /** The client's statement whether a failed command was executed, if it makes one. */
  readonly outcomeOf?: (error: unknown) => string
  readonly close: () => Promise<void>
}

export interface FaultClientEntry {
  readonly name: string
  /** How long a command may take by the client's defaults, in milliseconds, when it has a bound for that. */
  readonly deadline?: number
  /** Options of Node.js for the client's process. */
  readonly execArgv?: ReadonlyArray<string>
  readonly open: (ports: ReadonlyArray<number>) => Promise<FaultClient>
}
