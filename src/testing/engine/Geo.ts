import type { Group } from "./Call.ts"
export const geo: Group = {}
