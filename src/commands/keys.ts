/**
 * Where the keys stand among the arguments of a command. Each finder gives their positions.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"

/**
 * Finds the positions of the keys among the arguments that follow the name.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyFinder = (args: ReadonlyArray<Argument>) => ReadonlyArray<number>

const range = (from: number, to: number, step = 1): ReadonlyArray<number> => {
  const positions: Array<number> = []
  for (let i = from; i < to; i += step) positions.push(i)
  return positions
}

/** Every argument is a key: `DEL`, `MGET`. */
export const allKeys: KeyFinder = (args) => range(0, args.length)

/** Keys and values take turns: `MSET`. */
export const everyOther: KeyFinder = (args) => range(0, args.length, 2)

/** The first two arguments: `RENAME`, `COPY`. */
export const firstTwo: KeyFinder = () => [0, 1]

/** All but the first argument: `BITOP`. */
export const allButFirst: KeyFinder = (args) => range(1, args.length)

/** All but the last argument, which is the time to wait: `BLPOP`. */
export const allButLast: KeyFinder = (args) => range(0, args.length - 1)

/** A count of keys stands at `position`, the keys behind it: `SINTERCARD`, `EVAL`. With `step` 2 each has a value. */
export const counted = (position: number, step = 1): KeyFinder => (args) => {
  const count = Number(args[position])
  return range(position + 1, Math.min(args.length, position + 1 + count * step), step)
}

/** A destination first, then the keys of `counted(1)`: `ZUNIONSTORE`. */
export const destinationAndCounted: KeyFinder = (args) => [0, ...counted(1)(args)]

/**
 * The position of the first of `words` from `from` on, `-1` if there is none. `takes` says how many arguments belong to
 * another word, so that a value that looks like a word is not taken for one.
 */
const findWord = (
  args: ReadonlyArray<Argument>,
  from: number,
  words: ReadonlyArray<string>,
  takes: Readonly<Record<string, number>>
): number => {
  for (let i = from; i < args.length; i++) {
    const arg = args[i]
    if (typeof arg !== "string") continue
    const word = arg.toUpperCase()
    if (words.includes(word)) return i
    if (Object.hasOwn(takes, word)) i += takes[word]
  }
  return -1
}

/** A key first, then one behind each of these words from `from` on: `SORT key STORE key`, `GEORADIUS key ... STORE key`. */
export const firstAndAfter =
  (from: number, words: ReadonlyArray<string>, takes: Readonly<Record<string, number>> = {}): KeyFinder => (args) => {
    const positions = [0]
    for (let i = findWord(args, from, words, takes); i !== -1; i = findWord(args, i + 2, words, takes)) {
      if (i + 1 < args.length) positions.push(i + 1)
    }
    return positions
  }

/** All that follows a word: `MIGRATE ... KEYS key ...`. */
export const allAfter =
  (from: number, word: string, takes: Readonly<Record<string, number>> = {}): KeyFinder => (args) => {
    const at = findWord(args, from, [word], takes)
    return at === -1 ? [] : range(at + 1, args.length)
  }

/** The first half of what follows `STREAMS`, searched from `from` on: `XREAD`. */
export const streams = (from: number): KeyFinder => (args) => {
  const at = findWord(args, from, ["STREAMS"], {})
  return at === -1 ? [] : range(at + 1, at + 1 + Math.floor((args.length - at - 1) / 2))
}
