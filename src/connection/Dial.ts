/** From an endpoint to a byte stream that is ready for commands: socket, TLS, handshake. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as net from "node:net"
import type { Duplex } from "node:stream"
import * as tls from "node:tls"
import type { Endpoint } from "../cluster/Endpoint.ts"
import type { Credentials, ResolvedOptions, TlsOptions } from "../ClusterOptions.ts"
import { within } from "../internal/patience.ts"
import { kindOf, refusesHello, refusesLogin } from "../protocol/ErrorKind.ts"
import { withoutArguments } from "../protocol/quotes.ts"
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import { prepare } from "./OnConnect.ts"
import type { LinkFailure } from "./Outgoing.ts"
import { codeOf, socketError } from "./socketError.ts"
import { open, type Wire } from "./Wire.ts"
import { write } from "./Write.ts"

/** The demands on a connection beyond the endpoint that it reaches. */
export interface DialRequest {
  /** The id of the node that is expected there; a node with another id is refused. Empty when no id is known. */
  readonly expectedId: string
  /**
   * Whether the handshake sends READONLY, so that replicas serve reads. `ifAllowed`: a user who may not run READONLY
   * connects without it.
   */
  readonly readonly: boolean | "ifAllowed"
  /** The arguments of CLIENT TRACKING, for a socket on which the server is to report changes of keys. */
  readonly tracking?: ReadonlyArray<string> | undefined
}

const libraryName = "effect-redis-cluster"
const libraryVersion = "0.1.0"

/** Waits until the stream accepts writes. */
const opened = (stream: Duplex): Effect.Effect<void, LinkFailure> => {
  const event = stream instanceof tls.TLSSocket
    ? "secureConnect"
    : stream instanceof net.Socket && stream.connecting
    ? "connect"
    : undefined
  if (event === undefined) return Effect.void
  return Effect.callback((resume) => {
    const finish = (effect: Effect.Effect<void, LinkFailure>) => {
      stream.off(event, onOpen)
      stream.off("error", onError)
      stream.off("close", onClose)
      resume(effect)
    }
    const onOpen = () => finish(Effect.void)
    const failed = (reason: string) => event === "secureConnect" ? `${reason}${speaksPlainly}` : reason
    const onError = (error: Error) =>
      finish(failWith("connection", isOfTls(error) ? failed(socketError(error)) : socketError(error)))
    const onClose = () => finish(failWith("connection", failed("closed while connecting")))
    stream.on(event, onOpen)
    stream.on("error", onError)
    stream.on("close", onClose)
  })
}

/**
 * Whether an error says that the server does not speak TLS, rather than that no server listens or that a certificate
 * is refused.
 */
const isOfTls = (error: Error): boolean => {
  const code = codeOf(error)
  return code === "ECONNRESET" || code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER"
}

const speaksPlainly = ". Does this server speak TLS? rediss:// and the option tls ask for it"
const speaksTls = ". Does this server speak TLS? Then it wants rediss:// or the option tls"

const failWith = (kind: LinkFailure["kind"], message: string): Effect.Effect<never, LinkFailure> =>
  Effect.fail({ kind, message })

const closedEarly = "closed by the server during the handshake"

