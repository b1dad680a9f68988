/**
 * One command on many nodes.
 *
 * The parts of a fan-out over primaries are bound to the shards: they follow a failover to the new primary. Those for
 * replicas are bound to the nodes; when one leaves the cluster meanwhile, those that are new take its place.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Command } from "../../commands/Command.ts"
import { NoTargetError, type RedisClusterException } from "../../RedisClusterException.ts"
import type { Topology } from "../../topology/Topology.ts"
import { collectOutcomes } from "../batches/Collect.ts"
import { keyless } from "../CommandSlot.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import type { Binding } from "../request/Recovery.ts"
import { type Leg, Request } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import type { NodeReply } from "./Aggregation.ts"
import * as Target from "./Target.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface FanOut {
  /** On the nodes that the policy of the command names. */
  readonly byPolicy: (command: Command<unknown>) => Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException>
  /** On the nodes of a target. */
  readonly byTarget: (
    command: Command<unknown>,
    target: Target.Target
  ) => Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException>
}

const noNodes = new NoTargetError({ message: "the topology has no nodes", outcome: "NotExecuted" })

const hasLeft = ({ outcome }: NodeReply): boolean =>
  Result.isFailure(outcome) && outcome.failure.reason._tag === "UnknownNodeError"

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (dispatcher: Dispatcher, topology: Topology["Service"]): FanOut => {
  const { statistics } = dispatcher

  const shardLegs = (): ReadonlyArray<Leg> => {
    const snapshot = topology.current()
    return snapshot.shards.map((shard) => ({
      node: shard.primary,
      slot: snapshot.slots.indexOf(shard),
      binding: "shard"
    }))
  }

  const nodeLegs = (nodes: ReadonlyArray<ClusterNode>, binding: Binding): ReadonlyArray<Leg> =>
    nodes.map((node) => ({ node, slot: keyless, binding }))

  const run = (given: Command<unknown>, legs: ReadonlyArray<Leg>): Effect.Effect<ReadonlyArray<NodeReply>> =>
    Effect.suspend(() => {
      const command = dispatcher.region.settle(given)
      const deadline = dispatcher.deadlineOf(command)
      const requests: Array<Request> = []
      const outcomes = collectOutcomes(legs.length, (collector) => {
        legs.forEach((leg, i) => {
          const request = Request.leg(dispatcher, command, leg, deadline, collector, i)
          Tracing.join(request)
          requests.push(request)
        })
        for (const request of requests) dispatcher.dispatch(request)
        return requests
      })
      return Effect.map(outcomes, (all) => all.map((outcome, i) => ({ node: answered(requests[i], legs[i]), outcome })))
    })

  /** After a failover it was not the node that had been asked first. */
  const answered = (request: Request, leg: Leg): ClusterNode =>
    topology.current().nodes.get(request.connection?.address ?? "") ?? leg.node

  /** A shard may have been given to another one's primary meanwhile: a node counts once. */
  const onShards = (
    command: Command<unknown>,
    more: ReadonlyArray<Leg>
  ): Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException> =>
    Effect.suspend(() => {
      const shards = shardLegs()
      if (shards.length === 0) return statistics.refuse(noNodes)
      return Effect.map(
        run(command, [...shards, ...more]),
        (replies) => replies.filter(({ node }, i) => replies.findIndex((other) => other.node === node) === i)
      )
    })

  const byFlag = (
    command: Command<unknown>,
    flag: Target.TargetFlag,
    asked: ReadonlySet<string>
  ): Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException> =>
    Effect.suspend(() => {
      const resolved = Target.resolve(flag, topology.current(), topology.defaultNode())
      if (Result.isFailure(resolved)) return statistics.refuse(resolved.failure)
      const nodes = resolved.success.filter((node) => !asked.has(node.address))
      return Effect.flatMap(run(command, nodeLegs(nodes, "node")), (replies) => {
        const stayed = replies.filter((reply) => !hasLeft(reply))
        if (stayed.length === replies.length) return Effect.succeed(replies)
        const askedNow = new Set([...asked, ...nodes.map((node) => node.address)])
        return Effect.map(byFlag(command, flag, askedNow), (others) => [...stayed, ...others])
      })
    })

  const observed = <A, E>(command: Command<unknown>, self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Tracing.observed(self, () => Tracing.commandCall(command, keyless))

  return {
    byPolicy: (command) =>
      observed(
        command,
        Effect.suspend(() => {
          const replicas = command.spec.request === "allNodes" ? nodeLegs(topology.current().replicas, "node") : []
          return Effect.map(onShards(command, replicas), (replies) => replies.filter((one) => !hasLeft(one)))
        })
      ),
    byTarget: (command, target) =>
      observed(
        command,
        Effect.suspend(() => {
          if (target === "primaries") return onShards(command, [])
          if (Target.isFlag(target)) return byFlag(command, target, new Set())
          const nodes = Target.resolve(target, topology.current(), undefined)
          return Result.isSuccess(nodes)
            ? run(command, nodeLegs(nodes.success, "explicit"))
            : statistics.refuse(nodes.failure)
        })
      )
  }
}
