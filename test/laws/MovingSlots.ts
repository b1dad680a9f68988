/**
 * The calls of callers while slots move under them, and their account.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { errorReplies, resetCounts, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import type { RedisClusterShape, RedisNode } from "../harness/RedisCluster.ts"
import { eventually } from "../harness/Waiting.ts"

/** Hash tags of slots that lie a hundred apart, from slot `first` on. */
export const tagsFrom = (first: number, count: number): ReadonlyArray<string> =>
  range(count).map((index) => tagWhere((slot) => slot >= first + 100 * index && slot < first + 100 * (index + 1)))

/**
 * Runs callers, each of them turn after turn, while the slots of the tags go to another node, one after the other. Each
 * slot stays for a while with its keys on both sides, and for a while with none left behind. Fails with the first error
 * of a caller.
 */
export const whileSlotsMove = <E, R>(
  cluster: RedisClusterShape,
  moving: { readonly tags: ReadonlyArray<string>; readonly target: RedisNode; readonly callers: number },
  turn: (index: number) => Effect.Effect<unknown, E, R>
) =>
  Effect.gen(function*() {
    yield* resetCounts(cluster)
    let running = true
    const caller = Effect.fnUntraced(function*(first: number) {
      for (let index = first; running; index++) yield* turn(index)
    })
    const callers = yield* Effect.forEach(range(moving.callers), (first) => Effect.forkChild(caller(first)))
    for (const tag of moving.tags) {
      const slot = HashSlot.ofKey(tag)
      yield* cluster.startMigration(slot, moving.target)
      yield* cluster.moveKeys(slot, 1)
      yield* Effect.sleep("20 millis")
      yield* cluster.moveKeys(slot)
      yield* Effect.sleep("20 millis")
      yield* cluster.finishMigration(slot)
    }
    // On a busy machine the callers may have had no turn since; one that failed is at its end.
    yield* eventually(
      "the callers meet the new owner",
      Effect.map(
        errorReplies(cluster, "MOVED"),
        (count) => count > 0 || callers.some((fiber) => fiber.pollUnsafe() !== undefined)
      )
    )
    running = false
    yield* Fiber.joinAll(callers)
    // The callers did meet it.
    assert.isAbove(yield* errorReplies(cluster, "MOVED"), 0)
  })

/** Every tag has two counters, and `increment` adds one to both at once: in the end both count what was acknowledged. */
export const countWhileSlotsMove = <E, R>(
  cluster: RedisClusterShape,
  redis: ClusterClientShape,
  moving: { readonly tags: ReadonlyArray<string>; readonly target: RedisNode; readonly callers: number },
  increment: (one: string, other: string) => Effect.Effect<unknown, E, R>
) =>
  Effect.gen(function*() {
    const { tags } = moving
    const counters = (tag: string) => [`{${tag}}a`, `{${tag}}b`] as const
    const done = new Map(tags.map((tag) => [tag, 0]))
    for (const [one, other] of tags.map(counters)) yield* redis.mset({ [one]: "0", [other]: "0" })
    yield* whileSlotsMove(cluster, moving, (index) => {
      const tag = tags[index % tags.length]
      return Effect.map(increment(...counters(tag)), () => done.set(tag, (done.get(tag) ?? 0) + 1))
    })
    for (const [tag, count] of done) {
      assert.deepStrictEqual(yield* redis.mget([...counters(tag)]), [String(count), String(count)])
    }
  })
