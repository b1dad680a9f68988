/**
 * A cluster for code that knows nothing of Effect: promises in, promises out, one client for all, a readiness probe, and an
 * orderly end. The same bridge serves Express, Fastify, Hono ...
 */
// Run: node examples/without-effect.ts
import { Effect, ManagedRuntime } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

// With a cluster of your own: ClusterClient.layerEnv(), which reads REDIS_URL, REDIS_PASSWORD and so on.
const runtime = ManagedRuntime.make(exampleClient())

/** The part of Redis that the rest of the program sees: functions that return promises. */
const visits = (page: string): Promise<number> =>
  runtime.runPromise(ClusterClient.use((redis) => redis.incr(`visits:${page}`)))

const isReady = (): Promise<boolean> =>
  runtime.runPromise(
    ClusterClient.use((redis) => redis.requireHealthy({ timeout: "500 millis" })).pipe(
      Effect.as(true),
      Effect.catch(() => Effect.succeed(false))
    )
  )

const server = createServer((request, response) => {
  const answer = request.url === "/ready"
    ? isReady().then((ready) => response.writeHead(ready ? 200 : 503).end(ready ? "ready\n" : "not ready\n"))
    : visits(request.url ?? "/").then((count) => response.end(`visit number ${count}\n`))
  answer.catch((error: unknown) => response.writeHead(500).end(`${String(error)}\n`))
})

server.listen(0, "127.0.0.1")
await once(server, "listening")
const address = server.address()
const port = typeof address === "object" && address !== null ? address.port : 0
for (const path of ["/ready", "/home", "/home"]) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  console.log(`${path}: ${response.status} ${(await response.text()).trim()}`)
}

// Waits for replies that are due, then closes every connection.
server.closeAllConnections()
server.close()
await runtime.dispose()
