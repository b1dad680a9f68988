/**
 * Values that programs without types may pass to the members of the client by mistake.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { groups } from "../../src/commands/Commands.ts"
import { isRedisClusterException, type RedisClusterException } from "../../src/RedisClusterException.ts"
import * as FunctionLibrary from "../../src/scripting/FunctionLibrary.ts"
import * as Script from "../../src/scripting/Script.ts"
import { TestCluster } from "../../src/testing/index.ts"

const transferred = (): Uint8Array => {
  const bytes = new Uint8Array(8)
  bytes.buffer.transfer()
  return bytes
}

const odd: ReadonlyArray<unknown> = [
  ...[undefined, null, true, -1, 1.5, Number.NaN, 10n, "", "a", "\ud800", Symbol("odd"), transferred()],
  ...[[], [undefined], [null], [[]], [["a"]], [null, {}], ["a", 5], {}, { a: undefined }, { count: "many", match: 5 }],
  ...[{ host: 5, port: "x" }, { host: "h", port: 1 }, { a: null, b: { spec: 1 } }, new Map([["a", null]])],
  ...[Object.create(null), new Set([1]), new Error("odd"), new Date(Number.NaN), () => "called"]
]

/** Their parameters are checked by the builders. */
const commands = new Set(groups.flatMap((group) => Object.keys(group)))

const nameOf = (value: unknown): string =>
  typeof value === "object" && value !== null
    ? JSON.stringify(value)
    : typeof value === "function"
    ? "f"
    : String(value)

type Given = Effect.Effect<unknown, unknown, Scope.Scope>

/** The effects to run in the result of a member. */
const runnable = (given: unknown): Given | undefined =>
  Stream.isStream(given)
    ? Stream.runDrain(Stream.take(given as Stream.Stream<unknown, unknown>, 1))
    : Effect.isEffect(given)
    ? given as Given
    : undefined

/** A function of the caller that gives no effect is the caller's affair. */
const isCallers = (defect: unknown): boolean => String(defect).includes("Not a valid effect: called")

/** The crash of a call that should succeed or fail, if there is one. */
const crashOf = (member: (...args: ReadonlyArray<unknown>) => unknown, args: ReadonlyArray<unknown>) =>
  Effect.suspend(() => {
    const effect = runnable(member(...args))
    // A call that goes on is interrupted: it did not crash.
    return effect === undefined ? Effect.void : Effect.asVoid(Effect.timeoutOption(Effect.scoped(effect), "20 millis"))
  }).pipe(
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return undefined
      return exit.cause.reasons.every((reason) =>
          reason._tag === "Die"
            ? isCallers(reason.defect)
            : reason._tag === "Fail" && isRedisClusterException(reason.error)
        )
        ? undefined
        : Cause.pretty(exit.cause)
    })
  )

/** Members that are in no type that a program sees. */
const internal = new Set(["finish", "timeoutOf"])

const crashesOf = (name: string, view: object) =>
  Effect.gen(function*() {
    const calls = Object.entries(view).flatMap(([member, run]) =>
      typeof run !== "function" || commands.has(member) || internal.has(member)
        ? []
        : [[], ...odd.flatMap((value) => [[value], [value, value], ["a", value], [["a"], value], [value, {}]])].map(
          (args) => ({ title: `${name}.${member}(${args.map(nameOf).join(", ")})`, run, args })
        )
    )
    const crashes = yield* Effect.forEach(
      calls,
      ({ args, run, title }) =>
        Effect.map(crashOf(run, args), (crash) => crash === undefined ? [] : [`${title}: ${crash}`]),
      { concurrency: 100 }
    )
    return crashes.flat()
  })

const onTestCluster = Effect.provide(TestCluster.layer())

