import type { Caller, MgetCaller } from "./BenchClient.ts"
import { keys } from "./workloads.ts"

const sampleEvery = 16
const choices = 1 << 16

/** A fixed pseudo-random sequence (xorshift), so that every client gets the same keys and the same reads and writes. */
const randoms = (() => {
  let state = 0x9e3779b9
  return Uint32Array.from({ length: choices }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  })
})()
const chosenKeys: ReadonlyArray<string> = Array.from(randoms, (random) => keys[(random >>> 8) % keys.length])
const chosenWrites: ReadonlyArray<boolean> = Array.from(randoms, (random) => (random & 0xff) < 51)

/** A load of a given duration, shared by all its callers; the clock is read for every 16th command only. */
export class Load {
  readonly value: string
  readonly latencies: Array<number> = []
  issued = 0
  completed = 0
  private over = false
  private readonly end: number

  constructor(valueSize: number, millis: number) {
    this.value = Buffer.alloc(valueSize, "x").toString("latin1")
    this.end = performance.now() + millis
  }

  /** The number of the next command, or -1 when the time is up. */
  next(): number {
    return this.over ? -1 : this.issued++
  }

  startTimer(command: number): number {
    return command % sampleEvery === 0 ? performance.now() : -1
  }

  stopTimer(startedAt: number): void {
    if (startedAt < 0) return
    const now = performance.now()
    this.latencies.push(now - startedAt)
    if (now >= this.end) this.over = true
  }

  check(reply: unknown): void {
    if (typeof reply !== "string" || reply.length !== this.value.length) {
      throw new Error(`expected a string of ${this.value.length} characters, got ${String(reply).slice(0, 80)}`)
    }
  }
}

export const makeCaller = (load: Load): Caller => {
  let startedAt = -1
  const caller = {
    key: "",
    isWrite: false,
    value: load.value,
    next: () => {
      const command = load.next()
      if (command < 0) return false
      caller.key = chosenKeys[command % choices]
      caller.isWrite = chosenWrites[command % choices]
      startedAt = load.startTimer(command)
      return true
    },
    replied: (reply: unknown) => {
      if (!caller.isWrite) load.check(reply)
      load.completed++
      load.stopTimer(startedAt)
    }
  }
  return caller
}

export const makeMgetCaller = (load: Load, count: number): MgetCaller => {
  let startedAt = -1
  const caller = {
    keys: new Array<string>(),
    next: () => {
      const command = load.next()
      if (command < 0) return false
      const offset = (command * count) % (choices - count)
      caller.keys = chosenKeys.slice(offset, offset + count)
      startedAt = performance.now()
      return true
    },
    replied: (replies: ReadonlyArray<unknown>) => {
      if (replies.length !== count) throw new Error(`expected ${count} values, got ${replies.length}`)
      for (const reply of replies) load.check(reply)
      load.completed += count
      load.stopTimer(startedAt)
    }
  }
  return caller
}
