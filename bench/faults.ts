/**
 * Compares the behaviour of clients while the cluster has faults, side by side in one run:
 *
 *     node bench/faults.ts [--scenarios duplicates,stalled,dead] [--clients "a,b"]
 *
 * Every client gets a cluster and a process of its own for each scenario.
 */
import * as Effect from "effect/Effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { RedisCluster } from "../test/harness/RedisCluster.ts"
import { clients } from "./faults/clients.ts"
import type { FaultClientEntry } from "./faults/FaultClient.ts"
import { Lag } from "./faults/Lag.ts"
import type { Scenario } from "./faults/Scenario.ts"
import { scenarios } from "./faults/scenarios.ts"
import type { Answer, Order } from "./faults/worker.ts"
import { table } from "./report.ts"

/** A client's process, which goes with the scope. */
const startWorker = ({ execArgv = [], name }: FaultClientEntry) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(fileURLToPath(new URL("./faults/worker.ts", import.meta.url)), [name], {
        execArgv: ["--no-warnings", ...execArgv],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(
    Effect.map((child) => (order: Order) =>
      Effect.callback<Answer, Error>((resume) => {
        const onExit = () => resume(Effect.fail(new Error(`${name}: its process ended early`)))
        child.once("exit", onExit)
        child.once("message", (answer: Answer) => {
          child.off("exit", onExit)
          resume(Effect.succeed(answer))
        })
        child.send(order)
      })
    )
  )

const measure = Effect.fnUntraced(function*(scenario: Scenario, client: FaultClientEntry) {
  const { deadline, name } = client
  const cluster = yield* RedisCluster.make(scenario.cluster)
  if (scenario.prepare !== undefined) yield* scenario.prepare(cluster)
  const ask = yield* startWorker(client)
  yield* ask({ kind: "start", ports: cluster.nodes.map((node) => node.port), groups: scenario.load(cluster) })
  const machine = new Lag()
  machine.start()
  const facts = yield* scenario.run(cluster)
  machine.stop()
  const answer = yield* ask({ kind: "stop" })
  const { lag, reports } = answer.kind === "reports" ? answer : { lag: [], reports: [] }
  return [name, ...(yield* scenario.row(reports, facts, cluster, { deadline, lag, machineLag: machine.samples }))]
}, Effect.scoped)

const chosen = <A>(
  names: string | undefined,
  all: ReadonlyArray<readonly [string, A]>
): ReadonlyArray<readonly [string, A]> =>
  names === undefined ? all : all.filter(([name]) => names.split(",").includes(name))

const main = Effect.gen(function*() {
  const { values } = parseArgs({ options: { scenarios: { type: "string" }, clients: { type: "string" } } })
  for (const [name, scenario] of chosen(values.scenarios, Object.entries(scenarios))) {
    const rows: Array<ReadonlyArray<string>> = []
    for (const [client, entry] of chosen(values.clients, clients.map((entry) => [entry.name, entry] as const))) {
      console.error(`${name}: ${client}`)
      rows.push(yield* measure(scenario, entry))
    }
    console.log(`### ${scenario.title}\n\n${table(["client", ...scenario.header], rows)}\n`)
  }
})

Effect.runPromise(main).then(() => process.exit(0), (error: unknown) => {
  console.error(error)
  process.exit(1)
})