/** Sends commands in one write and collects as many replies. The handshake ignores pushes in between. */
const exchange = (
  wire: Wire,
  commands: ReadonlyArray<ReadonlyArray<Argument>>,
  hint = ""
): Effect.Effect<ReadonlyArray<Reply>, LinkFailure> =>
  Effect.callback((resume) => {
    const { stream } = wire
    if (stream.destroyed || stream.readableEnded) return resume(failWith("connection", closedEarly + hint))
    const replies: Array<Reply> = []
    const decoder = new RespDecoder({
      binary: () => false,
      onPush: () => {},
      onReply: (reply) => {
        replies.push(reply)
        if (replies.length === commands.length) finish(Effect.succeed(replies))
      }
    })
    const finish = (effect: Effect.Effect<ReadonlyArray<Reply>, LinkFailure>) => {
      wire.receive = () => {}
      stream.off("error", onError)
      stream.off("close", onClose)
      stream.off("end", onClose)
      resume(effect)
    }
    wire.receive = (bytes) => {
      const malformed = decoder.push(bytes)
      if (malformed !== undefined) finish(failWith("protocol", malformed + hint))
    }
    const onError = (error: Error) => finish(failWith("connection", socketError(error) + hint))
    const onClose = () => finish(failWith("connection", closedEarly + hint))
    stream.on("error", onError)
    stream.on("close", onClose)
    stream.on("end", onClose)
    const encoder = new RespEncoder()
    for (const command of commands) {
      const refusal = encoder.push(`*${command.length}\r\n`, command)
      if (refusal !== undefined) return finish(failWith("connection", `${command[0]}: ${refusal}`))
    }
    write(stream, encoder.take())
  })

const refusesResp3 = (reply: Reply): boolean => reply instanceof ServerError && refusesHello(reply)

/** Sends HELLO where RESP3 is wanted and the server knows it, and otherwise AUTH and CLIENT SETNAME. */
const greet = Effect.fnUntraced(function*(
  wire: Wire,
  options: ResolvedOptions,
  credentials: Credentials | undefined
): Effect.fn.Return<void, LinkFailure> {
  const password = credentials === undefined ? undefined : Redacted.value(credentials.password)
  // The first exchange shows whether client and server both use TLS, or neither does.
  const hint = wire.isSecure ? "" : speaksTls
  const check = (reply: Reply, command: ReadonlyArray<Argument>, advice = ""): Effect.Effect<void, LinkFailure> => {
    if (!(reply instanceof ServerError)) return Effect.void
    const message = withoutArguments(reply.message, command.filter((word) => word === password))
    return refusesLogin(reply)
      ? failWith("authentication", message)
      : failWith("connection", `${command[0]} was refused: ${message}${advice}`)
  }
  if (options.protocol === 3) {
    const hello: Array<Argument> = ["HELLO", "3"]
    if (password !== undefined) hello.push("AUTH", credentials?.username ?? "default", password)
    if (options.clientName !== undefined) hello.push("SETNAME", options.clientName)
    const [reply] = yield* exchange(wire, [hello], hint)
    if (!refusesResp3(reply)) {
      wire.speaksResp3 = true
      const advice = ". A server or proxy that does not know HELLO can be reached with the option protocol: 2"
      return yield* check(reply, hello, advice)
    }
  }
  const commands: Array<ReadonlyArray<Argument>> = []
  if (password !== undefined) {
    commands.push(credentials?.username === undefined ? ["AUTH", password] : ["AUTH", credentials.username, password])
  }
  if (options.clientName !== undefined) commands.push(["CLIENT", "SETNAME", options.clientName])
  // The commands go one by one, because Redis 8.6 leaves a refused AUTH unanswered when it reads it together with
  // other commands.
  for (const command of commands) {
    const [reply] = yield* exchange(wire, [command], hint)
    yield* check(reply, command)
  }
})

/**
 * Sends CLIENT SETINFO, asks for the id of the node, and sends READONLY. Errors of old servers that do not know these
 * commands are ignored.
 */
