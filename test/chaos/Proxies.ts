/**
 * A loopback proxy in front of every node: links that are cut at any byte, fall silent with their sockets open, or slow.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"

/** The link to one node. */
export interface Link {
  /** Ends every connection after so many further bytes in one direction. */
  readonly cutAfter: (bytes: number, direction: "requests" | "replies") => void
  /** Nothing passes any more, and nobody is told: new connections are accepted and fall silent too. */
  readonly silence: () => void
  /** Each piece of data is held back for so many milliseconds. */
  readonly slow: (millis: number) => void
  /** Each connection carries so many bytes in a second, and takes no more from the client meanwhile. */
  readonly narrow: (bytesPerSecond: number) => void
  /** Connections are ended, and new ones lead to another port. */
  readonly leadTo: (port: number) => void
  /** The traffic that has passed so far. */
  readonly passed: Passed
  /** From here on it is counted how much each connection carries. */
  readonly weigh: () => void
  /** The connection that carried most since then answers nothing any more, while others and new ones are as they should be. */
  readonly abandonBusiest: () => void
  /** Ends the abandoned connections that have carried nothing since `weigh`: of them nobody could find out. */
  readonly endIdle: () => void
  /** As a link should be. Connections that were silenced are ended. */
  readonly mend: () => void
}

/** Counts of a link, by which a fault is seen to have reached the client. */
export interface Passed {
  /** Questions for the topology. */
  readonly topologyCalls: number
  /** Pieces of replies with a redirect. */
  readonly moved: number
  readonly asked: number
  /** Connections that led to another port than the link's own. */
  readonly astray: number
  /** Bytes of requests while the link was narrow. */
  readonly narrowly: number
}

export interface Proxies {
  /** Puts a proxy in front of a port. */
  readonly open: (port: number) => Effect.Effect<void>
  /** For the client's `mapAddress`. */
  readonly mapAddress: (endpoint: Endpoint) => Endpoint
  readonly linkTo: (port: number) => Link
  /** How much of a kind has passed all links. */
  readonly passed: (what: keyof Passed) => number
  /** How many sockets are open, on both sides. */
  readonly connections: () => number
}

/** One direction of a connection: what is held back leaves in its order. */
class Lane {
  private readonly held: Array<{ readonly at: number; readonly chunk: Buffer }> = []
  private timer: NodeJS.Timeout | undefined
  /** When the bytes that are held now have passed. */
  private passedAt = 0
  private readonly pass: (chunk: Buffer) => void

  constructor(pass: (chunk: Buffer) => void) {
    this.pass = pass
  }

  /** How long, in milliseconds, no more should be taken. */
  push(chunk: Buffer, delay: number, bytesPerSecond: number): number {
    const now = Date.now()
    this.passedAt = Math.max(now, this.passedAt) + chunk.length / bytesPerSecond * 1000
    const wait = Math.max(delay, this.passedAt - now)
    if (wait === 0 && this.held.length === 0) this.pass(chunk)
    else {
      this.held.push({ at: now + wait, chunk })
      this.timer ??= setTimeout(this.release, wait)
    }
    return this.passedAt - now
  }

  private readonly release = (): void => {
    this.timer = undefined
    while (this.held.length > 0 && this.held[0].at <= Date.now()) this.pass(this.held.shift()?.chunk ?? Buffer.alloc(0))
    if (this.held.length > 0) this.timer = setTimeout(this.release, Math.max(1, this.held[0].at - Date.now()))
  }
}

/** A connection of the client, and the one to the server that belongs to it. */
interface Pair {
  readonly inner: Net.Socket
  carried: number
  abandoned: boolean
}

interface Mode {
  silent: boolean
  delay: number
  bytesPerSecond: number
  cutRequests: number
  cutReplies: number
}

class Proxy implements Link {
  readonly server: Net.Server
  readonly sockets = new Set<Net.Socket>()
  private readonly pairs = new Set<Pair>()
  readonly passed = { topologyCalls: 0, moved: 0, asked: 0, astray: 0, narrowly: 0 }
  private readonly mode: Mode = {
    ...{ silent: false, delay: 0, bytesPerSecond: Infinity },
    ...{ cutRequests: Infinity, cutReplies: Infinity }
  }

  private readonly own: number
  private target: number

  constructor(port: number) {
    this.own = port
    this.target = port
    this.server = Net.createServer((inner) => {
      const outer = Net.connect({ host: "127.0.0.1", port: this.target, noDelay: true })
      inner.setNoDelay(true)
      if (this.target !== this.own) this.passed.astray++
      const pair: Pair = { inner, carried: 0, abandoned: false }
      this.pairs.add(pair)
      inner.on("close", () => this.pairs.delete(pair))
      this.join(pair, inner, outer, "cutRequests")
      this.join(pair, outer, inner, "cutReplies")
    })
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }

