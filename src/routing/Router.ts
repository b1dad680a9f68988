/**
 * Takes a command to the node that can execute it, and through whatever the cluster does meanwhile.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Command, DecodeFailure } from "../commands/Command.ts"
import { Connections } from "../connection/Connections.ts"
import type { Endpoint } from "../connection/Endpoint.ts"
import {
  exception,
  NoTargetError,
  OptionsError,
  type Reason,
  type RedisClusterException
} from "../RedisClusterException.ts"
import type { ClusterNode } from "../topology/ClusterNode.ts"
import { Topology } from "../topology/Topology.ts"
import { aggregate, type NodeReply } from "./Aggregation.ts"
import { keyless, slotOf } from "./CommandSlot.ts"
import * as Failures from "./Failures.ts"
import * as Recovery from "./Recovery.ts"
import { type Collector, Request, type RequestOwner } from "./Request.ts"
import * as Target from "./Target.ts"
import { WaitingRoom } from "./WaitingRoom.ts"

/**
 * How each of several commands ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcomes = ReadonlyArray<Result.Result<unknown, RedisClusterException>>

/**
 * @category services
 * @since 0.1.0
 */
export class Router extends Context.Service<Router, {
  /** Runs a command where its keys, or the policies of its spec, say. */
  readonly execute: <A>(command: Command<A>) => Effect.Effect<A, RedisClusterException>
  /** Runs a command on every node of a target. */
  readonly executeOn: <A>(
    command: Command<A>,
    target: Target.Target
  ) => Effect.Effect<ReadonlyMap<ClusterNode, A>, RedisClusterException>
  /** Runs a command on one node, without cluster handling: what the node answers is the result. */
  readonly executeAt: <A>(command: Command<A>, node: Endpoint) => Effect.Effect<A, RedisClusterException>
  /** Runs commands side by side, written per node before any is awaited; how each ended, in their order. */
  readonly executeAll: (commands: ReadonlyArray<Command<unknown>>) => Effect.Effect<Outcomes>
}>()("effect-redis-cluster/routing/Router") {}

/** Gathers the ends of several requests and resumes once. */
class Gathering implements Collector {
  readonly outcomes: Array<Result.Result<unknown, RedisClusterException>>
  private remaining: number
  private readonly done: (outcomes: Outcomes) => void

  constructor(count: number, done: (outcomes: Outcomes) => void) {
    this.outcomes = new Array<Result.Result<unknown, RedisClusterException>>(count)
    this.remaining = count
    this.done = done
  }

  succeeded(request: Request, value: unknown): void {
    this.settle(request.index, Result.succeed(value))
  }

  failed(request: Request, error: RedisClusterException): void {
    this.settle(request.index, Result.fail(error))
  }

  settle(index: number, outcome: Result.Result<unknown, RedisClusterException>): void {
    this.outcomes[index] = outcome
    if (--this.remaining === 0) this.done(this.outcomes)
  }
}

/** A command on one node of a fan-out: bound to the node, or to the shard by one of its slots. */
interface Leg {
  readonly node: ClusterNode
  readonly slot: number
}

const failWith = (reason: Reason): Effect.Effect<never, RedisClusterException> =>
  Effect.fail(exception(() => reason))

const invalidReason = (command: Command<unknown>, message: string): Reason =>
  new OptionsError({ message, outcome: "NotExecuted", command: command.spec.name })

const needsNode = (command: Command<unknown>): Reason =>
  new NoTargetError({
    message: `${command.spec.name} concerns one node; name it: redis.on(node) or redis.node(node)`,
    outcome: "NotExecuted",
    command: command.spec.name
  })

const fansOut = (command: Command<unknown>): Reason =>
  new NoTargetError({
    message: `${command.spec.name} runs on several nodes and cannot be part of a batch; run it on its own`,
    outcome: "NotExecuted",
    command: command.spec.name
  })

