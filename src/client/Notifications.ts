/** Keyspace notifications and MONITOR, as streams. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { Exact } from "../commands/Options.ts"
import { Server } from "../commands/Server.ts"
import { kindOf } from "../protocol/ErrorKind.ts"
import type { ClusterPubSub } from "../pubsub/ClusterPubSub.ts"
import * as Keyspace from "../pubsub/Keyspace.ts"
import * as Monitor from "../pubsub/Monitor.ts"
import type { Gap, Message, Subscribed, SubscriptionEvent } from "../pubsub/SubscriptionEvent.ts"
import * as SubscriptionStreams from "../pubsub/SubscriptionStreams.ts"
import type { Preparation } from "../pubsub/Wish.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import type { Router } from "../routing/Router.ts"

export interface NotificationMembers {
  /**
   * A stream of keyspace notifications: the changes and expiries of keys, from all primaries. It follows the topology.
   *
   * **Details**
   *
   * It fails with an `OptionsError`, which says what to set, when `notify-keyspace-events` of a server does not cover
   * the wanted events and `configure` is not set; with `ReplyError` when a server refuses (`NOPERM`), and otherwise like
   * `subscribe`.
   *
   * **Gotchas**
   *
   * Servers do not keep notifications: those that occur while a connection is lost are missed. `keyspaceEvents` has
   * events for such gaps. `configure: true` changes the setting of the servers, for all of their clients. A server
   * reports that a key has expired when it deletes the key, which may be later than its time.
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
  readonly keyspaceNotifications: <const O extends Keyspace.KeyspaceOptions = {}>(
    options?: Exact<O, Keyspace.KeyspaceOptions>
  ) => Stream.Stream<Keyspace.KeyspaceEvent<Keyspace.KeyOf<O>>, RedisClusterException>
  /**
   * A stream of keyspace notifications like `keyspaceNotifications`, with the events of the subscription: when it is
   * live, and where notifications may have been lost. It fails with the errors of `keyspaceNotifications`, such as `OptionsError`.
   *
   * **Example** (A cache that a gap empties)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * const cached = new Map<string, string>()
   *
   * // Runs until it is interrupted.
   * export const follow = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   yield* redis.keyspaceEvents({ prefix: "user:", configure: true }).pipe(
   *     Stream.runForEach((event) =>
   *       Effect.sync(() => {
   *         if (event._tag === "Gap") cached.clear()
   *         if (event._tag === "KeyspaceEvent") cached.delete(event.key)
   *       })
   *     )
   *   )
   * })
   * ```
   */
  readonly keyspaceEvents: <const O extends Keyspace.KeyspaceOptions = {}>(
    options?: Exact<O, Keyspace.KeyspaceOptions>
  ) => Stream.Stream<Keyspace.KeyspaceEvent<Keyspace.KeyOf<O>> | Subscribed | Gap, RedisClusterException>
  /**
   * A stream of every command that a node executes, as MONITOR shows it.
   *
   * **Details**
   *
   * It fails with `ConnectionError` when the connection is lost, because nobody could say what was missed; with
   * `UnknownNodeError` for an endpoint that is no node of the cluster, and with `OptionsError` for options that cannot be
   * used.
   *
   * **Gotchas**
   *
   * MONITOR slows the node down, and shows the arguments of all clients: it is for diagnosis.
   *
   * **Example** (The names of the next commands)
   *
   * ```ts
   * import { Effect, Stream } from "effect"
   * import { ClusterClient } from "effect-redis-cluster"
   *
   * // Runs until it is interrupted.
   * export const names = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   return yield* redis.monitor({ host: "127.0.0.1", port: 7000 }).pipe(
   *     Stream.map(({ command: [name] }) => name),
   *     Stream.take(100),
   *     Stream.runCollect
   *   )
   * })
   * ```
   */
  readonly monitor: (
    node: Endpoint,
    options?: Monitor.MonitorOptions
  ) => Stream.Stream<Monitor.MonitoredCommand, RedisClusterException>
}

const setting = "notify-keyspace-events"

const notTold = (node: ClusterNode, flags: string, lacking: string): RedisClusterException =>
  SubscriptionStreams.invalid(
    `${node.address} does not tell these events: ${setting} is "${flags}" and lacks "${lacking}"; ` +
      `run CONFIG SET ${setting} "${flags}${lacking}" on every node, or set configure: true`
  )

/** Whether the user may not run CONFIG, or the server has no such command: managed services do either. */
const mayNotAsk = ({ reason }: RedisClusterException): boolean => {
  if (reason._tag !== "ReplyError") return false
  const kind = kindOf(reason)
  return kind === "noPermission" || kind === "unknownCommand"
}

/**
 * Sets `notify-keyspace-events` on primaries before they are subscribed to. A server that is restarted has forgotten
 * the setting, and has lost its subscribers, so that each new connection for subscriptions begins here. The gap of the
 * subscription lasts until the setting is there.
 */
