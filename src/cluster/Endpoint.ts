/**
 * The host and the port at which a server listens.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"

/**
 * Host and port.
 *
 * @category models
 * @since 0.1.0
 */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Whether a value is an endpoint: programs without types may pass anything. */
export const isEndpoint = (value: unknown): value is Endpoint =>
  Predicate.hasProperty(value, "host") && typeof value.host === "string" &&
  Predicate.hasProperty(value, "port") && typeof value.port === "number"

/**
 * `host:port`, with an IPv6 host in brackets: the name of a node throughout the library.
 *
 * @category accessors
 * @since 0.1.0
 */
export const addressOf = (endpoint: Endpoint): string =>
  endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`

/** The endpoint whose address this is: the inverse of `addressOf`. */
export const endpointOf = (address: string): Endpoint => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) }
}
