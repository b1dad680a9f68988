/**
 * Bytes to requests: RESP arrays of bulk strings, and inline commands.
 */
import type { Bytes } from "./Bytes.ts"

/** Takes chunks and gives whole requests. An incomplete request is kept. */
export class RequestParser {
  private text = ""
  private at = 0

  push(chunk: Bytes): void {
    this.text = this.at === this.text.length ? chunk : this.text.slice(this.at) + chunk
    this.at = 0
  }

  /** The next request; `undefined` when none is complete; a string with the problem of a malformed stream. */
  next(): ReadonlyArray<Bytes> | string | undefined {
    while (this.at < this.text.length) {
      const request = this.text.charCodeAt(this.at) === 0x2a ? this.array() : this.inline()
      // An empty line or an empty array is no request.
      if (typeof request === "object" && request.length === 0) continue
      return request
    }
    return undefined
  }

  private inline(): ReadonlyArray<Bytes> | undefined {
    const end = this.text.indexOf("\n", this.at)
    if (end === -1) return undefined
    const line = this.text.slice(this.at, end).trim()
    this.at = end + 1
    return line === "" ? [] : line.split(/\s+/)
  }

  private array(): ReadonlyArray<Bytes> | string | undefined {
    const text = this.text
    let end = text.indexOf("\r\n", this.at)
    if (end === -1) return undefined
    const count = Number(text.slice(this.at + 1, end))
    if (!Number.isInteger(count) || count > 1024 * 1024) return "invalid multibulk length"
    const words: Array<Bytes> = []
    let at = end + 2
    for (let i = 0; i < count; i++) {
      end = text.indexOf("\r\n", at)
      if (end === -1) return undefined
      if (text.charCodeAt(at) !== 0x24) return `expected '$', got '${text[at]}'`
      const length = Number(text.slice(at + 1, end))
      if (!Number.isInteger(length) || length < 0) return "invalid bulk length"
      at = end + 2
      if (text.length < at + length + 2) return undefined
      words.push(text.slice(at, at + length))
      at += length + 2
    }
    this.at = at
    return words
  }
}
