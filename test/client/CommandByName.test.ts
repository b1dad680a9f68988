/**
 * Commands by name: values that find their way when they run.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Command from "../../src/commands/Command.ts"
import { Lists } from "../../src/commands/Lists.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { ClusterClient } from "../../src/index.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { Response, TestCluster } from "../../src/testing/index.ts"
import { connect, errorReplies } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"

const reasonOf = (self: Effect.Effect<unknown, RedisClusterException>) => Effect.map(Effect.flip(self), (e) => e.reason)

const get = (key: string) => Command.named("GET", key).pipe(Command.schema(Schema.NullOr(Schema.String)))
const incr = (key: string) => Command.named("incr", key).pipe(Command.schema(Schema.Int))
const User = Schema.fromJsonString(Schema.Struct({ name: Schema.String }))

describeOnEach("A command by name, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    const client = Effect.gen(function*() {
      const cluster = yield* RedisCluster
      return { cluster, redis: yield* connect({ nodes: cluster.seeds }) }
    })

    it.effect("goes to the node of its keys, alone, bound, in pipelines, in their streams and in transactions", () =>
      Effect.gen(function*() {
        const { cluster, redis } = yield* client
        const keys = range(20).map((i) => `name:${i}`)
        for (const key of keys) assert.strictEqual(yield* redis.execute(Command.named("SET", key, key)), "OK")
        assert.deepStrictEqual(yield* redis.pipeline(keys.map(get)), keys)
        assert.deepStrictEqual(yield* redis.pipeline({ a: get("name:1"), b: redis.get("name:2") }), {
          a: "name:1",
          b: "name:2"
        })
        assert.deepStrictEqual(yield* Stream.runCollect(redis.pipelineStream(keys.map(get))), keys)
        assert.deepStrictEqual(yield* redis.transaction([incr("{n}a"), incr("{n}a"), Strings.get("{n}a")]), [1, 2, "2"])
        assert.strictEqual(yield* redis.send("GET", "name:3"), "name:3")
        assert.strictEqual((yield* reasonOf(redis.transaction([incr("{n}a"), incr("{m}a")])))._tag, "CrossSlotError")
        assert.strictEqual(yield* errorReplies(cluster, "MOVED"), 0)
      }))

    it.effect("runs on nodes, targets, dedicated connections and in watch", () =>
      Effect.gen(function*() {
        const { redis } = yield* client
        yield* redis.set("{w}a", "1")
        const node = yield* redis.node((yield* redis.ownerOf("{w}a")) ?? (yield* redis.defaultNode))
        assert.strictEqual(yield* node.execute(get("{w}a")), "1")
        assert.deepStrictEqual(yield* node.pipeline([get("{w}a"), get("{w}b")]), ["1", null])
        const sizes = yield* redis.on("primaries").execute(Command.named("DBSIZE").pipe(Command.schema(Schema.Int)))
        assert.deepStrictEqual(
          [...sizes.values()].reduce((sum, size) => sum + size, 0),
          yield* redis.execute(Command.named("DBSIZE").pipe(Command.schema(Schema.Int)))
        )
        const targets = yield* redis.on("primaries").pipeline([Command.named("DBSIZE"), Command.named("PING")])
        assert.deepStrictEqual([...targets.values()].map(([, pong]) => pong), ["PONG", "PONG", "PONG"])
        const own = yield* Effect.scoped(Effect.flatMap(redis.dedicated("{w}"), (own) => own.execute(get("{w}a"))))
        assert.strictEqual(own, "1")
        yield* redis.watch("{w}a", (tx) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* tx.execute(get("{w}a")), "1")
            assert.deepStrictEqual(yield* tx.transaction([incr("{w}a")]), [2])
          }))
      }))

    it.effect("has schema, map, bytes, deadline and idempotence, which stay when its name is looked up", () =>
      Effect.gen(function*() {
        const { redis } = yield* client
        yield* redis.set("user:7", `{"name":"ada"}`)
        assert.deepStrictEqual(yield* redis.send("GET", "user:7").pipe(Command.schema(Schema.NullOr(User))), {
          name: "ada"
        })
        const refused = yield* reasonOf(redis.send("STRLEN", "user:7").pipe(Command.schema(Schema.NullOr(User))))
        assert.strictEqual(refused._tag, "DecodeError")
        const bytes = yield* redis.send("GET", "user:7").pipe(Command.bytes)
        assert.isTrue(bytes instanceof Uint8Array)
        const seen: Array<Command.Command<unknown>> = []
        const watched = redis.mapCommand((command) => {
          seen.push(command)
          return command
        })
        yield* watched.send("SET", "k", "1").pipe(Command.timeout("20 seconds"), Command.idempotent)
        const [{ keys, settings, spec }] = seen
        assert.deepStrictEqual(keys, ["k"])
        assert.deepStrictEqual([settings.timeout, settings.idempotent, spec.readonly], [20_000, true, false])
        const wrong = yield* reasonOf(redis.send("GET", "k").pipe(Command.timeout(-1)))
        assert.strictEqual(wrong._tag, "OptionsError")
        assert.include(wrong.message, "timeout of GET")
      }))

    it.effect("with two words in its name takes them as one name or as two, and answers by policy", () =>
      Effect.gen(function*() {
        const { redis } = yield* client
        yield* redis.set("{o}", "1")
        for (const command of [redis.send("OBJECT ENCODING", "{o}"), redis.send("object", "encoding", "{o}")]) {
          assert.strictEqual(yield* command, "int")
        }
        const infos = yield* redis.send("INFO", "server")
        assert.deepStrictEqual(
          [...infos.keys()].map(({ address }) => address).toSorted(),
          (yield* redis.primaries).map(({ address }) => address).toSorted()
        )
        assert.strictEqual((yield* redis.execute(Command.named("INFO", "server"))).size, infos.size)
      }))

    it.effect("passes mapKeys and mapCommand with its keys, which are found after the look-up", () =>
      Effect.gen(function*() {
        const { redis } = yield* client
        const inA = Command.mapKeys((key) => `a:${key}`)
        const inB = Command.mapKeys((key) => `b:${key}`)
        yield* redis.send("SET", "k", "v").pipe(inA, inB)
        assert.strictEqual(yield* redis.get("b:a:k"), "v")
        const seen: Array<ReadonlyArray<string>> = []
        const audited = redis.mapCommand((command) => {
          seen.push(command.keys)
          return inB(command)
        })
        yield* audited.send("SET", "m", "v")
        yield* audited.pipeline([get("m"), Strings.get("m")])
        assert.deepStrictEqual(seen, [["m"], ["m"], ["m"]])
        assert.strictEqual(yield* redis.get("b:m"), "v")
      }))

    it.effect("that nobody knows is refused before anything is sent, alone and beside others", () =>
      Effect.gen(function*() {
        const { redis } = yield* client
        yield* redis.set("{u}", "1")
        const unknown = Command.named("NO.SUCH", "{u}", "secret")
        const reason = yield* reasonOf(redis.execute(unknown))
        assert.strictEqual(reason._tag, "OptionsError")
        assert.include(reason.message, "neither the servers nor this library know the command NO.SUCH")
        const failed = yield* Effect.flip(redis.pipeline([incr("{u}"), unknown]))
        assert.deepStrictEqual([failed.reason._tag, failed.root._tag, failed.outcome], [
          "PipelineError",
          "OptionsError",
          "NotExecuted"
        ])
        const results = yield* redis.pipelineResults([get("{u}"), unknown])
        assert.deepStrictEqual(results.map(({ _tag }) => _tag), ["Success", "Failure"])
        assert.strictEqual((yield* Effect.flip(redis.transaction([incr("{u}"), unknown]))).outcome, "NotExecuted")
        assert.strictEqual(yield* redis.get("{u}"), "1")
      }))
  })
})

describe("A command by name", () => {
  it("shows its name and no arguments", () => {
    const command = Command.named("JSON.SET", "k", "$", Redacted.make("secret"))
    assert.strictEqual(String(command), "JSON.SET")
    assert.notInclude(JSON.stringify(command), "secret")
  })

  it("that answers by node according to its type does so according to the table", () => {
    const table = CommandTable.embedded()
    const named = [...table.entries.keys()].filter((name) => {
      const [first, ...rest] = name.split(" ")
      const spec = CommandTable.lookup(table, first, rest)?.spec
      return spec?.response === "perNode" && (spec.request === "allShards" || spec.request === "allNodes")
    })
    const typed: Record<Command.AnsweringByNode, true> = {
      "ACL LOG": true,
      "FUNCTION STATS": true,
      INFO: true,
      "LATENCY DOCTOR": true,
      "LATENCY GRAPH": true,
      "LATENCY HISTOGRAM": true,
      "LATENCY HISTORY": true,
      "LATENCY LATEST": true,
      "MEMORY DOCTOR": true,
      "MEMORY MALLOC-STATS": true,
      "MEMORY STATS": true,
      "PUBSUB NUMSUB": true,
      "PUBSUB SHARDNUMSUB": true
    }
    assert.deepStrictEqual(named.toSorted(), Object.keys(typed).toSorted())
  })
})

/** A test cluster whose nodes know a command of a module, which answers `yes`, when they are asked for their commands. */
const withModule = Effect.fnUntraced(function*(answer: () => Response.Response | undefined = () => undefined) {
  const cluster = yield* TestCluster
  const redis = yield* ClusterClient
  yield* cluster.onCommand(
    "COMMAND",
    () => answer() ?? Response.reply([["my.push", -2, ["write"], 1, 1, 1, [], [], [], []]])
  )
  yield* cluster.onCommand("MY.PUSH", () => Response.reply("yes"))
  return { cluster, redis }
})

