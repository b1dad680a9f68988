/**
 * The byte stream to a server, whatever it runs over.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import * as net from "node:net"
import type { Duplex } from "node:stream"
import * as tls from "node:tls"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions, TlsOptions } from "../ClusterOptions.ts"

/** How much a socket reads at once. */
const readSize = 64 * 1024

/**
 * A stream, and who gets what it brings: one receiver at a time.
 *
 * @category models
 * @since 0.1.0
 */
export class Wire {
  /** The bytes are the receiver's until it returns; the next ones come in the same memory. */
  receive: (bytes: Buffer) => void = () => {}
  readonly stream: Duplex
  /** Whether it speaks TLS. */
  readonly isSecure: boolean

  constructor(isSecure: boolean, connect: (wire: Wire) => Duplex) {
    this.isSecure = isSecure
    this.stream = connect(this)
    // Who is interested listens too; without anyone a late error would be thrown.
    this.stream.on("error", () => {})
  }
}

/**
 * Sockets read into memory that is used again and again. Node's own way takes 64 KiB anew for each read, which at large
 * replies keeps the garbage collector busier than everything else together.
 */
const reusing = (wire: Wire): net.OnReadOpts => ({
  buffer: Buffer.allocUnsafeSlow(readSize),
  callback: (size, bytes) => {
    wire.receive((bytes as Buffer).subarray(0, size))
    return true
  }
})

const listening = (wire: Wire, stream: Duplex): Duplex => stream.on("data", (bytes: Buffer) => wire.receive(bytes))

/** `tls.connect` ignores the options of these names. */
const keptAlive = (socket: net.Socket, options: ResolvedOptions): net.Socket =>
  socket.once("connect", () => socket.setNoDelay(true).setKeepAlive(true, options.keepAlive))

/** TLS takes names only, not addresses, for the server name indication. */
const servername = (options: TlsOptions, endpoint: Endpoint): string => {
  const name = options.servernameOf?.(endpoint) ?? options.servername ?? endpoint.host
  return net.isIP(name) === 0 ? name : ""
}

/**
 * Starts to connect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (endpoint: Endpoint, options: ResolvedOptions, tlsOptions: TlsOptions | undefined): Wire =>
  new Wire(tlsOptions !== undefined, (wire) => {
    const stream = options.stream?.(endpoint)
    if (tlsOptions !== undefined) {
      const settings = { ...tlsOptions, servername: servername(tlsOptions, endpoint) }
      // A certificate is checked against the host, where no name of the server is given.
      if (stream !== undefined) {
        return listening(wire, tls.connect({ ...settings, host: endpoint.host, socket: stream }))
      }
      // Known to Node, and missing in the types of `tls.connect`.
      const reading = { ...settings, ...endpoint, onread: reusing(wire) }
      return keptAlive(tls.connect(reading), options)
    }
    if (stream !== undefined) return listening(wire, stream)
    return keptAlive(net.connect({ ...endpoint, onread: reusing(wire) }), options)
  })
