import { type Kinds, Query, Reduce, Search } from "../../../src/modules/Search.ts"
import { has, isObject, type Sample } from "../../commands/samples/Sample.ts"

const vector = (...numbers: ReadonlyArray<number>) => new Uint8Array(Float32Array.from(numbers).buffer)

export const Books = Search.index("{t}books", {
  on: "hash",
  prefixes: ["{t}book:"],
  payloadField: "secret",
  inOneSlot: true,
  fields: {
    title: Search.text({ sortable: true, weight: 2, path: "name" }),
    text: Search.text({ noStem: true }),
    tags: Search.tag({ separator: ";", indexMissing: true }),
    price: Search.numeric({ sortable: true }),
    at: Search.geo(),
    area: Search.geoshape({ coordinates: "FLAT" }),
    cover: Search.vector({ algorithm: "FLAT", type: "FLOAT32", dimensions: 2, distance: "L2" })
  }
})

const People = Search.index("{t}people", {
  on: "json",
  prefixes: ["{t}person:"],
  inOneSlot: true,
  fields: {
    name: Search.text(),
    skills: Search.tag({ path: "$.skills[*]" }),
    age: Search.numeric({ sortable: true }),
    home: Search.geo(),
    face: Search.vector({
      algorithm: "HNSW",
      type: "FLOAT64",
      dimensions: 2,
      distance: "COSINE",
      m: 8,
      efConstruction: 50,
      efRuntime: 20
    })
  }
})

const empty = [Search.create(Books)]
const three = [
  Search.create(Books),
  [
    ...["HSET", "{t}book:1", "name", "The old man and the sea", "tags", "Novel;sea", "price", "10.5", "at", "1,2"],
    ...["area", "POINT (1 1)", "cover", vector(1, 0), "secret", "p1", "text", "fish and fish"]
  ],
  ["HSET", "{t}book:2", "name", "Old ships", "tags", "sea", "price", "20", "at", "30,2", "cover", vector(0, 1)],
  ["HSET", "{t}book:3", "name", "Whales", "price", "30", "text", "big"]
]
const json = [
  Search.create(People),
  [
    "JSON.SET",
    "{t}person:1",
    "$",
    `{"name":"Ada \\"x\\"","skills":["math","code"],"age":36,"home":"1,2","face":[1,2.5]}`
  ],
  ["JSON.SET", "{t}person:2", "$", `{"name":"Grace","skills":[],"age":null}`]
]

const first = {
  title: "The old man and the sea",
  text: "fish and fish",
  tags: ["Novel", "sea"],
  price: 10.5,
  at: { longitude: 1, latitude: 2 },
  area: "POINT (1 1)"
}
const second = { title: "Old ships", tags: ["sea"], price: 20, at: { longitude: 30, latitude: 2 } }
const third = { title: "Whales", text: "big", price: 30 }
const hit = (key: string, document: object, rest: object = {}) => ({
  key,
  document,
  score: undefined,
  explanation: undefined,
  payload: undefined,
  sortKey: undefined,
  distance: undefined,
  ...rest
})
const byPrice = ["price", "ASC"] as const
const found = (...hits: ReadonlyArray<object>) => ({ total: hits.length, hits, warnings: [] })
const keys = (...numbers: ReadonlyArray<number>) => ({
  total: numbers.length,
  keys: numbers.map((number) => `{t}book:${number}`),
  warnings: []
})
const keysOf = (name: string, query: Query<Kinds<typeof Books.fields>>, ...numbers: ReadonlyArray<number>): Sample => ({
  name: `Search.searchKeys by ${name}`,
  command: Search.searchKeys(Books, query, { sortBy: byPrice }),
  prepare: three,
  expected: keys(...numbers)
})

const missing = "no such index"
const noIndex = /no such index|unknown index name/i

