/**
 * Compression of values, with the header that valkey-glide writes and reads.
 *
 * A compressed value begins with five bytes: `00 01 02`, a version, and the number of the algorithm. A value that does not begin so was
 * written without compression, and is read as it is: compression can be turned on for values that exist.
 *
 * **Example** (Pages that are compressed from 1 KiB on)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Compression, Value } from "effect-redis-cluster"
 *
 * export const Pages = Value.make({
 *   key: (path: string) => `page:${path}`,
 *   schema: Schema.String,
 *   timeToLive: "1 hour",
 *   compression: Compression.zstd({ threshold: 1024 })
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as Zlib from "node:zlib"
import { DecodeFailure } from "../commands/decode.ts"
import { EncodeFailure } from "../commands/Value.ts"
import * as checks from "../internal/checks.ts"
import type { Argument } from "../protocol/Reply.ts"

/**
 * Options of `Compression.zstd`: its level, and the sizes, in bytes, between which it compresses.
 *
 * @category models
 * @since 0.1.0
 */
export interface ZstdOptions {
  /** The level, from 1 (fast) to 22 (small). Default: 3. */
  readonly level?: number | undefined
  /** The size in bytes from which a value is compressed; `Infinity` to read compressed values and write none. Default: 64. */
  readonly threshold?: number | undefined
  /**
   * The greatest size in bytes that a compressed value may have after decompression: a small reply must not fill the memory. A greater one is
   * refused when it is written. Default: 512 MiB.
   */
  readonly maxSize?: number | undefined
}

/**
 * The compression of values, for `Value.make`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Compression {
  /** The reason why it cannot be used; `undefined` if there is none. */
  readonly problem: string | undefined
  /** The stored form of a value: compressed, or as it is where that is smaller. */
  readonly compress: (value: Argument) => Argument | EncodeFailure
  /** The value of its stored form, which may have been written without compression. */
  readonly decompress: (stored: Uint8Array) => Uint8Array | DecodeFailure
}

const magic = [0, 1, 2] as const
const version = 0
const headerSize = 5

/** The numbers of the algorithms, as valkey-glide gives them. */
const zstdNumber = 1
const names: ReadonlyMap<number, string> = new Map([[zstdNumber, "zstd"], [2, "lz4"]])

/**
 * Whether a stored value begins as a compressed one.
 *
 * @internal
 */
export const isCompressed = (stored: Uint8Array): boolean =>
  stored.length >= headerSize && magic.every((byte, i) => stored[i] === byte)

const sizes: checks.Check = (value) =>
  typeof value === "number" && value >= 0 ? undefined : "a number of bytes, at least 0"

const zstdChecks: checks.Checks<ZstdOptions> = {
  level: (value) =>
    Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 22 ? undefined : "an integer from 1 to 22",
  threshold: sizes,
  maxSize: (value) => Number.isSafeInteger(value) && Number(value) > 0 ? undefined : "a number of bytes, at least 1"
}

/** `node:zlib`, loaded when a value is first compressed: programs without compression do not pay for it. */
const zlib = (): typeof Zlib | undefined => globalThis.process?.getBuiltinModule?.("node:zlib")

const bytesOf = (value: Argument): Uint8Array => typeof value === "string" ? Buffer.from(value) : value

/**
 * Makes a compression with zstd, by `node:zlib`.
 *
 * **When to use**
 *
 * Use it for values of some kilobytes and more, where the network or the memory of the servers is scarce.
 *
 * **Details**
 *
 * A value below the threshold, and one that would not become smaller, is written as it is. Clients of valkey-glide with compression read
 * what this writes, and the other way round, except for values that they compress with lz4: those fail with a `DecodeError`. A value
 * beyond `maxSize` bytes fails with an `EncodeError` when it is written, with a `DecodeError` when it is read. Options that cannot be
 * used fail each command of the definition with an `OptionsError`.
 *
 * **Gotchas**
 *
 * Servers see bytes: `APPEND`, `GETRANGE`, `INCR` and scripts that look into the value do not work on compressed values. A program
 * without the option cannot read them: to turn compression off, first write with `threshold: Infinity`. Compression runs on the thread
 * of the program: a megabyte takes some milliseconds.
 *
 * **Example** (Pages from 1 KiB on)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Compression, Value } from "effect-redis-cluster"
 *
 * export const Pages = Value.make({
 *   key: (path: string) => `page:${path}`,
 *   schema: Schema.String,
 *   compression: Compression.zstd({ threshold: 1024, maxSize: 16 * 1024 * 1024 })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const zstd = (options: ZstdOptions = {}): Compression => {
  const problem = checks.problemOf(options, zstdChecks) ??
    (typeof zlib()?.zstdCompressSync === "function" ? undefined : "this runtime has no zstd in node:zlib")
  const { level = 3, maxSize = 512 * 1024 * 1024, threshold = 64 }: ZstdOptions = problem === undefined ? options : {}
  const tooGreat = `the value is greater than ${maxSize} bytes, the maxSize of its compression`
  return {
    problem,
    compress: (value) => {
      const bytes = bytesOf(value)
      // Bytes that begin as a compressed value would be taken for one: they are wrapped, whatever their size.
      const isAmbiguous = isCompressed(bytes)
      if (bytes.length < threshold && !isAmbiguous) return value
      if (bytes.length > maxSize) return new EncodeFailure(tooGreat)
      const lib = zlib()
      if (lib === undefined) return new EncodeFailure("this runtime has no node:zlib")
      const compressed = lib.zstdCompressSync(bytes, { params: { [lib.constants.ZSTD_c_compressionLevel]: level } })
      if (compressed.length + headerSize >= bytes.length && !isAmbiguous) return value
      return Buffer.concat([Buffer.from([...magic, version, zstdNumber]), compressed])
    },
    decompress: (stored) => {
      if (!isCompressed(stored)) return stored
      const algorithm = stored[headerSize - 1]
      if (algorithm !== zstdNumber) {
        return new DecodeFailure(`the value is compressed with ${names.get(algorithm) ?? `algorithm ${algorithm}`}`)
      }
      try {
        const bytes = zlib()?.zstdDecompressSync(stored.subarray(headerSize), { maxOutputLength: maxSize })
        return bytes ?? new DecodeFailure("this runtime has no node:zlib")
      } catch (error) {
        return new DecodeFailure(
          error instanceof RangeError
            ? tooGreat
            : "the value begins as a compressed one, and cannot be decompressed"
        )
      }
    }
  }
}
