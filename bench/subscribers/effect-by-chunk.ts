import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { effectSubscriber } from "./effect.ts"

/** This project: a stream, the messages of one read at a time. */
export const subscribe = effectSubscriber((redis, channels, live, onMessage) =>
  Stream.runForEachArray(redis.subscribeEvents(channels), (events) =>
    Effect.sync(() => {
      for (const event of events) {
        if (event._tag === "Message") onMessage(event.payload)
        else live()
      }
    }))
)
