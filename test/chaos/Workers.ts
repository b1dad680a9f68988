/**
 * The programs that run under fire: each calls the client again and again, and writes down what it was told.
 *
 * Keys come in families, one per slot: `{tag}:counter`, `{tag}:register` ...; each family is judged on its own.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { onConflict } from "../../src/client/Dedicated.ts"
import { ClusterClient, type ClusterClientShape } from "../../src/ClusterClient.ts"
import { Acl } from "../../src/commands/Acl.ts"
import { Bitmaps } from "../../src/commands/Bitmaps.ts"
import { Channels } from "../../src/commands/Channels.ts"
import { Clients } from "../../src/commands/Clients.ts"
import { Cluster } from "../../src/commands/Cluster.ts"
import { cached, type Command, timeout } from "../../src/commands/Command.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Geo } from "../../src/commands/Geo.ts"
import { Hashes } from "../../src/commands/Hashes.ts"
import { HyperLogLog } from "../../src/commands/HyperLogLog.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Server } from "../../src/commands/Server.ts"
import { Sets } from "../../src/commands/Sets.ts"
import { SortedSets } from "../../src/commands/SortedSets.ts"
import { Streams } from "../../src/commands/Streams.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as Lock from "../../src/Lock.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import * as FunctionLibrary from "../../src/scripting/FunctionLibrary.ts"
import * as Script from "../../src/scripting/Script.ts"
import type { Asides } from "./Asides.ts"
import type { Call, CallError, Ending, Kind } from "./History.ts"
import type { KeptState } from "./KeptState.ts"
import type { OrderedPipeline, Tenure } from "./Laws.ts"
import type { Random } from "./Random.ts"
import { channelOf, newsOf, streamOf } from "./Residents.ts"

/** A counter, in the same slot as everything else of its family. */
export const counters = [
  ...["counter", "pipelined", "pair-a", "pair-b", "scripted", "function", "watched", "dedicated", "answered"]
] as const

/** The facts by which a call is judged, beside its key and its reply. */
export type Judgement = Pick<
  Call,
  "argument" | "allowed" | "maxLag" | "cached" | "byReplica" | "joint" | "explicit" | "large" | "answersError"
>

export class Recorder {
  readonly calls: Array<Call> = []
  readonly tenures: Array<Tenure> = []
  readonly ordered: Array<OrderedPipeline> = []
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
    result: Result.Result<unknown, CallError>,
    judgement?: Judgement
  ): void {
    const failure = Result.isFailure(result) ? result.failure : undefined
    this.calls.push({
      kind,
      what,
      key,
      ...judgement,
      started,
      ended: Date.now(),
      ending: failure === undefined ? "ok" : failure.outcome,
      value: Result.isSuccess(result) ? result.success : undefined,
      error: failure
    })
  }

  /** Writes down a work that does not fail, and passes its result on. */
  observed<A>(kind: Kind, what: string, key: string, effect: Effect.Effect<A>): Effect.Effect<A> {
    return Effect.suspend(() => {
      const started = Date.now()
      return Effect.tap(
        effect,
        (value) => Effect.sync(() => this.record(kind, what, key, started, Result.succeed(value)))
      )
    })
  }

  /** Makes one call and writes down how it ended. */
  call<A>(
    kind: Kind,
    what: string,
    key: string,
    effect: Effect.Effect<A, CallError>,
    judgement?: Judgement
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      const started = Date.now()
      return Effect.map(Effect.result(effect), (result) => this.record(kind, what, key, started, result, judgement))
    })
  }
}

/** The things that the programs of a stage share beside their client. */
export interface Companions {
  /** A client that meets no fault of a link, as another process has one. */
  readonly outside: ClusterClientShape
  readonly kept: KeptState
  readonly asides: Asides
}

type Program = (redis: ClusterClientShape, recorder: Recorder, tag: string, random: Random) => Effect.Effect<void>

const increment: Program = (redis, recorder, tag) =>
  recorder.call("increment", "INCR", `{${tag}}:counter`, redis.incr(`{${tag}}:counter`))

