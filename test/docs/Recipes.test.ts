/**
 * The recipes that serve until they are interrupted do what their page promises: on requests, on faults, on SIGTERM.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { spawn } from "node:child_process"
import { hostname } from "node:os"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { HarnessError } from "../harness/HarnessError.ts"
import { blockedClients } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as RedisServer from "../harness/RedisServer.ts"
import { eventually, until } from "../harness/Waiting.ts"
import { blocksOf } from "./Blocks.ts"
import { Programs } from "./Programs.ts"

const recipes = blocksOf("docs/recipes.md")

/** The file of the recipe that has a line. */
const fileOf = (line: string): string => {
  const [recipe, second] = recipes.filter(({ text }) => text.includes(line))
  assert.isDefined(recipe, line)
  assert.isUndefined(second, line)
  return recipe.file
}

/** Starts a recipe, which ends with the scope at the latest. */
const start = Effect.fnUntraced(function*(line: string, env: Readonly<Record<string, string>> = {}) {
  const programs = yield* Programs
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [fileOf(line)], {
        cwd: programs.directory,
        env: { ...process.env, ...programs.env, ...env }
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let output = ""
  let ended = false
  child.stdout.on("data", (chunk) => output += chunk)
  child.stderr.on("data", (chunk) => output += chunk)
  child.on("close", () => ended = true)
  return {
    prints: (text: string) =>
      until(`a program of the page prints "${text}"`, () => output.includes(text), 60_000).pipe(
        Effect.onExit((exit) => exit._tag === "Failure" ? Effect.log(output) : Effect.void)
      ),
    terminate: () => child.kill("SIGTERM"),
    /** Waits for the end; the output until then. */
    ends: Effect.map(until("the program ends", () => ended, 60_000), () => output)
  }
})

/** Starts a recipe that listens. */
const listen = Effect.fnUntraced(function*(line: string) {
  const port = yield* RedisServer.freePort
  const program = yield* start(line, { PORT: String(port) })
  yield* program.prints("Listening on")
  return { ...program, port }
})

const request = (method: string, url: string) =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(url, { method })
      return [response.status, await response.text()] as const
    },
    catch: (cause) => new HarnessError({ message: `${method} ${url}`, cause })
  })

/** A web socket as a browser has it, with the messages that it got. */
const browser = Effect.fnUntraced(function*(url: string) {
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => new WebSocket(url)),
    (socket) => Effect.sync(() => socket.close())
  )
  const messages: Array<unknown> = []
  socket.addEventListener("message", ({ data }) => messages.push(data))
  yield* until("the web socket is open", () => socket.readyState === WebSocket.OPEN)
  return { messages, socket }
})

const orders = "{orders}"

/** Sends a command to the owner of the orders. */
const onOrders = Effect.fnUntraced(function*(...words: ReadonlyArray<string>) {
  const cluster = yield* RedisCluster
  return yield* cluster.command(yield* cluster.owner(HashSlot.ofKey(orders)), ...words)
})

const onPrimaries = Effect.fnUntraced(function*(...words: ReadonlyArray<string>) {
  const cluster = yield* RedisCluster
  for (const node of yield* cluster.primaries) yield* cluster.command(node, ...words)
})

const withPrograms = layer(Programs.layer, { excludeTestServices: true, timeout: "60 seconds" })

