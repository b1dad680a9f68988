/**
 * Commands that change keys, beside a cache: from the moment when they set out until they have ended, whatever becomes
 * of them, the cache neither answers about their keys nor keeps what was read of them.
 */
import * as Effect from "effect/Effect"
import type { CachedKey } from "../../caching/CachedKey.ts"
import { keysOf } from "../../caching/keyOf.ts"
import type { ReplyCache } from "../../caching/ReplyCache.ts"
import type { Command } from "../../commands/Command.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import { keyless, slotOf } from "../CommandSlot.ts"
import type { Dispatcher } from "../request/Dispatcher.ts"
import type { Request } from "../request/Request.ts"
import * as Tracing from "../request/Tracing.ts"
import { WriteRequest } from "./WriteRequest.ts"

/** The commands without keys that may change any key. */
const changesAll = new Set(["FLUSHALL", "FLUSHDB", "CLUSTER FLUSHSLOTS", "CLUSTER RESET", "CLUSTER DELSLOTS", "DEBUG"])

/** Writes that are not single requests: a pipeline, a transaction, a command on many nodes. */
class OwnWrites<Owner> {
  private readonly cache: ReplyCache<Owner>
  private readonly texts: ReadonlyArray<string>
  private readonly isWhole: boolean
  private keys: Array<CachedKey<Owner>> | undefined = undefined

  constructor(cache: ReplyCache<Owner>, texts: ReadonlyArray<string>, isWhole: boolean) {
    this.cache = cache
    this.texts = texts
    this.isWhole = isWhole
  }

  begin(): void {
    if (this.isWhole) this.cache.writingAll()
    this.keys = this.texts.map((text) => this.cache.writing(text))
  }

  end(): void {
    const { keys } = this
    if (keys === undefined) return
    this.keys = undefined
    if (this.isWhole) this.cache.writtenAll()
    for (const key of keys) this.cache.written(key)
  }
}

export class CachedWrites<Owner> {
  private readonly cache: ReplyCache<Owner>
  private readonly dispatcher: Dispatcher

  constructor(cache: ReplyCache<Owner>, dispatcher: Dispatcher) {
    this.cache = cache
    this.dispatcher = dispatcher
  }

  /** Runs a command that may change keys; `plain` runs it as if there were no cache. */
  execute(
    given: Command<unknown>,
    plain: (command: Command<unknown>) => Effect.Effect<unknown, RedisClusterException>
  ): Effect.Effect<unknown, RedisClusterException> {
    const slot = given.spec.isPlain ? slotOf(given) : keyless
    if (typeof slot !== "number" || slot === keyless || given.settings.invalid !== undefined) {
      return this.noting([given], plain(given))
    }
    const self: Effect.Effect<unknown, RedisClusterException> = Effect.callback((resume) => {
      const trace = Tracing.look()
      if (trace === "due") return resume(Tracing.traced(self, Tracing.commandCall(given, slot)))
      const { cache, dispatcher } = this
      const command = dispatcher.region.settle(given)
      if (command.settings.invalid !== undefined) return resume(plain(given))
      const ended = resume as Request["resume"]
      const patience = dispatcher.timeoutOf(command)
      const request = new WriteRequest(cache, dispatcher, command, slot, dispatcher.moment(), patience, ended)
      if (trace !== undefined) trace.begin(request)
      dispatcher.dispatch(request)
      return request
    })
    return self
  }

  /** Runs commands, and keeps the cache from answering what they change until their end. */
  noting<A, E>(commands: ReadonlyArray<Command<unknown>>, run: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const texts: Array<string> = []
    let isWhole = false
    for (const command of commands) {
      if (command.spec.readonly) continue
      for (const key of keysOf(command)) texts.push(key)
      isWhole ||= changesAll.has(command.spec.name)
    }
    if (texts.length === 0 && !isWhole) return run
    return Effect.suspend(() => {
      const writes = new OwnWrites(this.cache, texts, isWhole)
      const begun = Effect.suspend(() => {
        writes.begin()
        return run
      })
      return Effect.onExit(begun, () => Effect.sync(() => writes.end()))
    })
  }
}
