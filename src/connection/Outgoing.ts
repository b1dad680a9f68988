/** A command as a connection carries it. */
import type { Command } from "../commands/Command.ts"
import type { Reply } from "../protocol/Reply.ts"
import type { Generation } from "./Generation.ts"

/**
 * The reason why a connection cannot carry a command any further.
 *
 * - `connection`: the connection could not be made, or was lost
 * - `authentication`: the server refused the credentials
 * - `protocol`: the server sent bytes that are not the protocol
 * - `closed`: the client is closed, or the node has left the cluster
 * - `overloaded`: the bound of unanswered commands is reached
 * - `unsendable`: an argument cannot be sent
 */
export interface LinkFailure {
  /** Another node listens at the address. */
  readonly isOtherNode?: true
  readonly kind: "connection" | "authentication" | "protocol" | "closed" | "overloaded" | "unsendable"
  readonly message: string
}

/** The parts of a command that are written. */
export type Sendable = Pick<Command<unknown>, "args" | "spec">

/**
 * A command on its way. Exactly one of the three callbacks is called, once, unless `settled` is set first. A block
 * gets a call for each of its replies, or one call for its loss or its deadline.
 */
export interface Outgoing {
  readonly command: Command<unknown>
  /**
   * Several commands that are written in place of `command`, adjacent on the wire. `onReply` is then called for each
   * of their replies, in order, and the block has ended with the last of them.
   */
  readonly block?: ReadonlyArray<Sendable>
  /**
   * Whether the bulk strings of the reply are bytes. This is a copy of the command's setting, because the decoder asks
   * for each reply.
   */
  readonly binary: boolean
  /** Whether ASKING is sent in front of it, in one write. */
  readonly asking: boolean
  /** The deadline in monotonic milliseconds; `Infinity` for none. */
  readonly deadline: number
  /**
   * Whether nobody waits for the reply any more: the connection drops an unwritten command, or the reply to a written
   * one.
   */
  readonly settled: boolean
  /**
   * The bytes that the connection counts for this command, written by the connection. For a block they count once for
   * each reply.
   */
  size: number
  /**
   * Called when a block is written, no earlier than `at`, in monotonic milliseconds; `generation` is that of the socket,
   * where the server reports changes.
   */
  onWritten?(generation: Generation | undefined, at: number): void
  onReply(reply: Reply): void
  onLost(failure: LinkFailure, written: boolean): void
  /**
   * Called when one command of a block cannot be sent. The owner ends that command and takes it out of the block,
   * whose other commands are then written, or it settles the whole block.
   */
  onUnsendable?(index: number, failure: LinkFailure): void
  onDeadline(written: boolean): void
  /** Called when the node does not answer a PING behind the command. The reply may still come. */
  onSilence?(): void
}
