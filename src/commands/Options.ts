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
  : Shape & { readonly [K in Exclude<keyof O, KeysOf<Shape>>]: NoSuchOption<`${KeysOf<Shape> & string}`> }

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

/**
 * The argument of a method whose reply follows from its type `T`. Editors complete by `Shape`, and `T` is inferred from
 * the case in which it does not fit.
 */
export type Inferred<T, Shape> = [T] extends [Shape] ? Shape : T

/**
 * An object that lacks some properties of the type with which it is intersected, in a union of objects that exclude one
 * another. The properties have no declaration here, so that editors show the docstring of the one that they have.
 */
export type Without<K extends string, Absent = undefined> = { readonly [P in K]?: Absent | undefined }

/** An object that has some properties of the type with which it is intersected, and no declaration of its own for them. */
export type With<K extends string, Present> = { readonly [P in K]: Present }

/** The ways to give an expiry. */
export interface ExpiryTimes {
  /** The time after which the value expires: a duration with its unit, such as `"10 minutes"`. */
  readonly expire?: Lifetime | undefined
  /** The point in time at which the value expires, to the millisecond. */
  readonly expireAt?: Instant | undefined
}

/** The expiry of a value: after a span of time, or at a point in time. */
export type Expiry = ExpiryTimes & (Without<"expireAt"> | Without<"expire">)

/** The way to keep an expiry. */
export interface KeptExpiry {
  /** Keep the present expiry, which a new value removes otherwise. */
  readonly keepTtl?: boolean | undefined
}

/** `Expiry`, or the expiry that the key already has. */
export type ExpiryOrKeep =
  & ExpiryTimes
  & KeptExpiry
  & (
    | (Without<"expireAt"> & Without<"keepTtl", false>)
    | (Without<"expire"> & Without<"keepTtl", false>)
    | Without<"expire" | "expireAt">
  )

/** The way to remove an expiry. */
export interface RemovedExpiry {
  /** Remove the present expiry. */
  readonly persist?: boolean | undefined
}

/** `Expiry`, or the removal of the present expiry. */
export type ExpiryOrPersist =
  & ExpiryTimes
  & RemovedExpiry
  & (
    | (Without<"expireAt"> & Without<"persist", false>)
    | (Without<"expire"> & Without<"persist", false>)
    | Without<"expire" | "expireAt">
  )
