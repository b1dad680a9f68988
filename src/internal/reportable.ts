/**
 * The facts of an error for Effect's `ErrorReporter`.
 *
 * The reporter finds them under two string keys. Its module is marked unstable, and its types are known only where it is
 * imported, so that the keys stand here.
 */

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
