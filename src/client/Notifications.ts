/**
 * What servers tell of themselves, as streams: keyspace notifications and MONITOR.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import { Server } from "../commands/Server.ts"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import * as Keyspace from "../pubsub/Keyspace.ts"
import * as Monitor from "../pubsub/Monitor.ts"
import * as Subscription from "../pubsub/Subscription.ts"
import type { Gap, Message, Subscribed } from "../pubsub/SubscriptionEvent.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Router } from "../routing/Router.ts"
import type { Topology } from "../topology/Topology.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface NotificationMembers {
  /**
   * What happens to keys, as the servers tell it: a stream over all primaries that follows the topology. Fails with an
   * `OptionsError` that says what to set when `notify-keyspace-events` does not cover it, unless `configure` is set.
   *
   * **Example** (Sessions that have expired)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * // Runs until it is interrupted.
   * const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.keyspaceNotifications({ prefix: "session:", events: ["expired", "del"], configure: true }).pipe(
   *     Stream.runForEach(({ event, key }) => Effect.log(key, event))
   *   )
   * })
   * ```
   */
  readonly keyspaceNotifications: (
    options?: Keyspace.KeyspaceOptions
  ) => Stream.Stream<Keyspace.KeyspaceEvent, RedisClusterException>
  /** The same with events: when it is live, and where notifications may have been lost. */
  readonly keyspaceEvents: (
    options?: Keyspace.KeyspaceOptions
  ) => Stream.Stream<Keyspace.KeyspaceEvent | Subscribed | Gap, RedisClusterException>
  /**
   * Every command that a node executes, as MONITOR shows it; it slows the node down. Fails with `ConnectionError` when the
   * connection is lost: nobody could say what was missed.
   */
  readonly monitor: (
    node: Endpoint,
    options?: Monitor.MonitorOptions
  ) => Stream.Stream<Monitor.MonitoredCommand, RedisClusterException>
}

const setting = "notify-keyspace-events"

const notTold = (node: ClusterNode, flags: string, lacking: string): RedisClusterException =>
  Subscription.invalid(
    `${node.address} does not tell these events: ${setting} is "${flags}" and lacks "${lacking}"; ` +
      `run CONFIG SET ${setting} "${flags}${lacking}" on every node, or set configure: true`
  )

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  pubSub: ClusterPubSub["Service"],
  router: Router["Service"],
  topology: Topology["Service"]
): NotificationMembers => {
  /** Checks the setting of one node, or completes it. A node that does not let itself be asked is taken at its word. */
  const prepare = Effect.fnUntraced(
    function*(
      node: ClusterNode,
      plan: Keyspace.KeyspacePlan,
      options: Keyspace.KeyspaceOptions
    ): Effect.fn.Return<void, RedisClusterException> {
      const answer = yield* Effect.result(router.onNode(Server.configGet([setting]), node))
      if (Result.isFailure(answer)) return
      const flags = answer.success[setting] ?? ""
      const lacking = Keyspace.missing(flags, plan, options.events)
      if (lacking === "") return
      if (options.configure !== true) return yield* Effect.fail(notTold(node, flags, lacking))
      yield* router.onNode(Server.configSet({ [setting]: flags + lacking }), node)
    }
  )

  /** One at a time: what one reads of a setting, adds to it and writes must not be written over by another. */
  const turns = Semaphore.makeUnsafe(1)

  const prepareAll = (plan: Keyspace.KeyspacePlan, options: Keyspace.KeyspaceOptions) =>
    Effect.suspend(() =>
      Effect.forEach(topology.current().nodes.values(), (node) => prepare(node, plan, options), {
        concurrency: 16,
        discard: true
      })
    ).pipe(turns.withPermit)

  const open = Effect.fnUntraced(
    function*(
      options: Keyspace.KeyspaceOptions,
      keepsNotices: boolean
    ): Effect.fn.Return<
      { readonly plan: Keyspace.KeyspacePlan; readonly subscription: Subscription.Subscription },
      RedisClusterException,
      Scope.Scope
    > {
      const plan = Keyspace.plan(options)
      if (typeof plan === "string") return yield* Effect.fail(Subscription.invalid(plan))
      yield* prepareAll(plan, options)
      if (options.configure === true) {
        // Nodes that join later have settings of their own.
        const again = Stream.runForEach(topology.changes, () => Effect.ignore(prepareAll(plan, options)))
        yield* Effect.forkScoped(again)
      }
      const subscription = yield* Subscription.openEverywhere(pubSub, plan.kind, plan.names, options, keepsNotices)
      return { plan, subscription }
    }
  )

  return {
    keyspaceNotifications: (options = {}) =>
      Stream.unwrap(
        Effect.map(open(options, false), ({ plan, subscription }) =>
          chosen(subscription.messages, (message) => Keyspace.read(message, plan)))
      ),
    keyspaceEvents: (options = {}) =>
      Stream.unwrap(
        Effect.map(open(options, true), ({ plan, subscription }) =>
          chosen(subscription.events, (event) =>
            event._tag === "Message" ? Keyspace.read(event, plan) : event))
      ),
    monitor: (node, options = {}) =>
      Stream.unwrap(
        Effect.map(Subscription.openMonitor(pubSub, node, options), (messages) =>
          chosen(messages, (message: Message) => Monitor.read(message)))
      )
  }
}

/** What `f` makes of the elements, without those of which it makes nothing. */
const chosen = <A, B>(
  stream: Stream.Stream<A, RedisClusterException>,
  f: (value: A) => B | undefined
): Stream.Stream<B, RedisClusterException> =>
  stream.pipe(Stream.map(f), Stream.filter((value): value is B & {} => value !== undefined))
