/**
 * Bytes to replies: an incremental decoder for RESP2 and RESP3.
 *
 * It is strict about the grammar. Bytes that do not match it make the stream malformed for good, because nothing after them
 * can be trusted to belong to the reply it seems to belong to. That includes streamed strings and aggregates
 * (`$?`, `*?`, `;`, `.`), which no server sends.
 *
 * A reply that matches the grammar and cannot be decoded does not end the stream, which many commands share: text that
 * is not UTF-8, and values beyond a bound, are read to their end, and an `UnreadableReply` stands in their place.
 *
 * The decoder never looks at a byte twice for the sake of a chunk boundary: an incomplete reply is kept as a stack of open
 * aggregates, a started line, or a started bulk string in the memory in which it stays.
 */
import { Buffer, constants, isUtf8 } from "node:buffer"
import { notUtf8, type Reply, ServerError, UnreadableReply } from "./Reply.ts"

/** The callbacks that get decoded replies. They may call `stop`, but not `push`. */
export interface DecoderHandlers {
  /**
   * Called once at the start of each reply that is not a push. The result says whether the bulk and verbatim strings
   * of the reply are bytes. Simple strings and errors are text in any case.
   */
  binary(): boolean
  /**
   * Called when text of a reply is not UTF-8. With `true` the text comes with replacement characters in the place of
   * the invalid bytes; with `false`, or without this callback, the reply is unreadable. The text of pushes always
   * comes with replacement characters.
   */
  lossy?(): boolean
  /**
   * Called when a reply is a set or a map. With `true` it comes as the list that RESP2 has in its place, the keys and the
   * values of a map in turns: a list costs a third of a set. The sets and maps inside of replies come as they are.
   */
  asList?(): boolean
  /** Takes a whole reply; an `UnreadableReply` when a part of it cannot be decoded. */
  onReply(reply: Reply): void
  /** Takes a whole push message. Its first element is its kind, a string. */
  onPush(push: ReadonlyArray<Reply>): void
}

/**
 * The bounds of a decoder. Replies beyond the bounds are unreadable; pushes beyond the bounds make the stream malformed.
 */
export interface DecoderOptions {
  /**
   * Called for each push once its kind is known. The result says whether the bulk strings of the push are bytes.
   * Default: never.
   */
  readonly binaryPush?: (() => boolean) | undefined
  /** The deepest nesting of aggregates. It bounds the call stack of functions that walk a reply. Default: 1024. */
  readonly maxDepth?: number | undefined
  /** The longest bulk string in bytes. Text is bounded by what a string can hold as well. Default: that bound. */
  readonly maxBulkLength?: number | undefined
  /**
   * The most elements of an aggregate, or entries of a map. Maps and sets are bounded by what the runtime can
   * hold (2^24) as well. Default, and upper bound: 2^26, because the runtime refuses to grow an array not far beyond it.
   */
  readonly maxAggregateLength?: number | undefined
  /** The longest simple string or error in bytes, with its type byte. Default, and upper bound: what a string can hold. */
  readonly maxLineLength?: number | undefined
}

const CR = 13
const LF = 10
const MINUS = 45
const PLUS = 43
const POINT = 46

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

const noLine = Buffer.alloc(0)

/** The longest line of the other types, such as a length or a number. */
const maxShortLine = 64 * 1024

const maxArrayLength = 2 ** 26
const maxCollectionSize = 2 ** 24

