import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import { dial } from "../../src/connection/Dial.ts"
import type { LinkFailure } from "../../src/connection/Outgoing.ts"
import { socketError } from "../../src/connection/socketError.ts"
import * as Certificates from "../harness/Certificates.ts"
import * as ScriptedServer from "./ScriptedServer.ts"

const certificates = Certificates.make()

/** Dials, and ends the connection again. */
const dialled = (
  endpoint: { readonly host: string; readonly port: number },
  options: Partial<ClusterOptions.ClusterOptions> = {},
  expectedId = ""
): Effect.Effect<void, LinkFailure | string> =>
  Effect.flatMap(
    Effect.fromResult(ClusterOptions.resolve({ ...options, nodes: [endpoint] })),
    (resolved) => dial(endpoint, resolved, { expectedId, readonly: false }, ({ stream }) => stream.destroy())
  )

const refusal = (...args: Parameters<typeof dialled>): Effect.Effect<string, void> =>
  Effect.map(Effect.flip(dialled(...args)), (failure) => typeof failure === "string" ? failure : failure.message)

/** A server of Node's own on a free port of the loopback. */
const listening = <S extends Net.Server>(server: S): Effect.Effect<number, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
    }),
    () => Effect.sync(() => server.close())
  )

const tlsServer = Effect.suspend(() =>
  listening(
    Tls.createServer({ cert: certificates.certificate, key: certificates.key }, (socket) => {
      socket.on("error", () => {})
      // Enough for the handshake of the client.
      socket.on("data", (bytes) => socket.write("+OK\r\n".repeat(bytes.toString().split("*").length - 1)))
    })
  )
)

/** Keeps the event loop busy. */
const work = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

