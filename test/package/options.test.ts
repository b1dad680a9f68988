/**
 * A misspelt option is an error where it is written: the types refuse it, and so does the call, with the name of the
 * option that was meant. A program in plain JavaScript, or one that builds its options elsewhere, has only the call.
 *
 * Each line below is marked as a type error, and is run.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Persistable from "effect/persistence/Persistable"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import {
  ClusterClient,
  type ClusterClientShape,
  Codec,
  Command,
  CommandSpec,
  Compression,
  Discovery,
  FunctionLibrary,
  HashValue,
  isRedisClusterException,
  Lock,
  ReadFrom,
  Script,
  Strings,
  Value
} from "../../src/index.ts"
import * as ClusterRedis from "../../src/integrations/ClusterRedis.ts"
import * as ClusterResolver from "../../src/integrations/ClusterResolver.ts"
import * as KeyValueStoreRedis from "../../src/integrations/KeyValueStoreRedis.ts"
import * as PersistedCacheRedis from "../../src/integrations/PersistedCacheRedis.ts"
import * as PersistedQueueRedis from "../../src/integrations/PersistedQueueRedis.ts"
import * as PersistenceRedis from "../../src/integrations/PersistenceRedis.ts"
import * as RateLimiterRedis from "../../src/integrations/RateLimiterRedis.ts"
import * as ReactivityRedis from "../../src/integrations/ReactivityRedis.ts"
import * as Redis from "../../src/integrations/Redis.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"

type Call = Effect.Effect<unknown, unknown, ClusterClient | TestCluster | Scope.Scope>

const withClient = <A, E, R>(use: (redis: ClusterClientShape) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(ClusterClient, use)

const run = <A, E, R>(use: (redis: ClusterClientShape) => Stream.Stream<A, E, R>) =>
  Effect.flatMap(ClusterClient, (redis) => Stream.runDrain(use(redis)))

const onCluster = <A, E, R>(use: (cluster: TestCluster["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(TestCluster, use)

const nodes = "redis://127.0.0.1:7000"
const spec = (facts: ConstructorParameters<typeof CommandSpec>[1]) =>
  Command.make(new CommandSpec("GET", facts), ["k"], String)
const User = Schema.Struct({ name: Schema.String })
const read = ReadFrom.replica
const typed = Value.make({ key: () => "k", schema: Schema.String })
const lookup = (key: Persistable.Any) => Effect.succeed(key)
const key = (id: string) => id

/** The call with an option that does not exist beside one that does, and the option that is meant. */
// dprint-ignore: the comment about an error stands above its line
const calls: Readonly<Record<string, readonly [meant: string, call: () => Call]>> = {
  // @ts-expect-error
  "ClusterClient.layer": ["commandTimeout", () => Layer.build(ClusterClient.layer({ nodes, comandTimeout: 1 }))],
  // @ts-expect-error
  "ClusterClient.make": ["readFrom", () => ClusterClient.make({ nodes, readfrom: read })],
  // @ts-expect-error
  "ClusterClient.make, cache": ["maxBytes", () => ClusterClient.make({ nodes, cache: { maxBytes: 4096, maxByte: 1 } })],
  // @ts-expect-error
  "ClusterClient.layerFromConnections": ["protocol", () => Layer.build(Layer.provide(ClusterClient.layerFromConnections({ nodes, protocl: 3 }), TestCluster.layer()))],
  // @ts-expect-error
  "ClusterClient.layerConfig": ["clientName", () => Layer.build(ClusterClient.layerConfig({ nodes: Config.succeed(nodes), clientname: Config.succeed("a") }))],
  // @ts-expect-error
  "ClusterClient.layerEnv": ["prefix", () => Layer.build(ClusterClient.layerEnv({ defaults: { nodes }, prefx: "A" }))],
  // @ts-expect-error
  "ClusterClient.named": ["pingAfter", () => Layer.build(ClusterClient.named()("a").layer({ nodes, pingAftr: 1 }))],
  // @ts-expect-error
  "CommandSpec": ["readonly", () => spec({ keys: 0, readOnly: true })],
  // @ts-expect-error
  "Command.make": ["idempotent", () => Command.make(new CommandSpec("GET", { keys: 0 }), ["k"], String, { binary: false, idempotnt: true })],
  // @ts-expect-error
  "builders": ["expire", () => Strings.set("k", "v", { condition: "NX", expires: "1 second" })],
  // @ts-expect-error
  "commands": ["expire", () => withClient((redis) => redis.set("k", "v", { condition: "NX", expires: "1 second" }))],
  // @ts-expect-error
  "pipelineStream": ["concurrency", () => run((redis) => redis.pipelineStream([], { batch: 1, concurrencyy: 1 }))],
  // @ts-expect-error
  "pipelineStreamResults": ["batch", () => run((redis) => redis.pipelineStreamResults([], { concurrency: 1, batchs: 1 }))],
  // @ts-expect-error
  "consume": ["claimAfter", () => run((redis) => redis.consume({ streams: "s", group: "g", consumer: "c", claimAftr: "1 second" }))],
  // @ts-expect-error
  "health": ["timeout", () => withClient((redis) => redis.health({ replicas: true, timeOut: 1 }))],
  // @ts-expect-error
  "requireHealthy": ["replicas", () => withClient((redis) => redis.requireHealthy({ timeout: 1, replica: true }))],
  // @ts-expect-error
  "node(...).health": ["timeout", () => onNode((node) => node.health({ timeot: 1 }))],
  // @ts-expect-error
  "ownerOf": ["replica", () => withClient((redis) => redis.ownerOf("k", { replica: true, replicas: true }))],
  // @ts-expect-error
  "mgetNonatomic": ["bytes", () => withClient((redis) => redis.mgetNonatomic(["k"], { bytes: true, byte: true }))],
  // @ts-expect-error
  "provision": ["nodes", () => withClient((redis) => redis.provision(() => Effect.void, { nodes: "all", node: "all" }))],
  // @ts-expect-error
  "region": ["readFrom", () => withClient((redis) => redis.region({ idempotent: true, readfrom: read })(redis.get("k")))],
  // @ts-expect-error
  "scanStream": ["match", () => run((redis) => redis.scanStream({ count: 1, mach: "a" }))],
  // @ts-expect-error
  "on(...).scanStream": ["match", () => run((redis) => redis.on("all").scanStream({ count: 1, mach: "a" }))],
  // @ts-expect-error
  "hscanStream": ["match", () => run((redis) => redis.hscanStream("k", { count: 1, mach: "a" }))],
  // @ts-expect-error
  "sscanStream": ["match", () => run((redis) => redis.sscanStream("k", { count: 1, mach: "a" }))],
  // @ts-expect-error
  "zscanStream": ["bytes", () => run((redis) => redis.zscanStream("k", { count: 1, byte: true }))],
  // @ts-expect-error
  "subscribe": ["bufferSize", () => run((redis) => redis.subscribe("c", { payload: "text", buffersize: 1 }))],
  // @ts-expect-error
  "subscribeEvents": ["strategy", () => run((redis) => redis.subscribeEvents("c", { payload: "text", strateg: "sliding" }))],
  // @ts-expect-error
  "subscribeScoped": ["schema", () => withClient((redis) => redis.subscribeScoped("c", { payload: "text", shema: Schema.String }))],
  // @ts-expect-error
  "subscribeEventsScoped": ["payload", () => withClient((redis) => redis.subscribeEventsScoped("c", { strategy: "sliding", payloads: "text" }))],
  // @ts-expect-error
  "subscribe, channels": ["patterns", () => run((redis) => redis.subscribe({ channels: "c", pattern: "p*" }))],
  // @ts-expect-error
  "keyspaceNotifications": ["configure", () => run((redis) => redis.keyspaceNotifications({ prefix: "a", configur: true }))],
  // @ts-expect-error
  "keyspaceEvents": ["events", () => run((redis) => redis.keyspaceEvents({ prefix: "a", event: ["set"] }))],
  // @ts-expect-error
  "invalidations": ["prefixes", () => run((redis) => redis.invalidations({ strategy: "sliding", prefixs: ["a"] }))],
  // @ts-expect-error
  "monitor": ["bufferSize", () => onNode((node) => Stream.runDrain(node.monitor({ strategy: "sliding", buffersize: 1 })))],
  // @ts-expect-error
  "Lock.make": ["fencing", () => Lock.make("k", { ttl: "1 second", fencng: true })],
  // @ts-expect-error
  "Lock.withLock, last": ["wait", () => Effect.void.pipe(Lock.withLock("k", { ttl: "1 second", waits: "1 second" }))],
  // @ts-expect-error
  "Lock.withLock": ["wait", () => Lock.withLock(Effect.void, "k", { ttl: "1 second", waits: "1 second" })],
  // @ts-expect-error
  "Lock.tryWithLock, last": ["schedule", () => Effect.void.pipe(Lock.tryWithLock("k", { ttl: "1 second", shedule: 1 }))],
  // @ts-expect-error
  "Lock.tryWithLock": ["schedule", () => Lock.tryWithLock(Effect.void, "k", { ttl: "1 second", shedule: 1 })],
  // @ts-expect-error
  "Discovery.srv": ["servers", () => Discovery.srv("a", { timeout: 1, server: [] })],
  // @ts-expect-error
  "Discovery.dns": ["timeout", () => Discovery.dns("a", 1, { servers: [], timeuot: 1 })],
  // @ts-expect-error
  "ReadFrom.hedge": ["after", () => ReadFrom.withPolicy(Strings.get("k"), read.pipe(ReadFrom.hedge({ budget: 0.1, afterr: 1 })))],
  // @ts-expect-error
  "ReadFrom.hedge, first": ["budget", () => ReadFrom.withPolicy(Strings.get("k"), ReadFrom.hedge(read, { after: 1, budgt: 1 }))],
  // @ts-expect-error
  "Script.make": ["readonly", () => Script.make({ lua: "return 1", readOnly: true })({})],
  // @ts-expect-error
  "a call of a script": ["keys", () => Script.make({ lua: "return 1", keys: ["a"] })({ keys: { a: "k" }, key: "k" })],
  // @ts-expect-error
  "FunctionLibrary.make": ["policy", () => FunctionLibrary.make({ name: "a", code: "", functions: {}, polices: "keep" }).load],
  // @ts-expect-error
  "FunctionLibrary.make, a function": ["readonly", () => FunctionLibrary.make({ name: "a", code: "", functions: { f: { keys: 1, readOnly: true } } }).load],
  // @ts-expect-error
  "Value.make": ["timeToLive", () => Value.make({ key, schema: Schema.String, timeTolive: "1 second" }).get("k")],
  // @ts-expect-error
  "Value.set": ["expire", () => typed.set(undefined, "v", { condition: "NX", expires: "1 second" })],
  // @ts-expect-error
  "Value.getMany": ["cached", () => typed.getMany([undefined], { cached: "1 second", cache: "1 second" })],
  // @ts-expect-error
  "Value.setMany": ["keepTtl", () => typed.setMany([[undefined, "v"]], { keepTTL: true })],
  // @ts-expect-error
  "Value.update": ["times", () => typed.update(undefined, () => "v", { schedule: undefined, time: 1 })],
  // @ts-expect-error
  "Value.updateEffect": ["times", () => typed.updateEffect(undefined, () => Effect.succeed("v"), { schedule: undefined, time: 1 })],
  // @ts-expect-error
  "Value.modify": ["times", () => typed.modify(undefined, () => [1, "v"] as const, { schedule: undefined, time: 1 })],
  // @ts-expect-error
  "HashValue.make": ["timeToLive", () => HashValue.make({ key, schema: User, timeTolive: "1 second" }).get("k")],
  // @ts-expect-error
  "Codec.make": ["decode", () => Value.make({ key, schema: Schema.String, codec: Codec.make({ encode: String, decode: String, decod: String }) }).get("k")],
  // @ts-expect-error
  "Compression.zstd": ["level", () => Value.make({ key, schema: Schema.String, compression: Compression.zstd({ maxSize: 1, levl: 1 }) }).get("k")],
  // @ts-expect-error
  "ClusterRedis.layer": ["maxRedirects", () => Layer.build(ClusterRedis.layer({ nodes, maxRedirect: 1 }))],
  // @ts-expect-error
  "ClusterRedis.layer, pool": ["maxConnections", () => Layer.build(ClusterRedis.layer({ nodes, pool: { minConnections: 0, maxConnection: 1 } }))],
  // @ts-expect-error
  "Redis.layer": ["idleTimeout", () => Layer.build(Redis.layer({ minConnections: 0, idleTimout: 1 }))],
  // @ts-expect-error
  "ClusterResolver.get": ["schema", () => ClusterResolver.request("k", ClusterResolver.get({ key, schema: Schema.NullOr(Schema.String), shema: 1 }))],
  // @ts-expect-error
  "ClusterResolver.hget": ["field", () => ClusterResolver.request("k", ClusterResolver.hget({ key, field: key, schema: Schema.NullOr(Schema.String), fields: 1 }))],
  // @ts-expect-error
  "ClusterResolver.exists": ["key", () => ClusterResolver.request("k", ClusterResolver.exists({ key, keys: key }))],
  // @ts-expect-error
  "KeyValueStoreRedis.layer": ["prefix", () => Layer.build(KeyValueStoreRedis.layer({ ttl: "1 second", prefx: "a" }))],
  // @ts-expect-error
  "PersistedCacheRedis.make": ["lockTtl", () => Effect.provide(PersistedCacheRedis.make(lookup, { storeId: "a", timeToLive: () => 1, lockTTL: "1 second" }), PersistenceRedis.layer)],
  // @ts-expect-error
  "PersistedQueueRedis.layerStore": ["prefix", () => Layer.build(PersistedQueueRedis.layerStore({ pollInterval: 1, prefx: "a" }))],
  // @ts-expect-error
  "PersistedQueueRedis.layer": ["pollInterval", () => Layer.build(PersistedQueueRedis.layer({ prefix: "a", pollIntervall: 1 }))],
  // @ts-expect-error
  "RateLimiterRedis.layerStore": ["prefix", () => Layer.build(RateLimiterRedis.layerStore({ prefix: "a", prefx: "a" }))],
  // @ts-expect-error
  "RateLimiterRedis.layer": ["prefix", () => Layer.build(RateLimiterRedis.layer({ prefix: "a", prefx: "a" }))],
  // @ts-expect-error
  "ReactivityRedis.layer": ["sharded", () => Layer.build(ReactivityRedis.layer({ channel: "a", shard: true }))],
  // @ts-expect-error
  "TestCluster.make": ["primaries", () => TestCluster.make({ replicas: 1, primarys: 1 })],
  // @ts-expect-error
  "TestCluster.make, nodes": ["zone", () => TestCluster.make({ nodes: [{ slots: [[0, 1]], zon: "a" }] })],
  // @ts-expect-error
  "TestCluster.listen": ["port", () => TestCluster.listen({ replicas: 1, prt: 1 })],
  // @ts-expect-error
  "TestCluster.layerCluster": ["replicas", () => Layer.build(TestCluster.layerCluster({ primaries: 1, replica: 1 }))],
  // @ts-expect-error
  "TestCluster.layer": ["nodeTimeout", () => Layer.build(TestCluster.layer({ primaries: 1, nodeTimout: 1 }))],
  // @ts-expect-error
  "TestCluster.layer, client": ["commandTimeout", () => Layer.build(TestCluster.layer({ client: { protocol: 3, comandTimeout: 1 } }))],
  // @ts-expect-error
  "TestCluster.layerClient": ["overflow", () => onCluster((cluster) => Layer.build(cluster.layerClient({ protocol: 3, overflw: "fail" })))],
  // @ts-expect-error
  "TestCluster.chaos": ["faults", () => onCluster((cluster) => cluster.chaos({ duration: 0, fault: [] }))],
  // @ts-expect-error
  "TestCluster.restart": ["loading", () => onCluster((cluster) => cluster.restart(cluster.primaries[0], { loadng: 1 }))],
  // @ts-expect-error
  "TestCluster.addNode": ["replicaOf", () => onCluster((cluster) => cluster.addNode({ zone: "a", replicaof: "b" }))]
}