const write: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:register`
  const value = recorder.unique(key)
  return recorder.call("write", "SET", key, redis.set(key, value), { argument: value })
}

const read: Program = (redis, recorder, tag) =>
  // A primary that was replaced takes a moment to know it.
  recorder.call("read", "GET", `{${tag}}:register`, redis.get(`{${tag}}:register`), { maxLag: 500 })

const push: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:list`
  const element = recorder.unique(key)
  return recorder.call("push", "RPUSH", key, redis.rpush(key, element), { argument: element })
}

const pop: Program = (redis, recorder, tag) =>
  recorder.call("pop", "LPOP", `{${tag}}:list`, redis.lpop(`{${tag}}:list`))

/** As long as a command for a connection of its own, then once more, and the time that the server may hold it back. */
const allowedToBlock = (millis: number): number => 2 * 2000 + millis

const blockingPop: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:list`
  return recorder.call(
    "pop",
    "BLPOP",
    key,
    Effect.map(redis.blpop([key], "50 millis"), (popped) => popped?.element ?? null),
    { allowed: allowedToBlock(50) }
  )
}

/** From one end of the list to the other: it is neither pushed nor popped, wherever it ends up. */
const blockingMove: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:list`
  return recorder.call("other", "BLMOVE", key, redis.blmove(key, key, "LEFT", "RIGHT", "50 millis"), {
    allowed: allowedToBlock(50)
  })
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

/** A script writes, and then answers an error that begins as errors of servers do and ends in words of the script. */
const answeringScript = Script.make({
  lua: `redis.call('INCR', KEYS[1])
    local words = {
      'TRYAGAIN as the script says', 'READONLY as the script says', 'CLUSTERDOWN as the script says',
      'MOVED 1 127.0.0.1:1', 'ASK 1 127.0.0.1:1', 'LOADING as the script says', 'MASTERDOWN as the script says',
      'NOSCRIPT as the script says', 'BUSY as the script says', 'NOAUTH as the script says', 'UNBLOCKED as the script says'
    }
    return redis.error_reply(words[tonumber(ARGV[1])])`,
  keys: ["counter"],
  args: { word: Schema.Int },
  result: Schema.Int
})

const answered: Program = (redis, recorder, tag, random) => {
  const key = `{${tag}}:answered`
  const command = answeringScript({ keys: { counter: key }, args: { word: random.between(1, 11) } })
  const call = random.next() < 0.5
    ? redis.execute(command)
    : Effect.flatMap(redis.pipelineResults([command]), ([result]) => Effect.fromResult(result))
  return recorder.call("increment", "a script with an error of its own", key, call, { answersError: true })
}

const library = FunctionLibrary.make({
  name: "chaos",
  code: "redis.register_function('chaos_increment', function(keys) return redis.call('INCR', keys[1]) end)",
  functions: { chaos_increment: { keys: ["counter"], result: Schema.Int } }
})

const callFunction: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:function`
  const command = library.functions.chaos_increment({ keys: { counter: key } })
  return recorder.call("increment", "FCALL", key, redis.execute(command))
}

/** A counter that is read, and set in a transaction of its own; conflicts are tried again. */
const watched: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:watched`
  const once = redis.watch(key, (tx) =>
    Effect.gen(function*() {
      const next = Number(yield* tx.get(key)) + 1
      yield* tx.transaction([Strings.set(key, next)])
      return next
    }))
  return recorder.call("increment", "WATCH GET SET", key, Effect.retry(once, onConflict), { allowed: 30_000 })
}

/** A counter on a dedicated connection: whatever ends it, each increment was made once or not at all. */
const dedicated: Program = (redis, recorder, tag) => {
  const key = `{${tag}}:dedicated`
  return Effect.ignore(Effect.scoped(Effect.gen(function*() {
    const own = yield* redis.dedicated(key)
    for (let i = 0; i < 3; i++) {
      yield* recorder.call("increment", "dedicated INCR", key, own.incr(key), { explicit: true })
    }
  })))
}

/**
 * The bound of the client's page on the age of a cached value, with the settings of a run: a half-open link lasts for 1.5
 * seconds at most, and a slot that has moved is noticed by a refresh of the topology each second.
 */
export const cacheBound = 2000

/** A counter of this client, read through its cache: all ways in which the client writes have one. */
const readOwn: Program = (redis, recorder, tag, random) => {
  const key = `{${tag}}:${random.pick(counters)}`
  const read = redis.get(key).pipe(cached("1 minute"))
  const call = random.below(4) === 0 ? Effect.map(redis.pipeline([read]), ([value]) => value) : read
  return recorder.call("read", "cached GET", key, call, { cached: true })
}

