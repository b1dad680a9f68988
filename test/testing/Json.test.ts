/**
 * JSON documents of `TestCluster`: the samples of the commands, which real servers answer in the same way.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { isCommand } from "../../src/commands/Command.ts"
import { Json } from "../../src/modules/Json.ts"
import { TestCluster } from "../../src/testing/index.ts"
import type { Sample } from "../commands/samples/Sample.ts"
import { json } from "../modules/samples/json.ts"

/** The page about `TestCluster` names the commands that it lacks, and the numbers that it has. */
const supported = json.filter(({ name }) => !/^Json\.(resp|debugMemory)\b|beyond 2\^53/.test(name))

const check = Effect.fnUntraced(function*({ command, error, expected, prepare = [], unstable }: Sample) {
  const redis = yield* ClusterClient
  for (const step of prepare) {
    if (isCommand(step)) yield* redis.execute(step)
    else yield* redis.send(String(step[0]), ...step.slice(1))
  }
  if (error !== undefined) {
    assert.match((yield* Effect.flip(redis.execute(command))).message, error)
    return
  }
  const value = yield* redis.execute(command)
  if (unstable !== undefined) assert.isTrue(unstable(value))
  if (expected !== undefined) assert.deepStrictEqual(value, expected)
})

for (const protocol of [2, 3] as const) {
  describe(`TestCluster over RESP${protocol} answers as servers do:`, () => {
    for (const sample of supported) {
      it.effect(
        sample.name,
        () => Effect.provide(check(sample), TestCluster.layer({ primaries: 1, client: { protocol } }))
      )
    }
  })
}

describe("A JSON document of TestCluster", () => {
  it.effect("moves with its slot, expires, is watched and copied like any other key", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      const Users = Json.of(Schema.Struct({ name: Schema.String, born: Schema.Date }))
      const ada = { name: "ada", born: new Date(0) }
      yield* Users.set("{u}1", ada)
      assert.strictEqual(yield* redis.type("{u}1"), "ReJSON-RL")
      yield* redis.copy("{u}1", "{u}2")
      yield* Users.at("name").set("{u}1", "grace")
      assert.deepStrictEqual(yield* Users.get("{u}2"), ada)
      const slot = redis.slotOf("{u}1")
      const owner = yield* cluster.owner(slot)
      const target = cluster.primaries.find((node) => node.id !== owner.id)
      assert(target !== undefined)
      yield* cluster.moveSlot(slot, target)
      assert.strictEqual(yield* Users.at("name").get("{u}1"), "grace")
      const wrong = yield* Effect.flip(redis.get("{u}1"))
      assert.match(wrong.message, /WRONGTYPE/)
      assert.match((yield* Effect.flip(Json.get("{u}1", "$.a[?(@.b==1)]"))).message, /not supported by TestCluster/)
    }).pipe(Effect.provide(TestCluster.layer({ primaries: 3 }))))

  it.effect("has the values that paths select", () =>
    Effect.gen(function*() {
      yield* Json.set("k", "$", { a: [1, 2, 3, { b: 4 }], c: { b: 5, "x y": 6 } })
      const found = yield* Effect.forEach(
        ["$.a[-1].b", "$.a[0:2]", "$.a[1:]", "$.a[0,2]", "$['c']['x y']", "$..b", "$.c.*", "$.*.b", "$.a[0:3:2]"],
        (path) => Json.get("k", path)
      )
      assert.deepStrictEqual(found, [[4], [1, 2], [2, 3, { b: 4 }], [1, 3], [6], [4, 5], [5, 6], [5], [1, 3]])
    }).pipe(Effect.provide(TestCluster.layer({ primaries: 1 }))))
})