const doubleGrammar = /^[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
const integerGrammar = /^[+-]?[0-9]+$/

const powersOfTen = Array.from({ length: 16 }, (_, exponent) => 10 ** exponent)

const maxInt64 = 2n ** 63n - 1n
const minInt64 = -(2n ** 63n)

/** The result of `parseLength` for anything but digits. */
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

/** A signed 64 bit integer; `undefined` when the bytes are not one. */
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

/**
 * A decimal of at most fifteen digits; `undefined` for all others. Its digits and the power of ten are exact in a number,
 * so that one division rounds as the grammar wants.
 */
const parseDecimal = (bytes: Buffer, start: number, end: number): number | undefined => {
  const first = bytes[start] === MINUS ? start + 1 : start
  if (first >= end || end - first > 15) return undefined
  let digits = 0
  let point = end
  for (let i = first; i < end; i++) {
    const digit = bytes[i] - 48
    if (digit >= 0 && digit <= 9) digits = digits * 10 + digit
    else if (bytes[i] === POINT && point === end && i > first && i + 1 < end) point = i
    else return undefined
  }
  const value = point === end ? digits : digits / powersOfTen[end - point - 1]
  return first > start ? -value : value
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

const replacement = "\uFFFD"

/**
 * The methods of a buffer that `toString` calls in the end: they take a third less time. Node has them, and its types
 * do not.
 */
interface Sliceable extends Buffer {
  utf8Slice(start: number, end: number): string
}

const isSliceable = (bytes: Buffer): bytes is Sliceable => "utf8Slice" in bytes

const sliced = (bytes: Buffer, start: number, end: number): string =>
  isSliceable(bytes) ? bytes.utf8Slice(start, end) : bytes.toString("utf8", start, end)

/** UTF-8 text; `undefined` when the bytes are not UTF-8. The search costs nothing where all characters are in Latin-1. */
const decodeLongText = (bytes: Buffer, start: number, end: number): string | undefined => {
  const text = sliced(bytes, start, end)
  return text.indexOf(replacement) === -1 || isUtf8(bytes.subarray(start, end)) ? text : undefined
}

/**
 * UTF-8 text; `undefined` when the bytes are not UTF-8. A call into the runtime costs more than the few characters of short
 * text, so that these are put together here as long as they are ASCII.
 */
const decodeText = (bytes: Buffer, start: number, end: number): string | undefined => {
  const length = end - start
  if (length > 16) return decodeLongText(bytes, start, end)
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
      : decodeLongText(bytes, start, end)
  }
  // Concatenation of thirteen characters and more would make a rope, to be flattened later.
  if (length > 12) return decodeLongText(bytes, start, end)
  let text = ""
  let at = start
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at]
    const b = bytes[at + 1]
    const c = bytes[at + 2]
    const d = bytes[at + 3]
    if ((a | b | c | d) > 127) return decodeLongText(bytes, start, end)
    text += fromCharCode(a, b, c, d)
  }
  for (; at < end; at++) {
    if (bytes[at] > 127) return decodeLongText(bytes, start, end)
    text += fromCharCode(bytes[at])
  }
  return text
}

/** The length of an excerpt. A part of it, kept by a program, keeps the whole of it in memory. */
const excerptLength = 256

/** An aggregate with as many elements is read in excerpts. */
const manyElements = 8

/**
 * The text of several short strings that stand one after another in a chunk. The runtime is called once for all of them,
 * and each is a part of the text: that takes a third of the time.
 */
class Excerpt {
  private text = ""
  private start = 0
  private end = 0
  private isAscii = false

  /** Forgets the chunk. */
  clear(): void {
    this.text = ""
    this.end = 0
  }

  /** The text of a string; `undefined` when it is long, or near characters that are not ASCII. */
  read(chunk: Buffer, start: number, end: number): string | undefined {
    if (end > this.end) {
      if (end - start > excerptLength / 2) return undefined
      this.turnTo(chunk, start)
    }
    return this.isAscii ? this.text.substring(start - this.start, end - this.start) : undefined
  }

  private turnTo(chunk: Buffer, start: number): void {
    const end = Math.min(start + excerptLength, chunk.length)
    this.text = sliced(chunk, start, end)
    this.start = start
    this.end = end
    // Every other character takes several bytes, and every invalid byte becomes a replacement character.
    this.isAscii = this.text.length === end - start && this.text.indexOf(replacement) === -1
  }
}

/** Bytes of a reply. They are copied out of a chunk, because the memory of the chunk will be used again. */
const decodeBytes = (bytes: Buffer, start: number, end: number, own: boolean): Buffer => {
  const view = bytes.subarray(start, end)
  return own ? view : Buffer.from(view)
}

/** The message of an error, whatever its bytes. */
const decodeError = (bytes: Buffer, start: number, end: number): ServerError =>
  new ServerError(decodeText(bytes, start, end) ?? bytes.toString("utf8", start, end))

/** The array of a frame without elements; nothing is ever written to it. */
const noElements: Array<Reply> = []

/**
 * An aggregate whose elements are still coming in.
 */
