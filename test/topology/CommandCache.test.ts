import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { spawnSync } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as CommandCache from "../../src/client/CommandCache.ts"
import type { Command } from "../../src/commands/Command.ts"
import { ClusterClient } from "../../src/index.ts"
import { exception, type RedisClusterException, ReplyError } from "../../src/RedisClusterException.ts"
import { calls } from "../harness/Observed.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"

/** A router that answers COMMAND with these commands, and counts how often it is asked. */
const fake = (names: Array<string>) => {
  const state = { asked: 0, refuse: false }
  const execute = <A>(command: Command<A>): Effect.Effect<A, RedisClusterException> =>
    Effect.suspend(() => {
      state.asked++
      if (state.refuse) {
        const reason = { message: "NOPERM no permissions", code: "NOPERM", outcome: "NotExecuted" } as const
        return Effect.delay(Effect.fail(exception(() => new ReplyError(reason))), 10)
      }
      const reply = names.map((name) => [name, -2, ["readonly"], 1, 1, 1, [], [], [], []])
      return Effect.delay(Effect.succeed(command.decode(reply) as A), 10)
    })
  return { state, execute, primaries: Effect.succeed([]), onNode: execute, names }
}

const find = (cache: CommandCache.CommandCache, name: string, ...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.result(cache.find(name, args)))
    yield* TestClock.adjust(20)
    return yield* Fiber.join(fiber)
  })

describe("The commands cache", () => {
  it.effect("asks the servers once, for the first command that is sent by name", () =>
    Effect.gen(function*() {
      const server = fake(["mod.get"])
      const cache = yield* CommandCache.make(server)
      assert.strictEqual(server.state.asked, 0)
      const found = yield* find(cache, "MOD.GET", "k")
      assert.isTrue(Result.isSuccess(found) && found.success.spec.keys === 0)
      for (const name of ["mod.get", "GET", "Mod.Get", "CONFIG"]) {
        assert.isTrue(Result.isSuccess(yield* find(cache, name, "GET")), name)
      }
      assert.strictEqual(server.state.asked, 1)
    }))

  it.effect("looks once more when a command is unknown, and finds what was loaded meanwhile", () =>
    Effect.gen(function*() {
      const server = fake([])
      const cache = yield* CommandCache.make(server)
      yield* find(cache, "GET", "k")
      yield* TestClock.adjust("1 minute")
      server.names.push("mod.new")
      assert.isTrue(Result.isSuccess(yield* find(cache, "MOD.NEW", "k")))
      assert.strictEqual(server.state.asked, 2)
    }))

  it.effect("asks once a second at most, however many commands are unknown", () =>
    Effect.gen(function*() {
      const server = fake([])
      const cache = yield* CommandCache.make(server)
      const flood = Effect.gen(function*() {
        const fibers = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 500 }), (_, i) => Effect.result(cache.find(`NO.SUCH${i}`, [])), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust(50)
        return yield* Fiber.join(fibers)
      })
      assert.isTrue((yield* flood).every(Result.isFailure))
      assert.strictEqual(server.state.asked, 1)
      assert.isTrue((yield* flood).every(Result.isFailure))
      assert.strictEqual(server.state.asked, 1)
      yield* TestClock.adjust("1 second")
      yield* flood
      assert.strictEqual(server.state.asked, 2)
    }))

  it.effect("says which name is unknown, and when the servers did not tell theirs", () =>
    Effect.gen(function*() {
      const server = fake([])
      const cache = yield* CommandCache.make(server)
      const message = (found: Result.Result<unknown, RedisClusterException>) =>
        Result.isFailure(found) ? found.failure.message : ""
      assert.include(message(yield* find(cache, "no.such", "secret")), "know the command NO.SUCH")
      assert.include(message(yield* find(cache, "CONFIG", "secret")), "know this subcommand of CONFIG")
      assert.notInclude(message(yield* find(cache, "CONFIG", "secret")), "secret")
      server.state.refuse = true
      yield* TestClock.adjust("1 minute")
      assert.include(message(yield* find(cache, "no.such")), "refused to describe their commands: NOPERM")
    }))

  it.effect("keeps what it knows when the servers cannot be asked again", () =>
    Effect.gen(function*() {
      const server = fake(["mod.get"])
      const cache = yield* CommandCache.make(server)
      yield* find(cache, "MOD.GET", "k")
      server.state.refuse = true
      yield* TestClock.adjust("1 minute")
      yield* find(cache, "NO.SUCH")
      assert.isTrue(Result.isSuccess(yield* find(cache, "MOD.GET", "k")))
    }))
})

