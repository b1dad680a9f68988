/**
 * The policy that a read follows: that of its view, else that of the program's region, else that of the client.
 */
import * as Context from "effect/Context"
import type { Command } from "../../commands/Command.ts"
import { RegionValue } from "../../internal/RegionValue.ts"
import * as ReadFrom from "../../ReadFrom.ts"
import type { ClientRegion } from "../ClientRegion.ts"
import { keyless } from "../CommandSlot.ts"
import { ReadRoute } from "./ReadRoute.ts"

/**
 * The route of a command that only reads and has keys, by a policy; `undefined` for a command that belongs to the
 * primary.
 */
export const routeBy = (
  { spec }: Command<unknown>,
  slot: number,
  policy: ReadFrom.Policy
): ReadRoute | undefined =>
  policy !== ReadFrom.primary && spec.readonly && spec.keys !== -1 && slot !== keyless
    ? new ReadRoute(policy)
    : undefined

export class CurrentReadPolicy {
  /** The policy of the client, for reads without one from a view or a region. */
  standing: ReadFrom.Policy
  private readonly region: RegionValue<ReadFrom.Policy>

  constructor(standing: ReadFrom.Policy, own: ClientRegion) {
    this.standing = standing
    this.region = new RegionValue((context) =>
      Context.getOrUndefined(context, own)?.readFrom ?? Context.getOrUndefined(context, ReadFrom.Current)
    )
  }

  /** The policy of the running fiber's reads on the client itself. */
  get current(): ReadFrom.Policy {
    return this.region.current ?? this.standing
  }

  /** The route of a command of the running fiber; `view` is the policy of the view on which the command runs. */
  routeOf(command: Command<unknown>, slot: number, view: ReadFrom.Policy | undefined): ReadRoute | undefined {
    return command.spec.readonly ? routeBy(command, slot, view ?? this.current) : undefined
  }
}
