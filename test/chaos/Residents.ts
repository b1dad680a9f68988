/**
 * Programs that run from the beginning of a chaos run to its end: a consumer of streams, a subscriber, a scan after the other.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type { Recorder } from "./Workers.ts"

interface Given {
  readonly text: string
  readonly redelivered: boolean
}

/** What the residents were given, by the tag of the family. */
export class Residents {
  readonly entries = new Map<string, Array<Given>>()
  readonly messages = new Map<string, Array<Given>>()
  readonly gaps = new Map<string, Array<{ readonly from: number; readonly to: number }>>()
  readonly complaints: Array<string> = []
  scans = 0

  constructor(tags: ReadonlyArray<string>) {
    for (const tag of tags) {
      this.entries.set(tag, [])
      this.messages.set(tag, [])
      this.gaps.set(tag, [])
    }
  }
}

const tagOf = (key: string): string => /^\{(.*?)\}/.exec(key)?.[1] ?? ""

export const streamOf = (tag: string) => `{${tag}}:stream`
export const channelOf = (tag: string) => `{${tag}}:channel`
/** Keys that are there from before the run until its end. */
export const stableKeysOf = (tag: string) => [1, 2, 3, 4].map((i) => `{${tag}}:stable:${i}`)

const consume = (redis: ClusterClientShape, tags: ReadonlyArray<string>, residents: Residents) =>
  redis.consume({
    streams: tags.map(streamOf),
    group: "group",
    consumer: "consumer",
    create: "all",
    block: "200 millis"
  }).pipe(
    Stream.mapEffect((entry) => {
      residents.entries.get(tagOf(entry.stream))?.push({
        text: entry.fields["text"] ?? "",
        redelivered: entry.redelivered
      })
      return Effect.ignore(entry.acknowledge)
    }, { concurrency: 8 }),
    Stream.runDrain,
    Effect.catch((error) => Effect.sync(() => residents.complaints.push(`the consumer ended: ${error.message}`)))
  )

const listen = (redis: ClusterClientShape, tags: ReadonlyArray<string>, residents: Residents) =>
  redis.ssubscribeEvents(tags.map(channelOf)).pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "Message") {
          residents.messages.get(tagOf(event.channel))?.push({ text: event.payload, redelivered: false })
        } else if (event._tag === "Gap") {
          for (const channel of event.channels) residents.gaps.get(tagOf(channel))?.push(event)
        } else {
          // What was published before is not promised.
          for (const channel of event.channels) {
            const gaps = residents.gaps.get(tagOf(channel))
            if (gaps?.length === 0) gaps.push({ from: 0, to: Date.now() })
          }
        }
      })
    ),
    Effect.catch((error) => Effect.sync(() => residents.complaints.push(`the subscription ended: ${error.message}`)))
  )

const scan = (redis: ClusterClientShape, recorder: Recorder, tags: ReadonlyArray<string>, residents: Residents) =>
  Effect.whileLoop({
    while: () => recorder.isRunning,
    body: () =>
      redis.scanStream({ match: "{s*}:stable:*" }).pipe(
        Stream.runCollect,
        Effect.map((keys) => {
          residents.scans++
          const seen = new Set(keys)
          const missed = tags.flatMap(stableKeysOf).filter((key) => !seen.has(key))
          if (missed.length > 0) residents.complaints.push(`a scan missed ${missed.join()}`)
        }),
        Effect.catch((error) =>
          Effect.sync(() => {
            // Slots that nobody could scan for so long are told; nothing else may end it.
            if (error.reason._tag !== "TimeoutError" && error.reason._tag !== "SlotNotCoveredError") {
              residents.complaints.push(`a scan ended: ${error.message}`)
            }
          })
        ),
        Effect.andThen(Effect.sleep(50))
      ),
    step: () => {}
  })

/** Starts them; `finish` waits until what was written has had its time to arrive, and ends them. */
export const start = Effect.fnUntraced(function*(
  redis: ClusterClientShape,
  recorder: Recorder,
  tags: ReadonlyArray<string>
) {
  const residents = new Residents(tags)
  for (const key of tags.flatMap(stableKeysOf)) yield* redis.set(key, key)
  const consuming = yield* Effect.forkChild(consume(redis, tags, residents))
  const listening = yield* Effect.forkChild(listen(redis, tags, residents))
  const scanning = yield* Effect.forkChild(scan(redis, recorder, tags, residents))
  const arrived = () =>
    tags.every((tag) => {
      const seen = new Set(residents.entries.get(tag)?.map(({ text }) => text))
      return recorder.calls.every((call) =>
        call.key !== streamOf(tag) || call.ending !== "ok" || seen.has(call.argument ?? "")
      )
    })
  return {
    residents,
    finish: Effect.gen(function*() {
      yield* Fiber.join(scanning)
      for (let waited = 0; waited < 5000 && !arrived(); waited += 100) yield* Effect.sleep(100)
      yield* Fiber.interrupt(consuming)
      yield* Fiber.interrupt(listening)
    })
  }
})
