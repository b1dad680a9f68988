/**
 * A connection for tests and scripts that are written with promises. Its replies are read by `Resp.ts`.
 */
import { once } from "node:events"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Reply } from "../../src/protocol/Reply.ts"
import type { Certificates } from "./Certificates.ts"
import * as Resp from "./Resp.ts"

export interface RespClientOptions {
  readonly port: number
  readonly host?: string | undefined
  readonly tls?: Certificates | undefined
  readonly signal?: AbortSignal | undefined
}

interface Waiting {
  readonly binary: boolean
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

export class RespClient implements AsyncDisposable {
  private readonly socket: Net.Socket
  private readonly waiting: Array<Waiting> = []
  private received: Buffer = Buffer.alloc(0)
  private closed: Error | undefined

  private constructor(socket: Net.Socket, address: string) {
    this.socket = socket
    let cause: Error | undefined
    socket.on("data", (chunk: Buffer) => this.take(chunk))
    socket.on("error", (error) => {
      cause = error
    })
    socket.on("close", () => {
      const why = cause === undefined ? "" : `: ${cause.message}`
      this.closed = new Error(`${address} closed the connection${why}`, { cause })
      for (const { reject } of this.waiting.splice(0)) reject(this.closed)
    })
  }

  static async open({ host = "127.0.0.1", port, signal, tls }: RespClientOptions): Promise<RespClient> {
    const address = `${host}:${port}`
    const socket = tls === undefined
      ? Net.connect({ host, port, noDelay: true })
      : Tls.connect({ host, port, ca: tls.ca, cert: tls.certificate, key: tls.key })
    try {
      await once(socket, tls === undefined ? "connect" : "secureConnect", signal === undefined ? {} : { signal })
    } catch (cause) {
      socket.destroy()
      throw new Error(`Cannot connect to ${address}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
    return new RespClient(socket, address)
  }

  private take(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    let end = 0
    while (end < this.received.length) {
      const next = Resp.read(this.received, end)
      if (next === undefined) break
      end = next.end
      const asked = this.waiting.shift()
      asked?.resolve(Resp.valueOf(next.wire, asked.binary))
    }
    this.received = this.received.subarray(end)
  }

  /** Sends commands in one write. Error replies are values. */
  sendAll(commands: ReadonlyArray<ReadonlyArray<Resp.Word>>, binary = false): Promise<ReadonlyArray<Reply>> {
    if (this.closed !== undefined) return Promise.reject(this.closed)
    const replies = commands.map(() =>
      new Promise<Reply>((resolve, reject) => this.waiting.push({ binary, resolve, reject }))
    )
    this.socket.write(Buffer.concat(commands.map(Resp.encode)))
    return Promise.all(replies)
  }

  /** Sends one command. An error reply is a value. */
  async send(words: ReadonlyArray<Resp.Word>, binary = false): Promise<Reply> {
    const [reply] = await this.sendAll([words], binary)
    return reply
  }

  close(): void {
    this.socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}
