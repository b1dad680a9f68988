/** Serves the page on the loopback interface: its files, and what the sampler knows as server-sent events. Nothing can be written. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { ServeError } from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Latch from "effect/Latch"
import type * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import { cellCount, type Hello, type Tick } from "../page/wire.ts"
import type { Observation } from "../sampler/Observation.ts"
import { type Change, type LiveSampler, Sampler } from "../sampler/Sampler.ts"
import { admit } from "./admission.ts"
import { load } from "./Assets.ts"
import { Histories } from "./Histories.ts"

export interface ViewOptions {
  /** 0 is any free port. */
  readonly port: number
  /** Whether the page shows the words of slow commands, which hold keys and values. */
  readonly showsWords: boolean
}

/** The page loads nothing from elsewhere, is in no frame, and sends nothing anywhere. */
const headers = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

/** The observation without the words of users' commands but for their names. */
const withoutWords = (observation: Observation): Observation => ({
  ...observation,
  slow: observation.slow.map((entry) => ({ ...entry, words: entry.words.slice(0, 1), client: "" }))
})

const event = (name: string, value: unknown): string => `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`

/** The events of one page. */
class Events {
  private readonly sampler: LiveSampler
  private readonly histories = new Histories()
  private readonly shown: (observation: Observation) => Observation

  constructor(sampler: LiveSampler, { showsWords }: ViewOptions) {
    this.sampler = sampler
    this.shown = showsWords ? (observation) => observation : withoutWords
  }

  /** Takes a change, also while no page is open. */
  observe(change: Change): void {
    if (change._tag === "Observed") this.histories.observe(change.observation)
  }

  /** Everything that is known, then every change. A page that takes too little misses the oldest. */
  readonly stream: Stream.Stream<Uint8Array> = Stream.unwrap(
    Effect.suspend(() =>
      Effect.map(PubSub.subscribe(this.sampler.changes), (subscription) =>
        Stream.concat(
          Stream.sync(() => this.hello(this.sampler.latest)),
          Stream.map(Stream.fromSubscription(subscription), (change) => this.text(change))
        ))
    )
  ).pipe(Stream.encodeText)

  private tick(observation: Observation): Tick {
    return { observation: this.shown(observation), cells: this.sampler.heat.cells(cellCount) }
  }

  private hello(observation: Observation): string {
    const hello: Hello = {
      ...this.tick(observation),
      histories: Object.fromEntries(this.histories.nodes),
      totals: this.histories.totals,
      lines: this.sampler.recentLines
    }
    return event("hello", hello)
  }

  private text(change: Change): string {
    switch (change._tag) {
      case "Observed":
        return event("tick", this.tick(change.observation))
      case "Logged":
        return event("line", change.line)
    }
  }
}

export interface View {
  /** The address of the page, with its token. */
  readonly url: string
  /** Waits until somebody has opened the page. */
  readonly opened: Effect.Effect<void>
}

/** Serves while the scope lives. */
export const serve: (
  options: ViewOptions
) => Effect.Effect<
  View,
  PlatformError | ServeError,
  Sampler | Scope.Scope | FileSystem.FileSystem | Path.Path
> = Effect.fnUntraced(function*(options) {
  const sampler = yield* Sampler
  const assets = yield* load
  const token = randomBytes(16).toString("base64url")
  const events = new Events(sampler, options)
  const opened = yield* Latch.make()
  yield* Effect.forkScoped(
    Stream.runForEach(Stream.fromPubSub(sampler.changes), (change) => Effect.sync(() => events.observe(change))),
    { startImmediately: true }
  )
  const node = createServer()
  const server = yield* NodeHttpServer.make(() => node, {
    host: "127.0.0.1",
    port: options.port,
    gracefulShutdownTimeout: 0
  })
  const { address } = server
  const port = "port" in address ? address.port : options.port
  const answer = Effect.map(HttpServerRequest, ({ headers: given, method, url }) => {
    const admission = admit({ method, url, host: given["host"] }, { port, token })
    if ("status" in admission) {
      return HttpServerResponse.text(`${admission.status}\n`, {
        status: admission.status,
        headers: admission.status === 405 ? { ...headers, allow: "GET" } : headers
      })
    }
    if (admission.file === "events") {
      opened.openUnsafe()
      return HttpServerResponse.stream(events.stream, { headers, contentType: "text/event-stream" })
    }
    const asset = assets.get(admission.file)
    return asset === undefined
      ? HttpServerResponse.text("404\n", { status: 404, headers })
      : HttpServerResponse.text(asset.text, { headers, contentType: asset.type })
  })
  yield* server.serve(answer)
  // The pages that are open would keep the server from closing.
  yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
  const view: View = { url: `http://127.0.0.1:${port}/${token}/`, opened: opened.await }
  return view
})
