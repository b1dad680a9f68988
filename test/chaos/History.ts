/**
 * The calls of the programs under fire, and their results.
 */
import type { ConflictError } from "../../src/ConflictError.ts"
import type { LockError } from "../../src/Lock.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { nameOf } from "../harness/nameOf.ts"

/** The errors of calls. */
export type CallError = RedisClusterException | ConflictError | LockError

/** The effect of a call, as far as the laws care. */
export type Kind = "increment" | "write" | "read" | "push" | "pop" | "send" | "load" | "other"

/**
 * - `ok`: it succeeded
 * - the rest: it failed, and its error said so
 */
export type Ending = "ok" | "NotExecuted" | "Unknown" | "Executed"

/** One call. Times in milliseconds of one clock. */
export interface Call {
  readonly kind: Kind
  /** The name of the call, for people: `INCR`, `transaction` ... */
  readonly what: string
  readonly key: string
  /** The value that was written or pushed. */
  readonly argument?: string | undefined
  readonly started: number
  readonly ended: number
  readonly ending: Ending
  /** The reply of a success. */
  readonly value?: unknown
  readonly error?: CallError | undefined
  /** How long it may take in milliseconds, when it is not one command. */
  readonly allowed?: number | undefined
  /** How old what it reads may be, in milliseconds. */
  readonly maxLag?: number | undefined
  /** The cache of the client may have answered. */
  readonly cached?: true | undefined
  /** A replica may have answered. */
  readonly byReplica?: true | undefined
  /** It ended together with calls on other shards: its time says nothing about its own. */
  readonly joint?: true | undefined
  /** Its script answers an error: that is no failure. */
  readonly answersError?: true | undefined
  /** Its bytes take time of their own. */
  readonly large?: true | undefined
  /** The program had chosen the node: its errors come as they are. */
  readonly explicit?: true | undefined
}

/** A fault, from before it was done until the cluster was well again. */
export interface Fault {
  readonly what: string
  /** The shard it was done to; -1 is all of them. */
  readonly shard: number
  /** The servers may have lost acknowledged writes. */
  readonly lossy?: true | undefined
  /** Slots were moved. */
  readonly moving?: true | undefined
  /** Channels were taken away. */
  readonly channels?: true | undefined
  /** The evidence without which the client has not met it. */
  readonly meets?: string | undefined
  /** A link carried little in a second, and lost nothing. */
  readonly narrow?: true | undefined
  readonly started: number
  ended: number
}

const describeCall = (call: Call, epoch: number): string => {
  const times = `${String(call.started - epoch).padStart(7)} .. ${String(call.ended - epoch).padEnd(7)} ms`
  const asked = `${call.what} ${call.key}${call.argument === undefined ? "" : ` ${call.argument}`}`
  const told = call.error === undefined
    ? `-> ${JSON.stringify(call.value)}`
    : `-> ${nameOf(call.error)} (${call.ending}): ${call.error.message}`
  return `${times}  ${asked} ${told}`
}

/** A fault, in a line. */
export const describeFault = (fault: Fault, epoch: number): string =>
  `${String(fault.started - epoch).padStart(7)} .. ${String(fault.ended - epoch).padEnd(7)} ms  ` +
  `*** ${fault.what}${fault.shard < 0 ? "" : ` (shard ${fault.shard})`}`

/** A history in the order of time, a line each, with the faults that happened meanwhile. */
export const describe = (calls: ReadonlyArray<Call>, faults: ReadonlyArray<Fault>, epoch: number): string => {
  const from = Math.min(...calls.map((call) => call.started))
  const to = Math.max(...calls.map((call) => call.ended))
  const meanwhile = faults.filter((fault) => fault.started <= to && fault.ended >= from)
  return [
    ...calls.map((call) => ({ at: call.started, line: describeCall(call, epoch) })),
    ...meanwhile.map((fault) => ({ at: fault.started, line: describeFault(fault, epoch) }))
  ].toSorted((a, b) => a.at - b.at).map(({ line }) => line).join("\n")
}
