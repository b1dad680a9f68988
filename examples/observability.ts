/**
 * The observability of a client: its metrics as Prometheus reads them, its spans, logs and metrics as OTLP sends them
 * (to a receiver within this program), and its events.
 */
// Run: node examples/observability.ts
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer, Stream } from "effect"
import { FetchHttpClient, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Otlp, OtlpExporter, PrometheusMetrics } from "effect/observability"
import { createServer } from "node:http"
import { ClusterClient } from "../src/index.ts"
import { exampleClient } from "./support.ts"

/** Stands for an OpenTelemetry collector: takes what is sent and keeps the names of it. */
const received = { spans: new Set<string>(), metrics: new Set<string>(), logs: 0 }

const receiver = HttpRouter.use(Effect.fnUntraced(function*(router) {
  const namesIn = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, name]) => name)
  const receive = (take: (body: string) => void) =>
    Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      take(yield* Effect.orDie(request.text))
      return HttpServerResponse.text("{}")
    })
  yield* router.add(
    "POST",
    "/v1/traces",
    receive((body) => {
      for (const name of namesIn(body, /"name":"([A-Z][^"]*)"/g)) received.spans.add(name)
    })
  )
  yield* router.add(
    "POST",
    "/v1/metrics",
    receive((body) => {
      for (const name of namesIn(body, /"name":"(redis_cluster[^"]*)"/g)) received.metrics.add(name)
    })
  )
  yield* router.add("POST", "/v1/logs", receive(() => received.logs++))
}))

/** One server for both: what Prometheus scrapes, and the receiver. On loopback, on a free port. */
const server = HttpRouter.serve(Layer.merge(PrometheusMetrics.layerHttp(), receiver), { disableLogger: true }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const serverUrl = Effect.map(
  HttpServer.HttpServer,
  ({ address }) => `http://127.0.0.1:${"port" in address ? address.port : 0}`
)

const otlp = Layer.unwrap(
  Effect.map(serverUrl, (baseUrl) => Otlp.layerJson({ baseUrl, resource: { serviceName: "shop" } }))
).pipe(Layer.provide(FetchHttpClient.layer))

const program = Effect.gen(function*() {
  const redis = yield* ClusterClient
  const events = yield* Effect.forkChild(
    Stream.runForEach(Stream.take(redis.events, 1), (event) => Console.log(`event: ${event._tag}`)),
    { startImmediately: true }
  )

  // Each command in here is a span of its own, a child of "checkout".
  yield* Effect.gen(function*() {
    yield* redis.set("cart:1", "3 apples", { expire: "10 minutes" })
    yield* redis.get("cart:1")
    yield* redis.pipeline([redis.get("cart:1"), redis.get("cart:2")])
    yield* Effect.ignore(redis.lpush("cart:1", ["pear"]))
  }).pipe(Effect.withSpan("checkout"))

  yield* redis.refreshTopology
  yield* Fiber.join(events)

  const url = yield* serverUrl
  const page = yield* Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text()))
  for (const line of page.split("\n").filter((line) => /^redis_cluster_(commands|errors|slots)/.test(line))) {
    yield* Console.log(line)
  }

  // The series of a client go with it, so that the last values are sent while it is there.
  const exporter = yield* OtlpExporter.Flusher
  yield* exporter.flush
})

const told = Effect.suspend(() =>
  Console.log(
    `spans received: ${[...received.spans].toSorted().join(", ")}\nmetrics received: ${received.metrics.size}`
  )
)

program.pipe(
  Effect.provide(exampleClient()),
  Effect.provide(otlp),
  Effect.andThen(told),
  Effect.provide(server),
  NodeRuntime.runMain
)
