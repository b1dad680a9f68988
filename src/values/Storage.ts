/**
 * The commands by which the stored form of values is read and written.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { ClusterClientShape } from "../ClusterClient.ts"
import type { Command } from "../commands/Command.ts"
import type { ExpiryOrKeep } from "../commands/Options.ts"
import type { Value } from "../commands/Value.ts"
import type { Argument } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Codec } from "./Codec.ts"

const TypeId = "~effect-redis-cluster/Storage"

/**
 * Options of `set`: those of SET. `expire: "Infinity"` writes a value without an end where the definition has a time to live.
 *
 * @category models
 * @since 0.1.0
 */
export type SetOptions = ExpiryOrKeep & {
  /** Set only if there is no value (`NX`), or only if there is one (`XX`). */
  readonly condition?: "NX" | "XX" | undefined
  /** Return the former value. */
  readonly get?: boolean | undefined
}

/** The commands of a storage. */
export interface StorageCommands {
  /** The name of the command that reads, for errors. */
  readonly reads: string
  /** The name of the command that writes, for errors. */
  readonly writes: string
  /** The form of a value that has no codec of its own. */
  readonly codec: Codec<unknown>
  /** Reads the stored form of a key. */
  readonly get: (key: Argument) => Command<unknown>
  /** Reads the stored forms of keys of one slot. */
  readonly mget: (keys: ReadonlyArray<Argument>) => Command<unknown>
  /** Writes a stored form and the expiry of its key, all or nothing. */
  readonly set: (key: Argument, value: Value, options: SetOptions) => Command<unknown>
  /** Writes a stored form if the key still has the former one, or is still missing for `null`. Returns whether it was written. */
  readonly swap: (
    redis: ClusterClientShape,
    key: Argument,
    former: Uint8Array | null,
    value: Argument,
    expiry: ExpiryOrKeep
  ) => Effect.Effect<boolean, RedisClusterException>
}

/**
 * The type of the keys in which values are kept, for `Value.make`: `Json.storage`. Without it they are strings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Storage {
  readonly [TypeId]: StorageCommands
}

/** Makes a storage of its commands. */
export const make = (commands: StorageCommands): Storage => ({ [TypeId]: commands })

/** The commands of a storage. */
export const commandsOf = (storage: Storage): StorageCommands => storage[TypeId]

/** Whether a value is a storage. */
export const isStorage = (value: unknown): value is Storage => Predicate.hasProperty(value, TypeId)
