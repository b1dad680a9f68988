import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Net from "node:net"
import { Duplex } from "node:stream"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as ClusterOptions from "../../src/ClusterOptions.ts"
import type { Connection } from "../../src/connection/Connection.ts"
import * as Connections from "../../src/connection/Connections.ts"
import { query, question } from "../../src/connection/Query.ts"
import { Refusals } from "../../src/connection/Refusals.ts"
import { connect } from "../harness/Observed.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"
import * as ScriptedServer from "./ScriptedServer.ts"

const connectionsTo = (server: ScriptedServer.ScriptedServer, given: Partial<ClusterOptions.ClusterOptions> = {}) =>
  Effect.flatMap(
    Effect.fromResult(ClusterOptions.resolve({ drainTimeout: 10, ...given, nodes: [server.endpoint] })),
    Connections.make
  )

const until = (condition: () => boolean) => Waiting.until(String(condition), condition)

/** Tells a connection of refusals until something has come of it. */
const refuseUntil = (connection: Connection, condition: () => boolean) =>
  Waiting.until(String(condition), () => {
    connection.refused()
    return condition()
  })

describe("Refusals of what a node serves", () => {
  it("are a reason for another socket when they persist, and not again for a while", () => {
    const refusals = new Refusals()
    assert.deepStrictEqual([0, 500, 999, 1000, 1500, 6000, 10_500, 11_001].map((at) => refusals.note(at)), [
      ...[false, false, false, true, false, false, false, true]
    ])
    const rare = new Refusals()
    assert.deepStrictEqual([0, 6000, 12_000, 18_000].map((at) => rare.note(at)), [false, false, false, false])
  })

  it.live("replace the socket off the path: replies that are due still come on the old one", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ?? (args[0] === "SLOW" ? undefined : `+${peer.index}\r\n`)
      )
      const connection = (yield* connectionsTo(server)).get(server.endpoint)
      assert.strictEqual(yield* query(connection, question("GET", "k"), 5000), "0")
      const slow = yield* Effect.forkChild(query(connection, question("SLOW"), 20_000))
      yield* until(() => server.peers[0].commands.some(([name]) => name === "SLOW"))
      yield* refuseUntil(connection, () => connection.sockets === 2)
      assert.strictEqual(yield* query(connection, question("GET", "k"), 5000), "1")
      assert.isFalse(server.peers[0].socket.destroyed)
      server.peers[0].socket.write("+slow\r\n")
      assert.strictEqual(yield* Fiber.join(slow), "slow")
      yield* until(() => server.peers[0].socket.destroyed || server.peers[0].socket.readableEnded)
      assert.strictEqual(connection.depth, 0)
      assert.strictEqual(yield* query(connection, question("GET", "k"), 5000), "1")
    }))

  it.live("end a socket whose address belongs to another node by now", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) =>
        ScriptedServer.welcome(args, peer) ??
          (args[0] === "CLUSTER" ? `+${peer.index === 0 ? "aaa" : "bbb"}\r\n` : "+OK\r\n")
      )
      const connection = (yield* connectionsTo(server)).get({ ...server.endpoint, id: "aaa" })
      yield* query(connection, question("GET", "k"), 5000)
      yield* refuseUntil(connection, () => connection.state === "down")
      assert.include(connection.lastFailure?.message, "another node (bbb)")
    }))

  it.live("heal a client whose socket ends elsewhere behind its address, while the map and the id stay what they are", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ nodeTimeout: 1000 })
      const key = "far-end"
      const owner = yield* cluster.owner(HashSlot.ofKey(key))
      const streams: Array<Duplex & { swapped: boolean }> = []
      const redis = yield* connect({
        nodes: cluster.seeds,
        stream: (endpoint) => {
          const socket = Net.connect(endpoint)
          const refusal = `-MOVED ${HashSlot.ofKey(key)} ${endpoint.host}:${endpoint.port}\r\n`
          const stream = Object.assign(
            new Duplex({
              read: () => {},
              write: (chunk: Buffer, _, done) => {
                if (!stream.swapped || !chunk.includes("\r\nGET\r\n")) return void socket.write(chunk, () => done())
                stream.push(refusal)
                done()
              },
              destroy: (error, done) => {
                socket.destroy()
                done(error)
              }
            }),
            { swapped: false }
          )
          socket.on("data", (bytes) => stream.push(bytes)).on("error", () => {}).on("close", () => stream.destroy())
          if (endpoint.port === owner.port) streams.push(stream)
          return stream
        }
      })
      yield* redis.set(key, "value")
      for (const stream of streams) stream.swapped = true
      assert.strictEqual(yield* redis.get(key), "value")
    }))
})

describe("A node that has left", () => {
  it.live("is drained by the deadlines of its commands, whose failure does not say that the client is closed", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedServer.start((args, peer) => ScriptedServer.welcome(args, peer))
      const connections = yield* connectionsTo(server, { drainTimeout: 10 })
      const connection = connections.get(server.endpoint)
      const slow = yield* Effect.forkChild(query(connection, question("SLOW"), 20_000))
      const hopeless = yield* Effect.forkChild(Effect.result(query(connection, question("NEVER"), 600)))
      yield* until(() => server.peers[0]?.commands.some(([name]) => name === "NEVER"))
      connections.retain(new Map())
      yield* Effect.sleep(100)
      server.peers[0].socket.write("+done\r\n")
      assert.strictEqual(yield* Fiber.join(slow), "done")
      const late = yield* Effect.result(query(connection, question("GET", "k"), 1000))
      assert.isTrue(Result.isFailure(late) && late.failure.kind === "connection")
      assert.include(Result.isFailure(late) ? late.failure.message : "", "has left the cluster")
      yield* Fiber.join(hopeless)
      yield* until(() => connection.state === "closed")
    }))
})
