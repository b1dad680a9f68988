import { assert, describe, it } from "@effect/vitest"
import { Duplex } from "node:stream"
import { write } from "../../src/connection/Write.ts"

/** A stream that sends one write at a time, when it is told to. */
class Slow extends Duplex {
  readonly sent: Array<Buffer> = []
  private done: (() => void) | undefined

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.sent.push(Buffer.from(chunk))
    this.done = done
  }

  proceed(): void {
    while (this.done !== undefined) {
      const { done } = this
      this.done = undefined
      done()
    }
  }
}

describe("A write", () => {
  it("sends as many bytes as it announced, also when they are transferred while they wait in the stream", async () => {
    const stream = new Slow()
    write(stream, "first")
    const large = new Uint8Array(5000).fill(65)
    write(stream, [Buffer.from("$5000\r\n"), large, Buffer.from("\r\n")])
    large.buffer.transfer()
    while (stream.writableLength > 0) {
      stream.proceed()
      // The stream goes on in the next tick.
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.strictEqual(Buffer.concat(stream.sent).toString(), `first$5000\r\n${"A".repeat(5000)}\r\n`)
  })

  it("sends as many bytes as it announced over a stream that takes one chunk at a time", async () => {
    const stream = new Slow()
    const large = new Uint8Array(5000).fill(65)
    write(stream, [Buffer.from("$5000\r\n"), large, Buffer.from("\r\n")])
    large.buffer.transfer()
    for (let turn = 0; turn < 10; turn++) {
      stream.proceed()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.strictEqual(Buffer.concat(stream.sent).toString(), `$5000\r\n${"A".repeat(5000)}\r\n`)
  })
})
