/**
 * The nodes to ask for the topology, the best first: the node that a redirect has named, healthy nodes, nodes that may be in
 * trouble, and the startup nodes.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { Connections } from "../connection/Connections.ts"
import { isRedisClusterException } from "../RedisClusterException.ts"
import { type Inquiry, type Refusal, refusal, type Wish } from "./Inquiry.ts"
import type { Snapshot } from "./Snapshot.ts"
import type { Source } from "./Survey.ts"

/** The number of healthy nodes, and that of nodes that may be in trouble, that are asked before the startup nodes. */
const mostNodes = 5
/** With so many healthy nodes, none of them is asked too often. */
const enoughHealthy = 10
/**
 * After so many fruitless refreshes while commands fail, a startup node may know more than the nodes that were asked.
 */
const fruitlessUntilSeed = 3
/** The chance that a startup node is asked first then, so that not all clients of a cluster ask it at once. */
const seedChance = 1 / 6

/** The state of the client that decides which nodes are asked. */
export interface Situation {
  readonly snapshot: Snapshot
  /** The address that a redirect has named last. */
  readonly claimant: string | undefined
  /** The number of refreshes in a row that brought nothing new. */
  readonly fruitless: number
  /** Addresses whose connection failed and has not come up since. */
  readonly down: ReadonlySet<string>
}

export class Sources {
  private readonly inquiry: Inquiry
  private readonly connections: Connections["Service"]
  private readonly options: ResolvedOptions
  private readonly random: () => number

  constructor(
    inquiry: Inquiry,
    connections: Connections["Service"],
    options: ResolvedOptions,
    random: () => number
  ) {
    this.inquiry = inquiry
    this.connections = connections
    this.options = options
    this.random = random
  }

  /** The known nodes in the order in which they are asked; in trouble, now and then a startup node is the first. */
  readonly known = Effect.fnUntraced(function*(this: Sources, situation: Situation, wish: Wish) {
    const { claimant, fruitless, snapshot } = situation
    const nodes = shuffled([...snapshot.nodes.values()], this.random)
    const named = nodes.filter((node) => node.address === claimant && this.connections.get(node).promising)
    const others = nodes.filter((node) => !named.includes(node))
    const healthy = others.filter((node) => this.isUp(node))
    const idle = others.filter((node) => !healthy.includes(node) && node.health !== "fail")
    const sources = [
      ...named.map((node) => this.ofNode(snapshot, node, wish)),
      ...this.inOrder(snapshot, healthy, idle, wish)
    ]
    if (!wish.troubled || fruitless < fruitlessUntilSeed) return sources
    if (!isAlmostAlone(situation) && this.random() >= seedChance) return sources
    const seeds = yield* Effect.orElseSucceed(findSeeds(this.options), () => [])
    const seed = seeds.at(Math.floor(this.random() * seeds.length))
    return seed === undefined ? sources : [this.seed(seed, wish), ...sources]
  })

  /** The startup nodes. */
  seeds(wish: Wish): Effect.Effect<ReadonlyArray<Source>, Refusal> {
    return Effect.map(findSeeds(this.options), (seeds) => seeds.map((seed) => this.seed(seed, wish)))
  }

  ofNode(snapshot: Snapshot, node: ClusterNode, wish: Wish): Source {
    const isKnown = snapshot.nodes.get(node.address) === node
    return {
      name: node.address,
      ask: isKnown ? this.inquiry.askNode(node, wish) : this.inquiry.askEndpoint(node, wish)
    }
  }

  isUp(node: ClusterNode): boolean {
    return this.connections.all().some(({ address, healthy }) => address === node.address && healthy)
  }

  /**
   * Puts healthy nodes first. In trouble, when few nodes are healthy, other nodes are mixed in, because all clients of
   * the cluster would ask the few.
   */
  private inOrder(
    snapshot: Snapshot,
    healthy: ReadonlyArray<ClusterNode>,
    idle: ReadonlyArray<ClusterNode>,
    wish: Wish
  ): ReadonlyArray<Source> {
    const ofIdle = (node: ClusterNode): Source => ({ name: node.address, ask: this.inquiry.askOnce(node, wish) })
    const ofHealthy = (node: ClusterNode): Source => this.ofNode(snapshot, node, wish)
    const some = (nodes: ReadonlyArray<ClusterNode>) => nodes.slice(0, mostNodes)
    if (!wish.troubled || healthy.length >= enoughHealthy) {
      return [...some(healthy).map(ofHealthy), ...some(idle).map(ofIdle)]
    }
    return shuffled([...healthy.map(ofHealthy), ...idle.map(ofIdle)], this.random).slice(0, 2 * mostNodes)
  }

  private seed(given: Endpoint, wish: Wish): Source {
    const seed = this.options.mapAddress(given)
    const timeout = this.options.connectTimeout
    return { name: `seed ${addressOf(seed)}`, ask: this.inquiry.askEndpoint(seed, { ...wish, timeout }) }
  }
}

/** Whether half of the primaries cannot be reached, so that the map itself may be wrong. */
const isAlmostAlone = ({ down, snapshot: { primaries } }: Situation): boolean =>
  primaries.filter(({ address }) => down.has(address)).length * 2 >= primaries.length

/** The items in random order, in place. */
export const shuffled = <A>(items: Array<A>, random: () => number): ReadonlyArray<A> => {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const item = items[i]
    items[i] = items[j]
    items[j] = item
  }
  return items
}

/** The startup nodes: those of the option, or those that its effect finds within `connectTimeout`. */
const findSeeds = (options: ResolvedOptions): Effect.Effect<ReadonlyArray<Endpoint>, Refusal> => {
  if (options.findSeeds === undefined) return Effect.succeed(options.seeds)
  const refuse = (cause: string): Effect.Effect<never, Refusal> => Effect.fail(refusal("nodes", cause))
  return options.findSeeds.pipe(
    // The error of a program may quote a secret.
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      return refuse(isRedisClusterException(error) ? error.message : "the effect that finds the nodes failed")
    }),
    Effect.timeoutOrElse({
      duration: options.connectTimeout,
      orElse: () => refuse(`the effect that finds the nodes took longer than ${options.connectTimeout} ms`)
    }),
    Effect.flatMap((seeds) =>
      seeds.length === 0 ? refuse("the effect that finds the nodes found none") : Effect.succeed(seeds)
    )
  )
}
