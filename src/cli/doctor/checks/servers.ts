/** Checks of the servers: versions, protocol, clocks, latency, replication, load. */
import { bytes, count, millis, plural } from "../../output/text.ts"
import type { Facts, NodeFacts } from "../facts/Facts.ts"
import { answersOf, type Check, type Finding, orOk, problem, warning } from "../facts/Finding.ts"

type Fields = Readonly<Record<string, string>>

/** A figure of INFO; `undefined` where the server does not tell it. */
const figure = (fields: Fields, name: string): number | undefined => {
  const value = Number(fields[name] ?? "")
  return fields[name] === undefined || fields[name] === "" || Number.isNaN(value) ? undefined : value
}

const versionOf = (fields: Fields): string => {
  const valkey = fields["valkey_version"]
  return valkey === undefined ? `Redis ${fields["redis_version"] ?? "?"}` : `Valkey ${valkey}`
}

const info = (facts: Facts) => answersOf(facts, "INFO", (node) => node.info)

export const versions: Check = {
  name: "versions",
  run: (facts) => {
    const { given, missing } = info(facts)
    const byVersion = new Map<string, Array<string>>()
    for (const { node, value } of given) {
      const version = versionOf(value)
      byVersion.set(version, [...byVersion.get(version) ?? [], node.address])
    }
    const findings: Array<Finding> = []
    for (const { node, value } of given) {
      const major = Number((value["redis_version"] ?? "7").split(".")[0])
      if (major < 7) {
        findings.push(problem(
          `${versionOf(value)} is older than the oldest version that the client supports, 7.0`,
          "Upgrade the server.",
          [node.address]
        ))
      }
    }
    if (byVersion.size > 1) {
      const texts = [...byVersion].map(([version, nodes]) => `${version} on ${plural(nodes.length, "node")}`)
      findings.push(warning(
        `the versions are mixed: ${texts.toSorted().join(", ")}`,
        "Finish the upgrade: commands of the newer version fail on the older nodes, and a replica that is older than its primary may not read its data."
      ))
    }
    return orOk([...findings, ...missing], given.length, [...byVersion.keys()].join(", "))
  }
}

export const protocol: Check = {
  name: "protocol",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "CLIENT INFO", (node) => node.protocol)
    const findings: Array<Finding> = []
    for (const { node, value } of given) {
      if (value >= facts.wishes.protocol) continue
      findings.push(warning(
        `the connection speaks RESP${value}, not RESP${facts.wishes.protocol}`,
        "Let the user run HELLO (ACL SETUSER name +hello), and see that no proxy stands between.",
        [node.address]
      ))
    }
    const caches = facts.wishes.features.includes("caching")
    const old = given.filter(({ value }) => value < 3).map(({ node }) => node.address)
    if (caches && old.length > 0) {
      findings.push(problem(
        "the cache of the client needs RESP3",
        "Leave out --resp2 (option `protocol: 2`), or do without the option `cache`.",
        old
      ))
    }
    return orOk([...findings, ...missing], given.length, `RESP${given[0]?.value ?? "?"}`)
  }
}

/** The difference of clocks from which expiries and times of streams look wrong to programs, in milliseconds. */
const skewed = 1000

export const clocks: Check = {
  name: "clocks",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "TIME", (node) => node.clock)
    const findings = given.flatMap(({ node, value: { ahead, roundTrip } }): ReadonlyArray<Finding> => {
      const skew = Math.abs(ahead) - roundTrip / 2
      if (skew <= skewed) return []
      return [warning(
        `its clock is ${millis(skew)} ${ahead > 0 ? "ahead of" : "behind"} the clock here`,
        "Run a time service (chrony, systemd-timesyncd) on both machines: `expireAt`, the ids of streams and expiries after a failover follow the clock of the node.",
        [node.address]
      )]
    })
    const greatest = Math.max(0, ...given.map(({ value: { ahead, roundTrip } }) => Math.abs(ahead) - roundTrip / 2))
    return orOk(
      [...findings, ...missing],
      given.length,
      `no more than ${millis(Math.max(0, greatest))} apart from here`
    )
  }
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** Round trips from which a node is slow, in milliseconds. */
const slowMedian = 100
const slowMost = 1000

