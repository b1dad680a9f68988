/**
 * Bytes to replies: an incremental decoder for RESP2 and RESP3.
 *
 * It is strict. What does not match the grammar makes the stream malformed for good, because nothing after it
 * can be trusted to belong to the reply it seems to belong to. That includes streamed strings and aggregates
 * (`$?`, `*?`, `;`, `.`), which no server sends.
 *
 * It never looks at a byte twice for the sake of a chunk boundary: what is incomplete is kept as a stack of open
 * aggregates, a started line, or the pieces of a started bulk string.
 *
 * @since 0.1.0
 */
import { Buffer, constants } from "node:buffer"
import { type Reply, ServerError } from "./Reply.ts"

/**
 * Who gets what is decoded. The handlers may call `stop`, but not `push`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecoderHandlers {
  /**
   * Asked once at the start of each reply that is not a push: shall its bulk and verbatim strings be bytes? Simple
   * strings and errors are text in any case.
   */
  binary(): boolean
  /** A whole reply. */
  onReply(reply: Reply): void
  /** A whole push message. Its first element is its kind, a string. */
  onPush(push: ReadonlyArray<Reply>): void
}

/**
 * What a decoder accepts.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecoderOptions {
  /** Asked for each push once its kind is known: shall its bulk strings be bytes? Default: never. */
  readonly binaryPush?: (() => boolean) | undefined
  /** How many aggregates may be open inside each other. Default: 128. */
  readonly maxDepth?: number | undefined
  /** The longest bulk string in bytes. Text is bounded by what a string can hold as well. Default: that bound. */
  readonly maxBulkLength?: number | undefined
  /**
   * The most elements of an aggregate, or entries of a map. Maps and sets are bounded by what the runtime can
   * hold (2^24) as well. Default, and upper bound: 2^26, because the runtime refuses to grow an array not far beyond it.
   */
  readonly maxAggregateLength?: number | undefined
  /** The longest line in bytes, from the type byte to before the line end. Default: 64 KiB. */
  readonly maxLineLength?: number | undefined
}

const CR = 13
const LF = 10
const MINUS = 45
const PLUS = 43

const SIMPLE = 43 // +
const ERROR = 45 // -
const INTEGER = 58 // :
const BULK = 36 // $
const ARRAY = 42 // *
const NULL = 95 // _
const BOOLEAN = 35 // #
const DOUBLE = 44 // ,
const BIG_NUMBER = 40 // (
const BULK_ERROR = 33 // !
const VERBATIM = 61 // =
const MAP = 37 // %
const SET = 126 // ~
const PUSH = 62 // >
const ATTRIBUTE = 124 // |

const types = new Set([
  SIMPLE,
  ERROR,
  INTEGER,
  BULK,
  ARRAY,
  NULL,
  BOOLEAN,
  DOUBLE,
  BIG_NUMBER,
  BULK_ERROR,
  VERBATIM,
  MAP,
  SET,
  PUSH,
  ATTRIBUTE
])

const never = () => false

const maxArrayLength = 2 ** 26
const maxCollectionSize = 2 ** 24

const doubleGrammar = /^[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
const integerGrammar = /^[+-]?[0-9]+$/

const maxInt64 = 2n ** 63n - 1n
const minInt64 = -(2n ** 63n)

/** What `parseLength` makes of anything but digits. */
const notALength = -2

/**
 * The length in a header: digits, or `-1`.
 */
const parseLength = (bytes: Buffer, start: number, end: number): number => {
  const digits = end - start
  if (digits === 2 && bytes[start] === MINUS && bytes[start + 1] === 49) return -1
  if (digits === 0 || digits > 15) return notALength
  let length = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return notALength
    length = length * 10 + digit
  }
  return length
}

