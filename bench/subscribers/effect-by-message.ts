import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { effectSubscriber } from "./effect.ts"

/** This project: a stream, with an effect for each message. */
export const subscribe = effectSubscriber((redis, channels, live, onMessage) =>
  Stream.runForEach(
    redis.subscribeEvents(channels),
    (event) => Effect.sync(() => event._tag === "Message" ? onMessage(event.payload) : live())
  )
)
