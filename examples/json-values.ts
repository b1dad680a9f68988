/**
 * Typed values: written and read by a schema.
 */
// Run: node examples/json-values.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Schema } from "effect"
import { ClusterClient, Command, Strings } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const User = Schema.Struct({ name: Schema.String, born: Schema.Number })
const UserJson = Schema.fromJsonString(User)

const Order = Schema.Struct({ id: Schema.String, total: Schema.FiniteFromString })

/** A command without a client yet: it runs on the `ClusterClient` of the fiber that yields it, or in a pipeline of any client. */
const getUser = (id: number) => Strings.get(`user:${id}`).pipe(Command.schema(Schema.NullOr(UserJson)))

const setUser = (id: number, user: typeof User.Type) =>
  Strings.set(`user:${id}`, Command.encode(UserJson)(user), { expire: "10 minutes" })

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient
  yield* setUser(1, { name: "ada", born: 1815 })
  const user = yield* getUser(1)
  yield* Console.log(user === null ? "nobody" : `${user.name}, born ${user.born}`)

  // A method of the client makes a command, too: pipe it before it is yielded.
  const name = yield* redis.get("user:1").pipe(
    Command.schema(Schema.NullOr(UserJson)),
    Command.map((user) => user?.name)
  )
  yield* Console.log(`again: ${name}`)

  // A hash, field by field. A missing key is null.
  yield* redis.hset("order:1", Command.fields(Order)({ id: "1", total: 20 }))
  const order = yield* redis.hgetall("order:1").pipe(Command.hash(Order))
  yield* Console.log(order === null ? "no order" : `the order ${order.id}: ${order.total}`)

  // A value that does not fit the schema is a DecodeError. The command was executed, and the outcome says so.
  yield* redis.set("user:2", "no json", { expire: "10 minutes" })
  yield* getUser(2).pipe(
    Effect.catchReason(
      "RedisClusterException",
      "DecodeError",
      (reason) => Console.log(`DecodeError, outcome ${reason.outcome}`)
    )
  )
})

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
