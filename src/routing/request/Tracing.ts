/**
 * Spans of commands, for callers that are traced themselves.
 *
 * A command makes a span only when the calling fiber has a sampled span: without tracing the cost is one look at the
 * fiber. Names and attributes are those of OpenTelemetry's conventions for database clients
 * (https://opentelemetry.io/docs/specs/semconv/database/redis/). Values are never part of them; statements are on
 * request.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { Command } from "../../commands/Command.ts"
import { isRedisClusterException } from "../../RedisClusterException.ts"
import { keyless } from "../CommandSlot.ts"
import { reasonOf } from "./Conflict.ts"
import type { Diagnosis } from "./Diagnosis.ts"
import type { Decision } from "./Recovery.ts"
import type { Request, RequestTrace } from "./Request.ts"

/** The subject of a span: one command, or several at once. */
interface Call {
  readonly operation: string
  readonly slot: number
  readonly commands: ReadonlyArray<Command<unknown>>
}

/**
 * Whether the spans of a region of the program say what was asked, as `db.query.text`: the name of the command, its keys,
 * and `?` for everything else. Off unless it is provided.
 *
 * **Gotchas**
 *
 * Keys may tell of people, and spans travel to other services. Values are never in a span.
 *
 * **Example** (Statements in the spans of a program)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ClusterClient, TraceStatements } from "effect-redis-cluster"
 *
 * export const program = Effect.gen(function*() {
 *   const redis = yield* ClusterClient
 *   yield* redis.set("user:1", "ada") // db.query.text: SET user:1 ?
 * }).pipe(Effect.withSpan("greet"), Effect.provideService(TraceStatements, true))
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const TraceStatements: Context.Reference<boolean> = Context.Reference<boolean>(
  "effect-redis-cluster/routing/Tracing/TraceStatements",
  { defaultValue: () => false }
)

/** The most arguments of a statement, and the most statements of a batch, in a span. */
const told = 32

const statementOf = ({ args, spec }: Command<unknown>): string => {
  const { keys } = spec
  const positions = new Set(typeof keys === "function" ? keys(args) : [keys])
  const words = args.slice(0, told).map((arg, i) => positions.has(i) && typeof arg === "string" ? arg : "?")
  return [spec.name, ...words, ...(args.length > told ? ["..."] : [])].join(" ")
}

const statementsOf = (commands: ReadonlyArray<Command<unknown>>): string =>
  [...commands.slice(0, told).map(statementOf), ...(commands.length > told ? ["..."] : [])].join("\n")

/** A call on its way, and its span. */
export class Trace implements RequestTrace {
  private readonly span: Tracer.Span
  private readonly clock: Clock.Clock
  private first: Request | undefined = undefined
  private redirects = 0

  constructor(span: Tracer.Span, clock: Clock.Clock) {
    this.span = span
    this.clock = clock
  }

  /** Notes that a request belongs to this call. */
  begin(request: Request): void {
    request.belongsTo(this)
    if (this.first !== undefined) return
    this.first = request
    for (const [name, value] of Object.entries(request.owner.attributes)) this.span.attribute(name, value)
  }

  /** Notes the decision about a failure, unless it ends the request. */
  decided(request: Request, failure: Diagnosis, decision: Decision): void {
    const attributes = {
      ...serverOf(request),
      "error.type": typeOf(failure),
      "redis.cluster.attempt": request.attempts
    }
    const event = (name: string, more: Record<string, unknown>) =>
      this.span.event(name, this.clock.currentTimeNanosUnsafe(), { ...attributes, ...more })
    switch (decision._tag) {
      case "RetryAt":
        this.redirects++
        return event("redis.cluster.redirect", {
          "redis.cluster.redirect.kind": decision.asking ? "ask" : "moved",
          "redis.cluster.redirect.target": `${decision.endpoint.host}:${decision.endpoint.port}`
        })
      case "RetryNext":
        return event("redis.cluster.retry", { "redis.cluster.retry.kind": "replica" })
      case "RetryAfter":
        return event("redis.cluster.retry", { "redis.cluster.retry.kind": "wait" })
      case "LoadThenResend":
        return event("redis.cluster.retry", { "redis.cluster.retry.kind": "supply" })
      case "Return":
      case "GiveUp":
        return
    }
  }

  /** Adds the last attributes before the span ends. */
  end(exit: Exit.Exit<unknown, unknown>): void {
    const { first, span } = this
    const attribute = (attributes: Record<string, unknown>) => {
      for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
    }
    if (first !== undefined) attribute(serverOf(first))
    if (first !== undefined && first.attempts > 1) attribute({ "redis.cluster.attempts": first.attempts })
    if (this.redirects > 0) attribute({ "redis.cluster.redirects": this.redirects })
    if (Exit.isFailure(exit)) attribute(failureOf(exit))
  }
}

const serverOf = ({ connection }: Request): Record<string, unknown> =>
  connection === undefined ? {} : {
    "server.address": connection.endpoint.host,
    "server.port": connection.endpoint.port
  }

