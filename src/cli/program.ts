/** The whole command line: its commands, and the way that each of them ends. */
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { bench } from "./commands/Bench.ts"
import { completions } from "./commands/Completions.ts"
import { doctor } from "./commands/Doctor.ts"
import { keyspace } from "./commands/Keyspace.ts"
import { monitor } from "./commands/Monitor.ts"
import { owner } from "./commands/Owner.ts"
import { run as runCommand } from "./commands/Run.ts"
import { scan } from "./commands/Scan.ts"
import { slot } from "./commands/Slot.ts"
import { top } from "./commands/Top.ts"
import { topology } from "./commands/Topology.ts"
import { view } from "./commands/View.ts"
import { ExitCode, explained, type Failure, failure, verdict } from "./output/Failure.ts"
import { Screen } from "./output/Screen.ts"

const name = "effect-redis-cluster"

/** The command line. A command is a file of `commands/`, and stands in one of these groups. */
export const root = Command.make(name).pipe(
  Command.withDescription(
    "Looks at a Redis or Valkey Cluster, and works on all of its nodes at once. It is made with the client of this name"
  ),
  Command.withSubcommands([
    { group: "SEE THE CLUSTER", commands: [doctor, topology, top, view, keyspace, monitor] },
    { group: "KEYS AND SLOTS", commands: [slot, owner, scan] },
    { group: "WORK ON THE CLUSTER", commands: [runCommand, bench] },
    { group: "SHELL", commands: [completions((): Command.Command.Any => root)] }
  ]),
  Command.withExamples([
    { command: `${name} topology localhost:7000`, description: "Who owns what?" },
    {
      command: `REDIS_CLUSTER_URL=localhost:7000 ${name} owner user:1`,
      description: "Where is a key? The cluster may stand in the environment"
    },
    { command: `${name} topology --help`, description: "The flags and examples of a command" }
  ])
)

/** Help on the standard output when it was asked for; a wrong command line gets a sentence, and not the whole help. */
const presenter = (screen: Screen["Service"]): CliOutput.Presenter => {
  const formatter = CliOutput.defaultFormatter({ colors: screen.paint.bold("x") !== "x" })
  return {
    present: (event) => {
      switch (event._tag) {
        case "Help":
          return Effect.ignore(screen.print(formatter.formatHelpDoc(event.helpDoc)))
        case "Version":
          return Effect.ignore(screen.print(formatter.formatVersion(event.name, event.version)))
        case "InvalidInvocation":
          return Effect.andThen(
            Effect.forEach(event.errors, ({ message }) => screen.note(`${screen.paint.red("error")}: ${message}`)),
            screen.note(`Run \`${event.commandPath.join(" ")} --help\` for the flags and examples of this command.`)
          )
      }
    }
  }
}

/** The end of a command as a failure with its exit code, after its sentence has been printed. */
const ending = (screen: Screen["Service"]) => (cause: Cause.Cause<unknown>): Effect.Effect<never, Failure> =>
  Effect.gen(function*() {
    if (Cause.hasInterruptsOnly(cause)) return yield* Effect.interrupt
    const error = Cause.squash(cause)
    if (CliError.isCliError(error) && error._tag === "ShowHelp") {
      return yield* verdict(error.errors.length === 0 ? ExitCode.done : ExitCode.impossible)
    }
    const end = Cause.hasDies(cause)
      ? failure(`${explained(error).message}: this is a fault of ${name} itself; please report it`, ExitCode.problem)
      : explained(error)
    if (end.message !== "") yield* screen.note(`${screen.paint.red("error")}: ${end.message}`)
    return yield* end
  })

/** Nothing is logged unless `--log-level` says so, and never among the results. */
const logging = Layer.mergeAll(
  Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]),
  Layer.succeed(References.MinimumLogLevel, "None")
)

/** Runs a command line. It fails with the exit code, when everything has been printed. */
export const run: (
  args: ReadonlyArray<string>,
  version: string
) => Effect.Effect<void, Failure, Command.Environment> = Effect.fnUntraced(
  function*(args, version) {
    const screen = yield* Screen
    yield* Command.runWith(root, { version })(args).pipe(
      Effect.provideService(CliOutput.Presenter, presenter(screen)),
      Effect.catchCause(ending(screen))
    )
  },
  Effect.provide([
    Screen.layer,
    logging,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.LogLevel] })
  ]),
  Effect.provide(TerminalCapabilities.layer)
)
