/**
 * The options about new connections and their commands: `onConnect`, `libName`, `logCommands`.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import { dial } from "../../src/connection/Dial.ts"
import type { LinkFailure } from "../../src/connection/Outgoing.ts"
import { isRedisClusterException } from "../../src/RedisClusterException.ts"
import { connect, connectionsNamed } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { observe } from "../observability/Observing.ts"
import * as ScriptedServer from "./ScriptedServer.ts"

/** Answers every command with its own words. */
const echo: ScriptedServer.Script = (args, peer) =>
  args[0] === "CLIENT" || args[0] === "HELLO" ? ScriptedServer.welcome(args, peer) : `+${args.join(" ")}\r\n`

const dialled = (
  server: ScriptedServer.ScriptedServer,
  options: Partial<ClusterOptions.ClusterOptions>
): Effect.Effect<void, LinkFailure | string> =>
  Effect.flatMap(
    Effect.fromResult(ClusterOptions.resolve({ ...options, nodes: [server.endpoint] })),
    (resolved) => dial(server.endpoint, resolved, { expectedId: "", readonly: false }, ({ stream }) => stream.destroy())
  )

const failureOf = (...args: Parameters<typeof dialled>): Effect.Effect<string, void> =>
  Effect.map(Effect.flip(dialled(...args)), (failure) => typeof failure === "string" ? failure : failure.message)

describe("A program's own commands on a new connection", () => {
  layer(RedisCluster.layer({ primaries: 3 }), { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("are executed on every connection: shared, dedicated, for subscriptions and for reads of replicas", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const endpoints = new Set<number>()
        const redis = yield* connect({
          nodes: cluster.seeds,
          onConnect: ({ port, send }) => {
            endpoints.add(port)
            return Effect.all([send("CLIENT SETNAME", `prepared-${port}`), send("CLIENT", "NO-EVICT", "ON")], {
              concurrency: "unbounded"
            })
          }
        })
        yield* redis.on("all").ping()
        const own = yield* redis.dedicated("key")
        assert.match(String(yield* own.clientGetname()), /^prepared-\d+$/)
        yield* redis.subscribeScoped("news")
        assert.strictEqual(endpoints.size, 3)
        let named = 0
        for (const port of endpoints) named += yield* connectionsNamed(cluster, `prepared-${port}`)
        assert.strictEqual(named, 5)
      })))
  })

  it.live("are answered in order, also when they are sent side by side", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const replies: Array<unknown> = []
      yield* dialled(server, {
        onConnect: ({ send }) =>
          Effect.map(
            Effect.all([send("ONE", 1), send("TWO", 2n), send("three four", "five")], { concurrency: "unbounded" }),
            (all) => replies.push(...all)
          )
      })
      assert.deepStrictEqual(replies, ["ONE 1", "TWO 2", "three four five"])
    }))

  it.live("are refused where they would change the replies of the connection, or what the client has to know of", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const refused = [
        ["MULTI"],
        ["SUBSCRIBE", "news"],
        ["client", "reply", "off"],
        ["CLIENT REPLY", "SKIP"],
        ["MONITOR"],
        ["SELECT", 0],
        ["AUTH", "secret"],
        ["READONLY"],
        ["CLIENT", "TRACKING", "ON"],
        ["HELLO", 2],
        ["BLPOP", "key", 0],
        ["WAIT", 1, 0],
        ["WATCH", "key"]
      ] as const
      const tags: Array<string> = []
      yield* dialled(server, {
        onConnect: ({ send }) =>
          Effect.forEach(
            refused,
            ([name, ...args]) => Effect.map(Effect.flip(send(name, ...args)), ({ reason }) => tags.push(reason._tag))
          )
      })
      assert.deepStrictEqual(tags, refused.map(() => "OptionsError"))
      const names = server.peers[0].commands.map(([name]) => name)
      assert.deepStrictEqual(names, ["HELLO", "CLIENT", "CLIENT"])
    }))

  it.live("fail with the server's error, and the connection is not used when the program does not go on", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        args[0] === "NO" ? `-ERR no such thing as ${args[1]}\r\n` : echo(args, peer)
      )
      const message = yield* failureOf(server, { onConnect: ({ send }) => send("NO", "secret-token") })
      assert.include(message, "onConnect failed: NO: ERR no such thing")
      assert.notInclude(message, "secret-token")
      let tag = ""
      yield* dialled(server, {
        onConnect: ({ send }) => Effect.catch(send("NO", "x"), ({ reason }) => Effect.sync(() => (tag = reason._tag)))
      })
      assert.strictEqual(tag, "ReplyError")
    }))

  it.live("fail under the name of a known subcommand, and never under an argument", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        /^(no-touch|secret)/.test(args[1]) ? `-ERR unknown subcommand '${args[1]}'\r\n` : echo(args, peer)
      )
      const known = yield* failureOf(server, { onConnect: ({ send }) => send("client", "no-touch", "on") })
      assert.include(known, "onConnect failed: CLIENT NO-TOUCH: ERR unknown subcommand")
      const unknown = yield* failureOf(server, { onConnect: ({ send }) => send("client", "secret-token") })
      assert.include(unknown, "onConnect failed: CLIENT: ERR unknown subcommand")
      assert.notInclude(unknown, "secret-token")
    }))

  it.live("never shift the replies: a connection on which one was given up is not used", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => args[0] === "SLOW" ? undefined : echo(args, peer))
      const message = yield* failureOf(server, {
        onConnect: ({ send }) => Effect.timeoutOption(send("SLOW"), "10 millis")
      })
      assert.include(message, "ended before the reply to a command was there")
      const forked = yield* failureOf(server, {
        onConnect: ({ send }) => Effect.forkDetach(send("SLOW"), { startImmediately: true })
      })
      assert.include(forked, "ended before the reply to a command was there")
    }))

  it.live("end with the function: nothing is sent afterwards", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const sender = yield* Deferred.make<ClusterOptions.NewConnection["send"]>()
      yield* dialled(server, { onConnect: ({ send }) => Deferred.succeed(sender, send) })
      const error = yield* Effect.flip((yield* Deferred.await(sender))("LATE"))
      assert.isTrue(isRedisClusterException(error))
      assert.strictEqual(error.reason._tag, "OptionsError")
    }))

  it.live("are told when the function gives no effect, as that of a program without types may", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const failure = yield* failureOf(server, { onConnect: () => Promise.resolve() as never })
      assert.strictEqual(failure, "onConnect failed: onConnect has to give an Effect")
    }))

  it.live("cannot hold a connection attempt beyond its time, also when they cannot be interrupted", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const onConnect = () => Effect.uninterruptible(Effect.never)
      const failure = yield* failureOf(server, { onConnect, connectTimeout: "100 millis" })
      assert.include(failure, "no connection within 100 ms")
    }))

  it.live("take text, bytes and numbers, and refuse anything else before it is sent", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const nothing: string = JSON.parse("{}").missing
      const failure = yield* failureOf(server, { onConnect: ({ send }) => send("CLIENT", "SETINFO", nothing) })
      assert.include(failure, "argument 2 is undefined")
    }))

  it.live("may throw, fail and die: the connection is not used, and nothing of the failure is told", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      const endings: ReadonlyArray<NonNullable<ClusterOptions.ClusterOptions["onConnect"]>> = [
        () => Effect.fail("a secret"),
        () => Effect.die("a secret"),
        () => {
          throw new Error("a secret")
        }
      ]
      for (const onConnect of endings) assert.strictEqual(yield* failureOf(server, { onConnect }), "onConnect failed")
    }))
})