const typeOf = (failure: Diagnosis): string => {
  switch (failure._tag) {
    case "Reply":
      return failure.error.code
    case "Lost":
      return failure.failure.kind
    case "NotCovered":
      return "SlotNotCoveredError"
  }
}

/** The attributes of a failure: the tag of the reason, and the code of an error reply. */
const failureOf = (exit: Exit.Failure<unknown, unknown>): Record<string, unknown> => {
  const fail = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  if (fail === undefined || !isRedisClusterException(fail.error)) return {}
  const type = { "error.type": reasonOf(fail.error) }
  const { reason } = fail.error
  return reason._tag === "ReplyError" && reason._tag === type["error.type"]
    ? { ...type, "db.response.status_code": reason.code }
    : type
}

/** The spans of this library, with their calls. */
const own = new WeakMap<Tracer.AnySpan, Trace>()

/**
 * The tracing of a call that begins: `"due"` when the call has to start again within a span of its own (`traced`), a
 * `Trace` when it runs in one already, `undefined` when it is not traced.
 */
export const look = (): Trace | "due" | undefined => {
  const cache = Fiber.getCurrent()?.cache
  return cache?.span === undefined ? undefined : inspect(cache.span, cache.tracerEnabled)
}

const inspect = (span: Tracer.AnySpan, enabled: boolean): Trace | "due" | undefined =>
  enabled && span.sampled ? own.get(span) ?? "due" : undefined

/** Marks a request as part of the running fiber's call. */
export const join = (request: Request): void => {
  const trace = look()
  if (trace !== undefined && trace !== "due") trace.begin(request)
}

/** Runs a call within a span of its own, a child of the calling fiber's span. */
export const traced = <A, E, R>(self: Effect.Effect<A, E, R>, call: Call): Effect.Effect<A, E, R> =>
  Clock.clockWith((clock) =>
    Effect.useSpan(call.operation, { kind: "client", attributes: attributesOf(call) }, (span) => {
      const trace = new Trace(span, clock)
      const context = Fiber.getCurrent()?.context
      if (context !== undefined && Context.get(context, TraceStatements)) {
        span.attribute("db.query.text", statementsOf(call.commands))
      }
      own.set(span, trace)
      // A parent span does not change the requirements of the effect.
      return Effect.onExit(
        Effect.withParentSpan(self, span, { captureStackTrace: false }),
        (exit) => Effect.sync(() => trace.end(exit))
      ) as Effect.Effect<A, E, R>
    })
  )

/** Runs a call within a span of its own when one is due: for calls other than single commands on the common path. */
export const observed = <A, E, R>(self: Effect.Effect<A, E, R>, call: () => Call): Effect.Effect<A, E, R> =>
  Effect.suspend(() => look() === "due" ? traced(self, call()) : self)

/** Adds attributes to the span of an operation; nothing happens without a span. */
export type Annotate = (attributes: Readonly<Record<string, unknown>>) => void

const noSpan: Annotate = () => {}

/**
 * Runs an operation of several commands within a span, which is the parent of theirs. Callers that are not traced get none.
 */
export const operation = <A, E, R>(
  name: string,
  run: (annotate: Annotate) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() =>
    look() === "due"
      ? Effect.useSpan(name, { attributes: operationAttributes }, (span) =>
        // A parent span does not change the requirements of the effect.
        Effect.withParentSpan(
          run((attributes) => {
            for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
          }),
          span,
          { captureStackTrace: false }
        ) as Effect.Effect<A, E, R>)
      : run(noSpan)
  )

/** As `operation`, for a stream. */
export const streamOperation = <A, E, R>(name: string, self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.unwrap(Effect.sync(() =>
    look() === "due"
      // A parent span does not change the requirements of the stream.
      ? Stream.withSpan(self, name, { attributes: operationAttributes }) as Stream.Stream<A, E, R>
      : self
  ))

const operationAttributes = { "db.system.name": "redis" }

const attributesOf = ({ commands, operation, slot }: Call): Record<string, unknown> => ({
  "db.system.name": "redis",
  // A cluster has the database 0 only.
  "db.namespace": "0",
  "db.operation.name": operation,
  ...(slot === keyless ? {} : { "redis.cluster.slot": slot }),
  ...(commands.length > 1 ? { "db.operation.batch.size": commands.length } : {})
})

export const commandCall = (command: Command<unknown>, slot: number): Call => ({
  operation: command.spec.name,
  slot,
  commands: [command]
})

/** The call of several commands, with one name when all have it. */
export const batchCall = (
  kind: "PIPELINE" | "MULTI",
  commands: ReadonlyArray<Command<unknown>>
): Call => {
  const [first, ...others] = commands
  const isUniform = first !== undefined && others.every((command) => command.spec.name === first.spec.name)
  return { operation: isUniform ? `${kind} ${first.spec.name}` : kind, slot: keyless, commands }
}
