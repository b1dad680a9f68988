/**
 * The request of a command that changes keys: the cache answers nothing about them until it has ended.
 */
import type { CachedKey } from "../../caching/CachedKey.ts"
import { keysOf } from "../../caching/keyOf.ts"
import type { ReplyCache } from "../../caching/ReplyCache.ts"
import type { Command } from "../../commands/Command.ts"
import type { Moment } from "../../internal/monotonic.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import { Request, type RequestOwner } from "../request/Request.ts"

export class WriteRequest<Owner> extends Request {
  private readonly cache: ReplyCache<Owner>
  private readonly keys: Array<CachedKey<Owner>> = []

  constructor(
    cache: ReplyCache<Owner>,
    owner: RequestOwner,
    command: Command<unknown>,
    slot: number,
    since: Moment,
    patience: number,
    resume: Request["resume"]
  ) {
    super(owner, command, slot, "slot", undefined, since, patience, resume, undefined, 0, undefined)
    this.cache = cache
    for (const key of keysOf(command)) this.keys.push(cache.writing(key))
  }

  override succeed(value: unknown): void {
    this.written()
    super.succeed(value)
  }

  override fail(error: RedisClusterException): void {
    if (this.settled) return
    this.written()
    super.fail(error)
  }

  override cancel(): void {
    if (this.settled) return
    this.written()
    super.cancel()
  }

  private written(): void {
    for (const key of this.keys) this.cache.written(key)
  }
}