const settle = Effect.fnUntraced(function*(
  wire: Wire,
  options: ResolvedOptions,
  request: DialRequest
): Effect.fn.Return<void, LinkFailure> {
  const isVerified = options.verifyNodeId && request.expectedId !== ""
  const commands: Array<ReadonlyArray<Argument>> = [
    [
      "CLIENT",
      "SETINFO",
      "LIB-NAME",
      options.libName === undefined ? libraryName : `${libraryName}(${options.libName})`
    ],
    ["CLIENT", "SETINFO", "LIB-VER", libraryVersion]
  ]
  if (isVerified) commands.push(["CLUSTER", "MYID"])
  const { tracking } = request
  const isTracked = tracking !== undefined && wire.speaksResp3
  if (isTracked) commands.push(["CLIENT", "TRACKING", ...tracking])
  // A server accepts CLIENT TRACKING over RESP2 as well, and then reports nothing.
  else if (tracking !== undefined) wire.trackingRefusal = "the server does not speak RESP3 here"
  const trackingAt = commands.length - 1
  if (request.readonly !== false) commands.push(["READONLY"])
  const replies = yield* exchange(wire, commands)
  if (isTracked) {
    const reply = replies[trackingAt]
    // Without reports commands are served, and not cached.
    if (reply instanceof ServerError) wire.trackingRefusal = reply.message
    else wire.beginGeneration()
  }
  if (isVerified) {
    const found = replies[2]
    if (typeof found === "string" && found !== request.expectedId) {
      const message = `another node (${found}) listens where ${request.expectedId} was expected`
      return yield* Effect.fail<LinkFailure>({ kind: "connection", message, isOtherNode: true })
    }
  }
  // A user without the permission for a harmless command can still be served; a user who is not logged in cannot.
  const refused = replies.find((reply) => reply instanceof ServerError && kindOf(reply) === "authentication")
  if (refused instanceof ServerError) return yield* failWith("authentication", refused.message)
  // Without READONLY a replica would redirect every read.
  const readonly = request.readonly === true ? replies.at(-1) : undefined
  if (readonly instanceof ServerError) return yield* failWith("connection", `READONLY was refused: ${readonly.message}`)
})

const credentialsOf = (options: ResolvedOptions): Effect.Effect<Credentials | undefined, LinkFailure> =>
  Effect.isEffect(options.credentials)
    ? Effect.catchCause(options.credentials, () =>
      // The cause may quote the secret it failed to fetch.
      failWith(
        "authentication",
        "the effect of the option credentials failed; its cause is not shown, because it may quote a secret"
      ))
    : Effect.succeed(options.credentials)

const tlsOf = ({ tls }: ResolvedOptions): Effect.Effect<TlsOptions | undefined, LinkFailure> =>
  Effect.isEffect(tls)
    ? Effect.catchCause(tls, () =>
      // The cause may quote the key it failed to read.
      failWith("connection", "the effect of the option tls failed; its cause is not shown, because it may quote a key"))
    : Effect.succeed(tls)

/**
 * Opens a stream to an endpoint, does the handshake and hands the wire to `adopt`. The end of the handshake and the
 * call of `adopt` are one step, so that an interruption cannot lose the wire.
 */
export const dial = (
  endpoint: Endpoint,
  options: ResolvedOptions,
  request: DialRequest,
  adopt: (wire: Wire) => void
): Effect.Effect<void, LinkFailure> =>
  Effect.suspend(() => {
    let wire: Wire | undefined
    let isOpen = false
    const session = Effect.gen(function*() {
      const credentials = yield* credentialsOf(options)
      const tls = yield* tlsOf(options)
      const opening = yield* Effect.try({
        try: () => open(endpoint, options, tls),
        catch: (error): LinkFailure => ({ kind: "connection", message: String(error) })
      })
      wire = opening
      yield* opened(opening.stream)
      isOpen = true
      yield* greet(opening, options, credentials)
      yield* settle(opening, options, request)
      const { onConnect } = options
      if (onConnect !== undefined) {
        yield* prepare(onConnect, endpoint, (command) => Effect.map(exchange(opening, [command]), ([reply]) => reply))
      }
      adopt(opening)
    })
    const late = Effect.suspend(() => {
      // A server without TLS may read the TLS greeting as an unfinished line, and wait for its end.
      const hint = wire?.isSecure === true && !isOpen ? speaksPlainly : ""
      return failWith("connection", `no connection within ${options.connectTimeout} ms${hint}`)
    })
    return within(session, options.connectTimeout, late).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure") wire?.stream.destroy()
        })
      )
    )
  })
