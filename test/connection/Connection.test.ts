import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Net from "node:net"
import { Duplex, type DuplexOptions } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import { Command } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import type { Connection } from "../../src/connection/Connection.ts"
import * as Connections from "../../src/connection/Connections.ts"
import type { LinkFailure, Outgoing } from "../../src/connection/Outgoing.ts"
import { query } from "../../src/connection/Query.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import { RespDecoder } from "../../src/protocol/RespDecoder.ts"
import * as Waiting from "../harness/Waiting.ts"
import * as ScriptedServer from "./ScriptedServer.ts"

const command = (name: string, ...args: ReadonlyArray<string>) =>
  new Command<unknown>(new CommandSpec(name, {}), args, (reply) => reply)

const connectionsTo = (nodes: ReadonlyArray<Endpoint>, options: Partial<ClusterOptions.ClusterOptions> = {}) =>
  Effect.flatMap(
    Effect.fromResult(ClusterOptions.resolve({ drainTimeout: 50, ...options, nodes })),
    Connections.make
  )

const connect = (server: ScriptedServer.ScriptedServer, options?: Partial<ClusterOptions.ClusterOptions>) =>
  Effect.map(connectionsTo([server.endpoint], options), (connections) => connections.get(server.endpoint))

const ask = (connection: Connection, name: string, ...args: ReadonlyArray<string>) =>
  query(connection, command(name, ...args), 5000)

/** Monotonic milliseconds, as the connection counts them. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** The end of a test's own command: with a reply, lost (written or not), or overdue. */
type End =
  | { readonly reply: Reply }
  | { readonly lost: LinkFailure; readonly written: boolean }
  | { readonly overdue: boolean }

class Recorded implements Outgoing {
  readonly command: Command<unknown>
  readonly binary = false
  readonly asking: boolean
  readonly deadline: number
  settled = false
  size = 0
  readonly ends: Array<End> = []

  constructor(command: Command<unknown>, asking = false, timeout = 5000) {
    this.command = command
    this.asking = asking
    this.deadline = now() + timeout
  }
  onReply(reply: Reply): void {
    this.end({ reply })
  }
  onLost(lost: LinkFailure, written: boolean): void {
    this.end({ lost, written })
  }
  onDeadline(overdue: boolean): void {
    this.end({ overdue })
  }
  private end(end: End): void {
    this.settled = true
    this.ends.push(end)
  }
}

const until = (condition: () => boolean) => Waiting.until(String(condition), condition)

describe("Connection: the handshake", () => {
  it.live("speaks RESP3, says who it is, and then serves", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ?? (args[0] === "GET" ? "$5\r\nvalue\r\n" : undefined)
      )
      const connection = yield* connect(server, { clientName: "tester", password: Redacted.make("pass") })
      assert.strictEqual(yield* ask(connection, "GET", "key"), "value")
      assert.deepStrictEqual(server.peers[0].commands[0], [
        "HELLO",
        "3",
        "AUTH",
        "default",
        "pass",
        "SETNAME",
        "tester"
      ])
      assert.deepStrictEqual(server.peers[0].commands[1].slice(0, 3), ["CLIENT", "SETINFO", "LIB-NAME"])
    }))

  for (
    const refusal of ["-NOPROTO unsupported protocol version\r\n", "-ERR unknown command `HELLO`, with args\r\n"]
  ) {
    it.live(`falls back to RESP2 when HELLO is refused with ${refusal.slice(1, 20)}...`, () =>
      Effect.gen(function*() {
        const server = yield* ScriptedServer.start((args) =>
          args[0] === "HELLO" ? refusal : args[0] === "GET" ? "$-1\r\n" : "+OK\r\n"
        )
        const connection = yield* connect(server, { username: "ada", password: Redacted.make("pass") })
        assert.strictEqual(yield* ask(connection, "GET", "key"), null)
        assert.deepStrictEqual(server.peers[0].commands[1], ["AUTH", "ada", "pass"])
      }))
  }

  it.live("ends within connectTimeout when the server accepts and says nothing", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(() => undefined)
      const connection = yield* connect(server, { connectTimeout: 100 })
      const failure = yield* Effect.flip(ask(connection, "GET", "key"))
      assert.deepStrictEqual(failure, { kind: "connection", message: "no connection within 100 ms" })
    }))

  it.live("says that the credentials were refused, and never what they were", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(() => "-WRONGPASS invalid username-password pair\r\n")
      const connection = yield* connect(server, { password: Redacted.make("hunter2") })
      const failure = yield* Effect.flip(ask(connection, "GET", "key"))
      assert.strictEqual(failure.kind, "authentication")
      assert.notInclude(failure.message, "hunter2")
    }))

  it.live("refuses a server that is another node than the one expected there", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        args[0] === "CLUSTER" ? "$3\r\nbbb\r\n" : ScriptedServer.welcome(args, peer)
      )
      const connections = yield* connectionsTo([server.endpoint])
      const failure = yield* Effect.flip(ask(connections.get({ ...server.endpoint, id: "aaa" }), "GET", "key"))
      assert.strictEqual(failure.message, "another node (bbb) listens where aaa was expected")
      assert.isFalse(server.peers[0].commands.some(([name]) => name === "GET"))
    }))
})

