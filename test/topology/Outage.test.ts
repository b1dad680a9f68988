import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { outage } from "./outage.ts"

describe("An outage is quiet", () => {
  it.live(
    "however many clients lose a shard, they ask seldom, and all know the new owner within two seconds",
    () =>
      Effect.gen(function*() {
        const report = yield* outage({ clients: 10, shards: 5, outage: 15_000, seed: "outage" })
        assert.isAtMost(report.mostByClient, 15)
        assert.isAtMost(report.busiestSecond, 200)
        assert.isAtMost(report.lastKnew, 2000)
      }),
    60_000
  )
})
