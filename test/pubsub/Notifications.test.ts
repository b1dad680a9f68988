import { assert, it, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as Keyspace from "../../src/pubsub/Keyspace.ts"
import * as Monitor from "../../src/pubsub/Monitor.ts"
import { Message } from "../../src/pubsub/SubscriptionEvent.ts"
import { addressOf, connect, tagWhere } from "../harness/Observed.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { collect } from "./support.ts"

const tags = [0, 1, 2].map((shard) => tagWhere((slot) => Math.floor(slot * 3 / 16384) === shard))
const node = new ClusterNode({ host: "127.0.0.1", port: 7000, id: "", role: "primary" })

describeOnEach("Keyspace notifications, on $name", (environment) => {
  layer(environment.layer({ replicas: 1, nodeTimeout: 1000, options: ["--cluster-require-full-coverage", "no"] }), {
    excludeTestServices: true
  })((it) => {
    it.effect("say what to set when the servers do not tell them", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const error = yield* Effect.flip(Stream.runDrain(redis.keyspaceNotifications({ events: ["expired"] })))
        assert.strictEqual(error.reason._tag, "OptionsError")
        assert.include(error.message, `CONFIG SET notify-keyspace-events "Ex"`)
        const both = yield* Effect.flip(Stream.runDrain(redis.keyspaceNotifications({ pattern: "a", prefix: "b" })))
        assert.strictEqual(both.reason._tag, "OptionsError")
        const none = yield* Effect.flip(Stream.runDrain(redis.keyspaceNotifications({ events: [] })))
        assert.strictEqual(none.reason._tag, "OptionsError")
      }))

    it.effect("are events and nothing else, also when a full buffer has dropped some", () =>
      Effect.gen(function*() {
        const { seeds } = yield* RedisCluster
        const redis = yield* connect({ nodes: seeds })
        const first = yield* Deferred.make<void>()
        const flooded = yield* Deferred.make<void>()
        const got: Array<{ readonly _tag: string; readonly key: string }> = []
        const options = { prefix: "full:", configure: true, bufferSize: 5, strategy: "sliding" } as const
        const beside = yield* collect(redis.keyspaceNotifications({ prefix: "full:", configure: true }))
        yield* redis.keyspaceNotifications(options).pipe(
          Stream.runForEach((event) =>
            Effect.gen(function*() {
              got.push(event)
              yield* Deferred.succeed(first, undefined)
              yield* Deferred.await(flooded)
            })
          ),
          Effect.forkScoped
        )
        const key = `full:{${tags[0]}}`
        yield* Effect.raceFirst(
          Deferred.await(first),
          Effect.forever(Effect.andThen(redis.set(key, "x"), Effect.sleep(20)))
        )
        yield* redis.pipeline(Array.from({ length: 500 }, () => redis.set(key, "x")))
        yield* until("the flood", () => beside.values.length >= 500)
        yield* Deferred.succeed(flooded, undefined)
        yield* redis.set(`${key}:last`, "x")
        yield* until("the last", () => got.some((event) => event.key.endsWith(":last")))
        assert.deepStrictEqual([...new Set(got.map(({ _tag }) => _tag))], ["KeyspaceEvent"])
        assert.isBelow(got.length, 500)
      }))

    it.effect("come from every primary, as typed events, and follow a failover", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* connect({ nodes: cluster.seeds })
        const all = yield* collect(redis.keyspaceEvents({ prefix: "watch[1]:", configure: true }))
        const some = yield* collect(redis.keyspaceNotifications({ events: ["del", "expired"], configure: true }))
        yield* until("live", () => all.values.length === 1)
        yield* eventually("live", Effect.map(redis.pubsubNumpat(), (patterns) => patterns === 3))
        yield* eventually(
          "live",
          Effect.map(redis.on("primaries").pubsubNumsub("__keyevent@0__:del"), (nodes) =>
            [...nodes.values()].every((counts) => counts["__keyevent@0__:del"] === 1))
        )
        for (const tag of tags) {
          yield* redis.set(`watch[1]:{${tag}}`, "x")
          yield* redis.set(`watch1:{${tag}}`, "x")
          yield* redis.del([`watch[1]:{${tag}}`])
        }
        yield* redis.set("watch[1]:short", "x", { expire: "20 millis" })
        yield* until("expired", () =>
          some.values.some(({ event }) => event === "expired"))
        yield* until("all", () => all.values.length >= 1 + 6 + 3)
        const events = all.values.filter((event) => event._tag === "KeyspaceEvent")
        for (const tag of tags) {
          const own = events.filter(({ key }) => key === `watch[1]:{${tag}}`)
          assert.deepStrictEqual(own.map(({ event }) => event), ["set", "del"])
        }
        assert.strictEqual(new Set(events.slice(0, 6).map(({ node }) => node.address)).size, 3)
        assert.isFalse(events.some(({ key }) => key.startsWith("watch1")))
        assert.deepStrictEqual(
          some.values.filter(({ key }) => key === "watch[1]:short").map(({ event }) => event),
          ["expired"]
        )

        const [victim] = cluster.nodes
        const [replica] = yield* cluster.replicasOf(victim)
        yield* cluster.kill(victim)
        yield* until("a gap", () => all.values.some(({ _tag }) => _tag === "Gap"))
        yield* redis.set(`watch[1]:{${tags[0]}}:after`, "x")
        yield* until("the event of the promoted one", () =>
          all.values.some((event) =>
            event._tag === "KeyspaceEvent" && event.key.endsWith(":after") && event.node.address === addressOf(replica)
          ))
      }))
  })

  it("of a name that is unknown have to say its letter: nobody waits for an event that no server tells", () => {
    const problem = Keyspace.plan({ events: ["del", "delslot"] })
    assert(typeof problem === "string")
    assert.include(problem, `"delslot"`)
    assert.include(problem, "give the letter")
    assert.notStrictEqual(typeof Keyspace.plan({ events: ["del", "delslot"], classes: "g" }), "string")
    assert.strictEqual(typeof Keyspace.plan({ classes: "g x" }), "string")
  })

  it("ask for the flags that the events need", () => {
    const missing = (flags: string, options: Keyspace.KeyspaceOptions) => {
      const plan = Keyspace.plan(options)
      assert(typeof plan !== "string")
      return Keyspace.missing(flags, plan)
    }
    assert.strictEqual(missing("", {}), "EA")
    assert.strictEqual(missing("AKE", {}), "")
    assert.strictEqual(missing("xE", {}), "")
    assert.strictEqual(missing("xK", {}), "E")
    assert.strictEqual(missing("xE", { events: ["expired", "set"] }), "$")
    assert.strictEqual(missing("AE", { events: ["keymiss", "lpush"] }), "m")
    assert.strictEqual(missing("gE", { events: ["json.set"], classes: "d" }), "d")
    assert.strictEqual(missing("xE", { configure: true }), "A")
    assert.strictEqual(missing("g$lshzxetdE", { configure: true }), "")
    // A does not hold the classes of Redis 8.2.
    assert.strictEqual(missing("AE", { events: ["overwritten", "type_changed"] }), "oc")
    assert.strictEqual(missing("AE", { prefix: "a", events: ["set"] }), "K")
  })
})

