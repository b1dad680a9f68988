/**
 * Nodes that bring one message: it reaches the second node through the cluster's bus after the first one has delivered it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Duplex } from "node:stream"
import type { Endpoint } from "../../src/cluster/Endpoint.ts"
import { ofKey } from "../../src/cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import { busDelay } from "../../src/pubsub/transit.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import { until } from "../harness/Waiting.ts"
import { connectTo, idOf, stage } from "../topology/scripted.ts"
import { collect, count, messages } from "./support.ts"

const bulk = (text: string) => `$${text.length}\r\n${text}`

/** A node by the port at which it listens, and by its name where that is another. */
type Node = number | { readonly port: number; readonly name: number }

/** The map in which each primary owns one half of the slots, with its replicas behind it. */
const slotsOf = (...halves: ReadonlyArray<ReadonlyArray<Node>>): string => {
  const member = (node: Node) => {
    const { name, port } = typeof node === "number" ? { port: node, name: node } : node
    return `*3\r\n${bulk("fake")}\r\n:${port}\r\n${bulk(idOf(name))}`
  }
  const rows = halves.map((members, i) =>
    [`*${members.length + 2}`, `:${i * 8192}`, `:${i * 8192 + 8191}`, ...members.map(member)].join("\r\n")
  )
  return [`*${rows.length}`, ...rows].join("\r\n")
}

/**
 * Scripted nodes: 7001 holds a subscription first, and whichever node is asked for it next brings the message of 7001 once
 * more while that is on its way between the nodes.
 */
const siblings = (subscribe: "subscribe" | "ssubscribe", name: string) => {
  const scripted = stage([7001, 7002, 7003], { owners: [{ name: 7001 }, { name: 7003 }], others: [{ name: 7002 }] })
  const push = (...words: ReadonlyArray<string>) => [`>${words.length}`, ...words].join("\r\n")
  const confirmation = push(bulk(subscribe), bulk(name), ":1")
  const message = push(bulk(subscribe === "subscribe" ? "message" : "smessage"), bulk(name), bulk("once"))
  const state = {
    slots: slotsOf([7001, 7002], [7003]),
    holder: undefined as Duplex | undefined,
    deliveredAt: Number.POSITIVE_INFINITY,
    /** The time from the delivery to the request at the next node. */
    askedAfter: 0,
    /** The answer of 7001 when it is asked again. */
    refusal: undefined as string | undefined
  }
  const stream = (endpoint: Endpoint): Duplex => {
    const socket = scripted.stream(endpoint)
    const write = socket.write.bind(socket)
    socket.write = (bytes: Uint8Array | string) => {
      if (Buffer.from(bytes).includes(subscribe.toUpperCase())) state.holder ??= socket
      return write(bytes)
    }
    return socket
  }
  scripted.answer = (port, command) => {
    if (command === "CLUSTER SLOTS") return state.slots
    if (command !== `${subscribe.toUpperCase()} ${name}`) return undefined
    if (state.deliveredAt === Number.POSITIVE_INFINITY) return confirmation
    if (port === 7001 && state.refusal !== undefined) return state.refusal
    state.askedAfter = performance.now() - state.deliveredAt
    return state.askedAfter < busDelay - 1 ? `${confirmation}\r\n${message}` : confirmation
  }
  return {
    scripted,
    state,
    stream,
    /** Sends a push over the first connection that subscribed. */
    send: (...words: ReadonlyArray<string>) => state.holder?.push(`${push(...words)}\r\n`),
    deliver: () => {
      state.deliveredAt = performance.now()
      state.holder?.push(`${message}\r\n`)
    }
  }
}

/** Lets 7001 deliver its message, moves the subscription, and expects that the message has come once. */
const movedBy = Effect.fnUntraced(function*(
  subscribe: "subscribe" | "ssubscribe",
  move: (nodes: ReturnType<typeof siblings>, redis: ClusterClientShape) => Effect.Effect<unknown, RedisClusterException>
) {
  // Its slot belongs to the first half.
  const name = "{b}:siblings"
  const nodes = siblings(subscribe, name)
  const redis = yield* connectTo(nodes.stream)
  const channels = subscribe === "subscribe" ? { channels: name } : { shardChannels: name }
  const events = yield* Effect.flatMap(redis.subscribeEventsScoped(channels), collect)
  nodes.deliver()
  yield* until("the message", () => messages(events.values).length === 1)
  yield* move(nodes, redis)
  yield* until("live again", () => count(events.values, "Subscribed") === 2)
  assert.deepStrictEqual(messages(events.values).map(({ payload }) => payload), ["once"])
  assert.isAtLeast(nodes.state.askedAfter, busDelay - 1)
  assert.strictEqual(count(events.values, "Gap"), 1)
})

describe("A message that one node has delivered does not come again from the next one", () => {
  it.live("a new primary, in the view of a node that sees the former one without slots and without a shard", () =>
    movedBy("ssubscribe", ({ state }, redis) => {
      state.slots = slotsOf([7002], [7003])
      return redis.refreshTopology
    }))

  it.live("a new primary that only a redirect has named, and that no refresh has shown in the shard", () =>
    movedBy("ssubscribe", ({ send, state }, redis) => {
      state.slots = slotsOf([7001], [7003])
      return Effect.andThen(
        redis.refreshTopology,
        Effect.sync(() => {
          state.slots = slotsOf([7002], [7003])
          state.refusal = `-MOVED ${ofKey("{b}:siblings")} fake:7002`
          send(bulk("sunsubscribe"), bulk("{b}:siblings"), ":0")
        })
      )
    }))

  it.live("another node that has got the address of the first", () =>
    movedBy("subscribe", ({ scripted, state }, redis) => {
      scripted.names.set(7001, 7009)
      state.slots = slotsOf([{ port: 7001, name: 7009 }], [7003])
      return redis.refreshTopology
    }))
})
