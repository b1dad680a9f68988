/**
 * Optimistic updates of a key: read, compute, and write if nobody else has written meanwhile.
 *
 * The comparison is on the server: by `SET IFEQ` where the server has it (Valkey 8.1, Redis 8.4), and otherwise by a script. A write whose outcome
 * is unknown is never repeated, because the repetition of a write that was executed would find its own value and compute again.
 */
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import { createHash } from "node:crypto"
import { onConflict } from "../client/Dedicated.ts"
import { ClusterClient, type ClusterClientShape } from "../ClusterClient.ts"
import { bytes, Command, type Prerequisite } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as decode from "../commands/decode.ts"
import { counted } from "../commands/keys.ts"
import type { ExpiryOrKeep } from "../commands/Options.ts"
import { Scripting } from "../commands/Scripting.ts"
import { type SetOptions, Strings } from "../commands/Strings.ts"
import { ConflictError } from "../ConflictError.ts"
import type { Argument } from "../protocol/Reply.ts"
import * as ReadFrom from "../ReadFrom.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as Tracing from "../routing/request/Tracing.ts"

const lua = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], unpack(ARGV, 2))
return 1`

const digest = /* @__PURE__ */ createHash("sha1").update(lua).digest("hex")
const EVALSHA = new CommandSpec("EVALSHA", { keys: counted(1) })
const EVAL = new CommandSpec("EVAL", { keys: counted(1) })

const prerequisite: Prerequisite = {
  load: Scripting.scriptLoad(lua),
  selfContained: ({ args, decode, settings }) => new Command(EVAL, [lua, ...args.slice(1)], decode, settings)
}

/** The clients whose servers do not compare in SET. The script goes everywhere, so that one answer is enough for all nodes. */
const withoutComparison = new WeakSet<ClusterClientShape>()

/** Sets a key to a value if it still has the former one. */
const swapByScript = (key: Argument, former: Uint8Array, value: Argument, expiry: ExpiryOrKeep): Command<boolean> => {
  const { args: [, ...words], settings } = Strings.set<SetOptions>(key, value, expiry)
  const command = new Command(EVALSHA, [digest, "1", key, former, ...words], decode.boolean, settings)
  return new Command(command.spec, command.args, command.decode, { ...settings, prerequisite })
}

const isUnknownToServer = ({ reason }: RedisClusterException): boolean =>
  reason._tag === "ReplyError" && /syntax error/i.test(reason.message)

/** Sets a key to a value if it still has the former one, or is still missing for `null`. Returns whether it was set. */
const swap = (
  redis: ClusterClientShape,
  key: Argument,
  former: Uint8Array | null,
  value: Argument,
  expiry: ExpiryOrKeep
): Effect.Effect<boolean, RedisClusterException> => {
  if (former === null) {
    return Effect.map(
      redis.execute(Strings.set<SetOptions>(key, value, { ...expiry, condition: "NX" })),
      (reply) => reply !== null
    )
  }
  const byScript = redis.execute(swapByScript(key, former, value, expiry))
  if (withoutComparison.has(redis)) return byScript
  return redis.execute(Strings.set<SetOptions>(key, value, { ...expiry, condition: { ifEq: former } })).pipe(
    Effect.map((reply) => reply !== null),
    Effect.catchIf(isUnknownToServer, () => {
      withoutComparison.add(redis)
      return byScript
    })
  )
}

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

/**
 * The halves of an optimistic update, for a client.
 *
 * They go to primaries, because replicas may lag, and are not repeated when their outcome is unknown, whatever the region of the caller allows:
 * a repeated swap would find its own value and count twice.
 */
export const readAndSwap = (redis: ClusterClientShape): ReadAndSwap => {
  const safely = redis.region({ readFrom: ReadFrom.primary, idempotent: false })
  return {
    read: (key) => safely(redis.execute(bytes(Strings.get(key)))),
    swap: (key, former, value, expiry) => safely(swap(redis, key, former, value, expiry))
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
  key: Argument,
  next: (
    stored: Uint8Array | null
  ) => Effect.Effect<{ readonly value: Argument; readonly result: B }, E | RedisClusterException, R>,
  expiry: ExpiryOrKeep,
  { schedule = onConflict.schedule, times = schedule === onConflict.schedule ? onConflict.times : Infinity }:
    UpdateSettings
): Effect.Effect<B, E | ConflictError | RedisClusterException, R | ClusterClient> =>
  Effect.flatMap(ClusterClient, (redis) => {
    const { read, swap } = readAndSwap(redis)
    const conflict = new ConflictError({
      message: "others were faster: the value was changed at each attempt",
      command: "SET"
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
