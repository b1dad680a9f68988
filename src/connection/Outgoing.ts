/**
 * What a connection knows of a command it carries.
 *
 * @since 0.1.0
 */
import type { Command } from "../commands/Command.ts"
import type { Reply } from "../protocol/Reply.ts"

/**
 * Why a connection cannot carry a command any further.
 *
 * - `connection`: it could not be made, or was lost
 * - `authentication`: the server refused the credentials
 * - `protocol`: the server sent what is not the protocol
 * - `closed`: the client is closed, or the node has left the cluster
 * - `overloaded`: the bound of unanswered commands is reached
 * - `unsendable`: an argument cannot be sent
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkFailure {
  /** Another node listens at the address. */
  readonly isOtherNode?: true
  readonly kind: "connection" | "authentication" | "protocol" | "closed" | "overloaded" | "unsendable"
  readonly message: string
}

/**
 * A command on its way. Exactly one of the three callbacks is called, once, unless `settled` is set first; a block
 * hears of each reply up to its last, or of the loss, or of the deadline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outgoing {
  readonly command: Command<unknown>
  /**
   * What is written in place of `command`: several commands, adjacent on the wire. `onReply` is then called once for
   * each of their replies, in order, and the one who sends it is done with the last of them.
   */
  readonly block?: ReadonlyArray<Command<unknown>>
  /** Bulk strings of its reply are bytes. A copy of the command's setting: the decoder asks for each reply. */
  readonly binary: boolean
  /** Send ASKING in front of it, in the same write. */
  readonly asking: boolean
  /** Monotonic milliseconds; `Infinity` for none. */
  readonly deadline: number
  /** Nobody waits for it any more: unwritten it is dropped, written its reply is. */
  readonly settled: boolean
  /** The connection's own note of how many bytes it counts for it: for each of its replies, once it is written. */
  size: number
  onReply(reply: Reply): void
  onLost(failure: LinkFailure, written: boolean): void
  /**
   * For a block: one of its commands cannot be sent. The owner ends that command and takes it out of the block, whose other
   * commands are then written, or it settles the whole.
   */
  onUnsendable?(index: number, failure: LinkFailure): void
  onDeadline(written: boolean): void
  /** The node does not answer a PING behind the command. The reply may still come. */
  onSilence?(): void
}
