/**
 * Search through the client, on a real cluster with the modules: streams of cursors, and searches while slots move and a primary fails. The
 * coordinator of Redis 8 is not in Redis Stack 7, so that the index and its documents are in one slot there.
 */
import { assert, describe, it as plainIt, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { Command } from "../../src/commands/Command.ts"
import { DecodeFailure } from "../../src/commands/decode.ts"
import { entriesOf } from "../../src/commands/table/CommandReply.ts"
import { embedded, lookup } from "../../src/commands/table/CommandTable.ts"
import { Query, Reduce, Search } from "../../src/modules/Search.ts"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import { HarnessError } from "../harness/HarnessError.ts"
import * as ModuleServer from "../harness/ModuleServer.ts"
import { connect } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"

const Items = Search.index("{t}items", {
  on: "hash",
  prefixes: ["{t}item:"],
  inOneSlot: true,
  fields: { name: Search.text(), price: Search.numeric({ sortable: true }), kind: Search.tag() }
})

const count = 95

/** Makes the index with documents, and runs an effect on a client of the cluster. */
const withItems = <A, E>(effect: Effect.Effect<A, E, ClusterClient | RedisCluster>) =>
  Effect.gen(function*() {
    const cluster = yield* RedisCluster
    const redis = yield* connect({ nodes: cluster.seeds })
    yield* redis.flushall()
    return yield* Effect.gen(function*() {
      yield* Search.create(Items)
      yield* Effect.forEach(range(count), (i) =>
        redis.hset(`{t}item:${i}`, { name: `item ${i}`, price: i, kind: i % 2 === 0 ? "even" : "odd" }))
      return yield* effect
    }).pipe(Effect.provideService(ClusterClient, redis))
  })

const all = Search.aggregation(Items, Query.all).load(["price"])

const cursorsOf = Effect.map(Search.info(Items), ({ raw }) => {
  const stats = raw["cursor_stats"]
  const pairs = stats instanceof Map ? [...stats].flat() : Array.isArray(stats) ? stats : []
  return Number(pairs[pairs.findIndex((part) => String(part) === "index_total") + 1])
})

const withReplicas = "reason" in ModuleServer.server
  ? Layer.effect(RedisCluster, Effect.fail(new HarnessError({ message: ModuleServer.server.reason })))
  : RedisCluster.layer({ binary: ModuleServer.server.binary, options: ModuleServer.server.options, replicas: 1 })

describe.skipIf(ModuleServer.isMissing)(`On a cluster with search${ModuleServer.why}`, () => {
  layer(withReplicas, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
    it.effect("a stream of an aggregation gives all rows once, and leaves no cursor behind", () =>
      withItems(Effect.gen(function*() {
        for (const pageSize of [7, 1000]) {
          const rows = yield* Stream.runCollect(Search.aggregateStream(all, { pageSize, maxIdle: "1 minute" }))
          assert.deepStrictEqual(rows.map(({ price }) => Number(price)).toSorted((a, b) => a - b), range(count))
          assert.strictEqual(yield* cursorsOf, 0)
        }
      })))

    it.effect("a stream that ends early deletes its cursor", () =>
      withItems(Effect.gen(function*() {
        const few = yield* Stream.runCollect(Stream.take(Search.aggregateStream(all, { pageSize: 10 }), 15))
        assert.lengthOf(few, 15)
        assert.strictEqual(yield* cursorsOf, 0)
      })))

    it.effect("a stream whose cursor is gone fails with the error of the server, and is not begun once more", () =>
      withItems(Effect.gen(function*() {
        const seen = yield* Ref.make(0)
        const exit = yield* Effect.exit(
          Search.aggregateStream(all, { pageSize: 10 }).pipe(
            Stream.runForEach(() =>
              Effect.flatMap(
                Ref.updateAndGet(seen, (n) => n + 1),
                (n) => Effect.when(Search.dropindex(Items), Effect.sync(() => n === 5))
              )
            )
          )
        )
        assert(Exit.isFailure(exit))
        const error = Cause.squash(exit.cause)
        assert.match(String(error), /cursor|index/i)
        assert.isAtMost(yield* Ref.get(seen), 10)
      })))

    it.effect("searches go on while a slot moves and the primary of the index hands over", () =>
      withItems(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const slot = HashSlot.ofKey("{t}")
        const owner = yield* cluster.owner(slot)
        const done = yield* Ref.make(0)
        const search = Effect.gen(function*() {
          const cheap = Query.and(Query.words("item", "name"), Query.range("price", { below: 10 }))
          const { total } = yield* Search.search(Items, cheap)
          assert.strictEqual(total, 10)
          const { rows } = yield* Search.aggregate(
            Search.aggregation(Items, Query.all).groupBy(["kind"], { count: Reduce.count() }).sortBy([["kind", "ASC"]])
          )
          assert.deepStrictEqual(rows, [{ kind: "even", count: 48 }, { kind: "odd", count: 47 }])
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
        // Another slot of that primary, beside the one of the index.
        const other = range(16384).find((i) => i !== slot && Math.abs(i - slot) < 3) ?? 0
        const [target] = cluster.nodes.filter(({ index }) => index < 3 && index !== owner.index)
        yield* cluster.migrateSlot(other, target)
        yield* progress
        yield* cluster.migrateSlot(other, owner)
        const [replica] = yield* cluster.replicasOf(owner)
        yield* cluster.failover(replica)
        yield* progress
        yield* Fiber.interrupt(load)
      })))

    it.effect("a stream whose node is lost fails with a typed error, and no row comes twice", () =>
      withItems(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const seen = yield* Ref.make<ReadonlyArray<number | null>>([])
        const error = yield* Effect.flip(
          Search.aggregateStream(all, { pageSize: 10 }).pipe(
            Stream.rechunk(1),
            Stream.runForEach(({ price }) =>
              Effect.flatMap(Ref.updateAndGet(seen, (prices) => [...prices, price]), ({ length }) =>
                Effect.when(
                  Effect.flatMap(cluster.owner(HashSlot.ofKey("{t}")), cluster.kill),
                  Effect.sync(() => length === 15)
                ))
            )
          )
        )
        assert.strictEqual(error._tag, "RedisClusterException")
        assert(error._tag === "RedisClusterException")
        assert.strictEqual(error.reason._tag, "ConnectionError")
        const prices = yield* Ref.get(seen)
        assert.strictEqual(new Set(prices).size, prices.length)
        assert.isBelow(prices.length, count)
      })))
  })
})