describe("Connections: a node that was met by a redirect", () => {
  it.live("is held to its id as soon as the topology tells it", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        args[0] === "CLUSTER" ? "$3\r\nbbb\r\n" : args[0] === "GET" ? "+value\r\n" : ScriptedServer.welcome(args, peer)
      )
      const connections = yield* connectionsTo([server.endpoint])
      const connection = connections.get(server.endpoint)
      assert.strictEqual(yield* ask(connection, "GET", "key"), "value")
      connections.retain(new Map([[connection.address, { ...server.endpoint, id: "aaa" }]]))
      assert.strictEqual(connections.get(server.endpoint), connection)
      connection.reset("for the test")
      const failure = yield* Effect.flip(ask(connection, "GET", "key"))
      assert.strictEqual(failure.message, "another node (bbb) listens where aaa was expected")
    }))
})

describe("Connection: replies", () => {
  it.live("ends with ProtocolError's cause on a malformed byte; other connections do not notice", () =>
    Effect.gen(function*() {
      let malformed = true
      const bad = yield* ScriptedServer.start((args, peer) => {
        if (args[0] !== "GET") return ScriptedServer.welcome(args, peer)
        if (!malformed) return "+fine\r\n"
        malformed = false
        return "$abc\r\n"
      })
      const held: Array<ScriptedServer.Peer> = []
      const good = yield* ScriptedServer.start((args, peer) => {
        if (args[0] === "GET") held.push(peer)
        return ScriptedServer.welcome(args, peer)
      })
      const connections = yield* connectionsTo([bad.endpoint, good.endpoint])
      const waiting = yield* Effect.forkChild(ask(connections.get(good.endpoint), "GET", "key"))
      yield* until(() => held.length === 1)
      const results = yield* Effect.all(
        [1, 2, 3].map(() => Effect.result(ask(connections.get(bad.endpoint), "GET", "key"))),
        {
          concurrency: "unbounded"
        }
      )
      for (const result of results) {
        assert.isTrue(Result.isFailure(result) && result.failure.kind === "protocol", JSON.stringify(result))
      }
      held[0].socket.write("+held\r\n")
      assert.strictEqual(yield* Fiber.join(waiting), "held")
      assert.strictEqual(good.peers.length, 1)
      assert.strictEqual(yield* ask(connections.get(bad.endpoint), "GET", "key"), "fine")
    }))

  it.live("replaces a connection that answers what nobody asked", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        args[0] === "GET" ? `+${peer.index}\r\n` : ScriptedServer.welcome(args, peer)
      )
      const connection = yield* connect(server)
      assert.strictEqual(yield* ask(connection, "GET", "key"), "0")
      server.peers[0].socket.write("+surplus\r\n")
      yield* until(() => server.peers.length === 2)
      assert.strictEqual(yield* ask(connection, "GET", "key"), "1")
    }))

  it.live("reads replies that are cut at any byte", () =>
    Effect.gen(function*() {
      const bytes = "*3\r\n$5\r\nab\r\nc\r\n:-12\r\n%1\r\n+key\r\n#t\r\n"
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[0] !== "GET") return ScriptedServer.welcome(args, peer)
        const cut = Number(args[1])
        peer.socket.write(bytes.slice(0, cut))
        setTimeout(() => peer.socket.write(bytes.slice(cut)), 2)
        return undefined
      })
      const connection = yield* connect(server)
      for (let cut = 1; cut < bytes.length; cut++) {
        assert.deepStrictEqual(yield* ask(connection, "GET", String(cut)), ["ab\r\nc", -12, new Map([["key", true]])])
      }
      assert.strictEqual(server.peers.length, 1)
    }))

  it.live("gives up what was written, and says so, when the server closes in the middle of a reply", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[0] !== "GET") return ScriptedServer.welcome(args, peer)
        if (peer.index > 0) return "+again\r\n"
        peer.socket.end("$10\r\nhalf")
        return undefined
      })
      const connection = yield* connect(server)
      const outgoing = new Recorded(command("GET", "key"))
      connection.send(outgoing)
      yield* until(() => outgoing.settled)
      assert.deepStrictEqual(outgoing.ends, [{
        lost: { kind: "connection", message: "closed by the server" },
        written: true
      }])
      assert.strictEqual(yield* ask(connection, "GET", "key"), "again")
    }))

  it.live("drops the reply of a command that nobody waits for any more, and no other", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connection = yield* connect(server)
      const fibers = yield* Effect.forEach(["a", "b", "c"], (key) => Effect.forkChild(ask(connection, "GET", key)))
      yield* until(() => server.peers[0]?.commands.filter(([name]) => name === "GET").length === 3)
      yield* Fiber.interrupt(fibers[1])
      server.peers[0].socket.write("+a\r\n+b\r\n+c\r\n")
      assert.deepStrictEqual(yield* Effect.all([Fiber.join(fibers[0]), Fiber.join(fibers[2])]), ["a", "c"])
      assert.strictEqual(connection.depth, 0)
    }))

  it.live("finds a server that has fallen silent: PING, then another connection", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        args[0] === "ECHO"
          ? "+well\r\n"
          : args[0] === "GET" && peer.index > 0
          ? "+second\r\n"
          : ScriptedServer.welcome(args, peer)
      )
      const connection = yield* connect(server, { pingAfter: 100, pingTimeout: 100 })
      yield* ask(connection, "ECHO")
      const outgoing = new Recorded(command("GET", "key"))
      connection.send(outgoing)
      yield* until(() => outgoing.settled)
      const [end] = outgoing.ends
      assert.isTrue("lost" in end && end.written && end.lost.message.includes("PING unanswered"), JSON.stringify(end))
      assert.deepStrictEqual(server.peers[0].commands.at(-1), ["PING"])
      assert.strictEqual(yield* ask(connection, "GET", "key"), "second")
    }))

  it.live("keeps a slow server that answers the PING", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => {
        // Redis answers in order: the PING is answered behind the slow reply.
        if (args[0] === "GET") setTimeout(() => peer.socket.write("+slow\r\n+PONG\r\n"), 400)
        return ScriptedServer.welcome(args, peer)
      })
      const connection = yield* connect(server, { pingAfter: 100, pingTimeout: 10_000 })
      assert.strictEqual(yield* ask(connection, "GET", "key"), "slow")
      assert.deepStrictEqual(server.peers[0].commands.at(-1), ["PING"])
      assert.strictEqual(server.peers.length, 1)
    }))
})

