/**
 * The settings that a region of the program gives to the commands of one client.
 */
import * as Context from "effect/Context"
import { randomUUID } from "node:crypto"
import type { CallSettings } from "../commands/CallSettings.ts"
import type * as ReadFrom from "../ReadFrom.ts"

export interface ClientRegionSettings extends CallSettings {
  readonly readFrom?: ReadFrom.Policy | undefined
}

/** The reference of one client: no other client looks at it. */
export type ClientRegion = Context.Reference<ClientRegionSettings | undefined>

export const make = (): ClientRegion =>
  Context.Reference<ClientRegionSettings | undefined>(`effect-redis-cluster/ClientRegion/${randomUUID()}`, {
    defaultValue: () => undefined
  })
