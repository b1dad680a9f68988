/**
 * The connection on which a server speaks unasked: messages, notifications, what MONITOR sees.
 *
 * No command waits in line here for its reply. What is asked is written, what comes is handed over as it comes, and the
 * owner makes sense of it. Silence is normal, so that the server is asked for a sign of life whenever there was one for
 * too long. The owner may stop the reading, which holds the server back and nobody else.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Duplex } from "node:stream"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { Alarm } from "../internal/Alarm.ts"
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import { dial, type DialRequest } from "./Dial.ts"
import { addressOf, type Endpoint } from "./Endpoint.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import type { Wire } from "./Wire.ts"
import { write } from "./Write.ts"

/**
 * How a socket was lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loss {
  readonly failure: LinkFailure
  /** When it last brought something, in milliseconds of the clock. */
  readonly heardAt: number
  /** The server closed it while it had more to say than was read. */
  readonly behind: boolean
}

/**
 * What a push connection tells its owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface PushHooks {
  /** Bulk strings are bytes from the next reply on, except the kind of a push. */
  binary(): boolean
  /** There is a new socket, on which nothing was asked yet. */
  onReady(): void
  /** A push, or an array of a server that speaks RESP2. */
  onPush(push: ReadonlyArray<Reply>): void
  /** Any other reply. */
  onReply(reply: Reply): void
  /** All that one read of the socket brought has been handed over. */
  onRead(): void
  onLost(loss: Loss): void
  /** An attempt to get a socket failed; the next one waits its turn. */
  onDown(failure: LinkFailure): void
}

const ping = "*1\r\n$4\r\nPING\r\n"

/** A socket that brings nothing and ends within this time, in milliseconds, counts as a failed attempt. */
const shortLife = 1000

/** How long to wait when the schedule of attempts has ended, in milliseconds. */
const lastResort = 1000

/** Also of a user who may not run PING: it is an answer all the same. */
const isPong = (reply: Reply): boolean =>
  reply === "PONG" || (reply instanceof ServerError && reply.message.includes("'ping'")) ||
  (Array.isArray(reply) && reply.length === 2 && textOf(reply[0]) === "pong")

/** Nothing else that is asked on such a connection is refused for these reasons. */
const isLoginAnswer = (reply: Reply): boolean =>
  reply === "OK" || (reply instanceof ServerError && (reply.code === "WRONGPASS" || /'auth'|AUTH/.test(reply.message)))

const textOf = (reply: Reply): Reply => reply instanceof Uint8Array ? Buffer.from(reply).toString() : reply

/**
 * @category models
 * @since 0.1.0
 */
export class PushConnection {
  readonly endpoint: Endpoint
  readonly address: string
  /** The last attempt to get a socket failed, or the server does not answer. */
  isDown = false
  /** When the last byte came, in milliseconds of the clock. */
  heardAt = 0

  private readonly options: ResolvedOptions
  private readonly hooks: PushHooks
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm
  private readonly onClosed: () => void
  private readonly live: () => Fiber.Fiber<unknown>
  private life: Fiber.Fiber<unknown>
  private readonly logins: Array<Outgoing> = []
  private readonly encoder = new RespEncoder()
  private closed = false
  private socket: Duplex | undefined
  private decoder: RespDecoder | undefined
  private flushScheduled = false
  private adoptedAt = 0
  private heard = false
  private endLife: ((verdict: Effect.Effect<void, LinkFailure>) => void) | undefined
  private paused = false
  private behind = false
  private pingsDue = 0
  private pingedAt = 0

  constructor(
    endpoint: Endpoint,
    options: ResolvedOptions,
    hooks: PushHooks,
    context: {
      readonly clock: Clock.Clock
      readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
      readonly onClosed: (connection: PushConnection) => void
    },
    request: DialRequest
  ) {
    this.endpoint = endpoint
    this.address = addressOf(endpoint)
    this.options = options
    this.hooks = hooks
    this.clock = context.clock
    this.onClosed = () => context.onClosed(this)
    // A process that was busy, or asleep, reads what is in its sockets before it judges their silence.
    this.alarm = new Alarm(context.clock, context.runFork, () => setImmediate(() => this.inspect()))
    const life = dial(endpoint, options, request, (wire) => this.adopt(wire)).pipe(
      Effect.catchDefect((defect) => Effect.fail<LinkFailure>({ kind: "connection", message: String(defect) })),
      Effect.andThen(this.lived),
      Effect.tapError((failure) => Effect.sync(() => this.refuse(failure))),
      Effect.retry(options.reconnectSchedule)
    )
    // A schedule that ends is no reason to give up what others count on.
    this.live = () => context.runFork(Effect.forever(Effect.catchCause(life, () => Effect.sleep(lastResort))))
    this.life = this.live()
  }

  /** Whether there is a socket. */
  get isReady(): boolean {
    return this.socket !== undefined
  }

  /** The address of this end, as the server sees it; `undefined` when the stream has none. */
  get localAddress(): string | undefined {
    const { localAddress, localPort } = (this.socket ?? {}) as {
      readonly localAddress?: string
      readonly localPort?: number
    }
    return localAddress === undefined || localPort === undefined
      ? undefined
      : addressOf({ host: localAddress, port: localPort })
  }

  /** Writes a command at the end of this turn, together with others; without a socket it is dropped. */
  send(spec: CommandSpec, args: ReadonlyArray<Argument>): void {
    if (this.socket === undefined) return
    this.encoder.push(spec.prefix(args.length), args)
    if (this.flushScheduled) return
    this.flushScheduled = true
    queueMicrotask(this.flush)
  }

