/**
 * Options that are objects of options: a misspelt name in them is refused, in every builder that has some.
 */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync } from "node:fs"
import { call } from "../../src/commands/Call.ts"
import { checked } from "../../src/commands/checked.ts"
import type { Command } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import * as decode from "../../src/commands/decode.ts"
import { Generic } from "../../src/commands/Generic.ts"
import type { Parameters } from "../../src/commands/parameters/Parameters.ts"
import { Streams } from "../../src/commands/Streams.ts"

const folders = ["../../src/commands/parameters/", "../../src/modules/parameters/"]
const files = folders.flatMap((folder) =>
  readdirSync(new URL(folder, import.meta.url))
    .filter((file) => file !== "Parameters.ts")
    .map((file) => new URL(`${folder}${file}`, import.meta.url).href)
)

describe("A misspelt option inside of an option", () => {
  it("is refused by name in every method that has such options", async () => {
    let count = 0
    for (const file of files) {
      const { parameters } = await import(file) as { readonly parameters: Parameters }
      for (const [method, { nested = {}, options = {} }] of Object.entries(parameters)) {
        const build: (...args: ReadonlyArray<unknown>) => Command<unknown> = () =>
          call(new CommandSpec("PING", {})).to(decode.ok)
        const group: Readonly<Record<string, typeof build>> = checked(parameters, { [method]: build })
        for (const [option, names] of Object.entries(nested)) {
          for (const [at, outer] of Object.entries(options)) {
            if (!outer.includes(option)) continue
            const given: Array<unknown> = []
            given[Number(at)] = { [option]: { [`${names[0]}x`]: 1 } }
            assert.include(group[method](...given).settings.invalid ?? "", `${method}: ${option}: there is no option`)
            given[Number(at)] = { [option]: Object.fromEntries(names.map((name) => [name, 1])) }
            assert.strictEqual(group[method](...given).settings.invalid, undefined)
            count++
          }
        }
      }
    }
    assert.isAbove(count, 20)
  })

  it("is refused by the builders of the groups", () => {
    assert.match(
      Generic.sort("k", { limit: { offset: 0, coun: 1 } } as never).settings.invalid ?? "",
      /limit: there is no option "coun"; count is meant/
    )
    assert.match(
      Streams.xadd("k", "*", { f: "v" }, { trim: { maxLength: 1, aproximate: true } } as never).settings.invalid ?? "",
      /trim: there is no option "aproximate"; approximate is meant/
    )
  })
})
