import type { Group } from "./Call.ts"
export const streams: Group = {}
