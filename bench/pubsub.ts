/**
 * The cost of a published message for a client that is subscribed: CPU per message and per delivery, with 1, 10 and 100
 * streams on one channel, classic and sharded. One client works at a time, in turns; each in a process of its own.
 *
 * Usage: node bench/pubsub.ts [--messages 100000] [--rounds 3] [--streams 1,10,100] [--clients "node-redis,ioredis"]
 */
import clusterKeySlot from "cluster-key-slot"
import type { ChildProcess } from "node:child_process"
import { fork, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { ClusterNode } from "./BenchClient.ts"
import { SocketLoop } from "./clients/SocketLoop.ts"
import { startCluster } from "./cluster.ts"
import { subscribers } from "./subscribers/Subscriber.ts"

interface Job {
  readonly nodes: ReadonlyArray<ClusterNode>
  readonly channel: string
  readonly sharded: boolean
  readonly streams: number
}

type Request =
  | { readonly kind: "open"; readonly job: Job }
  | { readonly kind: "expect"; readonly messages: number }
  | { readonly kind: "close" }

interface Measure {
  readonly cpuMicros: number
  readonly millis: number
}

const work = async (name: string) => {
  const entry = subscribers.find((one) => one.name === name)
  if (entry === undefined) throw new Error(`no client is called "${name}"`)
  const { subscribe } = await entry.load()
  let close = async () => {}
  let left = 0
  let startedAt = 0
  let cpu = process.cpuUsage()
  const onMessage = (payload: string) => {
    if (payload.length !== 16) throw new Error(`unexpected payload ${payload}`)
    if (--left !== 0) return
    const { system, user } = process.cpuUsage(cpu)
    process.send?.({ cpuMicros: system + user, millis: performance.now() - startedAt })
  }
  let streams = 1
  process.on("message", async (request: Request) => {
    switch (request.kind) {
      case "open":
        streams = request.job.streams
        close = await subscribe({ ...request.job, onMessage })
        break
      case "expect":
        left = request.messages * streams
        startedAt = performance.now()
        cpu = process.cpuUsage()
        break
      case "close":
        await close()
        process.disconnect()
        return
    }
    process.send?.({})
  })
  process.send?.({})
}

const cleanUps = new Set<() => void>()
const onStarted = (killNow: () => void) => {
  cleanUps.add(killNow)
}

const answer = <A>(child: ChildProcess, name: string): Promise<A> =>
  new Promise((resolve, reject) => {
    const timeout = setTimeout(() => reject(new Error(`${name} has lost messages`)), 60_000)
    child.once("message", (message) => {
      clearTimeout(timeout)
      resolve(message as A)
    })
  })

const ask = <A>(child: ChildProcess, name: string, request: Request): Promise<A> => {
  const answered = answer<A>(child, name)
  child.send(request)
  return answered
}

const start = async (name: string, job: Job): Promise<ChildProcess> => {
  const child = fork(fileURLToPath(import.meta.url), ["--worker", name], { execArgv: ["--no-warnings"] })
  onStarted(() => child.kill("SIGKILL"))
  await answer(child, name)
  await ask(child, name, { kind: "open", job })
  return child
}

/** Bursts that are answered before the next one is sent. */
const publish = async (loop: SocketLoop, job: Job, messages: number) => {
  const command = job.sharded ? "SPUBLISH" : "PUBLISH"
  const payload = "x".repeat(16)
  const encoded = [command, job.channel, payload].reduce(
    (text, word) => `${text}$${word.length}\r\n${word}\r\n`,
    "*3\r\n"
  )
  for (let sent = 0; sent < messages; sent += 500) {
    await new Promise<void>((resolve) => {
      let due = Math.min(500, messages - sent)
      for (let i = due; i > 0; i--) {
        loop.send(encoded, () => {
          if (--due === 0) resolve()
        })
      }
    })
  }
}

const end = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    const timeout = setTimeout(() => child.kill("SIGKILL"), 1000)
    child.once("exit", () => {
      clearTimeout(timeout)
      resolve()
    })
    child.send({ kind: "close" })
  })

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]

const main = async () => {
  const { values } = parseArgs({
    options: {
      messages: { type: "string", default: "100000" },
      rounds: { type: "string", default: "3" },
      streams: { type: "string", default: "1,10,100" },
      clients: { type: "string" },
      worker: { type: "string" }
    }
  })
  if (values.worker !== undefined) return work(values.worker)
  const directory = fileURLToPath(new URL(".", import.meta.url))
  const names = subscribers.map(({ name }) => name).filter((name) =>
    values.clients === undefined || values.clients.split(",").some((part) => name.includes(part.trim()))
  )
  const areOurs = names.every((name) => name.startsWith("effect-redis-cluster"))
  if (!areOurs && !existsSync(`${directory}node_modules/.package-lock.json`)) {
    spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: directory, stdio: ["ignore", 2, 2] })
  }
  process.on("exit", () => {
    for (const cleanUp of cleanUps) cleanUp()
  })
  const cluster = await startCluster(3, onStarted)
  // A channel for each client, all at one node.
  const tag = "bench"
  const slot = clusterKeySlot(tag)
  const owner = cluster.nodes.find((node) => node.firstSlot <= slot && slot <= node.lastSlot) ?? cluster.nodes[0]
  const loop = await SocketLoop.connect(owner.host, owner.port)
  console.log("| channel | streams | client | CPU us per message | CPU us per delivery | messages/s |")
  console.log("| --- | ---: | --- | ---: | ---: | ---: |")
  for (const sharded of [false, true]) {
    for (const streams of values.streams.split(",").map(Number)) {
      const messages = Math.ceil(Number(values.messages) / (streams === 100 ? 5 : 1))
      const children = await Promise.all(names.map(async (name, index) => {
        const job: Job = { nodes: cluster.nodes, channel: `{${tag}}:${index}`, sharded, streams }
        return { name, job, child: await start(name, job), rounds: new Array<Measure>() }
      }))
      // The first round warms up.
      for (let round = 0; round <= Number(values.rounds); round++) {
        for (const one of children) {
          await ask(one.child, one.name, { kind: "expect", messages })
          const measured = answer<Measure>(one.child, one.name)
          await publish(loop, one.job, messages)
          const measure = await measured
          if (round > 0) one.rounds.push(measure)
        }
      }
      for (const { name, rounds } of children) {
        const cpu = median(rounds.map(({ cpuMicros }) => cpuMicros)) / messages
        const rate = messages / median(rounds.map(({ millis }) => millis)) * 1000
        console.log(
          `| ${sharded ? "shard" : "classic"} | ${streams} | ${name} | ${cpu.toFixed(2)} | ${
            (cpu / streams).toFixed(3)
          } | ${Math.round(rate)} |`
        )
      }
      await Promise.all(children.map(({ child }) => end(child)))
    }
  }
  loop.close()
  await cluster.stop()
  process.exit(0)
}

await main()
