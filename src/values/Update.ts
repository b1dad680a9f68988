/**
 * Optimistic updates of a key: read, compute, and write if nobody else has written meanwhile.
 *
 * The server compares, by the command of the storage. A write whose outcome is unknown is never repeated, because the repetition of a write that
 * was executed would find its own value and compute again.
 */
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import { onConflict } from "../client/Dedicated.ts"
import { ClusterClient, type ClusterClientShape } from "../ClusterClient.ts"
import { Command, DecodeFailure } from "../commands/Command.ts"
import type { ExpiryOrKeep } from "../commands/Options.ts"
import { ConflictError } from "../ConflictError.ts"
import type { Argument } from "../protocol/Reply.ts"
import * as ReadFrom from "../ReadFrom.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as Tracing from "../routing/request/Tracing.ts"
import type { StorageCommands } from "./Storage.ts"

/** The two halves of an optimistic update. */
export interface ReadAndSwap {
  readonly read: (key: Argument) => Effect.Effect<Uint8Array | null, RedisClusterException>
  /** Sets a key to a value if it still has the former one, or is still missing for `null`. Returns whether it was set. */
  readonly swap: (
    key: Argument,
    former: Uint8Array | null,
    value: Argument,
    expiry: ExpiryOrKeep
  ) => Effect.Effect<boolean, RedisClusterException>
}

/** The stored form in a reply, as bytes. */
const storedForm = (reply: unknown): Uint8Array | null | DecodeFailure =>
  reply === null || reply instanceof Uint8Array ? reply : new DecodeFailure("expected a string")

const bytes = ({ args, settings, spec }: Command<unknown>): Command<Uint8Array | null> =>
  new Command(spec, args, storedForm, { ...settings, binary: true })

/**
 * The halves of an optimistic update, for a client.
 *
 * They go to primaries, because replicas may lag, and are not repeated when their outcome is unknown, whatever the region of the caller allows:
 * a repeated swap would find its own value and count twice.
 */
export const readAndSwap = (redis: ClusterClientShape, storage: StorageCommands): ReadAndSwap => {
  const safely = redis.region({ readFrom: ReadFrom.primary, idempotent: false })
  return {
    read: (key) => safely(redis.execute(bytes(storage.get(key)))),
    swap: (key, former, value, expiry) => safely(storage.swap(redis, key, former, value, expiry))
  }
}

export interface UpdateSettings {
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  readonly times?: number | undefined
}

/**
 * Reads a key, computes its new value, and writes it if the key is unchanged; otherwise once more, by the schedule.
 *
 * `next` gives the value to write, and the result of the whole.
 */
export const update = <B, E, R>(
  storage: StorageCommands,
  key: Argument,
  next: (
    stored: Uint8Array | null
  ) => Effect.Effect<{ readonly value: Argument; readonly result: B }, E | RedisClusterException, R>,
  expiry: ExpiryOrKeep,
  { schedule = onConflict.schedule, times = schedule === onConflict.schedule ? onConflict.times : Infinity }:
    UpdateSettings
): Effect.Effect<B, E | ConflictError | RedisClusterException, R | ClusterClient> =>
  Effect.flatMap(ClusterClient, (redis) => {
    const { read, swap } = readAndSwap(redis, storage)
    const conflict = new ConflictError({
      message: "others were faster: the value was changed at each attempt",
      command: storage.writes
    })
    const attempt = Effect.flatMap(
      read(key),
      (stored) =>
        Effect.flatMap(next(stored), ({ result, value }) =>
          Effect.flatMap(
            swap(key, stored, value, expiry),
            (isDone): Effect.Effect<B, ConflictError> => isDone ? Effect.succeed(result) : Effect.fail(conflict)
          ))
    )
    return Tracing.operation(
      "redis.update",
      () => Effect.retry(attempt, { while: (error) => error === conflict, schedule, times })
    )
  })
