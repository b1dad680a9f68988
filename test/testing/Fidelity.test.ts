/**
 * The engine answers as a real server does: random sequences of commands are sent to both.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { normalized } from "./differences.ts"
import { groups, inspection } from "./sequences.ts"
import * as Twins from "./Twins.ts"

const runs = Number(process.env["FIDELITY_RUNS"] ?? 250)

/** Sequences for which the engine once had another answer than a server. */
const differed: Readonly<Record<string, ReadonlyArray<[Array<Array<string>>]> | undefined>> = {
  "sorted sets": [[[
    ["ZADD", "{t}c", "0", "1", "0", "a"],
    ["ZADD", "{t}b", "0", "a"],
    ["ZUNION", "2", "{t}c", "{t}b", "WEIGHTS", "1", "-1", "AGGREGATE", "MIN", "WITHSCORES"]
  ]]]
}

describe("The engine answers as a server does", () => {
  layer(RedisCluster.layer({ primaries: 1 }), { excludeTestServices: true })((it) => {
    for (const [name, sequences] of Object.entries(groups)) {
      for (const resp of ["2", "3"]) {
        it.effect(`${name}, over RESP${resp}`, (ctx) =>
          Effect.gen(function*() {
            const reason = yield* Twins.incomparable
            if (reason !== undefined) return ctx.skip(reason)
            const twins = yield* Twins.make
            const names = [...new Set(fc.sample(sequences, 200).flat().map(([word]) => word))]
            const known = yield* Effect.promise(() => twins.known(names))
            if (!names.some((word) => known.has(word) && word.startsWith("H")) && name.includes("expire")) {
              ctx.skip("this server knows no fields that expire")
            }
            const property = fc.asyncProperty(sequences, async (sequence) => {
              const commands = [
                ["RESET"],
                ["HELLO", resp],
                ["FLUSHALL"],
                ...sequence.filter(([word]) => known.has(word) || word === "NOSUCH"),
                // The bytes of a HyperLogLog are the server's own affair.
                ...inspection.filter(([word]) => name !== "hyperloglog" || word !== "GET")
              ]
              const [real, fake] = await Promise.all([twins.real(commands), twins.fake(commands)])
              for (let i = 2; i < commands.length; i++) {
                assert.strictEqual(
                  JSON.stringify(normalized(commands[i], fake[i])),
                  JSON.stringify(normalized(commands[i], real[i])),
                  `after ${JSON.stringify(commands.slice(3, i + 1))}`
                )
              }
            })
            yield* Effect.promise(() => fc.assert(property, { numRuns: runs, examples: [...differed[name] ?? []] }))
          }), Math.max(60_000, runs * 300))
      }
    }
  })
})
