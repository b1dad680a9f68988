import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as CacheAside from "../../src/CacheAside.ts"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as Lock from "../../src/Lock.ts"
import { TraceStatements } from "../../src/routing/request/Tracing.ts"
import * as Value from "../../src/values/Value.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { collector, observe } from "./Observing.ts"

const key = "secret-key:tracing"
const slot = HashSlot.ofKey(key)
const password = "secret-password"

/** Runs an effect within a span, and gives the spans that came of it beneath that. */
const spansOf = <A, E, R>(self: Effect.Effect<A, E, R>, options?: Tracer.SpanOptions) =>
  Effect.gen(function*() {
    const { spans, tracer } = collector()
    const exit = yield* Effect.exit(
      self.pipe(Effect.withSpan("caller", options), Effect.provideService(Tracer.Tracer, tracer))
    )
    const [caller, ...commands] = spans
    return { caller, commands, exit, spans }
  })

const attributesOf = (span: Tracer.Span): Record<string, unknown> => Object.fromEntries(span.attributes)

const client = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const observed = yield* observe({ nodes: cluster.seeds, password: Redacted.make(password) })
  return { cluster, ...observed }
})

describe("Spans", () => {
  layer(RedisCluster.layer({ password }), { excludeTestServices: true })((it) => {
    it.effect("of a command are children of the caller's span, with the attributes of a database client", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, redis } = yield* client
        const owner = yield* cluster.owner(slot)
        const { caller, commands } = yield* spansOf(redis.get(key))
        assert.strictEqual(commands.length, 1)
        const [span] = commands
        assert.strictEqual(span.name, "GET")
        assert.strictEqual(span.kind, "client")
        assert.strictEqual(span.status._tag, "Ended")
        assert.strictEqual(Option.getOrUndefined(span.parent)?.spanId, caller.spanId)
        assert.deepStrictEqual(attributesOf(span), {
          "db.system.name": "redis",
          "db.namespace": "0",
          "db.operation.name": "GET",
          "redis.cluster.slot": slot,
          "server.address": owner.host,
          "server.port": owner.port
        })
      })))

    it.effect("say what was asked, keys and no values, when that is wanted", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis } = yield* client
        const named = "tracing:statement"
        const text = (span: Tracer.Span) => attributesOf(span)["db.query.text"]
        const calls = Effect.all([
          redis.set(named, "secret-value", { expire: "1 minute" }),
          redis.pipeline([Strings.get(named), Strings.append(named, "secret-value")]),
          redis.ping()
        ], { discard: true })
        const told = yield* spansOf(Effect.provideService(calls, TraceStatements, true))
        assert.deepStrictEqual(told.commands.map(text), [
          `SET ${named} ? ? ?`,
          `GET ${named}\nAPPEND ${named} ?`,
          "PING"
        ])
        const untold = yield* spansOf(calls)
        assert.deepStrictEqual(untold.commands.map(text), [undefined, undefined, undefined])
      })))

    it.effect("are not made without a span of the caller, under one that is not sampled, or with tracing off", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis } = yield* client
        const all = Effect.all([
          redis.get(key),
          redis.pipeline([Strings.get(key), Strings.get(key)]),
          redis.transaction([Strings.get(key)]),
          redis.on("primaries").ping(),
          redis.blpop([key], "10 millis"),
          Effect.scoped(Effect.flatMap(redis.dedicated(key), (own) => own.get(key)))
        ], { discard: true })
        const { spans, tracer } = collector()
        yield* Effect.provideService(all, Tracer.Tracer, tracer)
        assert.strictEqual(spans.length, 0)
        const { commands } = yield* spansOf(all, { sampled: false })
        assert.strictEqual(commands.length, 0)
        const disabled = yield* spansOf(Effect.provideService(all, References.TracerEnabled, false))
        assert.strictEqual(disabled.commands.length, 0)
      })))

    it.effect("are one for a pipeline, a transaction, a command on many nodes, with the size of the batch", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis } = yield* client
        const named = (self: Effect.Effect<unknown, unknown>) =>
          Effect.map(
            spansOf(self),
            ({ commands }) => commands.map((span) => [span.name, span.attributes.get("db.operation.batch.size")])
          )
        const batch = [Strings.get(key), Strings.get("other")]
        assert.deepStrictEqual(yield* named(redis.pipeline(batch)), [["PIPELINE GET", 2]])
        assert.deepStrictEqual(yield* named(redis.pipelineResults([...batch, Strings.set(key, "1")])), [[
          "PIPELINE",
          3
        ]])
        assert.deepStrictEqual(yield* named(redis.transaction([Strings.set(key, "1"), Strings.get(key)])), [[
          "MULTI",
          2
        ]])
        assert.deepStrictEqual(yield* named(redis.on("primaries").ping()), [["PING", undefined]])
        assert.deepStrictEqual(yield* named(redis.dbsize()), [["DBSIZE", undefined]])
        assert.deepStrictEqual(yield* named(redis.blpop(["nothing"], "10 millis")), [["BLPOP", undefined]])
      })))

    it.effect("of commands that fail have the reason, and the code of the server", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis } = yield* client
        yield* redis.set(key, "text")
        const { commands: [span] } = yield* spansOf(redis.lpush(key, ["secret-value"]))
        assert(span.status._tag === "Ended" && Exit.isFailure(span.status.exit))
        assert.strictEqual(span.attributes.get("error.type"), "ReplyError")
        assert.strictEqual(span.attributes.get("db.response.status_code"), "WRONGTYPE")
      })))

    it.effect("of a transaction that met a conflict say so, as the metrics do", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis, value } = yield* client
        const { commands } = yield* spansOf(
          redis.watch(
            key,
            (tx) =>
              Effect.andThen(redis.set(key, "changed"), tx.transaction([Strings.get(key), Strings.set(key, "mine")]))
          )
        )
        const spans = commands.filter(({ name }) => name === "MULTI")
        assert.deepStrictEqual(
          spans.map(({ attributes }) => [attributes.get("error.type"), attributes.get("db.response.status_code")]),
          [["ConflictError", undefined]]
        )
        assert.strictEqual(value("errors_total", { reason: "ConflictError" }), 1)
        assert.strictEqual(value("errors_total"), 1)
      })))

    it.effect("of commands that are interrupted end with them", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis } = yield* client
        const { commands: [span] } = yield* spansOf(Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(redis.blpop(["nothing"], "10 seconds"))
          yield* Effect.sleep(100)
          yield* Fiber.interrupt(fiber)
        }))
        assert(span.status._tag === "Ended" && Exit.hasInterrupts(span.status.exit))
      })))

    it.effect("tell of redirects as events, with where the command was and where it went", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, redis } = yield* client
        const owner = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find(({ id }) => id !== owner.id)
        assert(target !== undefined)
        yield* redis.del([key])
        yield* cluster.startMigration(slot, target)
        const asked = yield* spansOf(redis.get(key))
        yield* cluster.finishMigration(slot)
        const moved = yield* spansOf(redis.pipeline([Strings.get(key), Strings.get("other")]))
        yield* cluster.migrateSlot(slot, owner)
        const [event] = asked.commands[0].events
        assert.strictEqual(event[0], "redis.cluster.redirect")
        assert.deepStrictEqual(event[2], {
          "server.address": owner.host,
          "server.port": owner.port,
          "error.type": "ASK",
          "redis.cluster.attempt": 1,
          "redis.cluster.redirect.kind": "ask",
          "redis.cluster.redirect.target": `${target.host}:${target.port}`
        })
        assert.strictEqual(asked.commands[0].attributes.get("server.port"), target.port)
        assert.strictEqual(asked.commands[0].attributes.get("redis.cluster.redirects"), 1)
        assert.deepStrictEqual(
          moved.commands[0].events.map(([name, , attributes]) => [name, attributes["redis.cluster.redirect.kind"]]),
          [["redis.cluster.redirect", "moved"]]
        )
      })))

    it.effect("tell of what was lost and sent again, and why", () =>
      Effect.scoped(Effect.gen(function*() {
        const { cluster, redis } = yield* client
        const owner = yield* cluster.owner(slot)
        yield* redis.get(key)
        const { commands: [span], exit } = yield* spansOf(
          Effect.gen(function*() {
            const fiber = yield* Effect.acquireUseRelease(
              cluster.stop(owner),
              () =>
                Effect.gen(function*() {
                  const fiber = yield* Effect.forkDetach(redis.get(key))
                  yield* Effect.sleep(100)
                  return fiber
                }),
              () => Effect.andThen(Effect.orDie(cluster.kill(owner)), Effect.orDie(cluster.restart(owner)))
            )
            yield* Fiber.join(fiber)
          })
        )
        assert.isTrue(Exit.isSuccess(exit))
        assert.isAtLeast(Number(span.attributes.get("redis.cluster.attempts")), 2)
        const [name, , attributes] = span.events[0]
        assert.strictEqual(name, "redis.cluster.retry")
        assert.strictEqual(attributes["redis.cluster.retry.kind"], "wait")
        assert.strictEqual(attributes["error.type"], "connection")
        yield* cluster.awaitOk
      })))

    it.effect("of a lock, a watch and a scan are the parents of those of their commands, and the client's own questions have none", () =>
      Effect.scoped(Effect.gen(function*() {
        const { redis } = yield* client
        const { commands } = yield* spansOf(
          Effect.gen(function*() {
            yield* redis.get(key).pipe(Lock.withLock("tracing:lock", { ttl: "5 seconds", fencing: true }))
            yield* redis.watch(key, (tx) => tx.transaction([Strings.set(key, "v")]))
            yield* Stream.runDrain(redis.scanStream())
            yield* CacheAside.make({
              value: Value.make({ key: () => "tracing:aside", schema: Schema.Finite }),
              timeToLive: "1 minute",
              load: () => redis.strlen(key)
            }).get()
          }).pipe(Effect.provideService(ClusterClient, redis))
        )
        const below = (name: string) => {
          const parent = commands.find((span) => span.name === name)
          return commands.filter((span) => Option.getOrUndefined(span.parent)?.spanId === parent?.spanId)
            .map((span) => span.name)
        }
        assert.include(below("redis.lock"), "GET")
        assert.include(below("redis.watch"), "MULTI SET")
        assert.deepStrictEqual(new Set(below("redis.scan")), new Set(["SCAN"]))
        assert.deepStrictEqual(below("redis.aside.load"), ["SET", "STRLEN", "EVALSHA"])
        assert.notInclude(commands.map(({ name }) => name), "CLUSTER NODES")
        const lock = commands.find(({ name }) => name === "redis.lock")?.attributes
        assert.isTrue(lock?.get("redis.lock.acquired"))
        assert.isNumber(lock?.get("redis.lock.waited"))
        assert.isNumber(lock?.get("redis.lock.fence"))
      })))

    it.effect("and logs and metrics hold no keys, values or passwords", () =>
      Effect.scoped(Effect.gen(function*() {
        const { lines, redis, snapshots } = yield* client
        const { spans } = yield* spansOf(
          Effect.gen(function*() {
            yield* redis.set(key, "secret-value")
            yield* redis.pipeline([Strings.set(key, "secret-value"), Strings.get(key)])
            yield* redis.transaction([Strings.set(key, "secret-value")])
            yield* Effect.ignore(redis.lpush(key, ["secret-value"]))
            yield* Effect.ignore(redis.send("NOSUCH", key, "secret-value"))
          })
        )
        const shown = JSON.stringify([
          spans.map((span) => [span.name, [...span.attributes], span.events.map(([name, , more]) => [name, more])]),
          lines,
          snapshots()
        ])
        // The question for the name that is unknown belongs to no caller.
        assert.isAtLeast(spans.length, 5)
        assert.notInclude(shown, "secret")
      })))
  })
})
