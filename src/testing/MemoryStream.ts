/**
 * The byte stream between a client and a node of the engine, in memory.
 *
 * Commands are executed at once when the client writes them; replies arrive when the running code has ended. There is
 * no timer and no turn of the event loop in between, so that a `TestClock` finds all work of a moment done.
 */
import { Duplex } from "node:stream"
import type { Endpoint } from "../cluster/Endpoint.ts"
import { addressOf } from "../cluster/Endpoint.ts"
import type { NodeRole } from "./engine/Roles.ts"
import type { SessionRole } from "./engine/Roles.ts"

export class MemoryStream extends Duplex {
  private session: SessionRole | undefined

  constructor() {
    super({ decodeStrings: false })
  }

  /** Connects to a node. */
  attach(node: NodeRole): void {
    this.session = node.accept({
      write: (bytes) => this.push(Buffer.from(bytes, "latin1")),
      end: () => this.destroy()
    })
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const isBytes = typeof chunk === "string" && (encoding === "latin1" || encoding === "binary")
    if (typeof chunk !== "string") this.session?.receive(chunk.toString("latin1"))
    else this.session?.receive(isBytes ? chunk : Buffer.from(chunk, encoding).toString("latin1"))
    done()
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.session?.close()
    done(error)
  }
}

/** Dials an endpoint. The result is a stream to the node there, or a stream that ends like a refused connection. */
export const dial = (node: NodeRole | undefined, endpoint: Endpoint): Duplex => {
  const stream = new MemoryStream()
  if (node?.alive === true) stream.attach(node)
  else stream.destroy(new Error(`connect ECONNREFUSED ${addressOf(endpoint)}`))
  return stream
}