/** A client apart, which writes what the client of the run has in its cache. It is not judged itself. */
const writeOutside = (outside: ClusterClientShape, recorder: Recorder, key: string): Effect.Effect<void> => {
  const value = recorder.unique(key)
  const set = Effect.result(outside.set(key, value))
  return Effect.suspend(() => {
    const started = Date.now()
    return Effect.map(set, (result) => {
      const ending = Result.isSuccess(result) ? "ok" : result.failure.outcome
      recorder.calls.push({
        ...{ kind: "write", what: "SET by another client", key, argument: value, started, ended: Date.now(), ending },
        ...{ explicit: true, allowed: Number.POSITIVE_INFINITY }
      })
    })
  })
}

const readOutside = (redis: ClusterClientShape, recorder: Recorder, key: string): Effect.Effect<void> =>
  recorder.call("read", "cached GET", key, redis.get(key).pipe(cached("1 minute")), {
    cached: true,
    maxLag: cacheBound
  })

/** A few keys that another client writes, read again and again. */
const readOthers = (outside: ClusterClientShape): Program => (redis, recorder, tag, random) => {
  const key = `{${tag}}:outside:${random.below(3)}`
  if (random.below(8) === 0) return writeOutside(outside, recorder, key)
  return Effect.forEach([1, 2, 3], () => readOutside(redis, recorder, key), { discard: true })
}

/** The keys that another client writes, read by a program that keeps their values until the stream of changes says otherwise. */
const readKept = (kept: KeptState): Program => (_, recorder, tag, random) => {
  const key = `{${tag}}:outside:${random.below(3)}`
  return recorder.call("read", "kept GET", key, kept.read(key), { cached: true, maxLag: cacheBound })
}

/** Keys that change once while their values are kept: whoever is not told of that, nor of a gap, shows the former value. */
const readQuiet = ({ kept, outside }: Companions, tags: ReadonlyArray<string>): Program => (_, recorder, __, random) =>
  Effect.forEach(Array.from({ length: 24 }), () => {
    const key = recorder.unique(`{${random.pick(tags)}}:outside:quiet`)
    const look = Effect.andThen(
      recorder.call("read", "kept GET", key, kept.read(key), { cached: true, maxLag: cacheBound }),
      Effect.sleep(300)
    )
    return writeOutside(outside, recorder, key).pipe(
      Effect.andThen(look),
      Effect.andThen(Effect.sleep(random.between(0, 2000))),
      Effect.andThen(Effect.suspend(() => writeOutside(outside, recorder, key))),
      Effect.andThen(Effect.forEach(Array.from({ length: 12 }), () => look, { discard: true }))
    )
  }, { concurrency: "unbounded", discard: true })

/** As long as it may wait for another process, and some commands of its own. */
const asideAllowed = 30_000

/** A value of an origin that changes, read by two processes. */
const readAside = ({ far, near }: Asides): Program => (_, recorder, tag, random) => {
  const key = `{${tag}}:aside:${random.below(2)}`
  return random.below(2) === 0
    ? recorder.call("read", "get of a cache-aside", key, near.get(key), {
      ...{ cached: true, maxLag: cacheBound, allowed: asideAllowed }
    })
    // A primary that was replaced takes a moment to know it.
    : recorder.call("read", "get of a cache-aside elsewhere", key, far.get(key), {
      ...{ cached: true, maxLag: 500, allowed: asideAllowed, explicit: true }
    })
}

const changeAside = (asides: Asides): Program => (_, recorder, tag, random) => {
  const key = `{${tag}}:aside:${random.below(2)}`
  const value = recorder.unique(key)
  asides.change(key, value)
  return random.below(2) === 0
    ? recorder.call("write", "invalidate", key, asides.near.invalidate(key), { argument: value })
    : recorder.call("write", "invalidate elsewhere", key, asides.far.invalidate(key), {
      ...{ argument: value, explicit: true }
    })
}

