/**
 * One command on many nodes.
 *
 * The parts of a fan-out over primaries are bound to the shards: they follow a failover to the new primary. Parts for
 * other nodes are bound to the nodes. A command for a set of nodes is done when every node of the set has answered.
 * The set is resolved again when the replies have come, because nodes may have joined, or lost their slots.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { ClusterNode } from "../../cluster/ClusterNode.ts"
import type { Command } from "../../commands/Command.ts"
import { NoTargetError, type Reason, type RedisClusterException } from "../../RedisClusterException.ts"
import type { Topology } from "../../topology/Topology.ts"
import { collectOutcomes } from "../batches/Collect.ts"
import { keyless } from "../CommandSlot.ts"
import { invalid } from "../Rejections.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import type { Binding } from "../request/Recovery.ts"
import { type Leg, Request } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import type { NodeReply } from "./Aggregation.ts"
import * as Target from "./Target.ts"

type Replies = Effect.Effect<ReadonlyArray<NodeReply>, RedisClusterException>

const noNodes = new NoTargetError({ message: "the topology has no nodes", outcome: "NotExecuted" })

const hasLeft = ({ outcome }: NodeReply): boolean =>
  Result.isFailure(outcome) && outcome.failure.reason._tag === "UnknownNodeError"

const legTo = (node: ClusterNode, binding: Binding): Leg => ({ node, slot: keyless, binding })

/**
 * The most times that the set of nodes is resolved again: a cluster that changes all the time must not keep a command
 * without end.
 */
const mostRounds = 8

export class FanOut {
  private readonly dispatcher: Dispatcher
  private readonly topology: Topology["Service"]
  private readonly random: () => number

  constructor(dispatcher: Dispatcher, topology: Topology["Service"], random: () => number) {
    this.dispatcher = dispatcher
    this.topology = topology
    this.random = random
  }

  /** Runs a command on the nodes that its policy names. */
  byPolicy(command: Command<unknown>): Replies {
    const legs = command.spec.request === "allNodes" ? this.nodeLegs : this.shardLegs
    return this.observed(command, (settled) => this.onEach(settled, legs))
  }

  /** Runs a command on the nodes of a target. */
  byTarget(command: Command<unknown>, target: Target.Target): Replies {
    return this.observed(command, (settled) => this.onTarget(settled, target))
  }

  /** The nodes that a target means at this moment, or the reason why there is none. */
  nodesOf(target: Target.Target): Result.Result<ReadonlyArray<ClusterNode>, Reason> {
    return Target.resolve(target, this.facts)
  }

  private onTarget(command: Command<unknown>, target: Target.Target): Replies {
    switch (target) {
      case "primaries":
        return this.onEach(command, this.shardLegs)
      case "replicas":
      case "all":
        return this.onEach(command, () => this.resolve(target).map((node) => legTo(node, "node")), target)
      case "random":
      case "default":
        return Effect.suspend(() => this.onOne(command, target, this.dispatcher.deadlineOf(command), 1))
      default:
        return Effect.suspend(() => {
          const nodes = this.nodesOf(target)
          return Result.isSuccess(nodes)
            ? this.run(
              command,
              nodes.success.map((node) => legTo(node, "explicit")),
              this.dispatcher.deadlineOf(command)
            )
            : this.dispatcher.statistics.refuse(nodes.failure)
        })
    }
  }

  private get facts(): Target.Facts {
    const { random, topology } = this
    return { snapshot: topology.current(), defaultNode: topology.defaultNode(), random }
  }

  private resolve(flag: Target.TargetFlag): ReadonlyArray<ClusterNode> {
    return Result.getOrElse(Target.resolve(flag, this.facts), () => [])
  }

  private readonly shardLegs = (): ReadonlyArray<Leg> => {
    const snapshot = this.topology.current()
    return snapshot.shards.map((shard): Leg => ({
      node: shard.primary,
      slot: snapshot.slots.indexOf(shard),
      binding: "shard"
    }))
  }

  /** A part for every node of the cluster; primaries are bound through their shards. */
  private readonly nodeLegs = (): ReadonlyArray<Leg> => {
    const { nodes, primaries } = this.topology.current()
    const others = [...nodes.values()].filter((node) => !primaries.includes(node))
    return [...this.shardLegs(), ...others.map((node) => legTo(node, "node"))]
  }

  /** Runs a command on each node of a set, until each has answered or has left the cluster. */
  private onEach(command: Command<unknown>, legs: () => ReadonlyArray<Leg>, flag?: Target.TargetFlag): Replies {
    return Effect.suspend(() => {
      const first = legs()
      if (first.length === 0) {
        const refused = flag === undefined ? undefined : Target.resolve(flag, this.facts)
        return this.dispatcher.statistics.refuse(
          refused !== undefined && Result.isFailure(refused) ? refused.failure : noNodes
        )
      }
      return this.rounds(command, legs, first)
    })
  }

  private readonly rounds = Effect.fnUntraced(
    function*(this: FanOut, command: Command<unknown>, legs: () => ReadonlyArray<Leg>, first: ReadonlyArray<Leg>) {
      const deadline = this.dispatcher.deadlineOf(command)
      const reached = new Map<string, NodeReply>()
      const gone = new Set<string>()
      let missing = first
      for (let round = 0; missing.length > 0 && round < mostRounds; round++) {
        for (const reply of yield* this.run(command, missing, deadline)) {
          const { address } = reply.node
          // The slots of a shard may have gone to the primary of another shard meanwhile: a node counts once.
          if (hasLeft(reply)) gone.add(address)
          else if (!reached.has(address)) reached.set(address, reply)
        }
        missing = legs().filter(({ node }) => !reached.has(node.address) && !gone.has(node.address))
      }
      return [...reached.values()]
    }
  )

  /** Runs a command on one node, or on another one when that has left the cluster. */
  private onOne(command: Command<unknown>, flag: Target.TargetFlag, deadline: number, round: number): Replies {
    const resolved = Target.resolve(flag, this.facts)
    if (Result.isFailure(resolved)) return this.dispatcher.statistics.refuse(resolved.failure)
    const legs = resolved.success.map((node) => legTo(node, "node"))
    return Effect.flatMap(
      this.run(command, legs, deadline),
      (replies) =>
        replies.some(hasLeft) && round < mostRounds
          ? this.onOne(command, flag, deadline, round + 1)
          : Effect.succeed(replies)
    )
  }

  private run(
    command: Command<unknown>,
    legs: ReadonlyArray<Leg>,
    deadline: number
  ): Effect.Effect<ReadonlyArray<NodeReply>> {
    return Effect.suspend(() => {
      const { dispatcher } = this
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
      return Effect.map(
        outcomes,
        (all) => all.map((outcome, i) => ({ node: this.answered(requests[i], legs[i]), outcome }))
      )
    })
  }

  /** The node that answered a part. After a failover it is another one than the node that was asked first. */
  private answered(request: Request, leg: Leg): ClusterNode {
    return this.topology.current().nodes.get(request.connection?.address ?? "") ?? leg.node
  }

  private observed(command: Command<unknown>, run: (settled: Command<unknown>) => Replies): Replies {
    const self = Effect.suspend(() => {
      const settled = this.dispatcher.region.settle(command)
      const problem = invalid(settled)
      return problem === undefined ? run(settled) : this.dispatcher.statistics.refuse(problem)
    })
    return Tracing.observed(self, () => Tracing.commandCall(command, keyless))
  }
}
