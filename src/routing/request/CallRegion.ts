/**
 * The settings that regions of the program give to commands: those for one client over those for all clients.
 */
import * as Context from "effect/Context"
import { type CallSettings, CurrentCallSettings } from "../../commands/CallSettings.ts"
import { type Command, within } from "../../commands/Command.ts"
import { RegionValue } from "../../internal/RegionValue.ts"
import type { ClientRegion } from "../ClientRegion.ts"

export class CallRegion {
  private readonly settings: RegionValue<CallSettings>

  constructor(own: ClientRegion) {
    this.settings = new RegionValue((context) => {
      const all = Context.getOrUndefined(context, CurrentCallSettings)
      const mine = Context.getOrUndefined(context, own)
      return all === undefined || mine === undefined ? mine ?? all : {
        timeout: mine.timeout ?? all.timeout,
        idempotent: mine.idempotent ?? all.idempotent,
        invalid: mine.invalid ?? all.invalid
      }
    })
  }

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
