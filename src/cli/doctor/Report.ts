/** The report: the findings of all checks, the verdict, and its forms for people and for programs. */
import type { Paint } from "../output/Paint.ts"
import { plural, visible } from "../output/text.ts"
import * as access from "./checks/access.ts"
import * as map from "./checks/map.ts"
import * as servers from "./checks/servers.ts"
import { settings } from "./checks/settings.ts"
import { type Facts, valueOf } from "./facts/Facts.ts"
import type { Check, Finding, Level } from "./facts/Finding.ts"

/** The checks without which there is nothing to ask. */
const first: ReadonlyArray<Check> = [access.startup, access.tls, access.client]

const others: ReadonlyArray<Check> = [
  access.addresses,
  access.rights,
  map.agreement,
  map.coverage,
  map.migrations,
  map.failing,
  servers.replication,
  servers.versions,
  servers.protocol,
  servers.clocks,
  servers.latency,
  settings,
  servers.load,
  servers.slots
]

/** The names of all checks, in their order. */
export const checks: ReadonlyArray<string> = [...first, ...others].map(({ name }) => name)

export interface Line extends Finding {
  readonly check: string
}

/** `unreachable` when the client could not start, so that most checks could not be made. */
export type Verdict = "sound" | "problems" | "unreachable"

export interface Report {
  readonly verdict: Verdict
  readonly lines: ReadonlyArray<Line>
}

/** All findings about the facts. With `strict` a warning is a problem to the verdict. */
export const judge = (facts: Facts, strict = false): Report => {
  const isConnected = facts.client._tag === "Connected"
  const lines = (isConnected ? [...first, ...others] : first).flatMap((check) =>
    check.run(facts).map(({ level, message, nodes, remedy }): Line => ({
      check: check.name,
      level,
      message,
      nodes,
      remedy
    }))
  )
  const isWrong = ({ level }: Finding) => level === "problem" || (strict && level === "warning")
  return { verdict: !isConnected ? "unreachable" : lines.some(isWrong) ? "problems" : "sound", lines }
}

const marks: Readonly<Record<Level, { readonly mark: string; readonly style: keyof Paint }>> = {
  ok: { mark: "✓", style: "green" },
  warning: { mark: "!", style: "yellow" },
  problem: { mark: "✗", style: "red" },
  skipped: { mark: "?", style: "dim" }
}

/** The nodes that a line names before it counts the rest. */
const mostNamed = 4

const nodesText = (nodes: ReadonlyArray<string>): string =>
  nodes.length <= mostNamed
    ? nodes.join(", ")
    : `${nodes.slice(0, mostNamed).join(", ")} and ${nodes.length - mostNamed} more`

const total = (lines: ReadonlyArray<Line>, level: Level): number => lines.filter((line) => line.level === level).length

/** The lines for people. */
export const textOf = ({ lines, verdict }: Report, paint: Paint): ReadonlyArray<string> => {
  const width = Math.max(...checks.map(({ length }) => length))
  const printed = lines.flatMap(({ check, level, message, nodes, remedy }) => {
    const { mark, style } = marks[level]
    const where = nodes.length === 0 ? "" : ` ${paint.dim(`[${nodesText(nodes)}]`)}`
    const line = `${paint[style](mark)} ${paint.bold(check.padEnd(width))}  ${visible(message)}${where}`
    return remedy === undefined ? [line] : [line, `  ${" ".repeat(width)}  ${paint.cyan("→")} ${visible(remedy)}`]
  })
  const sound = verdict === "sound"
    ? "The cluster is sound"
    : verdict === "problems"
    ? "The cluster has problems"
    : "The client cannot start"
  const counts = [
    plural(total(lines, "problem"), "problem"),
    plural(total(lines, "warning"), "warning"),
    `${plural(total(lines, "skipped"), "check")} not made`
  ]
  return [...printed, "", `${paint.bold(sound)}: ${counts.join(", ")}.`]
}

/** The report for programs. Fields may be added; `schema` changes when one goes or changes its meaning. */
export const jsonOf = ({ lines, verdict }: Report, facts: Facts): object => ({
  schema: 1,
  verdict,
  findings: lines.map(({ check, level, message, nodes, remedy }) => ({
    check,
    level,
    message,
    nodes,
    remedy: remedy ?? null
  })),
  nodes: facts.nodes.map(({ address, announced, id, info, isMember, pings, probe, role }) => {
    const fields = valueOf(info) ?? {}
    const times = (valueOf(pings) ?? []).toSorted((a, b) => a - b)
    return {
      address,
      announced,
      id,
      role,
      isMember,
      answers: probe.answers,
      version: fields["valkey_version"] ?? fields["redis_version"] ?? null,
      pingMillis: times[times.length >> 1] ?? null
    }
  })
})