/** A value that nobody has asked for before, asked for by several callers of both processes. */
const crowd = ({ far, near }: Asides): Program => (_, recorder, tag) => {
  const key = recorder.unique(`{${tag}}:crowd`)
  const get = (process: typeof near, what: string) =>
    recorder.call("other", what, key, process.get(key), { allowed: asideAllowed, explicit: true })
  const callers = [1, 2].flatMap(() => [get(near, "crowd"), get(far, "crowd elsewhere")])
  return Effect.all(callers, { concurrency: "unbounded", discard: true })
}

/** A key that is missing, which another client then writes: perhaps at another node, because the slot is moving. */
const readMissing = (outside: ClusterClientShape): Program => (redis, recorder, tag) =>
  Effect.suspend(() => {
    const key = recorder.unique(`{${tag}}:born`)
    const look = Effect.andThen(readOutside(redis, recorder, key), Effect.sleep(300))
    return look.pipe(
      Effect.andThen(writeOutside(outside, recorder, key)),
      Effect.andThen(Effect.forEach(Array.from({ length: 12 }), () => look, { discard: true }))
    )
  })

const maxLag = 1000

const policies: ReadonlyArray<ReadFrom.Policy> = [
  // The servers of the runs tell no zone.
  ...Object.values(ReadFrom.byName).filter((policy) => policy !== ReadFrom.primary && !policy.needsZone),
  ReadFrom.hedge(ReadFrom.replica, { after: 5, budget: 1 }),
  ReadFrom.maxLag(ReadFrom.replica, maxLag)
]

const readByPolicy: Program = (redis, recorder, tag, random) => {
  const key = `{${tag}}:register`
  const policy = random.pick(policies)
  const bound = policy.maxLag
  return recorder.call("read", `GET by ${policy.name}`, key, redis.readFrom(policy).get(key), {
    maxLag: bound,
    byReplica: true
  })
}

const text = "0123456789abcdef".repeat(128 * 1024)

/** A value of which a narrow link carries one in a second or less. */
const upload: Program = (redis, recorder, tag, random) => {
  const key = `{${tag}}:large`
  const value = text.slice(0, random.between(text.length / 4, text.length))
  return recorder.call("other", `SET of ${value.length} bytes`, key, redis.set(key, value), { large: true })
}

/** Now and then, or there would be no time for anything else. */
const rarely = (program: Program): Program => (redis, recorder, tag, random) =>
  random.below(6) === 0 ? program(redis, recorder, tag, random) : increment(redis, recorder, tag, random)

/** Some who wait side by side for what comes one by one. */
const waiters: Program = (redis, recorder, tag, random) => {
  const key = `{${tag}}:list`
  const pop = Effect.map(redis.blpop([key], "300 millis"), (popped) => popped?.element ?? null)
  const waiter = recorder.call("pop", "BLPOP", key, pop, { allowed: allowedToBlock(300) })
  const pusher = () => Effect.andThen(Effect.sleep(random.between(0, 100)), push(redis, recorder, tag, random))
  return Effect.all([waiter, waiter, waiter, pusher(), pusher()], { concurrency: "unbounded", discard: true })
}

/** Work under a lock; who works writes down since when and until when he was sure of it. */
const lock: Program = (redis, recorder, tag, random) => {
  const key = `{${tag}}:lock`
  const work = (lock: Lock.FencedLock) =>
    Effect.suspend(() => {
      const tenure: Tenure = { key, fence: lock.fence, began: Date.now(), ended: Number.POSITIVE_INFINITY }
      recorder.tenures.push(tenure)
      return Effect.sleep(random.between(5, 40)).pipe(
        Effect.ensuring(Effect.sync(() => {
          tenure.ended = Date.now()
        }))
      )
    })
  const held = Lock.withLock(key, { ttl: "3 seconds", wait: "200 millis", fencing: true })(work)
  return recorder.call("other", "lock", key, Effect.provideService(held, ClusterClient, redis), { allowed: 10_000 })
}

const send: Program = (redis, recorder, tag, random) => {
  const senders = [
    { what: "XADD", key: streamOf(tag), send: (text: string) => redis.xadd(streamOf(tag), "*", { text }) },
    { what: "SPUBLISH", key: channelOf(tag), send: (text: string) => redis.spublish(channelOf(tag), text) },
    { what: "PUBLISH", key: newsOf(tag), send: (text: string) => redis.publish(newsOf(tag), text) }
  ]
  const { key, send, what } = random.pick(senders)
  const text = recorder.unique(key)
  return recorder.call<unknown>("send", what, key, send(text), { argument: text })
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
      results.forEach((result, i) =>
        recorder.record("increment", "pipeline INCR", entries[i].key, started, result, { joint: true })
      )
    })
  })

