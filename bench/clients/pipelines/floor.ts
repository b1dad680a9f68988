import type { PipelineClient } from "../../pipelineWorker.ts"
import { SocketLoops } from "../SocketLoop.ts"

let loops: SocketLoops

/** The bare socket loop: one array of results, one callback for all. */
export const client: PipelineClient = {
  connect: async (nodes) => {
    loops = await SocketLoops.connect(nodes)
  },
  pipeline: (keys, value) =>
    new Promise((resolve) => {
      const replies = new Array<string | null>(keys.length)
      let left = keys.length
      for (let i = 0; i < keys.length; i++) {
        const done = (reply: string | null) => {
          replies[i] = reply
          if (--left === 0) resolve(replies)
        }
        if (i % 5 === 0) loops.set(keys[i], value, done)
        else loops.get(keys[i], done)
      }
    })
}
