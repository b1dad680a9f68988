/**
 * The name of what happened: the reason of an exception, the tag of every other error.
 */
import { isRedisClusterException } from "../../src/RedisClusterException.ts"

export const nameOf = (error: { readonly _tag: string }): string =>
  isRedisClusterException(error) ? error.reason._tag : error._tag
