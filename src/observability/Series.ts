/**
 * Series of Effect's metric registry whose values live elsewhere and are read when the registry is: counting costs what
 * an increment of a field costs.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/**
 * @category models
 * @since 0.1.0
 */
export interface HistogramValue {
  readonly bounds: ReadonlyArray<number>
  /** How many fell into each bucket, one more than there are bounds. */
  readonly counts: ReadonlyArray<number>
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
}

/**
 * What a series is called, and how its value is got.
 *
 * @category models
 * @since 0.1.0
 */
export type Series =
  & {
    readonly id: string
    readonly description: string
    readonly attributes: Record<string, string>
  }
  & (
    | { readonly type: "Counter" | "Gauge"; readonly read: () => number }
    | { readonly type: "Histogram"; readonly read: () => HistogramValue }
  )

const stateOf = (sources: Iterable<Series>): unknown => {
  let sum = 0
  let histogram: HistogramValue | undefined
  let type: Series["type"] = "Counter"
  for (const source of sources) {
    type = source.type
    if (source.type === "Histogram") histogram = merged(histogram, source.read())
    else sum += source.read()
  }
  if (histogram !== undefined) return histogramState(histogram)
  return type === "Gauge" ? { value: sum } : { count: sum, incremental: true }
}

const merged = (one: HistogramValue | undefined, other: HistogramValue): HistogramValue =>
  one === undefined ? other : {
    bounds: other.bounds,
    counts: other.counts.map((count, i) => count + one.counts[i]),
    count: one.count + other.count,
    sum: one.sum + other.sum,
    min: Math.min(one.min, other.min),
    max: Math.max(one.max, other.max)
  }

/** As Effect's own histograms have it: each bucket counts what is below it, too. */
const histogramState = ({ bounds, count, counts, max, min, sum }: HistogramValue): Metric.HistogramState => {
  let below = 0
  return {
    buckets: bounds.map((bound, i) => [bound, below += counts[i]]),
    count,
    sum,
    min: count === 0 ? 0 : min,
    max
  }
}

/** Several clients of one program may count the same: the registry has their sum. */
const shared = new WeakMap<object, Set<Series>>()

const keyOf = (series: Series, attributes: Record<string, string>): string => {
  const entries = Object.entries(attributes).toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
  // As Effect makes it, so that `Metric.value` of an equal metric finds it.
  return JSON.stringify([series.type, series.id, series.description, entries])
}

/**
 * The registry that a context names, with the attributes that it gives to all metrics.
 *
 * @category models
 * @since 0.1.0
 */
export class Registry {
  private readonly entries: Metric.MetricRegistry
  private readonly contextual: Metric.Metric.AttributeSet

  constructor(context: Context.Context<never>) {
    this.entries = Context.get(context, Metric.MetricRegistry)
    this.contextual = Context.get(context, Metric.CurrentMetricAttributes)
  }

  /** Adds a series; the result removes it. */
  add(series: Series): () => void {
    const attributes = { ...series.attributes, ...this.contextual }
    const key = keyOf(series, attributes)
    const known = this.entries.get(key)
    const sources = known === undefined ? undefined : shared.get(known.hooks)
    if (sources === undefined) this.insert(key, series, attributes)
    else sources.add(series)
    return () => this.remove(key, series)
  }

  private insert(key: string, series: Series, attributes: Record<string, string>): void {
    const sources = new Set([series])
    const hooks: Metric.Metric.Hooks<unknown, unknown> = {
      get: () => stateOf(sources),
      update: () => {},
      modify: () => {}
    }
    shared.set(hooks, sources)
    const { description, id, type } = series
    this.entries.set(key, { id, type, description, attributes, hooks })
  }

  private remove(key: string, series: Series): void {
    const known = this.entries.get(key)
    const sources = known === undefined ? undefined : shared.get(known.hooks)
    if (sources === undefined || !sources.delete(series)) return
    if (sources.size === 0) this.entries.delete(key)
  }
}
