/**
 * The error of an optimistic transaction that somebody else was faster than.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { printable, reportable } from "./internal/reportable.ts"
import { type Outcome, RedisClusterException } from "./RedisClusterException.ts"

const TypeId = "~effect-redis-cluster/ConflictError"

/**
 * An optimistic transaction was not executed: a watched key was changed meanwhile, its slot moved, or the connection that
 * watched was lost before EXEC was sent. Read again and try again: `Effect.retry(effect, onConflict)`.
 *
 * **Example** (Going on without)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, onConflict, Strings } from "effect-redis-cluster"
 *
 * // Effect<boolean, RedisClusterException, ClusterClient>
 * export const claimed = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   return yield* redis.watch("seat:1", (tx) =>
 *     Effect.gen(function*() {
 *       if ((yield* tx.get("seat:1")) !== null) return false
 *       yield* tx.transaction([Strings.set("seat:1", "ada")])
 *       return true
 *     }))
 * }).pipe(
 *   Effect.retry({ ...onConflict, times: 3 }),
 *   Effect.catchTag("ConflictError", () => Effect.succeed(false))
 * )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ConflictError
  extends Schema.TaggedError<ConflictError>("effect-redis-cluster/ConflictError")("ConflictError", {
    /** The message says which conflict occurred, and at which node. */
    message: Schema.String,
    /** The command that met the conflict: `EXEC`, or a read before it. */
    command: Schema.optional(Schema.String),
    /** The address of the node to which the command was sent. */
    node: Schema.optional(Schema.String),
    /** The failure of the command, if it had one: the slot moved, or the connection was lost. */
    cause: Schema.optional(RedisClusterException)
  })
{
  get [TypeId](): typeof TypeId {
    return TypeId
  }

  /** Another attempt may succeed. It is safe, because the transaction was not executed. */
  get isRetryable(): boolean {
    return true
  }

  /** Nothing of the transaction was executed. */
  get outcome(): Outcome {
    return "NotExecuted"
  }
}

reportable(ConflictError.prototype, ({ _tag }) => _tag)
printable(ConflictError.prototype)

/**
 * Whether a value is a `ConflictError`, also of another copy of the package.
 *
 * @category guards
 * @since 0.1.0
 */
export const isConflictError = (value: unknown): value is ConflictError => Predicate.hasProperty(value, TypeId)
