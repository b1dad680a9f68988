/**
 * The lines of MONITOR: the commands that a node executes. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import type { BufferStrategy } from "./Subscription.ts"
import type { Message } from "./SubscriptionEvent.ts"

/**
 * A command that a node has executed, as `redis.monitor` gives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface MonitoredCommand {
  /** The time by the clock of the server, in milliseconds since 1970, with a fraction. */
  readonly time: number
  readonly database: number
  /** The client that sent it: `host:port`, `unix:path`, or `lua` for a script. */
  readonly client: string
  /** The name and the arguments. A byte that is not printable ASCII is one character. */
  readonly command: ReadonlyArray<string>
  readonly node: ClusterNode
}

/**
 * Options of `redis.monitor`: the buffer of the stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface MonitorOptions {
  /** The number of commands that may wait for the consumer. Default: 16384. */
  readonly bufferSize?: number | undefined
  /** The treatment of further commands when so many wait. Default: `"suspend"`. */
  readonly strategy?: BufferStrategy | undefined
}

const lineGrammar = /^(\d+\.\d+) \[(\d+) ([^\]]*(?:\][^\]"]*)*)\] (".*)$/s
/**
 * The arguments of a line. Valkey 8.1 does not escape quotes inside an argument: the quote that ends an argument is
 * followed by the next argument or by the end of the line.
 */
const argumentGrammar = /"((?:[^\\]|\\.)*?)"(?= "|$)/gs
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" }

const unescaped = (text: string): string =>
  text.replace(
    /\\(?:x([0-9a-fA-F]{2})|(.))/gs,
    (_, hex: string | undefined, letter: string) =>
      hex === undefined ? escapes[letter] ?? letter : String.fromCharCode(Number.parseInt(hex, 16))
  )

/** Reads a line of MONITOR; `undefined` when the message is something else. */
export const read = ({ node, payload }: Message): MonitoredCommand | undefined => {
  const match = lineGrammar.exec(payload)
  if (match === null) return undefined
  const [, time, database, client, rest] = match
  const command = Array.from(rest.matchAll(argumentGrammar), ([, argument]) => unescaped(argument))
  return { time: Number(time) * 1000, database: Number(database), client, command, node }
}
