/**
 * Things of different names: nearly always one, so that there is a table only when there are more.
 */
export interface Named {
  readonly name: string
}

export type OneOrMany<T extends Named> = T | Map<string, T> | undefined

export const find = <T extends Named>(all: OneOrMany<T>, name: string): T | undefined => {
  if (all === undefined) return undefined
  if (all instanceof Map) return all.get(name)
  return all.name === name ? all : undefined
}

/** With one more, in place of one that has its name. */
export const add = <T extends Named>(all: OneOrMany<T>, one: T): OneOrMany<T> => {
  if (all instanceof Map) return all.set(one.name, one)
  return all === undefined || all.name === one.name ? one : new Map([[all.name, all], [one.name, one]])
}

/** Without one, if it is among them. */
export const remove = <T extends Named>(all: OneOrMany<T>, one: T): OneOrMany<T> => {
  if (!(all instanceof Map)) return all === one ? undefined : all
  if (all.get(one.name) === one) all.delete(one.name)
  return all.size === 0 ? undefined : all
}

/** The members of a moment: a list that no change reaches. */
export const listOf = <T extends Named>(all: OneOrMany<T>): ReadonlyArray<T> =>
  all === undefined ? [] : all instanceof Map ? [...all.values()] : [all]