describe("A program without types", () => {
  it.live("gets errors, never a crash, whatever it passes to a member of the client", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      assert.deepStrictEqual(yield* crashesOf("redis", redis), [])
    }).pipe(onTestCluster))

  it.live(
    "gets errors, never a crash, whatever it passes to a member of a view, a target, a node, or a connection",
    () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const views = {
          mapped: redis.mapCommand((command) => command),
          replicas: redis.on("replicas"),
          node: yield* redis.node(yield* redis.randomNode),
          dedicated: yield* redis.dedicated("a")
        }
        for (const [name, view] of Object.entries(views)) assert.deepStrictEqual(yield* crashesOf(name, view), [])
      }).pipe(Effect.scoped, onTestCluster),
    { tags: ["long"] }
  )

  it.live(
    "gets errors, never a crash, from every command, whatever it passes, words of Redis among it",
    () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const wrong = [undefined, null, 5, Number.NaN, Symbol("odd"), () => "called", ["a"], { EX: 10 }, "EX"]
        // These end connections or the node itself.
        const rough = /^(?:shutdown|replicaof|clientKill|clusterReset|clusterFailover)/
        const calls = Object.entries(redis).flatMap(([name, run]) =>
          typeof run !== "function" || !commands.has(name) || rough.test(name)
            ? []
            : wrong.flatMap((
              value
            ) => [[value, value], ["a", value], ["a", "b", value, 10], ["a", "b", "EX", 10, value]])
              .map((args) => ({ title: `${name}(${args.map(nameOf).join(", ")})`, run, args }))
        )
        assert.isAbove(calls.length, 9000)
        const crashes = yield* Effect.forEach(
          calls,
          ({ args, run, title }) =>
            Effect.map(crashOf(run, args), (crash) => crash === undefined ? [] : [title, crash]),
          { concurrency: 100 }
        )
        assert.deepStrictEqual(crashes.flat(), [])
      }).pipe(onTestCluster),
    { tags: ["long"] }
  )

  it.live("gets errors from targets and views that are none", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const makers = {
        on: (value: unknown) => redis.on(value as "all"),
        readFrom: (value: unknown) => redis.readFrom(value as never),
        mapCommand: (value: unknown) => redis.mapCommand(value as never)
      }
      for (const [name, make] of Object.entries(makers)) {
        for (const value of odd) {
          for (const member of ["dbsize", "get"] as const) {
            const crash = yield* crashOf(() => make(value)[member]("a"), [])
            assert.isUndefined(crash, `${name}(${nameOf(value)}).${member}("a"): ${crash}`)
          }
        }
      }
    }).pipe(onTestCluster))

  it.live("gets errors from definitions and layers that are none", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const messageOf = (effect: Effect.Effect<unknown, unknown, unknown>) =>
        Effect.flip(effect as Effect.Effect<unknown, RedisClusterException>).pipe(
          Effect.map(({ message, reason }) => `${reason._tag} ${message}`),
          Effect.provideService(ClusterClient, redis)
        )
      const script: unknown = { lua: "return 1", keys: 1.5 }
      for (const [definition, named] of [[null, "an object"], [{}, "lua"], [{ lua: 5 }, "lua"], [script, "keys"]]) {
        const made = Script.make(definition as { readonly lua: string })
        for (const use of [made(), made.load]) {
          const message = yield* messageOf(redis.execute(use))
          assert.include(message, "OptionsError Script.make")
          assert.include(message, String(named))
        }
      }
      const good = { name: "l", code: "", functions: {} }
      for (
        const [definition, named] of [
          [null, "an object"],
          [{}, "name"],
          [{ ...good, code: 5 }, "code"],
          [{ ...good, functions: null }, "functions"],
          [{ ...good, functions: { f: null } }, "functions"],
          [{ ...good, policy: "always" }, "policy"]
        ]
      ) {
        const message = yield* messageOf(redis.execute(FunctionLibrary.make(definition as typeof good).load))
        assert.include(message, "OptionsError FUNCTION LOAD")
        assert.include(message, String(named))
      }
      const none = null as never
      const effects: Readonly<Record<string, Effect.Effect<unknown, unknown, never>>> = {
        "Script.preload": Effect.scoped(Script.preload(none)) as Effect.Effect<unknown, unknown>,
        "FunctionLibrary.preload": Effect.scoped(FunctionLibrary.preload(none)) as Effect.Effect<unknown, unknown>,
        "TestCluster.make": Effect.scoped(TestCluster.make(none)),
        "TestCluster.listen": Effect.scoped(TestCluster.listen(none)),
        "TestCluster.layer": Effect.scoped(Layer.build(TestCluster.layer(none))),
        layer: Effect.scoped(Layer.build(ClusterClient.layer(none))),
        layerEnv: Effect.scoped(Layer.build(ClusterClient.layerEnv(none))),
        layerConfig: Effect.scoped(Layer.build(ClusterClient.layerConfig(none)))
      }
      for (const [name, effect] of Object.entries(effects)) {
        assert.match(yield* messageOf(effect), /^OptionsError /, name)
      }
    }).pipe(onTestCluster))

  it.live("is told what a call needs", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const messageOf = (effect: Effect.Effect<unknown, { readonly message: string }>) =>
        Effect.map(Effect.flip(effect), ({ message }) => message)
      assert.include(yield* messageOf(redis.execute(null as never)), "this is no command")
      const set = redis.set as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, RedisClusterException>
      for (const options of [["EX", 10], [{ EX: 10 }]]) {
        const { message, reason } = yield* Effect.flip(set("k", "v", ...options))
        assert.strictEqual(reason._tag, "OptionsError")
        assert.match(message, /\bexpire\b/)
      }
      assert.include(yield* messageOf(redis.send(undefined as never)), "the name of a command")
      assert.include(yield* messageOf(redis.node("127.0.0.1:1" as never)), "{ host, port }")
      assert.include(yield* messageOf(redis.mgetNonatomic("key" as never)), "a list")
      assert.include(yield* messageOf(redis.msetNonatomic(null as never)), "a record of values or a list of pairs")
      assert.include(yield* messageOf(redis.watch("key", null as never)), "a function that gives an effect")
      assert.isNaN(redis.slotOf(null as never))
      const bytes = transferred()
      assert.include(yield* messageOf(redis.get(bytes)), "an argument cannot be sent")
    }).pipe(onTestCluster))
})
