/**
 * The cost of the size of a cluster: starting, refreshing and routing with 3 to 1000 nodes. The nodes are one scripted
 * process behind as many loopback addresses: real clusters of that size do not fit on one machine.
 *
 *     node bench/topology.ts [--smoke]
 */
import calculateSlot from "cluster-key-slot"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { fork } from "node:child_process"
import * as Net from "node:net"
import { fileURLToPath } from "node:url"
import { ClusterClient } from "../src/index.ts"
import { RespDecoder } from "../src/protocol/RespDecoder.ts"
import { table } from "./report.ts"

/** So short that the figures say nothing. */
const smoke = process.argv.includes("--smoke")
const sizes = smoke ? [3, 30] : [3, 10, 30, 100, 300, 1000]
const commands = smoke ? 2000 : 200_000
const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
const hostOf = (node: number) => `127.1.${node >> 8}.${node & 255}`

/** Half of the nodes are primaries, each with one replica. */
const topologyOf = (size: number, port: number) => {
  const shards = Math.ceil(size / 2)
  const node = (index: number) =>
    `*4\r\n${bulk(hostOf(index))}:${port}\r\n${bulk(String(index).padStart(40, "0"))}*0\r\n`
  const rows = Array.from({ length: shards }, (_, shard) => {
    const first = Math.floor(16384 * shard / shards)
    const last = Math.floor(16384 * (shard + 1) / shards) - 1
    const replica = shards + shard
    const members = replica < size ? node(shard) + node(replica) : node(shard)
    return `*${replica < size ? 4 : 3}\r\n:${first}\r\n:${last}\r\n${members}`
  })
  return `*${shards}\r\n${rows.join("")}`
}

/** Every slot is a range of its own, and its neighbours belong to other shards of three nodes. */
const topologyInPieces = (size: number, port: number) => {
  const shards = size / 3
  const node = (index: number) =>
    `*4\r\n${bulk(hostOf(index))}:${port}\r\n${bulk(String(index).padStart(40, "0"))}*0\r\n`
  const members = Array.from(
    { length: shards },
    (_, shard) => node(shard) + node(shard + shards) + node(shard + 2 * shards)
  )
  const rows = Array.from({ length: 16384 }, (_, slot) => `*5\r\n:${slot}\r\n:${slot}\r\n${members[slot % shards]}`)
  return `*16384\r\n${rows.join("")}`
}

const serve = (size: number, topologyOf: (size: number, port: number) => string) => {
  let topology = ""
  const server = Net.createServer((socket) => {
    socket.setNoDelay(true)
    socket.on("error", () => {})
    const node = (socket.localAddress ?? "").split(".").map(Number)
    const own = String((node[2] << 8) | node[3]).padStart(40, "0")
    let out = ""
    const decoder = new RespDecoder({
      binary: () => false,
      onPush: () => {},
      onReply: (reply) => {
        const words = Array.isArray(reply) ? reply.map(String) : []
        if (words[0] === "GET") out += "$1\r\nv\r\n"
        else if (words[0] === "PING") out += "+PONG\r\n"
        else if (words[0] === "HELLO") out += "%1\r\n$5\r\nproto\r\n:3\r\n"
        else if (words[0] === "CLUSTER" && words[1] === "SLOTS") out += topology
        else if (words[0] === "CLUSTER" && words[1] === "MYID") out += bulk(own)
        else out += words[0] === "CLUSTER" ? "-ERR unknown subcommand\r\n" : "+OK\r\n"
      }
    })
    socket.on("data", (chunk: Buffer) => {
      decoder.push(chunk)
      socket.write(out)
      out = ""
    })
  })
  server.listen(0, "0.0.0.0", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    topology = topologyOf(size, port)
    process.send?.({ port })
  })
  process.on("disconnect", () => process.exit(0))
}

const callers = 500

const startServer = async (size: number, form: "whole" | "inPieces") => {
  const child = fork(fileURLToPath(import.meta.url), ["serve", String(size), form], { execArgv: ["--no-warnings"] })
  const { port } = await new Promise<{ port: number }>((resolve) => child.once("message", resolve))
  return { child, port }
}

/** The longest time for which the event loop stands still during a refresh, in milliseconds. */
const measureInPieces = async () => {
  const size = 90
  const { child, port } = await startServer(size, "inPieces")
  const runtime = ManagedRuntime.make(ClusterClient.layer({ nodes: { host: hostOf(0), port } }))
  const redis = await runtime.runPromise(Effect.service(ClusterClient))
  const stops: Array<number> = []
  const cpu: Array<number> = []
  for (let refresh = 0; refresh < (smoke ? 2 : 20); refresh++) {
    let longest = 0
    let last = performance.now()
    let ended = false
    const watch = () => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
      if (!ended) setImmediate(watch)
    }
    watch()
    const before = process.cpuUsage()
    await Effect.runPromise(redis.refreshTopology)
    const used = process.cpuUsage(before)
    ended = true
    stops.push(longest)
    cpu.push((used.user + used.system) / 1000)
  }
  await runtime.dispose()
  child.kill("SIGKILL")
  const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1]
  return [String(size), "16384", median(cpu).toFixed(1), median(stops).toFixed(1)]
}

const measure = async (size: number) => {
  const { child, port } = await startServer(size, "whole")
  const startedAt = performance.now()
  const runtime = ManagedRuntime.make(ClusterClient.layer({ nodes: { host: hostOf(0), port } }))
  const redis = await runtime.runPromise(Effect.service(ClusterClient))
  const start = performance.now() - startedAt

  // A key for each shard, so that every primary has its connection.
  const shards = Math.ceil(size / 2)
  const keys = new Array<string>(shards)
  for (let i = 0, found = 0; found < shards; i++) {
    const shard = Math.floor(calculateSlot(`key:${i}`) * shards / 16384)
    if (keys[shard] !== undefined) continue
    keys[shard] = `key:${i}`
    found++
  }
  const run = async (total: number) => {
    let issued = 0
    const before = process.cpuUsage()
    await Effect.runPromise(Effect.forEach(Array.from({ length: callers }), () =>
      Effect.whileLoop({
        while: () => issued < total,
        body: () => redis.get(keys[issued++ % shards]),
        step: () => {}
      }), { concurrency: "unbounded", discard: true }))
    const cpu = process.cpuUsage(before)
    return (cpu.user + cpu.system) / total
  }
  await run(commands / 2)
  const perCommand = Math.min(await run(commands), await run(commands), await run(commands))

  const refreshes = 20
  const before = process.cpuUsage()
  for (let i = 0; i < refreshes; i++) await Effect.runPromise(redis.refreshTopology)
  const cpu = process.cpuUsage(before)
  const refresh = (cpu.user + cpu.system) / refreshes / 1000
  const heap = process.memoryUsage().heapUsed / 1024 / 1024
  await runtime.dispose()
  child.kill("SIGKILL")
  return [String(size), start.toFixed(0), refresh.toFixed(2), perCommand.toFixed(2), heap.toFixed(0)]
}

const main = async () => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const size of sizes) rows.push(await measure(size))
  console.log(
    `${callers} callers, GET over all shards\n\n` +
      table(["nodes", "start ms", "refresh CPU ms", "GET CPU us", "heap MiB"], rows)
  )
  console.log(
    `\nA map in pieces\n\n` + table(["nodes", "ranges", "refresh CPU ms", "longest stop ms"], [await measureInPieces()])
  )
}

if (process.argv[2] === "serve") {
  serve(Number(process.argv[3]), process.argv[4] === "inPieces" ? topologyInPieces : topologyOf)
} else await main()