describe("Connection: reconnects", () => {
  it.live("does not hammer a server that greets and then closes", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[1] === "SETINFO" && args[2] === "LIB-VER") setImmediate(() => peer.socket.destroy())
        return ScriptedServer.welcome(args, peer)
      })
      const connection = yield* connect(server)
      connection.connect()
      yield* Effect.sleep(1000)
      // By the reconnect schedule: 50, 100, 200, 400 ms ... and two attempts at once.
      assert.isAtMost(server.peers.length, 8)
    }))
})

describe("Connection: a schedule that has ended", () => {
  for (
    const { schedule, title } of [
      { title: "says no more", schedule: Schedule.recurs(0) },
      { title: "dies", schedule: Schedule.fromStep(Effect.succeed(() => Effect.die("a broken schedule"))) }
    ]
  ) {
    it.live(`that ${title} leaves it to the next command to dial again`, () =>
      Effect.gen(function*() {
        let welcome = false
        const server = yield* ScriptedServer.start((args, peer) => {
          if (!welcome) peer.socket.destroy()
          return ScriptedServer.welcome(args, peer) ?? "+OK\r\n"
        })
        const connection = yield* connect(server, { reconnectSchedule: schedule })
        const refused = yield* Effect.result(ask(connection, "GET", "key"))
        assert.isTrue(Result.isFailure(refused))
        yield* Effect.sleep(20)
        welcome = true
        // This one is refused at once, and dials.
        yield* Effect.result(ask(connection, "GET", "key"))
        yield* until(() => connection.state === "ready")
        assert.strictEqual(yield* ask(connection, "GET", "key"), "OK")
      }))
  }
})