class Frame {
  readonly parent: Frame | undefined
  readonly type: number
  /**
   * The number of values that are still to come. In a frame that keeps no elements, the values inside its elements
   * count too.
   */
  remaining: number
  /** The reply in the place of an aggregate that is too large or too deep. */
  readonly unreadable: UnreadableReply | undefined
  /** Whether its elements are kept. */
  readonly keeps: boolean
  readonly array: Array<Reply>
  readonly map: Map<Reply, Reply> | undefined
  readonly set: Set<Reply> | undefined
  /** The key of a map whose value is to come. */
  private key: Reply | undefined = undefined

  constructor(parent: Frame | undefined, type: number, remaining: number, unreadable: UnreadableReply | undefined) {
    this.parent = parent
    this.type = type
    this.remaining = remaining
    this.unreadable = unreadable
    this.keeps = type !== ATTRIBUTE && unreadable === undefined
    this.map = type === MAP && this.keeps ? new Map() : undefined
    this.set = type === SET && this.keeps ? new Set() : undefined
    this.array = type === MAP || type === SET || !this.keeps ? noElements : []
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
    } else if (this.keeps) {
      this.array.push(value)
    }
  }

  get value(): Reply {
    return this.map ?? this.set ?? this.unreadable ?? this.array
  }
}

const noLineEnd = "a string without its line end"

/** Whether a line of this type may be legal and beyond every bound. */
const mayBeLong = (type: number): boolean => type === SIMPLE || type === ERROR || type === BIG_NUMBER

/**
 * A string of this length and more has memory of its own, into which the bytes that are still to come can be read.
 */
const longString = 64 * 1024

/** A longer string gets no more memory than this before as much of it has come. */
const trusted = 32 * 1024 * 1024

