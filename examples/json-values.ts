/**
 * Typed values: the reply of a command, decoded by a schema.
 */
// Run: node examples/json-values.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { ClusterClient, Command, Strings } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const User = Schema.Struct({ name: Schema.String, born: Schema.Number })
const UserJson = Schema.fromJsonString(User)

/** `Command<{ readonly name: string; readonly born: number } | null>`: a value, nothing is sent yet. */
const getUser = (id: number) => Strings.get(`user:${id}`).pipe(Command.schema(Schema.NullOr(UserJson)))

const setUser = (id: number, user: typeof User.Type) =>
  Strings.set(`user:${id}`, Schema.encodeSync(UserJson)(user), { expire: "10 minutes" })

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* redis.execute(setUser(1, { name: "ada", born: 1815 }))
  const user = yield* redis.execute(getUser(1))
  yield* Console.log(user === null ? "nobody" : `${user.name}, born ${user.born}`)

  // What does not fit the schema is a DecodeError. The command was executed, and the outcome says so.
  yield* redis.set("user:2", "no json", { expire: "10 minutes" })
  yield* redis.execute(getUser(2)).pipe(
    Effect.catchReason(
      "RedisClusterException",
      "DecodeError",
      (reason) => Console.log(`DecodeError, outcome ${reason.outcome}`)
    )
  )
})

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