/**
 * A stream for a test, with the behaviour that the test wants. It answers every command with `+OK` once it has taken
 * the write.
 */
const duplex = (options: DuplexOptions, taken: () => Promise<void> = () => Promise.resolve()) => {
  const decoder = new RespDecoder({
    binary: () => true,
    onPush: () => {},
    onReply: (reply) => {
      const [name] = (reply as ReadonlyArray<Uint8Array>).map(String)
      stream.push(name === "HELLO" ? "%0\r\n" : "+OK\r\n")
    }
  })
  const stream: Duplex = new Duplex({
    ...options,
    read: () => {},
    write: (chunk: Buffer, _, done) => {
      void taken().then(() => {
        decoder.push(chunk)
        done()
      })
    }
  })
  return stream
}

describe("Connection: over a stream of one's own", () => {
  it.live("goes on when much waits in a stream that will never say that it has drained", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(() => undefined)
      const connection = yield* connect(server, {
        stream: () =>
          duplex({ writableHighWaterMark: 64 * 1024 * 1024 }, () => new Promise((done) => setTimeout(done, 5)))
      })
      yield* ask(connection, "PING")
      const replies = yield* Effect.all(
        Array.from({ length: 20 }, (_, i) => ask(connection, "SET", String(i), "v".repeat(200_000))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(replies, Array.from({ length: 20 }, () => "OK"))
    }))

  it.live("dials again when the stream ends for reading and stays open for writing", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(() => undefined)
      const streams: Array<Duplex> = []
      const connection = yield* connect(server, {
        stream: () => {
          const stream = duplex({ allowHalfOpen: true })
          streams.push(stream)
          return stream
        }
      })
      assert.strictEqual(yield* ask(connection, "PING"), "OK")
      streams[0].push(null)
      yield* until(() => streams.length === 2 && connection.state === "ready")
      assert.strictEqual(yield* ask(connection, "PING"), "OK")
      assert.isTrue(streams[0].destroyed)
    }))
})

describe("Connection: deadlines", () => {
  it.live("of a long queue are kept by few alarms", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const asked: Array<number> = []
      const rings: Array<number> = []
      const clock = yield* Clock.Clock
      const counting: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (duration: Duration.Duration) => {
          asked.push(Duration.toMillis(duration))
          return Effect.tap(clock.sleep(duration), () => Effect.sync(() => rings.push(now())))
        }
      })
      const connection = yield* Effect.provideService(connect(server, { maxInFlight: 100 }), Clock.Clock, counting)
      yield* ask(connection, "PING").pipe(Effect.timeoutOption(50))
      asked.length = 0
      const all = Array.from({ length: 60_000 }, (_, i) => new Recorded(command("GET", "key"), false, 200 + i % 600))
      for (const outgoing of all) connection.send(outgoing)
      let missed = 0
      for (const outgoing of all) {
        const { deadline, onDeadline } = outgoing
        outgoing.onDeadline = (written) => {
          missed = Math.max(missed, rings.filter((at) => at > deadline).length)
          onDeadline.call(outgoing, written)
        }
      }
      yield* until(() => all.every(({ settled }) => settled))
      assert.isTrue(all.every(({ ends }) => ends.length === 1 && "overdue" in ends[0]))
      // A ring looks at everything. 600 different times, and a ring for each would be one too many.
      assert.isBelow(asked.length, 200)
      // Each is told by the first ring after it, and no ring is put off: lateness is the machine's.
      assert.isAtMost(missed, 2)
      assert.isBelow(Math.max(...asked), 1000)
      // A command that was given up before it was written is gone.
      assert.isAtMost(connection.depth, 101)
    }), 20_000)
})

