/**
 * A chat over shard channels: each room lives on the shard that owns its slot, so that rooms spread over the cluster.
 */
// Run: node examples/chat-room.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Schema, Stream } from "effect"
import { ClusterClient, Command } from "../src/index.ts"
import { exampleClient } from "./support.ts"

const Line = Schema.fromJsonString(Schema.Struct({ from: Schema.String, text: Schema.String }))
const encode = Command.encode(Line)

/** A visitor who has joined gets every line of the room, until the scope ends. */
const join = Effect.fnUntraced(function*(name: string, rooms: ReadonlyArray<string>) {
  const redis = yield* ClusterClient
  // Rooms of any slots in one stream; the client keeps one connection per node.
  const subscription = yield* redis.subscribeEventsScoped({ shardChannels: rooms }, {
    schema: Line,
    strategy: "sliding",
    bufferSize: 1000
  })
  const screen = yield* Stream.fromQueue(subscription).pipe(
    Stream.takeUntil((event) => event._tag === "Message" && event.payload.text === "bye"),
    Stream.runForEach((event) => {
      switch (event._tag) {
        case "Subscribed":
          return Console.log(`(${name} is in ${event.channels.toSorted().join(", ")})`)
        case "Gap":
          return Console.log(`(${name} may have missed something in ${event.channels.join(", ")}: ${event.reason})`)
        case "Message":
          return Console.log(`${name} reads in ${event.channel}: ${event.payload.from}: ${event.payload.text}`)
      }
    }),
    Effect.forkScoped
  )
  const say = (room: string, text: string) => redis.spublish(room, encode({ from: name, text }))
  return { say, left: Fiber.join(screen) }
})

const program = Effect.scoped(Effect.gen(function*() {
  const ada = yield* join("ada", ["room:tea", "room:chess"])
  const bob = yield* join("bob", ["room:tea"])

  yield* ada.say("room:tea", "is anybody here?")
  yield* bob.say("room:tea", "I am")
  yield* ada.say("room:chess", "e4")
  yield* bob.say("room:tea", "bye")
  yield* ada.left
  yield* bob.left
}))

program.pipe(Effect.provide(exampleClient()), NodeRuntime.runMain)
