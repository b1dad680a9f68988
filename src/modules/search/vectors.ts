/**
 * Vectors as servers store them: their numbers as bytes, the lowest byte first.
 *
 * @since 0.1.0
 */

/**
 * A vector: floats, or the bytes of another type of number.
 *
 * @category models
 * @since 0.1.0
 */
export type VectorValue = Float32Array | Float64Array | Uint8Array

/**
 * The type of the numbers of a vector. Redis 8 has those that are no floats of 32 or 64 bits.
 *
 * @category models
 * @since 0.1.0
 */
export type VectorType = "FLOAT32" | "FLOAT64" | "FLOAT16" | "BFLOAT16" | "INT8" | "UINT8"

/**
 * A vector with numbers of a type: floats of 32 and 64 bits as an array of them, others as bytes.
 *
 * @category utility types
 * @since 0.1.0
 */
export type VectorOf<T extends VectorType> = T extends "FLOAT32" ? Float32Array
  : T extends "FLOAT64" ? Float64Array
  : Uint8Array

/** The bytes of one number. */
export const sizeOf = (type: VectorType): number => {
  switch (type) {
    case "FLOAT64":
      return 8
    case "FLOAT32":
      return 4
    case "FLOAT16":
    case "BFLOAT16":
      return 2
    case "INT8":
    case "UINT8":
      return 1
  }
}

/** The bytes of a vector; `undefined` for a value that is none. */
export const bytesOf = (vector: unknown): Uint8Array | undefined =>
  vector instanceof Float32Array || vector instanceof Float64Array || vector instanceof Uint8Array
    ? new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
    : undefined

/** The vector of bytes; `undefined` if they are no whole number of numbers. */
export const vectorOf = (type: VectorType, bytes: Uint8Array): VectorValue | undefined => {
  if (bytes.byteLength % sizeOf(type) !== 0) return undefined
  // Floats have to begin at a multiple of their size.
  const own = new Uint8Array(bytes)
  return type === "FLOAT32"
    ? new Float32Array(own.buffer)
    : type === "FLOAT64"
    ? new Float64Array(own.buffer)
    : own
}

/** The vector of a list of numbers, as JSON has it. */
export const vectorOfNumbers = (type: VectorType, numbers: ReadonlyArray<number>): VectorValue =>
  type === "FLOAT64" ? Float64Array.from(numbers) : Float32Array.from(numbers)
