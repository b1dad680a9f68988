import { keys } from "../../workloads.ts"

let state = 0x9e3779b9

/** A fixed pseudo-random sequence, the same for every client. */
export const randomKey = (): string => {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return keys[(state >>> 8) % keys.length]
}
