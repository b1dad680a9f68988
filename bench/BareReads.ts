/**
 * The floor of a miss: the bytes of a read, and those of a read that fills the cache, over a bare socket with this client's
 * encoder and decoder and nothing else.
 */
import * as Effect from "effect/Effect"
import { connect, type Socket } from "node:net"
import type { Argument, Reply } from "../src/protocol/Reply.ts"
import { RespDecoder } from "../src/protocol/RespDecoder.ts"
import { RespEncoder } from "../src/protocol/RespEncoder.ts"

const hello = ["*2\r\n$5\r\nHELLO\r\n", ["3"]] as const
const tracking = ["*4\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n", ["OPTIN"]] as const
const caching = "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n"
const get = "*2\r\n$3\r\nGET\r\n"
const pttl = "*2\r\n$4\r\nPTTL\r\n"

export class BareReads {
  private readonly socket: Socket
  private readonly encoder = new RespEncoder()
  private onReply: (reply: Reply) => void = () => {}
  private isScheduled = false

  constructor(socket: Socket) {
    this.socket = socket.setNoDelay(true)
    const decoder = new RespDecoder({
      onReply: (reply) => this.onReply(reply),
      onPush: () => {},
      binary: () => false,
      lossy: () => false
    })
    socket.on("data", (bytes: Buffer) => decoder.push(bytes))
  }

  /** A connection to a node that may be told which reads to remember. */
  static readonly make = (host: string, port: number) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const socket = connect(port, host)
        await new Promise((resolve) => socket.once("connect", resolve))
        const reads = new BareReads(socket)
        await reads.drain(2, () => {
          reads.push(...hello)
          reads.push(...tracking)
        })
        return reads
      }),
      (reads) => Effect.sync(() => reads.socket.destroy())
    )

  /** Reads keys with `callers` at a time: GET alone, or what a miss sends. */
  run(keys: ReadonlyArray<string>, count: number, callers: number, isMiss: boolean): Promise<void> {
    let sent = 0
    const issue = () => {
      if (sent === count) return
      const key = [keys[sent++ % keys.length]]
      if (isMiss) this.push(caching, [])
      this.push(get, key)
      if (isMiss) this.push(pttl, key)
    }
    return this.drain(
      count * (isMiss ? 3 : 1),
      () => {
        for (let i = 0; i < callers; i++) issue()
      },
      isMiss ? 3 : 1,
      issue
    )
  }

  private push(prefix: string, args: ReadonlyArray<Argument>): void {
    this.encoder.push(prefix, args)
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(this.flush)
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    const batch = this.encoder.take()
    if (typeof batch === "string") this.socket.write(batch, "latin1")
  }

  /** Waits for so many replies; `each` is called after every `group` of them. */
  private drain(replies: number, start: () => void, group = 1, each: () => void = () => {}): Promise<void> {
    return new Promise((resolve) => {
      let seen = 0
      this.onReply = () => {
        if (++seen % group === 0) each()
        if (seen === replies) resolve()
      }
      start()
    })
  }
}
