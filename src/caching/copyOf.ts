/**
 * A copy of a reply, so that no caller can change what the cache holds.
 */
import type { Reply } from "../protocol/Reply.ts"

export const copyOf = (reply: Reply): Reply => {
  if (reply === null || typeof reply !== "object") return reply
  if (reply instanceof Uint8Array) return Uint8Array.prototype.slice.call(reply)
  if (reply instanceof Map) return new Map(Array.from(reply, ([key, value]) => [copyOf(key), copyOf(value)]))
  if (reply instanceof Set) return new Set(Array.from(reply, copyOf))
  // Errors within a reply cannot be changed.
  return Array.isArray(reply) ? reply.map(copyOf) : reply
}
