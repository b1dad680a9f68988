import { HyperLogLog } from "../../../src/commands/HyperLogLog.ts"
import { type Sample } from "./Sample.ts"

export const hyperLogLog: ReadonlyArray<Sample> = [
  { name: "pfadd", command: HyperLogLog.pfadd("{t}p", ["a", 1]), expected: true },
  {
    name: "pfcount",
    command: HyperLogLog.pfcount(["{t}p", "{t}q"]),
    prepare: [["PFADD", "{t}p", "a", "b"]],
    expected: 2
  },
  { name: "pfmerge", command: HyperLogLog.pfmerge("{t}q", ["{t}p"]), prepare: [["PFADD", "{t}p", "a"]], expected: "OK" }
]
