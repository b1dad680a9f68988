import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import * as Connections from "../../src/connection/Connections.ts"
import { query, question } from "../../src/connection/Query.ts"
import * as Lock from "../../src/Lock.ts"
import { TestCluster } from "../../src/testing/TestCluster.ts"
import * as SteppedClock from "../harness/SteppedClock.ts"
import * as Waiting from "../harness/Waiting.ts"
import * as ScriptedServer from "./ScriptedServer.ts"

const minute = 60_000

/** A connection whose time of day a test sets, to a server that answers GET after so many milliseconds, or never. */
const connect = Effect.fnUntraced(function*(answerAfter: number, given: Partial<ClusterOptions.ClusterOptions> = {}) {
  const server = yield* ScriptedServer.start((args, { socket }) => {
    const greeting = ScriptedServer.welcome(args, server.peers[0])
    if (greeting !== undefined || answerAfter === Number.POSITIVE_INFINITY) return greeting
    if (args[0] === "PING") return "+PONG\r\n"
    setTimeout(() => socket.write("+OK\r\n"), answerAfter)
    return undefined
  })
  const { clock, step } = yield* SteppedClock.make
  const options = yield* Effect.fromResult(
    ClusterOptions.resolve({ drainTimeout: 10, ...given, nodes: [server.endpoint] })
  )
  const connections = yield* Effect.provideService(Connections.make(options), Clock.Clock, clock)
  const connection = connections.get(server.endpoint)
  const get = (timeout: number) =>
    Effect.provideService(Effect.result(query(connection, question("GET", "k"), timeout)), Clock.Clock, clock)
  connection.connect()
  yield* Waiting.until("the handshake", () => connection.state === "ready")
  return { connection, get, server, step }
})

describe("A time of day that is set", () => {
  for (const [name, step] of [["back", -minute], ["forward", minute]] as const) {
    it.live(`${name} neither delays nor hastens a deadline`, () =>
      Effect.gen(function*() {
        const silent = yield* connect(Number.POSITIVE_INFINITY)
        const overdue = yield* Effect.forkChild(silent.get(200))
        yield* Waiting.until("the write", () => silent.connection.depth === 1)
        silent.step(step)
        const ended = yield* Effect.timeoutOption(Fiber.join(overdue), "10 seconds")
        assert.isTrue(ended._tag === "Some" && Result.isFailure(ended.value))

        // Rings of the alarm come while many commands wait for their replies.
        const slow = yield* connect(300, { pingAfter: 20 })
        const all = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 100 }), () => slow.get(20_000), { concurrency: "unbounded" })
        )
        yield* Waiting.until("the writes", () => slow.connection.depth >= 100)
        slow.step(step)
        assert.isTrue((yield* Fiber.join(all)).every(Result.isSuccess))
        assert.strictEqual(slow.connection.sockets, 1)
      }))

    it.live(`${name} hides no silence`, () =>
      Effect.gen(function*() {
        const { connection, get, step: set } = yield* connect(Number.POSITIVE_INFINITY, {
          pingAfter: 100,
          pingTimeout: 100
        })
        const asked = yield* Effect.forkChild(get(15_000))
        yield* Waiting.until("the write", () => connection.depth > 0)
        set(step)
        const ended = yield* Effect.timeoutOption(Fiber.join(asked), "10 seconds")
        assert(ended._tag === "Some" && Result.isFailure(ended.value))
        assert.match(ended.value.failure.message, /^silent for \d+ ms with replies due/)
      }))
  }

  it.live("back does not prolong a lock that cannot be extended", () =>
    Effect.gen(function*() {
      const { clock, step } = yield* SteppedClock.make
      yield* Effect.gen(function*() {
        const cluster = yield* TestCluster
        const lock = yield* Lock.make("orphan", { ttl: "400 millis" })
        yield* Effect.forEach(cluster.nodes, ({ address }) => cluster.stall(address))
        step(-minute)
        const lost = yield* Effect.timeoutOption(Effect.flip(lock.lost), "10 seconds")
        assert.isTrue(lost._tag === "Some")
        assert.isFalse(yield* lock.isHeld)
      }).pipe(
        Effect.scoped,
        Effect.provide(TestCluster.layer()),
        Effect.provideService(Clock.Clock, clock)
      )
    }))
})
