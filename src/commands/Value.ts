/**
 * A value of the program as an argument of a command.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type { Argument } from "../protocol/Reply.ts"

/**
 * The value of a key or a field: text is sent as UTF-8, bytes as they are, numbers in decimal. A `Redacted` value is
 * sent as it is, and never shown. A value that `Command.encode` could not encode makes its command fail.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = Argument | number | bigint | Secret | EncodeFailure

/**
 * Text or bytes that are never shown.
 *
 * @category models
 * @since 0.1.0
 */
export type Secret = Redacted.Redacted<Argument>

const TypeId = "~effect-redis-cluster/EncodeFailure"

/**
 * Stands in the place of a value that its schema refused. The command that gets it fails with an `EncodeError` and is not sent.
 *
 * @category models
 * @since 0.1.0
 */
export class EncodeFailure {
  /** Says why, and nothing of the value. */
  readonly message: string

  get [TypeId](): typeof TypeId {
    return TypeId
  }

  constructor(message: string) {
    this.message = message
  }
}

/**
 * Whether a value could not be encoded, also by another copy of the package.
 *
 * @internal
 */
export const isEncodeFailure = (value: unknown): value is EncodeFailure =>
  typeof value === "object" && value !== null && TypeId in value

/**
 * The words about a value that could not be encoded.
 *
 * @internal
 */
export const notEncoded = ({ message }: EncodeFailure): string => `a value cannot be encoded: ${message}`

const wiped = new EncodeFailure("a Redacted value has been wiped")

/**
 * The argument that is sent for a value.
 *
 * @internal
 */
export const argumentOf = (value: Value): Argument | EncodeFailure => {
  if (typeof value === "string" || value instanceof Uint8Array) return value
  if (typeof value === "number" || typeof value === "bigint") return String(value)
  if (!Redacted.isRedacted(value)) return value
  try {
    return Redacted.value(value)
  } catch {
    return wiped
  }
}
