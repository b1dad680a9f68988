/**
 * The settings that the region of the program gives to commands.
 */
import { CurrentCallSettings } from "../../commands/CallSettings.ts"
import { type Command, within } from "../../commands/Command.ts"
import { RegionValue } from "../../internal/RegionValue.ts"

export class CallRegion {
  private readonly settings = new RegionValue(CurrentCallSettings)

  /** A command as it is to be executed in the region of the running fiber. */
  settle<A, M>(command: Command<A, M>): Command<A, M> {
    const settings = this.settings.current
    return settings === undefined ? command : within(command, settings)
  }

  /** Several commands as they are to be executed in the region of the running fiber. */
  settleAll(commands: ReadonlyArray<Command<unknown>>): ReadonlyArray<Command<unknown>> {
    const settings = this.settings.current
    return settings === undefined ? commands : commands.map((command) => within(command, settings))
  }
}
