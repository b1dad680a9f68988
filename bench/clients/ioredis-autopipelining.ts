import { ioredis } from "./ioredis.ts"

export const client = ioredis("ioredis autopipelining", true)
