import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ClusterNode } from "./BenchClient.ts"
import { SocketLoop, SocketLoops } from "./clients/SocketLoop.ts"
import { keys } from "./workloads.ts"

const host = "127.0.0.1"

/** A running cluster. */
export interface BenchCluster {
  readonly nodes: ReadonlyArray<ClusterNode>
  /** Sets every key of the workloads to a value of this size. */
  readonly fill: (valueSize: number) => Promise<void>
  /** Ends the servers and waits until they are gone. */
  readonly stop: () => Promise<void>
}

/** All ports are held until all are known, so that no two are the same. */
const freePorts = async (count: number): Promise<ReadonlyArray<number>> => {
  const servers = await Promise.all(
    Array.from({ length: count }, () =>
      new Promise<Net.Server>((resolve, reject) => {
        const server = Net.createServer().once("error", reject)
        server.listen(0, host, () => resolve(server))
      }))
  )
  const ports = servers.map((server) => (server.address() as Net.AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

const delay = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const eventually = async <A>(what: string, attempt: () => Promise<A | undefined>): Promise<A> => {
  const deadline = performance.now() + 20_000
  while (performance.now() < deadline) {
    const result = await attempt()
    if (result !== undefined) return result
    await delay(50)
  }
  throw new Error(`${what} did not happen in 20 seconds`)
}

const ask = (loop: SocketLoop, line: string) =>
  new Promise<string | null>((resolve) => loop.send(`${line}\r\n`, resolve))

/**
 * Starts as many primaries as asked for, without replicas and without persistence, on free loopback ports.
 * The server is `REDIS_SERVER`, or `redis-server` from the PATH. `onStarted` is given, before anything can
 * fail, a synchronous function for exit handlers that kills the servers.
 */
export const startCluster = async (
  primaries: number,
  onStarted: (killNow: () => void) => void
): Promise<BenchCluster> => {
  const server = process.env["REDIS_SERVER"] ?? "redis-server"
  const directory = mkdtempSync(join(tmpdir(), "redis-cluster-bench-"))
  const processes: Array<ChildProcess> = []
  const killNow = () => {
    for (const child of processes) child.kill("SIGKILL")
    rmSync(directory, { recursive: true, force: true })
  }
  onStarted(killNow)

  const ports = await freePorts(primaries * 2)
  const nodes = Array.from({ length: primaries }, (_, index): ClusterNode => ({
    host,
    port: ports[index],
    firstSlot: Math.ceil(16384 * index / primaries),
    lastSlot: Math.ceil(16384 * (index + 1) / primaries) - 1
  }))
  const busPort = (index: number) => ports[primaries + index]

  const failures = nodes.map((node, index) => {
    const options: Record<string, string | number> = {
      port: node.port,
      bind: host,
      dir: directory,
      save: "",
      appendonly: "no",
      "cluster-enabled": "yes",
      "cluster-config-file": `nodes-${node.port}.conf`,
      "cluster-port": busPort(index)
    }
    const child = spawn(
      server,
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: "ignore" }
    )
    processes.push(child)
    return new Promise<never>((_, reject) => {
      child.once("error", (error) => reject(new Error(`cannot start ${server}: ${error.message}`)))
      child.once("exit", () => reject(new Error(`the server on port ${node.port} ended early`)))
    })
  })
  // Looked at during start only: afterwards the clients notice.
  for (const failure of failures) failure.catch(() => undefined)

  const loops = await Promise.all(
    nodes.map((node, index) =>
      Promise.race([
        failures[index],
        eventually(`connecting to port ${node.port}`, () =>
          SocketLoop.connect(node.host, node.port).catch(() => undefined))
      ])
    )
  )
  await Promise.all(
    nodes.map((node, index) => ask(loops[index], `CLUSTER ADDSLOTSRANGE ${node.firstSlot} ${node.lastSlot}`))
  )
  await Promise.all(loops.map((loop, index) => ask(loop, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`)))
  await Promise.all(
    nodes.slice(1).map((node, index) => ask(loops[0], `CLUSTER MEET ${node.host} ${node.port} ${busPort(index + 1)}`))
  )
  await Promise.all(
    loops.map((loop) =>
      eventually("the cluster's agreement on its slots", async () => {
        const info = await ask(loop, "CLUSTER INFO")
        return info?.includes("cluster_state:ok") && info.includes("cluster_slots_ok:16384") ? true : undefined
      })
    )
  )
  for (const loop of loops) loop.close()

  return {
    nodes,
    fill: async (valueSize) => {
      const sockets = await SocketLoops.connect(nodes)
      const value = "x".repeat(valueSize)
      await Promise.all(keys.map((key) => new Promise((resolve) => sockets.set(key, value, resolve))))
      sockets.close()
    },
    stop: async () => {
      const running = processes.filter((child) => child.exitCode === null && child.signalCode === null)
      const exited = running.map((child) => new Promise((resolve) => child.once("exit", resolve)))
      killNow()
      await Promise.all(exited)
    }
  }
}
