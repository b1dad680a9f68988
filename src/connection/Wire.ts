/** The byte stream to a server, whatever it runs over. */
import { Buffer } from "node:buffer"
import * as net from "node:net"
import type { Duplex } from "node:stream"
import * as tls from "node:tls"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions, TlsOptions } from "../ClusterOptions.ts"
import { Generation } from "./Generation.ts"

/** The most bytes that one read of a socket brings. */
const readSize = 64 * 1024

/** A stream with the receiver of its bytes: one receiver at a time. */
export class Wire {
  /**
   * Takes the bytes of one read. They are valid until this function returns, because the next read uses the same
   * memory.
   */
  receive: (bytes: Buffer) => void = () => {}
  /** The memory into which the next read goes; `undefined` for memory that is used again. */
  room: () => Buffer | undefined = () => undefined
  readonly stream: Duplex
  /** Whether it speaks TLS. */
  readonly isSecure: boolean
  /** The present generation of what is cached; `undefined` while the server does not report changes. */
  generation: Generation | undefined = undefined
  /** Whether it speaks RESP3, in which servers report changes. */
  speaksResp3 = false
  /** The reason for which the server refused to report changes. */
  trackingRefusal: string | undefined = undefined

  constructor(isSecure: boolean, connect: (wire: Wire) => Duplex) {
    this.isSecure = isSecure
    this.stream = connect(this)
    // Without a listener Node would throw a late error. Owners that need the error add listeners of their own.
    this.stream.on("error", () => {})
  }

  /** Begins a generation, because the server reports changes from now on, or has forgotten what was read before. */
  beginGeneration(): void {
    this.endGeneration()
    this.generation = new Generation()
  }

  endGeneration(): void {
    const { generation } = this
    this.generation = undefined
    generation?.end()
  }
}

/**
 * Lets sockets read into memory that is used again, or straight into that of a long string. Node by itself allocates
 * 64 KiB for each read, which for large replies keeps the garbage collector busier than everything else together.
 */
const reusing = (wire: Wire): net.OnReadOpts => {
  const shared = Buffer.allocUnsafeSlow(readSize)
  return {
    buffer: () => wire.room() ?? shared,
    callback: (size, bytes) => {
      wire.receive((bytes as Buffer).subarray(0, size))
      return true
    }
  }
}

const listening = (wire: Wire, stream: Duplex): Duplex => stream.on("data", (bytes: Buffer) => wire.receive(bytes))

/** `tls.connect` ignores the options of these names. */
const keptAlive = (socket: net.Socket, options: ResolvedOptions): net.Socket =>
  socket.once("connect", () => socket.setNoDelay(true).setKeepAlive(true, options.keepAlive))

/** The server name of TLS, which has to be a name and not an address. */
const servername = (options: TlsOptions, endpoint: Endpoint): string => {
  const name = options.servernameOf?.(endpoint) ?? options.servername ?? endpoint.host
  return net.isIP(name) === 0 ? name : ""
}

/** Starts to connect to an endpoint. */
export const open = (endpoint: Endpoint, options: ResolvedOptions, tlsOptions: TlsOptions | undefined): Wire =>
  new Wire(tlsOptions !== undefined, (wire) => {
    const stream = options.stream?.(endpoint)
    if (tlsOptions !== undefined) {
      const settings = { ...tlsOptions, servername: servername(tlsOptions, endpoint) }
      // The certificate is checked against the host when no server name is given.
      if (stream !== undefined) {
        return listening(wire, tls.connect({ ...settings, host: endpoint.host, socket: stream }))
      }
      // Node knows `onread`, which is missing in the types of `tls.connect`.
      const reading = { ...settings, ...endpoint, onread: reusing(wire) }
      return keptAlive(tls.connect(reading), options)
    }
    if (stream !== undefined) return listening(wire, stream)
    return keptAlive(net.connect({ ...endpoint, onread: reusing(wire) }), options)
  })
