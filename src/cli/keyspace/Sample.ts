/** The types and the sizes of keys, from a sample of all nodes or from all keys. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { type ClusterClientShape, Command, Generic, type RedisClusterException, Server } from "../../index.ts"
import type { Show } from "../output/Progress.ts"
import { plural } from "../output/text.ts"
import type { NodeSize } from "./Sizes.ts"

export interface SampledKey {
  readonly key: Uint8Array
  readonly type: string
  /** The bytes that it takes on its server; `undefined` where the server does not tell. */
  readonly bytes: number | undefined
  /** The milliseconds until it expires; `undefined` for a key that stays. */
  readonly ttl: number | undefined
}

export interface TypeShare {
  readonly type: string
  readonly keys: number
  readonly bytes: number
  readonly withExpiry: number
}

/** The counts of a sample of keys. */
export class Tally {
  readonly biggest: Array<SampledKey> = []
  keys = 0
  /** The keys whose size is known. */
  sized = 0
  bytes = 0
  private readonly byType = new Map<string, TypeShare>()
  private readonly top: number

  constructor(top: number) {
    this.top = top
  }

  add(seen: SampledKey): void {
    this.keys++
    if (seen.bytes !== undefined) this.sized++
    this.bytes += seen.bytes ?? 0
    const share = this.byType.get(seen.type) ?? { type: seen.type, keys: 0, bytes: 0, withExpiry: 0 }
    this.byType.set(seen.type, {
      type: seen.type,
      keys: share.keys + 1,
      bytes: share.bytes + (seen.bytes ?? 0),
      withExpiry: share.withExpiry + (seen.ttl === undefined ? 0 : 1)
    })
    this.rank(seen)
  }

  /** The types, the most frequent first. */
  get types(): ReadonlyArray<TypeShare> {
    return [...this.byType.values()].toSorted((one, other) => other.keys - one.keys)
  }

  private rank(seen: SampledKey): void {
    const { bytes } = seen
    if (bytes === undefined) return
    const last = this.biggest.at(-1)
    if (this.biggest.length === this.top && bytes <= (last?.bytes ?? 0)) return
    if (this.biggest.some(({ key }) => Buffer.compare(key, seen.key) === 0)) return
    const place = this.biggest.findIndex((other) => bytes > (other.bytes ?? 0))
    this.biggest.splice(place < 0 ? this.biggest.length : place, 0, seen)
    if (this.biggest.length > this.top) this.biggest.pop()
  }
}

const batch = 200

/** The facts about keys. A key that has gone meanwhile has none. */
const measure = Effect.fnUntraced(function*(redis: ClusterClientShape, keys: ReadonlyArray<Uint8Array>) {
  const answers = yield* redis.pipelineResults(
    keys.flatMap((key) => [Generic.type(key), Server.memoryUsage(key, { samples: 5 }), Generic.pttl(key)])
  )
  const seen: Array<SampledKey> = []
  keys.forEach((key, i) => {
    const [type, bytes, ttl] = answers.slice(i * 3, i * 3 + 3)
    if (Result.isFailure(type) || type.success === "none") return
    seen.push({
      key,
      type: String(type.success),
      bytes: Result.isSuccess(bytes) && typeof bytes.success === "number" ? bytes.success : undefined,
      ttl: Result.isSuccess(ttl) && typeof ttl.success === "number" && ttl.success >= 0 ? ttl.success : undefined
    })
  })
  return seen
})

/** Random keys of a node: so many as its share of all keys. */
const randomKeys = Effect.fnUntraced(function*(redis: ClusterClientShape, { node }: NodeSize, wanted: number) {
  const client = yield* redis.node(node)
  const answers = yield* client.pipelineResults(
    Array.from({ length: wanted }, () => Command.bytes(Generic.randomkey()))
  )
  const keys: Array<Uint8Array> = []
  for (const answer of answers) {
    if (Result.isSuccess(answer) && answer.success instanceof Uint8Array) keys.push(answer.success)
  }
  return keys
})

/** Adds a random sample of so many keys, from each primary by its number of keys. */
export const sample = Effect.fnUntraced(function*(
  redis: ClusterClientShape,
  primaries: ReadonlyArray<NodeSize>,
  wanted: number,
  tally: Tally,
  show: Show
): Effect.fn.Return<void, RedisClusterException> {
  const all = primaries.reduce((sum, { keys }) => sum + keys, 0)
  for (const primary of primaries) {
    let left = all === 0 ? 0 : Math.ceil(Math.min(wanted, all) * primary.keys / all)
    while (left > 0) {
      const keys = yield* randomKeys(redis, primary, Math.min(left, batch))
      if (keys.length === 0) break
      left -= keys.length
      for (const seen of yield* measure(redis, keys)) tally.add(seen)
      yield* show(tally.keys / Math.max(1, Math.min(wanted, all)), plural(tally.keys, "key"))
    }
  }
})

/** Adds all keys. */
export const all = (
  redis: ClusterClientShape,
  tally: Tally,
  show: Show
): Effect.Effect<void, RedisClusterException> =>
  redis.scanStream({
    bytes: true,
    onProgress: ({ slots, total }) => show(slots / total, plural(tally.keys, "key"))
  }).pipe(
    Stream.grouped(batch),
    Stream.mapEffect((keys) => measure(redis, keys), { concurrency: 2 }),
    Stream.runForEach((seen) => Effect.sync(() => seen.forEach((each) => tally.add(each))))
  )
