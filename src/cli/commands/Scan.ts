/** `scan`: the keys of the whole cluster. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ClusterClient, HashSlot } from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import * as Progress from "../output/Progress.ts"
import { Screen } from "../output/Screen.ts"
import { count as counted, plural, textOf, visibleBytes } from "../output/text.ts"

const positive = (name: string): Flag.Flag<number> =>
  Flag.Int(name).pipe(Flag.filter((value) => value > 0, () => "Expected a number of at least 1"))

const lineOf = (key: Uint8Array, form: "json" | "shown" | "piped"): string => {
  switch (form) {
    case "json": {
      const text = textOf(key)
      const name = text === undefined ? { keyBase64: Buffer.from(key).toString("base64") } : { key: text }
      return JSON.stringify({ ...name, slot: HashSlot.ofKey(key) })
    }
    case "shown":
      return visibleBytes(key)
    case "piped":
      return textOf(key) ?? visibleBytes(key)
  }
}

export const scan = Command.make(
  "scan",
  {
    connecting: Connecting.withUrls,
    match: Flag.optional(
      Flag.String("match").pipe(
        Flag.withAlias("m"),
        Flag.withMetavar("pattern"),
        Flag.withDescription("Only keys that fit this pattern: user:*")
      )
    ),
    type: Flag.optional(
      Flag.String("type").pipe(
        Flag.withMetavar("type"),
        Flag.withDescription("Only keys of this type: string, list, set, zset, hash, stream")
      )
    ),
    count: positive("count").pipe(
      Flag.withMetavar("keys"),
      Flag.withDescription("The work of a server for one page, as a number of keys (default: 1000)"),
      Flag.withDefault(1000)
    ),
    limit: Flag.optional(
      positive("limit").pipe(
        Flag.withMetavar("keys"),
        Flag.withDescription("Ends after so many keys")
      )
    ),
    total: Flag.Boolean("total").pipe(
      Flag.withDescription("Prints only the number of keys"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    json: jsonFlag.pipe(Flag.withDescription("Prints a line of JSON for each key"))
  },
  Effect.fnUntraced(function*({ count, json, limit, match, total, type }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    // The bar would stand among the keys on the same terminal.
    const show = screen.isTerminal && !total ? undefined : yield* Progress.make("scan")
    const keys = redis.scanStream({
      bytes: true,
      count,
      ...Option.match(match, { onNone: () => ({}), onSome: (match) => ({ match }) }),
      ...Option.match(type, { onNone: () => ({}), onSome: (type) => ({ type }) }),
      ...(show === undefined ? {} : {
        onProgress: (
          { keys, slots, total }: { readonly keys: number; readonly slots: number; readonly total: number }
        ) => show(slots / total, plural(keys, "key"))
      })
    })
    const wanted = Option.match(limit, { onNone: () => keys, onSome: (limit) => Stream.take(keys, limit) })
    if (total) {
      const found = yield* Stream.runCount(wanted)
      return yield* screen.print(
        json ? JSON.stringify({ keys: found }) : screen.isTerminal ? counted(found) : `${found}`
      )
    }
    const form = json ? "json" : screen.isTerminal ? "shown" : "piped"
    yield* screen.printAll(Stream.map(wanted, (key) => lineOf(key, form)))
  }, Effect.scoped)
).pipe(
  Command.withDescription("Prints the keys of the whole cluster, also while slots move and nodes fail over"),
  Command.withExamples([
    { command: "effect-redis-cluster scan --match 'user:*' localhost:7000", description: "The keys of a pattern" },
    { command: "effect-redis-cluster scan --total --type stream localhost:7000", description: "The number of streams" },
    {
      command: "effect-redis-cluster scan --json localhost:7000 | jq -r .key",
      description: "A line of JSON for each key, with its slot"
    }
  ]),
  Connecting.connected
)