/** A signed 64 bit integer, `undefined` when it is none. */
const parseInteger = (bytes: Buffer, start: number, end: number): number | bigint | undefined => {
  const sign = bytes[start]
  const first = sign === MINUS || sign === PLUS ? start + 1 : start
  if (first >= end) return undefined
  // Fifteen digits are exact in a number.
  if (end - first > 15) return parseLongInteger(bytes.toString("latin1", start, end))
  let value = 0
  for (let i = first; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return sign === MINUS ? 0 - value : value
}

const parseLongInteger = (text: string): number | bigint | undefined => {
  if (!integerGrammar.test(text)) return undefined
  const value = BigInt(text)
  if (value < minInt64 || value > maxInt64) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const parseDouble = (text: string): number | undefined => {
  if (doubleGrammar.test(text)) return Number(text)
  switch (text) {
    case "inf":
    case "+inf":
      return Infinity
    case "-inf":
      return -Infinity
    case "nan":
    // Servers before 7.2 leave the sign to the C library.
    case "-nan":
      return NaN
    default:
      return undefined
  }
}

const fromCharCode = String.fromCharCode

/**
 * UTF-8 text. A call into the runtime costs more than the few characters of short text, so that these are put
 * together here as long as they are ASCII.
 */
const decodeText = (bytes: Buffer, start: number, end: number): string => {
  const length = end - start
  if (length > 16) return bytes.toString("utf8", start, end)
  if (length === 16) {
    const a = bytes[start]
    const b = bytes[start + 1]
    const c = bytes[start + 2]
    const d = bytes[start + 3]
    const e = bytes[start + 4]
    const f = bytes[start + 5]
    const g = bytes[start + 6]
    const h = bytes[start + 7]
    const i = bytes[start + 8]
    const j = bytes[start + 9]
    const k = bytes[start + 10]
    const l = bytes[start + 11]
    const m = bytes[start + 12]
    const n = bytes[start + 13]
    const o = bytes[start + 14]
    const p = bytes[start + 15]
    return (a | b | c | d | e | f | g | h | i | j | k | l | m | n | o | p) < 128
      ? fromCharCode(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
      : bytes.toString("utf8", start, end)
  }
  // Concatenation of thirteen characters and more would make a rope, to be flattened later.
  if (length > 12) return bytes.toString("utf8", start, end)
  let text = ""
  let at = start
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at]
    const b = bytes[at + 1]
    const c = bytes[at + 2]
    const d = bytes[at + 3]
    if ((a | b | c | d) > 127) return bytes.toString("utf8", start, end)
    text += fromCharCode(a, b, c, d)
  }
  for (; at < end; at++) {
    if (bytes[at] > 127) return bytes.toString("utf8", start, end)
    text += fromCharCode(bytes[at])
  }
  return text
}

/** Bytes of a reply. They are copied out of a chunk, because that is not ours. */
const decodeBytes = (bytes: Buffer, start: number, end: number, own: boolean): Buffer => {
  const view = bytes.subarray(start, end)
  return own ? view : Buffer.from(view)
}

/** Stands in where there is no array; never written. */
const noElements: Array<Reply> = []

/**
 * An aggregate whose elements are still coming in.
 */
class Frame {
  readonly parent: Frame | undefined
  readonly type: number
  /** How many values are still to come. */
  remaining: number
  readonly array: Array<Reply>
  readonly map: Map<Reply, Reply> | undefined
  readonly set: Set<Reply> | undefined
  /** The key of a map whose value is to come. */
  private key: Reply | undefined = undefined

  constructor(parent: Frame | undefined, type: number, remaining: number) {
    this.parent = parent
    this.type = type
    this.remaining = remaining
    this.map = type === MAP ? new Map() : undefined
    this.set = type === SET ? new Set() : undefined
    this.array = type === MAP || type === SET ? noElements : []
  }

  add(value: Reply): void {
    this.remaining--
    if (this.map !== undefined) {
      if (this.key === undefined) {
        this.key = value
      } else {
        this.map.set(this.key, value)
        this.key = undefined
      }
    } else if (this.set !== undefined) {
      this.set.add(value)
    } else if (this.type !== ATTRIBUTE) {
      this.array.push(value)
    }
  }

  get value(): Reply {
    return this.map ?? this.set ?? this.array
  }
}

/** A string up to this length gets its memory at once. */
const firstBlock = 1024 * 1024

/**
 * The pieces of a bulk string that spans chunks. The memory grows with what has come, not with what was announced.
 */
class Pieces {
  private readonly total: number
  private readonly full: Array<Buffer> = []
  private block: Buffer
  private filled = 0
  length = 0

  constructor(total: number) {
    this.total = total
    this.block = Buffer.allocUnsafe(Math.min(total, firstBlock))
  }

  add(chunk: Buffer, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.filled === this.block.length) this.grow()
      const next = Math.min(end, at + this.block.length - this.filled)
      chunk.copy(this.block, this.filled, at, next)
      this.filled += next - at
      this.length += next - at
      at = next
    }
  }

  /** The memory is nobody else's. */
  join(): Buffer {
    return this.full.length === 0 ? this.block : Buffer.concat([...this.full, this.block], this.length)
  }

  private grow(): void {
    this.full.push(this.block)
    this.block = Buffer.allocUnsafe(Math.min(this.total - this.length, this.length))
    this.filled = 0
  }
}

