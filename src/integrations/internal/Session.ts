/**
 * The session behind Effect's `Redis.reserve`: dedicated connections to the nodes that its commands need.
 *
 * A command with a key goes to the node of the key; a command without keys goes to the node of the last command.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { DedicatedClient } from "../../client/Dedicated.ts"
import { addressOf, type Endpoint, endpointOf } from "../../cluster/Endpoint.ts"
import type { ClusterClientShape } from "../../ClusterClient.ts"
import type * as Command from "../../commands/Command.ts"
import type { Argument, Reply } from "../../protocol/Reply.ts"
import type { AskError, Reason, RedisClusterException } from "../../RedisClusterException.ts"
import { mayPass } from "../../routing/request/Recovery.ts"

export interface Session {
  readonly execute: (command: Command.Command<Reply>) => Effect.Effect<Reply, RedisClusterException>
  /** Closes the connections; running commands fail. */
  readonly close: Effect.Effect<void>
}

/** The first key of a command. */
const keyOf = ({ args, spec }: Command.Command<unknown>): Argument | undefined =>
  typeof spec.keys === "number" ? args[spec.keys] : args[spec.keys(args)[0] ?? -1]

const isRedirect = (reason: Reason): boolean => reason._tag === "MovedError" || reason._tag === "AskError"

/** The pauses between attempts, together long enough for a change of the topology. */
const untilTopologySettles = Schedule.min([Schedule.exponential("20 millis"), Schedule.spaced("500 millis")]).pipe(
  Schedule.upTo({ duration: "15 seconds" })
)

export const make = (redis: ClusterClientShape): Effect.Effect<Session> =>
  Effect.map(Effect.all([Scope.make(), Semaphore.make(1)]), ([scope, opening]): Session => {
    const open = new Map<string, DedicatedClient>()
    let last: DedicatedClient | undefined
    /** Whether the connection has a state that a new one would not have, such as watched keys. */
    let hasState = false

    const at = (node: Endpoint): Effect.Effect<DedicatedClient, RedisClusterException> =>
      opening.withPermits(1)(Effect.suspend(() => {
        const known = open.get(addressOf(node))
        if (known !== undefined) return Effect.succeed(known)
        return Effect.tap(
          Scope.provide(redis.dedicated(node), scope),
          (own) => Effect.sync(() => open.set(addressOf(node), own))
        )
      }))

    const connectionFor = (
      command: Command.Command<unknown>
    ): Effect.Effect<DedicatedClient, RedisClusterException> => {
      const key = keyOf(command)
      if (key === undefined) return last === undefined ? Effect.flatMap(redis.defaultNode, at) : Effect.succeed(last)
      return Effect.flatMap(
        redis.ownerOf(key),
        (owner) => owner === undefined ? Effect.flatMap(redis.defaultNode, at) : at(owner)
      )
    }

    const isRepeatable = ({ spec }: Command.Command<unknown>, error: RedisClusterException): boolean =>
      !hasState && mayPass(error) && (error.outcome === "NotExecuted" || spec.readonly)

    /** Prepares another attempt after an error. */
    const prepare = (own: DedicatedClient, { reason }: RedisClusterException): Effect.Effect<void> => {
      if (hasState || isRedirect(reason)) return Effect.void
      if (reason._tag === "ConnectionError" || reason._tag === "ClosedError") {
        if (open.get(own.address) === own) open.delete(own.address)
        if (last === own) last = undefined
      }
      return Effect.ignore(redis.refreshTopology)
    }

    /** A node that is imported to may have joined after the last look at the topology. */
    const askedFor = (command: Command.Command<Reply>, { address }: AskError) => {
      const importing = at(endpointOf(address))
      return Effect.catchIf(
        importing,
        ({ reason }) => reason._tag === "UnknownNodeError",
        () => Effect.andThen(redis.refreshTopology, importing)
      ).pipe(Effect.flatMap((own) => own.executeAsking(command)))
    }

    const attempt = (command: Command.Command<Reply>): Effect.Effect<Reply, RedisClusterException> =>
      Effect.flatMap(connectionFor(command), (own) => {
        last = own
        return Effect.catch(own.execute(command), (error) =>
          Effect.andThen(
            prepare(own, error),
            error.reason._tag === "AskError" && !hasState ? askedFor(command, error.reason) : Effect.fail(error)
          ))
      })

    return {
      execute: (command) =>
        Effect.suspend(() => {
          if (command.spec.connectionUse(command.args) !== undefined) hasState = true
          return Effect.retry(attempt(command), {
            while: (error) => isRepeatable(command, error),
            schedule: untilTopologySettles
          })
        }),
      close: Effect.suspend(() => Scope.close(scope, Exit.void))
    }
  })
