/**
 * Commands to bytes: what several commands say, gathered for one write.
 *
 * The commands are gathered in one byte string: a string in which every character stands for one byte
 * (`latin1`). Short text and short bytes are appended to it, which costs less than any copy into a buffer, and
 * a socket writes such a string in one go. Large arguments stay on their own, so that bytes are never copied
 * and large text is converted once.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import type { Argument } from "./Reply.ts"

/**
 * What one write has to send: a byte string, to be written with the encoding `latin1`, or a list of chunks, to
 * be written one after another between `cork` and `uncork`.
 *
 * Large bytes are among the chunks as the caller gave them, so that they must not change before they are sent.
 *
 * @category models
 * @since 0.1.0
 */
export type EncodedBatch = string | ReadonlyArray<Uint8Array>

/** Text of this length (in UTF-16 code units) and more becomes a chunk. */
const largeText = 8192

/** Bytes of this length and more become a chunk. */
const largeBytes = 1024

/** A byte string of this length becomes a chunk, far below what a string can hold. */
const largeBatch = 1024 * 1024

/** Up to this length a loop proves that text is ASCII faster than a call into the runtime counts its bytes. */
const shortText = 20

const lengthHeaders: ReadonlyArray<string> = Array.from({ length: 1025 }, (_, length) => `$${length}\r\n`)

const lengthHeader = (length: number): string => length <= 1024 ? lengthHeaders[length] : `$${length}\r\n`

/** Lone surrogates count as the three bytes of U+FFFD, which is what they are sent as. */
const byteLength = (text: string): number => {
  const length = text.length
  if (length > shortText) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) > 127) return Buffer.byteLength(text)
  }
  return length
}

/**
 * Gathers commands until they are taken for a write.
 *
 * @category models
 * @since 0.1.0
 */
export class RespEncoder {
  private text = ""
  private chunks: Array<Uint8Array> | undefined = undefined
  private chunked = 0

  /** The exact number of bytes gathered. */
  get size(): number {
    return this.chunked + this.text.length
  }

  /**
   * Adds a command.
   *
   * `prefix` is the array header and the name words in RESP (ASCII); the header counts `args`.
   */
  push(prefix: string, args: ReadonlyArray<Argument>): void {
    this.text += prefix
    for (let i = 0; i < args.length; i++) {
      const argument = args[i]
      if (typeof argument !== "string") {
        this.pushBytes(argument)
        continue
      }
      const length = byteLength(argument)
      if (length === argument.length && length < largeText) {
        this.text += lengthHeader(length) + argument + "\r\n"
        if (this.text.length >= largeBatch) this.flush()
      } else {
        this.pushBytes(Buffer.from(argument, "utf8"))
      }
    }
  }

  /** Takes what was gathered and starts anew. Nothing gathered is the empty string. */
  take(): EncodedBatch {
    if (this.chunks === undefined) {
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

  private pushBytes(bytes: Uint8Array): void {
    const length = bytes.byteLength
    this.text += lengthHeader(length)
    if (length < largeBytes) {
      this.text += Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("latin1")
    } else {
      this.flush()
      this.append(bytes)
    }
    this.text += "\r\n"
    if (this.text.length >= largeBatch) this.flush()
  }

  private flush(): void {
    if (this.text === "") return
    this.append(Buffer.from(this.text, "latin1"))
    this.text = ""
  }

  private append(chunk: Uint8Array): void {
    if (this.chunks === undefined) this.chunks = []
    this.chunks.push(chunk)
    this.chunked += chunk.byteLength
  }
}
