import * as Effect from "effect/Effect"
import type { BenchClient, ClusterNode } from "../BenchClient.ts"

/** The face of an Effect client that the loops need. */
export interface EffectCommands {
  readonly get: (key: string) => Effect.Effect<unknown, unknown>
  readonly set: (key: string, value: string) => Effect.Effect<unknown, unknown>
  readonly mgetNonatomic: (keys: Array<string>) => Effect.Effect<ReadonlyArray<unknown>, unknown>
  readonly close: () => Promise<void>
}

/** Every caller is a fiber. Its loop is no generator, so that the client is measured and not the loop. */
export const effectClient = (
  name: string,
  open: (nodes: ReadonlyArray<ClusterNode>) => Promise<EffectCommands>
): BenchClient => {
  let commands: EffectCommands
  const inFibers = <A>(items: ReadonlyArray<A>, effect: (item: A) => Effect.Effect<unknown, unknown>) =>
    Effect.runPromise(Effect.forEach(items, effect, { concurrency: "unbounded", discard: true }))

  return {
    name,
    connect: async (nodes) => {
      commands = await open(nodes)
    },
    run: (callers) =>
      inFibers(callers, (caller) =>
        Effect.whileLoop({
          while: caller.next,
          body: () => caller.isWrite ? commands.set(caller.key, caller.value) : commands.get(caller.key),
          step: caller.replied
        })),
    runMget: (callers) =>
      inFibers(callers, (caller) =>
        Effect.whileLoop({
          while: caller.next,
          body: () => commands.mgetNonatomic(caller.keys),
          step: caller.replied
        })),
    // A fiber started by `runFork` runs at once until it waits, so every command is issued before this returns.
    issue: (keys) =>
      new Promise((resolve, reject) => {
        let left = keys.length
        for (const key of keys) {
          Effect.runFork(commands.get(key)).addObserver((exit) => {
            if (exit._tag === "Failure") reject(new Error(String(exit.cause)))
            if (--left === 0) resolve()
          })
        }
      }),
    close: () => commands.close()
  }
}
