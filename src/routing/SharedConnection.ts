/**
 * Commands that would change the state of a connection which many callers share.
 *
 * @since 0.1.0
 */
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"

const changers = new Set([
  "ASKING",
  "AUTH",
  "CLIENT CACHING",
  "CLIENT REPLY",
  "CLIENT TRACKING",
  "DISCARD",
  "EXEC",
  "HELLO",
  "MONITOR",
  "MULTI",
  "PSUBSCRIBE",
  "PSYNC",
  "PUNSUBSCRIBE",
  "QUIT",
  "READONLY",
  "READWRITE",
  "RESET",
  "SELECT",
  "SSUBSCRIBE",
  "SUBSCRIBE",
  "SUNSUBSCRIBE",
  "SYNC",
  "UNSUBSCRIBE",
  "UNWATCH",
  "WATCH"
])

/**
 * Why a command that is sent by name may not run on a shared connection; `undefined` when it may. One caller's MULTI
 * would swallow another caller's commands, a CLIENT REPLY OFF would shift everybody's replies.
 *
 * @category guards
 * @since 0.1.0
 */
export const refusal = (name: string): RedisClusterException | undefined =>
  !changers.has(name) ? undefined : exception(() =>
    new OptionsError({
      message: `${name} changes the state of its connection, and the connections of this client are shared; ` +
        `what the connection needs is set by the client's options`,
      outcome: "NotExecuted",
      command: name
    })
  )