const indexes: ReadonlyArray<Sample> = [
  { name: "Search.create", command: Search.create(Books), expected: "OK" },
  { name: "Search.create of JSON", command: Search.create(People), expected: "OK" },
  {
    name: "Search.create with options",
    command: Search.create(Search.index("{t}all", {
      on: "hash",
      prefixes: ["{t}a:", "{t}b:"],
      filter: "@price > 1",
      language: "german",
      languageField: "language",
      score: 0.5,
      scoreField: "score",
      payloadField: "payload",
      stopWords: ["und"],
      temporary: "100 seconds",
      maxTextFields: true,
      noOffsets: true,
      noHighlights: true,
      noFields: true,
      noFrequencies: true,
      skipInitialScan: true,
      fields: {
        a: Search.text({
          weight: 1.5,
          noStem: true,
          phonetic: "dm:en",
          suffixTrie: true,
          indexEmpty: true,
          indexMissing: true,
          sortable: "unnormalized"
        }),
        b: Search.tag({ caseSensitive: true, suffixTrie: true, indexEmpty: true, sortable: true }),
        price: Search.numeric({ sortable: true, noIndex: true }),
        d: Search.geo({ indexMissing: true }),
        e: Search.geoshape({ noIndex: true }),
        f: Search.vector({
          algorithm: "HNSW",
          type: "FLOAT64",
          dimensions: 3,
          distance: "IP",
          initialCapacity: 10,
          m: 4,
          efConstruction: 10,
          efRuntime: 5,
          epsilon: 0.5
        }),
        g: Search.vector({ algorithm: "FLAT", type: "FLOAT32", dimensions: 3, distance: "COSINE", blockSize: 100 })
      }
    })),
    expected: "OK"
  },
  { name: "Search.create again", command: Search.create(Books), prepare: empty, error: /already exists/ },
  {
    name: "Search.alter",
    command: Search.alter(Books, { isbn: Search.tag() }, { skipInitialScan: true }),
    prepare: empty,
    expected: "OK"
  },
  { name: "Search.dropindex", command: Search.dropindex(Books), prepare: empty, expected: "OK" },
  {
    name: "Search.dropindex with documents",
    command: Search.dropindex("{t}books", { deleteDocuments: true }),
    prepare: three,
    expected: "OK"
  },
  { name: "Search.dropindex of a missing one", command: Search.dropindex(`{t}${missing}`), error: noIndex },
  { name: "Search.aliasadd", command: Search.aliasadd("{t}alias", Books), prepare: empty, expected: "OK" },
  { name: "Search.aliasupdate", command: Search.aliasupdate("{t}alias", Books), prepare: empty, expected: "OK" },
  { name: "Search.aliaslist", command: Search.aliaslist("{t}books"), error: /unknown command/ },
  {
    name: "Search.aliasdel",
    command: Search.aliasdel("{t}alias"),
    prepare: [...empty, Search.aliasadd("{t}alias", Books)],
    expected: "OK"
  },
  {
    name: "Search.info",
    command: Search.info(Books),
    prepare: three,
    unstable: (value) => {
      const { documents, fields, name, on, prefixes } = value as {
        readonly documents: number
        readonly fields: ReadonlyArray<object>
        readonly name: string
        readonly on: string
        readonly prefixes: ReadonlyArray<string>
      }
      return documents === 3 && name === "{t}books" && on === "HASH" && prefixes[0] === "{t}book:" &&
        JSON.stringify(fields[0]) ===
          `{"identifier":"name","attribute":"title","type":"TEXT","options":{"WEIGHT":"2"},"flags":["SORTABLE"]}`
    },
    shown: `{ name: "{t}books", on: "HASH", documents: 3, fields: [...], ... }`
  },
  { name: "Search.list", command: Search.list(), prepare: empty, expected: ["{t}books"] },
  { name: "Search.tagvals", command: Search.tagvals(Books, "tags"), prepare: three, expected: ["novel", "sea"] }
]

