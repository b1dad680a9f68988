/**
 * The scripts of `CacheAside` in TypeScript, so that it works on a cluster without Lua. They work on bytes, for values
 * need not be text.
 */
import * as scripts from "../aside/scripts.ts"
import { magic } from "../aside/Stored.ts"
import type { ByteScript } from "./engine/ScriptValue.ts"

const isSame: ByteScript = (call, [key], [seen]) => {
  const stored = seen.startsWith(magic) ? call("GETRANGE", key, "0", String(seen.length - 1)) : call("GET", key)
  return stored === seen
}

const store: ByteScript = (call, keys, args) => {
  if (isSame(call, keys, args) === false) return 0
  call("SET", keys[0], args[1], "PX", args[2])
  return 1
}

const discard: ByteScript = (call, keys, args) => isSame(call, keys, args) === false ? 0 : call("DEL", keys[0])

/** The sources, with the functions that replace them. */
export const asideScripts: ReadonlyArray<readonly [lua: string, run: ByteScript]> = [
  [scripts.store.lua, store],
  [scripts.discard.lua, discard]
]
