/**
 * Commands to bytes: several commands, gathered for one write.
 *
 * The commands become one byte string: a string in which every character stands for one byte (`latin1`), which a
 * socket writes in one go. Short text is put together in a small buffer, because strings that are joined piece by
 * piece have to be flattened when they are written. Large arguments stay apart, so that bytes are never copied and
 * large text is converted once.
 */
import { Buffer } from "node:buffer"
import { LargeText } from "./LargeText.ts"
import type { Argument } from "./Reply.ts"

/**
 * The content of one write: a byte string, to be written with the encoding `latin1`, or a list of chunks, to be
 * written one after another between `cork` and `uncork`.
 *
 * Large bytes are among the chunks as the caller gave them, so that they must not change before they are sent. So is
 * text that is so large that it becomes bytes piece by piece.
 */
export type EncodedBatch = string | ReadonlyArray<Uint8Array | LargeText>

/** Text of this length (in UTF-16 code units) and more becomes a chunk. */
const largeText = 8192

/** Text of this length and more becomes a chunk as it is. */
const hugeText = 256 * 1024

/** Bytes of this length and more become a chunk. */
const largeBytes = 1024

/** A byte string of this length becomes a chunk, far below what a string can hold. */
const largeBatch = 1024 * 1024

/** The size of the small buffer. */
const room = 4096

/** A loop copies text up to this length, and checks that it is ASCII, faster than calls into the runtime do. */
const shortText = 64

const CR = 13
const LF = 10
const DOLLAR = 36
const ZERO = 48

/** Whether the length of a view of this memory cannot change any more. */
const isFixed = (buffer: ArrayBufferLike): boolean =>
  buffer instanceof SharedArrayBuffer ? !buffer.growable : !buffer.resizable

/** Whether the memory of a view was transferred. Such a view looks like an empty one. */
const isGivenAway = ({ buffer, byteLength }: Uint8Array): boolean =>
  byteLength === 0 && buffer instanceof ArrayBuffer && buffer.detached

const lengthHeader = (length: number): string => `$${length}\r\n`

/** Gathers commands until they are taken for a write. */
export class RespEncoder {
  /** The bytes that were gathered last, up to `filled`. */
  private readonly bytes = Buffer.allocUnsafeSlow(room)
  private filled = 0
  /** Commands that were gathered earlier. */
  private text = ""
  /** Commands that were gathered earlier. */
  private chunks: Array<Uint8Array | LargeText> | undefined = undefined
  private chunked = 0

  /** The exact number of bytes gathered. */
  get size(): number {
    return this.chunked + this.text.length + this.filled
  }

  /**
   * Adds a command. When an argument cannot be sent, nothing is added and the result is the reason; the other commands
   * of the write are not affected.
   *
   * `prefix` is the array header and the name words in RESP (ASCII); the header counts `args`.
   */
  push(prefix: string, args: ReadonlyArray<Argument>): string | undefined {
    const before = this.size
    try {
      this.pushPrefix(prefix)
      for (let i = 0; i < args.length; i++) {
        const argument = args[i]
        if (typeof argument !== "string") this.pushBytes(argument)
        else if (argument.length > shortText || !this.pushArgument(argument)) this.pushLong(argument)
      }
      return undefined
    } catch (error) {
      this.truncate(before)
      return `an argument cannot be sent: ${error instanceof Error ? error.message : "reading it threw"}`
    }
  }

  /** Drops everything after the first `size` bytes. These have to end with a command. */
  truncate(size: number): void {
    const { chunks } = this
    if (chunks !== undefined && size < this.chunked) {
      let last = chunks.length - 1
      for (; this.chunked - chunks[last].byteLength > size; last--) this.chunked -= chunks[last].byteLength
      // A command ends in a byte string, so that the caller's own bytes and text are never cut here.
      const chunk = chunks[last]
      if (chunk instanceof Uint8Array) chunks[last] = chunk.subarray(0, size - this.chunked + chunk.byteLength)
      chunks.length = last + 1
      this.chunked = size
    }
    this.filled = Math.max(0, Math.min(this.filled, size - this.chunked - this.text.length))
    this.text = this.text.slice(0, size - this.chunked)
  }

  /** Takes the gathered commands, and starts empty again. The result is the empty string when there are none. */
  take(): EncodedBatch {
    if (this.chunks === undefined) {
      this.spill()
      const text = this.text
      this.text = ""
      return text
    }
    this.flush()
    const chunks = this.chunks
    this.chunks = undefined
    this.chunked = 0
    return chunks
  }

  private pushPrefix(prefix: string): void {
    const { length } = prefix
    if (length > shortText) return this.pushText(prefix)
    if (this.filled + length > room) this.spill()
    const { bytes, filled } = this
    for (let i = 0; i < length; i++) bytes[filled + i] = prefix.charCodeAt(i)
    this.filled = filled + length
  }

  /** Adds an argument that is short text. When the text is not ASCII the result is `false`, and nothing is added. */
  private pushArgument(text: string): boolean {
    const { length } = text
    // The header takes at most five bytes, the line end two.
    if (this.filled + length + 7 > room) this.spill()
    const { bytes } = this
    let at = this.filled
    bytes[at++] = DOLLAR
    if (length >= 10) bytes[at++] = ZERO + Math.floor(length / 10)
    bytes[at++] = ZERO + length % 10
    bytes[at++] = CR
    bytes[at++] = LF
    let units = 0
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      units |= unit
      bytes[at++] = unit
    }
    if (units > 127) return false
    bytes[at] = CR
    bytes[at + 1] = LF
    this.filled = at + 2
    return true
  }

  private pushLong(argument: string): void {
    const { length } = argument
    if (length >= hugeText) return this.pushHuge(new LargeText(argument))
    // A lone surrogate is sent as U+FFFD, and counts as its three bytes.
    if (length >= largeText || Buffer.byteLength(argument) !== length) {
      return this.pushBytes(Buffer.from(argument, "utf8"))
    }
    this.pushText(`${lengthHeader(length)}${argument}\r\n`)
  }

  private pushHuge(text: LargeText): void {
    this.pushText(lengthHeader(text.byteLength))
    this.flush()
    this.append(text)
    this.pushText("\r\n")
  }

  private pushBytes(bytes: Uint8Array): void {
    if (!ArrayBuffer.isView(bytes)) throw new TypeError("it is neither text nor bytes any more")
    if (isGivenAway(bytes)) throw new TypeError("its bytes were transferred after the call")
    const { buffer, byteLength, byteOffset } = bytes
    this.pushText(lengthHeader(byteLength))
    if (byteLength < largeBytes) {
      this.text += Buffer.from(buffer, byteOffset, byteLength).toString("latin1")
    } else {
      this.flush()
      this.append(isFixed(buffer) ? bytes : Buffer.from(bytes))
    }
    this.pushText("\r\n")
  }

  /** Adds a byte string of any length. */
  private pushText(text: string): void {
    this.spill()
    this.text += text
    if (this.text.length >= largeBatch) this.flush()
  }

  private spill(): void {
    if (this.filled === 0) return
    this.text += this.bytes.toString("latin1", 0, this.filled)
    this.filled = 0
  }

  private flush(): void {
    this.spill()
    if (this.text === "") return
    this.append(Buffer.from(this.text, "latin1"))
    this.text = ""
  }

  private append(chunk: Uint8Array | LargeText): void {
    if (this.chunks === undefined) this.chunks = []
    this.chunks.push(chunk)
    this.chunked += chunk.byteLength
  }
}