export const latency: Check = {
  name: "latency",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "PING", (node) => node.pings)
    const findings = given.flatMap(({ node, value }): ReadonlyArray<Finding> => {
      const [p50, most] = [median(value), Math.max(...value)]
      if (p50 <= slowMedian && most <= slowMost) return []
      return [warning(
        `a PING takes ${millis(p50)} in the middle, and ${millis(most)} at most`,
        "Run the program nearer to the cluster, or look for what holds the server up: SLOWLOG GET, LATENCY DOCTOR, swapping, a fork for a snapshot.",
        [node.address]
      )]
    })
    const medians = given.map(({ value }) => median(value))
    const most = Math.max(...given.flatMap(({ value }) => value))
    return orOk(
      [...findings, ...missing],
      given.length,
      `a PING takes ${millis(Math.min(...medians))} to ${millis(Math.max(...medians))} by node, ${millis(most)} at most`
    )
  }
}

/** The lag of a replica from which reads are old, in seconds. */
const lagging = 10

export const replication: Check = {
  name: "replication",
  run: (facts) => {
    const { given, missing } = info(facts)
    const findings: Array<Finding> = []
    let replicas = 0
    let greatest = 0
    for (const { node, value } of given) {
      if (value["role"] === "slave") {
        replicas++
        if (value["master_link_status"] !== "up") {
          const isSyncing = value["master_sync_in_progress"] === "1"
          findings.push(
            isSyncing
              ? warning("the replica copies its primary at the moment", "Wait until the copy is there.", [node.address])
              : problem(
                "the replica has lost the link to its primary",
                "See whether the primary runs, and `masteruser`, `masterauth` and `tls-replication` on the replica.",
                [node.address]
              )
          )
        }
      }
      for (const [name, line] of Object.entries(value)) {
        if (!/^slave\d+$/.test(name)) continue
        const [, ip = "?"] = /ip=([^,]+)/.exec(line) ?? []
        const [, port = "?"] = /port=(\d+)/.exec(line) ?? []
        const lag = Number(/lag=(-?\d+)/.exec(line)?.[1] ?? 0)
        const offset = Number(/offset=(\d+)/.exec(line)?.[1] ?? 0)
        const behind = (figure(value, "master_repl_offset") ?? offset) - offset
        greatest = Math.max(greatest, behind)
        const backlog = figure(value, "repl_backlog_size") ?? Number.POSITIVE_INFINITY
        if (lag >= lagging || behind > backlog / 2) {
          findings.push(warning(
            `its replica ${ip}:${port} is ${bytes(behind)} behind, and was last heard of ${lag} seconds ago`,
            "Read from replicas with `ReadFrom.maxLag`, and look at the network and the load of the replica; `repl-backlog-size` is what it can catch up with.",
            [node.address]
          ))
        }
      }
    }
    const good = replicas === 0
      ? "no replicas"
      : `${plural(replicas, "replica")} linked, ${bytes(greatest)} behind at most`
    return orOk([...findings, ...missing], given.length, good)
  }
}

