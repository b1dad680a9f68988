/** GET/SET 80/20 over random keys by `callers` closed loops. */
export interface GetSet {
  readonly kind: "getset"
  readonly callers: number
  readonly valueSize: number
}
/** Non-atomic MGET of `keys` random keys, spread over all slots. One command is one key. */
export interface Mget {
  readonly kind: "mget"
  readonly callers: number
  readonly keys: number
  readonly valueSize: number
}
export type Workload = GetSet | Mget

export interface Plan {
  readonly workloads: ReadonlyArray<Workload>
  readonly rounds: number
  readonly roundMillis: number
  readonly warmUpMillis: number
  /** For `firstWarmUp`, once per client. */
  readonly firstWarmUpMillis: number
  readonly inFlight: number
}

export const keyCount = 10_000
export const keys: ReadonlyArray<string> = Array.from({ length: keyCount }, (_, index) => `bench:${index}`)

const mget: Mget = { kind: "mget", callers: 10, keys: 100, valueSize: 16 }
const getSet = (valueSize: number, ...callers: ReadonlyArray<number>): ReadonlyArray<GetSet> =>
  callers.map((count) => ({ kind: "getset", callers: count, valueSize }))

/** By ascending value size, because the heap that a large workload grew is in the memory figure of those after it. */
export const fullPlan: Plan = {
  workloads: [...getSet(16, 1, 100, 1000), mget, ...getSet(1024, 1, 100, 1000), ...getSet(16384, 1, 100, 1000)],
  rounds: 5,
  roundMillis: 1000,
  warmUpMillis: 250,
  firstWarmUpMillis: 1500,
  inFlight: 100_000
}

export const quickPlan: Plan = {
  workloads: [...getSet(16, 1, 100, 1000), mget, ...getSet(16384, 100)],
  rounds: 5,
  roundMillis: 100,
  warmUpMillis: 80,
  firstWarmUpMillis: 600,
  inFlight: 100_000
}

/** It shows that the code runs, and measures nothing. */
export const smokePlan: Plan = {
  workloads: [...getSet(16, 10), mget],
  rounds: 1,
  roundMillis: 20,
  warmUpMillis: 10,
  firstWarmUpMillis: 20,
  inFlight: 1000
}

/**
 * The warm-up of every client: many callers make the most calls, so that its code is compiled before it is measured.
 */
export const firstWarmUp: Workload = { kind: "getset", callers: 100, valueSize: 16 }

const size = (bytes: number) => bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`

export const describe = (workload: Workload): string => {
  const callers = workload.callers === 1 ? "1 caller" : `${workload.callers} callers`
  switch (workload.kind) {
    case "getset":
      return `GET/SET 80/20, ${size(workload.valueSize)}, ${callers}`
    case "mget":
      return `MGET of ${workload.keys} keys over all slots, ${size(workload.valueSize)}, ${callers} (figures per key)`
  }
}