const onNode = <A, E, R>(
  use: (node: Effect.Success<ReturnType<ClusterClientShape["node"]>>) => Effect.Effect<A, E, R>
) => withClient((redis) => Effect.flatMap(Effect.flatMap(redis.randomNode, redis.node), use))

/** The words of the failure, or of the defect where the type has no failure. */
const messageOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "it succeeded"
  const error = Cause.squash(exit.cause)
  return isRedisClusterException(error) ? `${error.root._tag}: ${error.message}` : String(error)
}

describe("A misspelt option", () => {
  for (const [name, [meant, call]] of Object.entries(calls)) {
    it.effect(`is refused by name, with the one that is meant: ${name}`, () =>
      Effect.gen(function*() {
        const message = messageOf(yield* Effect.exit(Effect.scoped(call())))
        assert.match(message, /^OptionsError: /)
        assert.include(message, `; ${meant} is meant`)
      }).pipe(Effect.provide(TestCluster.layer())))
  }

  it("is tried for every public function with options", () => {
    const project = fileURLToPath(new URL("../..", import.meta.url))
    const self = readFileSync(fileURLToPath(import.meta.url), "utf8")
    const shown = globSync("docs/api/*.md", { cwd: project }).flatMap((page) =>
      readFileSync(project + page, "utf8").split(/\n(?=#{3,4} )/).slice(1).flatMap((section) => {
        const name = /^#{3,4} (\w+)/.exec(section)?.[1] ?? ""
        const signature = section.match(/```typescript\n([^]*?)```/)?.[1] ?? ""
        const takesOptions = /\b(?:options|settings|definition|environment|facts|given)\??: /.test(signature)
        const isType = /^(?:interface|type|class) /.test(signature)
        return takesOptions && !isType ? [`${page}: ${name}`] : []
      })
    )
    // A response is plain data, without a way to fail: its types refuse what it does not know.
    // @ts-expect-error
    Response.disconnect({ executd: true })
    const untried = shown.filter((one) => !new RegExp(`\\b${one.split(": ")[1]}\\b`).test(self))
    assert.deepStrictEqual(untried, [])
  })
})
