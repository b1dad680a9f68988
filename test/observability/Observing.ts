/**
 * A client with its observability for tests: the metrics of its registry, the spans of its tracer, the lines of its
 * log.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"

export interface Line {
  readonly level: string
  readonly message: string
  readonly annotations: Record<string, unknown>
}

/** A client in a registry and with a log of its own. */
export const observe = Effect.fnUntraced(function*(options: ClusterOptions) {
  const registry: Metric.MetricRegistry = new Map()
  const lines: Array<Line> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    lines.push({
      level: logLevel,
      message: String(message),
      annotations: { ...fiber.getRef(References.CurrentLogAnnotations) }
    })
  })
  const context = yield* Layer.build(ClusterClient.layer(options)).pipe(
    Effect.provideService(Metric.MetricRegistry, registry),
    Effect.provideService(References.MinimumLogLevel, "All"),
    Effect.provide(Logger.layer([logger]))
  )
  const snapshots = () => Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry))
  /** The sum over the series of a metric whose attributes are these, as far as they are given. */
  const value = (id: string, attributes: Record<string, string> = {}): number =>
    snapshots()
      .filter((series) =>
        series.id === `redis_cluster_${id}` &&
        Object.entries(attributes).every(([name, wanted]) => series.attributes?.[name] === wanted)
      )
      .reduce((sum, series) => {
        switch (series.type) {
          case "Counter":
            return sum + Number(series.state.count)
          case "Gauge":
            return sum + Number(series.state.value)
          case "Histogram":
            return sum + series.state.count
          default:
            return sum
        }
      }, 0)
  return { redis: Context.get(context, ClusterClient), value, snapshots, lines, registry }
})

/** A tracer that keeps its spans. */
export const collector = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}
