/**
 * Where a server listens.
 *
 * @since 0.1.0
 */

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

/**
 * Whether a value, of whatever origin, names a host and a port that a server can listen on.
 *
 * @internal
 */
export const isEndpoint = (value: unknown): value is Endpoint => {
  if (typeof value !== "object" || value === null || !("host" in value) || !("port" in value)) return false
  const { host, port } = value
  return typeof host === "string" && host.length > 0 && typeof port === "number" && Number.isInteger(port) &&
    port > 0 &&
    port < 65536
}

/**
 * `host:port`, with an IPv6 host in brackets: the name of a node throughout the library.
 *
 * @category accessors
 * @since 0.1.0
 */
export const addressOf = (endpoint: Endpoint): string =>
  endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`

/**
 * The endpoint whose address this is: the inverse of `addressOf`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const endpointOf = (address: string): Endpoint => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) }
}
