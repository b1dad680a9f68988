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
import { addressOf, type Endpoint } from "../cluster/Endpoint.ts"
import type { ResolvedOptions } from "../ClusterOptions.ts"
import type { CommandSpec } from "../commands/CommandSpec.ts"
import { Alarm } from "../internal/Alarm.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { type Argument, type Reply, ServerError } from "../protocol/Reply.ts"
import { RespDecoder } from "../protocol/RespDecoder.ts"
import { RespEncoder } from "../protocol/RespEncoder.ts"
import { dial, type DialRequest } from "./Dial.ts"
import { Handover, type Holdings } from "./Handover.ts"
import type { LinkFailure, Outgoing } from "./Outgoing.ts"
import type { Wire } from "./Wire.ts"
import { say, write } from "./Write.ts"

/**
 * How a socket was lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loss {
  readonly failure: LinkFailure
  /** When it last brought something, in monotonic milliseconds. */
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
  /** What another socket has to hold before it can take the place of this one; without it none ever does. */
  holdings?(): Holdings
}

/** What goes alone: nothing that was written before is unanswered when it starts, and nothing is written until it ends. */
interface Solo {
  readonly start: (socket: Duplex) => void
  readonly onLost: (failure: LinkFailure) => void
}

const ping = "*1\r\n$4\r\nPING\r\n"

/** A socket that brings nothing and ends within this time, in milliseconds, counts as a failed attempt. */
const shortLife = 1000

/** How long to wait when the schedule of attempts has ended, in milliseconds. */
const lastResort = 1000

/** No other login is left unanswered. */
const silentRefusal = new ServerError("ERR the server gave no answer to AUTH")

