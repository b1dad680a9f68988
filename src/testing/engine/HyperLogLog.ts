import type { Group } from "./Call.ts"
export const hyperLogLog: Group = {}