const searches: ReadonlyArray<Sample> = [
  {
    name: "Search.search",
    command: Search.search(Books, Query.words("old", "title"), { sortBy: byPrice }),
    prepare: three,
    expected: found(hit("{t}book:1", first), hit("{t}book:2", second))
  },
  {
    name: "Search.search of all",
    command: Search.search(Books, Query.all, { sortBy: ["price", "DESC"], limit: [0, 1] }),
    prepare: three,
    expected: { total: 3, hits: [hit("{t}book:3", third)], warnings: [] }
  },
  {
    name: "Search.search with all parts",
    command: Search.search(Books, Query.words("old"), {
      sortBy: byPrice,
      withScores: true,
      withPayloads: true,
      withSortKeys: true,
      return: ["title"],
      scorer: "BM25",
      language: "english",
      timeout: "5 seconds",
      slop: 5,
      inOrder: true,
      inFields: ["title"],
      inKeys: ["{t}book:1"],
      verbatim: true,
      noStopWords: true
    }),
    prepare: three,
    unstable: (value) => JSON.stringify(value).includes(`"payload":"p1","sortKey":10.5`),
    shown: `{ total: 1, hits: [...], warnings: [] }`
  },
  {
    name: "Search.search with an explanation",
    command: Search.search(Books, Query.words("whales"), { explainScore: true, return: [] }),
    prepare: three,
    unstable: (value) => /TFIDF|BM25/.test(JSON.stringify(value)),
    shown: `{ total: 1, hits: [...], warnings: [] }`
  },
  {
    name: "Search.search with highlights",
    command: Search.search(Books, Query.words("fish", "text"), {
      return: ["text"],
      highlight: { fields: ["text"], tags: ["<", ">"] },
      summarize: { fields: ["text"], fragments: 1, length: 1, separator: "|" }
    }),
    prepare: three,
    unstable: (value) => JSON.stringify(value).includes("<fish>"),
    shown: `{ total: 1, hits: [...], warnings: [] }`
  },
  {
    name: "Search.search of the nearest",
    command: Search.search(Books, Query.knn("cover", Float32Array.of(1, 0.25), 2), { return: ["cover"] }),
    prepare: three,
    expected: found(
      hit("{t}book:1", { cover: Float32Array.of(1, 0) }, { distance: 0.0625 }),
      hit("{t}book:2", { cover: Float32Array.of(0, 1) }, { distance: 1.5625 })
    )
  },
  {
    name: "Search.search of the nearest of some",
    command: Search.search(
      Books,
      Query.knn("cover", Float32Array.of(1, 0), 2, {
        filter: Query.and(Query.tag("tags", "sea"), Query.range("price", { above: 10.5 })),
        policy: "BATCHES",
        batchSize: 10
      }),
      { return: [] }
    ),
    prepare: three,
    expected: found(hit("{t}book:2", {}, { distance: 2 }))
  },
  {
    name: "Search.search by a distance of vectors",
    command: Search.search(Books, Query.vectorRange("cover", Float32Array.of(1, 0), 0.5), { return: ["price"] }),
    prepare: three,
    expected: found(hit("{t}book:1", { price: 10.5 }, { distance: 0 }))
  },
  {
    name: "Search.search of JSON",
    command: Search.search(People, Query.or(Query.words("ada"), Query.words("grace")), { sortBy: ["age", "ASC"] }),
    prepare: json,
    expected: found(
      hit("{t}person:1", {
        name: "Ada \"x\"",
        skills: ["math", "code"],
        age: 36,
        home: { longitude: 1, latitude: 2 }
      }),
      hit("{t}person:2", { name: "Grace" })
    )
  },
  {
    name: "Search.search of vectors in JSON",
    command: Search.search(People, Query.knn("face", Float64Array.of(1, 2.5), 1, { efRuntime: 10 }), {
      return: ["face"]
    }),
    prepare: json,
    unstable: (value) => isObject(value) && JSON.stringify(value).includes(`"face":{"0":1,"1":2.5}`),
    shown: `{ total: 1, hits: [...], warnings: [] }`
  },
  {
    name: "Search.searchKeys",
    command: Search.searchKeys(Books, Query.words("ships")),
    prepare: three,
    expected: keys(2)
  },
  keysOf("all words", Query.words("the sea, OLD"), 1),
  keysOf("signs of the language", Query.words(`-@title:(whales) | "ships"*~%$p0 => {$weight: 5}`)),
  keysOf("any word", Query.anyWord("whales ships", ["title", "text"]), 2, 3),
  keysOf("a phrase", Query.phrase("old man", "title"), 1),
  keysOf("a phrase in the other order", Query.phrase("man old", "title")),
  keysOf("a phrase in any order", Query.phrase("sea old", "title", { slop: 3, anyOrder: true }), 1),
  keysOf("a prefix", Query.prefix("wha"), 3),
  keysOf("a suffix", Query.suffix("ales", "title"), 3),
  keysOf("a part", Query.contains("hal", "title"), 3),
  keysOf("a fuzzy word", Query.fuzzy("whalex", "title", 2), 3),
  keysOf("tags", Query.tag("tags", ["novel", "x}|{y"]), 1),
  keysOf("the beginning of a tag", Query.tagPrefix("tags", "nov"), 1),
  keysOf("a range", Query.range("price", { above: 10.5, atMost: 30 }), 2, 3),
  keysOf("a number", Query.equals("price", 20), 2),
  keysOf("a circle", Query.within("at", { longitude: 1, latitude: 2, radius: 10, unit: "km" }), 1),
  keysOf("a shape", Query.shape("area", "WITHIN", "POLYGON ((0 0, 0 2, 2 2, 2 0, 0 0))"), 1),
  keysOf("what is missing", Query.missing("tags"), 3),
  keysOf(
    "and, or, not",
    Query.and(Query.not(Query.words("man")), Query.or(Query.words("ships"), Query.words("whales"))),
    2,
    3
  ),
  keysOf("an optional part", Query.and(Query.words("old"), Query.optional(Query.words("man"))), 1, 2),
  keysOf("a weight", Query.weight(Query.words("old"), 2.5), 1, 2),
  keysOf(
    "raw text",
    Query.and(Query.raw("@title:$a", { a: "whales" }), Query.raw("@price:[$a $p0]", { a: 1, p0: 99 })),
    3
  ),
  {
    name: "Search.explain",
    command: Search.explain(Books, Query.range("price", { atLeast: 1 })),
    prepare: empty,
    unstable: (value) => String(value).includes("NUMERIC"),
    shown: `"NUMERIC {1.000000 <= @price <= inf}\\n"`
  },
  {
    name: "Search.profileSearch",
    command: Search.profileSearch(Books, Query.words("whales"), { limited: true }),
    prepare: three,
    unstable: (value) => has("totalMillis", "profile", "result")(value) && JSON.stringify(value).includes("Whales"),
    shown: `{ result: { total: 1, ... }, totalMillis: 0.05, profile: ... }`
  },
  {
    name: "Search.profileAggregate",
    command: Search.profileAggregate(
      Search.aggregation(Books, Query.all).groupBy([], { count: Reduce.count() })
    ),
    prepare: three,
    unstable: (value) => JSON.stringify(value).includes(`"rows":[{"count":3}]`),
    shown: `{ result: { rows: [{ count: 3 }], warnings: [] }, totalMillis: 0.05, profile: ... }`
  },
  {
    name: "Search.hybrid",
    command: Search.hybrid(Books, Query.words("old"), {
      field: "cover",
      vector: Float32Array.of(1, 0),
      knn: { count: 2 }
    }),
    prepare: three,
    error: /unknown command/
  }
]

