/** Finds a server, or installs one, once and before any test, and says which it is. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as RedisServer from "./RedisServer.ts"

const describeServer = RedisServer.workspace.pipe(
  Effect.flatMap(RedisServer.version),
  Effect.scoped,
  Effect.provide(NodeServices.layer),
  Effect.match({
    onSuccess: (version) => {
      process.stderr.write(`Servers: ${version}\n`)
    },
    onFailure: (error) => {
      process.stderr.write(`${error.message}\n`)
      process.exit(1)
    }
  })
)

export default (): Promise<void> => Effect.runPromise(describeServer)
