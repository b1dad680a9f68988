/** Runs the command line on Node, and ends the process with its exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { ExitCode, Failure, isReaderGone } from "./output/Failure.ts"
import { run } from "./program.ts"

/** As shells count the end by SIGINT. */
const interrupted = 130

const codeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return ExitCode.done
  if (Cause.hasInterruptsOnly(exit.cause)) return interrupted
  const error = Cause.squash(exit.cause)
  return error instanceof Failure ? error.exitCode : ExitCode.problem
}

export const main = (version: string): void => {
  // `head` and `less` end before the output does: nobody is there to read an error.
  process.stdout.on("error", (error) => process.exit(isReaderGone(error) ? ExitCode.done : ExitCode.problem))
  NodeRuntime.runMain(
    Effect.suspend(() => run(process.argv.slice(2), version)).pipe(Effect.provide(NodeServices.layer)),
    {
      disableErrorReporting: true,
      // The output of a pipe may still be on its way.
      teardown: (exit, onExit) => process.stdout.write("", () => onExit(codeOf(exit)))
    }
  )
}