describe("A recipe that serves", { tags: ["long"] }, () => {
  withPrograms("on a real cluster", (it) => {
    it.effect(
      "is ready while every primary answers, finishes its requests on SIGTERM, and accepts no more",
      () =>
        Effect.gen(function*() {
          const cluster = yield* RedisCluster
          const server = yield* listen("/visits/:page")
          const url = `http://127.0.0.1:${server.port}`
          assert.deepStrictEqual(yield* request("GET", `${url}/ready`), [200, "ready"])
          const [victim] = yield* cluster.primaries
          yield* cluster.stop(victim)
          const [status, text] = yield* request("GET", `${url}/ready`)
          yield* cluster.continue(victim)
          yield* cluster.awaitOk
          assert.strictEqual(status, 503)
          assert.include(text, `${victim.host}:${victim.port}`)
          yield* eventually(
            "it is ready again",
            Effect.map(request("GET", `${url}/ready`), ([status]) => status === 200)
          )

          assert.deepStrictEqual(yield* request("POST", `${url}/visits/home`), [200, `{"page":"home","visits":1}`])
          yield* onPrimaries("CLIENT", "PAUSE", "60000", "WRITE")
          const asked = yield* Effect.forkChild(request("POST", `${url}/visits/home`))
          yield* eventually("the command waits", Effect.map(blockedClients(cluster), (count) => count > 0))
          server.terminate()
          yield* eventually("the port is closed", Effect.isFailure(request("GET", `${url}/live`)))
          yield* onPrimaries("CLIENT", "UNPAUSE")
          assert.deepStrictEqual(yield* Fiber.join(asked), [200, `{"page":"home","visits":2}`])
          yield* server.ends
        }).pipe(Effect.scoped),
      60_000
    )

    it.effect(
      "works on the orders, buries those that cannot succeed, and leaves none behind on SIGTERM",
      () =>
        Effect.gen(function*() {
          const add = (...fields: ReadonlyArray<string>) => onOrders("XADD", orders, "*", ...fields)
          yield* onOrders("XGROUP", "CREATE", orders, "billing", "0", "MKSTREAM")
          const failed = String(yield* add("customer", "edsger", "cents", "300"))
          // Five deliveries to this host that were not acknowledged.
          yield* onOrders("XREADGROUP", "GROUP", "billing", hostname(), "STREAMS", orders, ">")
          yield* onOrders("XCLAIM", orders, "billing", hostname(), "0", failed, "RETRYCOUNT", "5")
          const broken = String(yield* add("customer", "grace", "cents", "much"))
          yield* add("customer", "ada", "cents", "1250")

          const worker = yield* start("const worker = ")
          yield* worker.prints("charged ada 12.5")
          yield* worker.prints(`buried ${failed}: delivered too often`)
          yield* worker.prints(`buried ${broken}: not an order`)
          worker.terminate()
          const output = yield* worker.ends
          assert.include(output, "the worker ends")
          assert.notInclude(output, "charged edsger")
          const [pending] = Object.values(Object(yield* onOrders("XPENDING", orders, "billing")))
          assert.strictEqual(Number(pending), 0)
          assert.strictEqual(Number(yield* onOrders("XLEN", `${orders}:dead`)), 2)
        }).pipe(Effect.scoped),
      60_000
    )

    it.effect("brings a message to the web sockets of every process", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const servers = yield* Effect.all([listen("/rooms/:room"), listen("/rooms/:room")], { concurrency: 2 })
        const [one, two] = yield* Effect.forEach(servers, ({ port }) => browser(`ws://127.0.0.1:${port}/rooms/tea`))
        const subscribers = Effect.map(
          Effect.forEach(cluster.nodes, (node) => cluster.command(node, "PUBSUB", "NUMSUB", "room:tea")),
          (replies) => replies.reduce<number>((sum, reply) => sum + (Array.isArray(reply) ? Number(reply[1]) : 0), 0)
        )
        yield* eventually("both processes have subscribed", Effect.map(subscribers, (count) => count === 2))
        one.socket.send("hello")
        yield* until("the message is at both", () => one.messages.length > 0 && two.messages.length > 0)
        two.socket.send("hi")
        yield* until("the second one, too", () => one.messages.length > 1 && two.messages.length > 1)
        assert.deepStrictEqual([one.messages, two.messages], [["hello", "hi"], ["hello", "hi"]])

        one.socket.close()
        yield* eventually("a process without sockets unsubscribes", Effect.map(subscribers, (count) => count === 1))
        servers[1].terminate()
        yield* servers[1].ends
      }).pipe(Effect.scoped), 120_000)
  })
})