describe("A command by name whose name only the servers know", () => {
  for (const member of ["pipelineStream", "pipelineStreamResults"] as const) {
    it.live(`keeps the order of its slot in ${member}, however many batches run at a time`, () =>
      Effect.gen(function*() {
        const { cluster, redis } = yield* withModule()
        const sent: Array<string> = []
        for (const name of ["MY.PUSH", "RPUSH"]) {
          yield* cluster.onCommand(name, ({ args }) => {
            sent.push(String(args[1]))
            return Response.reply(1)
          })
        }
        const values = range(40).map(String)
        const commands: ReadonlyArray<Command.Command<unknown>> = values.map((value, i) =>
          i < 10 ? Command.named("MY.PUSH", "list", value) : Lists.rpush("list", [value])
        )
        yield* Stream.runDrain<unknown, RedisClusterException, never>(
          redis[member](commands, { batch: 10, concurrency: 4 })
        )
        assert.deepStrictEqual(sent, values)
      }).pipe(Effect.provide(TestCluster.layer())))
  }

  it.live("fails at its deadline, which counts the look-up: nothing was sent, and many waiting callers share one question", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const { redis } = yield* withModule(() => {
        asked.push("COMMAND")
        return Response.silence
      })
      const call = Command.named("MY.PUSH", "list", "1")
      const errors = yield* Effect.all([
        ...range(5).map(() => reasonOf(redis.execute(call.pipe(Command.timeout(20))))),
        reasonOf(redis.execute(call).pipe(redis.region({ timeout: 20 }))),
        reasonOf(redis.execute(call).pipe(Command.withTimeout(20))),
        Effect.map(Effect.flip(redis.pipeline([call.pipe(Command.timeout(20))])), ({ root }) => root)
      ], { concurrency: "unbounded" })
      for (const error of errors) {
        assert.deepStrictEqual([error._tag, error.outcome, "timeout" in error ? error.timeout : undefined], [
          "TimeoutError",
          "NotExecuted",
          20
        ])
      }
      // The question is one; after a while it goes to two more nodes.
      assert.isAtMost(asked.length, 3)
    }).pipe(Effect.provide(TestCluster.layer())))

  it.live("does not keep a command waiting whose name the table of the library knows", () =>
    Effect.gen(function*() {
      const { redis } = yield* withModule(() => Response.silence)
      // A node that is asked and does not answer holds back what comes behind the question.
      const asked = yield* redis.defaultNode
      const keys = yield* Effect.filter(range(50).map(String), (key) =>
        Effect.map(redis.ownerOf(key), (owner) => owner?.address !== asked.address))
      yield* redis.set(keys[0], "1")
      assert.strictEqual(yield* redis.send("GET", keys[0]).pipe(Command.timeout("5 seconds")), "1")
    }).pipe(Effect.provide(TestCluster.layer({ client: { commandTimeout: "1 minute" } }))))

  it.live("is found while one primary is stalled", () =>
    Effect.gen(function*() {
      const { cluster, redis } = yield* withModule()
      const node = yield* redis.defaultNode
      const other = (yield* redis.primaries).find(({ address }) => address !== node.address)
      const keys = yield* Effect.filter(range(50).map(String), (key) =>
        Effect.map(redis.ownerOf(key), (owner) => owner?.address === other?.address))
      yield* cluster.stall(node.address)
      assert.strictEqual(yield* redis.send("MY.PUSH", keys[0], "1").pipe(Command.timeout("20 seconds")), "yes")
    }).pipe(Effect.provide(TestCluster.layer({ nodeTimeout: "1 minute" }))))

  it.live("fails with the reason of an outage, and not as bad input", () =>
    Effect.gen(function*() {
      const { redis } = yield* withModule(() => Response.error("CLUSTERDOWN The cluster is down"))
      const call = redis.send("MY.PUSH", "list", "1")
      const reason = yield* reasonOf(call)
      assert.notStrictEqual(reason._tag, "OptionsError")
      assert.deepStrictEqual([reason.outcome, reason.isRetryable], ["NotExecuted", true])
      yield* redis.set("list", "v")
      const [first, second] = yield* redis.pipelineResults([Strings.get("list"), call])
      assert.strictEqual(Result.getOrThrow(first), "v")
      assert.isTrue(
        Result.isFailure(second) && second.failure.reason._tag !== "OptionsError" && second.failure.isRetryable
      )
    }).pipe(Effect.provide(TestCluster.layer({ client: { commandTimeout: "300 millis" } }))))

  it.live("is not affected by the wrong region of the caller who asked first", () =>
    Effect.gen(function*() {
      const { redis } = yield* withModule()
      const call = redis.send("MY.PUSH", "list", "1")
      const reason = yield* reasonOf(call.pipe(redis.region({ timeout: -1 })))
      assert.strictEqual(reason._tag, "OptionsError")
      assert.include(reason.message, "region")
      assert.strictEqual(yield* call, "yes")
    }).pipe(Effect.provide(TestCluster.layer())))

  it.live("shows no word that may be an argument: neither in errors nor as text", () =>
    Effect.gen(function*() {
      const { redis } = yield* withModule()
      for (
        const [name, shown] of [
          ["AUTH hunter2", "AUTH"],
          ["config set requirepass hunter2", "CONFIG SET"],
          ["SET user:1 hunter2", "SET"],
          ["no.such hunter2", "NO.SUCH"],
          ["SET  hunter2", "SET"]
        ]
      ) {
        const command: Command.Command<unknown> = redis.send(name)
        const failed = yield* Effect.flip(command)
        assert.strictEqual(failed.reason._tag, "OptionsError")
        assert.strictEqual(failed.reason.command, shown)
        for (const text of [String(command), JSON.stringify(command), JSON.stringify(failed), failed.message]) {
          assert.notInclude(text.toLowerCase(), "hunter2")
        }
        if (!name.includes("  ")) assert.include(failed.message, `arguments are separate: send("SET", "user:1", "x")`)
      }
    }).pipe(Effect.provide(TestCluster.layer())))
})
