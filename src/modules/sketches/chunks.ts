/**
 * The chunks of filters, for backups: `SCANDUMP` reads them and `LOADCHUNK` writes them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ClusterClient } from "../../ClusterClient.ts"
import { type Call, call } from "../../commands/Call.ts"
import { bytes, type Command, DecodeFailure, invalid } from "../../commands/Command.ts"
import type { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import type { Argument } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import { refusal } from "../../values/keyed.ts"

/**
 * A part of a filter, as its server stores it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  /** The place of the chunk: `scandump` reads the next one after it, and `loadchunk` writes the chunk there. */
  readonly iterator: number
  /** The bytes of the chunk. */
  readonly data: Uint8Array
}

/** Adds a share of errors: a number between 0 and 1, both excluded. */
export const addRate = (self: Call, rate: number, name = "errorRate"): Call =>
  rate > 0 && rate < 1 ? self.double(name, rate) : self.refuse(`${name} must be a number between 0 and 1`)

const isBytes = (reply: unknown): reply is Uint8Array => reply instanceof Uint8Array

const pair = decode.tuple(decode.integer, decode.reply)

/** The last reply has the iterator 0 and no data. */
const chunk: decode.Decoder<Chunk | null> = decode.map(pair, ([iterator, data]) =>
  iterator === 0
    ? null
    : isBytes(data)
    ? { iterator, data }
    : new DecodeFailure("expected the bytes of a chunk, got something else"))

/** Reads one chunk. */
export const dump = (spec: CommandSpec, key: Argument, iterator: number): Command<Chunk | null> =>
  bytes(call(spec, key).integer("iterator", iterator, 0).to<Chunk | null>(chunk))

/** Writes one chunk. */
export const load = (spec: CommandSpec, key: Argument, { data, iterator }: Chunk): Command<"OK"> =>
  isBytes(data)
    ? call(spec, key).integer("iterator", iterator, 1).add(data).to(decode.ok)
    : invalid(spec, `${spec.name}: the data of a chunk have to be bytes`)

interface Chunked {
  scandump(key: Argument, iterator: number): Command<Chunk | null>
  loadchunk(key: Argument, chunk: Chunk): Command<"OK">
}

/**
 * The copies of filters, chunk by chunk.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChunkStreams {
  /**
   * The chunks of a filter, for a backup. A filter that is changed meanwhile gives a copy that has some of the changes. The stream
   * fails with the `RedisClusterException` of `scandump`.
   */
  readonly dump: (key: Argument) => Stream.Stream<Chunk, RedisClusterException, ClusterClient>
  /**
   * Writes the chunks of a filter, in their order, to another key or another cluster. It fails with the error of the stream, like
   * the command `loadchunk`, and with `OptionsError` for chunks that are no stream. A copy that was cut short is not usable. The server refuses the chunks where
   * the key is there already.
   */
  readonly restore: <E, R>(
    key: Argument,
    chunks: Stream.Stream<Chunk, E, R>
  ) => Effect.Effect<void, E | RedisClusterException, R | ClusterClient>
}

const noStream = refusal("restore: the chunks have to be a stream, as dump gives it")

/** The commands of a filter, and the streams made of them. */
export const withStreams = <Commands extends Chunked>(commands: Commands): Commands & ChunkStreams => ({
  ...commands,
  dump: (key) =>
    Stream.paginate(0, (iterator) =>
      Effect.map(
        commands.scandump(key, iterator),
        (chunk) => chunk === null ? [[], Option.none<number>()] : [[chunk], Option.some(chunk.iterator)]
      )),
  // A chunk that is written twice is the same chunk.
  restore: (key, chunks) =>
    Stream.isStream(chunks)
      ? Stream.runForEach(chunks, (chunk) => commands.loadchunk(key, chunk))
      : Effect.fail(noStream)
})
