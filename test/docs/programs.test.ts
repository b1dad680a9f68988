/**
 * The programs in the README and in the pages under docs/ compile and run, as they stand there.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { blocksOf, pages, project } from "./Blocks.ts"
import { blocks, node, Programs } from "./Programs.ts"

const withPrograms = layer(Programs.layer, { excludeTestServices: true, timeout: "60 seconds" })

describe("The README and the pages under docs/", { tags: ["long"] }, () => {
  withPrograms("show programs", (it) => {
    it.effect("that compile", () =>
      Effect.gen(function*() {
        assert.isNotEmpty(blocks)
        const { directory } = yield* Programs
        const { output } = yield* node([`${project}node_modules/typescript/bin/tsc`, "-p", directory], {
          cwd: directory
        })
        assert.strictEqual(output, "")
      }), 60_000)

    for (const page of pages) {
      const own = blocksOf(page).filter(({ kind }) => kind !== "not run")
      if (own.length === 0) continue
      it.effect(`that run on a real cluster: ${page}`, () =>
        Effect.gen(function*() {
          const failures = yield* Effect.flatMap(Programs, ({ failures }) => failures)
          assert.deepStrictEqual(
            own.filter(({ file }) => failures.has(file)).map(({ file, place }) => `${place}: ${failures.get(file)}`),
            []
          )
        }), 300_000)
    }
  })
})
