import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { effectClient } from "./effectClient.ts"
import { SocketLoops } from "./SocketLoop.ts"

/** The bare socket loop behind one `Effect.callback` per command: what an Effect client cannot beat. */
export const client = effectClient("floor + Effect.callback", async (nodes) => {
  const loops = await SocketLoops.connect(nodes)
  return {
    get: (key) => Effect.callback<string | null>((resume) => loops.get(key, (reply) => resume(Exit.succeed(reply)))),
    set: (key, value) =>
      Effect.callback<string | null>((resume) => loops.set(key, value, (reply) => resume(Exit.succeed(reply)))),
    mgetNonatomic: (keys) =>
      Effect.callback<ReadonlyArray<string | null>>((resume) =>
        loops.mget(keys, (replies) => resume(Exit.succeed(replies)))
      ),
    close: async () => loops.close()
  }
})
