/**
 * Search over all shards, on servers whose search has the coordinator: Redis 8 with its modules, named by `MODULE_SERVER`. Redis Stack 7 has
 * none, and the tests are skipped there.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { Query, Reduce, Search } from "../../src/modules/Search.ts"
import { HarnessError } from "../harness/HarnessError.ts"
import * as ModuleServer from "../harness/ModuleServer.ts"
import { callsAt, connect, resetCounts } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const Items = Search.index("items", {
  on: "hash",
  prefixes: ["item:"],
  fields: { name: Search.text(), price: Search.numeric({ sortable: true }), kind: Search.tag() }
})

const count = 3000

/** Makes the index with documents in all shards, and runs an effect on a client of the cluster. */
const withItems = <A, E>(
  effect: Effect.Effect<A, E, ClusterClient | RedisCluster>,
  options: { readonly protocol?: 2 | 3; readonly count?: number } = {}
) =>
  Effect.gen(function*() {
    const cluster = yield* RedisCluster
    const redis = yield* connect({ nodes: cluster.seeds, protocol: options.protocol ?? 3 })
    yield* redis.flushall()
    return yield* Effect.gen(function*() {
      yield* Search.create(Items)
      yield* redis.pipeline(
        range(options.count ?? count).map((i) =>
          redis.hset(`item:${i}`, { name: `item ${i}`, price: i, kind: i % 2 === 0 ? "even" : "odd" })
        )
      )
      return yield* effect
    }).pipe(Effect.provideService(ClusterClient, redis))
  })

const all = Search.aggregation(Items, Query.all).load(["price"])
const byKind = Search.aggregation(Items, Query.all).groupBy(["kind"], { count: Reduce.count() }).sortBy([[
  "kind",
  "ASC"
]])

const servers = "reason" in ModuleServer.server
  ? Layer.effect(RedisCluster, Effect.fail(new HarnessError({ message: ModuleServer.server.reason })))
  : RedisCluster.layer({
    binary: ModuleServer.server.binary,
    options: [...ModuleServer.server.options, "--cluster-require-full-coverage", "no"],
    replicas: 1
  })

describe.skipIf(!ModuleServer.hasCoordinator)(
  "Search over all shards (only where the search has a coordinator)",
  () => {
    layer(servers, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      for (const protocol of [2, 3] as const) {
        it.effect(`finds the documents of all shards, whichever primary is asked, over RESP${protocol}`, () =>
          withItems(
            Effect.gen(function*() {
              const cluster = yield* RedisCluster
              yield* resetCounts(cluster)
              for (let i = 0; i < 20; i++) {
                const { hits, total } = yield* Search.search(Items, Query.range("price", { below: 50 }), {
                  sortBy: ["price", "ASC"],
                  limit: [0, 100]
                })
                assert.strictEqual(total, 50)
                assert.deepStrictEqual(hits.map(({ document }) => document.price), [...range(50)])
              }
              const { rows } = yield* Search.aggregate(byKind)
              assert.deepStrictEqual(rows, [{ kind: "even", count: 150 }, { kind: "odd", count: 150 }])
              const asked = yield* callsAt(cluster, yield* cluster.primaries, "FT.SEARCH")
              assert.isTrue(asked.every((calls) => calls > 0), asked.join())
            }),
            { protocol, count: 300 }
          ))

        it.effect(`gives all rows once as a stream, over RESP${protocol}`, () =>
          withItems(
            Effect.gen(function*() {
              for (const pageSize of [170, 5000]) {
                const rows = yield* Stream.runCollect(Search.aggregateStream(all, { pageSize }))
                assert.deepStrictEqual(rows.map(({ price }) => Number(price)).toSorted((a, b) => a - b), range(count))
              }
            }),
            { protocol }
          ))
      }

      it.effect(
        "goes on without errors while slots move and primaries hand over, and is exact afterwards",
        () =>
          withItems(Effect.gen(function*() {
            const cluster = yield* RedisCluster
            const done = yield* Ref.make(0)
            const search = Effect.gen(function*() {
              // A limit of the module: documents of a slot that moves may be missing, or found twice.
              yield* Search.search(Items, Query.words("item", "name"))
              yield* Search.aggregate(byKind)
              yield* Ref.update(done, (n) => n + 1)
            })
            const load = yield* Effect.forkChild(Effect.forever(search))
            const progress = Effect.gen(function*() {
              const before = yield* Ref.get(done)
              while ((yield* Ref.get(done)) < before + 3) {
                const ended = load.pollUnsafe()
                if (ended !== undefined) return yield* ended
                yield* Effect.sleep("5 millis")
              }
            })
            yield* progress
            const slot = HashSlot.ofKey("item:1")
            const owner = yield* cluster.owner(slot)
            const target = (yield* cluster.primaries).find(({ id }) => id !== owner.id)
            assert(target !== undefined)
            yield* cluster.migrateSlot(slot, target)
            yield* progress
            const [replica] = yield* cluster.replicasOf(owner)
            yield* cluster.failover(replica)
            yield* progress
            yield* Fiber.interrupt(load)
            const exact = Effect.gen(function*() {
              const { rows } = yield* Search.aggregate(byKind)
              return JSON.stringify(rows) === `[{"kind":"even","count":1500},{"kind":"odd","count":1500}]`
            })
            // The coordinators learn of the new shards by and by.
            while (!(yield* exact)) yield* Effect.sleep("50 millis")
          })),
        30_000
      )
    })

    // Its servers do not come back.
    layer(servers, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      it.effect(
        "a stream that loses the rows of a shard fails with a typed error, though the server says nothing",
        () =>
          withItems(
            Effect.gen(function*() {
              const cluster = yield* RedisCluster
              const seen = yield* Ref.make(0)
              const primaries = yield* cluster.primaries
              yield* resetCounts(cluster)
              const loseAnother = Effect.gen(function*() {
                const asked = yield* callsAt(cluster, primaries, "FT.AGGREGATE")
                const another = primaries.find((_, i) => asked[i] === 0)
                assert(another !== undefined)
                yield* cluster.kill(another)
              })
              const error = yield* Effect.flip(
                Search.aggregateStream(all, { pageSize: 500 }).pipe(
                  Stream.rechunk(1),
                  Stream.runForEach(() =>
                    Effect.flatMap(
                      Ref.updateAndGet(seen, (n) => n + 1),
                      (n) => Effect.when(loseAnother, Effect.sync(() => n === 600))
                    )
                  )
                )
              )
              assert(error._tag === "RedisClusterException")
              assert.include(["PartialFailureError", "TryAgainError"], error.root._tag)
              assert.isAtLeast(yield* Ref.get(seen), 600)
            }),
            { count: 12_000 }
          ),
        60_000
      )
    })
  }
)
