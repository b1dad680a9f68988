/**
 * Open subscriptions that change: names that are added and taken away, and programs that poll.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { collect, heldBy, holders } from "./support.ts"

const shardTags = [0, 1, 2].map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))

const payloads = (got: { readonly values: ReadonlyArray<{ readonly payload: string }> }) =>
  got.values.map(({ payload }) => payload)

/** Runs an effect in the background, up to where it waits. */
const atOnce = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

/**
 * A subscription, two channels of one primary, a channel of another one, and the means to keep the first primary from
 * answering meanwhile.
 */
const subscribedTo = Effect.fnUntraced(function*(channel: string, protocol: 2 | 3) {
  const cluster = yield* RedisCluster
  const redis = yield* connect({ nodes: cluster.seeds, protocol })
  const subscription = yield* redis.subscribeScoped(channel)
  const node = yield* cluster.owner(HashSlot.ofKey(shardTags[0]))
  // The connections that hold subscriptions are there before the primary is silent.
  const warm = shardTags.slice(0, 2).map((tag) => `{${tag}}warm`)
  yield* subscription.subscribe(warm)
  yield* subscription.unsubscribe(warm)
  const whileFrozen = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(cluster.stop(node), () => effect, () => Effect.orDie(cluster.continue(node)))
  return {
    redis,
    subscription,
    channels: [`{${shardTags[0]}}new`, `{${shardTags[0]}}other`],
    elsewhere: `{${shardTags[1]}}new`,
    whileFrozen
  } as const
})

