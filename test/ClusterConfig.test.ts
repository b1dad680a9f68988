import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { ClusterClient } from "../src/ClusterClient.ts"
import * as ClusterConfig from "../src/ClusterConfig.ts"
import { type ClusterOptions, resolve } from "../src/ClusterOptions.ts"
import * as ReadFrom from "../src/ReadFrom.ts"
import { RedisCluster } from "./harness/RedisCluster.ts"

const provider = (env: Record<string, string>) => ConfigProvider.fromEnv({ env })
const read = (env: Record<string, string>, prefix?: string) => ClusterConfig.options(prefix).parse(provider(env))

const withEnv = (env: Record<string, string>) => Effect.provideService(ConfigProvider.ConfigProvider, provider(env))

/** Everything that a program may print of an error. */
const printed = (error: unknown): string =>
  [
    inspect(error, { depth: Infinity, showHidden: true }),
    String(error),
    JSON.stringify(error),
    Cause.pretty(Cause.fail(error))
  ]
    .join("\n")

const file = (content: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = join(tmpdir(), `effect-redis-cluster-${process.pid}-${Math.random()}.pem`)
      writeFileSync(path, content)
      return path
    }),
    (path) => Effect.sync(() => rmSync(path))
  )

const durations = [
  "commandTimeout",
  "connectTimeout",
  "drainTimeout",
  "keepAlive",
  "pingAfter",
  "pingTimeout",
  "refreshInterval",
  "minRefreshInterval",
  "dedicatedIdleTimeout"
] as const
const counts = ["maxRedirects", "maxInFlight", "maxInFlightBytes", "maxDedicatedConnections"] as const
const variable = (option: string) => `REDIS_${option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

describe("ClusterConfig", () => {
  it.effect("takes one URL or many, or hosts and ports, separated by commas", () =>
    Effect.gen(function*() {
      const seeds = (env: Record<string, string>) =>
        Effect.map(read(env), (options) => Result.getOrThrow(resolve(options)).seeds)
      const [a, b] = [{ host: "a", port: 1 }, { host: "b", port: 2 }]
      assert.deepStrictEqual(yield* seeds({ REDIS_URL: "redis://a:1" }), [a])
      assert.deepStrictEqual(
        yield* seeds({ REDIS_NODES: "rediss://a:1, rediss://:x@b:2,", REDIS_URL: "redis://c:3" }),
        [a, b]
      )
      assert.deepStrictEqual(yield* seeds({ REDIS_NODES: "a:1,[::1]:7001" }), [a, { host: "::1", port: 7001 }])
      assert.isTrue(Effect.isEffect((yield* read({ REDIS_SRV: "_redis._tcp.example.com" })).nodes))
      const withComma = yield* read({ REDIS_NODES: "redis://:p,q,r@a:1,b:2,redis://:p,q@c:3" })
      const urls = (withComma.nodes as ReadonlyArray<Redacted.Redacted>).map(Redacted.value)
      assert.deepStrictEqual(urls, ["redis://:p,q,r@a:1", "redis://b:2", "redis://:p,q@c:3"])
      const shouted = yield* read({
        REDIS_URL: "a:1",
        REDIS_TLS: "TRUE",
        REDIS_OVERFLOW: "FAIL",
        REDIS_READ_FROM: "Replica"
      })
      assert.deepStrictEqual([shouted.tls, shouted.overflow, shouted.readFrom], [true, "fail", ReadFrom.replica])
    }))

  it.effect("has a variable for every option that can stand in one", () =>
    Effect.gen(function*() {
      const given = yield* read({
        REDIS_URL: "redis://a:1",
        REDIS_USERNAME: "ada",
        REDIS_PASSWORD: "secret",
        REDIS_CLIENT_NAME: "shop",
        REDIS_LIB_NAME: "jobs",
        REDIS_LOG_COMMANDS: "true",
        REDIS_TLS: "true",
        REDIS_REQUIRE_FULL_COVERAGE: "yes",
        REDIS_VERIFY_NODE_ID: "no",
        REDIS_OVERFLOW: "fail",
        REDIS_PROTOCOL: "2",
        REDIS_READ_FROM: "replicaPreferred",
        REDIS_AVAILABILITY_ZONE: "eu-1a",
        ...Object.fromEntries(durations.map((option, i) => [variable(option), `${i + 1} seconds`])),
        ...Object.fromEntries(counts.map((option, i) => [variable(option), String(i + 1)]))
      })
      for (const [i, option] of durations.entries()) {
        assert.deepStrictEqual(given[option], Duration.seconds(i + 1), option)
      }
      for (const [i, option] of counts.entries()) assert.strictEqual(given[option], i + 1, option)
      const {
        availabilityZone,
        clientName,
        overflow,
        password,
        protocol,
        readFrom,
        requireFullCoverage,
        tls,
        username
      } = given
      assert.strictEqual(readFrom, ReadFrom.replicaPreferred)
      const others = { availabilityZone, clientName, overflow, protocol, requireFullCoverage, tls, username }
      assert.deepStrictEqual(others, {
        availabilityZone: "eu-1a",
        clientName: "shop",
        overflow: "fail",
        protocol: 2,
        requireFullCoverage: true,
        tls: true,
        username: "ada"
      })
      assert(Redacted.isRedacted(password))
      assert.strictEqual(Redacted.value(password), "secret")

      // A new option gets a variable, or a place in this list.
      const without = new Set([
        "credentials",
        "onConnect",
        "startSchedule",
        "attributes",
        "retrySchedule",
        "reconnectSchedule",
        "cache",
        "mapAddress",
        "stream",
        "zoneOf"
      ])
      const every: { readonly [K in keyof Required<ClusterOptions>]: true } = {
        nodes: true,
        username: true,
        password: true,
        credentials: true,
        clientName: true,
        libName: true,
        onConnect: true,
        logCommands: true,
        tls: true,
        commandTimeout: true,
        connectTimeout: true,
        drainTimeout: true,
        keepAlive: true,
        pingAfter: true,
        pingTimeout: true,
        maxRedirects: true,
        retrySchedule: true,
        reconnectSchedule: true,
        refreshInterval: true,
        minRefreshInterval: true,
        requireFullCoverage: true,
        verifyNodeId: true,
        maxInFlight: true,
        maxInFlightBytes: true,
        maxDedicatedConnections: true,
        dedicatedIdleTimeout: true,
        attributes: true,
        startSchedule: true,
        overflow: true,
        mapAddress: true,
        stream: true,
        protocol: true,
        cache: true,
        readFrom: true,
        availabilityZone: true,
        zoneOf: true
      }
      for (const option of Object.keys(every)) {
        assert.isTrue(option in given !== without.has(option), option)
      }
    }))

  it.effect("leaves out what no variable names, and reads variables of another prefix", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(Object.keys(yield* read({ REDIS_URL: "redis://a:1" })), ["nodes"])
      assert.deepStrictEqual(yield* read({ CACHE_URL: "redis://c:1", REDIS_URL: "redis://a:1" }, "CACHE"), {
        nodes: [Redacted.make("redis://c:1")]
      })
    }))

  it.effect("takes certificates as PEM text, in one line, or from a file; `false` wins", () =>
    Effect.gen(function*() {
      const ca = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"
      const key = "-----BEGIN PRIVATE KEY-----\nkey\n-----END PRIVATE KEY-----\n"
      const path = yield* file(ca)
      const env = {
        REDIS_URL: "redis://a:1",
        REDIS_TLS_CA: path,
        REDIS_TLS_CERT: ca,
        REDIS_TLS_KEY: key.replaceAll("\n", "\\n"),
        REDIS_TLS_SERVERNAME: "redis.example.com"
      }
      assert.deepStrictEqual((yield* read(env)).tls, { ca, cert: ca, key, servername: "redis.example.com" })
      assert.strictEqual((yield* read({ ...env, REDIS_TLS: "false" })).tls, false)
    }))

  const wrong: ReadonlyArray<readonly [what: string, env: Record<string, string>, named: ReadonlyArray<string>]> = [
    ["no node", {}, ["REDIS_URL", "no startup node"]],
    ["a duration that is none", { REDIS_COMMAND_TIMEOUT: "soon" }, ["REDIS_COMMAND_TIMEOUT"]],
    ["a count that is none", { REDIS_MAX_IN_FLIGHT: "many" }, ["REDIS_MAX_IN_FLIGHT"]],
    ["a size that is none", { REDIS_MAX_IN_FLIGHT_BYTES: "much" }, ["REDIS_MAX_IN_FLIGHT_BYTES"]],
    ["another overflow", { REDIS_OVERFLOW: "drop" }, ["REDIS_OVERFLOW", "suspend"]],
    ["another way to read", { REDIS_READ_FROM: "anyone" }, ["REDIS_READ_FROM", "replicaPreferred"]],
    ["another protocol", { REDIS_PROTOCOL: "4" }, ["REDIS_PROTOCOL"]],
    ["a file that is not there", { REDIS_TLS_CA: "/no/such/file" }, ["REDIS_TLS_CA", "ENOENT"]]
  ]
  for (const [what, env, named] of wrong) {
    it.effect(`refuses ${what}, naming the variable`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(read(what === "no node" ? env : { REDIS_URL: "redis://a:1", ...env }))
        assert.strictEqual(error._tag, "ConfigError")
        for (const word of named) assert.include(error.message, word)
      }))
  }

  it.effect("reads a size in bytes, and in larger units", () =>
    Effect.gen(function*() {
      const sizes = ["4096", "64 MiB", "64MiB", "1 kB"].map((size) =>
        read({ REDIS_URL: "redis://a:1", REDIS_MAX_IN_FLIGHT_BYTES: size })
      )
      const found = (yield* Effect.all(sizes)).map(({ maxInFlightBytes }) => maxInFlightBytes)
      assert.deepStrictEqual(found, [4096, 67_108_864, 67_108_864, 1000])
    }))

  it.effect("never shows a password or a key, whatever is wrong", () =>
    Effect.gen(function*() {
      const secret = "hunter2-secret"
      const errors = [
        { REDIS_URL: `http://:${secret}@a:1` },
        { REDIS_URL: `redis://:${secret}@a:none` },
        { REDIS_NODES: `redis://:${secret}@a:1/7,redis://b:1` },
        { REDIS_URL: "redis://a:1", REDIS_PASSWORD: secret, REDIS_COMMAND_TIMEOUT: "soon" },
        { REDIS_URL: "redis://a:1", REDIS_TLS_KEY: secret },
        { REDIS_PASSWORD: secret }
      ].map((env) => Effect.flip(Effect.scoped(Layer.build(ClusterClient.layerEnv()))).pipe(withEnv(env)))
      for (const error of yield* Effect.all(errors)) assert.notInclude(printed(error), secret)
      const unread = yield* read({ REDIS_URL: `redis://:${secret}@a:1`, REDIS_PASSWORD: secret })
      assert.notInclude(printed(unread), secret)
    }))
})

