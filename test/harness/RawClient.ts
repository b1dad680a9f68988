/**
 * A RESP2 client of a few lines, independent of the library under test: what it reports about a server cannot be wrong
 * in the same way.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Certificates } from "./Certificates.ts"
import { HarnessError } from "./HarnessError.ts"
import * as RealTime from "./RealTime.ts"

/** An error reply, as it stands inside an array or a pipeline. */
export class RawServerError {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** A reply as plain values. */
export type RawReply = string | number | null | RawServerError | ReadonlyArray<RawReply>

/** One argument of a command. */
export type RawArgument = string | number | Uint8Array

export interface RawClientOptions {
  readonly host?: string | undefined
  readonly port: number
  readonly tls?: Certificates | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Milliseconds a reply may take. Default: 5000. */
  readonly timeout?: number | undefined
}

export interface RawClient {
  /** Sends one command. An error reply fails with the server's own text as `message`. */
  readonly command: (...args: ReadonlyArray<RawArgument>) => Effect.Effect<RawReply, HarnessError>
  /** Sends commands in one write. Error replies are values. */
  readonly pipeline: (
    commands: ReadonlyArray<ReadonlyArray<RawArgument>>
  ) => Effect.Effect<ReadonlyArray<RawReply>, HarnessError>
}

const crlf = Buffer.from("\r\n")

const encode = (args: ReadonlyArray<RawArgument>): Buffer =>
  Buffer.concat([
    Buffer.from(`*${args.length}\r\n`),
    ...args.flatMap((arg) => {
      const bytes = typeof arg === "object" ? arg : Buffer.from(String(arg))
      return [Buffer.from(`$${bytes.length}\r\n`), bytes, crlf]
    })
  ])

interface Parsed {
  readonly reply: RawReply
  readonly end: number
}

/** Reads one reply from `start`; nothing when it is not complete yet. */
const parse = (bytes: Buffer, start: number): Parsed | undefined => {
  const lineEnd = bytes.indexOf(crlf, start)
  if (lineEnd === -1) return undefined
  const line = bytes.toString("utf8", start + 1, lineEnd)
  const next = lineEnd + 2
  switch (bytes[start]) {
    case 0x2b:
      return { reply: line, end: next }
    case 0x2d:
      return { reply: new RawServerError(line), end: next }
    case 0x3a:
      return { reply: Number(line), end: next }
    case 0x24: {
      const size = Number(line)
      if (size === -1) return { reply: null, end: next }
      if (bytes.length < next + size + 2) return undefined
      return { reply: bytes.toString("utf8", next, next + size), end: next + size + 2 }
    }
    default: {
      const size = Number(line)
      if (size === -1) return { reply: null, end: next }
      const items: Array<RawReply> = []
      let end = next
      for (let index = 0; index < size; index++) {
        const item = parse(bytes, end)
        if (item === undefined) return undefined
        items.push(item.reply)
        end = item.end
      }
      return { reply: items, end }
    }
  }
}

type Resume = (effect: Effect.Effect<RawReply, HarnessError>) => void

const open = (options: RawClientOptions, address: string) =>
  Effect.callback<Net.Socket, HarnessError>((resume) => {
    const host = options.host ?? "127.0.0.1"
    const socket = options.tls === undefined
      ? Net.connect({ host, port: options.port, noDelay: true })
      : Tls.connect({
        host,
        port: options.port,
        ca: options.tls.ca,
        cert: options.tls.certificate,
        key: options.tls.key
      })
    const onError = (cause: Error) =>
      resume(Effect.fail(new HarnessError({ message: `Cannot connect to ${address}: ${cause.message}`, cause })))
    socket.once("error", onError)
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
      socket.off("error", onError)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })

/** Opens a connection, which closes with the scope. */
export const make = Effect.fnUntraced(
  function*(options: RawClientOptions): Effect.fn.Return<RawClient, HarnessError, Scope.Scope> {
    const address = `${options.host ?? "127.0.0.1"}:${options.port}`
    const timeout = options.timeout ?? 5000
    const inTime = <A>(effect: Effect.Effect<A, HarnessError>) =>
      Effect.timeoutOrElse(effect, {
        duration: timeout,
        orElse: () => Effect.fail(new HarnessError({ message: `No answer from ${address} in ${timeout} ms` }))
      })

    const socket = yield* Effect.acquireRelease(
      inTime(open(options, address)),
      (socket) => Effect.sync(() => socket.destroy()),
      { interruptible: true }
    )
    const waiting: Array<Resume> = []
    let received: Buffer = Buffer.alloc(0)
    let closed: HarnessError | undefined

    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      let end = 0
      for (let parsed = parse(received, 0); parsed !== undefined; parsed = parse(received, end)) {
        end = parsed.end
        waiting.shift()?.(Effect.succeed(parsed.reply))
        if (end === received.length) break
      }
      received = received.subarray(end)
    })
    const close = (cause?: Error) => {
      closed ??= new HarnessError({
        message: `${address} closed the connection${cause === undefined ? "" : `: ${cause.message}`}`,
        cause
      })
      for (const resume of waiting.splice(0)) resume(Effect.fail(closed))
    }
    socket.on("error", close)
    socket.on("close", () => close())

    const receive = Effect.callback<RawReply, HarnessError>((resume) => {
      if (closed !== undefined) return resume(Effect.fail(closed))
      waiting.push(resume)
    })
    const pipeline: RawClient["pipeline"] = (commands) =>
      Effect.suspend(() => {
        socket.write(Buffer.concat(commands.map(encode)))
        return inTime(Effect.all(commands.map(() => receive), { concurrency: "unbounded" }))
      }).pipe(RealTime.inRealTime)
    const command: RawClient["command"] = (...args) =>
      Effect.flatMap(
        pipeline([args]),
        ([reply]) =>
          reply instanceof RawServerError
            ? Effect.fail(new HarnessError({ message: reply.message, cause: reply }))
            : Effect.succeed(reply)
      )

    if (options.password !== undefined) {
      yield* options.username === undefined
        ? command("AUTH", options.password)
        : command("AUTH", options.username, options.password)
    }
    return { command, pipeline }
  },
  RealTime.inRealTime
)
