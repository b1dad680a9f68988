/**
 * A connection for tests that are written with effects. Its replies are read by `Resp.ts`.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import type { Certificates } from "./Certificates.ts"
import { HarnessError } from "./HarnessError.ts"
import * as RealTime from "./RealTime.ts"
import type { Word } from "./Resp.ts"
import { RespClient } from "./RespClient.ts"

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
  readonly command: (...args: ReadonlyArray<Word>) => Effect.Effect<Reply, HarnessError>
  /** Sends commands in one write. Error replies are values. */
  readonly pipeline: (
    commands: ReadonlyArray<ReadonlyArray<Word>>
  ) => Effect.Effect<ReadonlyArray<Reply>, HarnessError>
}

/** Opens a connection, which closes with the scope. */
export const make = Effect.fnUntraced(
  function*(options: RawClientOptions): Effect.fn.Return<RawClient, HarnessError, Scope.Scope> {
    const { host = "127.0.0.1", password, port, timeout = 5000, tls, username } = options
    const inTime = <A>(run: (signal: AbortSignal) => Promise<A>) =>
      Effect.timeoutOrElse(
        Effect.tryPromise({
          try: run,
          catch: (cause) => new HarnessError({ message: cause instanceof Error ? cause.message : String(cause), cause })
        }),
        {
          duration: timeout,
          orElse: () => Effect.fail(new HarnessError({ message: `No answer from ${host}:${port} in ${timeout} ms` }))
        }
      )

    const client = yield* Effect.acquireRelease(
      inTime((signal) => RespClient.open({ host, port, tls, signal })),
      (client) => Effect.sync(() => client.close()),
      { interruptible: true }
    )
    const pipeline: RawClient["pipeline"] = (commands) => RealTime.inRealTime(inTime(() => client.sendAll(commands)))
    const command: RawClient["command"] = (...args) =>
      Effect.flatMap(
        pipeline([args]),
        ([reply]) =>
          reply instanceof ServerError
            ? Effect.fail(new HarnessError({ message: reply.message, cause: reply }))
            : Effect.succeed(reply)
      )

    if (password !== undefined) {
      yield* username === undefined ? command("AUTH", password) : command("AUTH", username, password)
    }
    return { command, pipeline }
  },
  RealTime.inRealTime
)
