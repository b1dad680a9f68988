/**
 * Hands commands to a stream: one write, or one gathered write when there are chunks.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import type { Argument } from "../protocol/Reply.ts"
import { type EncodedBatch, RespEncoder } from "../protocol/RespEncoder.ts"

/**
 * Large bytes are the caller's own memory. A stream that has something to send before keeps them for later, and would send
 * less than was announced if they were transferred in the meantime: it gets a copy. One that is idle sends them at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const write = (stream: Duplex, batch: EncodedBatch): void => {
  if (typeof batch === "string") {
    stream.write(batch, "latin1")
    return
  }
  const isIdle = stream.writableLength === 0
  stream.cork()
  for (const chunk of batch) stream.write(isIdle ? chunk : Buffer.from(chunk))
  stream.uncork()
}

/**
 * Writes one command at once, or nothing: then it returns the reason why an argument cannot be sent. No memory that goes on
 * living has held its arguments, which may be secrets.
 *
 * @category combinators
 * @since 0.1.0
 */
export const say = (stream: Duplex, spec: CommandSpec, args: ReadonlyArray<Argument>): string | undefined => {
  const encoder = new RespEncoder()
  const refusal = encoder.push(spec.prefix(args.length), args)
  if (refusal === undefined) write(stream, encoder.take())
  return refusal
}
