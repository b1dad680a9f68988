/**
 * The scripts of `Lock` in TypeScript, so that locks work on a cluster without Lua.
 */
import { scripts } from "../Lock.ts"
import type { ScriptCall } from "./engine/ScriptValue.ts"

const acquire: ScriptCall = ({ args: [token, ttl], call, keys: [lock] }) => {
  const isEndless = ttl === "0"
  const set = isEndless ? call("SET", lock, token, "NX") : call("SET", lock, token, "NX", "PX", ttl)
  if (set !== null) return 1
  if (call("GET", lock) !== token) return 0
  if (!isEndless) call("PEXPIRE", lock, ttl)
  return 1
}

const acquireFenced: ScriptCall = (input) => {
  const { args: [, ttl], call, keys: [, fenceKey] } = input
  if (acquire(input) === 0) return 0
  const time = call("TIME")
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : [0, 0]
  const fence = Math.max(seconds * 1_000_000 + micros, Number(call("GET", fenceKey) ?? 0) + 1)
  call("SET", fenceKey, fence, "PX", Number(ttl) + scripts.fenceMemory)
  return fence
}

const extend: ScriptCall = ({ args: [token, ttl], call, keys: [lock] }) => {
  if (call("GET", lock) !== token) return 0
  const left = Number(call("PTTL", lock))
  if (left >= 0 && left < Number(ttl)) call("PEXPIRE", lock, ttl)
  return 1
}

const release: ScriptCall = ({ args: [token], call, keys: [lock] }) =>
  call("GET", lock) === token ? call("DEL", lock) : 0

/** The sources, with the functions that replace them. */
export const lockScripts: ReadonlyArray<readonly [lua: string, run: ScriptCall]> = [
  [scripts.acquire.lua, acquire],
  [scripts.acquireFenced.lua, acquireFenced],
  [scripts.extend.lua, extend],
  [scripts.release.lua, release]
]
