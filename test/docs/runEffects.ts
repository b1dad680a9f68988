/**
 * Runs the effects and streams that the given modules export, one after another, on the cluster in `REDIS_CLUSTER_URL`.
 * Prints a line of JSON for each module: what it ran, or what went wrong.
 *
 *   node runEffects.ts <module or module?endless> ...
 */
import { Cause, Effect, Exit, Layer, Stream } from "effect"
import { pathToFileURL } from "node:url"
import { ClusterClient } from "../../src/index.ts"
import * as PersistedQueueRedis from "../../src/integrations/PersistedQueueRedis.ts"
import * as PersistenceRedis from "../../src/integrations/PersistenceRedis.ts"
import * as RateLimiterRedis from "../../src/integrations/RateLimiterRedis.ts"

const services = Layer.mergeAll(PersistenceRedis.layer, PersistedQueueRedis.layer(), RateLimiterRedis.layer()).pipe(
  Layer.provideMerge(ClusterClient.layer({ nodes: process.env["REDIS_CLUSTER_URL"] ?? "" }))
)

/** The services that a block may require: those above, and those of the layers that it exports itself. */
type Provided = Layer.Success<typeof services>

const effectOf = (value: unknown): Effect.Effect<unknown, unknown, Provided> | undefined => {
  if (Effect.isEffect(value)) return value as Effect.Effect<unknown, unknown, Provided>
  if (Stream.isStream(value)) return Stream.runDrain(value as Stream.Stream<unknown, unknown, Provided>)
  return undefined
}

const withLayersOf = (values: ReadonlyArray<unknown>): Layer.Layer<Provided, unknown> =>
  values.filter(Layer.isLayer).reduce<Layer.Layer<Provided, unknown>>(
    (provided, layer) => Layer.provideMerge(layer as Layer.Layer<never, unknown, Provided>, provided),
    services
  )

const isDefinition = (value: unknown): boolean =>
  typeof value !== "function" || Layer.isLayer(value) || String(value).startsWith("class ")

/** Runs what a module exports; the endless at most two seconds, and beside one another, so that none empties the cluster. */
const run = async (file: string, endless: boolean): Promise<object> => {
  const module: Record<string, unknown> = await import(pathToFileURL(file).href)
  const values = Object.entries(module)
  const ran: Array<string> = []
  for (const [name, value] of values) {
    const effect = effectOf(value)
    if (effect === undefined) continue
    const exit = await Effect.gen(function*() {
      const redis = yield* ClusterClient
      if (endless) return yield* Effect.timeoutOption(effect, "2 seconds")
      yield* redis.flushall()
      return yield* Effect.timeout(effect, "20 seconds")
    }).pipe(Effect.scoped, Effect.provide(withLayersOf(Object.values(module))), Effect.runPromiseExit)
    if (Exit.isFailure(exit)) return { file, failure: `${name}: ${Cause.pretty(exit.cause)}` }
    ran.push(name)
  }
  // Functions alone would be a page whose code nobody has seen at work.
  return ran.length > 0 || values.length === 0 || values.some(([, value]) => isDefinition(value))
    ? { file, ran }
    : { file, failure: "there is nothing to run: export an effect, or say why not" }
}

const report = async (name: string): Promise<void> => {
  const [file, endless] = name.split("?")
  const result = await run(file, endless !== undefined).catch((error: unknown) => ({ file, failure: String(error) }))
  process.stdout.write(`\n@@${JSON.stringify(result)}\n`)
}

const names = process.argv.slice(2)
const isEndless = (name: string): boolean => name.endsWith("?endless")
for (const name of names) if (!isEndless(name)) await report(name)
await Promise.all(names.filter(isEndless).map(report))
