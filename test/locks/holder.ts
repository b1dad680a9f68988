/**
 * A process that holds a lock and says what becomes of it: `node holder.ts <key> <ttl> <seed>...`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { Lifetime } from "../../src/commands/Call.ts"
import * as Lock from "../../src/Lock.ts"

const [key, ttl, ...nodes] = process.argv.slice(2)

Lock.withLock(key, { ttl: ttl as Lifetime, fencing: true })((lock) =>
  Console.log(`held ${lock.fence}`).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Console.log("interrupted"))
  )
).pipe(
  Effect.catchTag("LockLostError", (error) => Console.log(error._tag)),
  Effect.andThen(Console.log("released")),
  Effect.provide(ClusterClient.layer({ nodes })),
  NodeRuntime.runMain
)
