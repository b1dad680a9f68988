/**
 * Random numbers from a seed, so that a test that failed can be run again.
 */

/** A generator of numbers from 0 (included) to 1 (excluded): mulberry32. */
export const generator = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** A random id of 40 hexadecimal digits, for nodes and replication streams. */
export const hexId = (random: () => number): string =>
  Array.from({ length: 40 }, () => Math.floor(random() * 16).toString(16)).join("")
