/**
 * What a server can answer, as plain values.
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