describeOnEach("MONITOR, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect.runIf(environment.isReal)(
      "shows what a node executes, without its own signs of life, and fails when the connection is lost",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const redis = yield* connect({ nodes: cluster.seeds, pingAfter: "50 millis", refreshInterval: "Infinity" })
          const key = `{${tags[1]}}:monitored`
          const owner = cluster.nodes[1]
          const got = yield* collect(redis.monitor(owner))
          yield* eventually(
            "the command",
            Effect.gen(function*() {
              yield* redis.set(key, `a "quoted"\n\u00e9 value`)
              return got.values.some(({ command }) => command[0] === "SET")
            })
          )
          const entry = got.values.find(({ command }) => command[0] === "SET")
          assert(entry !== undefined)
          assert.deepStrictEqual(entry.command.slice(1), [key, `a "quoted"\n\u00c3\u00a9 value`])
          assert.isBelow(Math.abs(entry.time - Date.now()), 60_000)
          assert.strictEqual(entry.database, 0)
          assert.match(entry.client, /^127\.0\.0\.1:\d+$/)
          yield* Effect.sleep(300)
          // The shared connection of a client that is kept waiting sends a PING of its own.
          const pings = got.values.filter(({ command }) => command[0] === "PING")
          assert.isTrue(pings.every(({ client }) => client === entry.client))
          yield* cluster.command(owner, "CLIENT", "KILL", "TYPE", "normal")
          yield* cluster.command(owner, "CLIENT", "KILL", "TYPE", "replica").pipe(Effect.ignore)
          yield* until("the failure", () => got.error !== undefined)
          assert.strictEqual(got.error?.reason._tag, "ConnectionError")
        })
    )

    for (const strategy of ["suspend", "sliding", "dropping", "fail"] as const) {
      it.effect.runIf(environment.isReal)(
        `does with commands beyond its buffer what "${strategy}" says`,
        () =>
          Effect.gen(function*() {
            const cluster = yield* RedisCluster
            const redis = yield* connect({ nodes: cluster.seeds, refreshInterval: "Infinity" })
            const key = `{${tags[1]}}:beyond`
            const gate = yield* Deferred.make<void>()
            let begun = false
            const numbers: Array<number> = []
            const reading = yield* redis.monitor(cluster.nodes[1], { bufferSize: 10, strategy }).pipe(
              Stream.filter(({ command }) => command[0] === "SET"),
              Stream.runForEach(({ command }) => {
                begun = true
                return Effect.map(Deferred.await(gate), () => void numbers.push(Number(command[2])))
              }),
              Effect.forkChild
            )
            yield* eventually("the stream is live", Effect.map(redis.set(key, "0"), () => begun))
            const written = range(500).map((i) => i + 1)
            yield* redis.pipeline(written.map((i) => Strings.set(key, String(i))))
            yield* Deferred.succeed(gate, undefined)
            if (strategy === "fail") {
              const error = yield* Effect.flip(Fiber.join(reading))
              assert.strictEqual(error.reason._tag, "OverloadedError")
              assert.isBelow(numbers.length, 500)
            } else {
              // A later command finds room again.
              yield* eventually(
                "the next command",
                Effect.map(redis.set(key, "501"), () => numbers.includes(501))
              )
              yield* Fiber.interrupt(reading)
              const seen = numbers.filter((number) => number > 0 && number <= 500)
              assert.deepStrictEqual(seen, seen.toSorted((a, b) => a - b))
              if (strategy === "suspend") assert.deepStrictEqual(seen, written)
              else assert.isBelow(seen.length, 500)
              if (strategy === "sliding") assert.strictEqual(seen.at(-1), 500)
            }
          })
      )
    }
  })

  it("reads what the server writes", () => {
    const read = (line: string) => Monitor.read(new Message("MONITOR", undefined, line, node))
    assert.deepStrictEqual(read(`1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`)?.command, ["keys", "*"])
    assert.deepStrictEqual(read(`1.5 [0 [::1]:60866] "a\\x00\\"b\\\\" ""`), {
      time: 1500,
      database: 0,
      client: "[::1]:60866",
      command: ["a\0\"b\\", ""],
      node
    })
    assert.deepStrictEqual(read(`1.5 [0 lua] "set" "a" "a \\"q\\" \\"b" "c"`)?.command, ["set", "a", `a "q" "b`, "c"])
    // Valkey 8.1
    assert.deepStrictEqual(read(`1.5 [0 lua] "set" "a "q"\\n" "c"`)?.command, ["set", `a "q"\n`, "c"])
    assert.strictEqual(read(`1.5 [3 lua] "get" "k"`)?.client, "lua")
    assert.strictEqual(read(`1.5 [3 unix:/a[0]] "get" "k"`)?.client, "unix:/a[0]")
    assert.isUndefined(read("OK"))
  })
})
