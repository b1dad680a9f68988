/**
 * A server that answers what a test tells it to, byte for byte, on a free loopback port.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

/** One connection as the server sees it. */
export interface Peer {
  readonly socket: Net.Socket
  /** Its place in the order of connecting. */
  readonly index: number
  /** Every command that came, in order, the handshake included. */
  readonly commands: Array<ReadonlyArray<string>>
  /** The content of each read, as text. */
  readonly reads: Array<string>
}

/** The bytes to answer with; nothing for no answer. */
export type Script = (args: ReadonlyArray<string>, peer: Peer) => string | undefined

export interface ScriptedServer {
  readonly endpoint: { readonly host: "127.0.0.1"; readonly port: number }
  readonly peers: ReadonlyArray<Peer>
}

/** Takes the complete commands off the front of the bytes. */
const takeCommands = (
  peer: Peer,
  bytes: string
): { readonly commands: Array<Array<string>>; readonly rest: string } => {
  const commands: Array<Array<string>> = []
  let rest = bytes
  for (;;) {
    const head = /^\*(\d+)\r\n/.exec(rest)
    if (head === null) return { commands, rest }
    const args: Array<string> = []
    let at = head[0].length
    while (args.length < Number(head[1])) {
      const size = /^\$(\d+)\r\n/.exec(rest.slice(at))
      if (size === null) return { commands, rest }
      const start = at + size[0].length
      const end = start + Number(size[1])
      if (rest.length < end + 2) return { commands, rest }
      args.push(rest.slice(start, end))
      at = end + 2
    }
    peer.commands.push(args)
    commands.push(args)
    rest = rest.slice(at)
  }
}

/** The replies of a current server to the handshake. */
export const welcome: Script = (args) =>
  args[0] === "HELLO" ? "%1\r\n+proto\r\n:3\r\n" : args[0] === "CLIENT" ? "+OK\r\n" : undefined

/** Starts it; it goes with the scope, its connections with it. */
export const start = (script: Script): Effect.Effect<ScriptedServer, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: Net.Server; readonly peers: Array<Peer> }>((resume) => {
        const peers: Array<Peer> = []
        const server = Net.createServer((socket) => {
          const peer: Peer = { socket, index: peers.length, commands: [], reads: [] }
          peers.push(peer)
          let pending = ""
          socket.setNoDelay(true)
          socket.on("error", () => {})
          socket.on("data", (chunk) => {
            const text = chunk.toString("latin1")
            peer.reads.push(text)
            const { commands, rest } = takeCommands(peer, pending + text)
            pending = rest
            for (const args of commands) {
              const answer = script(args, peer)
              if (answer !== undefined && socket.writable) socket.write(answer, "latin1")
            }
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, peers })))
      }),
      ({ peers, server }) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const { socket } of peers) socket.destroy()
        })
    ),
    ({ peers, server }) => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { endpoint: { host: "127.0.0.1", port }, peers }
    }
  )