  cutAfter(bytes: number, direction: "requests" | "replies"): void {
    this.mode[direction === "requests" ? "cutRequests" : "cutReplies"] = bytes
  }

  silence(): void {
    this.mode.silent = true
    for (const socket of this.sockets) socket.pause()
  }

  slow(millis: number): void {
    this.mode.delay = millis
  }

  leadTo(port: number): void {
    this.target = port
    this.endAll()
  }

  narrow(bytesPerSecond: number): void {
    this.mode.bytesPerSecond = bytesPerSecond
  }

  weigh(): void {
    for (const pair of this.pairs) pair.carried = 0
  }

  abandonBusiest(): void {
    const busiest = Array.from(this.pairs).toSorted((a, b) => b.carried - a.carried).at(0)
    if (busiest !== undefined) busiest.abandoned = true
  }

  endIdle(): void {
    for (const { abandoned, carried, inner } of this.pairs) if (abandoned && carried === 0) inner.destroy()
  }

  mend(): void {
    if (this.mode.silent) this.endAll()
    this.target = this.own
    Object.assign(this.mode, {
      ...{ silent: false, delay: 0, bytesPerSecond: Infinity },
      ...{ cutRequests: Infinity, cutReplies: Infinity }
    })
  }

  endAll(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  private join(pair: Pair, from: Net.Socket, to: Net.Socket, budget: "cutRequests" | "cutReplies"): void {
    this.sockets.add(from)
    if (this.mode.silent) from.pause()
    from.on("error", () => to.destroy())
    from.on("close", () => {
      this.sockets.delete(from)
      to.destroy()
    })
    const lane = new Lane((chunk) => this.pass(chunk, to, budget))
    from.on("data", (chunk) => {
      pair.carried += chunk.length
      // Taken, so that the end of a side is seen, and passed to nobody.
      if (pair.abandoned) return
      const busy = lane.push(chunk, this.mode.delay, this.mode.bytesPerSecond)
      if (busy < 1) return
      from.pause()
      setTimeout(() => {
        if (!this.mode.silent) from.resume()
      }, busy)
    })
  }

  private pass(chunk: Buffer, to: Net.Socket, budget: "cutRequests" | "cutReplies"): void {
    if (to.destroyed) return
    if (budget === "cutRequests" && chunk.includes("$5\r\nSLOTS")) this.passed.topologyCalls++
    if (budget === "cutReplies" && (chunk.includes("-MOVED ") || chunk.includes("-ASK "))) {
      const text = chunk.toString("latin1")
      // A script of the programs answers with redirects of its own, which lead to port 1.
      if (/-MOVED \d+ (?!127\.0\.0\.1:1\r)/.test(text)) this.passed.moved++
      if (/-ASK \d+ (?!127\.0\.0\.1:1\r)/.test(text)) this.passed.asked++
    }
    if (budget === "cutRequests" && this.mode.bytesPerSecond < Infinity) this.passed.narrowly += chunk.length
    const left = this.mode[budget]
    this.mode[budget] -= chunk.length
    if (chunk.length <= left) {
      to.write(chunk)
      return
    }
    this.mode[budget] = Infinity
    to.end(chunk.subarray(0, left))
    this.endAllSoon()
  }

  /** The bytes before the cut arrive. */
  private endAllSoon(): void {
    setImmediate(() => this.endAll())
  }
}

/** A proxy for every port that is asked for; all of them end with the scope. */
export const make: Effect.Effect<
  Proxies,
  never,
  Scope.Scope
> = Effect.gen(function*() {
  const proxies = new Map<number, Proxy>()
  yield* Effect.addFinalizer(() =>
    Effect.forEach(
      proxies.values(),
      (proxy) =>
        Effect.callback<void>((resume) => {
          proxy.server.close(() => resume(Effect.void))
          proxy.endAll()
        })
    )
  )
  const known = (port: number): Proxy => {
    const proxy = proxies.get(port)
    if (proxy === undefined) throw new Error(`no proxy for port ${port}`)
    return proxy
  }
  return {
    open: (port) =>
      Effect.callback<void>((resume) => {
        const proxy = new Proxy(port)
        proxies.set(port, proxy)
        proxy.server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
    // Also asked about seeds, which are already translated.
    mapAddress: (endpoint) => {
      const proxy = proxies.get(endpoint.port)
      return proxy === undefined ? endpoint : { host: "127.0.0.1", port: proxy.port }
    },
    linkTo: known,
    connections: () => Array.from(proxies.values()).reduce((sum, proxy) => sum + proxy.sockets.size, 0),
    passed: (what) => Array.from(proxies.values()).reduce((sum, proxy) => sum + proxy.passed[what], 0)
  }
})
