/** Checks of the settings of the servers against the options and the features of the client. */
import { millis } from "../../output/text.ts"
import type { Facts, Feature, NodeFacts } from "../facts/Facts.ts"
import { answersOf, type Check, type Finding, orOk, problem, warning } from "../facts/Finding.ts"

type Settings = Readonly<Record<string, string>>

/** The greatest time from a failure to the end of the election after `cluster-node-timeout`, in milliseconds. */
const election = 2000

const mebibyte = 1024 * 1024

/** Settings that all nodes should have in common, because any of them may have to do the work of another. */
const shared = ["cluster-node-timeout", "cluster-require-full-coverage", "maxmemory-policy", "notify-keyspace-events"]

const failover = (facts: Facts, { address }: NodeFacts, settings: Settings): ReadonlyArray<Finding> => {
  const timeout = Number(settings["cluster-node-timeout"] ?? Number.NaN)
  const { commandTimeout } = facts.wishes
  if (Number.isNaN(timeout) || timeout + election <= commandTimeout) return []
  return [warning(
    `a failover takes more than cluster-node-timeout (${millis(timeout)}), and a command waits ${
      millis(commandTimeout)
    }: commands fail meanwhile`,
    `Lower \`cluster-node-timeout\`, or set the option \`commandTimeout\` to ${
      Math.ceil((timeout + election) / 1000)
    } seconds or more where a command may wait so long.`,
    [address]
  )]
}

const connections = ({ address }: NodeFacts, settings: Settings): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const timeout = Number(settings["timeout"] ?? 0)
  if (timeout > 0 && timeout < 300) {
    findings.push(warning(
      `it closes connections that were idle for ${timeout} seconds (timeout)`,
      "Set `timeout 0`, or 300 and more: the client dials again, which costs the next command a round trip or more.",
      [address]
    ))
  }
  if (settings["tcp-keepalive"] === "0") {
    findings.push(warning(
      "it never looks whether idle clients are still there (tcp-keepalive 0)",
      "Set `tcp-keepalive 300`: connections of machines that are gone stay until then, with their locks on `maxclients`.",
      [address]
    ))
  }
  return findings
}

/** The notifications that a program can see: a place (K or E) and at least one kind. */
const notifies = (flags: string): boolean => /[KE]/.test(flags) && /[A-DF-JL-Za-z$]/.test(flags)

/** The hard limit of a class of clients, in bytes; 0 for none. */
const outputLimit = (setting: string, name: string): number | undefined => {
  const [, limit] = new RegExp(`\\b${name} (\\d+) `).exec(`${setting} `) ?? []
  return limit === undefined ? undefined : Number(limit)
}

const byFeature: Partial<
  Record<Feature, (node: NodeFacts, settings: Settings) => ReadonlyArray<Finding>>
> = {
  keyspace: ({ address }, settings) => {
    const flags = settings["notify-keyspace-events"]
    if (flags === undefined || notifies(flags)) return []
    return [problem(
      `keyspace notifications are off (notify-keyspace-events "${flags}")`,
      "Set `notify-keyspace-events KA` on every node, replicas included, or let the client do it: `keyspaceNotifications({ configure: true })`.",
      [address]
    )]
  },
  pubsub: ({ address }, settings) => {
    const limit = outputLimit(settings["client-output-buffer-limit"] ?? "", "pubsub")
    if (limit === undefined || limit === 0 || limit >= mebibyte) return []
    return [warning(
      `a subscriber is cut off when ${limit} bytes wait for it (client-output-buffer-limit pubsub)`,
      "Set `client-output-buffer-limit pubsub 32mb 8mb 60` or more: a burst of messages ends the subscription with a gap.",
      [address]
    )]
  },
  caching: ({ address, info }, settings) => {
    const most = Number(settings["tracking-table-max-keys"] ?? Number.NaN)
    if (Number.isNaN(most) || most === 0) return []
    const tracked = info._tag === "Answered" ? Number(info.value["tracking_total_keys"] ?? 0) : 0
    if (most >= 10_000 && tracked < 0.9 * most) return []
    return [warning(
      `it remembers ${most} keys for all caches together (tracking-table-max-keys), and has ${tracked}`,
      "Raise `tracking-table-max-keys`, or set `prefixes` in the option `cache`: keys beyond it are reported as changed, and have to be fetched again.",
      [address]
    )]
  },
  locks: ({ address }, settings) => {
    const policy = settings["maxmemory-policy"] ?? ""
    if (!/^(allkeys|volatile)-/.test(policy)) return []
    return [warning(
      `it may evict a lock before its time (maxmemory-policy ${policy})`,
      "Set `maxmemory-policy noeviction`, or keep locks on a cluster of their own.",
      [address]
    )]
  }
}

export const settings: Check = {
  name: "settings",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "CONFIG GET", (node) => node.config)
    const findings = given.flatMap(({ node, value }) => [
      ...failover(facts, node, value),
      ...connections(node, value),
      ...facts.wishes.features.flatMap((feature) => byFeature[feature]?.(node, value) ?? [])
    ])
    for (const name of shared) {
      const values = new Map<string, number>()
      for (const { value } of given) {
        const one = value[name]
        if (one !== undefined) values.set(one, (values.get(one) ?? 0) + 1)
      }
      if (values.size > 1) {
        const texts = [...values].map(([value, nodes]) => `"${value}" on ${nodes}`).toSorted()
        findings.push(warning(
          `the nodes differ in ${name}: ${texts.join(", ")}`,
          "Give all nodes the same setting: after a failover another one does the work."
        ))
      }
    }
    return orOk([...findings, ...missing], given.length, "they fit the options and features")
  }
}
