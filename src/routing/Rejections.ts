/** The reasons for which commands are refused before anything is sent. */
import * as Effect from "effect/Effect"
import type { Command } from "../commands/Command.ts"
import {
  EncodeError,
  exception,
  NoTargetError,
  OptionsError,
  type Reason,
  type RedisClusterException
} from "../RedisClusterException.ts"

/** Fails with a reason. */
export const refuse = (reason: Reason): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => reason))

const unusable = (command: Command<unknown>, message: string): Reason =>
  new OptionsError({ message, outcome: "NotExecuted", command: command.spec.name })

const misdirected = (command: Command<unknown>, message: string): Reason =>
  new NoTargetError({ message, outcome: "NotExecuted", command: command.spec.name })

/** The reason to refuse a command with wrong arguments; `undefined` when they are right. */
export const invalid = (command: Command<unknown>): Reason | undefined => {
  const { invalid: message, refusal, unencodable } = command.settings
  if (message === undefined) return undefined
  if (refusal !== undefined) return refusal
  return unencodable
    ? new EncodeError({ message, outcome: "NotExecuted", command: command.spec.name })
    : unusable(command, message)
}

/** The reason to refuse a command without keys that needs a node: only the caller can name the node. */
export const needsNode = (command: Command<unknown>): Reason =>
  misdirected(
    command,
    `${command.spec.name} concerns one node; name it: redis.on(node) or redis.node(node)` +
      (command.spec.name === "SCAN" ? "; redis.scanStream() has the keys of all nodes" : "")
  )

/** The reason to refuse a command in a batch because it runs on several nodes: a batch has one place for its result. */
export const fansOut = (command: Command<unknown>): Reason =>
  misdirected(command, `${command.spec.name} runs on several nodes and cannot be part of a batch; run it alone`)

/** The reason to refuse a blocking command in a batch: the other commands would wait behind it. */
export const holdsUpBatch = (command: Command<unknown>): Reason =>
  unusable(
    command,
    `${command.spec.name} waits on the server and would delay the other commands of the batch; run it alone`
  )

/** The reason to refuse a blocking command on many nodes, whose connections all callers share. */
export const holdsUpNodes = (command: Command<unknown>): Reason =>
  unusable(command, `${command.spec.name} waits on the server; run it on one node at a time: redis.node(node)`)

/**
 * The reason to refuse a command on a shared connection; `undefined` when it may run there. The MULTI of one caller
 * would swallow the commands of others, and a CLIENT REPLY OFF would shift the replies of all callers.
 */
export const forShared = (command: Command<unknown>): Reason | undefined => {
  const use = command.spec.connectionUse(command.args)
  switch (use?._tag) {
    case undefined:
    // `Router` uses a dedicated connection or refuses the command, by whether the call waits.
    case "countsWrites":
      return undefined
    case "never":
      return unusable(command, `${command.spec.name} cannot run on a connection of this client: ${use.why}`)
    case "changes":
    case "changesProtocol":
    case "watches":
      return unusable(
        command,
        `${command.spec.name} changes the state of its connection, and the connections of this client are shared; ` +
          (use._tag === "changes" && use.isPreparation === true
            ? "send it from the option onConnect, which runs on each new connection"
            : "use the options of the client, or redis.dedicated for a connection of one caller")
      )
  }
}

/**
 * The reason to refuse a command on a dedicated connection; `undefined` when it may run there. A connection that goes
 * back to the pool, as the one of `watch` does, has to keep its state.
 */
export const forDedicated = (command: Command<unknown>, goesBack: boolean): Reason | undefined => {
  const use = command.spec.connectionUse(command.args)
  switch (use?._tag) {
    case undefined:
    case "countsWrites":
    case "watches":
      return undefined
    case "never":
      return unusable(command, `${command.spec.name} cannot run on this connection: ${use.why}`)
    case "changes":
    case "changesProtocol":
      return goesBack
        ? unusable(
          command,
          `${command.spec.name} cannot run on this connection, which other callers use afterwards; use redis.dedicated`
        )
        : undefined
  }
}

/**
 * The reason to refuse a command in a transaction; `undefined` when it may be a part. Refused commands would end the
 * transaction, or change how its replies are read.
 */
export const forTransaction = (command: Command<unknown>): Reason | undefined => {
  const use = command.spec.connectionUse(command.args)
  switch (use?._tag) {
    case undefined:
    case "changes":
    case "countsWrites":
      return undefined
    case "never":
    case "changesProtocol":
    case "watches":
      return unusable(
        command,
        `${command.spec.name} cannot be part of a transaction; the client sends MULTI and EXEC itself`
      )
  }
}

/**
 * The reason to refuse a command that is about the writes of its own connection; `undefined` for other commands.
 */
export const needsOwnConnection = (command: Command<unknown>): Reason | undefined => {
  const { name } = command.spec
  return command.spec.connectionUse(command.args)?._tag !== "countsWrites" ? undefined : unusable(
    command,
    `${name} waits for the writes of its own connection: send the writes and ${name} on one connection, redis.dedicated(key)`
  )
}
