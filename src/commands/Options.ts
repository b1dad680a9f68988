/** The types by which the reply of a call follows from its options. */
import type { Instant, Lifetime } from "./Call.ts"

type KeysOf<A> = A extends unknown ? keyof A : never

declare const known: unique symbol

/**
 * The type of a property that no option has, in the error about it: it names the options that there are. No value is of
 * this type.
 */
export interface NoSuchOption<Options extends PropertyKey> {
  readonly [known]: Options
}

/**
 * Options of the inferred type `O`, in which a property that `Shape` does not know is a type error.
 * Options put together elsewhere, as a union, name their type: `Strings.set<SetOptions>(key, value, options)`.
 */
// Editors complete by what is inferred so far, and show the documentation of `Shape` where it stands alone: so it is in all
// cases, and alone in the good one. `O` is inferred from the case in which it does not fit.
export type Exact<O, Shape> = [Exclude<keyof O, KeysOf<Shape>>] extends [never]
  ? [O] extends [Shape] ? Shape : Shape & O
  : Shape & { readonly [K in Exclude<keyof O, KeysOf<Shape>>]: NoSuchOption<KeysOf<Shape>> }

/**
 * `Yes` when the flag `K` is `true` in the options `O`, `No` when it is absent or `false`, and both when the type
 * leaves that open.
 */
export type When<O, K extends PropertyKey, Yes, No> = O extends unknown
  ? K extends keyof O ? (true extends O[K] ? (O[K] extends true ? Yes : Yes | No) : No) : No
  : never

/** `Yes` when the options `O` have the property `K`, `No` when they do not, and both when the type leaves that open. */
export type Given<O, K extends PropertyKey, Yes, No> = O extends unknown
  ? K extends keyof O ? (undefined extends O[K] ? ([O[K]] extends [undefined] ? No : Yes | No) : Yes) : No
  : never

/** Options of the commands whose reply is read from the text of the server. */
export interface RawOptions {
  /** Return the text of the server as it is, in the place of what is read from it. */
  readonly raw?: boolean | undefined
}

/** The expiry of a value: after a span of time, or at a point in time. */
export type Expiry =
  | { readonly expire?: undefined; readonly expireAt?: undefined }
  | {
    /** The time after which the value expires: a duration with its unit, such as `"10 minutes"`. */
    readonly expire: Lifetime
    readonly expireAt?: undefined
  }
  | {
    readonly expire?: undefined
    /** The point in time at which the value expires, to the millisecond. */
    readonly expireAt: Instant
  }

/** `Expiry`, or the expiry that the key already has. */
export type ExpiryOrKeep =
  | (Expiry & { readonly keepTtl?: false | undefined })
  | {
    readonly expire?: undefined
    readonly expireAt?: undefined
    /** Keep the present expiry, which a new value removes otherwise. */
    readonly keepTtl: true
  }

/** `Expiry`, or the removal of the present expiry. */
export type ExpiryOrPersist =
  | (Expiry & { readonly persist?: false | undefined })
  | {
    readonly expire?: undefined
    readonly expireAt?: undefined
    /** Remove the present expiry. */
    readonly persist: true
  }
