import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { effectSubscriber } from "./effect.ts"

/** This project, the messages of one read at a time. */
export const subscribe = effectSubscriber((messages, onMessage) =>
  Stream.runForEachArray(messages, (chunk) =>
    Effect.sync(() => {
      for (const message of chunk) onMessage(message.payload)
    }))
)
