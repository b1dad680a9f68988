/** Hands commands to a stream: one write, or one gathered write when there are chunks. */
import type { Duplex } from "node:stream"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { LargeText } from "../protocol/LargeText.ts"
import type { Argument } from "../protocol/Reply.ts"
import { type EncodedBatch, RespEncoder } from "../protocol/RespEncoder.ts"

/**
 * Large arguments of bytes are the caller's own memory. A stream with bytes waiting in front of them keeps them for
 * later, and would send fewer bytes than announced if the caller transferred them in the meantime: such a stream gets
 * a copy. An idle stream sends them at once.
 */
export const write = (stream: Duplex, batch: EncodedBatch): void => {
  if (typeof batch === "string") {
    stream.write(batch, "latin1")
    return
  }
  const isIdle = stream.writableLength === 0
  stream.cork()
  for (const chunk of batch) {
    stream.write(chunk instanceof LargeText ? chunk.bytes : isIdle ? chunk : Buffer.from(chunk))
  }
  stream.uncork()
}

/**
 * Writes one command at once, or nothing when an argument cannot be sent; the result is then the reason. The arguments
 * may be secrets, so that no memory that lives on holds them.
 */
export const say = (stream: Duplex, spec: CommandSpec, args: ReadonlyArray<Argument>): string | undefined => {
  const encoder = new RespEncoder()
  const refusal = encoder.push(spec.prefix(args.length), args)
  if (refusal === undefined) write(stream, encoder.take())
  return refusal
}
