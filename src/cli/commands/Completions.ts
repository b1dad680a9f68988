/** `completions`: the script with which a shell completes the command line. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Effect from "effect/Effect"
import { Screen } from "../output/Screen.ts"

/** The command, given the whole command line. */
export const completions = (root: () => Command.Command.Any) =>
  Command.make(
    "completions",
    {
      shell: Argument.Literals("shell", ["bash", "zsh", "fish", "powershell"]).pipe(
        Argument.withDescription("The shell")
      )
    },
    Effect.fnUntraced(function*({ shell }) {
      const screen = yield* Screen
      const command = root()
      yield* screen.print(Completions.generate(command.name, shell, Completions.fromCommand(command)))
    })
  ).pipe(
    Command.withDescription("Prints the script with which a shell completes the command line"),
    Command.withExamples([
      {
        command: `source <(effect-redis-cluster completions bash)`,
        description: "bash, for this session or in ~/.bashrc"
      },
      {
        command: `effect-redis-cluster completions zsh > "\${fpath[1]}/_effect-redis-cluster"`,
        description: "zsh"
      },
      {
        command: "effect-redis-cluster completions fish > ~/.config/fish/completions/effect-redis-cluster.fish",
        description: "fish"
      }
    ])
  )