describe("ClusterClient", () => {
  it.live("is configured by the environment alone: a cluster with TLS and a password", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ tls: true, password: "of-the-cluster" })
      const path = yield* file(cluster.tls?.ca ?? "")
      const run = ClusterClient.use((redis) =>
        Effect.gen(function*() {
          yield* redis.set("key", "value")
          const names = yield* redis.on("primaries").send("CLIENT", "GETNAME")
          return [yield* redis.get("key"), ...names.values()]
        })
      ).pipe(
        Effect.provide(ClusterClient.layerEnv({ defaults: { clientName: "default", connectTimeout: "3 seconds" } }))
      )
      const env = {
        REDIS_NODES: cluster.seeds.join(","),
        REDIS_PASSWORD: "of-the-cluster",
        REDIS_TLS_CA: path,
        REDIS_COMMAND_TIMEOUT: "3 seconds"
      }
      assert.deepStrictEqual(yield* withEnv(env)(run), ["value", "default", "default", "default"])
      // A variable wins over the program's own default.
      assert.deepStrictEqual(
        yield* withEnv({ ...env, REDIS_CLIENT_NAME: "shop" })(run),
        ["value", "shop", "shop", "shop"]
      )
    }).pipe(Effect.scoped), 60_000)

  it.live("takes a config for each option as well, whatever its type", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make()
      const layer = ClusterClient.layerConfig({
        nodes: Config.Array(Schema.String, "nodes"),
        username: Config.succeed(undefined),
        password: Config.withDefault(Config.Redacted("password"), undefined),
        credentials: Config.succeed(undefined),
        clientName: Config.String("name"),
        tls: Config.succeed(false),
        commandTimeout: Config.Duration("timeout"),
        maxInFlight: Config.Int("bound"),
        overflow: Config.Literals(["suspend", "fail"], "overflow"),
        retrySchedule: Config.succeed(Schedule.spaced("20 millis")),
        mapAddress: Config.succeed((endpoint) => endpoint),
        protocol: Config.succeed(3)
      })
      const context = yield* Layer.build(layer).pipe(
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromUnknown({
            nodes: cluster.seeds,
            name: "configured",
            timeout: "2 seconds",
            bound: 100,
            overflow: "fail"
          })
        )
      )
      const redis = Context.get(context, ClusterClient)
      const names = yield* redis.on("primaries").clientGetname()
      assert.deepStrictEqual([...names.values()], ["configured", "configured", "configured"])
    }).pipe(Effect.scoped), 60_000)

  it.effect("nested objects are read by the names of the options, lists of nodes included, and variables win", () =>
    Effect.gen(function*() {
      const objects = ConfigProvider.fromUnknown({
        redis: {
          nodes: ["redis://a:1", "redis://b:2"],
          password: "secret",
          commandTimeout: "2 seconds",
          maxInFlight: 100,
          requireFullCoverage: true,
          tls: { servername: "cluster.example" },
          readFrom: "replicaPreferred"
        },
        cacheRedis: { url: "redis://c:3", tls: true }
      })
      const given = yield* ClusterConfig.options().parse(objects)
      assert.deepStrictEqual((given.nodes as ReadonlyArray<Redacted.Redacted>).map(Redacted.value), [
        "redis://a:1",
        "redis://b:2"
      ])
      assert.deepStrictEqual(given.commandTimeout, Duration.seconds(2))
      assert.strictEqual(given.maxInFlight, 100)
      assert.isTrue(given.requireFullCoverage)
      assert.deepStrictEqual(given.tls, { servername: "cluster.example" })
      assert.strictEqual(given.readFrom, ReadFrom.replicaPreferred)
      assert.isTrue((yield* ClusterConfig.options("CACHE_REDIS").parse(objects)).tls)
      assert.isTrue(
        (yield* Config.nested(ClusterConfig.options(), "app").parse(
          ConfigProvider.fromUnknown({ app: { redis: { url: "redis://d:4", tls: true } } })
        )).tls
      )

      const both = ConfigProvider.orElse(provider({ REDIS_COMMAND_TIMEOUT: "7 seconds" }), objects)
      assert.deepStrictEqual((yield* ClusterConfig.options().parse(both)).commandTimeout, Duration.seconds(7))
      const wrong = ConfigProvider.fromUnknown({ redis: { url: "redis://a:1", commandTimeout: "soon" } })
      const error = yield* Effect.flip(ClusterConfig.options().parse(wrong))
      assert.include(String(error.message), "commandTimeout")
    }))
})
