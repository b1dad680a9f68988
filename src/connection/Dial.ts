/**
 * From an endpoint to a byte stream that is ready for commands: socket, TLS, handshake.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as net from "node:net"
import type { Duplex } from "node:stream"
import * as tls from "node:tls"
import type { Credentials, ResolvedOptions } from "../ClusterOptions.ts"
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { LinkFailure } from "./Outgoing.ts"
import { write } from "./Write.ts"

/**
 * What is asked of a connection beyond reaching the endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialRequest {
  /** The node that is expected there; another one is refused. Empty when none is known. */
  readonly expectedId: string
  /** Whether replicas shall serve reads on it. */
  readonly readonly: boolean
}

const libraryVersion = "0.1.0"

/** TLS takes names only, not addresses, for the server name indication. */
const servername = (options: NonNullable<ResolvedOptions["tls"]>, endpoint: Endpoint): string => {
  const name = options.servernameOf?.(endpoint) ?? options.servername ?? endpoint.host
  return net.isIP(name) === 0 ? name : ""
}

const open = (endpoint: Endpoint, options: ResolvedOptions): Duplex => {
  const stream = options.stream?.(endpoint)
  if (options.tls === undefined) {
    return stream ??
      net.connect({ ...endpoint, noDelay: true, keepAlive: true, keepAliveInitialDelay: options.keepAlive })
  }
  return tls.connect({
    ...options.tls,
    ...(stream === undefined ? endpoint : { socket: stream }),
    servername: servername(options.tls, endpoint)
  })
}

/** Waits until the stream can be written to. */
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
    const onError = (error: Error) => finish(Effect.fail({ kind: "connection", message: error.message }))
    const onClose = () => finish(Effect.fail({ kind: "connection", message: "closed while connecting" }))
    stream.on(event, onOpen)
    stream.on("error", onError)
    stream.on("close", onClose)
  })
}

/** Sends commands in one write and collects as many replies. Pushes in between are none of the handshake's business. */
const exchange = (
  stream: Duplex,
  commands: ReadonlyArray<ReadonlyArray<Argument>>
): Effect.Effect<ReadonlyArray<Reply>, LinkFailure> =>
  Effect.callback((resume) => {
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
      stream.off("data", onData)
      stream.off("error", onError)
      stream.off("close", onClose)
      resume(effect)
    }
    const onData = (chunk: Buffer) => {
      const malformed = decoder.push(chunk)
      if (malformed !== undefined) finish(Effect.fail({ kind: "protocol", message: malformed }))
    }
    const onError = (error: Error) => finish(Effect.fail({ kind: "connection", message: error.message }))
    const onClose = () =>
      finish(Effect.fail({ kind: "connection", message: "closed by the server during the handshake" }))
    stream.on("data", onData)
    stream.on("error", onError)
    stream.on("close", onClose)
    const encoder = new RespEncoder()
    for (const command of commands) encoder.push(`*${command.length}\r\n`, command)
    write(stream, encoder.take())
  })

const failWith = (kind: LinkFailure["kind"], message: string): Effect.Effect<never, LinkFailure> =>
  Effect.fail({ kind, message })

const refusesResp3 = (reply: Reply): boolean =>
  reply instanceof ServerError && (reply.code === "NOPROTO" || /unknown command|HELLO/i.test(reply.message)) &&
  reply.code !== "NOAUTH" && reply.code !== "WRONGPASS"

const isAuthenticationFailure = (reply: ServerError): boolean =>
  reply.code === "WRONGPASS" || reply.code === "NOAUTH" || reply.code === "NOPERM" || / AUTH /.test(reply.message)

