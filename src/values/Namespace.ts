/**
 * Keys with a common prefix, and with hash tags in plain sight.
 *
 * A namespace makes keys, and nothing else: what a program sends is what it sees. Keys of one hash tag are of one slot, so that they can be used
 * together in a transaction, a script or a multi-key command.
 *
 * **Example** (The keys of an application)
 *
 * ```ts
 * import { Namespace } from "effect-redis-cluster"
 *
 * const app = Namespace.make("app:prod")
 * const cart = app.tagged("user", 7)
 *
 * export const keys = [
 *   app.key("page", "home"), // app:prod:page:home
 *   cart.key("cart"), // app:prod:{user:7}:cart
 *   cart.key("orders") // app:prod:{user:7}:orders, of the slot of the cart
 * ]
 * ```
 *
 * @since 0.1.0
 */

/**
 * A part of a key.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = string | number | bigint

/**
 * A prefix of keys, made by `Namespace.make`. Its members are pure functions, which do not fail.
 *
 * @category models
 * @since 0.1.0
 */
export interface Namespace {
  /** The text with which all keys begin. */
  readonly prefix: string
  /** The key of these parts. A part that has braces keeps them, and with them its hash tag. */
  readonly key: (...parts: ReadonlyArray<Part>) => string
  /** A namespace within this one. */
  readonly within: (...parts: ReadonlyArray<Part>) => Namespace
  /**
   * A namespace whose keys are all of one slot: the parts, joined by colons, are its hash tag. Braces and percent signs of a part are written as
   * `%7B`, `%7D` and `%25`, so that different texts are different tags. `tagged("user", 7)` and `tagged("user:7")` are one tag, as their text is.
   */
  readonly tagged: (part: Part, ...parts: ReadonlyArray<Part>) => Namespace
  /** The pattern of all keys that begin with these parts, for `scanStream({ match })`: what SCAN would take for a wildcard is escaped. */
  readonly pattern: (...parts: ReadonlyArray<Part>) => string
}

const separator = ":"

const escapes: Readonly<Record<string, string>> = { "%": "%25", "{": "%7B", "}": "%7D" }
const inTag = (part: Part): string => String(part).replaceAll(/[%{}]/g, (character) => escapes[character])

/** Servers take `{}` for no tag at all: a tag of nothing is a percent sign, which no other tag is. */
const tagOf = (parts: ReadonlyArray<Part>): string => `{${parts.map(inTag).join(separator) || "%"}}`

/** Servers hash the whole of a key whose first braces are empty, whatever tags follow. */
const withoutEmptyTag = (part: Part): string => String(part).replaceAll("{}", "%7B%7D")

/** The text with a backslash before what patterns of servers give a meaning. */
const literally = (text: string): string => text.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`)

/**
 * Makes a namespace. Its parts are joined by colons.
 *
 * **Gotchas**
 *
 * A prefix with braces, `"{app}"`, is a hash tag: all its keys are of one slot, on one node. A prefix with empty braces, `"{}"`, would take the
 * meaning from all tags behind it: they are written as `%7B%7D`. A part may have colons: `key("a:b")` and `key("a", "b")` are one key.
 *
 * **Example** (Keys of one user)
 *
 * ```ts
 * import { Namespace } from "effect-redis-cluster"
 *
 * const user = Namespace.make("app:prod").tagged("user", 7)
 *
 * export const keys = [user.key("cart"), user.key("orders")] // app:prod:{user:7}:cart, app:prod:{user:7}:orders
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (...given: ReadonlyArray<Part>): Namespace => {
  const parts = given.map(withoutEmptyTag)
  const prefix = parts.join(separator)
  const key = (...more: ReadonlyArray<Part>): string => [...parts, ...more].join(separator)
  return {
    prefix,
    key,
    within: (...more) => make(...parts, ...more),
    tagged: (...more) => make(...parts, tagOf(more)),
    pattern: (...more) => `${literally(key(...more))}${separator}*`
  }
}
