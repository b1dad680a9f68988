/**
 * Sends reads to the nodes of their shard, one after the other, in the order of their policy.
 */
import type { ResolvedOptions } from "../../ClusterOptions.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import type { Shard, Snapshot } from "../../topology/Snapshot.ts"
import type { Hedges } from "../reads/Hedges.ts"
import type { ReadNode } from "../reads/ReadNode.ts"
import type { ReadNodes, ShardReads } from "../reads/ReadNodes.ts"
import type { ReadProbes } from "../reads/ReadProbes.ts"
import type { ReadRoute } from "../reads/ReadRoute.ts"
import * as Failures from "./Failures.ts"
import type { ReadFacts } from "./Recovery.ts"
import type { Request } from "./Request.ts"

export class ReadDispatch {
  private readonly nodes: ReadNodes
  private readonly probes: ReadProbes
  private readonly hedges: Hedges
  private readonly current: () => Snapshot
  private readonly options: ResolvedOptions

  constructor(
    parts: { readonly nodes: ReadNodes; readonly probes: ReadProbes; readonly hedges: Hedges },
    current: () => Snapshot,
    options: ResolvedOptions
  ) {
    this.nodes = parts.nodes
    this.probes = parts.probes
    this.hedges = parts.hedges
    this.current = current
    this.options = options
  }

  /** Sends a read to the first node of its policy. The result is an error when the policy cannot be used. */
  begin(request: Request, route: ReadRoute, shard: Shard): RedisClusterException | undefined {
    const { policy } = route
    const problem = ReadFrom.problemOf(policy, this.options.availabilityZone)
    if (problem !== undefined) return Failures.badPolicy(request, problem)
    this.probes.begin(policy.maxLag)
    const node = this.nodes.begin(shard, route, request.command.spec.name, request.slot)
    if (node === undefined) return Failures.badPolicy(request, Failures.noOrder(policy))
    if (policy.hedge !== undefined) this.hedges.watch(request, route, node, policy.hedge)
    this.send(request, node)
    return undefined
  }

  /**
   * Sends a read to its next node; `false` when there is none. With `doubt` the present node is avoided for a while.
   */
  next(request: Request, doubt: boolean): boolean {
    const { readRoute } = request
    const passing = readRoute?.current
    const next = readRoute?.advance()
    if (passing === undefined || next === undefined) return false
    passing.counters.passedOn++
    if (doubt) passing.doubt()
    this.send(request, next)
    return true
  }

  /** Sends a read to its next node as well, because the present node is silent. */
  rescue(request: Request): boolean {
    return this.hedges.rescue(request)
  }

  /** The facts about the place of a read, for the decision about its failure. */
  factsOf(request: Request): ReadFacts | undefined {
    const node = request.readRoute?.current
    return node === undefined ? undefined : {
      role: node.role,
      primary: this.current().slots[request.slot]?.primary.address ?? "",
      alternatives: request.readRoute?.next !== undefined
    }
  }

  statistics(): ReadonlyArray<ShardReads> {
    return this.nodes.statistics(this.current())
  }

  close(): void {
    this.hedges.close()
  }

  private send(request: Request, node: ReadNode): void {
    node.counters.reads++
    request.sendOver(node.connection, false)
  }
}
