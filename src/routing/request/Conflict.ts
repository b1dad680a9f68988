/**
 * A failure on a connection that watches keys, on its way to the caller, who gets its `ConflictError`.
 */
import type { ConflictError } from "../../ConflictError.ts"
import { type Reason, RedisClusterException } from "../../RedisClusterException.ts"

export class Conflict extends RedisClusterException {
  readonly conflict: ConflictError

  constructor(reason: Reason, conflict: ConflictError) {
    super({ reason })
    this.conflict = conflict
  }
}

/** The name under which a failure is counted and traced. */
export const reasonOf = (error: RedisClusterException): string =>
  error instanceof Conflict ? error.conflict._tag : error.reason._tag
