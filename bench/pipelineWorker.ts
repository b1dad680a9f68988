import type { ClusterNode } from "./BenchClient.ts"
import { answerRequests } from "./ClientProcess.ts"
import { randomKey } from "./clients/pipelines/keys.ts"

export interface Job {
  readonly name: string
  readonly kind: "pipeline" | "transaction" | "blocking"
  readonly size: number
  readonly callers: number
}

export interface Figures {
  /** Entries, transactions or elements per second. */
  readonly perSecond: number
  readonly cpuMicros: number
}

/** Connects to the nodes, or runs a job for so many milliseconds. */
export interface Request {
  readonly connect?: ReadonlyArray<ClusterNode>
  readonly job?: Job
  readonly millis?: number
}

/** The jobs of a client; a job that a client cannot do is left out. */
export interface PipelineClient {
  readonly connect: (nodes: ReadonlyArray<ClusterNode>) => Promise<void>
  /** GETs and, every fifth, SETs in one go, over any slots. */
  readonly pipeline: (keys: ReadonlyArray<string>, value: string) => Promise<ReadonlyArray<unknown>>
  /** INCR, GET and INCR of keys of one slot. */
  readonly transaction?: (a: string, b: string) => Promise<ReadonlyArray<unknown>>
  /** A consumer that pops from a list until `more` says no; one pop at a time. */
  readonly consume?: (list: string, more: () => boolean) => Promise<void>
  /** Pushes one element to each list. */
  readonly push?: (lists: ReadonlyArray<string>) => Promise<unknown>
}

const value = "x".repeat(16)

const pipelines = async (client: PipelineClient, { callers, size }: Job, end: number): Promise<number> => {
  let entries = 0
  const caller = async () => {
    while (performance.now() < end) {
      const keys = Array.from({ length: size }, randomKey)
      const replies = await client.pipeline(keys, value)
      if (replies.length !== size || replies[0] !== "OK" || replies[1] !== value) throw new Error("wrong replies")
      entries += size
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return entries
}

const transactions = async (client: PipelineClient, callers: number, end: number): Promise<number | undefined> => {
  const { transaction } = client
  if (transaction === undefined) return undefined
  let count = 0
  const caller = async (index: number) => {
    while (performance.now() < end) {
      const replies = await transaction(`{tx:${index}}a`, `{tx:${index}}b`)
      if (replies.length !== 3) throw new Error("wrong replies")
      count++
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)))
  return count
}

const consumers = async (client: PipelineClient, callers: number, end: number): Promise<number | undefined> => {
  const { consume, push } = client
  if (consume === undefined || push === undefined) return undefined
  const lists = Array.from({ length: callers }, (_, index) => `consumer:${index}`)
  let popped = 0
  const running = lists.map((list) =>
    consume(list, () => {
      popped++
      return performance.now() < end
    })
  )
  while (performance.now() < end) await push(lists)
  const stopping = setInterval(() => void push(lists), 20)
  await Promise.all(running)
  clearInterval(stopping)
  return popped
}

const run = async (client: PipelineClient, job: Job, millis: number): Promise<Figures | undefined> => {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  const end = startedAt + millis
  const count = job.kind === "pipeline"
    ? await pipelines(client, job, end)
    : job.kind === "transaction"
    ? await transactions(client, job.callers, end)
    : await consumers(client, job.callers, end)
  if (count === undefined) return undefined
  const cpu = process.cpuUsage(before)
  const seconds = (performance.now() - startedAt) / 1000
  return { perSecond: count / seconds, cpuMicros: (cpu.user + cpu.system) / count }
}

const main = async () => {
  const { client } = await import(`./clients/pipelines/${process.argv[2]}.ts`) as { readonly client: PipelineClient }
  answerRequests<Request, Figures>((request) =>
    request.job === undefined
      ? client.connect(request.connect ?? []).then(() => undefined)
      : run(client, request.job, request.millis ?? 0)
  )
}

await main()