const endingOf = (result: Result.Result<unknown, RedisClusterException>): Ending =>
  Result.isSuccess(result) ? "ok" : result.failure.outcome

const padding = "0123456789abcdef".repeat(128)

/** Appends and writes of one slot, judged by their order. Some of them have a deadline of their own, and travel alone. */
const orderedPipeline = (
  redis: ClusterClientShape,
  recorder: Recorder,
  tag: string,
  random: Random,
  count: number,
  padding: string
): Effect.Effect<void> => {
  const [list, register] = [`{${tag}}:ordered`, `{${tag}}:ordered-last`]
  const id = recorder.unique(list)
  const entries = Array.from({ length: count }, (_, i) => [
    Lists.rpush(list, `${id}#${i}`) as Command<unknown>,
    Strings.set(register, `${id}#${i}#${padding}`) as Command<unknown>
  ]).flat().map((entry) => random.below(8) === 0 ? timeout(entry, "2 seconds") : entry)
  const started = Date.now()
  return Effect.map(redis.pipelineResults(entries), (results) => {
    const endings = results.map(endingOf)
    recorder.ordered.push({
      key: list,
      id,
      pushes: endings.filter((_, i) => i % 2 === 0),
      writes: endings.filter((_, i) => i % 2 === 1)
    })
    // Of a long one, those that failed say enough.
    results.filter((result, i) => i === 0 || count < 10 || Result.isFailure(result)).forEach((result) =>
      recorder.record("other", "ordered pipeline", list, started, result, { joint: true })
    )
  })
}

/** Some pipelines are large: a server reads them piece by piece, and may change its mind in between. */
const ordered: Program = (redis, recorder, tag, random) =>
  Effect.suspend(() =>
    random.below(8) === 0
      ? orderedPipeline(redis, recorder, tag, random, random.between(50, 150), padding)
      : orderedPipeline(redis, recorder, tag, random, random.between(2, 6), "")
  )

/** Long pipelines to the slot of one family, some at a time, one after the other until `isOver`. */
export const pipelines = (
  redis: ClusterClientShape,
  recorder: Recorder,
  tag: string,
  random: Random,
  isOver: () => boolean
): Effect.Effect<void> => {
  const turn = Effect.suspend(() =>
    Effect.andThen(orderedPipeline(redis, recorder, tag, random, random.between(10, 30), ""), Effect.sleep(2))
  )
  const turns = Effect.whileLoop({ while: () => !isOver(), body: () => turn, step: () => {} })
  return Effect.all([turns, turns, turns], { concurrency: "unbounded", discard: true })
}

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

/** One command of each group, on keys that nobody judges: what matters is how the calls end. */
const ofEachGroup = (tag: string): ReadonlyArray<Command<unknown>> => {
  const key = (name: string) => `{${tag}}:any:${name}`
  return [
    Hashes.hset(key("hash"), { field: "1", other: "2" }),
    Hashes.hgetall(key("hash")),
    Sets.sadd(key("set"), ["a", "b"]),
    Sets.smembers(key("set")),
    SortedSets.zadd(key("scores"), { ada: 1, grace: 2 }),
    SortedSets.zrange(key("scores"), 0, -1, { withScores: true }),
    Bitmaps.setbit(key("bits"), 7, 1),
    Bitmaps.bitcount(key("bits")),
    HyperLogLog.pfadd(key("visitors"), ["a", "b"]),
    HyperLogLog.pfcount([key("visitors")]),
    Geo.geoadd(key("places"), [{ member: "here", longitude: 13.4, latitude: 52.5 }]),
    Geo.geopos(key("places"), ["here"]),
    Generic.expire(key("hash"), "10 minutes"),
    Generic.ttl(key("hash")),
    Generic.type(key("set")),
    Strings.set(key("text"), "x", { expire: "1 minute" }),
    Strings.getrange(key("text"), 0, -1),
    Lists.lrange(`{${tag}}:list`, 0, 5),
    Streams.xlen(streamOf(tag)),
    Streams.xrange(streamOf(tag), "-", "+", { count: 3 })
  ]
}

