/**
 * One server for tests and scripts that are written with promises.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as RedisServer from "./RedisServer.ts"

/** A running server; `stop` ends it and removes its files. So does the end of this process, however it comes. */
export interface LoneServer {
  readonly port: number
  readonly stop: () => Promise<void>
}

/** Starts a server of the suite's own kind, or of a certain binary, with further options as on its command line. */
export const start = async (options: ReadonlyArray<string>, binary?: string): Promise<LoneServer> => {
  const scope = Scope.makeUnsafe()
  const stop = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const started = Effect.gen(function*() {
    const space = yield* RedisServer.workspace
    return yield* RedisServer.start(binary === undefined ? space : { ...space, binary }, { options })
  })
  const provided = Effect.provide(Scope.provide(started, scope), NodeServices.layer)
  try {
    const { port } = await Effect.runPromise(provided)
    return { port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
