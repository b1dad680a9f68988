/** One result from the replies of several nodes, by the response policy of the command. */
import * as Result from "effect/Result"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Command } from "../../commands/Command.ts"
import type { ResponsePolicy } from "../../commands/CommandSpec.ts"
import { latin1Of } from "../../protocol/text.ts"
import {
  DecodeError,
  exception,
  PartialFailureError,
  partialOutcome,
  type RedisClusterException
} from "../../RedisClusterException.ts"

/** The end of a command on one node. */
export interface NodeReply {
  readonly node: ClusterNode
  readonly outcome: Result.Result<unknown, RedisClusterException>
}

type Answer = readonly [ClusterNode, unknown]

/**
 * The message of a part without the name of the command, with which the whole message begins.
 *
 * @internal
 */
export const withoutName = (message: string, name: string): string =>
  message.startsWith(`${name} on `) ? message.slice(`${name} on `.length) : message

const partial = (command: Command<unknown>, replies: ReadonlyArray<NodeReply>): RedisClusterException => {
  const failures = replies.flatMap(({ node, outcome }) =>
    Result.isFailure(outcome) ? [{ node: node.address, keys: [], error: outcome.failure }] : []
  )
  const succeeded = replies.length - failures.length
  const done = replies.filter(({ outcome }) => Result.isSuccess(outcome)).map(({ node }) => node.address)
  return exception(() =>
    new PartialFailureError({
      message: `${command.spec.name} failed on ${failures.length} of ${replies.length} nodes: ` +
        `${
          failures.map(({ error, node }) =>
            error.message.includes(node)
              ? withoutName(error.message, command.spec.name)
              : `${node}: ${error.message}`
          ).join("; ")
        }; ` +
        `it succeeded on ${done.join(", ") || "none"}`,
      outcome: partialOutcome(failures.map(({ error }) => error.outcome), succeeded),
      command: command.spec.name,
      failures,
      succeeded,
      answered: done
    })
  )
}

const isNumbers = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((element) => typeof element === "number")

/** Combines numbers, or lists of numbers element by element; `undefined` when a value is neither. */
const combine = (values: ReadonlyArray<unknown>, f: (a: number, b: number) => number): unknown =>
  values.reduce((a, b) => {
    if (typeof a === "number" && typeof b === "number") return f(a, b)
    if (isNumbers(a) && isNumbers(b) && a.length === b.length) return a.map((element, i) => f(element, b[i]))
    return undefined
  })

/** The distinct elements of a list. Equal bytes are one element. */
const distinct = (elements: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const seen = new Set<unknown>()
  return elements.filter((element) => {
    const key = element instanceof Uint8Array ? `bytes ${latin1Of(element)}` : element
    return seen.has(key) ? false : seen.add(key) !== undefined
  })
}

const merge = (policy: ResponsePolicy, answers: ReadonlyArray<Answer>): unknown => {
  const values = answers.map(([, value]) => value)
  switch (policy) {
    case "perNode":
      return new Map(answers)
    case "allSucceeded":
    case "oneSucceeded":
      return values[0]
    case "sum":
      return combine(values, (a, b) => a + b)
    case "min":
      return combine(values, Math.min)
    case "logicalAnd":
      return combine(values, (a, b) => a !== 0 && b !== 0 ? 1 : 0)
    case "concat":
      return values.flat()
    case "union":
      return distinct(values.flat())
  }
}

/**
 * The result, or the failure. A failure on one node fails the whole command, and the error names the nodes that
 * succeeded, unless the policy asks for one success only.
 */
export const aggregate = (
  command: Command<unknown>,
  replies: ReadonlyArray<NodeReply>,
  policy: ResponsePolicy = command.spec.response
): Result.Result<unknown, RedisClusterException> => {
  const answers: Array<Answer> = []
  const errors: Array<RedisClusterException> = []
  for (const { node, outcome } of replies) {
    if (Result.isSuccess(outcome)) answers.push([node, outcome.success])
    else errors.push(outcome.failure)
  }
  if (errors.length > 0 && !(policy === "oneSucceeded" && answers.length > 0)) {
    return Result.fail(replies.length === 1 ? errors[0] : partial(command, replies))
  }
  const merged = merge(policy, answers)
  return merged === undefined
    ? Result.fail(exception(() =>
      new DecodeError({
        message: `the replies of ${answers.length} nodes to ${command.spec.name} cannot be merged by "${policy}"`,
        outcome: "Executed",
        command: command.spec.name
      })
    ))
    : Result.succeed(merged)
}
