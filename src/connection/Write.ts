/** Hands commands to a stream: one write, or one gathered write when there are chunks. */
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { LargeText } from "../protocol/LargeText.ts"
import type { Argument } from "../protocol/Reply.ts"
import { type EncodedBatch, RespEncoder } from "../protocol/RespEncoder.ts"

/**
 * Whether a stream takes all of the next write out of the hands of this process: an idle socket does. Other streams take one
 * chunk of a write at a time, or pass chunks on later.
 */
export const takesAtOnce = (stream: Duplex): boolean => stream instanceof Net.Socket && stream.writableLength === 0

/**
 * Large arguments of bytes are the caller's own memory. A stream that keeps them for later would send fewer bytes than
 * announced if the caller transferred them in the meantime: such a stream gets a copy.
 */
export const write = (stream: Duplex, batch: EncodedBatch): void => {
  if (typeof batch === "string") {
    stream.write(batch, "latin1")
    return
  }
  const mayLend = takesAtOnce(stream)
  stream.cork()
  for (const chunk of batch) {
    stream.write(chunk instanceof LargeText ? chunk.bytes : mayLend ? chunk : Buffer.from(chunk))
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
