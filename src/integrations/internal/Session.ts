/**
 * The session behind Effect's `Redis.reserve`: dedicated connections to the nodes that its commands need.
 *
 * A command with a key goes to the node of the key; a command without keys goes to the node of the last command.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { DedicatedClient } from "../../client/Dedicated.ts"
import { addressOf, type Endpoint, endpointOf } from "../../cluster/Endpoint.ts"
import type { ClusterClientShape } from "../../ClusterClient.ts"
import type * as Command from "../../commands/Command.ts"
import type { Argument, Reply } from "../../protocol/Reply.ts"
import type { AskError, Reason, RedisClusterException } from "../../RedisClusterException.ts"
import { mayPass } from "../../routing/request/Recovery.ts"
import { SessionCall } from "./SessionCall.ts"

export interface Session {
  readonly execute: (command: Command.Command<Reply>) => Effect.Effect<Reply, RedisClusterException>
  /** Closes the connections; running commands fail. */
  readonly close: Effect.Effect<void>
}

/** The first key of a command. */
const keyOf = ({ args, spec }: Command.Command<unknown>): Argument | undefined =>
  typeof spec.keys === "number" ? args[spec.keys] : args[spec.keys(args)[0] ?? -1]

const isRedirect = (reason: Reason): boolean => reason._tag === "MovedError" || reason._tag === "AskError"

/** The first and the longest pause between attempts, in milliseconds; each is twice as long as the one before. */
const firstPause = 20
const longestPause = 500

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
    const askedFor = (command: Command.Command<Reply>, call: SessionCall, { address }: AskError) => {
      const importing = at(endpointOf(address))
      const opened = Effect.catchIf(
        importing,
        ({ reason }) => reason._tag === "UnknownNodeError",
        () => Effect.andThen(redis.refreshTopology, importing)
      )
      return Effect.flatMap(call.inTime(opened), (own) => own.executeAsking(call.limited(command)))
    }

    const attempt = (command: Command.Command<Reply>, call: SessionCall): Effect.Effect<Reply, RedisClusterException> =>
      Effect.flatMap(call.inTime(connectionFor(command)), (own) => {
        last = own
        return Effect.catch(own.execute(call.limited(command)), (error) => {
          call.failed(error)
          const asked = error.reason._tag === "AskError" && !hasState
            ? askedFor(command, call, error.reason)
            : Effect.fail(error)
          return Effect.andThen(call.whileInTime(prepare(own, error)), asked)
        })
      })

    /** Makes attempts until one succeeds, its failure is final, or the time of the call is over. */
    const attempts = (
      command: Command.Command<Reply>,
      call: SessionCall,
      pause: number
    ): Effect.Effect<Reply, RedisClusterException> =>
      Effect.catch(attempt(command, call), (error) => {
        call.failed(error)
        // The attempt had all the time that was left.
        if (error.reason._tag === "TimeoutError") return Effect.fail(call.told(error))
        if (!isRepeatable(command, error)) return Effect.fail(error)
        return Effect.andThen(
          call.inTime(Effect.sleep(pause)),
          attempts(command, call, Math.min(2 * pause, longestPause))
        )
      })

    return {
      execute: (command) =>
        Effect.suspend(() => {
          if (command.spec.connectionUse(command.args) !== undefined) hasState = true
          return Effect.clockWith((clock) =>
            attempts(command, new SessionCall(command, redis.timeoutOf(command), clock), firstPause)
          )
        }),
      close: Effect.suspend(() => Scope.close(scope, Exit.void))
    }
  })
