/**
 * The engine behind loopback TCP ports, for clients that need a socket.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { Endpoint } from "../cluster/Endpoint.ts"
import { addressOf } from "../cluster/Endpoint.ts"
import { exception, OptionsError, type RedisClusterException } from "../RedisClusterException.ts"
import type { Transport } from "./Control.ts"
import type { NodeRole } from "./engine/Roles.ts"

const host = "127.0.0.1"

/** A port with its listener, and with the node that it serves once there is one. */
interface Port {
  readonly endpoint: Endpoint
  node: NodeRole | undefined
  server: Net.Server | undefined
}

const serve = (port: Port, socket: Net.Socket): void => {
  const { node } = port
  socket.on("error", () => {})
  if (node === undefined || !node.alive) {
    socket.destroy()
    return
  }
  socket.setNoDelay(true)
  const session = node.accept({
    write: (bytes) => socket.write(bytes, "latin1"),
    end: () => socket.destroySoon()
  })
  socket.on("data", (chunk: Buffer) => session.receive(chunk.toString("latin1")))
  socket.on("close", () => session.close())
}

const listen = (port: Port, at: number): Effect.Effect<Net.Server, RedisClusterException> =>
  Effect.callback((resume) => {
    const server = Net.createServer((socket) => serve(port, socket))
    server.once("error", (cause) =>
      resume(Effect.fail(exception(() =>
        new OptionsError({
          message: `cannot listen on ${addressOf({ host, port: at })}: ${cause.message}`,
          outcome: "NotExecuted"
        })
      ))))
    server.listen({ host, port: at, exclusive: true }, () => resume(Effect.succeed(server)))
  })

const close = (port: Port): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const { server } = port
    port.server = undefined
    if (server === undefined) return resume(Effect.void)
    port.node?.disconnect()
    server.close(() => resume(Effect.void))
  })

/** Ports of the loopback interface, which close with the scope. */
export interface Listener extends Transport {
  /** Opens a port; 0 stands for a free port. */
  readonly add: (port: number) => Effect.Effect<Endpoint, RedisClusterException>
  /** Sets the node that a port serves. */
  readonly assign: (node: NodeRole) => void
}

/** @internal */
export const make: Effect.Effect<Listener, never, Scope.Scope> = Effect.gen(function*() {
  const ports: Array<Port> = []
  yield* Effect.addFinalizer(() => Effect.forEach(ports, close, { discard: true }))

  const portOf = (endpoint: Endpoint) => ports.find((port) => port.endpoint.port === endpoint.port)

  const add = (at: number): Effect.Effect<Endpoint, RedisClusterException> =>
    Effect.suspend(() => {
      let number = at
      const port: Port = {
        get endpoint() {
          return { host, port: number }
        },
        node: undefined,
        server: undefined
      }
      return Effect.map(listen(port, at), (server) => {
        const address = server.address()
        if (address !== null && typeof address === "object") number = address.port
        port.server = server
        ports.push(port)
        return port.endpoint
      })
    })

  const assign = (node: NodeRole) => {
    const port = portOf(node.endpoint)
    if (port !== undefined) port.node = node
  }

  return {
    add,
    assign,
    nextEndpoint: add(0),
    open: (node) =>
      Effect.suspend(() => {
        const port = portOf(node.endpoint)
        if (port === undefined || port.server !== undefined) return Effect.sync(() => assign(node))
        return Effect.map(listen(port, node.endpoint.port), (server) => {
          port.server = server
          assign(node)
        })
      }),
    close: (node) =>
      Effect.suspend(() => {
        const port = portOf(node.endpoint)
        return port === undefined ? Effect.void : close(port)
      })
  }
})