/** HELLO where RESP3 is wanted and known, AUTH and CLIENT SETNAME where it is not. */
const greet = Effect.fnUntraced(function*(
  stream: Duplex,
  options: ResolvedOptions,
  credentials: Credentials | undefined
): Effect.fn.Return<void, LinkFailure> {
  const password = credentials === undefined ? undefined : Redacted.value(credentials.password)
  const check = (reply: Reply): Effect.Effect<void, LinkFailure> =>
    reply instanceof ServerError
      ? failWith(isAuthenticationFailure(reply) ? "authentication" : "connection", reply.message)
      : Effect.void
  if (options.protocol === 3) {
    const hello: Array<Argument> = ["HELLO", "3"]
    if (password !== undefined) hello.push("AUTH", credentials?.username ?? "default", password)
    if (options.clientName !== undefined) hello.push("SETNAME", options.clientName)
    const [reply] = yield* exchange(stream, [hello])
    if (!refusesResp3(reply)) return yield* check(reply)
  }
  const commands: Array<ReadonlyArray<Argument>> = []
  if (password !== undefined) {
    commands.push(credentials?.username === undefined ? ["AUTH", password] : ["AUTH", credentials.username, password])
  }
  if (options.clientName !== undefined) commands.push(["CLIENT", "SETNAME", options.clientName])
  if (commands.length === 0) return
  const replies = yield* exchange(stream, commands)
  yield* Effect.forEach(replies, check, { discard: true })
})

/** Tells the server who we are, asks who it is, and sets READONLY. What an old server does not know is left out. */
const settle = Effect.fnUntraced(function*(stream: Duplex, request: DialRequest): Effect.fn.Return<void, LinkFailure> {
  const commands: Array<ReadonlyArray<Argument>> = [
    ["CLIENT", "SETINFO", "LIB-NAME", "effect-redis-cluster"],
    ["CLIENT", "SETINFO", "LIB-VER", libraryVersion]
  ]
  if (request.expectedId !== "") commands.push(["CLUSTER", "MYID"])
  if (request.readonly) commands.push(["READONLY"])
  const replies = yield* exchange(stream, commands)
  if (request.expectedId !== "") {
    const found = replies[2]
    if (typeof found === "string" && found !== request.expectedId) {
      return yield* failWith("connection", `another node (${found}) listens where ${request.expectedId} was expected`)
    }
  }
  // A user who may not run a harmless command can still be served; one who needs to log in cannot.
  const refused = replies.find((reply) => reply instanceof ServerError && reply.code === "NOAUTH")
  if (refused instanceof ServerError) return yield* failWith("authentication", refused.message)
})

const credentialsOf = (options: ResolvedOptions): Effect.Effect<Credentials | undefined, LinkFailure> =>
  Effect.isEffect(options.credentials)
    ? Effect.catchCause(options.credentials, () =>
      // The cause may quote the secret it failed to fetch.
      failWith("authentication", "the credentials effect failed"))
    : Effect.succeed(options.credentials)

/**
 * Opens a stream to an endpoint, does the handshake and hands the stream to `adopt`, in one step with the end of
 * the handshake so that an interruption cannot lose it. The stream is then paused, without listeners except one
 * that keeps a late `error` event from being thrown.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dial = (
  endpoint: Endpoint,
  options: ResolvedOptions,
  request: DialRequest,
  adopt: (stream: Duplex) => void
): Effect.Effect<void, LinkFailure> =>
  Effect.suspend(() => {
    let stream: Duplex | undefined
    const session = Effect.gen(function*() {
      const credentials = yield* credentialsOf(options)
      const opening = yield* Effect.try({
        try: () => open(endpoint, options),
        catch: (error): LinkFailure => ({ kind: "connection", message: String(error) })
      })
      stream = opening
      opening.on("error", () => {})
      yield* opened(opening)
      yield* greet(opening, options, credentials)
      yield* settle(opening, request)
      opening.pause()
      adopt(opening)
    })
    return session.pipe(
      Effect.timeoutOrElse({
        duration: options.connectTimeout,
        orElse: () => failWith("connection", `no connection within ${options.connectTimeout} ms`)
      }),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure") stream?.destroy()
        })
      )
    )
  })
