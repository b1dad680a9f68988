/** `slot`: the hash slot of keys. Nothing is sent. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { HashSlot } from "../../index.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import { Screen } from "../output/Screen.ts"

/** The keys of a command. */
export const keys = Argument.String("key").pipe(
  Argument.withDescription("A key; its hash tag counts, when it has one"),
  Argument.variadic({ min: 1 })
)

/** The part of the key that is hashed. */
const tagOf = (key: string): string => {
  const begin = key.indexOf("{")
  const end = key.indexOf("}", begin + 1)
  return begin < 0 || end <= begin + 1 ? "" : key.slice(begin + 1, end)
}

export const slot = Command.make(
  "slot",
  { keys, json: jsonFlag },
  Effect.fnUntraced(function*({ json, keys }) {
    const screen = yield* Screen
    const rows = keys.map((key) => ({ key, slot: HashSlot.ofKey(key), tag: tagOf(key) }))
    if (json) return yield* screen.printJson(rows)
    yield* screen.printTable({
      columns: [{ title: "KEY", least: 12 }, { title: "SLOT", align: "right" }, { title: "HASH TAG", least: 8 }],
      rows: rows.map(({ key, slot, tag }) => [key, `${slot}`, tag])
    })
  })
).pipe(
  Command.withDescription("Prints the hash slots of keys, without a connection"),
  Command.withExamples([
    { command: "effect-redis-cluster slot user:1 user:2", description: "The slots of two keys" },
    {
      command: "effect-redis-cluster slot '{user:1}:cart' '{user:1}:orders'",
      description: "Keys with one hash tag have one slot, so that a transaction may have both"
    }
  ])
)