describe("Dialling", () => {
  it.live("succeeds when the process was busy beyond the timeout and the answers were there", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        args[0] === "CLIENT" ? "+OK\r\n" : ScriptedServer.welcome(args, peer)
      )
      setTimeout(() => work(500), 1)
      yield* dialled(server.endpoint, { connectTimeout: "300 millis" })
      // Between HELLO and its answer, too.
      const slow = yield* ScriptedServer.start((args, peer) => {
        if (args[0] === "HELLO") setTimeout(() => work(500), 1)
        return ScriptedServer.welcome(args, peer)
      })
      yield* dialled(slow.endpoint, { connectTimeout: "300 millis" })
    }))

  it.live("ends at its timeout when the server says nothing", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start(() => undefined)
      assert.strictEqual(
        yield* refusal(server.endpoint, { connectTimeout: "100 millis" }),
        "no connection within 100 ms"
      )
    }))

  it("tells why each of the addresses of a host was not to be reached", () => {
    const both = new AggregateError([
      new Error("connect ECONNREFUSED ::1:7"),
      new Error("connect ECONNREFUSED 127.0.0.1:7")
    ])
    assert.strictEqual(socketError(both), "connect ECONNREFUSED ::1:7, connect ECONNREFUSED 127.0.0.1:7")
    assert.strictEqual(socketError(Object.assign(new AggregateError([]), { code: "ETIMEDOUT" })), "ETIMEDOUT")
    assert.strictEqual(socketError(new Error("plain")), "plain")
  })

  it.live("falls back to RESP2 where HELLO is not known, and otherwise says that HELLO was refused, without the password", () =>
    Effect.gen(function*() {
      const credentials = { username: "ada", password: Redacted.make("s3cret") }
      for (const words of ["ERR unknown command 'HELLO'", "NOPROTO unsupported protocol version"]) {
        const old = yield* ScriptedServer.start((args) => args[0] === "HELLO" ? `-${words}\r\n` : "+OK\r\n")
        yield* dialled(old.endpoint, credentials)
        assert.deepStrictEqual(old.peers[0].commands[1], ["AUTH", "ada", "s3cret"])
      }
      const proxy = yield* ScriptedServer.start((args) => `-ERR bad request ${args.at(-1)}\r\n`)
      const message = yield* refusal(proxy.endpoint, credentials)
      assert.match(message, /^HELLO was refused: ERR bad request.*protocol: 2/)
      assert.notInclude(message, "s3cret")
    }))

  it.live("relies on no reports of changes over RESP2, where a server accepts CLIENT TRACKING and reports nothing", () =>
    Effect.gen(function*() {
      const hello = { old: "-ERR unknown command 'HELLO'\r\n", new: "%0\r\n" }
      for (const age of ["old", "new"] as const) {
        const server = yield* ScriptedServer.start((args) => args[0] === "HELLO" ? hello[age] : "+OK\r\n")
        const resolved = yield* Effect.fromResult(ClusterOptions.resolve({ nodes: [server.endpoint] }))
        let reports: boolean | undefined
        const request = { expectedId: "", readonly: false, tracking: ["ON", "OPTIN"] }
        yield* dial(server.endpoint, resolved, request, ({ generation, stream, trackingRefusal }) => {
          reports = generation !== undefined && trackingRefusal === undefined
          stream.destroy()
        })
        assert.strictEqual(reports, age === "new")
      }
    }))

  it.live("refuses a node of another id than is expected, unless the id shall not be verified", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ?? (args[1] === "MYID" ? "$1\r\nb\r\n" : "+OK\r\n")
      )
      assert.match(yield* refusal(server.endpoint, {}, "a"), /another node \(b\) listens where a was expected/)
      yield* dialled(server.endpoint, { verifyNodeId: false }, "a")
      assert.isFalse(server.peers[1].commands.some((args) => args[1] === "MYID"))
    }))

  it.live("asks the tls effect for each connection, and does not show why it failed", () =>
    Effect.gen(function*() {
      const port = yield* tlsServer
      const endpoint = { host: "127.0.0.1", port }
      let asked = 0
      const tls = Effect.sync(() => {
        asked++
        return { ca: certificates.ca }
      })
      yield* dialled(endpoint, { tls, protocol: 2 })
      yield* dialled(endpoint, { tls, protocol: 2 })
      assert.strictEqual(asked, 2)
      assert.strictEqual(
        yield* refusal(endpoint, { tls: Effect.fail("the key") }),
        "the effect of the option tls failed; its cause is not shown, because it may quote a key"
      )
    }))

  it.live("checks a certificate against the host over a stream of one's own as well", () =>
    Effect.gen(function*() {
      const port = yield* tlsServer
      const stream = () => Net.connect(port, "127.0.0.1")
      const tls = { ca: certificates.ca }
      yield* dialled({ host: "127.0.0.1", port }, { tls, stream, protocol: 2 })
      // The certificate is for localhost and 127.0.0.1.
      assert.match(
        yield* refusal({ host: "127.0.0.2", port }, { tls, stream, protocol: 2 }),
        /IP: 127\.0\.0\.2 is not in/
      )
    }))

  it.live("asks whether the server speaks TLS when one side does and the other does not", () =>
    Effect.gen(function*() {
      const secure = yield* tlsServer
      assert.match(yield* refusal({ host: "127.0.0.1", port: secure }), /speak TLS\? Then it wants rediss:/)
      const tls = { ca: certificates.ca }
      const silent = yield* ScriptedServer.start(() => undefined)
      const late = yield* refusal(silent.endpoint, { tls, connectTimeout: "100 millis" })
      assert.match(late, /^no connection within 100 ms.*speak TLS\?/)
      const answers: ReadonlyArray<(socket: Net.Socket) => void> = [
        (socket) => socket.end("-ERR Protocol error\r\n"),
        (socket) => socket.destroy(),
        (socket) => socket.resetAndDestroy()
      ]
      for (const answer of answers) {
        const port = yield* listening(Net.createServer((socket) => {
          socket.on("error", () => {}).once("data", () => answer(socket))
        }))
        assert.match(yield* refusal({ host: "127.0.0.1", port }, { tls }), /speak TLS\?/)
      }
      const nobody = yield* Effect.scoped(listening(Net.createServer()))
      assert.notMatch(yield* refusal({ host: "127.0.0.1", port: nobody }, { tls }), /speak TLS/)
      assert.notMatch(yield* refusal({ host: "127.0.0.1", port: secure }, { tls: {} }), /speak TLS/)
    }))
})
