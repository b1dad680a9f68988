/**
 * Options of the members of the client and of the integrations, as programs without types may give them.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as Discovery from "../../src/Discovery.ts"
import * as ClusterRedis from "../../src/integrations/ClusterRedis.ts"
import * as KeyValueStoreRedis from "../../src/integrations/KeyValueStoreRedis.ts"
import * as PersistedQueueRedis from "../../src/integrations/PersistedQueueRedis.ts"
import * as RateLimiterRedis from "../../src/integrations/RateLimiterRedis.ts"
import * as ReactivityRedis from "../../src/integrations/ReactivityRedis.ts"
import { isRedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"

type Given = Effect.Effect<unknown, unknown, ClusterClient | Scope.Scope>
type Build = (...args: ReadonlyArray<unknown>) => unknown

/** Calls a function without its types. */
const call = (f: unknown, ...args: ReadonlyArray<unknown>): Given => {
  const made = (f as Build)(...args)
  if (Stream.isStream(made)) return Stream.runDrain(Stream.take(made as Stream.Stream<unknown, unknown>, 1))
  return Layer.isLayer(made) ? Layer.build(made as Layer.Layer<unknown, unknown, ClusterClient>) : made as Given
}

/** Every way to give options to a member of the client. */
const members: ReadonlyArray<readonly [name: string, of: (redis: ClusterClientShape, options: unknown) => Given]> = [
  ["health", (redis, options) => call(redis.health, options)],
  ["requireHealthy", (redis, options) => call(redis.requireHealthy, options)],
  ["subscribe", (redis, options) => call(redis.subscribe, ["channel"], options)],
  ["subscribeEvents", (redis, options) => call(redis.subscribeEvents, { patterns: "channel" }, options)],
  ["subscribeScoped", (redis, options) => call(redis.subscribeScoped, { shardChannels: "channel" }, options)],
  ["subscribeEventsScoped", (redis, options) => call(redis.subscribeEventsScoped, "channel", options)],
  ["keyspaceNotifications", (redis, options) => call(redis.keyspaceNotifications, options)],
  ["keyspaceEvents", (redis, options) => call(redis.keyspaceEvents, options)],
  ["monitor", (redis, options) => Effect.flatMap(redis.primaries, ([node]) => call(redis.monitor, node, options))],
  ["scanStream", (redis, options) => call(redis.scanStream, options)],
  ["pipelineStream", (redis, options) => call(redis.pipelineStream, [Strings.get("k")], options ?? 5)],
  ["pipelineStreamResults", (redis, options) => call(redis.pipelineStreamResults, [Strings.get("k")], options ?? 5)],
  ["provision", (redis, options) => call(redis.provision, () => Effect.void, options)]
]

const layers: ReadonlyArray<readonly [name: string, of: (options: unknown) => Given]> = [
  ["KeyValueStoreRedis", (options) => call(KeyValueStoreRedis.layer, options)],
  ["RateLimiterRedis", (options) => call(RateLimiterRedis.layer, options)],
  ["PersistedQueueRedis", (options) => call(PersistedQueueRedis.layer, options)],
  ["ReactivityRedis", (options) => call(ReactivityRedis.layer, options)],
  ["ClusterRedis", (options) => call(ClusterRedis.layer, options)],
  ["Discovery.dns", (options) => call(Discovery.dns, "localhost", 6379, options)],
  ["Discovery.srv", (options) => call(Discovery.srv, "_redis._tcp.localhost", options)]
]

const isRefused = (given: Effect.Effect<unknown, unknown, ClusterClient>, told = "") =>
  Effect.map(Effect.exit(given), (exit) => {
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    assert(isRedisClusterException(error), `not refused: ${String(error)}`)
    assert.strictEqual(error.reason._tag, "OptionsError")
    assert.strictEqual(error.outcome, "NotExecuted")
    assert.include(error.message, told)
  })

describe("Options that cannot be meant", () => {
  layer(TestCluster.layer())((it) => {
    for (
      const [name, of] of [
        ...members,
        ...layers.map(([name, of]) => [name, (_: unknown, o: unknown) => of(o)] as const)
      ]
    ) {
      it.effect(`of ${name} are an OptionsError, never a defect`, () =>
        Effect.gen(function*() {
          const redis = yield* ClusterClient
          for (const options of [null, "text", 5, ["list"], { noSuchOption: 1 }]) {
            yield* isRefused(Effect.scoped(Effect.suspend(() => of(redis, options))))
          }
        }))
    }

    it.effect("are told with their name", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const of = (f: unknown, ...args: ReadonlyArray<unknown>) => Effect.scoped(call(f, ...args))
        yield* isRefused(of(redis.health, { timout: "1 second" }), "timeout is meant")
        yield* isRefused(of(redis.health, { replicas: "no" }), "replicas has to be true or false")
        yield* isRefused(of(redis.subscribe, "channel", { bufersize: 5 }), "bufferSize is meant")
        yield* isRefused(of(redis.subscribe, "channel", { node: null }), "node has to be")
        yield* isRefused(of(redis.subscribe, "channel", { schema: 5 }), "schema has to be")
        yield* isRefused(of(redis.keyspaceEvents, { events: "set" }), "events has to be a list")
        yield* isRefused(of(redis.keyspaceEvents, { configure: "yes" }), "configure has to be true or false")
        yield* isRefused(of(redis.scanStream, { onProgress: 5 }), "onProgress has to be a function")
        yield* isRefused(of(redis.provision, "supply"), "a function that gives an effect")
        yield* isRefused(of(redis.pipelineStream, null), "a stream or an iterable")
        yield* isRefused(of(redis.monitor, "localhost"), "a host and a port")
        yield* isRefused(of(KeyValueStoreRedis.layer, { ttl: 5 }), "ttl has to be")
        yield* isRefused(of(PersistedQueueRedis.layer, { pollInterval: "soon" }), "pollInterval has to be")
        yield* isRefused(of(ReactivityRedis.layer, { channel: 5 }), "channel has to be")
        yield* isRefused(of(Discovery.dns, null, 6379), "the name has to be")
      }))
  })

  // A client of its own: the others would read by that policy.
  it.effect("as a policy of the whole client change nothing for other callers", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* isRefused(redis.readonly(null as never), "policies of ReadFrom")
      yield* isRefused(redis.readonly("replica" as never), "policies of ReadFrom")
      yield* isRefused(redis.readFrom("replica" as never).get("k"), "policies of ReadFrom")
      assert.isNull(yield* redis.get("k"))
    }).pipe(Effect.provide(TestCluster.layer())))
})
