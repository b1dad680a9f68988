/**
 * The script of `Json.storage` in TypeScript, so that such values work on a cluster without Lua. It works on bytes, for a document may have any
 * text.
 */
import * as scripts from "../modules/json/scripts.ts"
import { ServerError } from "../protocol/Reply.ts"
import type { ByteScript } from "./engine/ScriptValue.ts"

const write: ByteScript = (call, [key], [document, condition, expiry, time, isWanted, seen]) => {
  const former = isWanted === "1" || seen !== undefined ? call("JSON.GET", key) : null
  if (former instanceof ServerError) return former
  if (seen !== undefined && former !== seen) return null
  const done = call("JSON.SET", key, "$", document, ...(condition === "" ? [] : [condition]))
  if (done instanceof ServerError) return done
  if (done !== null && expiry !== "") call(expiry, key, ...(expiry === "PERSIST" ? [] : [time]))
  return isWanted === "1" ? former : done
}

/** The sources, with the functions that replace them. */
export const jsonScripts: ReadonlyArray<readonly [lua: string, run: ByteScript]> = [[scripts.write, write]]
