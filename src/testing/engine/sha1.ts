/** The SHA1 of byte strings, by which servers name scripts. */
import { createHash } from "node:crypto"
import type { Bytes } from "./Bytes.ts"

export const sha1 = (script: Bytes): string => createHash("sha1").update(Buffer.from(script, "latin1")).digest("hex")
