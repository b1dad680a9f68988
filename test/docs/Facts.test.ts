/**
 * The tables of the pages are complete: every reason, every event, every metric, the number of commands.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { readFileSync } from "node:fs"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { groups } from "../../src/commands/Commands.ts"
import { Reason } from "../../src/RedisClusterException.ts"
import { TestCluster } from "../../src/testing/index.ts"
import { project } from "./Blocks.ts"

const textOf = (file: string) => readFileSync(project + file, "utf8")

/** The names in the first cells of the rows of all tables behind a heading. */
const namesIn = (page: string, heading: string): ReadonlyArray<string> => {
  const [, section = ""] = textOf(page).split(`\n${heading}\n`)
  const [own] = section.split(/^#+ /m)
  return Array.from(
    own.matchAll(/^\|([^|]+)\|/gm),
    ([, cell]) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name)
  )
    .flat()
}

const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted()

describe("The pages name", () => {
  it("every reason of an error", () => {
    const reasons = Reason.members.map((member) => member.fields._tag.schema.literal)
    assert.deepStrictEqual(sorted(namesIn("docs/errors.md", "## All reasons")), sorted(reasons))
  })

  it("every event of the client", () => {
    const events = Array.from(
      textOf("src/observability/ClientEvent.ts").matchAll(/readonly _tag: "(\w+)"/g),
      ([, tag]) => tag
    )
    assert.deepStrictEqual(sorted(namesIn("docs/observability.md", "## Events")), sorted(events))
  })

  it.effect("every metric", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.on("primaries").ping()
      yield* Effect.ignore(redis.mget(["a", "b"]))
      const metrics = (yield* Metric.snapshot).map(({ id }) => id).filter((id) => id.startsWith("redis_cluster_"))
      assert.deepStrictEqual(sorted(namesIn("docs/observability.md", "## Metrics")), sorted(metrics))
    }).pipe(Effect.provide(TestCluster.layer())))

  it("the number of commands", () => {
    const commands = groups.flatMap((group) => Object.keys(group)).length
    assert.include(textOf("README.md"), `typed.** ${commands} of them`)
  })
})