describe("Connection: the bound with overflow \"fail\"", () => {
  it.live("counts the bytes that wait for the socket, too", () =>
    Effect.gen(function*() {
      let welcome: (() => void) | undefined
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[0] === "HELLO") {
          welcome = () => peer.socket.write("%0\r\n")
          return undefined
        }
        return ScriptedServer.welcome(args, peer) ?? "+OK\r\n"
      })
      const connection = yield* connect(server, { overflow: "fail", maxInFlightBytes: 1_000_000 })
      const all = Array.from({ length: 30 }, (_, i) => new Recorded(command("SET", String(i), "v".repeat(100_000))))
      for (const outgoing of all) connection.send(outgoing)
      const refused = all.filter(({ settled }) => settled)
      assert.strictEqual(refused.length, 20)
      for (const { ends: [end] } of refused) {
        assert.isTrue("lost" in end && end.lost.kind === "overloaded" && !end.written, JSON.stringify(end))
      }
      yield* until(() => welcome !== undefined)
      welcome?.()
      yield* until(() => all.every(({ settled }) => settled))
      assert.isTrue(all.slice(0, 10).every(({ ends: [end] }) => "reply" in end && end.reply === "OK"))
      // No command is counted without end.
      const again = Array.from({ length: 10 }, (_, i) => new Recorded(command("SET", String(i), "v".repeat(100_000))))
      for (const outgoing of again) connection.send(outgoing)
      yield* until(() => again.every(({ settled }) => settled))
      assert.isTrue(again.every(({ ends: [end] }) => "reply" in end && end.reply === "OK"))
    }))
})

describe("Connection: writes", () => {
  it.live("writes ASKING and its command together, with nothing in between", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ?? (args[0] === "ASKING" ? "+OK\r\n" : `+${args[1]}\r\n`)
      )
      const connection = yield* connect(server)
      yield* ask(connection, "GET", "first")
      const all = Array.from({ length: 20 }, (_, i) => new Recorded(command("GET", String(i)), i % 3 === 1))
      for (const outgoing of all) connection.send(outgoing)
      yield* until(() => all.every((outgoing) => outgoing.settled))
      for (const [i, outgoing] of all.entries()) assert.deepStrictEqual(outgoing.ends, [{ reply: String(i) }])
      const { commands, reads } = server.peers[0]
      const names = commands.map((args) => args.join(" "))
      for (const [i, outgoing] of all.entries()) {
        assert.strictEqual(names[names.indexOf(`GET ${i}`) - 1] === "ASKING", outgoing.asking)
      }
      assert.isTrue(reads.some((read) => read.includes("ASKING\r\n*2\r\n$3\r\nGET\r\n$1\r\n1\r\n")))
    }))

  it.live("writes the commands of one tick at once", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ?? `+${args[1]}\r\n`
      )
      const connection = yield* connect(server)
      yield* ask(connection, "GET", "first")
      const before = server.peers[0].reads.length
      const replies = yield* Effect.all(
        Array.from({ length: 500 }, (_, i) => ask(connection, "GET", String(i))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(replies, Array.from({ length: 500 }, (_, i) => String(i)))
      // One write of 13 KB; the kernel may hand it over in parts.
      assert.isAtMost(server.peers[0].reads.length - before, 5)
    }))

  it.live("has no more commands on the wire than maxInFlight; the others wait their turn", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connection = yield* connect(server, { maxInFlight: 3 })
      const all = Array.from({ length: 8 }, (_, i) => new Recorded(command("GET", String(i))))
      for (const outgoing of all) connection.send(outgoing)
      const written = () => server.peers[0]?.commands.filter(([name]) => name === "GET").length
      yield* until(() => written() === 3)
      server.peers[0].socket.write("+0\r\n+1\r\n")
      yield* until(() => written() === 5)
      yield* Effect.sleep(20)
      assert.strictEqual(written(), 5)
      server.peers[0].socket.write("+2\r\n+3\r\n+4\r\n")
      yield* until(() => written() === 8)
      server.peers[0].socket.write("+5\r\n+6\r\n+7\r\n")
      yield* until(() => connection.depth === 0)
      assert.deepStrictEqual(all.map(({ ends }) => ends), all.map((_, i) => [{ reply: String(i) }]))
    }))

  it.live("stops writing while the socket is full, and goes on when it has drained", () =>
    Effect.gen(function*() {
      let reading = false
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[0] === "SET") return "+OK\r\n"
        if (args[0] === "STALL") {
          peer.socket.pause()
          const timer = setInterval(() => {
            if (!reading) return
            clearInterval(timer)
            peer.socket.resume()
          }, 5)
          return "+OK\r\n"
        }
        return ScriptedServer.welcome(args, peer)
      })
      let socket: Net.Socket | undefined
      const connection = yield* connect(server, {
        stream: (endpoint) => socket = Net.connect({ ...endpoint, noDelay: true })
      })
      yield* ask(connection, "STALL")
      const value = "v".repeat(100_000)
      const all = Array.from({ length: 300 }, (_, i) => new Recorded(command("SET", String(i), value), false, 30_000))
      for (const outgoing of all) connection.send(outgoing)
      yield* Effect.sleep(200)
      // 30 MB are waiting; the socket holds one write beyond its limit at most.
      assert.isAbove(socket?.writableLength ?? 0, 0)
      assert.isBelow(socket?.writableLength ?? 0, 2 * 1024 * 1024)
      reading = true
      yield* until(() => all.every(({ settled }) => settled))
      assert.isTrue(all.every(({ ends: [end] }) => "reply" in end && end.reply === "OK"))
    }), 30_000)

  it.live("counts every command of a block for maxInFlight, and writes a greater block alone", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connection = yield* connect(server, { maxInFlight: 3 })
      const gets = (...keys: ReadonlyArray<string>) => keys.map((key) => command("GET", key))
      const block = (...keys: ReadonlyArray<string>) =>
        Object.assign(new Recorded(command("GET", keys[0])), { block: gets(...keys) })
      for (const keys of [["a", "b"], ["c", "d"], ["e", "f", "g", "h"]]) connection.send(block(...keys))
      const written = () => server.peers[0]?.commands.filter(([name]) => name === "GET").length
      yield* until(() => written() === 2)
      yield* Effect.sleep(20)
      assert.strictEqual(written(), 2)
      server.peers[0].socket.write("+a\r\n+b\r\n")
      yield* until(() => written() === 4)
      yield* Effect.sleep(20)
      assert.strictEqual(written(), 4)
      server.peers[0].socket.write("+c\r\n+d\r\n")
      yield* until(() => written() === 8)
    }))

  it.live("never writes what was given up in the queue", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connection = yield* connect(server, { maxInFlight: 1 })
      const all = ["a", "b", "c"].map((key) => new Recorded(command("GET", key)))
      for (const outgoing of all) connection.send(outgoing)
      yield* until(() => server.peers[0]?.commands.some(([name]) => name === "GET"))
      all[1].settled = true
      server.peers[0].socket.write("+a\r\n")
      yield* until(() => server.peers[0].commands.at(-1)?.[1] === "c")
      assert.isFalse(server.peers[0].commands.some((args) => args[1] === "b"))
    }))
})

