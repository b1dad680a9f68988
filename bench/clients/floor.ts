import type { BenchClient, Caller, MgetCaller } from "../BenchClient.ts"
import { SocketLoops } from "./SocketLoop.ts"

/** Resolves when every caller has called its `done`. */
const allDone = <A>(callers: ReadonlyArray<A>, start: (caller: A, done: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    let left = callers.length
    const done = () => {
      if (--left === 0) resolve()
    }
    for (const caller of callers) start(caller, done)
  })

let loops: SocketLoops

/** Callbacks on the bare socket loop: what a client cannot beat without leaving Node's sockets. */
export const client: BenchClient = {
  name: "floor",
  connect: async (nodes) => {
    loops = await SocketLoops.connect(nodes)
  },
  run: (callers) =>
    allDone(callers, (caller: Caller, done) => {
      const sendNext = () => {
        if (!caller.next()) done()
        else if (caller.isWrite) loops.set(caller.key, caller.value, onReply)
        else loops.get(caller.key, onReply)
      }
      const onReply = (reply: string | null) => {
        caller.replied(reply)
        sendNext()
      }
      sendNext()
    }),
  runMget: (callers) =>
    allDone(callers, (caller: MgetCaller, done) => {
      const sendNext = () => {
        if (caller.next()) loops.mget(caller.keys, onReplies)
        else done()
      }
      const onReplies = (replies: ReadonlyArray<string | null>) => {
        caller.replied(replies)
        sendNext()
      }
      sendNext()
    }),
  issue: (keys) => allDone(keys, (key, done) => loops.get(key, done)),
  close: async () => loops.close()
}
