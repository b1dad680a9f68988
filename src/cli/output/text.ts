/** Text for terminals: without control characters, and cut to a width. */
import { displayWidth } from "effect/cli/CliOutput"

/** A text on one line. Keys and values may hold anything, also what would move the cursor of a terminal. */
export const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    switch (character) {
      case "\n":
        return String.raw`\n`
      case "\r":
        return String.raw`\r`
      case "\t":
        return String.raw`\t`
    }
    const code = character.charCodeAt(0)
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
  })

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** The text in no more than so many columns, with a mark where it was cut. It must have no styles. */
export const cut = (text: string, width: number): string => {
  if (displayWidth(text) <= width) return text
  let kept = ""
  let taken = 0
  for (const { segment } of segmenter.segment(text)) {
    const next = taken + displayWidth(segment)
    if (next > width - 1) break
    taken = next
    kept += segment
  }
  return width < 1 ? "" : `${kept}…`
}

/** The text filled up to a width. */
export const padded = (text: string, width: number, align: "left" | "right" = "left"): string => {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)))
  return align === "left" ? text + space : space + text
}

export { displayWidth as widthOf }

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const

/** A number of bytes in three digits or so: `1.5 MiB`. */
export const bytes = (size: number): string => {
  let rest = size
  let unit = 0
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024
    unit++
  }
  return unit === 0 ? `${Math.round(rest)} B` : `${rest.toFixed(rest < 10 ? 1 : 0)} ${units[unit]}`
}

/** A whole number with its thousands apart: `12,345`. */
export const count = (value: number): string => Math.round(value).toLocaleString("en-US")

/** A duration in milliseconds in three digits or so: `0.42 ms`, `12 ms`, `3.4 s`. */
export const millis = (value: number): string => {
  if (value < 10) return `${value.toFixed(2)} ms`
  if (value < 100) return `${value.toFixed(1)} ms`
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

/** `1 key`, `2 keys`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

/** A range of slots: `5`, or `5-9`. */
export const slotRange = (start: number, end: number): string => start === end ? `${start}` : `${start}-${end}`

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of bytes; `undefined` for bytes that are not UTF-8. */
export const textOf = (value: Uint8Array): string | undefined => {
  try {
    return strict.decode(value)
  } catch {
    return undefined
  }
}

/** Bytes on one line, with an escape in the place of each byte that cannot be shown. */
export const visibleBytes = (value: Uint8Array): string => {
  const text = textOf(value)
  if (text !== undefined) return visible(text)
  return Array.from(
    value,
    (byte) => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`
  ).join("")
}

const spans = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "m"], [1000, "s"]] as const

/** A longer duration in its greatest unit: `3d`, `1.5h`, `12m`, `850ms`. */
export const duration = (value: number): string => {
  const [size, unit] = spans.find(([size]) => value >= size) ?? [1, "ms"]
  const amount = value / size
  return `${amount < 10 ? Number(amount.toFixed(1)) : Math.round(amount)}${unit}`
}
