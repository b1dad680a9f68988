import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { effectSubscriber } from "./effect.ts"

/** This project, with an effect for each message. */
export const subscribe = effectSubscriber((messages, onMessage) =>
  Stream.runForEach(messages, (message) => Effect.sync(() => onMessage(message.payload)))
)
