/**
 * Errors: one exception, a closed set of reasons, and what became of the command.
 */
// Run: node examples/errors.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schedule } from "effect"
import { ClusterClient, Command } from "../src/index.ts"
import { exampleClient } from "./support.ts"

/** One reason handled; every other one stays in the error channel. */
const oneReason = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.mget(["ada", "grace"])
}).pipe(
  Effect.catchReason(
    "RedisClusterException",
    "CrossSlotError",
    (reason) => Console.log(`CrossSlotError: the keys are in slots ${reason.slots.join(" and ")}; ${reason.outcome}`)
  )
)

/** Several reasons, each with its own answer. */
const severalReasons = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.set("name", "ada", { expire: "1 minute" })
  return yield* redis.incr("name")
}).pipe(
  Effect.catchReasons("RedisClusterException", {
    ReplyError: (reason) => Effect.as(Console.log(`ReplyError: ${reason.message}`), -1),
    TimeoutError: (reason) => Effect.as(Console.log(`TimeoutError: outcome ${reason.outcome}`), -1)
  })
)

/** The outcome decides what a program may do about a failed write. */
const byOutcome = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.incr("orders").pipe(Command.timeout("2 seconds"))
}).pipe(
  Effect.catchTag("RedisClusterException", (error) => {
    switch (error.outcome) {
      case "NotExecuted":
        return Console.log("nothing happened: it can be sent again")
      case "Unknown":
        return Console.log("it may have been counted: compare before counting again")
      case "Executed":
        return Console.log("it was counted, its answer could not be read")
    }
  })
)

/**
 * The client itself tries again until the deadline. A program that wants to go on longer retries what says it is
 * retryable: never a write that may have been executed.
 */
const retried = Effect.gen(function*() {
  const redis = yield* ClusterClient
  return yield* redis.incr("orders")
}).pipe(
  Effect.retry({
    schedule: Schedule.max([Schedule.exponential("100 millis"), Schedule.recurs(5)]),
    while: (error) => error.isRetryable
  })
)

const program = Effect.gen(function*() {
  yield* oneReason
  yield* severalReasons
  yield* byOutcome
  yield* Console.log(`orders: ${yield* retried}`)
})

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