/** The words of a command. */
const wordsOf = (command: Command<unknown>): ReadonlyArray<string> => [
  command.spec.name,
  ...command.args.map((arg) => typeof arg === "string" ? arg : `<${arg.byteLength} bytes>`)
]

const Docs = Search.index("docs", {
  on: "hash",
  fields: {
    title: Search.text(),
    price: Search.numeric(),
    tags: Search.tag(),
    body: Search.vector({ algorithm: "SVS-VAMANA", type: "FLOAT32", dimensions: 2, distance: "L2" })
  }
})

describe("A query", () => {
  plainIt("sends every value as a parameter", () => {
    const hostile = `x) | (-@a:{b}) "$p0" => [KNN 1 @v $b]`
    const query = Query.or(
      Query.tag("tags", hostile),
      Query.words(hostile, "title"),
      Query.range("price", { atLeast: 1, below: 2 }),
      Query.raw("@title:$w", { w: hostile })
    )
    assert.deepStrictEqual(wordsOf(Search.searchKeys(Docs, query)), [
      "FT.SEARCH",
      "docs",
      "((@tags:{$p0})|(@title:($p1 $p2 $p3 $p4 $p5 $p6 $p7))|(@price:[$p8 ($p9])|(@title:$p10))",
      "NOCONTENT",
      ...[
        "PARAMS",
        "22",
        "p0",
        hostile,
        "p1",
        "x",
        "p2",
        "b",
        "p3",
        "p0",
        "p4",
        "KNN",
        "p5",
        "1",
        "p6",
        "v",
        "p7",
        "b"
      ],
      ...["p8", "1", "p9", "2", "p10", hostile, "DIALECT", "2"]
    ])
  })

  plainIt("leaves out the words that are not indexed, those of the index where it names some", () => {
    const german = Search.index("g", { on: "hash", stopWords: ["Und"], fields: { t: Search.text() } })
    assert.include(wordsOf(Search.searchKeys(Docs, Query.words("the sea"))).join(" "), "PARAMS 2 p0 sea")
    assert.include(wordsOf(Search.searchKeys(german, Query.words("the und sea"))).join(" "), "PARAMS 4 p0 the p1 sea")
    assert.include(
      wordsOf(Search.searchKeys(Docs, Query.words("the sea"), { noStopWords: true })).join(" "),
      "PARAMS 4 p0 the p1 sea"
    )
  })
})

