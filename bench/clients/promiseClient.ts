import type { BenchClient, Caller, ClusterNode, MgetCaller } from "../BenchClient.ts"

/** The face of a promise client that the loops need. */
export interface PromiseCommands {
  readonly get: (key: string) => Promise<unknown>
  readonly set: (key: string, value: string) => Promise<unknown>
  readonly mgetNonatomic: (keys: Array<string>) => Promise<ReadonlyArray<unknown>>
  readonly close: () => Promise<void>
}

/** Every promise client runs the same loops: an async function per caller is the fastest that users write. */
export const promiseClient = (
  name: string,
  open: (nodes: ReadonlyArray<ClusterNode>) => Promise<PromiseCommands>
): BenchClient => {
  let commands: PromiseCommands

  const loop = async (caller: Caller) => {
    while (caller.next()) {
      caller.replied(
        caller.isWrite ? await commands.set(caller.key, caller.value) : await commands.get(caller.key)
      )
    }
  }
  const mgetLoop = async (caller: MgetCaller) => {
    while (caller.next()) caller.replied(await commands.mgetNonatomic(caller.keys))
  }

  return {
    name,
    connect: async (nodes) => {
      commands = await open(nodes)
    },
    run: async (callers) => {
      await Promise.all(callers.map(loop))
    },
    runMget: async (callers) => {
      await Promise.all(callers.map(mgetLoop))
    },
    issue: async (keys) => {
      await Promise.all(keys.map((key) => commands.get(key)))
    },
    close: () => commands.close()
  }
}
