/**
 * No function of a module throws whatever a program in plain JavaScript passes, and no effect or stream that it gives ends with a
 * defect.
 */
import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Server } from "../../src/commands/Server.ts"
import { Bloom, TopK } from "../../src/modules/Bloom.ts"
import { Json } from "../../src/modules/Json.ts"
import { Filter, TimeSeries } from "../../src/modules/TimeSeries.ts"
import { isRedisClusterException } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"
import { moduleGroups } from "./samples.ts"

type Unknown = (...args: ReadonlyArray<unknown>) => unknown

const throwing = {
  [Symbol.iterator]: () => {
    throw new Error("an iterable that throws")
  }
}

const garbage: ReadonlyArray<unknown> = [
  ...[undefined, null, 1n, 5, NaN, true, "k", "", Symbol("s"), () => 1],
  ...[{}, { a: 1 }, [], [1], [null], [[]], new Date(NaN), new Map([[1, 2]]), new Proxy({}, {}), throwing]
]

/** Calls with no argument, and with garbage in the place of one of four arguments. */
const calls: ReadonlyArray<ReadonlyArray<unknown>> = [
  [],
  ...garbage.flatMap((one) => [
    [one],
    ["k", one],
    ["k", one, one],
    ["k", 1, one],
    ["k", "-", "+", one],
    ["k", "$", 1, one],
    [["k"], one],
    [one, one, one, one]
  ])
]

const isFunction = (value: unknown): value is Unknown => typeof value === "function"

/** Runs the result of a call, if it can be run. */
const settled = (result: unknown) =>
  Effect.exit(
    (Stream.isStream(result)
      ? Stream.runDrain(Stream.take(result, 2))
      : Effect.isEffect(result)
      ? result
      : Effect.void) as Effect.Effect<unknown, unknown>
  )

const tag = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "success"
  const error = Cause.squash(exit.cause)
  return isRedisClusterException(error) ? error.root._tag : String(error)
}

const User = Schema.Struct({ name: Schema.String, tags: Schema.Array(Schema.String) })

const groups: Readonly<Record<string, object>> = {
  ...moduleGroups,
  "Json.of(User)": Json.of(User),
  "Json.of(User).at(\"tags\")": Json.of(User).at("tags"),
  "Json.of(undefined)": (Json.of as Unknown)(undefined) as object,
  "Json.encode(User)": { encode: Json.encode(User) },
  "Json.encode(undefined)": { encode: (value: unknown) => Json.encode(undefined as never)(value as never) }
}

layer(TestCluster.layer({ primaries: 1 }), { excludeTestServices: true })(
  "On any arguments of plain JavaScript",
  (it) => {
    for (const [group, functions] of Object.entries(groups)) {
      for (const [name, f] of Object.entries(functions)) {
        if (!isFunction(f)) continue
        it.effect(`${group}.${name}`, () =>
          Effect.gen(function*() {
            for (const args of calls) {
              const exit = yield* settled(f(...args))
              assert.isFalse(
                Exit.isFailure(exit) && Cause.hasDies(exit.cause),
                `${args.map((arg) => typeof arg).join(", ")}: ${tag(exit)}`
              )
            }
          }))
      }
    }

    const path = Json.path as Unknown
    const users = Json.of(User)
    const at = users.at as Unknown
    const refused: Readonly<Record<string, () => unknown>> = {
      "Json.path(undefined)": () => Json.get("k", path(undefined) as "$"),
      "Json.path(null) of a list": () => Json.get("k", [path("a", null) as "$"]),
      "Json.path(1n) of mset": () => Json.mset([["k", path(1n) as "$", 1]]),
      "Json.path(1.5) of numincrby": () => Json.numincrby("k", path(1.5) as "$", 1),
      "at(undefined)": () => (at(undefined) as typeof users).get("k"),
      "at(1.5)": () => (at(1.5) as typeof users).get("k"),
      "setMany([1])": () => users.setMany([1] as never),
      "setMany([null])": () => users.setMany([null] as never),
      "setMany of an iterable that throws": () => users.setMany(throwing as never),
      "Json.encode(undefined)": () => Json.set("k", "$", Json.encode(undefined as never)(1 as never)),
      "a condition in small letters": () => Json.set("k", "$", 1, { condition: "nx" as "NX" }),
      "half a character": () => Json.set("k", "$", "a\ud800"),
      "JSON text inside a value": () => Json.set("k", "$", { a: Json.text("1") } as never),
      "a path that is a word of JSON.GET": () => Json.get("k", "INDENT"),
      "restore of nothing": () => Bloom.restore("k", undefined as never),
      "restore of a list": () => Bloom.restore("k", [1] as never),
      "rangeStream with null": () => TimeSeries.rangeStream("k", "-", "+", null as never),
      "rangeStream with a number": () => TimeSeries.revrangeStream("k", "-", "+", 5 as never),
      "a count beyond the limit of servers": () => TopK.incrby("k", { a: 100_001 }),
      "sections of INFO that are no text": () => Server.info(5 as never),
      "a time beyond 2^53 - 1": () => TimeSeries.add("k", 2n ** 53n, 1)
    }
    for (const [name, make] of Object.entries(refused)) {
      it.effect(`${name} fails with an OptionsError`, () =>
        Effect.gen(function*() {
          assert.strictEqual(tag(yield* settled(make())), "OptionsError")
        }))
    }

    const misspelt: Readonly<Record<string, readonly [meant: string, make: () => unknown]>> = {
      aggregation: [
        "empty",
        () =>
          TimeSeries.range("k", "-", "+", {
            aggregation: { aggregator: "avg", bucket: "1 second", empti: true } as never
          })
      ],
      ignore: [
        "maxTimeDifference",
        () =>
          TimeSeries.create("k", {
            ignore: { maxTimeDiference: "1 second", maxValueDifference: 1 } as never
          })
      ],
      groupBy: [
        "reduce",
        () => TimeSeries.mrange("-", "+", Filter.equals("a", "b"), { groupBy: { label: "a", reduced: "sum" } as never })
      ],
      rangeStream: ["pageSize", () => TimeSeries.rangeStream("k", "-", "+", { pagesize: 1 } as never)]
    }
    for (const [name, [meant, make]] of Object.entries(misspelt)) {
      it.effect(`a misspelt option of ${name} is refused by name`, () =>
        Effect.gen(function*() {
          const exit = yield* settled(make())
          assert.strictEqual(tag(exit), "OptionsError")
          assert.include(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), `${meant} is meant`)
        }))
    }
  }
)
