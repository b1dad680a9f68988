/**
 * The errors of this library as Effect's services expect them: with the server's code in the text.
 */
import { CrossSlotError, exception, type RedisClusterException } from "../../RedisClusterException.ts"

const queueKey = /:(?:pending|failed|delayed|attempts|ids|owners|lock:.*)$/

/**
 * The advice for keys of several slots. It depends on the names that Effect's stores give to their keys, and does not
 * show them.
 */
const advice = (keys: ReadonlyArray<string>): string => {
  if (keys.some((key) => key.endsWith(":refill"))) {
    return `brace the key that is limited, RateLimiter.consume({ key: "{user:42}" }), or use ` +
      `effect-redis-cluster/integrations/RateLimiterRedis, which does so by itself`
  }
  if (keys.some((key) => queueKey.test(key))) {
    return `brace the prefix of the queues, PersistedQueue.layerStoreRedis({ prefix: "{orders}:" }), or use ` +
      `effect-redis-cluster/integrations/PersistedQueueRedis, which gives each queue a slot by itself`
  }
  return `give the keys a common hash tag by bracing what they begin with, such as storeId: "{users}" of Persistence or ` +
    `prefix: "{orders}:"; effect-redis-cluster/integrations/PersistenceRedis needs none`
}

/**
 * The error itself or, for keys of several slots, an error with the server's code and the advice what to put in
 * braces.
 */
export const withServerCode = (error: RedisClusterException, args: ReadonlyArray<string>): RedisClusterException => {
  const { reason } = error
  if (reason._tag !== "CrossSlotError") return error
  return exception(() =>
    new CrossSlotError({
      message:
        `CROSSSLOT ${reason.command ?? "the command"} was given keys of ${reason.slots.length} different slots, ` +
        `but runs on one: ${advice(args)}`,
      outcome: reason.outcome,
      command: reason.command,
      slots: reason.slots
    })
  )
}