  /** Writes a command that is none of the owner's at once; see `Connection.interject`. Only logins are told from the rest. */
  interject(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): boolean {
    if (this.socket === undefined) return false
    this.logins.push(outgoing)
    const words = args()
    this.encoder.push(outgoing.command.spec.prefix(words.length), words)
    this.flush()
    return true
  }

  /** Starts a dialling again that began with what is outdated now; with a socket nothing happens. */
  redial(): void {
    if (this.closed || this.socket !== undefined) return
    this.life.interruptUnsafe()
    this.life = this.live()
  }

  /** Reads nothing more until `resume`. What the server says meanwhile waits in the network, and then at the server. */
  pause(): void {
    if (this.paused) return
    this.paused = true
    this.behind = true
    this.socket?.pause()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    if (this.socket === undefined) return
    this.heardAt = this.clock.currentTimeMillisUnsafe()
    // Its answer comes after all that the server had to hold back.
    this.ask()
    this.watch()
    this.socket.resume()
  }

  /** Ends the socket; the next one is dialled. */
  reset(message: string): void {
    this.lose({ kind: "connection", message })
  }

  /** Closes for good. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.alarm.clear()
    this.drop()
    this.life.interruptUnsafe()
    this.onClosed()
  }

  /** Lasts as long as the socket; fails when that was no success, so that the next attempt has to wait its turn. */
  private readonly lived: Effect.Effect<void, LinkFailure> = Effect.callback((resume) => {
    if (this.socket === undefined) return resume(Effect.fail({ kind: "connection", message: "lost at once" }))
    this.endLife = resume
  })

  private adopt(wire: Wire): void {
    const socket = wire.stream
    if (this.closed) {
      socket.destroy()
      return
    }
    const decoder = new RespDecoder({
      binary: () => this.hooks.binary(),
      onPush: (push) => this.hooks.onPush(push),
      onReply: (reply) => this.receive(reply)
    }, { binaryPush: () => this.hooks.binary() })
    this.socket = socket
    this.decoder = decoder
    this.isDown = false
    this.heard = false
    this.paused = false
    this.behind = false
    this.pingsDue = 0
    this.pingedAt = 0
    this.adoptedAt = this.heardAt = this.clock.currentTimeMillisUnsafe()
    wire.receive = (bytes) => {
      if (this.socket === socket) this.read(decoder, bytes)
    }
    socket.on("error", (error: Error) => {
      if (this.socket === socket) this.lose({ kind: "connection", message: error.message })
    })
    const closed = () => {
      if (this.socket === socket) this.lose({ kind: "connection", message: "closed by the server" })
    }
    socket.on("close", closed)
    socket.on("end", closed)
    this.watch()
    this.hooks.onReady()
  }

  private refuse(failure: LinkFailure): void {
    if (this.closed) return
    this.isDown = true
    this.hooks.onDown(failure)
  }

  private read(decoder: RespDecoder, chunk: Buffer): void {
    this.heardAt = this.clock.currentTimeMillisUnsafe()
    this.heard = true
    this.pingedAt = 0
    const malformed = decoder.push(chunk)
    this.hooks.onRead()
    if (malformed !== undefined && this.decoder === decoder) this.lose({ kind: "protocol", message: malformed })
  }

  private receive(reply: Reply): void {
    if (isPong(reply)) {
      if (--this.pingsDue === 0 && !this.paused) this.behind = false
    } else if (Array.isArray(reply)) {
      this.hooks.onPush(reply)
    } else if (this.logins.length > 0 && isLoginAnswer(reply)) {
      this.logins.shift()?.onReply(reply)
    } else {
      this.hooks.onReply(reply)
    }
  }

  private lose(failure: LinkFailure, silent = false): void {
    if (this.socket === undefined) return
    const loss: Loss = { failure, heardAt: this.heardAt, behind: this.behind && !silent }
    const lived = this.heard && !silent || this.clock.currentTimeMillisUnsafe() - this.adoptedAt >= shortLife && !silent
    this.drop()
    if (silent) this.isDown = true
    this.hooks.onLost(loss)
    const end = this.endLife
    this.endLife = undefined
    end?.(lived ? Effect.void : Effect.fail(failure))
  }

  private drop(): void {
    const socket = this.socket
    this.socket = undefined
    this.decoder?.stop()
    this.decoder = undefined
    this.encoder.take()
    socket?.destroy()
    for (const login of this.logins.splice(0)) login.onLost({ kind: "connection", message: "lost" }, true)
  }

  private readonly flush = (): void => {
    this.flushScheduled = false
    const batch = this.encoder.take()
    if (this.socket !== undefined && batch.length > 0) write(this.socket, batch)
  }

  private ask(): void {
    this.pingsDue++
    this.pingedAt = this.clock.currentTimeMillisUnsafe()
    this.socket?.write(ping)
  }

  private watch(): void {
    this.alarm.set(this.clock.currentTimeMillisUnsafe() + this.options.pingAfter)
  }

  /** The alarm rang: a long silence causes a PING, a silence after that ends the socket. */
  private inspect(): void {
    // While nothing is read nothing can be heard.
    if (this.socket === undefined || this.paused) return
    const now = this.clock.currentTimeMillisUnsafe()
    if (this.pingedAt > 0) {
      const until = this.pingedAt + this.options.pingTimeout
      if (now < until) return this.alarm.set(until)
      const message = `silent for ${now - this.heardAt} ms, PING unanswered`
      return this.lose({ kind: "connection", message }, true)
    }
    const overdue = this.heardAt + this.options.pingAfter
    if (now < overdue) return this.alarm.set(overdue)
    this.ask()
    this.alarm.set(now + this.options.pingTimeout)
  }
}