/** The module of module.c; `undefined` without a C compiler. */
const compiled = (() => {
  const target = join(mkdtempSync(join(tmpdir(), "redis-module-")), "mod.so")
  const source = fileURLToPath(new URL("module.c", import.meta.url))
  const { status } = spawnSync("cc", ["-shared", "-fPIC", "-w", "-o", target, source])
  return status === 0 ? target : undefined
})()

const client = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ primaries: 3, options: ["--enable-module-command", "yes"] })))

/** A key of each third of the slots. */
const keys = ["a", "b", "c"]

// Commands of a module need a module, and that needs a compiler; the tests above hold without.
describe.skipIf(compiled === undefined)("Commands that only the servers know", () => {
  layer(client, { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("are found when their module was loaded after the table was, without another client", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const error = yield* Effect.flip(redis.send("MOD.ECHO", "a"))
        assert.include(error.message, "neither the servers nor this library know the command MOD.ECHO")
        for (const node of cluster.nodes) yield* cluster.command(node, "MODULE", "LOAD", compiled ?? "")
        yield* Effect.sleep(1100)
        assert.strictEqual(yield* redis.send("MOD.ECHO", "a"), "a")
      }))

    it.effect("are routed by their key specs, without a question to the servers for each call", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* ClusterClient
        yield* redis.configResetstat()
        for (const key of keys) {
          assert.strictEqual(yield* redis.send("MOD.ECHO", key), key)
          assert.strictEqual(yield* redis.send("mod.echo", key, "2"), "2")
          assert.strictEqual(yield* redis.send("MOD.MANY", "2", `{${key}}1`, `{${key}}2`, "value"), "value")
        }
        assert.strictEqual(new Set(yield* Effect.forEach(keys, redis.ownerOf)).size, 3)
        assert.strictEqual(yield* calls(cluster, "command"), 0)
        const errors = yield* redis.on("primaries").info("errorstats")
        for (const { errorstats } of errors.values()) assert.notProperty(errorstats, "MOVED")
      }))

    it.effect("are refused when the keys that their key specs find are of several slots", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const error = yield* Effect.flip(redis.send("MOD.MANY", "2", "a", "b", "value"))
        assert.strictEqual(error.reason._tag, "CrossSlotError")
      }))

    it.effect("are refused clearly when the servers do not know them either, after one look at the most", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* ClusterClient
        yield* redis.configResetstat()
        const before = performance.now()
        const errors = yield* Effect.forEach(
          Array.from({ length: 300 }),
          (_, i) => Effect.flip(redis.send(`NO.SUCH${i % 50}`)),
          { concurrency: "unbounded" }
        )
        assert.isTrue(errors.every(({ reason }) => reason._tag === "OptionsError" && reason.outcome === "NotExecuted"))
        assert.include(errors[7].message, "neither the servers nor this library know the command NO.SUCH7")
        // The servers are asked once a second at most.
        assert.isAtMost(yield* calls(cluster, "command"), 1 + Math.floor((performance.now() - before) / 1000))
      }))
  })
})

const restricted = Effect.fnUntraced(function*(cluster: RedisClusterShape) {
  for (const node of cluster.nodes) {
    yield* cluster.command(node, "ACL", "SETUSER", "poor", "on", ">secret", "~*", "+@all", "-command")
  }
  return ClusterClient.layer({ nodes: cluster.seeds, username: "poor", password: Redacted.make("secret") })
})

describe("A user without the right to COMMAND", () => {
  layer(
    Layer.unwrap(Effect.flatMap(Effect.service(RedisCluster), restricted)).pipe(
      Layer.provideMerge(RedisCluster.layer({ primaries: 3 }))
    ),
    { timeout: "30 seconds" }
  )((it) => {
    it.effect("works from the embedded table", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const refusal = yield* Effect.flip(
          redis.execute((yield* Effect.promise(() => import("../../src/index.ts"))).Server
            .commandCount())
        )
        assert.include(refusal.message, "NOPERM")
        for (const key of keys) {
          yield* redis.send("SET", key, "v")
          assert.strictEqual(yield* redis.send("GET", key), "v")
          assert.strictEqual(yield* redis.send("ZUNION", "2", `{${key}}1`, `{${key}}2`).pipe(Effect.map(String)), "")
        }
        assert.strictEqual(yield* redis.send("DBSIZE"), 3)
        const error = yield* Effect.flip(redis.send("NO.SUCH"))
        assert.include(error.message, "the servers refused to describe their commands: ")
        assert.include(error.message, "NOPERM")
      }))
  })
})
