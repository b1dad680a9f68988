import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import { Command, timeout } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import type { Connection } from "../../src/connection/Connection.ts"
import * as Connections from "../../src/connection/Connections.ts"
import type { LinkFailure, Outgoing } from "../../src/connection/Outgoing.ts"
import { query, question } from "../../src/connection/Query.ts"
import type { Reply } from "../../src/protocol/Reply.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"
import * as ScriptedServer from "./ScriptedServer.ts"

const connect = Effect.fnUntraced(function*(
  endpoint: { readonly host: string; readonly port: number },
  given: Partial<ClusterOptions.ClusterOptions>
) {
  const options = yield* Effect.fromResult(ClusterOptions.resolve({ drainTimeout: 10, ...given, nodes: [endpoint] }))
  return (yield* Connections.make(options)).get(endpoint)
})

const until = (condition: () => boolean) => Waiting.until(String(condition), condition)

/** Callers that ask without a pause for the echo of what they say; what came in place of it. */
const callers = (connection: Connection, count: number) => {
  const wrong: Array<Reply> = []
  let running = true
  let right = 0
  const one = (caller: number) =>
    Effect.gen(function*() {
      for (let i = 0; running; i++) {
        const said = `${caller}:${i}`
        const reply = yield* Effect.result(query(connection, question("ECHO", said), 5000))
        if (Result.isFailure(reply)) yield* Effect.sleep(5)
        else if (reply.success === said) right++
        else wrong.push(reply.success)
      }
    })
  return {
    wrong,
    right: () => right,
    stop: () => (running = false),
    start: Effect.forkChild(
      Effect.forEach(Array.from({ length: count }, (_, i) => i), one, { concurrency: "unbounded" })
    )
  }
}

/** Lets callers run, shifts the replies, and waits until they are right again on a new socket. */
const heals = (connection: Connection, shift: Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const load = callers(connection, 20)
    yield* load.start
    yield* until(() => load.right() > 100)
    yield* Effect.forkChild(shift)
    yield* until(() => connection.sockets === 2 && connection.state === "ready")
    assert.isNotEmpty(load.wrong)
    const [before, wrong] = [load.right(), load.wrong.length]
    yield* until(() => load.right() > before + 100)
    assert.strictEqual(load.wrong.length, wrong)
    load.stop()
  })

const echo = (args: ReadonlyArray<string>): string =>
  args[0] === "ECHO" ? `$${args[1].length}\r\n${args[1]}\r\n` : args[0] === "PING" ? "+PONG\r\n" : "+OK\r\n"

describe("A shift of replies", () => {
  it.live("under load that never pauses is found by a PING, and the socket is replaced", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ??
          (args[0] === "MUTE" ? undefined : args[0] === "TWICE" ? "+1\r\n+2\r\n" : echo(args))
      )
      for (const name of ["MUTE", "TWICE"]) {
        const connection = yield* connect(server.endpoint, { pingAfter: 100, pingTimeout: 5000 })
        yield* heals(connection, Effect.ignore(query(connection, question(name), 5000)))
        assert.match(connection.lastFailure?.message ?? "", /in place of the reply to PING|belongs to no command/)
      }
    }))

  it.live("of a server that owes a reply and is idle heals, too", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ?? (args[0] === "MUTE" && peer.index === 0 ? undefined : echo(args))
      )
      const connection = yield* connect(server.endpoint, { pingAfter: 50, pingTimeout: 100 })
      yield* Effect.forkChild(Effect.ignore(query(connection, question("MUTE"), 5000)))
      yield* until(() => server.peers.length === 2 && connection.state === "ready")
      assert.strictEqual(yield* query(connection, question("ECHO", "hello"), 5000), "hello")
    }))

  it.live("on a real server, by a command without a reply", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ primaries: 1 })
      const [{ host, port }] = cluster.nodes
      const connection = yield* connect({ host, port }, { pingAfter: 100, pingTimeout: 5000 })
      yield* heals(connection, Effect.ignore(query(connection, question("REPLCONF", "ACK", "0"), 5000)))
    }))
})

describe("A PING", () => {
  const refusals = [
    "-NOPERM User app has no permissions to run the 'ping' command",
    "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "-LOADING Redis is loading the dataset in memory",
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "-MISCONF Errors writing to the AOF file: No space left on device"
  ]
  it.live("that a server refuses for a reason that concerns PING is a sign of life", () =>
    Effect.gen(function*() {
      let refused = 0
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[0] !== "PING") return ScriptedServer.welcome(args, peer) ?? echo(args)
        return `${refusals[refused++ % refusals.length]}\r\n`
      })
      const connection = yield* connect(server.endpoint, { pingAfter: 20 })
      const load = callers(connection, 4)
      yield* load.start
      yield* until(() => refused > refusals.length)
      load.stop()
      assert.strictEqual(connection.sockets, 1)
      assert.deepStrictEqual(load.wrong, [])
    }))

  it.live("is not sent while nothing is asked", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer) ?? echo(args))
      const connection = yield* connect(server.endpoint, { pingAfter: 10 })
      yield* query(connection, question("ECHO", "a"), 5000)
      yield* until(() => connection.depth === 0)
      const before = server.peers[0].commands.length
      yield* Effect.sleep(100)
      assert.strictEqual(server.peers[0].commands.length, before)
    }))
})

