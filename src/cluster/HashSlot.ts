/**
 * The hash slot of a key: one of the cluster's 16384 slots.
 *
 * @since 0.1.0
 */
import clusterKeySlot from "cluster-key-slot"

/**
 * The number of hash slots of a cluster.
 *
 * @category constants
 * @since 0.1.0
 */
export const slotCount = 16384

/**
 * Whether a cluster has this slot.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSlot = (slot: number): boolean => Number.isInteger(slot) && slot >= 0 && slot < slotCount

/**
 * The hash slot of a key, between 0 and 16383, exactly as the server computes it (`CLUSTER KEYSLOT`): CRC16 of the
 * hash tag when the key has one, of the whole key otherwise. Text is hashed as the UTF-8 bytes that are sent.
 *
 * **Example** (Keys with one hash tag share a slot)
 *
 * ```ts
 * import { HashSlot } from "effect-redis-cluster"
 *
 * HashSlot.ofKey("foo") // 12182
 * HashSlot.ofKey("{foo}:name") // 12182
 * ```
 *
 * @category hashing
 * @since 0.1.0
 */
export const ofKey = (key: string | Uint8Array): number => {
  if (typeof key !== "string") return ofBytes(key)
  // Every command needs its slot. `cluster-key-slot` first copies text into an array of bytes, which takes 88 ns for
  // 16 ASCII characters where this loop takes 39, and 228 against 89 for 40. Bytes, and text that is not ASCII, are
  // left to `cluster-key-slot`.
  let start = 0
  let end = key.length
  const open = key.indexOf("{")
  if (open !== -1) {
    const close = key.indexOf("}", open + 1)
    if (close > open + 1) {
      start = open + 1
      end = close
    }
  }
  let crc = 0
  for (let i = start; i < end; i++) {
    const code = key.charCodeAt(i)
    if (code > 127) return ofBytes(Buffer.from(key))
    crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ code]
  }
  return crc & (slotCount - 1)
}

const ofBytes = (key: Uint8Array): number => {
  // A transferred array has no bytes left, and a search in it throws. The command fails later, when it is written.
  if (key.byteLength === 0) return 0
  // The server reads the first tag only, and hashes the whole key when that tag is empty; `cluster-key-slot` would go
  // on to a later tag.
  const open = key.indexOf(0x7b)
  if (open === -1 || key[open + 1] !== 0x7d) return clusterKeySlot(viewOf(key))
  let crc = 0
  for (const byte of key) {
    crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte]
  }
  return crc & (slotCount - 1)
}

const viewOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The table of CRC16-XMODEM: polynomial 0x1021, initial value 0, nothing reflected. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  }
  return crc
})
