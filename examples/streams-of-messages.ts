/**
 * Messages as a stream: typed by a schema, grouped by their channel, and calmed down per group.
 */
// Run: node examples/streams-of-messages.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Schema, Stream } from "effect"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const Reading = Schema.fromJsonString(Schema.Struct({ sensor: Schema.String, celsius: Schema.Number }))

const program = Effect.scoped(Effect.gen(function*() {
  const redis = yield* ClusterClient

  // The subscription is live when the effect ends: what is published from here on is not missed.
  const readings = yield* redis.subscribeScoped({ patterns: "readings:*" }, { schema: Reading })

  const printing = yield* Stream.fromQueue(readings).pipe(
    Stream.take(40),
    // A stream per sensor, side by side: of a burst, the last reading is enough.
    Stream.groupByKey((message) => message.payload.sensor),
    Stream.flatMap(([sensor, messages]) =>
      messages.pipe(
        Stream.debounce("50 millis"),
        Stream.map(({ payload }) => `${sensor}: ${payload.celsius.toFixed(1)} degrees`)
      ), { concurrency: "unbounded" }),
    Stream.runForEach((line) => Console.log(line)),
    Effect.forkScoped
  )

  for (const sensor of ["kitchen", "cellar"]) {
    for (let i = 1; i <= 20; i++) {
      const reading = { sensor, celsius: sensor === "kitchen" ? 20 + i / 10 : 11 + i / 10 }
      yield* redis.publish(`readings:${sensor}`, JSON.stringify(reading))
    }
  }
  yield* Fiber.join(printing)
}))

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
