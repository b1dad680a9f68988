/**
 * The behaviour of the engine beyond random sequences, and the limits that its documentation names.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Fs from "node:fs"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import * as FunctionLibrary from "../../src/scripting/FunctionLibrary.ts"
import { supported } from "../../src/testing/engine/Commands.ts"
import { TestCluster, type TestLayerOptions } from "../../src/testing/index.ts"

const on = (options?: TestLayerOptions) => Effect.provide(TestCluster.layer(options))

const page = Fs.readFileSync(new URL("../../docs/testing-your-program.md", import.meta.url), "utf8")

/** The names in a line of the list of the page. */
const listed = (kind: string): ReadonlyArray<string> => {
  const text = page.slice(page.indexOf("Not implemented;")).split(/\n(?=- )/).find((item) =>
    item.startsWith(`- ${kind}:`)
  )
  return Array.from((text ?? "").matchAll(/`([^`]+)`/g), ([, name]) => name)
}

describe("What TestCluster does not do", () => {
  it("is every command that is known to the client and not to the engine, as the page lists them", () => {
    const names = [...CommandTable.embedded().entries.keys()].map((name) => name.split(" ")[0])
    const known = new Set(names.filter((name) => !name.includes(".")))
    const missing = [...known].filter((name) => !supported.includes(name)).toSorted()
    assert.deepStrictEqual(
      listed("commands").toSorted(),
      missing,
      "change docs/testing-your-program.md, or give the command to the engine in src/testing/engine/"
    )
  })

  it.effect("is answered with an error that says so", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const [node] = cluster.primaries
      yield* cluster.command(node, "XADD", "key", "*", "f", "v")
      assert.isAbove(listed("subcommands").length, 5)
      for (const name of [...listed("commands"), ...listed("subcommands")]) {
        const answer = yield* cluster.command(node, ...name.split(" "))
        assert(answer instanceof ServerError, name)
        assert.match(answer.message, /^ERR .* is not supported by TestCluster/, name)
      }
    }).pipe(on({ primaries: 1 })))
})

describe("A command of a module", () => {
  const ofModules = [...CommandTable.embedded().entries.keys()].filter((name) => name.includes("."))

  it.effect("that TestCluster does not have is refused by its name", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const missing = ofModules.filter((name) => !supported.includes(name))
      assert.sameMembers(missing.filter((name) => name.startsWith("JSON.")), ["JSON.DEBUG", "JSON.RESP"])
      for (const name of missing) {
        const answer = yield* cluster.command(cluster.primaries[0], name, "key")
        assert(answer instanceof ServerError, name)
        assert.match(answer.message, /^ERR .* is not supported by TestCluster/, name)
      }
    }).pipe(on({ primaries: 1 })))
})

describe("TestCluster", () => {
  it.effect("runs a function of a library as Lua, or as the function in its place, on the nodes that have the library", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      const library = FunctionLibrary.make({
        name: "counters",
        code: `redis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)`,
        functions: { add: { keys: ["counter"], args: { by: Schema.Int }, result: Schema.Int } }
      })
      const call = library.functions.add({ keys: { counter: "n" }, args: { by: 2 } })
      assert.strictEqual(yield* redis.execute(call), 2)
      yield* redis.del("n")
      yield* cluster.onFunction("add", ({ args: [by], call, keys: [counter] }) => call("INCRBY", counter, by))
      assert.strictEqual(yield* redis.execute(call), 2)
      const owner = yield* cluster.owner(yield* cluster.slotOf("n"))
      const [replica] = yield* cluster.replicasOf(owner)
      yield* cluster.failover(replica)
      // The replica has its primary's libraries.
      yield* cluster.clearReceived
      assert.strictEqual(yield* redis.execute(call), 4)
      assert.deepStrictEqual(yield* cluster.received({ name: "FUNCTION" }), [])
    }).pipe(on({ replicas: 1 })))

  it.effect("lets a user do what it may", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      for (const node of cluster.nodes) {
        yield* cluster.command(node, "ACL", "SETUSER", "ada", "on", ">secret", "~mine:*", "+@all", "-incr")
      }
      yield* Effect.gen(function*() {
        const redis = yield* ClusterClient
        assert.strictEqual(yield* redis.set("mine:a", "1"), "OK")
        for (const refused of [Effect.asVoid(redis.get("other")), Effect.asVoid(redis.incr("mine:a"))]) {
          const { reason } = yield* Effect.flip(refused)
          assert(reason._tag === "ReplyError")
          assert.strictEqual(reason.code, "NOPERM")
        }
      }).pipe(Effect.provide(cluster.layerClient({ username: "ada", password: Redacted.make("secret") })))
    }).pipe(Effect.provide(TestCluster.layerCluster())))

  it.effect("holds writes back while it pauses, and reads not", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      yield* redis.get("key")
      yield* cluster.command(cluster.primaries[0], "CLIENT", "PAUSE", 1000, "WRITE")
      const writing = yield* Effect.forkChild(redis.set("key", "1"))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(writing.pollUnsafe(), undefined)
      assert.strictEqual(yield* cluster.command(cluster.primaries[0], "GET", "key"), null)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(writing), "OK")
    }).pipe(on({ primaries: 1 })))

  it.effect("sets and deletes a string that has a value", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const ask = (...words: ReadonlyArray<string>) => cluster.command(cluster.primaries[0], ...words)
      assert.strictEqual(yield* ask("SET", "k", "1", "IFEQ", "0"), null)
      assert.strictEqual(yield* ask("SET", "k", "1", "IFNE", "0"), "OK")
      assert.strictEqual(yield* ask("SET", "k", "2", "IFEQ", "1", "GET"), "1")
      assert.strictEqual(yield* ask("SET", "k", "3", "IFNE", "2"), null)
      assert.strictEqual(yield* ask("DELEX", "k", "IFEQ", "3"), 0)
      assert.strictEqual(yield* ask("DELIFEQ", "k", "2"), 1)
      assert.strictEqual(yield* ask("GET", "k"), null)
    }).pipe(on({ primaries: 1 })))

  it.effect("restores what it has dumped, of every type, also elsewhere", () =>
    Effect.gen(function*() {
      const cluster = yield* TestCluster
      const other = yield* TestCluster.make({ primaries: 1 })
      const ask = (...words: ReadonlyArray<string>) => cluster.command(cluster.primaries[0], ...words)
      const there = (...words: ReadonlyArray<string>) => other.command(other.primaries[0], ...words)
      yield* ask("SET", "string", "v")
      yield* ask("RPUSH", "list", "a", "b")
      yield* ask("HSET", "hash", "f", "v")
      yield* ask("SADD", "set", "m")
      yield* ask("ZADD", "zset", "1.5", "m", "+inf", "n")
      const questions = [
        ["GET", "string"],
        ["LRANGE", "list", "0", "-1"],
        ["HGETALL", "hash"],
        ["SMEMBERS", "set"],
        ["ZRANGE", "zset", "0", "-1", "WITHSCORES"]
      ]
      for (const [name, key, ...rest] of questions) {
        const payload = String(yield* ask("DUMP", key))
        assert.strictEqual(yield* there("RESTORE", key, "0", payload), "OK")
        assert.deepStrictEqual(yield* there(name, key, ...rest), yield* ask(name, key, ...rest))
        const again = yield* there("RESTORE", key, "0", payload)
        assert(again instanceof ServerError && again.code === "BUSYKEY")
      }
      const foreign = yield* there("RESTORE", "x", "0", "nonsense")
      assert(foreign instanceof ServerError)
      assert.include(foreign.message, "payload version or checksum")
    }).pipe(Effect.scoped, on({ primaries: 1 })))

  it.effect("tells keyspace events on a replica when the change is there", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const cluster = yield* TestCluster
      const [replica] = cluster.replicas
      yield* cluster.command(replica, "CONFIG", "SET", "notify-keyspace-events", "KEA")
      let heard = ""
      const stream = cluster.stream(replica)
      stream.on("data", (chunk: Buffer) => (heard += chunk.toString()))
      stream.write("SUBSCRIBE __keyevent@0__:set\r\n")
      yield* redis.set("key", "v")
      yield* TestClock.adjust("99 millis")
      assert.notInclude(heard, "key\r\n")
      yield* TestClock.adjust("1 millis")
      assert.include(heard, "__keyevent@0__:set\r\n$3\r\nkey\r\n")
      stream.destroy()
    }).pipe(on({ primaries: 1, replicas: 1, replicationLag: "100 millis" })))

  it.live("leaves timers their turn while a program never pauses", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      let running = true
      // One command at a time is written at once, and not in a turn of its own.
      const caller = yield* Effect.forkChild(Effect.gen(function*() {
        while (running) yield* redis.incr("key")
      }))
      yield* Effect.sleep("10 millis")
      running = false
      yield* Fiber.join(caller)
    }).pipe(on()), 10_000)
})
