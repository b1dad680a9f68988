/**
 * The syntax tree of a source file, as far as the scripts read it.
 */

/** A node of the tree. */
export interface Syntax {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export const syntax = (value: unknown): Syntax => value as Syntax
export const list = (value: unknown): ReadonlyArray<Syntax> => (value ?? []) as ReadonlyArray<Syntax>