for (const protocol of [3, 2] as const) {
  describe(`An open subscription over RESP${protocol}`, () => {
    layer(RedisCluster.layer({ primaries: 3, replicas: 1 }), { timeout: "30 seconds", excludeTestServices: true })(
      (it) => {
        it.effect("gets the messages of a channel that is added while a stream runs, from the confirmation on", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const redis = yield* connect({ nodes: seeds, protocol })
            const subscription = yield* redis.subscribeScoped("plain")
            const got = yield* collect(subscription)
            yield* subscription.subscribe(["late", "later"])
            assert.deepStrictEqual(yield* subscription.channels, {
              channels: ["plain", "late", "later"],
              patterns: [],
              shardChannels: []
            })
            for (const channel of ["plain", "late", "later"]) yield* redis.publish(channel, channel)
            yield* until("all three messages", () => got.values.length === 3)
            assert.sameMembers(payloads(got), ["plain", "late", "later"])
            yield* subscription.subscribe("late")
            assert.strictEqual(yield* heldBy(redis), 3)
            yield* redis.publish("late", "once")
            yield* redis.publish("plain", "end")
            yield* until("the last message", () => payloads(got).includes("end"))
            yield* until("the added one", () => payloads(got).includes("once"))
            assert.strictEqual(got.values.length, 5)
          }).pipe(Effect.scoped))

        it.effect("gets nothing more of a channel that is taken away, and the servers are told", () =>
          Effect.gen(function*() {
            const cluster = yield* RedisCluster
            const redis = yield* connect({ nodes: cluster.seeds, protocol })
            const subscription = yield* redis.subscribeScoped(["kept", "gone"])
            const other = yield* redis.subscribeScoped("gone")
            const got = yield* collect(subscription)
            yield* subscription.unsubscribe({ channels: ["gone", "never-there"], patterns: "kept" })
            assert.deepStrictEqual((yield* subscription.channels).channels, ["kept"])
            yield* redis.publish("gone", "to the other one")
            assert.strictEqual((yield* Queue.take(other)).payload, "to the other one")
            yield* redis.publish("kept", "end")
            yield* until("the end", () => got.values.length > 0)
            assert.deepStrictEqual(payloads(got), ["end"])
            yield* other.unsubscribe()
            yield* subscription.unsubscribe()
            yield* eventually(
              "that nobody holds them",
              Effect.gen(function*() {
                return (yield* holders(cluster, "kept")).length + (yield* holders(cluster, "gone")).length === 0
              })
            )
            assert.deepStrictEqual((yield* subscription.channels).channels, [])
            assert.deepStrictEqual([...(yield* redis.heldSubscriptions)], [])
            yield* subscription.subscribe("again")
            yield* redis.publish("again", "back")
            yield* until("the message", () => payloads(got).includes("back"))
          }).pipe(Effect.scoped))

        it.effect("takes shard channels of any slot, and patterns", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const redis = yield* connect({ nodes: seeds, protocol })
            const sharded = yield* redis.subscribeScoped({ shardChannels: `{${shardTags[0]}}` })
            yield* sharded.subscribe({ shardChannels: [`{${shardTags[1]}}`, `{${shardTags[2]}}`] })
            for (const tag of shardTags) yield* redis.spublish(`{${tag}}`, tag)
            const got = yield* Stream.runCollect(Stream.take(Stream.fromQueue(sharded), 3))
            assert.sameMembers(got.map(({ payload }) => payload), shardTags)
            const patterns = yield* redis.subscribeScoped({ patterns: "a*" })
            yield* patterns.subscribe({ patterns: "b*" })
            yield* redis.publish("bee", "buzz")
            assert.strictEqual((yield* Queue.take(patterns)).pattern, "b*")
          }).pipe(Effect.scoped))

        it.effect("refuses a name that the server refuses, and goes on", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const admin = yield* connect({ nodes: seeds })
            yield* admin.aclSetuser("listener", [
              "reset",
              "on",
              ">secret",
              "+@all",
              "allchannels",
              "resetchannels",
              "&mine:*"
            ])
            const options = { nodes: seeds, protocol, username: "listener", password: Redacted.make("secret") }
            const redis = yield* connect(options)
            const subscription = yield* redis.subscribeScoped("mine:1")
            const error = yield* Effect.flip(subscription.subscribe(["mine:2", "theirs"]))
            assert.strictEqual(error.reason._tag, "ReplyError")
            assert.deepStrictEqual((yield* subscription.channels).channels, ["mine:1"])
            yield* admin.publish("mine:1", "still here")
            assert.strictEqual((yield* Queue.take(subscription)).payload, "still here")
            const nothing = yield* Effect.flip(subscription.subscribe([]))
            assert.strictEqual(nothing.reason._tag, "OptionsError")
          }).pipe(Effect.scoped))

        it.effect("is not changed for one caller by another one of the same name who is interrupted or fails", () =>
          Effect.gen(function*() {
            const { channels, redis, subscription, whileFrozen } = yield* subscribedTo("base", protocol)
            const [name, other] = channels
            const [, second] = yield* whileFrozen(Effect.gen(function*() {
              const calls = [
                yield* atOnce(subscription.subscribe([name, other])),
                yield* atOnce(subscription.subscribe(name)),
                yield* atOnce(subscription.subscribe([other, name]))
              ] as const
              yield* Fiber.interrupt(calls[0])
              yield* Fiber.interrupt(calls[2])
              return calls
            }))
            yield* Fiber.join(second)
            // A name that only interrupted calls have asked for is gone, whoever was the first to ask.
            assert.deepStrictEqual((yield* subscription.channels).channels, ["base", name])
            yield* redis.publish(name, "to the second")
            assert.strictEqual((yield* Queue.take(subscription)).payload, "to the second")
          }).pipe(Effect.scoped))

        it.effect("keeps a name that a call has got, when the one that asked for it first fails", () =>
          Effect.gen(function*() {
            const { channels, elsewhere, subscription, whileFrozen } = yield* subscribedTo("base", protocol)
            const [frozen] = channels
            yield* whileFrozen(Effect.gen(function*() {
              const first = yield* atOnce(subscription.subscribe([elsewhere, frozen]))
              yield* subscription.subscribe(elsewhere)
              yield* Fiber.interrupt(first)
            }))
            assert.deepStrictEqual((yield* subscription.channels).channels, ["base", elsewhere])
          }).pipe(Effect.scoped))

        it.effect("says of a name that is unsubscribed before it is live that it was, and a later call has it", () =>
          Effect.gen(function*() {
            const { channels, subscription, whileFrozen } = yield* subscribedTo("base", protocol)
            const [name, other] = channels
            const [first, second] = yield* whileFrozen(Effect.gen(function*() {
              const first = yield* atOnce(subscription.subscribe([name, other]))
              yield* subscription.unsubscribe(name)
              return [first, yield* atOnce(subscription.subscribe(name))] as const
            }))
            const error = yield* Effect.flip(Fiber.join(first))
            assert.strictEqual(error.reason._tag, "ClosedError")
            assert.include(error.message, "unsubscribed")
            yield* Fiber.join(second)
            assert.deepStrictEqual((yield* subscription.channels).channels, ["base", name])
          }).pipe(Effect.scoped))

        it.effect("gives every message once to a program that polls, in order, whatever the time limit is", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const redis = yield* connect({ nodes: seeds, protocol })
            const subscription = yield* redis.subscribeScoped(["numbers"], { schema: Schema.FiniteFromString })
            yield* Effect.forkScoped(
              Effect.forEach(
                range(600),
                (i) => Effect.andThen(redis.publish("numbers", i), i % 7 === 0 ? Effect.sleep(1) : Effect.void),
                {
                  discard: true
                }
              )
            )
            const got: Array<number> = []
            let empty = 0
            while (got.at(-1) !== 599) {
              const message = yield* Effect.timeoutOption(Queue.take(subscription), got.length % 3)
              if (Option.isSome(message)) got.push(message.value.payload)
              else empty++
              assert.isBelow(empty, 1_000_000)
            }
            assert.deepStrictEqual(got, range(600))
            assert.isAbove(empty, 0)
          }).pipe(Effect.scoped))

        it.effect("ends with its scope: who takes from it is interrupted, and nothing can be added", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const redis = yield* connect({ nodes: seeds, protocol })
            const scope = yield* Scope.make()
            const subscription = yield* Scope.provide(redis.subscribeScoped("silent"), scope)
            const taking = yield* Effect.forkChild(Queue.take(subscription))
            yield* Scope.close(scope, Exit.void)
            assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(taking)))
            assert.deepStrictEqual(yield* subscription.channels, { channels: [], patterns: [], shardChannels: [] })
            const error = yield* Effect.flip(subscription.subscribe("more"))
            assert.strictEqual(error.reason._tag, "ClosedError")
          }).pipe(Effect.scoped))

        it.effect("has channels, patterns and shard channels in one order, each of which may be added and taken away", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const redis = yield* connect({ nodes: seeds, protocol })
            const name = `{${shardTags[1]}}`
            const subscription = yield* redis.subscribeScoped({ channels: name, patterns: `${name}*` })
            yield* subscription.subscribe({ shardChannels: [name, name] })
            assert.deepStrictEqual(yield* subscription.channels, {
              channels: [name],
              patterns: [`${name}*`],
              shardChannels: [name]
            })
            assert.strictEqual(yield* heldBy(redis), 3)
            const next = Effect.map(
              Queue.take(subscription),
              ({ channel, pattern, payload }) => [channel, pattern, payload]
            )
            yield* redis.spublish(name, "shard")
            assert.deepStrictEqual(yield* next, [name, undefined, "shard"])
            yield* redis.publish(name, "classic")
            assert.sameDeepMembers([yield* next, yield* next], [
              [name, undefined, "classic"],
              [name, `${name}*`, "classic"]
            ])
            yield* subscription.unsubscribe({ channels: name, shardChannels: name })
            assert.deepStrictEqual(yield* subscription.channels, {
              channels: [],
              patterns: [`${name}*`],
              shardChannels: []
            })
            yield* redis.spublish(name, "nobody")
            yield* redis.publish(name, "by its pattern")
            assert.deepStrictEqual(yield* next, [name, `${name}*`, "by its pattern"])
          }).pipe(Effect.scoped))

        it.effect("holds shard channels at the node that it was given, added ones too", () =>
          Effect.gen(function*() {
            const { seeds } = yield* RedisCluster
            const redis = yield* connect({ nodes: seeds, protocol })
            const [node] = yield* redis.primaries
            const { slots } = yield* redis.topology
            const tag = tagWhere((slot) => slots[slot]?.primary === node)
            const subscription = yield* (yield* redis.node(node)).subscribeScoped({
              shardChannels: `{${tag}}1`
            })
            yield* subscription.subscribe({ shardChannels: `{${tag}}2` })
            assert.strictEqual((yield* redis.heldSubscriptions).get(node.address), 2)
            yield* redis.spublish(`{${tag}}2`, "here")
            const message = yield* Queue.take(subscription)
            assert.deepStrictEqual([message.payload, message.node.address], ["here", node.address])
          }).pipe(Effect.scoped))
      }
    )
  })
}
