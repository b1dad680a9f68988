/** A view of the client that passes every command through a function. */
import { type MapCommand, mapCommands } from "../routing/MappedRouter.ts"
import type { RouterShape } from "../routing/Router.ts"

export type { MapCommand } from "../routing/MappedRouter.ts"

export interface MapCommandMembers<Client> {
  /**
   * A view of the client through which every command passes a function before it is sent: for a namespace of keys, for
   * auditing, for faults in tests. It shares the connections of the client, and costs nothing where it is not used.
   *
   * **Details**
   *
   * The function gets single commands, the entries of pipelines and transactions, and the commands of dedicated connections,
   * scans and consumers. It may change arguments and settings, and must keep the type of the result. When it throws, the
   * command fails with an `OptionsError` and is not sent.
   *
   * **Gotchas**
   *
   * Channels of subscriptions and patterns of scans (`match`) do not pass the function, and keys in replies (`scanStream`,
   * `randomkey`) are those of the server: they have the prefix.
   *
   * **Example** (Keys of one tenant)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { ClusterClient, Command } from "effect-redis-cluster"
   *
   * export const program = Effect.gen(function*() {
   *   const redis = yield* ClusterClient
   *   const tenant = redis.mapCommand(Command.mapKeys((key) => `tenant-1:${key}`))
   *   yield* tenant.set("user:1", "ada") // SET tenant-1:user:1 ada
   *   return yield* tenant.get("user:1")
   * })
   * ```
   */
  readonly mapCommand: (f: MapCommand) => Client
}

export const make = <Client>(
  router: RouterShape,
  clientOf: (router: RouterShape) => Client
): MapCommandMembers<Client> => ({
  mapCommand: (f) => clientOf(mapCommands(router, f))
})
