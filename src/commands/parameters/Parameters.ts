/**
 * The form of the tables with which builders check calls, for programs without types. The other files of this folder
 * are generated.
 */

/** The most arguments of a method, and the names of the options in arguments that are objects, by position. */
export interface Parameters {
  readonly [method: string]: {
    readonly most: number
    readonly options?: { readonly [at: number]: ReadonlyArray<string> }
    /** The options that are `true` or `false`. */
    readonly flags?: ReadonlyArray<string>
    /** The options that are objects of options themselves, with the names in them. */
    readonly nested?: { readonly [option: string]: ReadonlyArray<string> }
  }
}
