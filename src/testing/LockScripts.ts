/**
 * What the scripts of `Lock` do, so that locks work on a cluster without Lua.
 *
 * @internal
 */
import { scripts } from "../Lock.ts"
import type { ScriptCall } from "./engine/ScriptValue.ts"

const acquire: ScriptCall = ({ args: [token, ttl], call, keys: [lock, fenceKey] }) => {
  if (call("SET", lock, token, "NX", "PX", ttl) === null) {
    if (call("GET", lock) !== token) return 0
    call("PEXPIRE", lock, ttl)
  }
  const time = call("TIME")
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : [0, 0]
  const fence = Math.max(seconds * 1_000_000 + micros, Number(call("GET", fenceKey) ?? 0) + 1)
  call("SET", fenceKey, fence, "PX", Number(ttl) + scripts.fenceMemory)
  return fence
}

const extend: ScriptCall = ({ args: [token, ttl], call, keys: [lock] }) =>
  call("GET", lock) === token ? call("PEXPIRE", lock, ttl) : 0

const release: ScriptCall = ({ args: [token], call, keys: [lock] }) =>
  call("GET", lock) === token ? call("DEL", lock) : 0

/** The sources and what they do. */
export const lockScripts: ReadonlyArray<readonly [lua: string, run: ScriptCall]> = [
  [scripts.acquire.lua, acquire],
  [scripts.extend.lua, extend],
  [scripts.release.lua, release]
]
