/**
 * The replies of servers as plain values.
 *
 * One type covers RESP2 and RESP3. Bulk and verbatim strings are strings, or bytes when the
 * command asked for bytes; simple strings are always strings. Integers are numbers as long as they are safe integers and bigints beyond. An
 * error reply is a value too (`ServerError`): it becomes a JavaScript error only when it leaves the library.
 *
 * @since 0.1.0
 */

/**
 * An argument of a command: text is sent as UTF-8, bytes are sent as they are.
 *
 * @category models
 * @since 0.1.0
 */
export type Argument = string | Uint8Array

/**
 * A decoded reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | ServerError
  | UnreadableReply
  | ReadonlyArray<Reply>
  | ReadonlyMap<Reply, Reply>
  | ReadonlySet<Reply>

/**
 * An error reply of a server, as a plain value: `code` is the first word (`MOVED`, `WRONGTYPE`, `ERR` ...),
 * `message` the whole line without the leading `-`.
 *
 * @category models
 * @since 0.1.0
 */
export class ServerError {
  readonly code: string
  readonly message: string

  constructor(message: string) {
    const space = message.indexOf(" ")
    this.code = space === -1 ? message : message.slice(0, space)
    this.message = message
  }
}

/**
 * Stands for a reply, or a part of one, that was received whole and cannot be decoded: text that is not UTF-8, or more
 * than the decoder may hold. Later replies are not affected. The command with such a reply fails with a `DecodeError`,
 * so that functions that read replies never get an `UnreadableReply`.
 */
export class UnreadableReply {
  /** The reason why it cannot be decoded. */
  readonly message: string
  /** For a whole reply: its readable parts. An `UnreadableReply` stands in each gap. */
  readonly partial: Reply

  constructor(message: string, partial: Reply = null) {
    this.message = message
    this.partial = partial
  }
}

/**
 * @internal
 */
export const notUtf8 = new UnreadableReply(
  "text that is not UTF-8: use Command.bytes for its bytes, or Command.lossyText for replacement characters in their place"
)

/**
 * The first gap among the readable parts of an unreadable reply.
 *
 * @internal
 */
export const gapIn = (reply: Reply): UnreadableReply | undefined => {
  if (reply === null || typeof reply !== "object" || reply instanceof Uint8Array) return undefined
  if (reply instanceof UnreadableReply) return reply
  if (reply instanceof ServerError) return undefined
  for (const part of reply instanceof Map ? [...reply.keys(), ...reply.values()] : reply.values()) {
    const gap = gapIn(part)
    if (gap !== undefined) return gap
  }
  return undefined
}