/** Also of a user who may not run PING: it is an answer all the same. */
const isPong = (reply: Reply): boolean =>
  reply === "PONG" || (reply instanceof ServerError && reply.message.includes("'ping'")) ||
  (Array.isArray(reply) && reply.length === 2 && textOf(reply[0]) === "pong")

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
  /** When the last byte came, in monotonic milliseconds. */
  heardAt = 0

  private readonly options: ResolvedOptions
  private readonly hooks: PushHooks
  private readonly clock: Clock.Clock
  private readonly alarm: Alarm
  private readonly onClosed: () => void
  private readonly publish: (mark: string) => Effect.Effect<Reply, LinkFailure>
  private readonly runFork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  private readonly request: DialRequest
  private readonly live: () => Fiber.Fiber<unknown>
  private life: Fiber.Fiber<unknown>
  /** The first of them is on its way, or waits for what is unanswered. */
  private readonly solos: Array<Solo> = []
  private isAlone = false
  private login: Outgoing | undefined
  private loginAnswer: Reply = null
  /** When it has to be answered, in monotonic milliseconds. */
  private loginDue = 0
  private handover: Handover | undefined
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
      /** Publishes on a shard channel of this node, with no text. */
      readonly publish: (mark: string) => Effect.Effect<Reply, LinkFailure>
    },
    request: DialRequest
  ) {
    this.endpoint = endpoint
    this.address = addressOf(endpoint)
    this.options = options
    this.hooks = hooks
    this.clock = context.clock
    this.onClosed = () => context.onClosed(this)
    this.publish = context.publish
    this.runFork = context.runFork
    this.request = request
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

  /**
   * Writes a command at the end of this turn, together with others; without a socket it is dropped. Its arguments are text,
   * which can always be sent.
   */
  send(spec: CommandSpec, args: ReadonlyArray<Argument>): void {
    if (this.socket === undefined) return
    this.encoder.push(spec.prefix(args.length), args)
    if (this.flushScheduled) return
    this.flushScheduled = true
    queueMicrotask(this.flush)
  }

  /**
   * Writes a login, alone, so that its answer is known from that of anything else; see `Connection.interject`. A PING follows:
   * Redis from 7.2 on refuses without a word when a message was on its way at that moment.
   */
  interject(outgoing: Outgoing, args: () => ReadonlyArray<Argument>): boolean {
    if (this.socket === undefined) return false
    this.goAlone({
      start: (socket) => {
        if (outgoing.settled) return this.endAlone()
        this.login = outgoing
        this.loginAnswer = null
        this.expectLogin()
        const refusal = say(socket, outgoing.command.spec, args())
        if (refusal === undefined) return this.ask()
        this.endAlone()
        outgoing.onLost({ kind: "authentication", message: refusal }, false)
      },
      onLost: (failure) => outgoing.onLost(failure, true)
    })
    return true
  }

  /**
   * Puts a new socket, which has logged in with the newest credentials, in the place of this one; the owner hears nothing
   * of it. Where that cannot be, the connection is lost and dialled anew. Fails when there is no new socket: nothing has
   * changed then.
   */
  readonly renew: Effect.Effect<void, LinkFailure> = Effect.suspend(() => {
    if (this.socket === undefined || this.hooks.holdings === undefined) return Effect.void
    // The mark would be behind all that is not read.
    if (this.paused) return Effect.fail({ kind: "connection", message: "its messages are not read at the moment" })
    let successor: Wire | undefined
    return dial(this.endpoint, this.options, this.request, (wire) => (successor = wire)).pipe(
      Effect.andThen(Effect.suspend(() => successor === undefined ? Effect.void : this.handOver(successor))),
      Effect.ensuring(Effect.sync(() => {
        if (successor?.stream !== this.socket) successor?.stream.destroy()
      }))
    )
  })

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
    this.heardAt = monotonicMillis(this.clock)
    // Its answer comes after all that the server had to hold back.
    this.ask()
    if (this.login !== undefined) this.expectLogin()
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
    this.drop({ kind: "closed", message: "the client is closed" })
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
    this.isDown = false
    this.heard = false
    this.paused = false
    this.behind = false
    this.adoptedAt = monotonicMillis(this.clock)
    this.attach(wire, decoder)
    this.watch()
    this.hooks.onReady()
  }

  private attach(wire: Wire, decoder: RespDecoder): void {
    const socket = wire.stream
    this.socket = socket
    this.decoder = decoder
    this.pingsDue = 0
    this.pingedAt = 0
    this.heardAt = monotonicMillis(this.clock)
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
  }

  private goAlone(solo: Solo): void {
    this.solos.push(solo)
    // Its answer comes after all others that are due.
    if (this.solos.length === 1) this.ask()
  }

  private endAlone(): void {
    this.solos.shift()
    this.isAlone = false
    this.login = undefined
    this.proceed()
  }

  /** Starts what goes alone when nothing is unanswered; without such, writes what waits. */
  private proceed(): void {
    if (this.socket === undefined || this.isAlone) return
    const solo = this.solos[0]
    if (solo === undefined) return this.flush()
    if (this.pingsDue > 0) return
    this.isAlone = true
    solo.start(this.socket)
  }

  private expectLogin(): void {
    this.loginDue = monotonicMillis(this.clock) + this.options.pingTimeout
    this.alarm.set(this.loginDue)
  }

  private handOver(wire: Wire): Effect.Effect<void> {
    // A server may be asked to hold messages back meanwhile, and the mark with them.
    const expired = Effect.sleep(this.options.commandTimeout).pipe(
      Effect.repeat({ while: () => this.behind }),
      Effect.as<string | undefined>(`it took longer than ${this.options.commandTimeout} ms`)
    )
    const finished = Effect.callback<string | undefined>((resume) => {
      const conclude = (reason: string | undefined) => resume(Effect.succeed(reason))
      // The next socket has the newest credentials.
      if (this.socket === undefined) return conclude(undefined)
      this.goAlone({
        start: (socket) => this.startHandover(socket, wire, conclude),
        onLost: () => conclude(undefined)
      })
    })
    return Effect.flatMap(Effect.raceFirst(finished, expired), (reason) => {
      if (reason === undefined) return Effect.void
      this.reset(`its subscriptions could not be handed over: ${reason}`)
      return Effect.logWarning(
        `the subscriptions at ${this.address} are asked for anew, messages may be lost: ` +
          `they could not be handed over to a connection with new credentials (${reason})`
      )
    })
  }

  private startHandover(old: Duplex, wire: Wire, conclude: (reason: string | undefined) => void): void {
    const holdings = this.hooks.holdings?.()
    const mark = holdings?.mark
    if (holdings === undefined || mark === undefined) return conclude("the node serves no slot")
    if (wire.stream.destroyed) return conclude("the new connection was lost")
    const handover = new Handover(old, wire, { ...holdings, mark }, {
      binary: () => this.hooks.binary(),
      publish: () => {
        this.runFork(Effect.match(this.publish(mark), {
          onSuccess: (reply) => reply instanceof ServerError ? handover.fail(reply.message) : undefined,
          onFailure: (failure) => handover.fail(failure.message)
        }))
      },
      onTaken: (wire, decoder) => this.take(wire, decoder),
      onReply: (reply) => this.receive(reply),
      onRead: () => this.hooks.onRead(),
      onDone: () => {
        this.handover = undefined
        this.endAlone()
        conclude(undefined)
      },
      onFailed: conclude
    })
    this.handover = handover
  }

  private take(wire: Wire, decoder: RespDecoder): void {
    const old = this.socket
    this.decoder?.stop()
    this.attach(wire, decoder)
    old?.destroy()
    if (this.paused) wire.stream.pause()
    else wire.stream.resume()
  }

  private refuse(failure: LinkFailure): void {
    if (this.closed) return
    this.isDown = true
    this.hooks.onDown(failure)
  }

  private read(decoder: RespDecoder, chunk: Buffer): void {
    this.heardAt = monotonicMillis(this.clock)
    this.heard = true
    this.pingedAt = 0
    const malformed = decoder.push(chunk)
    this.hooks.onRead()
    if (malformed !== undefined && this.decoder === decoder) this.lose({ kind: "protocol", message: malformed })
  }

  private receive(reply: Reply): void {
    if (isPong(reply)) {
      this.receivePong()
    } else if (this.handover?.claims(reply) === true) {
      return
    } else if (Array.isArray(reply)) {
      this.hooks.onPush(reply)
    } else if (this.login !== undefined && (reply === "OK" || reply instanceof ServerError)) {
      this.loginAnswer = reply
    } else {
      this.hooks.onReply(reply)
    }
  }

  private receivePong(): void {
    this.pingsDue--
    if (this.pingsDue === 0 && !this.paused) this.behind = false
    const login = this.login
    if (login !== undefined) {
      this.endAlone()
      login.onReply(this.loginAnswer ?? silentRefusal)
    } else if (this.solos.length > 0) {
      this.proceed()
    }
  }

  private lose(failure: LinkFailure, silent = false): void {
    if (this.socket === undefined) return
    const loss: Loss = { failure, heardAt: this.heardAt, behind: this.behind && !silent }
    const lived = this.heard && !silent || monotonicMillis(this.clock) - this.adoptedAt >= shortLife && !silent
    this.drop(failure)
    if (silent) this.isDown = true
    this.hooks.onLost(loss)
    const end = this.endLife
    this.endLife = undefined
    end?.(lived ? Effect.void : Effect.fail(failure))
  }

  private drop(failure: LinkFailure): void {
    const socket = this.socket
    this.socket = undefined
    this.decoder?.stop()
    this.decoder = undefined
    this.encoder.take()
    socket?.destroy()
    this.handover?.abandon()
    this.handover = undefined
    this.isAlone = false
    this.login = undefined
    for (const solo of this.solos.splice(0)) solo.onLost(failure)
  }

  private readonly flush = (): void => {
    this.flushScheduled = false
    if (this.solos.length > 0) return
    const batch = this.encoder.take()
    if (this.socket !== undefined && batch.length > 0) write(this.socket, batch)
  }

  private ask(): void {
    this.pingsDue++
    this.pingedAt = monotonicMillis(this.clock)
    this.socket?.write(ping)
  }

  private watch(): void {
    this.alarm.set(monotonicMillis(this.clock) + this.options.pingAfter)
  }

  /** The alarm rang: a long silence causes a PING, a silence after that ends the socket. */
  private inspect(): void {
    // While nothing is read nothing can be heard.
    if (this.socket === undefined || this.paused) return
    const now = monotonicMillis(this.clock)
    if (this.login !== undefined) {
      if (now < this.loginDue) return this.alarm.set(this.loginDue)
      const message = `a login was not answered within ${this.options.pingTimeout} ms`
      return this.lose({ kind: "authentication", message })
    }
    if (this.pingedAt > 0) {
      const until = this.pingedAt + this.options.pingTimeout
      if (now < until) return this.alarm.set(until)
      const message = `silent for ${Math.round(now - this.heardAt)} ms, PING unanswered`
      return this.lose({ kind: "connection", message }, true)
    }
    const overdue = this.heardAt + this.options.pingAfter
    if (now < overdue) return this.alarm.set(overdue)
    this.ask()
    this.alarm.set(now + this.options.pingTimeout)
  }
}