describe("Commands about an index", () => {
  plainIt("have no key and are spread over the primaries, those of an index in one slot go to its owner", () => {
    for (const command of [Search.create(Docs), Search.search(Docs, Query.all), Search.info("docs"), Search.list()]) {
      assert.deepStrictEqual(command.keys, [])
      assert.isTrue(command.spec.isSpread)
      assert.strictEqual(command.spec.request, "default")
      assert.isUndefined(command.settings.routing)
    }
    assert.strictEqual(Search.search(Items, Query.all).settings.routing, "{t}items")
    assert.deepStrictEqual(Search.sugget("completions", "a").keys, ["completions"])
  })
})

describe("A command by name that changes something", () => {
  plainIt("is not taken for a read, whatever the module says", () => {
    const names = ["FT.CURSOR", "FT.ALIASADD", "FT.ALIASUPDATE", "FT.ALIASDEL", "FT.DICTADD", "FT.DICTDEL", "FT.CONFIG"]
    const told = entriesOf(names.map((name) => [name, -1, ["readonly", "module"], 0, 0, 0]))
    assert(!(told instanceof DecodeFailure))
    assert.deepStrictEqual(told.map(({ readonly }) => readonly), names.map(() => false))
    assert.deepStrictEqual(names.filter((name) => lookup(embedded(), name, ["x", "y"])?.spec.readonly), [])
    assert.isTrue(lookup(embedded(), "FT.SEARCH", ["x", "y"])?.spec.readonly)
  })
})

describe("A hybrid search", () => {
  const command = Search.hybrid(
    Docs,
    Query.words("sea", "title"),
    {
      field: "body",
      vector: Float32Array.of(1, 2),
      knn: { count: 5, efRuntime: 20 },
      filter: Query.range("price", { below: 9 })
    },
    {
      scorer: "BM25STD",
      combine: { linear: { alpha: 0.3, beta: 0.7, window: 50 } },
      limit: [0, 5],
      sortBy: ["price", "DESC"],
      return: ["title", "price"],
      timeout: "1 second"
    }
  )

  plainIt("is sent as Redis 8.4 wants it", () => {
    assert.deepStrictEqual(wordsOf(command), [
      ...["FT.HYBRID", "docs", "SEARCH", "(@title:($p0))", "SCORER", "BM25STD", "VSIM", "@body", "$p1"],
      ...["KNN", "4", "K", "5", "EF_RUNTIME", "20", "FILTER", "(@price:[-inf ($p2])"],
      ...["COMBINE", "LINEAR", "6", "ALPHA", "0.3", "BETA", "0.7", "WINDOW", "50", "LIMIT", "0", "5"],
      ...["SORTBY", "2", "@price", "DESC", "LOAD", "4", "@__key", "@__score", "@title", "@price"],
      ...["PARAMS", "6", "p0", "sea", "p1", "<8 bytes>", "p2", "9", "TIMEOUT", "1000"]
    ])
    assert.include(
      wordsOf(
        Search.hybrid(Docs, Query.all, {
          field: "body",
          vector: Float32Array.of(1, 2),
          range: { radius: 2, epsilon: 0.1 }
        }, {
          combine: { rrf: { constant: 30 } }
        })
      ).join(" "),
      "RANGE 4 RADIUS 2 EPSILON 0.1 COMBINE RRF 2 CONSTANT 30"
    )
  })

  plainIt("is read from the replies of RESP2 and RESP3", () => {
    const row = ["__key", "doc:1", "__score", "0.25", "title", "sea", "price", "3"]
    const list: Reply = ["total_results", 1, "results", [row], "warnings", [], "execution_time", "0.5"]
    const pairs = new Map<Reply, Reply>([["__key", "doc:1"], ["__score", "0.25"], ["title", "sea"], ["price", "3"]])
    const map: Reply = new Map<Reply, Reply>([
      ["total_results", 1],
      ["results", [pairs]],
      ["warnings", ["Timeout limit was reached"]],
      ["execution_time", 0.5]
    ])
    const hits = [{ key: "doc:1", document: { title: "sea", price: 3 }, score: 0.25 }]
    assert.deepStrictEqual(command.decode(list), { total: 1, hits, warnings: [] })
    assert.deepStrictEqual(command.decode(map), { total: 1, hits, warnings: ["Timeout limit was reached"] })
  })
})

