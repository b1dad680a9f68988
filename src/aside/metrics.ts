/**
 * The counters of a cache-aside as metrics, in each registry of a program that uses it.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { Registry } from "../observability/Series.ts"
import type { Counters } from "./Statistics.ts"

const shown: ReadonlyArray<readonly [counter: keyof Counters, description: string]> = [
  ["hits", "Calls that found a value, or that there is none"],
  ["loads", "Loads after a miss"],
  ["shared", "Calls that shared the load of another call of the process"],
  ["waits", "Waits for the load of another process"],
  ["refreshes", "Loads before the end of a value"],
  ["direct", "Loads without the cache"],
  ["unstored", "Values that were loaded and not stored"],
  ["replaced", "Stored values that could not be read"]
]

/** Shows counters under a name. */
export class AsideMetrics {
  private readonly counters: Counters
  private readonly name: string
  private readonly registries = new WeakSet<Metric.MetricRegistry>()

  constructor(counters: Counters, name: string) {
    this.counters = counters
    this.name = name
  }

  /** Shows the counters in the registry of a context, if they are not there. */
  showIn(context: Context.Context<never>): void {
    const entries = Context.get(context, Metric.MetricRegistry)
    if (this.registries.has(entries)) return
    this.registries.add(entries)
    const registry = new Registry(context)
    for (const [counter, description] of shown) {
      registry.add({
        type: "Counter",
        id: `redis_cluster_aside_${counter}_total`,
        description,
        attributes: { aside: this.name },
        read: () => this.counters[counter]
      })
    }
  }
}
