import { writeFileSync } from "node:fs"
import * as inspector from "node:inspector"
import { client } from "./clients/effect-redis-cluster.ts"
import { startCluster } from "./cluster.ts"
import { Load, makeCaller, makeMgetCaller } from "./load.ts"
const size = Number(process.argv[2]), callers = Number(process.argv[3]), mget = process.argv[4] === "mget"
const cluster = await startCluster(3, () => {})
const nodes = (cluster as any).nodes
await client.connect(nodes)
const round = async (ms: number, n: number) => {
  const load = new Load(size, ms)
  const c0 = process.cpuUsage()
  const t0 = performance.now()
  if (mget) await client.runMget(Array.from({ length: n }, () => makeMgetCaller(load, 100)))
  else await client.run(Array.from({ length: n }, () => makeCaller(load)))
  const c = process.cpuUsage(c0)
  return [
    ((c.user + c.system) / load.completed).toFixed(2),
    Math.round(load.completed / (performance.now() - t0)) + "k/s"
  ]
}
// fill
const { keys } = await import("./workloads.ts")

await (cluster as any).fill(size)
await round(1500, callers)
const session = new inspector.Session()
session.connect()
const post = (m: string, p?: any) =>
  new Promise<any>((res, rej) => session.post(m, p, (e: any, r: any) => e ? rej(e) : res(r)))
for (let i = 0; i < 3; i++) console.log(await round(1000, callers))
await post("Profiler.enable")
await post("Profiler.setSamplingInterval", { interval: 200 })
await post("Profiler.start")
console.log("profiled", await round(2000, callers))
const { profile } = await post("Profiler.stop")
const self = new Map<string, number>()
const byId = new Map<number, any>(profile.nodes.map((n: any) => [n.id, n]))
profile.samples.forEach((id: number, i: number) => {
  const n = byId.get(id)
  const f = n.callFrame
  const k = f.functionName + " " + f.url.split("/").slice(-2).join("/") + ":" + f.lineNumber
  self.set(k, (self.get(k) ?? 0) + profile.timeDeltas[i])
})
const total = [...self.values()].reduce((a, b) => a + b, 0)
for (const [k, v] of [...self].sort((a, b) => b[1] - a[1]).slice(0, 32)) {
  console.log((100 * v / total).toFixed(1) + "%", k)
}
await client.close()
await (cluster as any).stop()
process.exit(0)