class Settings {
  private readonly router: Router["Service"]
  /**
   * One turn at a time for each node: two fibers that read, extend and write the setting must not overwrite each
   * other.
   */
  private readonly turns = new Map<string, Semaphore.Semaphore>()

  constructor(router: Router["Service"]) {
    this.router = router
  }

  preparation(plan: Keyspace.KeyspacePlan, configure: boolean): Preparation {
    return {
      key: [configure ? "configure" : "check", plan.letter, ...plan.classes ?? ["any"]].join(""),
      run: (node) => this.turnOf(node).withPermit(this.prepare(node, plan, configure))
    }
  }

  /** Checks the setting of one node, or completes it. When the setting of a node cannot be read, it counts as right. */
  private readonly prepare = Effect.fnUntraced({ self: this }, function*(
    node: ClusterNode,
    plan: Keyspace.KeyspacePlan,
    configure: boolean
  ): Effect.fn.Return<void, RedisClusterException> {
    const answer = yield* Effect.result(this.router.onNode(Server.configGet([setting]), node))
    if (Result.isFailure(answer)) return mayNotAsk(answer.failure) ? undefined : yield* Effect.fail(answer.failure)
    const flags = answer.success[setting] ?? ""
    const lacking = Keyspace.missing(flags, plan)
    if (lacking === "") return
    if (!configure) return yield* Effect.fail(notTold(node, flags, lacking))
    yield* this.router.onNode(Server.configSet({ [setting]: flags + lacking }), node)
  })

  private turnOf({ address }: ClusterNode): Semaphore.Semaphore {
    let turn = this.turns.get(address)
    if (turn === undefined) {
      turn = Semaphore.makeUnsafe(1)
      this.turns.set(address, turn)
    }
    return turn
  }
}

type AnyEvent = Keyspace.KeyspaceEvent<string | Uint8Array> | Subscribed | Gap

export const make = (pubSub: ClusterPubSub["Service"], router: Router["Service"]): NotificationMembers => {
  const settings = new Settings(router)

  const open = <P>(options: Keyspace.KeyspaceOptions, keepsNotices: boolean, payload: "text" | "bytes") =>
    Effect.suspend((): Effect.Effect<
      { readonly plan: Keyspace.KeyspacePlan; readonly source: SubscriptionStreams.Source<SubscriptionEvent<P>> },
      RedisClusterException,
      Scope.Scope
    > => {
      const plan = Keyspace.plan(options)
      if (typeof plan === "string") return Effect.fail(SubscriptionStreams.invalid(plan))
      const { bufferSize, strategy } = options
      const opened = SubscriptionStreams.open<SubscriptionEvent<P>>(
        pubSub,
        plan.channels,
        { bufferSize, strategy, payload },
        { placement: "everyPrimary", keepsNotices, preparation: settings.preparation(plan, options.configure === true) }
      )
      return Effect.map(opened, ({ source }) => ({ plan, source }))
    })

  const textEvents = (
    options: Keyspace.KeyspaceOptions,
    keepsNotices: boolean
  ): Stream.Stream<AnyEvent, RedisClusterException> =>
    Stream.unwrap(
      Effect.map(open<string>(options, keepsNotices, "text"), ({ plan, source }) =>
        chosen(SubscriptionStreams.streamOf(source), (event) =>
          event._tag === "Message" ? Keyspace.read(event, plan) : event))
    )

  const byteEvents = (
    options: Keyspace.KeyspaceOptions,
    keepsNotices: boolean
  ): Stream.Stream<AnyEvent, RedisClusterException> =>
    Stream.unwrap(
      Effect.map(open<Uint8Array>(options, keepsNotices, "bytes"), ({ plan, source }) =>
        chosen(SubscriptionStreams.streamOf(source), (event) =>
          event._tag === "Message" ? Keyspace.readBytes(event, plan) : event))
    )

  const events = (keepsNotices: boolean) => (options: Keyspace.KeyspaceOptions = {}) =>
    options?.keys === "bytes" ? byteEvents(options, keepsNotices) : textEvents(options, keepsNotices)

  return {
    // The types of the options decide the type of the keys.
    keyspaceNotifications: events(false) as NotificationMembers["keyspaceNotifications"],
    keyspaceEvents: events(true) as NotificationMembers["keyspaceEvents"],
    monitor: (node, options = {}) =>
      Stream.unwrap(
        Effect.map(SubscriptionStreams.openMonitor(pubSub, node, options), (messages) =>
          chosen(messages, (message: Message) => Monitor.read(message)))
      )
  }
}

/** The results of `f` for the elements, without `undefined`. */
const chosen = <A, B>(
  stream: Stream.Stream<A, RedisClusterException>,
  f: (value: A) => B | undefined
): Stream.Stream<B, RedisClusterException> =>
  stream.pipe(Stream.map(f), Stream.filter((value): value is B & {} => value !== undefined))
