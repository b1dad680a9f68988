/**
 * Values as JSON documents, for `Value.make`.
 *
 * JSON.SET has no expiry, and compares with nothing: a script of the library writes the document and the expiry of its key at once.
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { call } from "../../commands/Call.ts"
import { Command, type Prerequisite } from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import * as decode from "../../commands/decode.ts"
import { addExpiry } from "../../commands/expiry.ts"
import { allButLast, counted } from "../../commands/keys.ts"
import { Scripting } from "../../commands/Scripting.ts"
import { EncodeFailure, type Value } from "../../commands/Value.ts"
import type { Argument } from "../../protocol/Reply.ts"
import { type Codec, textOf } from "../../values/Codec.ts"
import * as Storage from "../../values/Storage.ts"
import { write as lua } from "./scripts.ts"
import { parse, stringify } from "./values.ts"

const GET = new CommandSpec("JSON.GET", { keys: 0, readonly: true })
const MGET = new CommandSpec("JSON.MGET", { keys: allButLast, readonly: true })
const SET = new CommandSpec("JSON.SET", { keys: 0 })
const EVALSHA = new CommandSpec("EVALSHA", { keys: counted(1) })
const EVAL = new CommandSpec("EVAL", { keys: counted(1) })

const digest = /* @__PURE__ */ createHash("sha1").update(lua).digest("hex")

const prerequisite: Prerequisite = {
  load: Scripting.scriptLoad(lua),
  selfContained: ({ args, decode, settings }) => new Command(EVAL, [lua, ...args.slice(1)], decode, settings)
}

/** The commands for the words that SET has for an expiry. */
const expiryCommands: ReadonlyMap<Argument, string> = new Map([
  ["EX", "EXPIRE"],
  ["PX", "PEXPIRE"],
  ["PXAT", "PEXPIREAT"],
  ["KEEPTTL", ""]
])

/** Writes a document. With `former` it is written if the key still has that one. */
const write = (
  key: Argument,
  value: Value,
  options: Storage.SetOptions,
  former?: Uint8Array
): Command<"OK" | null> => {
  const { condition = "", get = false } = options
  const checked = addExpiry(call(SET, key).value(value), options).to(decode.okOrNull)
  const [, document, word, time = ""] = checked.args
  const expiry = word === undefined ? "PERSIST" : expiryCommands.get(word) ?? ""
  const args = [digest, "1", key, document, condition, expiry, time, get ? "1" : ""]
  return checked.settings.invalid === undefined
    ? new Command(EVALSHA, former === undefined ? args : [...args, former], checked.decode, {
      ...checked.settings,
      prerequisite
    })
    : checked
}

const noText = new EncodeFailure("the value has no form in JSON that servers take, such as text with half a character")

const codec: Codec<unknown> = {
  form: "json",
  encode: (value) => stringify(value) ?? noText,
  decode: (stored) => {
    const text = textOf(stored)
    return typeof text === "string" ? parse(text) : text
  }
}

/** Values as JSON documents. */
export const storage: Storage.Storage = /* @__PURE__ */ Storage.make({
  reads: "JSON.GET",
  writes: "JSON.SET",
  codec,
  get: (key) => call(GET, key).to(decode.reply),
  mget: (keys) => call(MGET).many("keys", keys).add(".").to(decode.reply),
  set: write,
  swap: (redis, key, former, value, expiry) =>
    Effect.map(
      redis.execute(
        former === null
          ? write(key, value, { ...expiry, condition: "NX" })
          : write(key, value, expiry, former)
      ),
      (reply) => reply !== null
    )
})