/** Why a command cannot be one of a batch. */
const refusal = (command: Command<unknown>, slot: number | Reason): Reason | undefined => {
  if (command.settings.invalid !== undefined) return invalidReason(command, command.settings.invalid)
  if (typeof slot !== "number") return slot
  return slot === keyless && command.spec.request !== "default" ? fansOut(command) : undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: ResolvedOptions) {
  const connections = yield* Connections
  const topology = yield* Topology
  const clock = yield* Clock.Clock
  const runFork = yield* FiberSet.makeRuntime<never>()
  let isClosed = false

  const deadlineOf = (command: Command<unknown>): number =>
    clock.currentTimeMillisUnsafe() + timeoutOf(command)

  const timeoutOf = (command: Command<unknown>): number => command.settings.timeout ?? options.commandTimeout

  /** Sends a request to the node it belongs to at this moment. */
  const dispatch = (request: Request): void => {
    request.asking = false
    if (request.pinned !== undefined) return sendTo(request, request.pinned)
    const snapshot = topology.current()
    const shard = request.slot === keyless ? undefined : snapshot.slots[request.slot]
    const node = request.slot === keyless ? topology.defaultNode() : shard?.primary
    if (node === undefined) return owner.failed(request, { _tag: "NotCovered", slot: request.slot })
    sendTo(request, node)
  }

  const sendTo = (request: Request, node: Endpoint): void => {
    const connection = connections.get(node)
    request.connection = connection
    request.attempts++
    connection.send(request)
  }

  const recover = (request: Request, failure: Recovery.Failure): void => {
    const via = request.connection?.endpoint ?? options.seeds[0]
    const decision = Recovery.decide(failure, {
      repeatable: request.command.spec.readonly || request.command.settings.idempotent,
      explicit: request.explicit,
      redirects: request.redirects,
      maxRedirects: options.maxRedirects,
      via,
      mapAddress: options.mapAddress
    })
    if (failure._tag === "Lost" && failure.written && decision._tag !== "Return") request.maybeExecuted = true
    switch (decision._tag) {
      case "Return":
        return request.fail(Failures.fromFailure(request, failure))
      case "GiveUp":
        return request.fail(Failures.tooManyRedirections(request))
      case "RetryAt":
        request.redirects++
        request.asking = decision.asking
        if (decision.moved !== undefined) topology.moved(decision.moved, decision.endpoint)
        return sendTo(request, decision.endpoint)
      case "RetryAfter":
        if (decision.refresh) topology.requestRefresh()
        // The budget is against going in circles without a pause. Keys of a multi-key command that are new while their
        // slot migrates mean ASK and TRYAGAIN in turn for as long as that takes; there the deadline is the bound.
        request.redirects = 0
        return retryLater(request, failure)
    }
  }

  /** Lets the retry schedule say how long to wait; when it says no more, the failure is final. */
  const retryLater = (request: Request, failure: Recovery.Failure): void => {
    const error = Failures.fromFailure(request, failure)
    const step = Effect.suspend(() => request.nextDelay === undefined ? startSchedule(request) : Effect.succeed(request.nextDelay))
    runFork(Effect.flatMap(step, (nextDelay) => nextDelay(error)).pipe(
      Effect.map((delay) => {
        if (request.settled) return
        if (isClosed || delay === undefined) request.fail(error)
        else waitingRoom.add(request, clock.currentTimeMillisUnsafe() + delay)
      }),
      Effect.onExit((exit) => Effect.sync(() => {
        // A schedule that dies, or the end of the client: the caller must not wait for ever.
        if (Exit.isFailure(exit)) request.fail(isClosed ? Failures.closed(request) : error)
      })),
      Effect.ignoreCause
    ))
  }

  const startSchedule = (request: Request) =>
    Effect.map(Schedule.toStep(options.retrySchedule), (step) => {
      request.nextDelay = (error) =>
        Effect.matchCauseEffect(step(clock.currentTimeMillisUnsafe(), error), {
          onSuccess: ([, delay]) => Effect.succeed(Duration.toMillis(delay)),
          onFailure: () => Effect.succeed(undefined)
        })
      return request.nextDelay
    })

  const owner: RequestOwner = {
    failed: (request, failure) => {
      if (request.settled) return
      if (isClosed) return request.fail(Failures.fromFailure(request, failure))
      request.lastFailure = failure
      request.remember(Failures.summary(failure))
      recover(request, failure)
    },
    expired: (request, written) => request.fail(Failures.timedOut(request, timeoutOf(request.command), written)),
    undecodable: (request, failure: DecodeFailure) => request.fail(Failures.undecodable(request, failure)),
    cancelled: (request) => waitingRoom.remove(request)
  }

  const waitingRoom = new WaitingRoom(clock, runFork, dispatch, (request) => {
    const failure = request.lastFailure
    request.fail(
      failure === undefined
        ? Failures.timedOut(request, timeoutOf(request.command), false)
        : Failures.fromFailure(request, failure)
    )
  })
  const stopListening = topology.onChange(() => waitingRoom.wake())
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      stopListening()
      for (const request of waitingRoom.close()) request.fail(Failures.closed(request))
    })
  )

  /** One command, one suspension: the path that everything else is measured by. */
  const single = <A>(
    command: Command<A>,
    slot: number,
    pinned: ClusterNode | undefined
  ): Effect.Effect<A, RedisClusterException> =>
    Effect.callback<A, RedisClusterException>((resume) => {
      const request = new Request(
        command,
        owner,
        slot,
        deadlineOf(command),
        pinned,
        pinned !== undefined,
        resume as Request["resume"],
        undefined,
        0
      )
      dispatch(request)
      return request
    })

  const execute = <A>(command: Command<A>): Effect.Effect<A, RedisClusterException> => {
    if (command.settings.invalid !== undefined) return failWith(invalidReason(command, command.settings.invalid))
    const slot = slotOf(command)
    if (typeof slot !== "number") return failWith(slot)
    const request = command.spec.request
    if (slot !== keyless || request === "default") return single(command, slot, undefined)
    if (request === "explicit") return failWith(needsNode(command))
    return Effect.flatMap(
      fanOut(command),
      (replies) => Effect.fromResult(aggregate(command, replies)) as Effect.Effect<A, RedisClusterException>
    )
  }

  /** Starts many requests at once; the fiber is suspended a single time for all of them. */
  const together = (count: number, start: (gathering: Gathering) => ReadonlyArray<Request>): Effect.Effect<Outcomes> =>
    count === 0 ? Effect.succeed([]) : Effect.callback<Outcomes>((resume) => {
      const requests = start(new Gathering(count, (outcomes) => resume(Effect.succeed(outcomes))))
      return Effect.sync(() => {
        for (const request of requests) request.cancel()
      })
    })

  const legsOf = (command: Command<unknown>): ReadonlyArray<Leg> => {
    const snapshot = topology.current()
    const legs: Array<Leg> = snapshot.shards.map((shard) => ({
      node: shard.primary,
      slot: snapshot.slots.indexOf(shard)
    }))
    if (command.spec.request === "allNodes") {
      for (const node of snapshot.replicas) legs.push({ node, slot: keyless })
    }
    return legs
  }

  /** Legs that are bound to a slot follow the shard through a failover; those bound to a replica do not. */
  const runLegs = (
    command: Command<unknown>,
    legs: ReadonlyArray<Leg>,
    explicit: boolean
  ): Effect.Effect<ReadonlyArray<NodeReply>> =>
    Effect.suspend(() => {
      const deadline = deadlineOf(command)
      const answeredBy: Array<Request> = []
      return Effect.map(
        together(legs.length, (gathering) => {
          for (let i = 0; i < legs.length; i++) {
            const { node, slot } = legs[i]
            const bound = slot === keyless || explicit
            const request = new Request(
              command,
              owner,
              slot,
              deadline,
              bound ? node : undefined,
              bound,
              undefined,
              gathering,
              i
            )
            answeredBy.push(request)
          }
          for (const request of answeredBy) dispatch(request)
          return answeredBy
        }),
        (outcomes) =>
          outcomes.map((outcome, i) => ({
            node: topology.current().nodes.get(answeredBy[i].connection?.address ?? "") ?? legs[i].node,
            outcome
          }))
      )
    })

  const fanOut = (command: Command<unknown>): Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException> =>
    Effect.suspend(() => {
      const legs = legsOf(command)
      return legs.length === 0
        ? failWith(new NoTargetError({ message: "the topology has no nodes", outcome: "NotExecuted" }))
        : runLegs(command, legs, false)
    })

  const perNode = <A>(replies: ReadonlyArray<NodeReply>, command: Command<A>) =>
    Effect.map(
      Effect.fromResult(aggregate(command, replies, "perNode")),
      (value) => value as ReadonlyMap<ClusterNode, A>
    )

  const checked = <A, B>(
    command: Command<A>,
    run: Effect.Effect<B, RedisClusterException>
  ): Effect.Effect<B, RedisClusterException> =>
    command.settings.invalid === undefined ? run : failWith(invalidReason(command, command.settings.invalid))

  return Router.of({
    execute,
    executeOn: (command, target) =>
      checked(
        command,
        Effect.suspend(() => {
          const snapshot = topology.current()
          const nodes = Target.resolve(target, snapshot, topology.defaultNode())
          if (Result.isFailure(nodes)) return failWith(nodes.failure)
          const followsRole = target === "primaries"
          const legs = nodes.success.map((node): Leg => ({
            node,
            slot: followsRole ? snapshot.slots.findIndex((shard) => shard?.primary === node) : keyless
          }))
          return Effect.flatMap(runLegs(command, legs, !followsRole), (replies) => perNode(replies, command))
        })
      ),
    executeAt: (command, endpoint) =>
      checked(
        command,
        Effect.suspend(() => {
          const nodes = Target.resolve(endpoint, topology.current(), undefined)
          if (Result.isFailure(nodes)) return failWith(nodes.failure)
          return single(command, keyless, nodes.success[0])
        })
      ),
    executeAll: (commands) =>
      together(commands.length, (gathering) => {
        const requests: Array<Request> = []
        const now = clock.currentTimeMillisUnsafe()
        for (let i = 0; i < commands.length; i++) {
          const command = commands[i]
          const slot = slotOf(command)
          const refused = refusal(command, slot)
          if (refused !== undefined || typeof slot !== "number") {
            gathering.settle(i, Result.fail(exception(() => refused ?? fansOut(command))))
            continue
          }
          const deadline = now + timeoutOf(command)
          requests.push(new Request(command, owner, slot, deadline, undefined, false, undefined, gathering, i))
        }
        for (const request of requests) dispatch(request)
        return requests
      })
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: ResolvedOptions): Layer.Layer<Router, never, Connections | Topology> =>
  Layer.effect(Router, make(options))
