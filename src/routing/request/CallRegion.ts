/**
 * The settings that the region of the program gives to commands.
 */
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import { type CallSettings, CurrentCallSettings } from "../../commands/CallSettings.ts"
import { type Command, within } from "../../commands/Command.ts"

export class CallRegion {
  private lastContext: Context.Context<never> | undefined
  private lastSettings: CallSettings | undefined

  /** A command as it is to be executed in the region of the running fiber. */
  settle<A, M>(command: Command<A, M>): Command<A, M> {
    const settings = this.current
    return settings === undefined ? command : within(command, settings)
  }

  /** Several commands as they are to be executed in the region of the running fiber. */
  settleAll(commands: ReadonlyArray<Command<unknown>>): ReadonlyArray<Command<unknown>> {
    const settings = this.current
    return settings === undefined ? commands : commands.map((command) => within(command, settings))
  }

  /** The settings of the region; `undefined` outside of any. Contexts are immutable, and most fibers share one. */
  private get current(): CallSettings | undefined {
    const context = Fiber.getCurrent()?.context
    if (context !== this.lastContext) {
      this.lastContext = context
      this.lastSettings = context === undefined ? undefined : Context.getOrUndefined(context, CurrentCallSettings)
    }
    return this.lastSettings
  }
}
