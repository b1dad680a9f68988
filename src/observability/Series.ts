/**
 * Series of Effect's metric registry whose values live elsewhere, and are read when the registry is read: counting
 * costs only an increment of a field.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

export interface HistogramValue {
  readonly bounds: ReadonlyArray<number>
  /** The samples in each bucket, one more than there are bounds. */
  readonly counts: ReadonlyArray<number>
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
}

/** The name of a series, and how to read its value. */
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

/** The state of a histogram in the form of Effect's own: the count of each bucket includes all buckets below it. */
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

/** The series of several clients under one name: the registry shows their sum. */
const shared = new WeakMap<object, Set<Series>>()

const keyOf = (series: Series, attributes: Record<string, string>): string => {
  const entries = Object.entries(attributes).toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
  // Effect makes the key in this way, so that `Metric.value` of an equal metric finds the series.
  return JSON.stringify([series.type, series.id, series.description, entries])
}

/** The metric registry of a context, with the attributes that the context gives to all metrics. */
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
