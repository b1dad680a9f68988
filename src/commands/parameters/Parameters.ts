/**
 * The table that builders are checked with, for programs without types. The other files of this folder are generated.
 *
 * @internal
 */

/** How many arguments a method takes at most, and the names of the options in those that are objects, by position. */
export interface Parameters {
  readonly [method: string]: {
    readonly most: number
    readonly options?: { readonly [at: number]: ReadonlyArray<string> }
    /** Those that are `true` or `false`. */
    readonly flags?: ReadonlyArray<string>
  }
}
