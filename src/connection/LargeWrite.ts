/**
 * A write of many bytes, which is handed to the stream piece by piece.
 *
 * Nothing else can be written between the pieces, because a command is whole on its connection. The pieces are for
 * everything else: a slow network shows progress, text needs no memory beside its own, and the other connections of the
 * process are served between the pieces of a text.
 */
import { Buffer } from "node:buffer"
import type { Duplex } from "node:stream"
import { giveMemory, LargeText, takeMemory } from "../protocol/LargeText.ts"
import type { EncodedBatch } from "../protocol/RespEncoder.ts"
import { takesAtOnce } from "./Write.ts"

/** The first piece, and each piece for a stream that has not taken one at once: its network may be slow. */
const smallPiece = 64 * 1024

/** Pieces become twice as long while the stream takes them at once, up to this. */
const largePiece = 1024 * 1024

/** After so many bytes of text the other connections of the process are served. */
const turn = 1024 * 1024

export class LargeWrite {
  private readonly stream: Duplex
  private chunks: ReadonlyArray<Uint8Array | LargeText> = []
  /** The chunk that comes next, and the place in it: bytes, or code units of text. */
  private next = 0
  private at = 0
  private isKept = false
  private memory: Buffer | undefined = undefined
  private pieceSize = smallPiece

  constructor(stream: Duplex) {
    this.stream = stream
  }

  /** Whether there is more to write. */
  get isUnderway(): boolean {
    return this.chunks.length > 0
  }

  /** Takes a batch. The batch before it has to be done. */
  begin(batch: EncodedBatch): void {
    this.chunks = typeof batch === "string" ? [Buffer.from(batch, "latin1")] : batch
    this.isKept = false
  }

  /**
   * Hands pieces over. The result says whether that was all, the stream has to drain first, or the rest is for the next
   * turn of the event loop.
   */
  proceed(): "done" | "full" | "turn" {
    const { stream } = this
    let handed = 0
    while (this.next < this.chunks.length) {
      // A stream says that it has to drain after each large piece, also when that has left at once.
      if (stream.writableNeedDrain && stream.writableLength > 0) {
        this.pieceSize = smallPiece
        return this.rest("full")
      }
      if (handed >= turn && this.chunks[this.next] instanceof LargeText) return this.rest("turn")
      handed += this.writePiece()
      this.pieceSize = Math.min(2 * this.pieceSize, largePiece)
    }
    this.leaveUsedMemory()
    if (this.memory !== undefined) giveMemory(this.memory)
    this.memory = undefined
    this.chunks = []
    this.next = 0
    return "done"
  }

  /**
   * Large bytes are the caller's own, who may transfer them before the rest is written: the rest is copied. The copy takes
   * longer than the stream does, so that bytes are handed over for as long as the stream takes them.
   */
  private rest(reason: "full" | "turn"): "full" | "turn" {
    if (this.isKept) return reason
    this.isKept = true
    const [first, ...others] = this.chunks.slice(this.next)
    const kept = first instanceof LargeText ? first : Buffer.from(first.subarray(this.at))
    if (kept !== first) this.at = 0
    this.chunks = [kept, ...others.map((chunk) => chunk instanceof LargeText ? chunk : Buffer.from(chunk))]
    this.next = 0
    return reason
  }

  /** Writes the next chunks, or a part of one, as one piece. The result is the number of bytes. */
  private writePiece(): number {
    const { stream } = this
    this.leaveUsedMemory()
    const mayLend = takesAtOnce(stream)
    let size = 0
    let hasText = false
    stream.cork()
    while (size < this.pieceSize && this.next < this.chunks.length) {
      const chunk = this.chunks[this.next]
      if (!(chunk instanceof LargeText)) {
        size += this.writeBytes(chunk, this.pieceSize - size, mayLend)
        continue
      }
      // The memory holds one part of a text.
      if (hasText) break
      hasText = true
      size += this.writeText(chunk)
    }
    stream.uncork()
    return size
  }

  /** Leaves the memory to the stream if that may still have the piece before. */
  private leaveUsedMemory(): void {
    if (!takesAtOnce(this.stream)) this.memory = undefined
  }

  private writeBytes(chunk: Uint8Array, most: number, mayLend: boolean): number {
    const part = chunk.subarray(this.at, this.at + most)
    this.stream.write(mayLend ? part : Buffer.from(part))
    this.advance(part.byteLength, chunk.byteLength)
    return part.byteLength
  }

  private writeText(chunk: LargeText): number {
    this.memory ??= takeMemory()
    const { read, written } = chunk.encodeInto(this.memory.subarray(0, this.pieceSize), this.at)
    this.stream.write(this.memory.subarray(0, written))
    this.advance(read, chunk.text.length)
    return written
  }

  private advance(count: number, length: number): void {
    this.at += count
    if (this.at < length) return
    this.next++
    this.at = 0
  }
}
