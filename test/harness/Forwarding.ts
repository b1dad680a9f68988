/**
 * A port in front of another one: an address that stays while what is behind it moves, or that moves itself.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

export interface Forwarding {
  readonly port: number
  /** Ends its connections and listens no more. */
  readonly close: Effect.Effect<void>
}

/** Listens, on a free port of 127.0.0.1 unless told where, for connections to whatever port `target` names when they come. */
export const forward = (
  target: () => number,
  at: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 }
): Effect.Effect<Forwarding, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Forwarding>((resume) => {
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer((inner) => {
        const outer = Net.connect({ host: "127.0.0.1", port: target() })
        for (const [one, other] of [[inner, outer], [outer, inner]]) {
          sockets.add(one)
          one.on("error", () => other.destroy())
          one.on("close", () => {
            sockets.delete(one)
            other.destroy()
          })
          one.pipe(other)
        }
      })
      const close = Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
      server.listen(at.port, at.host, () => {
        const address = server.address()
        resume(Effect.succeed({ port: typeof address === "object" && address !== null ? address.port : 0, close }))
      })
    }),
    ({ close }) => close
  )
