/**
 * The commands that wait on a `TestCluster`, and the warning of a test that hangs.
 *
 * With a `TestClock`, a command that waits for a time waits until the test moves the clock. A test that runs such a
 * command without a fork of its own therefore hangs, and its runner reports no more than that.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Held, Wait, WaitingCommands } from "../connection/WaitingCommands.ts"
import { monotonicMillis } from "../internal/monotonic.ts"
import { Request } from "../routing/request/Request.ts"
import type { FakeCluster } from "./engine/FakeCluster.ts"
import * as Gate from "./Gate.ts"

/**
 * A command that waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface WaitingCommand {
  /** Its name and keys: `GET user:1`. */
  readonly command: string
  /** The address of its node, when it waits for one. */
  readonly node: string | undefined
  /** Whether it waits for a connection, for its reply, or for its next attempt. */
  readonly waitsFor: "connection" | "reply" | "next attempt"
  /** The reason in words: `the reply of 127.0.0.1:7000, which is stalled`. */
  readonly reason: string
  /** The time until its next attempt, in milliseconds of the clock; `undefined` when it waits for no attempt. */
  readonly nextAttemptIn: number | undefined
  /** The time until its deadline, in milliseconds of the clock; `Infinity` when it has none. */
  readonly deadlineIn: number
}

const kinds = { connection: "connection", reply: "reply", pause: "next attempt" } as const

/** The state of a node that keeps commands waiting, as the end of a sentence. */
const stateOf = (engine: FakeCluster, address: string): string => {
  const node = engine.nodes.find((one) => one.address === address)
  if (node === undefined) return ""
  if (!node.alive) return ", which is killed"
  if (node.stalled) return ", which is stalled"
  if (node.delay > 0) return `, which delays its replies by ${node.delay} ms`
  return ""
}

const textOf = ({ block, command }: Held): string =>
  block === undefined || block.length < 2 ? String(command) : `${String(command)} and ${block.length - 1} more`

const reasonOf = (engine: FakeCluster, { command }: Held, wait: Wait): string => {
  switch (wait.kind) {
    case "connection":
      return `a connection to ${wait.address}${stateOf(engine, wait.address)}`
    case "reply": {
      const state = stateOf(engine, wait.address)
      const time = state === "" && !command.spec.isPlain ? command.blockingTime : undefined
      const held = time === undefined
        ? ""
        : Number.isFinite(time)
        ? `, which may hold it back for ${time} ms`
        : ", which may hold it back without end"
      return `the reply of ${wait.address}${state}${held}`
    }
    case "pause":
      return `its next attempt, after: ${wait.failure}`
  }
}

/** Whether a command is one of the program, and not of the client itself. */
const isOfProgram = (held: Held): boolean => held instanceof Request || held.block !== undefined

/** The commands that wait now. */
export const list = (
  commands: WaitingCommands,
  engine: FakeCluster,
  clock: Clock.Clock
): ReadonlyArray<WaitingCommand> => {
  const now = monotonicMillis(clock)
  const found: Array<WaitingCommand> = []
  commands.visit((held, wait) => {
    if (!isOfProgram(held)) return
    found.push({
      command: textOf(held),
      node: wait.kind === "pause" ? undefined : wait.address,
      waitsFor: kinds[wait.kind],
      reason: reasonOf(engine, held, wait),
      nextAttemptIn: wait.kind === "pause" && Number.isFinite(wait.until) ? Math.max(0, wait.until - now) : undefined,
      deadlineIn: Math.max(0, held.deadline - now)
    })
  })
  return found
}

/** The pause between two looks, in milliseconds of real time. */
const interval = 500
/** The number of looks after which a command that still waits is reported. */
const looks = 4
/** The most commands that one warning lists. */
const mostListed = 5

const within = (millis: number): string => {
  const seconds = Math.round(millis) / 1000
  return Number.isFinite(seconds) ? ` (it fails when the clock has moved by ${seconds} seconds)` : ""
}

/** The warning about commands that wait. */
export const warningOf = (waiting: ReadonlyArray<WaitingCommand>): string => {
  const lines = waiting.slice(0, mostListed).map(({ command, deadlineIn, nextAttemptIn, reason }) => {
    const next = nextAttemptIn === undefined ? "" : `, in ${Math.ceil(nextAttemptIn)} ms of the clock`
    return `  ${command} waits for ${reason}${next}${within(deadlineIn)}`
  })
  const more = waiting.length > mostListed ? [`  and ${waiting.length - mostListed} more`] : []
  return [
    `The TestClock has stood still for ${
      looks * interval / 1000
    } seconds of real time, and these commands of a TestCluster wait:`,
    ...lines,
    ...more,
    "A test that lets a command wait forks the command, moves the clock with TestClock.adjust, and joins the fiber."
  ].join("\n")
}

/** Warns once when commands wait and nobody moves the clock. Does nothing when the clock moves by itself. */
export const watch = Effect.fnUntraced(function*(
  commands: WaitingCommands,
  engine: FakeCluster
): Effect.fn.Return<void, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  if (!Gate.isTurned(clock)) return
  const run = Effect.runForkWith(yield* Effect.context<never>())
  let time = monotonicMillis(clock)
  let seen = new Map<Held, number>()
  const look = () => {
    const now = monotonicMillis(clock)
    const before = now === time ? seen : new Map<Held, number>()
    time = now
    seen = new Map()
    commands.visit((held) => {
      if (isOfProgram(held)) seen.set(held, (before.get(held) ?? 0) + 1)
    })
    if ([...seen.values()].every((count) => count <= looks)) return
    clearInterval(timer)
    run(
      Effect.logWarning(warningOf(list(commands, engine, clock))).pipe(
        // The console of tests shows nothing.
        Effect.provideService(Console.Console, globalThis.console)
      )
    )
  }
  const timer = setInterval(look, interval)
  timer.unref()
  yield* Effect.addFinalizer(() => Effect.sync(() => clearInterval(timer)))
})
