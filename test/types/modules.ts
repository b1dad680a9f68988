/**
 * Types of the commands of modules: paths decide between lists of matches and single results, and schemas reach into documents. This file is
 * compiled, not run.
 */
import * as Schema from "effect/Schema"
import type * as Command from "../../src/commands/Command.ts"
import { schema } from "../../src/commands/Command.ts"
import { TopK } from "../../src/modules/Bloom.ts"
import { Json, type JsonValue } from "../../src/modules/Json.ts"
import {
  type AggregateResult,
  type GeoPlace,
  Query,
  Reduce,
  type RowOf,
  Search,
  type SearchResult
} from "../../src/modules/Search.ts"
import { type Sample, TimeSeries } from "../../src/modules/TimeSeries.ts"

/** Fails to compile when the command does not have exactly this result. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? unknown : never
const is = <A>() => <C extends Command.Command<unknown>>(command: C & Same<Command.Success<C>, A>): C => command

declare const path: string

// A path of JSONPath gives a list, a legacy path one result, and text that is known at run time only either.
is<JsonValue | null>()(Json.get("k"))
is<ReadonlyArray<JsonValue> | null>()(Json.get("k", "$.a"))
is<ReadonlyArray<JsonValue> | null>()(Json.get("k", Json.path("a", 0)))
is<JsonValue | null>()(Json.get("k", ".a"))
is<ReadonlyArray<number | null>>()(Json.arrlen("k", "$.a"))
is<number | null>()(Json.arrlen("k", ".a"))
is<ReadonlyArray<number | null> | number | null>()(Json.arrlen("k", path))
is<number>()(Json.arrappend("k", ".a", [1]))
is<ReadonlyArray<boolean | null>>()(Json.toggle("k", "$.a"))
is<ReadonlyArray<ReadonlyArray<JsonValue> | null>>()(Json.mget(["k"], "$"))
is<Readonly<Record<"$.a" | ".b", ReadonlyArray<JsonValue>>> | null>()(Json.get("k", ["$.a", ".b"]))

// Any schema can be tried on JSON.
is<ReadonlyArray<number> | null>()(Json.get("k", "$.a").pipe(schema(Schema.NullOr(Schema.Array(Schema.Number)))))

const User = Schema.Struct({
  name: Schema.String,
  born: Schema.Date,
  nick: Schema.optionalKey(Schema.String),
  home: Schema.optional(Schema.Struct({ city: Schema.String })),
  tags: Schema.Array(Schema.String),
  phones: Schema.Record(Schema.String, Schema.Number)
})
const Users = Json.of(User, (id: number) => `user:${id}`)

is<typeof User.Type | null>()(Users.get(1))
is<Date | null>()(Users.at("born").get(1))
is<string | null>()(Users.at("home").at("city").get(1))
is<string | null>()(Users.at("tags").at(0).get(1))
is<number | null>()(Users.at("phones").at("any").get(1))
// @ts-expect-error: there is no such property
Users.at("nothing")
// @ts-expect-error: a list has positions
Users.at("tags").at("first")
// @ts-expect-error: the input is a number
Users.get("1")
// @ts-expect-error: the date is a date
Users.at("born").set(1, "1815-12-10")
Users.merge(1, { nick: null, name: "ada" })
// @ts-expect-error: a property that is always there cannot be removed
Users.merge(1, { name: null })
// @ts-expect-error: a date is no JSON
Json.set("k", "$", new Date())

is<ReadonlyArray<string>>()(TopK.list("k"))
is<ReadonlyArray<readonly [item: string, count: number]>>()(TopK.list("k", { withCount: true }))
is<ReadonlyArray<Sample>>()(TimeSeries.range("k", "-", "+"))
// @ts-expect-error: a span of time has a unit
TimeSeries.create("k", { retention: 1000 })

// The documents and the rows of a search have the types of the fields, and a query needs the fields that it names.
const Books = Search.index("books", {
  on: "hash",
  fields: {
    title: Search.text(),
    tags: Search.tag(),
    price: Search.numeric(),
    at: Search.geo(),
    cover: Search.vector({ algorithm: "FLAT", type: "FLOAT64", dimensions: 2, distance: "L2" })
  }
})
const booksQuery = Query.and(Query.words("a", "title"), Query.tag("tags", "b"), Query.range("price", { above: 1 }))
is<
  SearchResult<
    {
      readonly title?: string
      readonly tags?: ReadonlyArray<string>
      readonly price?: number
      readonly at?: GeoPlace
    }
  >
>()(Search.search(Books, booksQuery))
is<SearchResult<{ readonly cover?: Float64Array }>>()(Search.search(Books, Query.all, { return: ["cover"] }))
is<AggregateResult<RowOf<{ readonly tags: "text"; readonly n: "number"; readonly all: "list" }>>>()(
  Search.aggregate(
    Search.aggregation(Books, Query.all).groupBy(["tags"], { n: Reduce.count(), all: Reduce.toList("price") })
  )
)
// @ts-expect-error the index has no such field
Search.search(Books, Query.words("a", "nothing"))
// @ts-expect-error the field has no numbers
Search.search(Books, Query.and(Query.words("a", "title"), Query.range("title", { above: 1 })))
// @ts-expect-error there is no such option
Search.search(Books, Query.all, { nocontent: true })
// @ts-expect-error the index has no such field
Search.search(Books, Query.all, { return: ["nothing"] })
// @ts-expect-error a group has its names only
Search.aggregation(Books, Query.all).groupBy(["tags"], { n: Reduce.count() }).sortBy([["price", "ASC"]])
// @ts-expect-error a vector is no value of a row
Search.aggregation(Books, Query.all).load(["cover"])
// @ts-expect-error a reducer reads a field of the index
Search.aggregation(Books, Query.all).groupBy([], { n: Reduce.sum("nothing") })
// @ts-expect-error a field has no such option
Search.text({ nostem: true })
// @ts-expect-error the field has no tags
Search.tagvals(Books, "nothing")
