import { assert, describe, it } from "@effect/vitest"
import { Duplex } from "node:stream"
import { LargeWrite } from "../../src/connection/LargeWrite.ts"
import { LargeText } from "../../src/protocol/LargeText.ts"

const mib = 1024 * 1024

/** A stream that takes writes at once, or holds the first ones back until it is told to go on. */
class Sink extends Duplex {
  readonly sent: Array<Buffer> = []
  private held: Array<{ readonly chunk: Buffer; readonly done: () => void }> | undefined

  constructor(holds: boolean) {
    super()
    this.held = holds ? [] : undefined
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    if (this.held !== undefined) {
      this.held.push({ chunk, done })
      return
    }
    this.sent.push(Buffer.from(chunk))
    done()
  }

  /** Takes what it holds, and all further writes at once. */
  release(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const { chunk, done } of held) {
      this.sent.push(Buffer.from(chunk))
      done()
    }
  }

  get text(): string {
    return Buffer.concat(this.sent).toString()
  }
}

/** Writes to the end, a turn of the event loop for each part. */
const finish = async (large: LargeWrite, stream: Duplex): Promise<number> => {
  let turns = 0
  while (large.isUnderway) {
    if (!stream.writableNeedDrain || stream.writableLength === 0) {
      turns++
      large.proceed()
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return turns
}

/** A stream that passes chunks on later, as a tunnel does, and asks for more before. */
class Tunnel extends Duplex {
  readonly kept: Array<Buffer> = []

  override _read(): void {}

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.kept.push(chunk)
    done()
  }
}

const before = Buffer.from("before;")
const after = Buffer.from(";after")
const text = Array.from({ length: 400_000 }, (_, i) => `${i % 10}é€😀`).join("")

describe("A large write", () => {
  it("of text lets the other connections be served after each MiB", async () => {
    const stream = new Sink(false)
    const large = new LargeWrite(stream)
    large.begin([before, new LargeText("x".repeat(16 * mib)), after])
    assert.strictEqual(large.proceed(), "turn")
    assert.isAtMost(stream.sent.reduce((sum, { length }) => sum + length, 0), 2 * mib)
    assert.isAtLeast(await finish(large, stream), 7)
    assert.strictEqual(stream.text.length, 16 * mib + before.length + after.length)
    assert(stream.text === `before;${"x".repeat(16 * mib)};after`)
  })

  it("gives the bytes of its chunks in their order, whether the stream takes them at once or later", async () => {
    for (const holds of [false, true]) {
      const stream = new Sink(holds)
      const large = new LargeWrite(stream)
      const bytes = Buffer.alloc(3 * mib, "b")
      large.begin([before, new LargeText(text), bytes, new LargeText("ü".repeat(300_000)), new LargeText(text), after])
      large.proceed()
      assert.isTrue(large.isUnderway)
      stream.release()
      await finish(large, stream)
      assert(stream.text === `before;${text}${bytes.toString()}${"ü".repeat(300_000)}${text};after`)
      large.begin("x".repeat(mib))
      await finish(large, stream)
      assert(stream.text.endsWith(`;after${"x".repeat(mib)}`))
    }
  })

  it("of text leaves alone what a stream may pass on later", async () => {
    const stream = new Tunnel()
    const large = new LargeWrite(stream)
    large.begin([before, new LargeText(text), after])
    await finish(large, stream)
    assert(Buffer.concat(stream.kept).toString() === `before;${text};after`)
  })

  it("hands bytes over without a copy while the stream takes them, and copies the rest for the time after", async () => {
    const bytes = new Uint8Array(4 * mib).fill(98)
    const taking = new Sink(false)
    const large = new LargeWrite(taking)
    large.begin([before, bytes, after])
    assert.strictEqual(large.proceed(), "done")
    assert(taking.text === `before;${"b".repeat(4 * mib)};after`)
    const holding = new Sink(true)
    const held = new LargeWrite(holding)
    held.begin([before, bytes, after])
    assert.strictEqual(held.proceed(), "full")
    const handed = holding.writableLength
    assert.isBelow(handed, mib)
    // The stream has the first piece; the caller may do with the others as it likes.
    bytes.fill(99, handed)
    holding.release()
    await finish(held, holding)
    assert(holding.text === `before;${"b".repeat(4 * mib)};after`)
  })

  it.each(["bytes that wait in the stream", "a short end of text that waits in the stream"])(
    "sends as many bytes as it announced, also when they are transferred behind %s",
    async (before) => {
      const stream = new Sink(true)
      const large = new LargeWrite(stream)
      const bytes = new Uint8Array(mib).fill(98)
      if (before.startsWith("bytes")) {
        stream.write(before)
        large.begin([bytes, after])
      } else {
        large.begin([new LargeText(before), bytes, after])
      }
      large.proceed()
      bytes.buffer.transfer()
      stream.release()
      await finish(large, stream)
      assert(stream.text === `${before}${"b".repeat(mib)};after`)
    },
    10_000
  )

  it("counts the bytes of text, and never cuts a character", () => {
    for (const sample of [text, "\ud800".repeat(300_000), "a\udc00😀".repeat(100_000), `${"x".repeat(262_143)}😀y`]) {
      const large = new LargeText(sample)
      assert.strictEqual(large.byteLength, Buffer.byteLength(sample))
      for (const size of [256 * 1024, 1000, 7]) {
        const parts: Array<Buffer> = []
        for (let at = 0; at < Math.min(sample.length, size * 50);) {
          const memory = Buffer.alloc(size)
          const { read, written } = large.encodeInto(memory, at)
          assert.isAbove(read, 0)
          at += read
          parts.push(memory.subarray(0, written))
        }
        const bytes = Buffer.concat(parts)
        assert(bytes.equals(Buffer.from(sample).subarray(0, bytes.length)))
      }
    }
  })
})