describe("A result", () => {
  const search = Search.search(Docs, Query.all)
  const aggregate = Search.aggregate(Search.aggregation(Docs, Query.all).load(["price"]))

  plainIt("tells why it is not whole", () => {
    const reply = (results: ReadonlyArray<Reply>): Reply =>
      new Map<Reply, Reply>([
        ["attributes", []],
        ["warning", ["Timeout limit was reached"]],
        ["total_results", 1],
        ["format", "STRING"],
        ["results", results]
      ])
    const attributes = new Map<Reply, Reply>([["price", "2"]])
    const found = search.decode(
      reply([new Map<Reply, Reply>([["id", "d"], ["extra_attributes", attributes], ["values", []]])])
    )
    assert(!(found instanceof DecodeFailure))
    assert.deepStrictEqual(found.warnings, ["Timeout limit was reached"])
    assert.deepStrictEqual(found.hits[0].document, { price: 2 })
    assert.deepStrictEqual(
      aggregate.decode(reply([new Map<Reply, Reply>([["extra_attributes", attributes], ["values", []]])])),
      { rows: [{ price: 2 }], warnings: ["Timeout limit was reached"] }
    )
  })

  plainIt("that is no such result is a failure, and an error is none", () => {
    assert.instanceOf(search.decode([1, "a"]), DecodeFailure)
    assert.instanceOf(search.decode([1, "a", ["price", "x"]]), DecodeFailure)
    assert.instanceOf(search.decode(new ServerError("ERR x")), DecodeFailure)
  })
})

describe("Bad input of a search", () => {
  const cases: ReadonlyArray<readonly [name: string, command: Command<unknown>, message: RegExp]> = [
    ["an index that is none", Search.create({ name: "x" } as never), /made by Search.index/],
    [
      "an option of an index that is none",
      Search.create(Search.index("x", { on: "hash", fields: { a: Search.tag() }, prefix: "a" } as never)),
      /prefixes is meant/
    ],
    ["an index without fields", Search.create(Search.index("x", { on: "hash" } as never)), /on and fields/],
    [
      "an option of a field that is none",
      Search.create(Search.index("x", { on: "hash", fields: { a: Search.text({ nostem: true } as never) } })),
      /noStem is meant/
    ],
    [
      "a vector without a size",
      Search.create(Search.index("x", { on: "hash", fields: { a: Search.vector({ algorithm: "FLAT" } as never) } })),
      /dimensions/
    ],
    [
      "a field with a sign",
      Search.create(Search.index("x", { on: "hash", fields: { "a-b": Search.text() } })),
      /letters, digits and _/
    ],
    ["a query of text", Search.search(Docs, "sea" as never), /function of Query/],
    ["no word", Search.search(Docs, Query.words("!?")), /has to have a word/],
    ["two words for a prefix", Search.search(Docs, Query.prefix("a b")), /one word/],
    ["no tag", Search.search(Docs, Query.tag("tags", [])), /at least one/],
    ["two bounds", Search.search(Docs, Query.range("price", { above: 1, atLeast: 1 })), /exclude/],
    ["an unknown bound", Search.search(Docs, Query.range("price", { min: 1 } as never)), /no bound/],
    ["a number that is none", Search.search(Docs, Query.equals("price", NaN)), /has to be a number/],
    ["a field that is no name", Search.search(Docs, Query.tag("a} b{" as never, "x")), /name of a field/],
    ["a vector of numbers", Search.search(Docs, Query.knn("body", [1, 2] as never, 1)), /Float32Array/],
    [
      "nearest inside a query",
      Search.search(Docs, Query.and(Query.all, Query.knn("body", Float32Array.of(1, 2), 1))),
      /give it a filter/
    ],
    ["an unknown option", Search.search(Docs, Query.all, { nocontent: true } as never), /nocontent/],
    ["a field to give that is none", Search.search(Docs, Query.all, { return: ["nothing"] as never }), /no such field/],
    [
      "a field to sort by that is none",
      Search.search(Docs, Query.all, { sortBy: ["nothing", "ASC"] as never }),
      /no such field/
    ],
    ["an aggregation without a step", Search.aggregate(Search.aggregation(Docs, Query.all)), /needs a step/],
    ["an aggregation that is none", Search.aggregate({} as never), /Search.aggregation/],
    [
      "a reducer of a name with a sign",
      Search.aggregate(Search.aggregation(Docs, Query.all).groupBy([], { n: Reduce.sum("@price" as never) })),
      /without @/
    ],
    [
      "a hybrid search of a field without vectors",
      Search.hybrid(Docs, Query.all, { field: "title", vector: Float32Array.of(1) }),
      /vector field/
    ],
    ["tags of a field without tags", Search.tagvals(Docs, "title"), /tag field/]
  ]
  for (const [name, { settings }, message] of cases) {
    plainIt(`is refused with words: ${name}`, () => {
      assert.match(settings.invalid ?? "", message)
    })
  }
})
