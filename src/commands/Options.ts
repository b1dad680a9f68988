/**
 * How the type of a reply follows the options of a call.
 *
 * @since 0.1.0
 */
import type { Instant, Lifetime } from "./Call.ts"

type KeysOf<A> = A extends unknown ? keyof A : never

/**
 * Options of the inferred type `O`, in which a property that `Shape` does not know is a type error.
 * Options put together elsewhere, as a union, name their type: `Strings.set<SetOptions>(key, value, options)`.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Exact<O, Shape> = O & { readonly [K in Exclude<keyof O, KeysOf<Shape>>]: never }

/**
 * `Yes` when the flag `K` is `true` in the options `O`, `No` when it is absent or `false`, both when the type does not tell.
 *
 * @category utility types
 * @since 0.1.0
 */
export type When<O, K extends PropertyKey, Yes, No> = O extends unknown
  ? K extends keyof O ? (true extends O[K] ? (O[K] extends true ? Yes : Yes | No) : No) : No
  : never

/**
 * `Yes` when the options `O` have the property `K`, `No` when they do not, both when the type does not tell.
 *
 * @category utility types
 * @since 0.1.0
 */
export type Given<O, K extends PropertyKey, Yes, No> = O extends unknown
  ? K extends keyof O ? (undefined extends O[K] ? ([O[K]] extends [undefined] ? No : Yes | No) : Yes) : No
  : never

/**
 * When a value expires: after a time, or at one.
 *
 * @category models
 * @since 0.1.0
 */
export type Expiry =
  | { readonly expire?: undefined; readonly expireAt?: undefined }
  | { readonly expire: Lifetime; readonly expireAt?: undefined }
  | { readonly expire?: undefined; readonly expireAt: Instant }

/**
 * `Expiry`, or the expiry that the key already has.
 *
 * @category models
 * @since 0.1.0
 */
export type ExpiryOrKeep =
  | (Expiry & { readonly keepTtl?: false | undefined })
  | { readonly expire?: undefined; readonly expireAt?: undefined; readonly keepTtl: true }

/**
 * `Expiry`, or none from now on.
 *
 * @category models
 * @since 0.1.0
 */
export type ExpiryOrPersist =
  | (Expiry & { readonly persist?: false | undefined })
  | { readonly expire?: undefined; readonly expireAt?: undefined; readonly persist: true }
