import { nodeRedis } from "./node-redis.ts"

export const client = nodeRedis("node-redis no timeout", { timeout: 0 })
