/**
 * The words with which commands give the expiry of a key.
 */
import type { Call } from "./Call.ts"

const units: Readonly<Record<string, { readonly millis: number; readonly relative: boolean } | undefined>> = {
  EX: { millis: 1000, relative: true },
  PX: { millis: 1, relative: true },
  EXAT: { millis: 1000, relative: false },
  PXAT: { millis: 1, relative: false }
}

/** Whether a word is one of `EX`, `PX`, `EXAT`, `PXAT`. */
export const isExpiryWord = (word: string): boolean => units[word] !== undefined

/** The time after such a word, in milliseconds since 1970. It has to lie after the beginning of time. */
export const expiryAfter = (call: Call, word: string, index: number): number => {
  const unit = units[word]
  if (unit === undefined || index >= call.args.length) {
    call.syntax()
    return 0
  }
  const value = call.integer(index)
  if (!call.failed && (value <= 0 || value * unit.millis > 2 ** 63 - 2 ** 10)) {
    call.refuse(`ERR invalid expire time in '${call.name}' command`)
  }
  return value * unit.millis + (unit.relative ? call.now : 0)
}
