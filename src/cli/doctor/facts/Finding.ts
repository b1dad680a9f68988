/** A finding: one line of the doctor, and what to do about it. */
import { type Answer, type Facts, type NoAnswer, type NodeFacts, valueOf, type Why } from "./Facts.ts"

/** `skipped` is a check that could not be made. */
export type Level = "ok" | "warning" | "problem" | "skipped"

export interface Finding {
  readonly level: Level
  /** One line. The nodes that it is about are not in it. */
  readonly message: string
  /** The addresses of the nodes; none when it is about all of them. */
  readonly nodes: ReadonlyArray<string>
  /** A sentence that says what to do. */
  readonly remedy: string | undefined
}

/** A part of the doctor's work: from facts to findings. */
export interface Check {
  readonly name: string
  readonly run: (facts: Facts) => ReadonlyArray<Finding>
}

export const ok = (message: string, nodes: ReadonlyArray<string> = []): Finding => ({
  level: "ok",
  message,
  nodes,
  remedy: undefined
})

export const warning = (message: string, remedy: string, nodes: ReadonlyArray<string> = []): Finding => ({
  level: "warning",
  message,
  nodes,
  remedy
})

export const problem = (message: string, remedy: string, nodes: ReadonlyArray<string> = []): Finding => ({
  level: "problem",
  message,
  nodes,
  remedy
})

export const skipped = (message: string, remedy?: string, nodes: ReadonlyArray<string> = []): Finding => ({
  level: "skipped",
  message,
  nodes,
  remedy
})

/** Findings that differ in their nodes only become one. */
export const joined = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> => {
  const result = new Map<string, Finding>()
  for (const finding of findings) {
    const key = `${finding.level} ${finding.message} ${finding.remedy}`
    const former = result.get(key)
    result.set(key, former === undefined ? finding : { ...former, nodes: [...former.nodes, ...finding.nodes] })
  }
  return [...result.values()]
}

const remedyOf: Readonly<Record<Why, (question: string) => string | undefined>> = {
  forbidden: (question) => `Run the doctor as a user who may run ${question}.`,
  unsupported: () => undefined,
  failed: () => "See the other findings about this node, and run the doctor again.",
  unasked: () => undefined
}

/** The reason for which a question has no answer, in words. */
const reasonOf = ({ message, why }: NoAnswer, question: string): string => {
  switch (why) {
    case "forbidden":
      return `the user may not run ${question}`
    case "unsupported":
      return `the server does not answer ${question}`
    case "failed":
      return `${question} failed: ${message}`
    case "unasked":
      return `${question} was not asked: ${message}`
  }
}

/** The nodes with their answers to one question, and a finding for those without. */
export const answersOf = <A>(
  facts: Facts,
  question: string,
  answerOf: (node: NodeFacts) => Answer<A>
): {
  readonly given: ReadonlyArray<{ readonly node: NodeFacts; readonly value: A }>
  readonly missing: ReadonlyArray<Finding>
} => {
  const given: Array<{ readonly node: NodeFacts; readonly value: A }> = []
  const missing: Array<Finding> = []
  for (const node of facts.nodes) {
    const answer = answerOf(node)
    const value = valueOf(answer)
    if (value !== undefined) given.push({ node, value })
    // The reachability of nodes is a check of its own, which would be repeated by every other one.
    else if (answer._tag === "NoAnswer" && answer.why !== "unasked") {
      missing.push(skipped(reasonOf(answer, question), remedyOf[answer.why](question), [node.address]))
    }
  }
  return { given, missing: joined(missing) }
}

/** The findings, or the good news when nothing is wrong and somebody was asked. */
export const orOk = (
  findings: ReadonlyArray<Finding>,
  asked: number,
  good: string
): ReadonlyArray<Finding> => {
  if (findings.some(({ level }) => level !== "skipped")) return joined(findings)
  if (asked > 0) return [ok(good), ...joined(findings)]
  return findings.length > 0 ? joined(findings) : [skipped("no node could be asked")]
}
