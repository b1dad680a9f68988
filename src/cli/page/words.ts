/** Figures in few letters. */

const units = ["", "k", "M", "G", "T"] as const

const short = (value: number): string => value < 10 ? value.toFixed(1).replace(/\.0$/, "") : `${Math.round(value)}`

/** `0`, `7.5`, `123`, `4.2k`. */
export const count = (value: number): string => {
  let rest = value
  let unit = 0
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000
    unit++
  }
  return `${short(rest)}${units[unit]}`
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"] as const

export const bytes = (value: number): string => {
  let rest = value
  let unit = 0
  while (rest >= 1023.5 && unit < sizes.length - 1) {
    rest /= 1024
    unit++
  }
  return `${short(rest)} ${sizes[unit]}`
}

/** A time that is given in milliseconds. */
export const millis = (value: number): string => {
  if (value < 0.1) return `${short(value * 1000)} µs`
  if (value < 10) return `${value.toFixed(value < 1 ? 2 : 1)} ms`
  return value < 1000 ? `${Math.round(value)} ms` : `${short(value / 1000)} s`
}

export const percent = (share: number): string => {
  const value = share * 100
  return `${value > 99 && value < 100 ? value.toFixed(1) : Math.round(value)} %`
}

/** A whole number with its thousands apart. */
export const whole = (value: number): string => Math.round(value).toLocaleString("en-US")

/** The time of day. */
export const clock = (at: number): string => new Date(at).toLocaleTimeString(undefined, { hour12: false })

/** `1 key`, `2 keys`. */
export const plural = (value: number, one: string): string => `${whole(value)} ${value === 1 ? one : `${one}s`}`
