/**
 * Commands that would change the state of a connection which many callers share.
 *
 * @since 0.1.0
 */
import type { Command } from "../commands/Command.ts"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { OptionsError, type Reason } from "../RedisClusterException.ts"

/**
 * Why a command may not run on a shared connection; `undefined` when it may. One caller's MULTI would swallow another
 * caller's commands, a CLIENT REPLY OFF would shift everybody's replies. A bare HELLO only asks.
 *
 * @category guards
 * @since 0.1.0
 */
export const refusal = ({ args, spec: { name, stateful } }: Command<unknown>): Reason | undefined =>
  !stateful || (name === "HELLO" && args.length === 0) ? undefined : new OptionsError({
    message: `${name} changes the state of its connection, and the connections of this client are shared; ` +
      `what the connection needs is set by the client's options`,
    outcome: "NotExecuted",
    command: name
  })

/** They are not answered once each, or the client sends them itself. */
const never: ReadonlyMap<string, string> = new Map([
  ...["CLIENT REPLY", "MONITOR", "PSYNC", "SYNC"].map((name) => [name, "its replies cannot be told apart"] as const),
  ...["PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE"].map((name) =>
    [name, "subscriptions have connections of their own"] as const
  ),
  ...["DISCARD", "EXEC", "MULTI"].map((name) => [name, "use transaction([...]), which sends MULTI and EXEC"] as const),
  ...["QUIT", "RESET"].map((name) => [name, "the connection ends with its scope"] as const)
])

const watching = new Set(["WATCH", "UNWATCH"])

/**
 * Why a command may not run on a dedicated connection; `undefined` when it may. A connection that goes back to others
 * afterwards, as that of `watch` does, has to keep its state.
 *
 * @category guards
 * @since 0.1.0
 */
export const unfitForDedicated = ({ name, stateful }: CommandSpec, goesBack: boolean): Reason | undefined => {
  const why = never.get(name) ??
    (goesBack && stateful && !watching.has(name) && name !== "HELLO"
      ? "the connection is used by others afterwards; use redis.dedicated"
      : undefined)
  return why === undefined ? undefined : new OptionsError({
    message: `${name} cannot run on this connection: ${why}`,
    outcome: "NotExecuted",
    command: name
  })
}

/**
 * Why a command means nothing on a connection that others write on, or that nobody has written on; `undefined` when it
 * may be sent.
 *
 * @category guards
 * @since 0.1.0
 */
export const needsOwnConnection = (name: string): Reason | undefined =>
  name !== "WAIT" && name !== "WAITAOF" ? undefined : new OptionsError({
    message: `${name} waits for the writes of its own connection: write and ${name} on one, redis.dedicated(key)`,
    outcome: "NotExecuted",
    command: name
  })
