/**
 * HyperLogLogs: the approximate number of different elements, in little space.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { call, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { allKeys } from "./keys.ts"
import { parameters } from "./parameters/HyperLogLog.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * The methods of the commands on HyperLogLogs.
 *
 * @category models
 * @since 0.1.0
 */
export interface HyperLogLogCommands<S extends Surface> {
  /**
   * Adds elements; without elements it only makes the key. Returns whether the estimate may have changed. Since 2.8.9.
   * O(1) an element.
   */
  pfadd(key: Argument, elements?: ReadonlyArray<Value>): Returns<S, boolean>
  /** The approximate number of different elements in all keys of one slot. Since 2.8.9. O(1), O(N) for several keys. */
  pfcount(keys: OneOrMore<Argument>): Returns<S, number>
  /** Stores the union of keys of one slot, with the destination's own elements. Since 2.8.9. O(N) keys. */
  pfmerge(destination: Argument, sources: OneOrMore<Argument>): Returns<S, "OK">
}

const PFADD = new CommandSpec("PFADD", { keys: 0 })
const PFCOUNT = new CommandSpec("PFCOUNT", { keys: allKeys, readonly: true })
const PFMERGE = new CommandSpec("PFMERGE", { keys: allKeys })

/**
 * The builders of the commands on HyperLogLogs: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const HyperLogLog: HyperLogLogCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  pfadd: (key, elements = []) => {
    const self = call(PFADD, key)
    for (const element of elements) self.value(element)
    return self.to(decode.boolean)
  },
  pfcount: (keys) => call(PFCOUNT).many("keys", keys).to(decode.integer),
  pfmerge: (destination, sources) => call(PFMERGE, destination).many("sources", sources).to(decode.ok)
})