const anyCommand: Program = (redis, recorder, tag, random) => {
  const command = random.pick(ofEachGroup(tag))
  return recorder.call("other", command.spec.name, `{${tag}}:any`, redis.execute(command))
}

/** Commands without keys: of the server's choice, or of all primaries. */
const keyless = (): ReadonlyArray<Command<unknown>> => [
  Server.dbsize(),
  Server.time(),
  Clients.ping(),
  Cluster.clusterInfo(),
  Acl.aclWhoami(),
  Channels.pubsubNumpat(),
  Scripting.scriptExists(["0".repeat(40)])
]

const anyWithoutKey: Program = (redis, recorder, _, random) => {
  const command = random.pick(keyless())
  return recorder.call("other", command.spec.name, "*", redis.execute(command))
}

/** Reads of healthy shards while a burst waits for another one. */
export const besideBurst = "GET beside a burst"
/** The calls of a burst. */
export const ofBurst = "INCR of a burst"

const burstSize = 3000
/** The time in which a burst begins, in milliseconds: 3000 fibers that begin at once are a pause of their own. */
const burstBegins = 300

/** Thousands of calls to the first family's shard, and reads of families of other shards, one after the other, until `isOver`. */
export const burst = (
  redis: ClusterClientShape,
  recorder: Recorder,
  tags: ReadonlyArray<string>,
  others: ReadonlyArray<string>,
  isOver: () => boolean
): Effect.Effect<void> => {
  const key = (i: number) => `{${tags[i % tags.length]}}:counter`
  const many = Effect.forEach(
    Array.from({ length: burstSize }, (_, i) => i),
    (i) =>
      Effect.andThen(
        Effect.sleep(burstBegins * i / burstSize),
        recorder.call("increment", ofBurst, key(i), redis.incr(key(i)))
      ),
    { concurrency: "unbounded", discard: true }
  )
  let turn = 0
  const read = Effect.suspend(() => {
    const key = `{${others[turn++ % others.length]}}:register`
    return Effect.andThen(recorder.call("read", besideBurst, key, redis.get(key)), Effect.sleep(5))
  })
  const beside = Effect.whileLoop({ while: () => !isOver(), body: () => read, step: () => {} })
  return Effect.all([many, beside], { concurrency: "unbounded", discard: true })
}

/** Looks for missing keys, and for keys that change once, one after the other. */
export const seeker = (
  redis: ClusterClientShape,
  recorder: Recorder,
  tags: ReadonlyArray<string>,
  random: Random,
  companions: Companions
): Effect.Effect<void> => {
  const programs = [readMissing(companions.outside), readQuiet(companions, tags)]
  const turn = Effect.suspend(() => random.pick(programs)(redis, recorder, random.pick(tags), random))
  return Effect.whileLoop({ while: () => recorder.isRunning, body: () => turn, step: () => {} })
}

/** One program that does all of this, in an order that its random sequence decides. */
export const worker = (
  redis: ClusterClientShape,
  recorder: Recorder,
  tags: ReadonlyArray<string>,
  random: Random,
  { asides, kept, outside }: Companions
): Effect.Effect<void> => {
  const others = readOthers(outside)
  const keeping = readKept(kept)
  const beside = readAside(asides)
  const programs: ReadonlyArray<Program> = [
    ...[readOwn, readOwn, readOwn, readOwn, others, others, others, others],
    ...[keeping, keeping, keeping, beside, beside, beside, changeAside(asides), crowd(asides)],
    ...[increment, increment, increment, write, write, read, read, push, push, pop, blockingPop],
    ...[pair, pair, script, length, pipeline(tags), ordered, ordered, manyKeys(tags)],
    ...[watched, watched, dedicated, callFunction, anyCommand, anyCommand, anyWithoutKey],
    ...[
      answered,
      answered,
      rarely(upload),
      readByPolicy,
      readByPolicy,
      readByPolicy,
      waiters,
      blockingMove,
      lock,
      send,
      send,
      send,
      send
    ]
  ]
  const turn = Effect.suspend(() =>
    Effect.andThen(
      random.pick(programs)(redis, recorder, random.pick(tags), random),
      Effect.sleep(random.between(0, 4))
    )
  )
  return Effect.whileLoop({ while: () => recorder.isRunning, body: () => turn, step: () => {} })
}
