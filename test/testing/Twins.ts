/**
 * One real server and one of the engine's nodes, which are told the same and should answer the same, to the byte.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type { SessionRole } from "../../src/testing/engine/Roles.ts"
import { makeEngine } from "../../src/testing/TestCluster.ts"
import { HarnessError } from "../harness/HarnessError.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Resp from "../harness/Resp.ts"
import { until } from "../harness/Waiting.ts"

/** A reply with its type: `["+", "OK"]`, `["$", "value"]`, `["*", [...]]`. */
export type Typed = readonly [type: string, value: string | null | ReadonlyArray<Typed>]

export type Words = ReadonlyArray<string>

const encode = (words: Words): Buffer => Resp.encode(words.map((word) => Buffer.from(word, "latin1")))

const typed = ({ content, type }: Resp.Wire): Typed => [
  type,
  content === null ? null : content instanceof Uint8Array ? content.toString("latin1") : content.map(typed)
]

/** Takes `count` replies off a text; `undefined` when they are not complete. */
export const parseAll = (text: string, count: number): ReadonlyArray<Typed> | undefined =>
  Resp.readAll(Buffer.from(text, "latin1"), count)?.map(typed)

/** Sends commands in one write and gives their replies. */
export type Ask = (commands: ReadonlyArray<Words>) => Promise<ReadonlyArray<Typed>>

const socketTo = (port: number): Effect.Effect<Net.Socket, HarnessError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket, HarnessError>((resume) => {
      const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true }, () => resume(Effect.succeed(socket)))
      socket.once("error", (cause) => resume(Effect.fail(new HarnessError({ message: cause.message, cause }))))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** A connection to a server. */
export const askServer = (port: number): Effect.Effect<Ask, HarnessError, Scope.Scope> =>
  Effect.map(
    socketTo(port),
    (socket): Ask => {
      let text = ""
      let check = () => {}
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1")
        check()
      })
      return (commands) =>
        new Promise((resolve, reject) => {
          const late = setTimeout(() => reject(new Error(`no complete answer; so far ${JSON.stringify(text)}`)), 5000)
          check = () => {
            const replies = parseAll(text, commands.length)
            if (replies === undefined) return
            clearTimeout(late)
            text = ""
            resolve(replies)
          }
          socket.write(Buffer.concat(commands.map(encode)))
        })
    }
  )

export const askSession = (connect: (write: (bytes: string) => void) => SessionRole): Ask => {
  let text = ""
  const session = connect((bytes) => (text += bytes))
  return async (commands) => {
    session.receive(Buffer.concat(commands.map(encode)).toString("latin1"))
    await new Promise((resolve) => setImmediate(resolve))
    let replies = parseAll(text, commands.length)
    for (let waited = 0; replies === undefined && waited < 500; waited += 5) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      replies = parseAll(text, commands.length)
    }
    if (replies === undefined) throw new Error(`no complete answer; so far ${JSON.stringify(text)}`)
    text = ""
    return replies
  }
}

export interface Twins {
  readonly real: Ask
  readonly fake: Ask
  /** Of the commands named, those that the real server knows. */
  readonly known: (names: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
  /** Another connection to each. */
  readonly more: Effect.Effect<{ readonly real: Ask; readonly fake: Ask }, HarnessError, Scope.Scope>
}

/** A cluster of one node, twice. */
export const make = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const engine = yield* makeEngine({ primaries: 1 })
  const port = cluster.nodes[0].port
  const real = yield* askServer(port)
  const fakeSession = () => askSession((write) => engine.nodes[0].accept({ write, end: () => {} }))
  const twins: Twins = {
    real,
    fake: fakeSession(),
    known: async (names) => {
      const [[, infos]] = await real([["COMMAND", "INFO", ...names]])
      return new Set(names.filter((_, i) => Array.isArray(infos) && Array.isArray(infos[i][1])))
    },
    more: Effect.map(askServer(port), (real) => ({ real, fake: fakeSession() }))
  }
  return twins
})

/** Why nothing can be compared with this server; nothing when it can. The engine is held to Redis. */
export const incomparable = Effect.gen(function*() {
  const cluster = yield* RedisCluster
  const info = String(yield* cluster.command(cluster.nodes[0], "INFO", "server"))
  return info.includes("valkey_version") ? "Valkey words and refuses some things otherwise than Redis" : undefined
})

/** A connection whose every byte is kept. */
export interface Line {
  readonly send: (words: Words) => void
  /** The bytes that have come since the last call. */
  readonly heard: () => string
}

const lineToServer = (port: number): Effect.Effect<Line, HarnessError, Scope.Scope> =>
  Effect.map(
    socketTo(port),
    (socket) => {
      let text = ""
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")))
      return {
        send: (words) => socket.write(encode(words)),
        heard: () => {
          const heard = text
          text = ""
          return heard
        }
      }
    }
  )

/** One step of a play: which connection says what. */
export type Step = readonly [line: number, ...words: Words]

/** Plays the same steps to both, with time between them; what each connection heard after each step. */
export const play = Effect.fnUntraced(function*(steps: ReadonlyArray<Step>, resp: "2" | "3") {
  const cluster = yield* RedisCluster
  const engine = yield* makeEngine({ primaries: 1 })
  const count = Math.max(...steps.map(([line]) => line)) + 1
  const real: Array<Line> = []
  const fake: Array<Line> = []
  for (let i = 0; i < count; i++) {
    real.push(yield* lineToServer(cluster.nodes[0].port))
    let text = ""
    const session = engine.nodes[0].accept({ write: (bytes) => (text += bytes), end: () => {} })
    fake.push({
      send: (words) => session.receive(encode(words).toString("latin1")),
      heard: () => {
        const heard = text
        text = ""
        return heard
      }
    })
  }
  // Written after a step to a server that does one thing after the other: its answer says that the step is done.
  const ask = yield* askServer(cluster.nodes[0].port)
  const done = Effect.promise(() => ask([["PING"], ["PING"]]))
  for (const line of [...real, ...fake]) line.send(["HELLO", resp])
  for (const [line] of [real, fake]) line.send(["FLUSHALL"])
  // A reply to the preparations that came later would be taken for one to the first step.
  for (const line of [...real, ...fake]) line.send(["ECHO", "prepared"])
  for (const line of [...real, ...fake]) {
    let text = ""
    yield* until("the line is prepared", () => (text += line.heard()).endsWith("prepared\r\n"))
  }
  const heard = { real: [] as Array<unknown>, fake: [] as Array<unknown> }
  for (const [line, ...words] of steps) {
    real[line].send(words)
    fake[line].send(words)
    yield* done
    yield* Effect.sleep(words[1] === "WAITING" ? 150 : 2)
    // A slow machine gets more time, as long as the server has said less than the engine.
    const fromFake = fake.map((line) => line.heard())
    const fromReal = real.map((line) => line.heard())
    for (let waited = 0; waited < 40 && fromReal.join("").length < fromFake.join("").length; waited++) {
      yield* Effect.sleep(10)
      for (const [i, one] of real.entries()) fromReal[i] += one.heard()
    }
    heard.fake.push([words, ...fromFake])
    heard.real.push([words, ...fromReal])
  }
  return heard
})
