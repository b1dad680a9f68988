/**
 * This library beside clients of other languages, on one cluster, in turns: `node bench/languages.ts`. Each client runs in a
 * process of its own; CPU is that of the process, all threads.
 */
import * as Effect from "effect/Effect"
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { parseArgs } from "node:util"
import { ClusterClient, Strings } from "../src/index.ts"
import { median } from "./ClientProcess.ts"
import { type BenchCluster, startCluster } from "./cluster.ts"
import { build, languages } from "./languages/toolchains.ts"
import type { Work, WorkDone } from "./languages/Work.ts"

const usage = `Usage: node bench/languages.ts [--smoke] [--clients "a,b"]

  --smoke    so short that the figures say nothing: it shows that the code runs
  --clients  only these of: ${languages.flatMap(({ clients }) => clients).join(", ")}`

const cleanUps = new Set<() => void>()
const onStarted = (killNow: () => void) => {
  cleanUps.add(killNow)
}
process.on("exit", () => {
  for (const cleanUp of cleanUps) cleanUp()
})
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130))

/** A client of any language in its process. */
class LanguageProcess {
  readonly client: string
  private readonly child: ChildProcessByStdio<Writable, Readable, null>
  private readonly lines: AsyncIterator<string>

  constructor(client: string, [program, ...args]: ReadonlyArray<string>, address: string) {
    this.client = client
    this.child = spawn(program, [...args, client, address], { stdio: ["pipe", "pipe", "inherit"] })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
    onStarted(() => this.child.kill("SIGKILL"))
  }

  async run(work: Work): Promise<WorkDone> {
    const { callers, millis, mode, size } = work
    this.child.stdin.write(`${JSON.stringify({ mode, callers, size, millis })}\n`)
    const { done, value } = await this.lines.next()
    if (done === true) throw new Error(`${this.client}: its process ended early`)
    return JSON.parse(value) as WorkDone
  }
}

const sizes = [16, 1024]

const workloads: ReadonlyArray<Omit<Work, "millis">> = [
  ...sizes.flatMap((size) => [1, 100, 1000].map((callers) => ({ mode: "get", callers, size } as const))),
  { mode: "pipeline", callers: 10, size: 16 }
]

const nameOf = ({ callers, mode, size }: Omit<Work, "millis">) => {
  const loops = callers === 1 ? "1 caller" : `${callers} callers`
  return mode === "get" ? `GET of ${size} B, ${loops}` : `pipelines of 100 GETs of ${size} B, ${loops}`
}

const fill = ({ nodes }: BenchCluster) =>
  Effect.gen(function*() {
    const redis = yield* ClusterClient
    for (const size of sizes) {
      const value = "x".repeat(size)
      const keys = Array.from({ length: 1000 }, (_, i) => `languages:${size}:${i}`)
      const batch = Array.from({ length: 100 }, (_, i) => `{languages:${size}}:${i}`)
      yield* redis.pipeline([...keys, ...batch].map((key) => Strings.set(key, value)))
    }
  }).pipe(Effect.provide(ClusterClient.layer({ nodes: nodes.map(({ host, port }) => `redis://${host}:${port}`) })))

/** Starts the clients that are wanted and whose language is there. */
const start = (wanted: ReadonlyArray<string> | undefined, address: string): ReadonlyArray<LanguageProcess> =>
  languages.flatMap((language) => {
    const clients = language.clients.filter((client) => wanted?.includes(client) ?? true)
    if (clients.length === 0) return []
    console.error(`building: ${language.name}`)
    const built = build(language)
    if ("missing" in built) {
      console.error(`left out: ${clients.join(" and ")}, because ${built.missing}`)
      return []
    }
    return clients.map((client) => new LanguageProcess(client, language.start(built.folder), address))
  })

const table = (
  names: ReadonlyArray<string>,
  rows: ReadonlyArray<readonly [string, ReadonlyArray<number>]>,
  digits: number
): string =>
  [
    `| load | ${names.join(" | ")} |`,
    `| --- | ${names.map(() => "---:").join(" | ")} |`,
    ...rows.map(([load, figures]) => `| ${load} | ${figures.map((figure) => figure.toFixed(digits)).join(" | ")} |`)
  ].join("\n")

const main = async () => {
  const { values } = parseArgs({
    options: {
      smoke: { type: "boolean", default: false },
      clients: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return console.log(usage)
  const [rounds, millis, warmUp] = values.smoke ? [1, 10, 10] : [5, 1000, 1500]
  const cluster = await startCluster(3, onStarted)
  await Effect.runPromise(fill(cluster))
  const { host, port } = cluster.nodes[0]
  const clients = start(values.clients?.split(",").map((name) => name.trim()), `${host}:${port}`)
  const names = clients.map(({ client }) => client)
  const cpu: Array<readonly [string, ReadonlyArray<number>]> = []
  const perSecond: Array<readonly [string, ReadonlyArray<number>]> = []
  for (const workload of workloads) {
    console.error(nameOf(workload))
    for (const client of clients) await client.run({ ...workload, millis: warmUp })
    const done = clients.map(() => new Array<WorkDone>())
    for (let round = 0; round < rounds; round++) {
      for (const [index, client] of clients.entries()) done[index].push(await client.run({ ...workload, millis }))
    }
    const medians = (figure: (done: WorkDone) => number) => done.map((measured) => median(measured.map(figure)))
    cpu.push([nameOf(workload), medians(({ commands, cpuMicros }) => cpuMicros / commands)])
    perSecond.push([nameOf(workload), medians(({ commands, millis }) => commands / millis)])
  }
  console.log(`CPU of the client per command, in microseconds\n\n${table(names, cpu, 2)}\n`)
  console.log(`Thousand commands per second\n\n${table(names, perSecond, 1)}`)
  await cluster.stop()
  process.exit(0)
}

await main()
