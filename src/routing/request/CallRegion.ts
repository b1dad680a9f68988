/**
 * The settings that a region of the program gives to its commands.
 */
import { CurrentCallSettings } from "../../commands/CallSettings.ts"
import { type Command, within } from "../../commands/Command.ts"
import { RegionValue } from "../../internal/RegionValue.ts"

export class CallRegion {
  private readonly settings = new RegionValue(CurrentCallSettings)

  /** A command with the settings of the running fiber's region. */
  settle<A, M>(command: Command<A, M>): Command<A, M> {
    const settings = this.settings.current
    return settings === undefined ? command : within(command, settings)
  }

  /** Several commands with the settings of the running fiber's region. */
  settleAll(commands: ReadonlyArray<Command<unknown>>): ReadonlyArray<Command<unknown>> {
    const settings = this.settings.current
    return settings === undefined ? commands : commands.map((command) => within(command, settings))
  }
}
