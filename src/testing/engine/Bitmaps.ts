import type { Group } from "./Call.ts"
export const bitmaps: Group = {}
