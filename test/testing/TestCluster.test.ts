/**
 * The methods of a TestCluster for tests, and its time, which only the `TestClock` advances.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { entriesOf } from "../../src/commands/table/CommandReply.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { Connections } from "../../src/connection/Connections.ts"
import * as Lock from "../../src/Lock.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import { type Fault, Response, TestCluster, type TestLayerOptions } from "../../src/testing/index.ts"

const on = (options?: TestLayerOptions) => Effect.provide(TestCluster.layer(options))

/** The slot of a key, its owner, and another primary. */
const placeOf = Effect.fnUntraced(function*(key: string) {
  const cluster = yield* TestCluster
  const slot = yield* cluster.slotOf(key)
  const owner = yield* cluster.owner(slot)
  const target = cluster.primaries.filter((node) => node.id !== owner.id)[0]
  return { cluster, slot, owner, target }
})

describe("TestCluster", () => {
  describe("stands in for servers", () => {
    it.effect("answers the client", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("user:1", "ada")
        assert.strictEqual(yield* redis.get("user:1"), "ada")
        yield* redis.hset("h", { a: "1", b: "ü" })
        assert.deepStrictEqual(yield* redis.hgetall("h"), { a: "1", b: "ü" })
        assert.strictEqual(yield* redis.dbsize(), 2)
        assert.strictEqual(yield* redis.strlen("user:1"), 3)
      }).pipe(on()))

    it.effect("speaks RESP2 to a client that wants no more, and asks for the password", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster.make({ password: "secret" })
        const refused = yield* Effect.flip(Effect.scoped(Layer.build(cluster.layerClient())))
        assert.include(refused.message, "NOAUTH")
        const client = cluster.layerClient({ nodes: "redis://:secret@127.0.0.1:7000", protocol: 2 })
        yield* Effect.gen(function*() {
          const redis = yield* ClusterClient
          yield* redis.hset("h", { a: "1" })
          assert.deepStrictEqual(yield* redis.hgetall("h"), { a: "1" })
        }).pipe(Effect.provide(client))
      }))

    it.effect("takes the topology as data: slots, zones, host names", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const topology = yield* redis.topology
        assert.deepStrictEqual(topology.primaries.map((node) => node.address), ["a.test:7000", "b.test:7001"])
        assert.deepStrictEqual(topology.replicas.map((node) => [node.address, node.zone]), [["c.test:7002", "west"]])
        assert.strictEqual(topology.slots[0]?.primary.host, "a.test")
        assert.strictEqual(topology.slots[100]?.primary.host, "b.test")
        yield* redis.set("k", "v")
        assert.strictEqual(yield* redis.get("k"), "v")
      }).pipe(on({
        preferredEndpoint: "hostname",
        nodes: [
          { slots: [[0, 99]], hostname: "a.test", zone: "east" },
          { slots: [[100, 16383]], hostname: "b.test" },
          { replicaOf: 0, hostname: "c.test", zone: "west" }
        ]
      })))

    it.effect("refuses a topology that cannot be", () =>
      Effect.gen(function*() {
        for (
          const [options, message] of [
            [{ primaries: 0 }, "primaries has to be"],
            [{ nodes: [] }, "nodes is empty"],
            [{ nodes: [{ slots: [[0, 16384]] }] }, "nodes[0].slots"],
            [{ nodes: [{ slots: [[0, 5]] }, { slots: [[5, 9]] }] }, "nodes[1].slots overlaps"],
            [{ nodes: [{ replicaOf: 3 }] }, "nodes[0].replicaOf"]
          ] as const
        ) {
          const { reason } = yield* Effect.flip(TestCluster.make(options))
          assert.strictEqual(reason._tag, "OptionsError")
          assert.include(reason.message, message)
        }
      }))

    it.effect("says so when it does not know a command", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { reason } = yield* Effect.flip(redis.send("MOVE", "k", "1"))
        assert(reason._tag === "ReplyError")
        assert.strictEqual(reason.message.includes("ERR MOVE is not supported by TestCluster"), true)
      }).pipe(on()))

    it.effect("describes the commands that it knows as the library's own table does", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const told = entriesOf(yield* cluster.command(cluster.nodes[0], "COMMAND"))
        assert(Array.isArray(told))
        assert.isAbove(told.length, 250)
        const { entries } = CommandTable.embedded()
        for (const entry of told) assert.deepStrictEqual(entry, entries.get(entry.name))
      }).pipe(on()))

    it.effect("provides the Connections below the client", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("k", "v")
        const connections = yield* Connections
        assert.isAbove(connections.all().filter((connection) => connection.state === "ready").length, 0)
      }).pipe(on()))

    it.effect("runs the function that was registered for a script", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        const text = "return redis.call('incrby', KEYS[1], ARGV[1])"
        yield* cluster.onScript(text, ({ args, call, keys }) => call("INCRBY", keys[0], args[0]))
        assert.strictEqual(yield* redis.eval(text, { keys: ["n"], args: ["5"] }), 5)
        const sha = yield* redis.scriptLoad(text)
        assert.strictEqual(yield* redis.evalsha(sha, { keys: ["n"], args: ["2"] }), 7)
        const { reason } = yield* Effect.flip(redis.evalsha("0".repeat(40), { keys: ["n"] }))
        assert(reason._tag === "ReplyError")
        assert.strictEqual(reason.code, "NOSCRIPT")
        assert.strictEqual(yield* redis.eval("return redis.call('GET', KEYS[1]) + 1", { keys: ["n"] }), 8)
      }).pipe(on()))
  })

  describe("knows the library's own scripts", () => {
    it.effect("locks, extends, is waited for, and is lost when its key is taken away", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const events: Array<string> = []
        const work = (name: string) =>
          Lock.withLock("job", { ttl: "3 seconds" })(() =>
            Effect.sync(() => events.push(`${name} in`)).pipe(
              Effect.andThen(Effect.sleep("20 seconds")),
              Effect.andThen(Effect.sync(() => events.push(`${name} out`)))
            )
          )
        const one = yield* Effect.forkChild(work("one"), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        const two = yield* Effect.forkChild(work("two"), { startImmediately: true })
        yield* TestClock.adjust("50 seconds")
        yield* Fiber.join(one)
        yield* Fiber.join(two)
        assert.deepStrictEqual(events, ["one in", "one out", "two in", "two out"])
        const three = yield* Effect.forkChild(Effect.flip(work("three")), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        const [command] = yield* cluster.received({ name: "EVALSHA" })
        const key = command.args[2]
        yield* cluster.command(yield* cluster.owner(yield* cluster.slotOf(key)), "DEL", key)
        yield* TestClock.adjust("5 seconds")
        const error = yield* Fiber.join(three)
        assert.strictEqual(error._tag, "LockLostError")
      }).pipe(on()))
  })

  describe("keeps the time of the TestClock", () => {
    it.effect("expires keys and fields when it is turned", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("k", "v", { expire: "10 seconds" })
        yield* redis.hset("h", { a: "1", b: "2" })
        yield* redis.send("HEXPIRE", "h", "10", "FIELDS", "1", "a")
        yield* TestClock.adjust("9999 millis")
        assert.strictEqual(yield* redis.get("k"), "v")
        assert.strictEqual(yield* redis.hlen("h"), 2)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* redis.get("k"), null)
        assert.deepStrictEqual(yield* redis.hgetall("h"), { b: "2" })
      }).pipe(on()))

    it.effect("stands still until all that can be done at a time is done", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        const everySecond = Effect.gen(function*() {
          for (let second = 0; second < 60; second++) {
            yield* Effect.sleep("1 second")
            for (let i = 0; i < 20; i++) yield* Fiber.join(yield* Effect.forkChild(redis.incr(`n${i}`)))
          }
        })
        const program = yield* Effect.forkChild(everySecond, { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(program)
        const counts = new Map<number, number>()
        for (const { at } of yield* cluster.received({ name: "INCR" })) counts.set(at, (counts.get(at) ?? 0) + 1)
        assert.deepStrictEqual([...counts], Array.from({ length: 60 }, (_, i) => [(i + 1) * 1000, 20]))
      }).pipe(on()))

    it.effect("tells of keys that expire when they do", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner } = yield* placeOf("k")
        const heard: Array<string> = []
        const node = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const stream = cluster.stream(owner)
            stream.on("data", (chunk: Buffer) => heard.push(chunk.toString()))
            stream.write("SUBSCRIBE __keyevent@0__:expired\r\n")
            return stream
          }),
          (stream) => Effect.sync(() => stream.destroy())
        )
        yield* cluster.command(owner, "CONFIG", "SET", "notify-keyspace-events", "Ex")
        yield* redis.set("k", "v", { expire: "10 seconds" })
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(heard.length, 1)
        yield* TestClock.adjust("1 second")
        assert.include(heard[1], "__keyevent@0__:expired\r\n$1\r\nk")
        assert.isFalse(node.destroyed)
      }).pipe(on()))

    it.effect("ends a blocking command at its timeout, or when something comes", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const empty = yield* Effect.forkChild(redis.blpop("q", "5 seconds"))
        yield* TestClock.adjust("4900 millis")
        assert.strictEqual(empty.pollUnsafe(), undefined)
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(yield* Fiber.join(empty), null)
        const served = yield* Effect.forkChild(redis.blpop("q", "Infinity"))
        yield* TestClock.adjust("5 minutes")
        yield* redis.rpush("q", "job")
        assert.deepStrictEqual(yield* Fiber.join(served), { key: "q", element: "job" })
      }).pipe(on()))

    it.effect("fails over by itself in 30 seconds of cluster time, at once", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner, slot } = yield* placeOf("user:1")
        yield* redis.set("user:1", "ada")
        const before = process.cpuUsage()
        yield* cluster.kill(owner)
        const reading = yield* Effect.forkChild(redis.get("user:1"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(reading.pollUnsafe(), undefined)
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual(yield* Fiber.join(reading), "ada")
        assert.notStrictEqual((yield* cluster.owner(slot)).id, owner.id)
        yield* cluster.restart(owner)
        assert.strictEqual(cluster.nodes.find((node) => node.id === owner.id)?.role, "replica")
        yield* redis.set("user:1", "grace")
        assert.strictEqual(yield* redis.get("user:1"), "grace")
        const { system, user } = process.cpuUsage(before)
        assert.isBelow((system + user) / 1e6, 5)
      }).pipe(on({ replicas: 1 })))

    it.effect("times out a command that is never answered, after its deadline and not before", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        yield* cluster.onCommand("GET", () => Response.silence)
        const reading = yield* Effect.forkChild(Effect.flip(redis.get("k")))
        yield* TestClock.adjust("2900 millis")
        assert.strictEqual(reading.pollUnsafe(), undefined)
        yield* TestClock.adjust("100 millis")
        assert.strictEqual((yield* Fiber.join(reading)).reason._tag, "TimeoutError")
      }).pipe(on({ client: { commandTimeout: "3 seconds" } })))

    it.effect("delays answers, and not what they answer", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner } = yield* placeOf("n")
        yield* redis.incr("n")
        yield* cluster.delay(owner, "300 millis")
        const counting = yield* Effect.forkChild(redis.incr("n"))
        yield* TestClock.adjust("299 millis")
        assert.strictEqual(counting.pollUnsafe(), undefined)
        assert.strictEqual(yield* cluster.command(owner, "GET", "n"), "2")
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(counting), 2)
      }).pipe(on()))

    it.effect("closes with commands on the wire that nobody will answer", () =>
      Effect.gen(function*() {
        const cluster = yield* TestCluster
        const redis = yield* ClusterClient
        yield* cluster.onCommand("GET", () => Response.silence)
        yield* Effect.forkChild(redis.get("k"), { startImmediately: true })
        yield* Effect.yieldNow
        assert.strictEqual((yield* cluster.received({ name: "GET" })).length, 1)
      }).pipe(on()))
  })

  describe("changes as clusters do", () => {
    it.effect("a slot that has moved is found by one MOVED", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, slot, target } = yield* placeOf("user:1")
        yield* redis.set("user:1", "ada")
        yield* cluster.moveSlot(slot, target)
        assert.strictEqual(yield* redis.get("user:1"), "ada")
        assert.strictEqual(yield* redis.get("user:1"), "ada")
        assert.strictEqual(yield* cluster.errorReplies("MOVED"), 1)
        assert.deepStrictEqual(
          (yield* cluster.received({ name: "GET", node: target })).map(({ args }) => args),
          [["user:1"], ["user:1"]]
        )
      }).pipe(on()))

    it.effect("a slot in migration is answered ASK, and TRYAGAIN for keys that are divided", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, slot, target } = yield* placeOf("{t}")
        yield* redis.mset({ "{t}1": "a", "{t}2": "b" })
        yield* cluster.startMigration(slot, target)
        assert.strictEqual(yield* cluster.moveKeys(slot, 1), 1)
        assert.deepStrictEqual([yield* redis.get("{t}1"), yield* redis.get("{t}2")], ["a", "b"])
        assert.strictEqual(yield* cluster.errorReplies("ASK"), 1)
        const both = yield* Effect.forkChild(redis.mget(["{t}1", "{t}2"]))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(both.pollUnsafe(), undefined)
        assert.isAbove(yield* cluster.errorReplies("TRYAGAIN"), 1)
        yield* cluster.finishMigration(slot)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* Fiber.join(both), ["a", "b"])
      }).pipe(on()))

    it.effect("a dead node without replicas takes the cluster down, until it is back without its data", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner } = yield* placeOf("user:1")
        yield* redis.set("user:1", "ada")
        yield* cluster.kill(owner)
        const reading = yield* Effect.forkChild(Effect.flip(redis.get("user:1")))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(reading)).reason.outcome, "NotExecuted")
        const [other] = cluster.primaries.filter((node) => node.alive)
        assert.include(String(yield* cluster.command(other, "CLUSTER", "INFO")), "cluster_state:fail")
        // The node loads for longer than the longest pause of the client, so that an attempt meets it loading.
        yield* cluster.restart(owner, { loading: "30 seconds" })
        const again = yield* Effect.forkChild(redis.get("user:1").pipe(Command.timeout("1 minute")))
        yield* TestClock.adjust("20 seconds")
        assert.isAbove(yield* cluster.errorReplies("LOADING"), 0)
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(yield* Fiber.join(again), null)
      }).pipe(on()))

    it.effect("a stalled node goes on where it was", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner } = yield* placeOf("n")
        yield* redis.incr("n")
        yield* cluster.stall(owner)
        const counting = yield* Effect.forkChild(redis.incr("n"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(counting.pollUnsafe(), undefined)
        yield* cluster.resume(owner)
        assert.strictEqual(yield* Fiber.join(counting), 2)
      }).pipe(on()))

    it.effect("a command that was executed before the connection ended is not sent twice", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner } = yield* placeOf("n")
        const stop = yield* cluster.onCommand("INCR", () => Response.disconnect({ executed: true }))
        const { reason } = yield* Effect.flip(redis.incr("n"))
        assert.strictEqual(reason.outcome, "Unknown")
        yield* stop
        assert.strictEqual(yield* cluster.command(owner, "GET", "n"), "1")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* redis.incr("n"), 2)
      }).pipe(on()))

    it.effect("connections that end are made anew", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner } = yield* placeOf("k")
        yield* redis.set("k", "v")
        yield* cluster.disconnect(owner)
        const reading = yield* Effect.forkChild(redis.get("k"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(reading), "v")
      }).pipe(on()))

    it.effect("nodes come and go", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, slot } = yield* placeOf("k")
        const added = yield* cluster.addNode({ zone: "z" })
        yield* redis.set("k", "v")
        yield* cluster.moveSlot(slot, added)
        assert.strictEqual(yield* redis.get("k"), "v")
        const refused = yield* Effect.flip(cluster.removeNode(added))
        assert.include(refused.message, "owns slots")
        yield* cluster.moveSlot(slot, cluster.primaries[0])
        yield* cluster.removeNode(added)
        assert.strictEqual(cluster.nodes.length, 3)
        const reading = yield* Effect.forkChild(redis.get("k"))
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* Fiber.join(reading), "v")
        const unknown = yield* Effect.flip(cluster.kill("127.0.0.1:9999"))
        assert.strictEqual(unknown.reason._tag, "UnknownNodeError")
      }).pipe(on()))

    it.effect("replicas are late by the replication lag, and a forced failover loses what has not arrived", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { cluster, owner, slot } = yield* placeOf("k")
        const [replica] = yield* cluster.replicasOf(owner)
        yield* redis.set("k", "1")
        assert.strictEqual(yield* cluster.command(replica, "GET", "k"), null)
        const waiting = yield* Effect.forkChild(redis.send("WAIT", "1", "0").pipe(Effect.ignore))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(waiting)
        assert.strictEqual(yield* cluster.command(replica, "GET", "k"), "1")
        yield* redis.set("k", "2")
        yield* TestClock.adjust("500 millis")
        yield* cluster.failover(replica, "force")
        assert.strictEqual((yield* cluster.owner(slot)).id, replica.id)
        assert.strictEqual(yield* redis.get("k"), "1")
        yield* redis.set("k", "3")
        yield* cluster.failover(owner)
        assert.strictEqual(yield* redis.get("k"), "3")
      }).pipe(on({ replicas: 1, replicationLag: "1 second" })))

    it.effect("counts what it was asked, and forgets it when it is told to", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        assert.strictEqual(yield* cluster.topologyCalls, 1)
        yield* redis.set("k", "v")
        yield* redis.refreshTopology
        assert.strictEqual(yield* cluster.topologyCalls, 2)
        yield* cluster.clearReceived
        assert.strictEqual(yield* cluster.topologyCalls, 0)
        assert.deepStrictEqual(yield* cluster.received(), [])
        yield* redis.get("k")
        const [one] = yield* cluster.received()
        assert.deepInclude(one, { name: "GET", args: ["k"], at: 0 })
      }).pipe(on()))

    it.effect("answers with what a test has written for it, as often as that wants", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        yield* redis.set("k", "v")
        let calls = 0
        const stop = yield* cluster.onCommand("GET", ({ args }) =>
          calls++ < 3 ? Response.error("LOADING not yet") : args[0] === "k" ? Response.reply("scripted") : undefined)
        const reading = yield* Effect.forkChild(redis.get("k"))
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* Fiber.join(reading), "scripted")
        assert.strictEqual(yield* redis.get("other"), null)
        yield* stop
        assert.strictEqual(yield* redis.get("k"), "v")
        yield* cluster.onCommand("GET", () =>
          Response.delayed("1 second"))
        const late = yield* Effect.forkChild(redis.get("k"))
        yield* TestClock.adjust("999 millis")
        assert.strictEqual(late.pollUnsafe(), undefined)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(late), "v")
      }).pipe(on()))

    it.effect("is controlled by commands too", () =>
      Effect.gen(function*() {
        const { cluster, owner, slot, target } = yield* placeOf("k")
        assert.strictEqual(yield* cluster.command(owner, "SET", "k", "v"), "OK")
        assert.strictEqual(yield* cluster.command(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id), "OK")
        assert.strictEqual(yield* cluster.command(owner, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.id), "OK")
        assert.deepStrictEqual(yield* cluster.command(owner, "CLUSTER", "GETKEYSINSLOT", slot, 10), ["k"])
        yield* cluster.command(owner, "MIGRATE", target.host, target.port, "", 0, 1000, "KEYS", "k")
        yield* cluster.command(target, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
        const moved = yield* cluster.command(owner, "GET", "k")
        assert(moved instanceof ServerError)
        assert.strictEqual(moved.message, `MOVED ${slot} ${target.address}`)
        assert.strictEqual(yield* cluster.command(target, "GET", "k"), "v")
      }).pipe(on()))
  })

  describe("goes wrong in the same way for the same seed", () => {
    const faults: ReadonlyArray<Fault> = ["disconnect", "moveSlot", "failover", "stall"]

    /** Ten seconds of faults under a load of counters. */
    const tenSeconds = (seed: number) =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* TestCluster
        const counted = new Map<string, number>()
        let unknown = 0
        let running = true
        const count = (key: string) =>
          Effect.gen(function*() {
            while (running) {
              const outcome = yield* Effect.match(redis.incr(key), {
                onSuccess: () => "Executed",
                onFailure: ({ reason }) => reason.outcome
              })
              if (outcome === "Executed") counted.set(key, (counted.get(key) ?? 0) + 1)
              if (outcome === "Unknown") unknown++
              yield* Effect.sleep("50 millis")
            }
          })
        const keys = Array.from({ length: 4 }, (_, i) => `n${i}`)
        const callers = yield* Effect.forEach(keys, (key) => Effect.forkChild(count(key)))
        const chaos = yield* Effect.forkChild(
          cluster.chaos({ seed, faults, duration: "10 seconds", every: "700 millis" })
        )
        yield* TestClock.adjust("25 seconds")
        const events = yield* Fiber.join(chaos)
        running = false
        yield* TestClock.adjust("10 seconds")
        yield* Effect.forEach(callers, Fiber.join)
        let total = 0
        for (const key of keys) total += Number(yield* redis.get(key))
        const acknowledged = [...counted.values()].reduce((sum, n) => sum + n, 0)
        return { events, acknowledged, total, unknown }
      }).pipe(Effect.provide(TestCluster.layer({ replicas: 1 }), { local: true }))

    it.effect("the faults of a seed are always the same, and no counter counts twice", () =>
      Effect.gen(function*() {
        const before = process.cpuUsage()
        const one = yield* tenSeconds(7)
        const again = yield* tenSeconds(7)
        const other = yield* tenSeconds(8)
        assert.deepStrictEqual(again.events, one.events)
        assert.notDeepEqual(other.events, one.events)
        assert.isAbove(one.events.length, 8)
        for (const { acknowledged, total, unknown } of [one, again, other]) {
          assert.isAbove(acknowledged, 500)
          assert.isAtLeast(total, acknowledged)
          assert.isAtMost(total, acknowledged + unknown)
        }
        // Almost two minutes of virtual time, in far less of the process's own.
        const { system, user } = process.cpuUsage(before)
        assert.isBelow((system + user) / 1e6, 30)
      }))
  })
})
