/**
 * Why commands are refused before anything is sent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Command } from "../commands/Command.ts"
import {
  exception,
  NoTargetError,
  OptionsError,
  type Reason,
  type RedisClusterException
} from "../RedisClusterException.ts"

/**
 * Fails with the reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (reason: Reason): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => reason))

const unusable = (command: Command<unknown>, message: string): Reason =>
  new OptionsError({ message, outcome: "NotExecuted", command: command.spec.name })

const misdirected = (command: Command<unknown>, message: string): Reason =>
  new NoTargetError({ message, outcome: "NotExecuted", command: command.spec.name })

/**
 * Its arguments are wrong; `undefined` when they are not.
 *
 * @category constructors
 * @since 0.1.0
 */
export const invalid = (command: Command<unknown>): Reason | undefined =>
  command.settings.invalid === undefined ? undefined : unusable(command, command.settings.invalid)

/**
 * Only its caller can say which node it concerns.
 *
 * @category constructors
 * @since 0.1.0
 */
export const needsNode = (command: Command<unknown>): Reason =>
  misdirected(command, `${command.spec.name} concerns one node; name it: redis.on(node) or redis.node(node)`)

/**
 * It runs on several nodes, and a batch has one place for its result.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fansOut = (command: Command<unknown>): Reason =>
  misdirected(command, `${command.spec.name} runs on several nodes and cannot be part of a batch; run it on its own`)

/**
 * The server may hold it back, and others would wait behind it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const holdsUpBatch = (command: Command<unknown>): Reason =>
  unusable(command, `${command.spec.name} waits on the server and would hold up the batch; run it on its own`)

/**
 * The same for many nodes at a time, whose connections everybody shares.
 *
 * @category constructors
 * @since 0.1.0
 */
export const holdsUpNodes = (command: Command<unknown>): Reason =>
  unusable(command, `${command.spec.name} waits on the server; run it on one node at a time: redis.node(node)`)
