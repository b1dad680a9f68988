/**
 * What MONITOR shows: the commands that a node executes. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { BufferStrategy } from "./Subscription.ts"
import type { Message } from "./SubscriptionEvent.ts"

/**
 * A command that the node has executed.
 *
 * @category models
 * @since 0.1.0
 */
export interface MonitoredCommand {
  /** When, by the clock of the server, in milliseconds since 1970, with a fraction. */
  readonly time: number
  readonly database: number
  /** Who sent it: `host:port`, `unix:path`, or `lua` for a script. */
  readonly client: string
  /** The name and the arguments. What is not printable ASCII is one character per byte. */
  readonly command: ReadonlyArray<string>
  readonly node: ClusterNode
}

/**
 * @category models
 * @since 0.1.0
 */
export interface MonitorOptions {
  /** How many commands may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** What becomes of further commands when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

const lineGrammar = /^(\d+\.\d+) \[(\d+) ([^\]]*(?:\][^\]"]*)*)\] (".*)$/s
/** Valkey 8.1 leaves quotes inside an argument as they are: one that ends it is followed by the next argument, or by none. */
const argumentGrammar = /"((?:[^\\]|\\.)*?)"(?= "|$)/gs
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" }

const unescaped = (text: string): string =>
  text.replace(
    /\\(?:x([0-9a-fA-F]{2})|(.))/gs,
    (_, hex: string | undefined, letter: string) =>
      hex === undefined ? escapes[letter] ?? letter : String.fromCharCode(Number.parseInt(hex, 16))
  )

/** Reads a line of MONITOR; `undefined` when it is none. */
export const read = ({ node, payload }: Message): MonitoredCommand | undefined => {
  const match = lineGrammar.exec(payload)
  if (match === null) return undefined
  const [, time, database, client, rest] = match
  const command = Array.from(rest.matchAll(argumentGrammar), ([, argument]) => unescaped(argument))
  return { time: Number(time) * 1000, database: Number(database), client, command, node }
}
