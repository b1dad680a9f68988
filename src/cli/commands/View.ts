/** `view`: a page that shows the cluster live, served on this machine alone. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Connecting from "../connecting/Connecting.ts"
import { failure } from "../output/Failure.ts"
import { Screen } from "../output/Screen.ts"
import { Sampler } from "../sampler/Sampler.ts"

export const intervalFlag = Connecting.durationFlag("interval").pipe(
  Flag.withAlias("i"),
  Flag.withMetavar("1s"),
  Flag.withDescription("The time from one round of questions to the next (default: 1s)"),
  Flag.withDefault(Duration.seconds(1))
)

export const view = Command.make(
  "view",
  {
    port: Flag.Int("port").pipe(
      Flag.withAlias("p"),
      Flag.withDescription("The port on 127.0.0.1 (default: a free one)"),
      Flag.withDefault(0)
    ),
    interval: intervalFlag,
    showWords: Flag.Boolean("show-words").pipe(
      Flag.withDescription("Shows the words of slow commands, with keys and values, and not their names alone"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    connecting: Connecting.withUrls
  },
  Effect.fnUntraced(
    function*({ interval, port, showWords }) {
      const screen = yield* Screen
      // A server is loaded by those who want one.
      const { serve } = yield* Effect.promise(() => import("../view/ViewServer.ts"))
      yield* Effect.gen(function*() {
        const { url } = yield* Effect.catchTag(
          serve({ port, showsWords: showWords }),
          "ServeError",
          () => Effect.fail(failure(`Port ${port} cannot be used: choose another one with --port`))
        )
        yield* screen.print(url)
        yield* screen.note("The page is open to whoever has this address, on this machine only. Ctrl-C ends it.")
        yield* Effect.never
      }).pipe(Effect.provide(Sampler.layer({ interval })), Effect.scoped)
    }
  )
).pipe(
  Command.withDescription("Serves a page on this machine that shows the cluster live: slots, nodes, load, failovers"),
  Command.withExamples([
    { command: "effect-redis-cluster view localhost:7000", description: "Prints the address of the page" },
    { command: "effect-redis-cluster view --port 8080 --interval 500ms localhost:7000", description: "Twice a second" }
  ]),
  Connecting.connected
)
