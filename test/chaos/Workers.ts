/**
 * The programs that run under fire: each calls the client again and again, and writes down what it was told.
 *
 * Keys come in families, one per slot: `{tag}:counter`, `{tag}:register` ...; each family is judged on its own.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { Command } from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Strings } from "../../src/commands/Strings.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as Script from "../../src/scripting/Script.ts"
import type { Call, Kind } from "./History.ts"
import type { Random } from "./Random.ts"

/** A counter, in the same slot as everything else of its family. */
export const counters = ["counter", "pipelined", "pair-a", "pair-b", "scripted"] as const

export class Recorder {
  readonly calls: Array<Call> = []
  isRunning = true
  private issued = 0

  /** A text that no other call has. */
  unique(key: string): string {
    return `${key}=${++this.issued}`
  }

  record(
    kind: Kind,
    what: string,
    key: string,
    started: number,
    result: Result.Result<unknown, RedisClusterException>,
    argument?: string
  ): void {
    const failure = Result.isFailure(result) ? result.failure : undefined
    this.calls.push({
      kind,
      what,
      key,
      argument,
      started,
      ended: Date.now(),
      ending: failure === undefined ? "ok" : failure.reason.outcome,
      value: Result.isSuccess(result) ? result.success : undefined,
      error: failure
    })
  }

  /** Makes one call and writes down how it ended. */
  call<A>(
    kind: Kind,
    what: string,
    key: string,
    effect: Effect.Effect<A, RedisClusterException>,
    argument?: string
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      const started = Date.now()
      return Effect.map(Effect.result(effect), (result) => this.record(kind, what, key, started, result, argument))
    })
  }
}

type Program = (redis: ClusterClientShape, recorder: Recorder, tag: string, random: Random) => Effect.Effect<void>

const increment: Program = (redis, recorder, tag) =>
  recorder.call("increment", "INCR", `{${tag}}:counter`, redis.incr(`{${tag}}:counter`))

const write: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:register`
  const value = recorder.unique(key)
  return recorder.call("write", "SET", key, redis.set(key, value), value)
}

const read: Program = (redis, recorder, tag) =>
  recorder.call("read", "GET", `{${tag}}:register`, redis.get(`{${tag}}:register`))

const push: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:list`
  const element = recorder.unique(key)
  return recorder.call("push", "RPUSH", key, redis.rpush(key, element), element)
}

const pop: Program = (redis, recorder, tag) =>
  recorder.call("pop", "LPOP", `{${tag}}:list`, redis.lpop(`{${tag}}:list`))

const blockingPop: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:list`
  return recorder.call(
    "pop",
    "BLPOP",
    key,
    Effect.map(redis.blpop([key], "50 millis"), (popped) => popped?.element ?? null)
  )
}

/** Two counters that are only incremented together. */
const pair: Program = (redis, recorder, tag) => {
  const [a, b] = [`{${tag}}:pair-a`, `{${tag}}:pair-b`]
  return Effect.suspend(() => {
    const started = Date.now()
    return Effect.map(Effect.result(redis.transaction([Strings.incr(a), Strings.incr(b)])), (result) => {
      const of = (i: 0 | 1) => Result.map(result, (values) => values[i])
      recorder.record("increment", "MULTI INCR INCR EXEC", a, started, of(0))
      recorder.record("increment", "MULTI INCR INCR EXEC", b, started, of(1))
    })
  })
}

const incrementScript = Script.make({
  lua: "return redis.call('INCR', KEYS[1])",
  keys: ["counter"],
  result: Schema.Int
})

const script: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:scripted`
  return recorder.call("increment", "script", key, redis.execute(incrementScript({ keys: { counter: key } })))
}

/** Several entries over the slots of several families; each is judged like a call of its own. */
const pipeline = (tags: ReadonlyArray<string>): Program => (redis, recorder, _, random) =>
  Effect.suspend(() => {
    const entries = Array.from({ length: random.between(2, 12) }, () => {
      const tag = random.pick(tags)
      const key = `{${tag}}:pipelined`
      return { key, command: Strings.incr(key) as Command<unknown> }
    })
    const started = Date.now()
    return Effect.map(redis.pipelineResults(entries.map(({ command }) => command)), (results) => {
      results.forEach((result, i) => recorder.record("increment", "pipeline INCR", entries[i].key, started, result))
    })
  })

/** Keys of one slot, and keys of many. They are not judged by their values, only by what reaches the program. */
const manyKeys = (tags: ReadonlyArray<string>): Program => (redis, recorder, tag, random) => {
  const own = [1, 2, 3].map((i) => `{${tag}}:many:${i}`)
  switch (random.below(4)) {
    case 0:
      return recorder.call("other", "MSET", own[0], redis.mset(own.map((key) => [key, key] as const)))
    case 1:
      return recorder.call("other", "MGET", own[0], redis.mget(own))
    case 2:
      return recorder.call("other", "DEL", own[0], redis.execute(Generic.del(own)))
    default: {
      const keys = tags.map((other) => `{${other}}:register`)
      // Judged as a whole: its keys are of all shards.
      return recorder.call("other", "MGET nonatomic", "*", redis.mgetNonatomic(keys))
    }
  }
}

const length: Program = (redis, recorder, tag) =>
  recorder.call("other", "LLEN", `{${tag}}:list`, redis.execute(Lists.llen(`{${tag}}:list`)))

/** One program that does all of this, in an order that its random sequence decides. */
export const worker = (
  redis: ClusterClientShape,
  recorder: Recorder,
  tags: ReadonlyArray<string>,
  random: Random
): Effect.Effect<void> => {
  const programs: ReadonlyArray<Program> = [
    ...[increment, increment, increment, write, write, read, read, push, push, pop, blockingPop],
    ...[pair, pair, script, length, pipeline(tags), manyKeys(tags)]
  ]
  const turn = Effect.suspend(() =>
    Effect.andThen(
      random.pick(programs)(redis, recorder, random.pick(tags), random),
      Effect.sleep(random.between(0, 4))
    )
  )
  return Effect.whileLoop({ while: () => recorder.isRunning, body: () => turn, step: () => {} })
}