/** Gives the memory of a string back. The collector would take longer than the next such string. */
const giveBack = ({ buffer, byteLength }: Buffer): void => {
  if (byteLength >= longString && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/**
 * The bulk string that is too long: its bytes are counted, and its line end is kept.
 */
class Excess {
  private readonly total: number
  private readonly lineEnd = Buffer.alloc(2)
  readonly unreadable: UnreadableReply
  readonly room = undefined
  length = 0

  constructor(total: number, unreadable: UnreadableReply) {
    this.total = total
    this.unreadable = unreadable
  }

  add(chunk: Buffer, start: number, end: number): void {
    const from = this.total - 2 - this.length
    for (let i = Math.max(0, from); i < end - start; i++) this.lineEnd[i - from] = chunk[start + i]
    this.length += end - start
  }

  join(): Buffer {
    return this.lineEnd
  }
}

/**
 * The bulk string that spans chunks: its bytes are put into the memory in which they stay. The memory grows with what has
 * come, not with what was announced.
 */
class Pieces {
  readonly unreadable = undefined
  private readonly total: number
  private memory: Buffer
  length = 0

  constructor(total: number) {
    this.total = total
    this.memory = total < longString ? Buffer.allocUnsafe(total) : Buffer.allocUnsafeSlow(Math.min(total, trusted))
  }

  /**
   * The memory for the next bytes, when many are to come. The line end is never read into it, nor the byte for which it
   * has to grow: memory into which a socket may still read is not given back.
   */
  get room(): Buffer | undefined {
    const end = Math.min(this.memory.length, this.total - 2)
    return end - this.length >= longString ? this.memory.subarray(this.length, end) : undefined
  }

  add(chunk: Buffer, start: number, end: number): void {
    const length = this.length + end - start
    if (length > this.memory.length) this.grow()
    // Memory of its own has no other chunk than those that were read into its room.
    const isThere = this.total >= longString && chunk.buffer === this.memory.buffer
    if (!isThere) chunk.copy(this.memory, this.length, start, end)
    this.length = length
  }

  /** The whole string, in memory that nothing else uses. */
  join(): Buffer {
    return this.memory
  }

  private grow(): void {
    const { memory } = this
    this.memory = Buffer.allocUnsafeSlow(this.total)
    memory.copy(this.memory, 0, 0, this.length)
    giveBack(memory)
  }
}

/** Decodes the stream of one connection. */
export class RespDecoder {
  private readonly handlers: DecoderHandlers
  private readonly binaryPush: () => boolean
  private readonly maxDepth: number
  private readonly maxBulkLength: number
  private readonly maxTextLength: number
  private readonly maxAggregateLength: number
  private readonly maxLineLength: number
  /** A line up to this length is within every bound. */
  private readonly shortLine: number

  /** Whether the stream has neither failed nor been stopped. */
  private open = true
  private failure: string | undefined = undefined

  /** Whether the bulk strings of the current reply are bytes. */
  private bytes = false
  private frame: Frame | undefined = undefined
  private depth = 0

  /** The bulk string whose header was read and whose content is to come; its length is -1 when there is none. */
  private bulkType = BULK
  private bulkLength = -1
  private pieces: Pieces | Excess | undefined = undefined

  /** The start of a line whose end is to come, without a carriage return at its end, and how many bytes of it were not kept. */
  private line = noLine
  private lineLength = 0
  private lineExcess = 0
  private lineReturned = false

  /** The text around the current position, while a reply of many elements is read. */
  private readonly excerpt = new Excerpt()
  private hasMany = false

  /** Whether a push is open. */
  private pushing = false
  /** The first part of the current reply that cannot be decoded. */
  private gap: UnreadableReply | undefined = undefined

  constructor(handlers: DecoderHandlers, options: DecoderOptions = {}) {
    this.handlers = handlers
    this.binaryPush = options.binaryPush ?? never
    this.maxDepth = options.maxDepth ?? 1024
    this.maxBulkLength = options.maxBulkLength ?? constants.MAX_STRING_LENGTH
    this.maxTextLength = Math.min(this.maxBulkLength, constants.MAX_STRING_LENGTH)
    this.maxAggregateLength = Math.min(options.maxAggregateLength ?? maxArrayLength, maxArrayLength)
    this.maxLineLength = Math.min(options.maxLineLength ?? constants.MAX_STRING_LENGTH, constants.MAX_STRING_LENGTH)
    this.shortLine = Math.min(maxShortLine, this.maxLineLength)
  }

  /**
   * Decodes the next bytes of the stream and hands every reply that they complete to the handlers.
   *
   * The decoder keeps no reference to the chunk, whose memory may be used again.
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
      const next = this.readWholeBulk(chunk, at, end)
      if (next > at) {
        at = next
        continue
      }
      const lineEnd = this.findLineEnd(chunk, at, at + 1, end)
      if (lineEnd === -1) break
      const start = at
      at = lineEnd + 2
      if (lineEnd - start > this.shortLine) this.readLongLine(chunk, start, lineEnd, lineEnd - start)
      else this.readLine(chunk, start, lineEnd)
    }
    this.excerpt.clear()
    return this.failure
  }

  /**
   * The memory for the next bytes of a long string: bytes that are read into it stay where they are. They are pushed as any
   * other chunk, as a view that begins where this one does. `undefined` while the next bytes may be read into any memory.
   */
  get room(): Buffer | undefined {
    return this.pieces?.room
  }

  /**
   * Ends the decoder: it delivers no more replies, not even from the rest of the current chunk.
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
    this.gap = undefined
    this.pieces = undefined
    this.bulkLength = -1
    this.line = noLine
    this.lineLength = 0
    this.lineExcess = 0
  }

  /**
   * Reads a bulk string that is whole in the chunk: most parts of most replies are one. Returns the position after it, or
   * `start` when anything else is there.
   */
  private readWholeBulk(chunk: Buffer, start: number, end: number): number {
    if (chunk[start] !== BULK) return start
    let at = start + 1
    let length = 0
    for (; at < end; at++) {
      const digit = chunk[at] - 48
      if (digit < 0 || digit > 9) break
      length = length * 10 + digit
    }
    const content = at + 2
    const contentEnd = content + length
    const next = contentEnd + 2
    if (next > end || at === start + 1 || length > this.maxTextLength || at > start + 16) return start
    if (chunk[at] !== CR || chunk[at + 1] !== LF || chunk[contentEnd] !== CR || chunk[contentEnd + 1] !== LF) {
      return start
    }
    if (this.frame === undefined) {
      this.bytes = this.handlers.binary()
      if (!this.open) return next
    }
    this.emitText(chunk, content, contentEnd, false)
    return next
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
    this.keepLine(chunk, start, at)
    this.lineReturned = at < end
    return -1
  }

  private keepLine(chunk: Buffer, start: number, end: number): void {
    const type = this.lineLength === 0 ? chunk[start] : this.line[0]
    if (!types.has(type)) return this.failType(type)
    const length = this.lineLength + this.lineExcess + end - start
    const max = this.lineLimit(type)
    if (length > max && !mayBeLong(type)) return this.failLine()
    const kept = Math.max(start, Math.min(end, start + max - this.lineLength))
    this.lineExcess += end - kept
    this.appendLine(chunk, start, kept)
  }

  private lineLimit(type: number): number {
    return type === SIMPLE || type === ERROR ? this.maxLineLength : maxShortLine
  }

  private failLine(): void {
    this.fail(`a line of more than ${maxShortLine} bytes`)
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
    let next = 1
    if (!this.lineReturned) {
      const found = this.findLineEnd(chunk, 0, 0, chunk.length)
      if (found === -1) return chunk.length
      this.keepLine(chunk, 0, found)
      if (!this.open) return chunk.length
      next = found + 2
    } else if (chunk[0] !== LF) {
      this.fail("a carriage return without a line feed")
      return chunk.length
    }
    const { line, lineLength } = this
    const length = lineLength + this.lineExcess
    this.lineLength = 0
    this.lineExcess = 0
    this.lineReturned = false
    // The memory of a long line is not kept for the next one.
    if (line.length > 1024) this.line = noLine
    if (length > this.shortLine) this.readLongLine(line, 0, lineLength, length)
    else this.readLine(line, 0, lineLength)
    return next
  }

  /** Reads a line that may be beyond a bound. Some of its `length` bytes may not have been kept. */
  private readLongLine(bytes: Buffer, start: number, end: number, length: number): void {
    const type = bytes[start]
    const max = this.lineLimit(type)
    if (length <= max) return this.readLine(bytes, start, end)
    // The code of an error stands at its start.
    if (type === ERROR) return this.readLine(bytes, start, start + max)
    if (!mayBeLong(type)) return types.has(type) ? this.failLine() : this.failType(type)
    this.emitGap(`a line of ${length} bytes, more than ${max}`)
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
        return this.emit(decodeText(bytes, content, end) ?? this.notText(bytes, content, end, false))
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
        return this.emit(decodeError(bytes, content, end))
      case NULL:
        return end === content ? this.emit(null) : this.fail("not a null")
      case BOOLEAN:
        if (end - content === 1 && bytes[content] === 116) return this.emit(true)
        if (end - content === 1 && bytes[content] === 102) return this.emit(false)
        return this.fail("not a boolean")
      case DOUBLE: {
        const value = parseDecimal(bytes, content, end) ?? parseDouble(bytes.toString("latin1", content, end))
        return value === undefined ? this.fail("not a double") : this.emit(value)
      }
      case BIG_NUMBER: {
        const text = bytes.toString("latin1", content, end)
        // A script can answer any text as a big number, and servers do not check it.
        return integerGrammar.test(text) ? this.emit(BigInt(text)) : this.emitGap("a big number that is not a number")
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
    const max = this.bytes && type !== BULK_ERROR ? this.maxBulkLength : this.maxTextLength
    if (length > max) {
      const excess = `a string of ${length} bytes, more than ${max}`
      if (this.pushing) return this.fail(excess)
      this.pieces = new Excess(length + 2, new UnreadableReply(excess))
    }
    this.bulkType = type
    this.bulkLength = length
  }

  /** Reads the part of a bulk string that has come; returns the position after it. */
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
      if (pieces.unreadable === undefined) this.emitBulk(pieces.join(), 0, length, true)
      else this.emitExcess(pieces.join(), pieces.unreadable)
    }
    return next
  }

  /** Emits a complete bulk string, which is in memory of its own or somewhere in the chunk. */
  private emitBulk(bytes: Buffer, start: number, end: number, own: boolean): void {
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return this.fail(noLineEnd)
    if (this.bulkType === BULK) return this.emitText(bytes, start, end, own)
    if (this.bulkType === BULK_ERROR) return this.emit(decodeError(bytes, start, end))
    // The format of a verbatim string: three bytes and a colon.
    const content = start + 4
    if (content > end || bytes[content - 1] !== 58) return this.fail("a verbatim string without its format")
    this.emitText(bytes, content, end, own)
  }

  private emitText(bytes: Buffer, start: number, end: number, own: boolean): void {
    if (this.bytes) return this.emit(decodeBytes(bytes, start, end, own))
    const excerpt = this.hasMany && !own ? this.excerpt.read(bytes, start, end) : undefined
    const text = excerpt ?? decodeText(bytes, start, end) ?? this.notText(bytes, start, end, own)
    if (own) giveBack(bytes)
    this.emit(text)
  }

  private emitExcess(lineEnd: Buffer, unreadable: UnreadableReply): void {
    if (lineEnd[0] !== CR || lineEnd[1] !== LF) return this.fail(noLineEnd)
    this.emit(this.miss(unreadable))
  }

  /** The reply in the place of text that is not UTF-8. */
  private notText(bytes: Buffer, start: number, end: number, own: boolean): Reply {
    if (this.bytes) return decodeBytes(bytes, start, end, own)
    if (this.pushing || this.handlers.lossy?.() === true) return bytes.toString("utf8", start, end)
    return this.miss(notUtf8)
  }

  /** Notes a gap in the reply, unless it is inside an aggregate that is not kept anyway. */
  private miss(unreadable: UnreadableReply): UnreadableReply {
    if (this.frame === undefined || this.frame.keeps) this.gap ??= unreadable
    return unreadable
  }

  private emitGap(reason: string): void {
    if (this.pushing) return this.fail(reason)
    this.emit(this.miss(new UnreadableReply(reason)))
  }

  private readAggregateHeader(type: number, length: number): void {
    if (length === -1 && type === ARRAY) return this.emit(null)
    if (length < 0) return this.fail("not the length of an aggregate")
    const count = type === MAP || type === ATTRIBUTE ? 2 * length : length
    const outer = this.frame
    if (outer !== undefined) {
      if (type === PUSH) return this.fail("a push inside a reply")
      if (!outer.keeps) return this.count(outer, type, count)
    }
    if (type === PUSH && length === 0) return this.fail("a push without a kind")
    const isList = outer === undefined && (type === MAP || type === SET) && this.handlers.asList?.() === true
    const frame = new Frame(outer, isList ? ARRAY : type, count, this.excess(type, length))
    if (!this.open) return
    if (length === 0) {
      if (type !== ATTRIBUTE) this.emit(frame.value)
      return
    }
    if (type === PUSH) this.pushing = true
    if (outer === undefined) this.hasMany = count >= manyElements
    this.depth++
    this.frame = frame
  }

  /** Counts the values of an aggregate inside one that is not kept: they are not kept either and need no bound. */
  private count(outer: Frame, type: number, count: number): void {
    outer.remaining += count
    if (outer.remaining > Number.MAX_SAFE_INTEGER) return this.fail("more elements than can be counted")
    if (type !== ATTRIBUTE) this.emit(null)
  }

  /** Stands for an aggregate that is too large, or too deep. */
  private excess(type: number, length: number): UnreadableReply | undefined {
    if (type === ATTRIBUTE) return undefined
    const max = type === MAP || type === SET
      ? Math.min(this.maxAggregateLength, maxCollectionSize)
      : this.maxAggregateLength
    if (length <= max && this.depth < this.maxDepth) return undefined
    const reason = length > max
      ? `an aggregate of ${length} elements, more than ${max}`
      : `more than ${this.maxDepth} aggregates inside each other`
    if (this.pushing || type === PUSH) this.fail(reason)
    return this.miss(new UnreadableReply(reason))
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
      // An attribute is about the value that follows, and is dropped.
      if (frame.type === ATTRIBUTE) return
      if (frame.type === PUSH) {
        this.pushing = false
        return this.handlers.onPush(frame.array)
      }
      value = frame.value
      frame = frame.parent
    }
    if (this.gap !== undefined) return this.emitUnreadable(value)
    this.handlers.onReply(value)
  }

  private emitUnreadable(partial: Reply): void {
    const message = this.gap?.message ?? ""
    this.gap = undefined
    this.handlers.onReply(new UnreadableReply(message, partial))
  }
}
