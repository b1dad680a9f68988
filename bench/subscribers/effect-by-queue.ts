import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { effectSubscriber } from "./effect.ts"

/** This project: a queue, from which one message after the other is taken. */
export const subscribe = effectSubscriber((redis, channels, live, onMessage) =>
  Effect.flatMap(redis.subscribeScoped(channels), (subscription) => {
    live()
    return Effect.forever(Effect.map(Queue.take(subscription), ({ payload }) => onMessage(payload)))
  })
)
