/**
 * The forms in which a program gets the fields of an entry: as text, with values of bytes, or as pairs of bytes.
 *
 * @since 0.1.0
 */
import { type Command, make } from "../commands/Command.ts"
import * as decode from "../commands/decode.ts"
import type { Reply } from "../protocol/Reply.ts"
import { readable } from "../protocol/text.ts"

/**
 * The fields of an entry for each value of the option `values`.
 *
 * - `text`: an object of text; the last value wins when the entry has a field twice
 * - `bytes`: an object with values of bytes; the last value wins when the entry has a field twice
 * - `pairs`: a list of names and values in the order of the entry, as bytes; nothing is left out
 *
 * @category models
 * @since 0.1.0
 */
export interface EntryFields {
  readonly text: Readonly<Record<string, string>>
  readonly bytes: Readonly<Record<string, Uint8Array>>
  readonly pairs: ReadonlyArray<readonly [name: Uint8Array, value: Uint8Array]>
}

/** An entry as it was read; `fields` is `null` when it has been deleted since it was delivered. */
export interface RawEntry<F> {
  readonly id: string
  readonly fields: F | null
}

/** The entries that a read brought of one stream. */
export interface RawEntries<F> {
  readonly stream: string
  readonly entries: ReadonlyArray<RawEntry<F>>
}

/** Decodes ids and keys, which are text in whatever form the fields are read. */
const text: decode.Decoder<string> = (reply) => decode.string(readable(reply))

// The decoders of text pass bytes through, so that a reply that is read as bytes gives bytes.
const fieldDecoders = {
  text: decode.record,
  bytes: decode.recordOf(decode.string) as decode.Decoder<unknown> as decode.Decoder<EntryFields["bytes"]>,
  pairs: decode.pairsOf(decode.string, decode.string) as decode.Decoder<unknown> as decode.Decoder<EntryFields["pairs"]>
} satisfies { readonly [V in keyof EntryFields]: decode.Decoder<EntryFields[V]> }

const entryOf = <F>(fields: decode.Decoder<F>): decode.Decoder<RawEntry<F> | null> => {
  const orNull = decode.nullable(fields)
  return (reply: Reply) => {
    // Servers before 7.0 answer XCLAIM with null for an entry that was deleted.
    if (reply === null) return null
    if (!Array.isArray(reply) || reply.length < 2) return decode.unexpected("an entry of a stream", reply)
    const id = text(reply[0])
    if (id instanceof decode.DecodeFailure) return id
    const read = orNull(reply[1])
    return read instanceof decode.DecodeFailure ? read : { id, fields: read }
  }
}

/** Decodes the replies of XREADGROUP and XCLAIM to one form. */
export interface EntryForm<F> {
  readonly ofStreams: (command: Command<unknown>) => Command<ReadonlyArray<RawEntries<F>>>
  readonly claimed: (command: Command<unknown>) => Command<ReadonlyArray<RawEntry<F>>>
}

const formOf = <F>(fields: decode.Decoder<F>, binary: boolean): EntryForm<F> => {
  const entries = decode.map(decode.arrayOf(entryOf(fields)), (list) => list.filter((entry) => entry !== null))
  const pairs = decode.map(
    decode.pairsOf(text, entries),
    (streams) => streams.map(([stream, entries]) => ({ stream, entries }))
  )
  return {
    ofStreams: ({ args, settings, spec }) =>
      make(spec, args, (reply) => reply === null ? [] : pairs(reply), { ...settings, binary }),
    claimed: ({ args, settings, spec }) => make(spec, args, entries, { ...settings, binary })
  }
}

/** The form for each value of the option `values`. */
export const forms: { readonly [V in keyof EntryFields]: EntryForm<EntryFields[V]> } = {
  text: formOf(fieldDecoders.text, false),
  bytes: formOf(fieldDecoders.bytes, true),
  pairs: formOf(fieldDecoders.pairs, true)
}
