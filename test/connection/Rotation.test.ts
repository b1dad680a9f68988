import { assert, describe, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import type { Duplex } from "node:stream"
import { inspect } from "node:util"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { ClusterOptions, Credentials } from "../../src/ClusterOptions.ts"
import type { SubscriptionEvent } from "../../src/pubsub/SubscriptionEvent.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import { Account, keyOfShard, openClient } from "../faults/Load.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"

const everywhere = (cluster: RedisClusterShape, ...command: ReadonlyArray<string>) =>
  Effect.forEach(cluster.nodes, (node) => cluster.command(node, ...command), { discard: true })

const allow = (cluster: RedisClusterShape, user: string, password: string) =>
  everywhere(cluster, "ACL", "SETUSER", user, "on", `>${password}`, "~*", "&*", "+@all")

const credentials = (username: string, password: string): Credentials => ({
  username,
  password: Redacted.make(password)
})

/** The connections of a client as the servers see them. */
const clients = (cluster: RedisClusterShape, name: string) =>
  Effect.map(
    Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLIENT", "LIST")),
    (lists) =>
      lists.flatMap((list, node) =>
        String(list).split("\n").filter((line) => line.includes(` name=${name} `)).map((line) => ({
          id: `${node}/${/\bid=(\d+)/.exec(line)?.[1]}`,
          user: /\buser=(\S+)/.exec(line)?.[1],
          subscriptions: Number(/\bsub=(\d+)/.exec(line)?.[1])
        }))
      )
  )

const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.flatMap(condition, (holds) => holds ? Effect.void : Effect.fail("not yet" as const)).pipe(
    Effect.retry({ times: 500, schedule: Schedule.spaced(10) }),
    Effect.orDie
  )

const everyUser = (cluster: RedisClusterShape, name: string, user: string) =>
  eventually(Effect.map(clients(cluster, name), (all) => all.length > 0 && all.every((one) => one.user === user)))

const open = Effect.fnUntraced(function*(
  cluster: RedisClusterShape,
  clientName: string,
  initial: Credentials,
  options: Partial<ClusterOptions> = {}
) {
  const queue = yield* Queue.unbounded<Credentials>()
  yield* Queue.offer(queue, initial)
  const client = yield* openClient({
    ...options,
    nodes: cluster.seeds,
    clientName,
    credentials: Stream.fromQueue(queue)
  })
  return { ...client, give: (next: Credentials) => Queue.offer(queue, next) }
})

const authCommand = /\*3\r\n\$4\r\nAUTH\r\n\$\d+\r\n[^\r]+\r\n\$\d+\r\n[^\r]+\r\n/

/** Sockets that write what `change` makes of what the client writes, once they subscribe. */
const tampering = (change: (bytes: string) => string) => {
  const link = {
    isArmed: false,
    stream: (endpoint: Endpoint): Duplex => {
      const socket = Net.connect(endpoint)
      const write = socket.write.bind(socket)
      let subscribes = false
      socket.write = (bytes: string | Uint8Array) => {
        const text = Buffer.from(bytes).toString("latin1")
        subscribes ||= text.includes("SUBSCRIBE")
        const changed = subscribes ? change(text) : text
        return changed === "" ? true : write(changed, "latin1")
      }
      return socket
    }
  }
  return link
}

/** Increments keys of every shard while `effect` runs; what became of each command. */
const underLoad = Effect.fnUntraced(function*<A, E, R>(
  redis: Parameters<Account["worker"]>[0],
  prefix: string,
  effect: Effect.Effect<A, E, R>
) {
  const account = new Account()
  const keys = Array.from({ length: 30 }, (_, i) => keyOfShard(`${prefix}:${i}`, i % 3))
  const workers = yield* Effect.forEach(keys, (key) => Effect.forkScoped(account.worker(redis, key)))
  yield* Effect.sleep(50)
  yield* effect
  yield* Effect.sleep(100)
  account.stop()
  yield* Effect.forEach(workers, Fiber.join)
  return account.entries
})

const failures = (entries: Account["entries"]) =>
  entries.flatMap(({ result }) => Result.isFailure(result) ? [result.failure] : [])

describe("A stream of credentials", () => {
  layer(RedisCluster.layer({ replicas: 1 }), { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("logs in anew on open connections, under load, without an error and without a new connection", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const i of [0, 1, 2, 3]) yield* allow(cluster, `rotating-${i}`, `secret-${i}`)
        const { give, redis } = yield* open(cluster, "rotating", credentials("rotating-0", "secret-0"))
        yield* Effect.forEach([0, 1, 2], (shard) => redis.get(keyOfShard("warm", shard)))
        const before = yield* clients(cluster, "rotating")
        assert.strictEqual(before.length, 3)

        const entries = yield* underLoad(
          redis,
          "rotating",
          Effect.forEach([1, 2, 3], (i) =>
            Effect.gen(function*() {
              yield* give(credentials(`rotating-${i}`, `secret-${i}`))
              yield* everyUser(cluster, "rotating", `rotating-${i}`)
              // Ends the connections that are still of this user.
              yield* everywhere(cluster, "ACL", "DELUSER", `rotating-${i - 1}`)
            }))
        )
        assert.deepStrictEqual(failures(entries), [])
        assert.isAbove(entries.length, 1000)
        // In order: each worker saw its key count up by one.
        const counts = new Map<string, number>()
        for (const { key, result } of entries) {
          const count = (counts.get(key) ?? 0) + 1
          counts.set(key, count)
          assert.deepStrictEqual(result, Result.succeed(count))
        }
        const after = yield* clients(cluster, "rotating")
        assert.deepStrictEqual(after, before.map((one) => ({ ...one, user: "rotating-3" })))
      }))

    it.effect("reaches the connections to replicas, and that of a blocking command when it is answered", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const i of [0, 1]) yield* allow(cluster, `kind-${i}`, `secret-${i}`)
        const { connections, give, redis } = yield* open(cluster, "kinds", credentials("kind-0", "secret-0"), {
          readFrom: ReadFrom.replica
        })
        const keys = [0, 1, 2].map((shard) => keyOfShard("kinds", shard))
        yield* Effect.forEach(keys, (key) => redis.set(key, "value"))
        yield* Effect.forEach(keys, (key) => redis.get(key))
        const popped = yield* Effect.forkScoped(redis.blpop(`{${keys[0]}}:list`, "20 seconds"))
        yield* eventually(Effect.map(clients(cluster, "kinds"), (all) => all.length === 7))
        yield* give(credentials("kind-1", "secret-1"))
        // The one that waits for an element hears nothing before that.
        yield* eventually(
          Effect.map(clients(cluster, "kinds"), (all) => all.filter(({ user }) => user === "kind-1").length === 6)
        )
        yield* redis.rpush(`{${keys[0]}}:list`, ["element"])
        assert.deepStrictEqual((yield* Fiber.join(popped))?.element, "element")
        // The connection then logs in again, or is closed.
        yield* everyUser(cluster, "kinds", "kind-1")
        assert.strictEqual(connections.all().length, 6)
      }))

    for (const protocol of [3, 2] as const) {
      it.effect(`loses no message of a subscription (RESP${protocol})`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const [name, user] = [`subscribed-${protocol}`, `listener-${protocol}`]
          yield* allow(cluster, user, "secret-0")
          yield* allow(cluster, `${user}-new`, "secret-0")
          const { give, redis } = yield* open(cluster, name, credentials(user, "secret-0"), { protocol })
          const subscription = yield* redis.subscribeEventsScoped("news")
          const before = yield* clients(cluster, name)
          const heard = yield* Effect.forkScoped(Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 61)))
          for (let i = 0; i < 60; i++) {
            yield* redis.publish("news", String(i))
            if (i === 20) yield* give(credentials(`${user}-new`, "secret-0"))
            yield* Effect.sleep(5)
          }
          const events = [...yield* Fiber.join(heard)]
          assert.deepStrictEqual(
            events.map((event) => event._tag === "Message" ? event.payload : event._tag),
            ["Subscribed", ...Array.from({ length: 60 }, (_, i) => String(i))]
          )
          yield* everyUser(cluster, name, `${user}-new`)
          const idsOf = (all: typeof before) => all.filter(({ subscriptions }) => subscriptions > 0).map(({ id }) => id)
          const after = yield* clients(cluster, name)
          // A connection with subscriptions in RESP2 cannot log in: another connection took its place.
          if (protocol === 3) assert.deepStrictEqual(idsOf(after), idsOf(before))
          else assert.notDeepEqual(idsOf(after), idsOf(before))
          assert.strictEqual(idsOf(after).length, 1)
          yield* everywhere(cluster, "ACL", "DELUSER", `${user}-new`)
        }))
    }

    it.effect("hands the subscriptions of RESP2 over under load: each message once, in order, with no gap", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const i of [0, 1, 2, 3]) yield* allow(cluster, `heir-${i}`, "secret")
        const { give, redis } = yield* open(cluster, "heirs", credentials("heir-0", "secret"), { protocol: 2 })
        const { redis: publisher } = yield* openClient({ nodes: cluster.seeds })
        const channels = [0, 1, 2].map((shard) => keyOfShard("heirs", shard))
        const shardChannels = channels.map((channel) => `{${channel}}:sharded`)
        const subscriptions = [
          yield* redis.subscribeEventsScoped(channels),
          yield* redis.subscribeEventsScoped({ patterns: ["*heirs*", "*other*"] }),
          yield* redis.subscribeEventsScoped({ shardChannels }, { payload: "bytes" }),
          yield* redis.subscribeEventsScoped(channels, { node: "replica" }),
          yield* redis.subscribeEventsScoped({ shardChannels }, { node: "replica" })
        ]
        const seen = yield* Effect.forEach(subscriptions, (subscription) => {
          const all: Array<string> = []
          const each = Stream.runForEach(
            Stream.fromQueue<SubscriptionEvent<string | Uint8Array>, unknown>(subscription),
            (event) =>
              Effect.sync(() =>
                all.push(event._tag === "Message" ? `${event.channel} ${Buffer.from(event.payload)}` : event._tag)
              )
          )
          return Effect.as(Effect.forkScoped(each), all)
        })
        let stopped = false
        const everyChannel = [...channels, ...shardChannels]
        const counts = new Map(everyChannel.map((channel) => [channel, 0]))
        const publish = (channel: string, send: (channel: string, payload: string) => Effect.Effect<number, unknown>) =>
          Effect.gen(function*() {
            for (let count = 0; !stopped; counts.set(channel, ++count)) yield* send(channel, String(count))
          })
        /** Until so many more have been sent to each channel. */
        const sent = (more: number) =>
          Effect.suspend(() => {
            const goal = new Map([...counts].map(([channel, count]) => [channel, count + more]))
            return eventually(
              Effect.sync(() => everyChannel.every((one) => (counts.get(one) ?? 0) >= (goal.get(one) ?? 0)))
            )
          })
        const publishers = [
          ...yield* Effect.forEach(channels, (one) => Effect.forkScoped(publish(one, publisher.publish))),
          ...yield* Effect.forEach(shardChannels, (one) => Effect.forkScoped(publish(one, publisher.spublish)))
        ]
        for (const i of [1, 2, 3]) {
          yield* sent(30)
          yield* give(credentials(`heir-${i}`, "secret"))
          yield* everyUser(cluster, "heirs", `heir-${i}`)
          yield* everywhere(cluster, "ACL", "DELUSER", `heir-${i - 1}`)
        }
        yield* sent(30)
        stopped = true
        yield* Effect.forEach(publishers, Fiber.join)
        yield* Effect.forEach(seen, (all, i) => {
          const listened = i === 2 || i === 4 ? shardChannels : channels
          const expected = listened.flatMap((one) =>
            Array.from({ length: counts.get(one) ?? 0 }, (_, n) => `${one} ${n}`)
          )
          return eventually(Effect.sync(() => all.filter((line) => line.includes(" ")).length >= expected.length)).pipe(
            Effect.andThen(Effect.sync(() => {
              assert.isAbove(expected.length, 300)
              assert.notInclude(all, "Gap")
              for (const one of listened) {
                assert.deepStrictEqual(
                  all.filter((line) => line.startsWith(`${one} `)),
                  expected.filter((line) => line.startsWith(`${one} `))
                )
              }
            }))
          )
        })
        // Nothing is left of how it was done.
        for (const node of cluster.nodes) {
          const open = yield* cluster.command(node, "PUBSUB", "SHARDCHANNELS", "effect-redis-cluster:*")
          assert.deepStrictEqual(open, [])
        }
      }))

    it.effect("says with a gap when subscriptions of RESP2 cannot be handed over, and gives nothing twice", () => {
      const logged: Array<unknown> = []
      return Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const i of [0, 1]) {
          yield* allow(cluster, `mute-${i}`, "secret")
          // The mark goes through SPUBLISH.
          yield* everywhere(cluster, "ACL", "SETUSER", `mute-${i}`, "-spublish")
        }
        const { give, redis } = yield* open(cluster, "mute", credentials("mute-0", "secret"), { protocol: 2 })
        const { redis: publisher } = yield* openClient({ nodes: cluster.seeds })
        const subscription = yield* redis.subscribeEventsScoped("mute")
        const events: Array<SubscriptionEvent> = []
        yield* Effect.forkScoped(
          Stream.runForEach(Stream.fromQueue(subscription), (event) => Effect.sync(() => events.push(event)))
        )
        let count = 0
        yield* Effect.forkScoped(Effect.forever(Effect.suspend(() => publisher.publish("mute", String(count++)))))
        yield* Effect.sleep(50)
        yield* give(credentials("mute-1", "secret"))
        yield* eventually(Effect.sync(() => events.filter(({ _tag }) => _tag === "Subscribed").length === 2))
        yield* everyUser(cluster, "mute", "mute-1")
        yield* Effect.sleep(50)
        const payloads = events.flatMap((event) => event._tag === "Message" ? [Number(event.payload)] : [])
        assert.deepStrictEqual(payloads, [...new Set(payloads)].toSorted((one, other) => one - other))
        const notices = events.filter(({ _tag }) => _tag !== "Message")
        assert.deepStrictEqual(notices.map(({ _tag }) => _tag), ["Subscribed", "Gap", "Subscribed"])
        // Nothing is missing but in the gap.
        const at = events.indexOf(notices[1])
        const [before, after] = [events.slice(0, at), events.slice(at)].map((part) =>
          part.flatMap((event) => event._tag === "Message" ? [Number(event.payload)] : [])
        )
        for (const part of [before, after]) {
          assert.isNotEmpty(part)
          assert.deepStrictEqual(part, Array.from(part, (_, i) => part[0] + i))
        }
        const warnings = logged.filter((line) => String(line).includes("could not be handed over"))
        assert.strictEqual(warnings.length, 1)
        assert.match(String(warnings[0]), /NOPERM/)
      }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => {
        logged.push(message)
      })])))
    })

    it.effect("waits with a RESP2 subscription that is not read, and loses nothing that the server holds back", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const i of [0, 1]) yield* allow(cluster, `slow-${i}`, "secret")
        const { give, redis } = yield* open(cluster, "slow", credentials("slow-0", "secret"), { protocol: 2 })
        const { redis: publisher } = yield* openClient({ nodes: cluster.seeds })
        const subscription = yield* redis.subscribeEventsScoped("slow", { bufferSize: 10 })
        const count = 5000
        yield* Effect.forEach(Array.from({ length: count }), (_, i) => publisher.publish("slow", String(i)), {
          concurrency: 50
        })
        yield* give(credentials("slow-1", "secret"))
        yield* Effect.sleep(200)
        const subscriber = Effect.map(clients(cluster, "slow"), (all) => all.filter((one) => one.subscriptions > 0))
        assert.deepStrictEqual((yield* subscriber).map(({ user }) => user), ["slow-0"])
        const heard = yield* Effect.forkScoped(
          Stream.runCollect(Stream.take(Stream.fromQueue(subscription), count + 2))
        )
        yield* everyUser(cluster, "slow", "slow-1")
        yield* publisher.publish("slow", "last")
        const events = [...yield* Fiber.join(heard)]
        assert.deepStrictEqual(events.flatMap((event) => event._tag === "Message" ? [] : [event._tag]), ["Subscribed"])
        const payloads = events.flatMap((event) => event._tag === "Message" ? [event.payload] : [])
        assert.strictEqual(new Set(payloads).size, count + 1)
        assert.strictEqual(payloads.at(-1), "last")
      }).pipe(Effect.provide(Logger.layer([]))))

    for (const protocol of [3, 2] as const) {
      it.effect(`takes a login of a subscriber that is left unanswered as refused, and asks again (RESP${protocol})`, () => {
        const logged: Array<unknown> = []
        return Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const name = `unanswered-${protocol}`
          for (const i of [0, 1]) yield* allow(cluster, `${name}-${i}`, "secret")
          const link = tampering((bytes) =>
            link.isArmed && bytes.includes("$4\r\nAUTH") ? bytes.replace(authCommand, "") : bytes
          )
          const { give, redis } = yield* open(cluster, name, credentials(`${name}-0`, "secret"), {
            protocol,
            stream: link.stream
          })
          const subscription = yield* redis.subscribeEventsScoped("unanswered")
          const heard = yield* Effect.forkScoped(Stream.runCollect(Stream.take(Stream.fromQueue(subscription), 3)))
          yield* redis.publish("unanswered", "before")
          link.isArmed = true
          yield* give(credentials(`${name}-1`, "secret"))
          yield* eventually(
            Effect.sync(() => logged.some((line) => /refused new credentials.*no answer/.test(String(line))))
          )
          link.isArmed = false
          yield* everyUser(cluster, name, `${name}-1`)
          yield* redis.publish("unanswered", "after")
          assert.deepStrictEqual(
            [...yield* Fiber.join(heard)].map((event) => event._tag === "Message" ? event.payload : event._tag),
            ["Subscribed", "before", "after"]
          )
        }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => {
          logged.push(message)
        })])))
      })
    }

    it.effect("dials anew when a login of a subscriber brings no answer at all while messages come", () => {
      const logged: Array<unknown> = []
      return Effect.gen(function*() {
        const cluster = yield* RedisCluster
        for (const i of [0, 1]) yield* allow(cluster, `silent-${i}`, "secret")
        // The PING in front of the login is answered; the login, and the PING behind it, are not.
        let lost = false
        const link = tampering((bytes) => {
          if (link.isArmed && bytes.includes("$4\r\nAUTH")) lost = true
          return lost && link.isArmed && /\$4\r\n(AUTH|PING)/.test(bytes) ? "" : bytes
        })
        const { give, redis } = yield* open(cluster, "silent", credentials("silent-0", "secret"), {
          stream: link.stream,
          pingTimeout: 300
        })
        const { redis: publisher } = yield* openClient({ nodes: cluster.seeds })
        const subscription = yield* redis.subscribeEventsScoped("silent")
        const events: Array<SubscriptionEvent> = []
        yield* Effect.forkScoped(
          Stream.runForEach(Stream.fromQueue(subscription), (event) => Effect.sync(() => events.push(event)))
        )
        yield* Effect.forkScoped(
          Effect.forever(Effect.andThen(publisher.publish("silent", "still here"), Effect.sleep(5)))
        )
        link.isArmed = true
        yield* give(credentials("silent-1", "secret"))
        yield* eventually(
          Effect.sync(() => logged.some((line) => /a login was not answered within 300 ms/.test(String(line))))
        )
        link.isArmed = false
        yield* eventually(Effect.sync(() => events.filter(({ _tag }) => _tag === "Subscribed").length === 2))
        assert.deepStrictEqual(
          events.filter(({ _tag }) => _tag !== "Message").map(({ _tag }) => _tag),
          ["Subscribed", "Gap", "Subscribed"]
        )
        yield* everyUser(cluster, "silent", "silent-1")
      }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => {
        logged.push(message)
      })])))
    })

    it.effect("tells a refused login from a refused subscription", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* allow(cluster, "reader", "secret-0")
        const { give, redis } = yield* open(cluster, "reader", credentials("reader", "secret-0"), {
          reconnectSchedule: Schedule.spaced(1)
        })
        // A new connection would be refused, too: all of them are there before.
        yield* redis.on("all").ping()
        yield* redis.subscribeScoped("first")
        // Refused again and again, while channels are asked for.
        for (let i = 0; i < 50; i++) {
          yield* give(credentials("reader", `wrong-${i}`))
          // The login a little earlier, and a little later, than the subscription.
          for (let turns = 0; turns < i % 10; turns++) yield* Effect.yieldNow
          const subscription = yield* redis.subscribeScoped(`channel-${i}`)
          yield* redis.publish(`channel-${i}`, String(i))
          const message = yield* Queue.take(subscription)
          assert.strictEqual(message.payload, String(i))
        }
      }).pipe(Effect.provide(Logger.layer([]))))

    it.effect("opens new connections with the newest: a password changes and every connection is killed", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* allow(cluster, "ada", "secret-0")
        const { give, redis } = yield* open(cluster, "killed", credentials("ada", "secret-0"))
        const reads = yield* Effect.forkScoped(
          Effect.forEach(
            Array.from({ length: 30 }, (_, i) => keyOfShard(`killed:${i}`, i % 3)),
            (key) => Effect.forEach(Array.from({ length: 300 }), () => Effect.andThen(redis.get(key), Effect.sleep(1))),
            { concurrency: "unbounded" }
          )
        )
        yield* Effect.forEach([1, 2, 3], (i) =>
          Effect.gen(function*() {
            yield* Effect.sleep(50)
            yield* allow(cluster, "ada", `secret-${i}`)
            yield* give(credentials("ada", `secret-${i}`))
            yield* everywhere(cluster, "ACL", "SETUSER", "ada", `<secret-${i - 1}`)
            yield* everywhere(cluster, "CLIENT", "KILL", "USER", "ada")
          }))
        // Reads are repeated; none of them fails.
        yield* Fiber.join(reads)
        const names = yield* redis.on("primaries").send("ACL", "WHOAMI")
        assert.deepStrictEqual([...names.values()], ["ada", "ada", "ada"])
      }))

    it.effect("starts a dialling again that older credentials had brought to a halt", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* allow(cluster, "late", "secret-0")
        const { connections, give, redis } = yield* open(cluster, "late", credentials("late", "secret-0"), {
          // Refused once, it would wait for longer than the test lasts.
          reconnectSchedule: Schedule.spaced("1 hour")
        })
        const keys = [0, 1, 2].map((shard) => keyOfShard("late", shard))
        yield* Effect.forEach(keys, (key) => redis.set(key, "value"))
        // In the wrong order: the servers know the new password before the client does.
        yield* everywhere(cluster, "ACL", "SETUSER", "late", "resetpass", ">secret-1")
        yield* everywhere(cluster, "CLIENT", "KILL", "USER", "late")
        yield* eventually(Effect.sync(() => connections.all().every(({ state }) => state === "down")))
        yield* give(credentials("late", "secret-1"))
        yield* eventually(Effect.sync(() => connections.all().every(({ state }) => state === "ready")))
        assert.deepStrictEqual(yield* Effect.forEach(keys, (key) => redis.get(key)), ["value", "value", "value"])
      }))

    it.effect("keeps a connection whose server refuses the new ones, and asks it again until it takes them", () => {
      const logged: Array<unknown> = []
      return Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* allow(cluster, "old-user", "secret-0")
        const { give, redis } = yield* open(cluster, "refused", credentials("old-user", "secret-0"))
        const keys = [0, 1, 2].map((shard) => keyOfShard("refused", shard))
        yield* Effect.forEach(keys, (key) => redis.get(key))
        const before = yield* clients(cluster, "refused")
        const entries = yield* underLoad(
          redis,
          "refused",
          Effect.gen(function*() {
            const [slow, ...others] = cluster.nodes
            const rule = ["ACL", "SETUSER", "new-user", "on", ">secret-1", "~*", "&*", "+@all"]
            for (const node of others) yield* cluster.command(node, ...rule)
            yield* give(credentials("new-user", "secret-1"))
            yield* eventually(
              Effect.map(
                clients(cluster, "refused"),
                (all) => all.filter(({ user }) => user === "new-user").length === 2
              )
            )
            assert.strictEqual((yield* clients(cluster, "refused"))[0].user, "old-user")
            yield* cluster.command(slow, ...rule)
            yield* everyUser(cluster, "refused", "new-user")
          })
        )
        assert.deepStrictEqual(failures(entries), [])
        assert.deepStrictEqual(
          (yield* clients(cluster, "refused")).map(({ id }) => id),
          before.map(({ id }) => id)
        )
        const report = inspect(logged, { depth: Infinity })
        // Told once, however often it was asked.
        assert.strictEqual(logged.length, 1)
        assert.match(report, /refused new credentials/)
        assert.notInclude(report, "secret-1")
      }).pipe(
        Effect.provide(Logger.layer([Logger.make(({ message }) => {
          logged.push(message)
        })]))
      )
    })

    it.effect("runs a stream again that fails, and leaves the last credentials of one that ends in force", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        yield* allow(cluster, "eve", "secret-0")
        let runs = 0
        const tokens = Stream.suspend(() =>
          ++runs < 3 ? Stream.fail("the token service is down: secret-0") : Stream.make(credentials("eve", "secret-0"))
        )
        const context = yield* Layer.build(
          ClusterClient.layer({ nodes: cluster.seeds, credentials: tokens, reconnectSchedule: Schedule.spaced(10) })
        ).pipe(Effect.retry(Schedule.spaced(5)))
        const names = yield* ClusterClient.use((redis) => redis.on("primaries").send("ACL", "WHOAMI")).pipe(
          Effect.provide(context)
        )
        assert.deepStrictEqual([...names.values()], ["eve", "eve", "eve"])
        assert.isAtLeast(runs, 3)
      }))

    const outages = {
      fails: () => Stream.fail("the token service is down: secret-0"),
      dies: () => Stream.die(new TypeError("secret-0 is not a token"))
    }
    for (const [how, outage] of Object.entries(outages)) {
      it.effect(`runs a stream again that ${how}, however long that lasts and whatever the schedule says, and tells of it once`, () => {
        const logged: Array<unknown> = []
        return Effect.gen(function*() {
          const cluster = yield* RedisCluster
          for (const i of [0, 1]) yield* allow(cluster, `outage-${i}`, `secret-${i}`)
          let runs = 0
          let isOver = false
          const tokens = Stream.suspend((): Stream.Stream<Credentials, string> => {
            if (++runs === 1) return Stream.concat(Stream.make(credentials("outage-0", "secret-0")), outage())
            return isOver ? Stream.make(credentials("outage-1", "secret-1")) : outage()
          })
          const { redis } = yield* openClient({
            nodes: cluster.seeds,
            clientName: `outage-${how}`,
            credentials: tokens,
            // It ends after three attempts.
            reconnectSchedule: Schedule.upTo(Schedule.spaced(10), { times: 3 })
          })
          yield* redis.on("primaries").ping()
          yield* eventually(Effect.sync(() => runs > 10))
          isOver = true
          yield* everyUser(cluster, `outage-${how}`, "outage-1")
          const warnings = logged.filter((line) => String(line).includes("the stream of credentials brings none"))
          assert.strictEqual(warnings.length, 1)
          assert.isFalse(logged.some((line) => String(line).includes("secret")))
        }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => {
          logged.push(message)
        })])))
      })

      it.effect(`says at once that a stream ${how} at first`, () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const error = yield* Effect.flip(Layer.build(ClusterClient.layer({
            nodes: cluster.seeds,
            credentials: Stream.suspend(outage),
            reconnectSchedule: Schedule.spaced("1 minute"),
            connectTimeout: "200 millis"
          })))
          assert.strictEqual(error.reason._tag, "NoReachableNodeError")
          assert.include(error.message, "credentials")
          assert.notInclude(error.message, "no connection within")
          assert.notInclude(error.message, "secret-0")
        }))
    }

    it.effect("never shows a secret: neither in errors nor in what can be inspected of a client", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const secret = "hunter2-of-the-stream"
        const given = Stream.concat(Stream.make(credentials("nobody", secret)), Stream.fail(new Error(secret)))
        const error = yield* Effect.flip(
          Effect.scoped(Layer.build(ClusterClient.layer({ nodes: cluster.seeds, credentials: given })))
        )
        assert(error.reason._tag === "NoReachableNodeError")
        for (const { cause } of error.reason.causes) assert.match(cause, /WRONGPASS/)

        const failing = yield* Effect.flip(
          Effect.scoped(
            Layer.build(ClusterClient.layer({ nodes: cluster.seeds, credentials: Stream.fail(new Error(secret)) }))
          )
        )
        yield* allow(cluster, "spy", secret)
        const { connections, give, redis } = yield* open(cluster, "spied", credentials("spy", secret))
        yield* redis.get("key")
        // An AUTH on the wire.
        yield* give(credentials("spy", secret))
        const shown: Array<string> = []
        for (let i = 0; i < 20; i++) {
          shown.push(inspect([connections.all(), redis], { depth: Infinity, showHidden: true }))
          yield* Effect.yieldNow
        }
        for (const failure of [error, failing]) {
          shown.push(inspect(failure, { depth: Infinity }), String(failure), Cause.pretty(Cause.fail(failure)))
        }
        for (const text of shown) assert.notInclude(text, secret)
      }))

    it.effect("goes on for a user who may do little", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const rights = ["+get", "+set", "+ping", "+cluster|slots", "+cluster|shards", "+cluster|myid"]
        for (const i of [0, 1]) {
          yield* everywhere(
            cluster,
            "ACL",
            "SETUSER",
            `little-${i}`,
            "on",
            ">secret",
            "resetkeys",
            "~little*",
            ...rights
          )
        }
        const { connections, give, redis } = yield* open(cluster, "little", credentials("little-0", "secret"))
        const keys = [0, 1, 2].map((shard) => keyOfShard("little", shard))
        yield* Effect.forEach(keys, (key) => redis.set(key, "value"))
        yield* give(credentials("little-1", "secret"))
        yield* eventually(
          Effect.map(
            Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLIENT", "LIST")),
            (lists) => !lists.join("\n").includes("user=little-0 ") && lists.join("\n").includes("user=little-1 ")
          )
        )
        assert.deepStrictEqual(yield* Effect.forEach(keys, (key) => redis.get(key)), ["value", "value", "value"])
        assert.isTrue((yield* redis.health({ timeout: "5 seconds" })).isReady)
        assert.isNotEmpty(connections.all())
      }))
  })
})