describe("Connection: closing", () => {
  it.live("in the middle of the handshake ends at once", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(() => undefined)
      const connection = yield* connect(server, { connectTimeout: 10_000 })
      const outgoing = new Recorded(command("GET", "key"))
      connection.send(outgoing)
      yield* until(() => server.peers[0]?.commands.length === 1)
      yield* connection.close(10_000)
      const [end] = outgoing.ends
      assert.isTrue("lost" in end && end.lost.kind === "closed" && !end.written, JSON.stringify(end))
      yield* until(() => server.peers[0].socket.destroyed)
      assert.strictEqual(server.peers.length, 1)
    }))

  it.live("waits for what is on the wire, hands back what is not, and refuses what comes later", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connection = yield* connect(server, { maxInFlight: 1 })
      const all = ["a", "b", "c"].map((key) => new Recorded(command("GET", key)))
      connection.send(all[0])
      connection.send(all[1])
      yield* until(() => server.peers[0]?.commands.some(([name]) => name === "GET"))
      const closing = yield* Effect.forkChild(connection.close(5000))
      yield* until(() => all[1].settled)
      connection.send(all[2])
      assert.isFalse(all[0].settled)
      server.peers[0].socket.write("+a\r\n")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(all[0].ends, [{ reply: "a" }])
      for (const { ends: [end] } of all.slice(1)) {
        assert.isTrue("lost" in end && end.lost.kind === "closed" && !end.written, JSON.stringify(end))
      }
      yield* until(() => server.peers[0].socket.destroyed || server.peers[0].socket.readableEnded)
    }))

  it.live("gives up what is on the wire after the drain timeout", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connection = yield* connect(server)
      const outgoing = new Recorded(command("GET", "key"))
      connection.send(outgoing)
      yield* until(() => server.peers[0]?.commands.some(([name]) => name === "GET"))
      yield* connection.close(50)
      const [end] = outgoing.ends
      assert.isTrue("lost" in end && end.lost.kind === "closed" && end.written, JSON.stringify(end))
    }))
})