describe("The name of what is built on the library", () => {
  it.live("stands behind that of the library", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(echo)
      yield* dialled(server, { libName: "jobs_v2" })
      assert.deepInclude(server.peers[0].commands, ["CLIENT", "SETINFO", "LIB-NAME", "effect-redis-cluster(jobs_v2)"])
      assert.include(yield* failureOf(server, { libName: "two words" }), "libName")
      assert.include(yield* failureOf(server, { libName: "a(b)" }), "libName")
    }))
})

describe("The log of commands", () => {
  layer(RedisCluster.layer({ primaries: 3 }), { timeout: "30 seconds", excludeTestServices: true })((it) => {
    it.effect("has the name of each command and the node that it is sent to, and no argument", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { lines, redis } = yield* observe({ nodes: cluster.seeds, logCommands: true })
        const address = String(yield* redis.ownerOf("user:1"))
        yield* redis.set("user:1", "ada")
        yield* redis.pipeline([redis.get("user:1"), redis.strlen("user:1")])
        yield* redis.transaction([redis.incr("{user:1}n")])
        const told = lines.filter(({ message }) => message.includes(" is sent to "))
        assert.deepStrictEqual(
          told.map(({ message }) => message),
          ["SET", "GET", "STRLEN", "MULTI", "INCR", "EXEC"].map((name) => `${name} is sent to ${address}`)
        )
        assert.isTrue(told.every(({ level }) => level === "Debug"))
        assert.isFalse(lines.some(({ message }) => message.includes("ada")))
      })))

    it.effect("is empty unless it was asked for", () =>
      Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { lines, redis } = yield* observe({ nodes: cluster.seeds })
        yield* redis.set("user:1", "ada")
        assert.isFalse(lines.some(({ message }) => message.includes(" is sent to ")))
      })))
  })
})
