/**
 * The name of the key beside a value that is there while somebody loads the value again. Pure.
 */
import type { Argument } from "../protocol/Reply.ts"

/** No program puts a zero byte into the name of a key by chance. */
const suffix = "\0refresh"

/**
 * The key begins with that of the value, so that permissions by prefix cover it. A key without braces follows as the
 * hash tag, so that both are in one slot.
 */
export const refreshKeyOf = (key: Argument): Argument => {
  const text = typeof key === "string" ? key : Buffer.from(key).toString("latin1")
  const name = text + suffix + (/[{}]/.test(text) ? "" : `{${text}}`)
  return typeof key === "string" ? name : Buffer.from(name, "latin1")
}
