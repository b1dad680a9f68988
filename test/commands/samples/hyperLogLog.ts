import { HyperLogLog } from "../../../src/commands/HyperLogLog.ts"
import { type Sample } from "./Sample.ts"

export const hyperLogLog: ReadonlyArray<Sample> = [
  { name: "pfadd", command: HyperLogLog.pfadd("visitors", ["ada", "bob"]), expected: true },
  { name: "pfadd of numbers", command: HyperLogLog.pfadd("{t}p", ["a", 1]), expected: true },
  {
    name: "pfcount",
    command: HyperLogLog.pfcount(["{visitors}:mon", "{visitors}:tue"]),
    prepare: [HyperLogLog.pfadd("{visitors}:mon", ["ada", "bob"]), HyperLogLog.pfadd("{visitors}:tue", ["bob"])],
    expected: 2
  },
  {
    name: "pfmerge",
    command: HyperLogLog.pfmerge("{visitors}:week", ["{visitors}:mon", "{visitors}:tue"]),
    prepare: [HyperLogLog.pfadd("{visitors}:mon", ["ada", "bob"])],
    expected: "OK"
  }
]
