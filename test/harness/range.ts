/** The numbers from 0 up to `count`, without it. */
export const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)