const aggregations: ReadonlyArray<Sample> = [
  {
    name: "Search.aggregate",
    command: Search.aggregate(
      Search.aggregation(Books, Query.all)
        .groupBy(["tags"], { count: Reduce.count(), mean: Reduce.avg("price") })
        .sortBy([["mean", "DESC"]])
    ),
    prepare: three,
    expected: {
      rows: [
        { tags: null, count: 1, mean: 30 },
        { tags: "sea", count: 1, mean: 20 },
        { tags: "Novel;sea", count: 1, mean: 10.5 }
      ],
      warnings: []
    }
  },
  {
    name: "Search.aggregate with all steps",
    command: Search.aggregate(
      Search.aggregation(Books, Query.words("old", "title"))
        .load(["title", "price"])
        .apply("double", "@price * 2", "number")
        .apply("sign", `format("%s!", ${Search.literal(`it's "a" \\ sign`)})`, "text")
        .filter(`@title != ${Search.literal("x")} && @double > 20`)
        .sortBy([["double", "ASC"]], { max: 2 })
        .limit(0, 1),
      { verbatim: true, timeout: "2 seconds" }
    ),
    prepare: three,
    unstable: (value) => JSON.stringify(value).includes(`"price":10.5,"double":21,"sign":"it's`),
    shown: `{ rows: [...], warnings: [] }`
  },
  {
    name: "Search.aggregate with all reducers",
    command: Search.aggregate(
      Search.aggregation(Books, Query.all).groupBy([], {
        a: Reduce.countDistinct("price"),
        b: Reduce.countDistinctish("price"),
        c: Reduce.sum("price"),
        d: Reduce.min("price"),
        e: Reduce.max("price"),
        f: Reduce.stddev("price"),
        g: Reduce.quantile("price", 0.5),
        h: Reduce.firstValue("title", "price", "DESC"),
        i: Reduce.firstValue("title")
      })
    ),
    prepare: three,
    unstable: (value) => /"a":3,.*"c":60.5,"d":10.5,"e":30,"f":9.7.*"g":20,"h":"whales"/i.test(JSON.stringify(value)),
    shown: `{ rows: [...], warnings: [] }`
  },
  {
    name: "Search.aggregate with lists",
    command: Search.aggregate(
      Search.aggregation(Books, Query.words("whales")).groupBy([], {
        all: Reduce.toList("price"),
        some: Reduce.randomSample("price", 2)
      })
    ),
    prepare: three,
    expected: { rows: [{ all: ["30"], some: ["30"] }], warnings: [] }
  },
  {
    name: "Search.aggregate of JSON",
    command: Search.aggregate(
      Search.aggregation(People, Query.all).load(["name", "age"]).sortBy([["name", "ASC"]])
    ),
    prepare: json,
    expected: { rows: [{ name: "Ada \"x\"", age: 36 }, { name: "Grace", age: null }], warnings: [] }
  }
]

const suggested = [Search.sugadd("{t}s", "hello", 2, { payload: "p" }), Search.sugadd("{t}s", "help", 1)]

const words: ReadonlyArray<Sample> = [
  {
    name: "Search.dictadd",
    command: Search.dictadd("{t}dict", ["a", "b"]),
    unstable: (value) => typeof value === "number",
    shown: "2"
  },
  {
    name: "Search.dictdel",
    command: Search.dictdel("{t}dict", ["a", "none"]),
    prepare: [Search.dictadd("{t}dict", "a")],
    expected: 1
  },
  {
    name: "Search.dictdump",
    command: Search.dictdump("{t}dict"),
    prepare: [Search.dictadd("{t}dict", ["a", "b"])],
    unstable: (value) => JSON.stringify(value) === `["a","b"]`,
    shown: `["a", "b"]`
  },
  {
    name: "Search.spellcheck",
    command: Search.spellcheck(Books, "whals Old qqqqqq", { distance: 2 }),
    prepare: three,
    unstable: (value) => JSON.stringify(value).startsWith(`[{"term":"whals","suggestions":[{`),
    shown: `[{ term: "whals", suggestions: [{ word: "whales", score: 1 }] }]`
  },
  {
    name: "Search.spellcheck with dictionaries",
    command: Search.spellcheck(Books, "whals", { include: ["{t}more"], exclude: ["{t}right"] }),
    prepare: [...three, Search.dictadd("{t}more", "whalz"), Search.dictadd("{t}right", "other")],
    unstable: (value) => JSON.stringify(value).includes("whalz"),
    shown: `[{ term: "whals", suggestions: [...] }]`
  },
  {
    name: "Search.synupdate",
    command: Search.synupdate(Books, "g", ["boat", "ship"], { skipInitialScan: true }),
    prepare: empty,
    expected: "OK"
  },
  {
    name: "Search.syndump",
    command: Search.syndump(Books),
    prepare: [...empty, Search.synupdate(Books, "g", ["boat", "ship"])],
    expected: { boat: ["g"], ship: ["g"] }
  },
  { name: "Search.sugadd", command: Search.sugadd("{t}s", "hello", 1), expected: 1 },
  {
    name: "Search.sugadd with options",
    command: Search.sugadd("{t}s", "hello", 1.5, { increment: true, payload: "x" }),
    prepare: suggested,
    expected: 2
  },
  { name: "Search.sugdel", command: Search.sugdel("{t}s", "hello"), prepare: suggested, expected: true },
  {
    name: "Search.sugget",
    command: Search.sugget("{t}s", "he"),
    prepare: suggested,
    unstable: (value) =>
      JSON.stringify(value).startsWith(`[{"text":"hello","score":`) && JSON.stringify(value).includes(`"payload":null`),
    shown: `[{ text: "hello", score: 0.71, payload: "p" }, { text: "help", score: 0.41, payload: null }]`
  },
  {
    name: "Search.sugget with options",
    command: Search.sugget("{t}s", "hallo", { fuzzy: true, max: 1 }),
    prepare: suggested,
    unstable: (value) => JSON.stringify(value).includes("hello"),
    shown: "[...]"
  },
  { name: "Search.sugget of a missing key", command: Search.sugget("{t}none", "he"), expected: [] },
  { name: "Search.suglen", command: Search.suglen("{t}s"), prepare: suggested, expected: 2 }
]

export const search: ReadonlyArray<Sample> = [...indexes, ...searches, ...aggregations, ...words]