const loadOf = (node: NodeFacts, value: Fields): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const at = [node.address]
  if (value["loading"] === "1") {
    findings.push(warning("it loads its data, and answers nothing until it is done", "Wait.", at))
  }
  const [used, most] = [figure(value, "used_memory") ?? 0, figure(value, "maxmemory") ?? 0]
  if (most > 0 && used >= most) {
    findings.push(problem(
      `it uses ${bytes(used)} of ${bytes(most)} (maxmemory)`,
      "Raise `maxmemory`, move slots away, or delete keys: writes fail with OOM, or keys are evicted.",
      at
    ))
  } else if (most > 0 && used >= 0.9 * most) {
    findings.push(warning(
      `it uses ${Math.round(100 * used / most)}% of its maxmemory (${bytes(most)})`,
      "Raise `maxmemory`, or move slots away.",
      at
    ))
  }
  const system = figure(value, "total_system_memory") ?? 0
  if (most === 0 && system > 0 && used > 0.75 * system) {
    findings.push(warning(
      `it uses ${bytes(used)} of the machine's ${bytes(system)}, and has no maxmemory`,
      "Set `maxmemory`: without it the operating system ends the process when memory is short.",
      at
    ))
  }
  const rejected = figure(value, "rejected_connections") ?? 0
  if (rejected > 0) {
    findings.push(warning(
      `it has refused ${plural(rejected, "connection")} since its start, because of maxclients`,
      "Raise `maxclients`, or lower the option `maxDedicatedConnections` of the clients.",
      at
    ))
  }
  const [clients, maxclients] = [figure(value, "connected_clients") ?? 0, figure(value, "maxclients") ?? 0]
  if (maxclients > 0 && clients >= 0.9 * maxclients) {
    findings.push(warning(
      `${count(clients)} of ${count(maxclients)} clients (maxclients) are connected`,
      "Raise `maxclients`, or find the program that opens so many connections with CLIENT LIST.",
      at
    ))
  }
  const evicted = figure(value, "evicted_keys") ?? 0
  if (evicted > 0) {
    findings.push(warning(
      `it has evicted ${plural(evicted, "key")} since its start, because memory was short`,
      "Raise `maxmemory` unless the data is a cache; `maxmemory-policy noeviction` makes writes fail in place of it.",
      at
    ))
  }
  return findings
}

export const load: Check = {
  name: "load",
  run: (facts) => {
    const { given, missing } = info(facts)
    const sum = (name: string) => given.reduce((total, { value }) => total + (figure(value, name) ?? 0), 0)
    const findings = given.flatMap(({ node, value }) => loadOf(node, value))
    for (const { node, value } of answersOf(facts, "SLOWLOG LEN", (one) => one.slowlog).given) {
      const most = figure(node.config._tag === "Answered" ? node.config.value : {}, "slowlog-max-len")
      if (value > 0 && most !== undefined && value >= most) {
        findings.push(warning(
          `its SLOWLOG is full (${value} entries)`,
          "Look at the slow commands with SLOWLOG GET, or `effect-redis-cluster top`; SLOWLOG RESET empties it.",
          [node.address]
        ))
      }
    }
    const slow = answersOf(facts, "SLOWLOG LEN", (one) => one.slowlog).given.reduce(
      (total, { value }) => total + value,
      0
    )
    return orOk(
      [...findings, ...missing],
      given.length,
      `${bytes(sum("used_memory"))} used, ${plural(sum("connected_clients"), "client")}, ${
        sum("blocked_clients")
      } of them blocked, ` +
        `nothing evicted or refused, ${plural(slow, "slow command")} in SLOWLOG`
    )
  }
}

export const slots: Check = {
  name: "hot slots",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "CLUSTER SLOT-STATS (Redis 8.2, Valkey 8.0)", (node) => node.busiest)
    const hottest = given.flatMap(({ node, value }) =>
      value.map(({ cpuUsec = 0, keyCount, slot }) => ({ address: node.address, cpuUsec, keyCount, slot }))
    ).filter(({ cpuUsec }) => cpuUsec > 0).toSorted((a, b) => b.cpuUsec - a.cpuUsec).slice(0, 3)
    const findings: Array<Finding> = []
    const large = answersOf(facts, "CLUSTER SLOT-STATS", (node) => node.largest).given
    for (const { node, value } of large) {
      const used = figure(node.info._tag === "Answered" ? node.info.value : {}, "used_memory") ?? 0
      for (const { keyCount, memoryBytes = 0, slot } of value) {
        if (memoryBytes > 100 * 1024 * 1024 && memoryBytes > used / 4) {
          findings.push(warning(
            `slot ${slot} has ${bytes(memoryBytes)} in ${plural(keyCount, "key")}`,
            "Use other hash tags: a slot is the least that can be moved to another node.",
            [node.address]
          ))
        }
      }
    }
    const text = hottest.map(({ address, cpuUsec, slot }) => `${slot} at ${address} (${millis(cpuUsec / 1000)} of CPU)`)
    return orOk(
      [...findings, ...missing],
      given.length,
      text.length === 0 ? "the servers keep no times by slot, or none stands out" : `the busiest: ${text.join(", ")}`
    )
  }
}
