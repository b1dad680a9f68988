/**
 * Several commands in one go, wherever they are sent to: side by side, or as one transaction.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Command } from "../commands/Command.ts"
import { exception, type Reason, type RedisClusterException } from "../RedisClusterException.ts"
import { type Outcomes, together, valuesOf } from "./Gathering.ts"
import { pipelineError, pipelineFailure } from "./Pipeline.ts"
import type { Reading } from "./Readers.ts"
import { type Collector, Request, type RequestOwner } from "./Request.ts"
import * as Tracing from "./Tracing.ts"
import * as Transaction from "./Transaction.ts"

/**
 * Where the commands of a batch go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route {
  readonly owner: RequestOwner
  /** Milliseconds of the clock. */
  readonly now: () => number
  readonly dispatch: (request: Request) => void
  /** The slot of an entry of a pipeline, or why it cannot be one. */
  readonly slotOf: (command: Command<unknown>) => number | Reason
  /** The same for an entry of a transaction. */
  readonly transactionSlotOf: (command: Command<unknown>) => number | Reason
  /** How an entry of a pipeline is read when it may be read from other nodes than the primary. */
  readonly readingOf: (command: Command<unknown>, slot: number) => Reading | undefined
  /** The time of entries that do not carry their own, in milliseconds. */
  readonly timeout: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Batches {
  /** Runs commands side by side, written per node before any is awaited; how each ended, in their order. */
  readonly executeAll: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes>
  /** The same for the values alone: fails when any fails, and sends nothing when one of them cannot be sent. */
  readonly executeEvery: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<ReadonlyArray<unknown>, RedisClusterException>
  /** Runs commands as one transaction on the node of their slot; how each ended, in their order. */
  readonly transaction: (
    commands: ReadonlyArray<Command<unknown>>
  ) => Effect.Effect<Outcomes, RedisClusterException>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (route: Route): Batches => {
  /** No entry of a batch waits on the server. */
  const deadlineOf = (command: Command<unknown>, now: number): number =>
    now + (command.settings.timeout ?? route.timeout)

  const entry = (
    command: Command<unknown>,
    slot: number,
    now: number,
    collector: Collector,
    index: number
  ): Request => {
    const request = new Request(
      command,
      route.owner,
      slot,
      deadlineOf(command, now),
      "slot",
      undefined,
      undefined,
      collector,
      index
    )
    request.reading = route.readingOf(command, slot)
    Tracing.join(request)
    return request
  }

  return {
    executeAll: (commands) =>
      observed(
        "PIPELINE",
        commands,
        together(commands.length, (gathering) => {
          const now = route.now()
          const requests: Array<Request> = []
          for (let i = 0; i < commands.length; i++) {
            const command = commands[i]
            const slot = route.slotOf(command)
            if (typeof slot !== "number") {
              gathering.settle(i, Result.fail(exception(() => slot)))
              continue
            }
            requests.push(entry(command, slot, now, gathering, i))
          }
          for (const request of requests) route.dispatch(request)
          return requests
        })
      ),
    executeEvery: (commands) =>
      observed(
        "PIPELINE",
        commands,
        Effect.suspend(() => {
          const slots = new Array<number>(commands.length)
          for (let i = 0; i < commands.length; i++) {
            const slot = route.slotOf(commands[i])
            if (typeof slot !== "number") {
              return Effect.fail(pipelineError(i, commands[i], exception(() => slot), "NotExecuted"))
            }
            slots[i] = slot
          }
          return valuesOf(commands.length, (values) => {
            const now = route.now()
            const requests = new Array<Request>(commands.length)
            for (let i = 0; i < commands.length; i++) {
              const request = requests[i] = entry(commands[i], slots[i], now, values, i)
              route.dispatch(request)
            }
            return requests
          }, (failures) => pipelineFailure(commands, failures))
        })
      ),
    transaction: (commands) =>
      commands.length === 0 ? Effect.succeed([]) : observed(
        "MULTI",
        commands,
        Effect.suspend(() => {
          const plan = Transaction.plan(commands, route.transactionSlotOf, route.timeout)
          if (Result.isFailure(plan)) return Effect.fail(plan.failure)
          return Effect.callback<Outcomes, RedisClusterException>((resume) => {
            const request = new Transaction.TransactionRequest(
              plan.success,
              route.owner,
              deadlineOf(plan.success.command, route.now()),
              resume as Request["resume"]
            )
            Tracing.join(request)
            route.dispatch(request)
            return request
          })
        })
      )
  }
}

const observed = <A, E>(
  kind: "PIPELINE" | "MULTI",
  commands: ReadonlyArray<Command<unknown>>,
  self: Effect.Effect<A, E>
): Effect.Effect<A, E> => Tracing.observed(self, () => Tracing.batchCall(kind, commands))
