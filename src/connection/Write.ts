/**
 * Hands encoded commands to a stream: one write, or one gathered write when there are chunks.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import type { EncodedBatch } from "../protocol/RespEncoder.ts"

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
