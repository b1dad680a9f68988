/**
 * One client in a process of its own, under the load of one scenario; what happens to the cluster is the parent's doing.
 */
import type { Lateness } from "../../test/harness/MachineLag.ts"
import { clients } from "./clients.ts"
import type { FaultClient } from "./FaultClient.ts"
import { Lag } from "./Lag.ts"

/** Loops over keys: closed (the next call when the last has ended) or open (so many calls a second, whatever happens). */
export interface LoadGroup {
  readonly name: string
  readonly call: "get" | "incr" | "set" | "pipeline" | "mixed"
  readonly keys: ReadonlyArray<string>
  readonly workers: number
  /** Calls a second of an open loop, all workers together. Each is timed from when it was due, so that none waits unseen. */
  readonly rate?: number | undefined
  /** When its loops begin, in milliseconds after the others. */
  readonly after?: number | undefined
  /** The time over which they begin, one after the other, in milliseconds. */
  readonly over?: number | undefined
  /** Notes how long each call took. */
  readonly timed?: boolean | undefined
}

export interface GroupReport {
  readonly name: string
  readonly succeeded: Readonly<Record<string, number>>
  /** How many failed, by what the error said. */
  readonly failed: Readonly<Record<string, number>>
  /** How many failed, by what the client said of their execution. */
  readonly outcomes: Readonly<Record<string, number>>
  /** When calls succeeded, in milliseconds since the epoch, for the first second after each pause. */
  readonly successes: ReadonlyArray<number>
  /** When calls of a timed group ended, in milliseconds since the epoch, and how long each took. */
  readonly timings: ReadonlyArray<readonly [at: number, millis: number]>
  readonly maxMillis: number
  readonly pending: number
  /** How many calls were pending, now and then. */
  readonly waiting: ReadonlyArray<readonly [at: number, calls: number]>
}

export type Order =
  | { readonly kind: "start"; readonly ports: ReadonlyArray<number>; readonly groups: ReadonlyArray<LoadGroup> }
  | { readonly kind: "stop" }
export type Answer =
  | { readonly kind: "started" }
  | { readonly kind: "reports"; readonly reports: ReadonlyArray<GroupReport>; readonly lag: ReadonlyArray<Lateness> }

const count = (counts: Record<string, number>, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** The kind of an error in a word or two, without what differs from one to the next. */
const nameOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  const code = /\b(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|EXECABORT|CROSSSLOT|LOADING|READONLY|MASTERDOWN)\b/.exec(text)
  return code?.[1] ?? text.replaceAll(/[\d.:]+/g, "#").slice(0, 40)
}

class Group {
  readonly report: GroupReport & {
    readonly succeeded: Record<string, number>
    readonly failed: Record<string, number>
    readonly outcomes: Record<string, number>
    readonly successes: Array<number>
    readonly timings: Array<readonly [at: number, millis: number]>
    readonly waiting: Array<readonly [at: number, calls: number]>
    maxMillis: number
    pending: number
  }
  private readonly client: FaultClient
  private readonly load: LoadGroup
  private issued = 0

  constructor(client: FaultClient, load: LoadGroup) {
    this.client = client
    this.load = load
    this.report = {
      name: load.name,
      succeeded: {},
      failed: {},
      outcomes: {},
      successes: [],
      timings: [],
      maxMillis: 0,
      pending: 0,
      waiting: []
    }
  }

  private fail(error: unknown): void {
    count(this.report.failed, nameOf(error))
    count(this.report.outcomes, this.client.outcomeOf?.(error) ?? "not said")
  }

  /** One call, whose entries count one by one. */
  private async make(key: string, turn: number): Promise<void> {
    const { client } = this
    if (this.load.call === "get") return void await client.get(key)
    if (this.load.call === "incr") return void await client.incr(key)
    if (this.load.call === "set") return void await client.set(key, "v")
    if (this.load.call === "pipeline") {
      const errors = await client.pipeline(Array.from({ length: 100 }, (_, i) => `{${key}}:${i}`), "v")
      for (const error of errors) if (error !== undefined) this.fail(error)
      return
    }
    const keys = [1, 2, 3].map((i) => `{${key}}:${(turn * 7 + i) % 60}`)
    switch (turn % 5) {
      case 0:
        return void await client.set(keys[0], "v")
      case 1:
        return void await client.mget(keys)
      case 2:
        return void await client.mset(keys, "v")
      case 3:
        for (const error of await client.pipeline(keys, "v")) if (error !== undefined) this.fail(error)
        return
      default:
        return void await client.transaction(keys, "v")
    }
  }

  async call(due = performance.now()): Promise<void> {
    const turn = this.issued++
    const key = this.load.keys[turn % this.load.keys.length]
    this.report.pending++
    try {
      await this.make(key, turn)
      count(this.report.succeeded, key)
      const { successes } = this.report
      if (successes.length === 0 || Date.now() > successes[successes.length - 1]) successes.push(Date.now())
    } catch (error) {
      this.fail(error)
    }
    this.report.pending--
    const millis = performance.now() - due
    if (this.load.timed === true) this.report.timings.push([Date.now(), millis])
    this.report.maxMillis = Math.max(this.report.maxMillis, Math.round(millis))
  }

  countWaiting(): void {
    this.report.waiting.push([Date.now(), this.report.pending])
  }

  /** Starts the loops; they end when `isRunning` says no. */
  run(isRunning: () => boolean): ReadonlyArray<Promise<void>> {
    const { after = 0, over = 0, rate, workers } = this.load
    if (rate === undefined) {
      return Array.from({ length: workers }, async (_, i) => {
        const begin = after + over * i / workers
        if (begin > 0) await new Promise((resolve) => setTimeout(resolve, begin))
        while (isRunning()) {
          await this.call()
          // A client that fails at once must not fill the report with nothing else.
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      })
    }
    return [this.runOpen(1000 / rate, isRunning)]
  }

  /** Calls as many as are due, whenever a timer rings. */
  private async runOpen(every: number, isRunning: () => boolean): Promise<void> {
    const calls = new Set<Promise<void>>()
    let due = performance.now()
    while (isRunning()) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      for (const now = performance.now(); due <= now; due += every) {
        const call = this.call(due)
        calls.add(call)
        void call.finally(() => calls.delete(call))
      }
    }
    await Promise.all(calls)
  }
}

const main = async () => {
  const entry = clients.find(({ name }) => name === process.argv[2])
  if (entry === undefined) throw new Error(`no client is called ${process.argv[2]}`)
  let running = true
  let groups: ReadonlyArray<Group> = []
  let loops: ReadonlyArray<Promise<void>> = []
  const lag = new Lag()
  process.on("message", (order: Order) => {
    const obey = async (): Promise<Answer> => {
      if (order.kind === "start") {
        const client = await entry.open(order.ports)
        groups = order.groups.map((load) => new Group(client, load))
        loops = groups.flatMap((group) => group.run(() => running))
        lag.start()
        setInterval(() => groups.forEach((group) => group.countWaiting()), 100).unref()
        return { kind: "started" }
      }
      running = false
      // A call that has not ended by then may never end.
      await Promise.race([Promise.all(loops), new Promise((resolve) => setTimeout(resolve, 8000))])
      lag.stop()
      return { kind: "reports", reports: groups.map((group) => group.report), lag: lag.samples }
    }
    obey().then((answer) => process.send?.(answer), (error: unknown) => {
      console.error(error)
      process.exit(1)
    })
  })
  process.on("disconnect", () => process.exit(0))
  // The clients' own background failures are not what is measured; that they happen is.
  process.on("unhandledRejection", () => {})
}

await main()
