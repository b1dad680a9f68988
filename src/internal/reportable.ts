/**
 * The facts of an error for those who report and print it.
 *
 * Effect's `ErrorReporter` finds them under two string keys. Its module is marked unstable, and its types are known only where
 * it is imported, so that the keys stand here.
 */
import { NodeInspectSymbol } from "effect/Inspectable"

const severity = "~effect/ErrorReporter/severity"
const attributes = "~effect/ErrorReporter/attributes"

/** An error that says whether it may pass, and what it is about. */
interface Facts {
  readonly isRetryable: boolean
  readonly outcome?: string | undefined
  readonly command?: string | undefined
  readonly node?: string | undefined
  readonly attempts?: number | undefined
}

/** Gives the errors of a class the severity and the attributes that the reporter reads. */
export const reportable = <E extends Facts>(prototype: E, reasonOf: (error: E) => string): void => {
  Object.defineProperties(prototype, {
    [severity]: {
      get(this: E): "Warn" | "Error" {
        return this.isRetryable ? "Warn" : "Error"
      }
    },
    [attributes]: {
      get(this: E): Readonly<Record<string, unknown>> {
        return {
          "redis.reason": reasonOf(this),
          "redis.outcome": this.outcome,
          "redis.command": this.command,
          "redis.node": this.node,
          "redis.attempts": this.attempts
        }
      }
    }
  })
}

/** Shows the outcome of errors of a class, and whether they may pass, where Node prints them. */
export const printable = <E extends Facts & { readonly message: string; readonly cause?: unknown }>(
  prototype: E
): void => {
  Object.defineProperty(prototype, NodeInspectSymbol, {
    value(this: E): object {
      const { cause, isRetryable, message, outcome, ...facts } = this
      const fate = outcome === undefined ? {} : { outcome }
      // The cause of an error is not enumerable.
      const because = cause === undefined ? {} : { cause }
      return { ...facts, message, ...fate, isRetryable, ...because }
    }
  })
}