class Patient implements Outgoing {
  readonly binary = false
  readonly asking = false
  readonly deadline = Number(process.hrtime.bigint()) / 1e6 + 20_000
  readonly command: Command<unknown>
  settled = false
  size = 0
  reply: Reply | undefined
  failure: LinkFailure | undefined

  constructor(name: string, args: ReadonlyArray<string | Uint8Array> = [], hasOwnTimeout = true) {
    const command = new Command<unknown>(new CommandSpec(name, {}), args, (reply) => reply)
    this.command = hasOwnTimeout ? timeout(command, "20 seconds") : command
  }
  onReply(reply: Reply): void {
    this.settled = true
    this.reply = reply
  }
  onLost(failure: LinkFailure): void {
    this.settled = true
    this.failure = failure
  }
  onDeadline(): void {
    this.settled = true
  }
}

describe("A command that makes progress", () => {
  it.live("is not cut: a large argument on a slow network", () =>
    Effect.gen(function*() {
      const size = 48 * 1024 * 1024
      let taken = 0
      const server = yield* ScriptedServer.start((args, peer) => {
        if (args[0] !== "SLOW") return ScriptedServer.welcome(args, peer) ?? echo(args)
        // From now on it reads for a moment, and pauses for a moment, and counts the bytes.
        const { socket } = peer
        const timer = setInterval(() => {
          socket.resume()
          setTimeout(() => socket.pause(), 5)
        }, 100)
        socket.removeAllListeners("data").once("close", () => clearInterval(timer)).on("data", (chunk: Buffer) => {
          taken += chunk.length
          if (taken >= size && taken - chunk.length < size) socket.write("+OK\r\n")
        })
        return "+OK\r\n"
      })
      const connection = yield* connect(server.endpoint, { pingAfter: 250, pingTimeout: 250 })
      yield* query(connection, question("SLOW"), 5000)
      const bytes = new Uint8Array(size).fill(65)
      const large = new Patient("SET", [bytes])
      connection.send(large)
      // The bytes may be given away as soon as they are written.
      yield* until(() => connection.depth > 0 && connection.queued === 0)
      structuredClone(bytes, { transfer: [bytes.buffer] })
      yield* until(() => large.settled)
      assert.strictEqual(large.failure, undefined)
      assert.isAtLeast(taken, size)
      assert.strictEqual(connection.sockets, 1)
    }), 60_000)

  it.live.each([
    { whose: "its own", hasOwnTimeout: true, commandTimeout: 1000 },
    { whose: "the client's", hasOwnTimeout: false, commandTimeout: 20_000 }
  ])(
    "is not cut before $whose timeout: a slow command on a server that answers nobody meanwhile",
    ({ commandTimeout, hasOwnTimeout }) =>
      Effect.gen(function*() {
        let isBusy = false
        const held: Array<() => void> = []
        const server = yield* ScriptedServer.start((args, peer) => {
          const { socket } = peer
          const slow = args[0] === "SMEMBERS"
          const answer = slow ? "+done\r\n" : ScriptedServer.welcome(args, peer) ?? echo(args)
          if (slow) {
            isBusy = true
            setTimeout(() => {
              isBusy = false
              for (const give of held) give()
            }, 1500)
          }
          if (!isBusy) return answer
          held.push(() => socket.writable && socket.write(answer))
          return undefined
        })
        const connection = yield* connect(server.endpoint, {
          pingAfter: 100,
          pingTimeout: 100,
          commandTimeout,
          connectTimeout: 300
        })
        yield* query(connection, question("ECHO", "a"), 5000)
        const slow = new Patient("SMEMBERS", ["k"], hasOwnTimeout)
        connection.send(slow)
        yield* until(() => slow.settled)
        assert.deepStrictEqual([slow.reply, slow.failure, connection.sockets], ["done", undefined, 1])
        assert.isAtLeast(server.peers.length, 2)
      })
  )

  it.live("is cut at last when the server stands still, however many commands come meanwhile", () =>
    Effect.gen(function*() {
      let isStill = false
      const server = yield* ScriptedServer.start((args, peer) =>
        isStill ? undefined : ScriptedServer.welcome(args, peer) ?? echo(args)
      )
      const connection = yield* connect(server.endpoint, {
        pingAfter: 50,
        pingTimeout: 50,
        commandTimeout: 1000,
        connectTimeout: 300
      })
      yield* query(connection, question("ECHO", "a"), 5000)
      isStill = true
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(
        Effect.forkScoped(Effect.ignore(query(connection, question("ECHO", "b"), 1000))),
        Effect.sleep(20)
      )))
      yield* until(() => connection.state !== "ready")
    }))

  it.live("is cut when the server answers others: its own socket is dead then", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        peer.index === 0 && args[0] !== "HELLO" && args[0] !== "CLIENT"
          ? undefined
          : ScriptedServer.welcome(args, peer) ?? echo(args)
      )
      const connection = yield* connect(server.endpoint, { pingAfter: 100, pingTimeout: 100, commandTimeout: 1000 })
      const slow = new Patient("SMEMBERS", ["k"])
      connection.send(slow)
      yield* until(() => slow.settled)
      assert.match(slow.failure?.message ?? "", /PING unanswered/)
    }))
})
