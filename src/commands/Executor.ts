/**
 * The client as commands know it: a requirement, and the key of the service.
 *
 * Commands are below the client, so that the service itself is declared in `ClusterClient.ts`.
 */

/** The key of the client's service. */
export const key = "effect-redis-cluster/ClusterClient"

/** The client, in the requirements of effects. */
export interface ClusterClient {
  readonly key: typeof key
}
