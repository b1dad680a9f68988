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
 * @category combinators
 * @since 0.1.0
 */
export const write = (stream: Duplex, batch: EncodedBatch): void => {
  if (typeof batch === "string") {
    stream.write(batch, "latin1")
    return
  }
  stream.cork()
  for (const chunk of batch) stream.write(chunk)
  stream.uncork()
}

/**
 * Writes one command at once. No memory that goes on living has held its arguments, which may be secrets.
 *
 * @category combinators
 * @since 0.1.0
 */
export const say = (stream: Duplex, spec: CommandSpec, args: ReadonlyArray<Argument>): void => {
  const encoder = new RespEncoder()
  encoder.push(spec.prefix(args.length), args)
  write(stream, encoder.take())
}
