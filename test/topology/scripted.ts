/**
 * Servers behind the `stream` option, whose answers the test decides: for views of a cluster that real servers cannot be made
 * to have.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Duplex } from "node:stream"
import { addressOf, type Endpoint } from "../../src/cluster/Endpoint.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { RespDecoder } from "../../src/protocol/RespDecoder.ts"

/** Holds the answers of a connection back, this one first, until it is released with what is then the answer. */
export type Hold = () => (reply: string) => void

/** Answers in RESP; no answer means that it is held back. */
export const servers =
  (answer: (endpoint: Endpoint, command: string, hold: Hold) => string | undefined) => (endpoint: Endpoint): Duplex => {
    let queue: Array<string> | undefined
    const send = (reply: string) => stream.push(`${reply}\r\n`)
    const hold: Hold = () => {
      queue = []
      return (reply) => {
        for (const one of [reply, ...queue ?? []]) send(one)
        queue = undefined
      }
    }
    const decoder = new RespDecoder({
      binary: () => false,
      onPush: () => {},
      onReply: (command) => {
        const reply = answer(endpoint, Array.isArray(command) ? command.join(" ") : "", hold)
        if (reply === undefined) return
        if (queue === undefined) send(reply)
        else queue.push(reply)
      }
    })
    const stream: Duplex = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _, done) => {
        decoder.push(chunk)
        done()
      }
    })
    return stream
  }

export const idOf = (node: number | string): string => `${node}`.padEnd(40, "0")

export const handshake = (endpoint: Endpoint, command: string): string | undefined =>
  command.startsWith("HELLO")
    ? "%0"
    : command.startsWith("CLIENT")
    ? "+OK"
    : command === "CLUSTER SHARDS"
    ? "-ERR unknown subcommand 'SHARDS'"
    : command === "CLUSTER NODES"
    ? "-ERR unknown subcommand 'NODES'"
    : command === "CLUSTER MYID"
    ? `$40\r\n${idOf(endpoint.port)}`
    : command === "PING"
    ? "+PONG"
    : undefined

const text = (value: string): string => `$${value.length}\r\n${value}`

/** A node as another one knows it. */
export interface Named {
  /** The same node has the same name, whatever its address; the name of a node is the port it was first known by. */
  readonly name: number | string
  readonly host?: string
  readonly port?: number
  readonly failed?: boolean
}

/** The owners of slots and the other nodes, in the view of one node. The owners have equal parts of the slots. */
export interface View {
  readonly owners: ReadonlyArray<Named | undefined>
  readonly others?: ReadonlyArray<Named>
}

const portOf = ({ name, port }: Named): number => port ?? Number(name)

export const slotsOf = ({ owners }: View): string => {
  const at = (i: number) => Math.floor((i * 16_384) / owners.length)
  const rows = owners.flatMap((owner, i) =>
    owner === undefined ? [] : [
      `*3\r\n:${at(i)}\r\n:${at(i + 1) - 1}\r\n` +
      `*3\r\n${text(owner.host ?? "fake")}\r\n:${portOf(owner)}\r\n${text(idOf(owner.name))}`
    ]
  )
  return `*${rows.length}\r\n${rows.join("\r\n")}`
}

export const nodesOf = ({ others = [], owners }: View): string => {
  const lines = [...owners, ...others].flatMap((node) =>
    node === undefined
      ? []
      : [
        `${idOf(node.name)} ${node.host ?? "fake"}:${portOf(node)}@1 ${
          node.failed ? "master,fail" : "master"
        } - 0 0 1 connected`
      ]
  )
  return text(`${lines.join("\n")}\n`)
}

/** The facts and decisions of the test. */
export interface Stage {
  /** The view of the server at a port. */
  readonly views: Map<number, View>
  /** The name of the node that runs at a port; the port itself unless said otherwise. */
  readonly names: Map<number, number | string>
  /** Ports at which nobody listens. */
  readonly dead: Set<number>
  /** Ends the connections to a port, at which nobody listens from now on. */
  readonly kill: (port: number) => void
  /** The replies to commands, before anything else is tried; no reply when it is empty. */
  answer: (port: number, command: string) => string | undefined
  /** The addresses that were dialled. */
  readonly dialled: Array<string>
  /** The commands that came, with the port. */
  readonly received: Array<{ readonly port: number; readonly command: string }>
  readonly stream: (endpoint: Endpoint) => Duplex
  /** How many commands there were whose text begins so, to one port or to all. */
  readonly count: (command: string, port?: number) => number
}

/** Servers at ports of the host `fake`, or of any other name, that all have the same view at first. */
export const stage = (
  ports: ReadonlyArray<number>,
  view: View = { owners: ports.map((name) => ({ name })) }
): Stage => {
  const dialled: Array<string> = []
  const received: Stage["received"] = []
  const names = new Map<number, number | string>()
  const views = new Map(ports.map((port) => [port, view] as const))
  const dead = new Set<number>()
  const open = new Set<readonly [port: number, stream: Duplex]>()
  const serve = servers(({ port }, command) => {
    received.push({ port, command })
    const given = made.answer(port, command)
    if (given !== undefined) return given === "" ? undefined : given
    const known = views.get(port)
    if (command === "CLUSTER SLOTS") return known === undefined ? "-ERR no view" : slotsOf(known)
    if (command === "CLUSTER NODES" && known !== undefined) return nodesOf(known)
    if (command === "CLUSTER MYID") return text(idOf(names.get(port) ?? port))
    return handshake({ host: "fake", port }, command) ?? text(`value of ${names.get(port) ?? port}`)
  })
  const made: Stage = {
    views,
    names,
    dead,
    dialled,
    received,
    answer: () => undefined,
    stream: (endpoint) => {
      dialled.push(addressOf(endpoint))
      const stream = serve(endpoint)
      if (dead.has(endpoint.port)) stream.destroy(new Error("connect ECONNREFUSED"))
      const entry = [endpoint.port, stream] as const
      open.add(entry)
      stream.once("close", () => open.delete(entry))
      return stream
    },
    count: (command, port) =>
      received.filter((one) => one.command.startsWith(command) && (port === undefined || one.port === port)).length,
    kill: (port) => {
      dead.add(port)
      for (const [one, stream] of open) if (one === port) stream.destroy()
    }
  }
  return made
}

/** A client of scripted servers. */
export const connectTo = (
  stream: (endpoint: Endpoint) => Duplex,
  options: Partial<ClusterOptions> = {}
) =>
  Effect.map(
    Layer.build(
      ClusterClient.layer({ nodes: { host: "fake", port: 7001 }, minRefreshInterval: 10, ...options, stream })
    ),
    (context) => Context.get(context, ClusterClient)
  )