/**
 * Decodes the stream of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export class RespDecoder {
  private readonly handlers: DecoderHandlers
  private readonly binaryPush: () => boolean
  private readonly maxDepth: number
  private readonly maxBulkLength: number
  private readonly maxAggregateLength: number
  private readonly maxLineLength: number

  /** Neither failed nor stopped. */
  private open = true
  private failure: string | undefined = undefined

  /** Bulk strings of the current reply are bytes. */
  private bytes = false
  private frame: Frame | undefined = undefined
  private depth = 0

  /** The bulk string whose header was read and whose content is to come; its length is -1 when there is none. */
  private bulkType = BULK
  private bulkLength = -1
  private pieces: Pieces | undefined = undefined

  /** The start of a line whose end is to come. */
  private line = Buffer.alloc(0)
  private lineLength = 0

  constructor(handlers: DecoderHandlers, options: DecoderOptions = {}) {
    this.handlers = handlers
    this.binaryPush = options.binaryPush ?? never
    this.maxDepth = options.maxDepth ?? 128
    this.maxBulkLength = options.maxBulkLength ?? constants.MAX_STRING_LENGTH
    this.maxAggregateLength = Math.min(options.maxAggregateLength ?? maxArrayLength, maxArrayLength)
    this.maxLineLength = options.maxLineLength ?? 64 * 1024
  }

  /**
   * Decodes the next bytes of the stream and hands every reply that they complete to the handlers.
   *
   * Nothing of the chunk is kept: its memory may be used again.
   *
   * Returns `undefined`, or the reason why the stream is malformed. Every later call returns the same reason, and
   * nothing more is delivered.
   */
  push(chunk: Buffer): string | undefined {
    const end = chunk.length
    let at = 0
    if (this.lineLength > 0 && end > 0) at = this.resumeLine(chunk)
    while (this.open && at < end) {
      if (this.bulkLength >= 0) {
        at = this.readBulk(chunk, at, end)
        continue
      }
      const lineEnd = this.findLineEnd(chunk, at, at + 1, end)
      if (lineEnd === -1) break
      const start = at
      at = lineEnd + 2
      this.readLine(chunk, start, lineEnd)
    }
    return this.failure
  }

  /**
   * Ends it: nothing more is delivered, not even what is left of the current chunk.
   */
  stop(): void {
    this.open = false
    this.release()
  }

  private fail(reason: string): void {
    // A handler may have stopped the stream before, which is then no failure.
    if (!this.open) return
    this.failure = reason
    this.open = false
    this.release()
  }

  private release(): void {
    this.frame = undefined
    this.pieces = undefined
    this.bulkLength = -1
    this.line = Buffer.alloc(0)
    this.lineLength = 0
  }

  /**
   * The position of the CRLF of the line that starts at `start`, with all before `from` known to be without a line
   * end; -1 when the line is not complete (it is then kept) or malformed.
   */
  private findLineEnd(chunk: Buffer, start: number, from: number, end: number): number {
    let at = from
    for (; at < end; at++) {
      const byte = chunk[at]
      if (byte > CR) continue
      if (byte === CR) {
        if (this.lineLength + at - start > this.maxLineLength) break
        if (at + 1 === end) break
        if (chunk[at + 1] === LF) return at
        this.fail("a carriage return without a line feed")
        return -1
      }
      if (byte === LF) {
        this.fail("a line feed without a carriage return")
        return -1
      }
    }
    this.keepLine(chunk, start, end, at)
    return -1
  }

  private keepLine(chunk: Buffer, start: number, end: number, content: number): void {
    if (this.lineLength + content - start > this.maxLineLength) {
      return this.fail(`a line of more than ${this.maxLineLength} bytes`)
    }
    if (this.lineLength === 0 && !types.has(chunk[start])) return this.failType(chunk[start])
    this.appendLine(chunk, start, end)
  }

  private appendLine(chunk: Buffer, start: number, end: number): void {
    const length = this.lineLength + end - start
    if (length > this.line.length) {
      const line = Buffer.allocUnsafe(Math.max(64, 2 * length))
      this.line.copy(line, 0, 0, this.lineLength)
      this.line = line
    }
    chunk.copy(this.line, this.lineLength, start, end)
    this.lineLength = length
  }

  /** Continues the started line; returns the position after its end, or the chunk's end. */
  private resumeLine(chunk: Buffer): number {
    let lineEnd = this.lineLength - 1
    let next = 1
    if (this.line[lineEnd] !== CR) {
      const found = this.findLineEnd(chunk, 0, 0, chunk.length)
      if (found === -1) return chunk.length
      this.appendLine(chunk, 0, found)
      lineEnd = this.lineLength
      next = found + 2
    } else if (chunk[0] !== LF) {
      this.fail("a carriage return without a line feed")
      return chunk.length
    }
    const line = this.line
    this.lineLength = 0
    // One long line is no reason to hold on to its memory.
    if (line.length > 1024) this.line = Buffer.alloc(0)
    this.readLine(line, 0, lineEnd)
    return next
  }

  /** Reads a complete line, without its line end. */
  private readLine(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start]
    const content = start + 1
    if (this.frame === undefined) {
      this.bytes = type !== PUSH && type !== ATTRIBUTE && this.handlers.binary()
      if (!this.open) return
    }
    switch (type) {
      case BULK:
        return this.readBulkHeader(type, parseLength(bytes, content, end))
      case SIMPLE:
        if (end - content === 2 && bytes[content] === 79 && bytes[content + 1] === 75) return this.emit("OK")
        return this.emit(decodeText(bytes, content, end))
      case INTEGER: {
        const value = parseInteger(bytes, content, end)
        return value === undefined ? this.fail("not an integer") : this.emit(value)
      }
      case ARRAY:
      case MAP:
      case SET:
      case PUSH:
      case ATTRIBUTE:
        return this.readAggregateHeader(type, parseLength(bytes, content, end))
      case ERROR:
        return this.emit(new ServerError(decodeText(bytes, content, end)))
      case NULL:
        return end === content ? this.emit(null) : this.fail("not a null")
      case BOOLEAN:
        if (end - content === 1 && bytes[content] === 116) return this.emit(true)
        if (end - content === 1 && bytes[content] === 102) return this.emit(false)
        return this.fail("not a boolean")
      case DOUBLE: {
        const value = parseDouble(bytes.toString("latin1", content, end))
        return value === undefined ? this.fail("not a double") : this.emit(value)
      }
      case BIG_NUMBER: {
        const text = bytes.toString("latin1", content, end)
        return integerGrammar.test(text) ? this.emit(BigInt(text)) : this.fail("not a big number")
      }
      case VERBATIM:
      case BULK_ERROR:
        return this.readBulkHeader(type, parseLength(bytes, content, end))
      default:
        return this.failType(type)
    }
  }

  private failType(type: number): void {
    this.fail(`no type of reply starts with the byte 0x${type.toString(16).padStart(2, "0")}`)
  }

  private readBulkHeader(type: number, length: number): void {
    if (length === -1 && type === BULK) return this.emit(null)
    if (length < 0) return this.fail("not the length of a string")
    const max = this.bytes && type !== BULK_ERROR
      ? this.maxBulkLength
      : Math.min(this.maxBulkLength, constants.MAX_STRING_LENGTH)
    if (length > max) return this.fail(`a string of ${length} bytes, more than ${max}`)
    this.bulkType = type
    this.bulkLength = length
  }

  /** Reads what there is of a bulk string; returns the position after it. */
  private readBulk(chunk: Buffer, start: number, end: number): number {
    const length = this.bulkLength
    if (this.pieces === undefined) {
      const contentEnd = start + length
      if (contentEnd + 2 <= end) {
        this.bulkLength = -1
        this.emitBulk(chunk, start, contentEnd, false)
        return contentEnd + 2
      }
      this.pieces = new Pieces(length + 2)
    }
    const pieces = this.pieces
    const next = Math.min(end, start + length + 2 - pieces.length)
    pieces.add(chunk, start, next)
    if (pieces.length === length + 2) {
      this.pieces = undefined
      this.bulkLength = -1
      this.emitBulk(pieces.join(), 0, length, true)
    }
    return next
  }

  /** Emits a bulk string of which all is there, in memory of its own or somewhere in the chunk. */
  private emitBulk(bytes: Buffer, start: number, end: number, own: boolean): void {
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return this.fail("a string without its line end")
    if (this.bulkType === BULK) {
      return this.emit(this.bytes ? decodeBytes(bytes, start, end, own) : decodeText(bytes, start, end))
    }
    if (this.bulkType === BULK_ERROR) return this.emit(new ServerError(decodeText(bytes, start, end)))
    // The format, three bytes and a colon.
    const content = start + 4
    if (content > end || bytes[content - 1] !== 58) return this.fail("a verbatim string without its format")
    this.emit(this.bytes ? decodeBytes(bytes, content, end, own) : decodeText(bytes, content, end))
  }

  private readAggregateHeader(type: number, length: number): void {
    if (length === -1 && type === ARRAY) return this.emit(null)
    if (length < 0) return this.fail("not the length of an aggregate")
    const max = type === MAP || type === SET
      ? Math.min(this.maxAggregateLength, maxCollectionSize)
      : this.maxAggregateLength
    if (length > max) return this.fail(`an aggregate of ${length} elements, more than ${max}`)
    if (this.depth >= this.maxDepth) return this.fail(`more than ${this.maxDepth} aggregates inside each other`)
    if (type === PUSH) {
      if (this.frame !== undefined) return this.fail("a push inside a reply")
      if (length === 0) return this.fail("a push without a kind")
    }
    const frame = new Frame(this.frame, type, type === MAP || type === ATTRIBUTE ? 2 * length : length)
    if (length > 0) {
      this.depth++
      this.frame = frame
    } else if (type !== ATTRIBUTE) {
      this.emit(frame.value)
    }
  }

  /** Puts a complete value where it belongs, and then every aggregate that it completes. */
  private emit(complete: Reply): void {
    let value = complete
    let frame = this.frame
    while (frame !== undefined) {
      if (frame.type === PUSH && frame.array.length === 0) {
        if (typeof value !== "string") return this.fail("a push without a kind")
        this.bytes = this.binaryPush()
      }
      frame.add(value)
      if (frame.remaining > 0) return
      this.depth--
      this.frame = frame.parent
      // What an attribute says is about the value that follows.
      if (frame.type === ATTRIBUTE) return
      if (frame.type === PUSH) return this.handlers.onPush(frame.array)
      value = frame.value
      frame = frame.parent
    }
    this.handlers.onReply(value)
  }
}
