/** Checks of the map of slots: agreement, coverage, migrations, failing nodes. */
import { HashSlot } from "../../../index.ts"
import { plural } from "../../output/text.ts"
import { type Facts, type NodeFacts, valueOf } from "../facts/Facts.ts"
import { answersOf, type Check, type Finding, orOk, problem, skipped, warning } from "../facts/Finding.ts"
import * as Ranges from "../facts/Ranges.ts"

/** Slots by their number: `1 slot`, `16,384 slots`. */
const slotsOf = (ranges: Parameters<typeof Ranges.sizeOf>[0]): string => plural(Ranges.sizeOf(ranges), "slot")

const short = (id: string): string => id.slice(0, 8)

/** The name of a node: its address where one is known. */
const nameOf = (facts: Facts, id: string): string =>
  facts.nodes.find((node) => node.id === id)?.address ?? `node ${short(id)}`

/** The owner of each slot, as one node sees it. */
const ownersOf = (node: NodeFacts): ReadonlyArray<string | undefined> => {
  const owners = new Array<string | undefined>(HashSlot.slotCount).fill(undefined)
  for (const line of valueOf(node.lines) ?? []) {
    for (const [start, end] of line.slots) owners.fill(line.id, start, end + 1)
  }
  return owners
}

const isStanding = ({ flags }: { readonly flags: ReadonlyArray<string> }): boolean =>
  !flags.includes("handshake") && !flags.includes("noaddr")

export const agreement: Check = {
  name: "agreement",
  run: (facts) => {
    const { given: all, missing } = answersOf(facts, "CLUSTER NODES", (node) => node.lines)
    // Nodes of another cluster are a finding about the startup nodes.
    const reference = all.find(({ node }) => node.isMember)
    if (reference === undefined) return orOk([...missing], 0, "")
    const known = new Set(all.filter(({ node }) => node.isMember).flatMap(({ value }) => value.map(({ id }) => id)))
    const given = all.filter(({ node, value }) =>
      known.has(node.id) || value.some(({ id }) => id === reference.node.id)
    )
    const findings: Array<Finding> = []
    const owners = ownersOf(reference.node)
    for (const { node, value } of given) {
      const ids = new Set(value.filter(isStanding).map(({ id }) => id))
      const strange = given.filter((other) => !ids.has(other.node.id)).map((other) => other.node.address)
      if (strange.length > 0) {
        findings.push(problem(
          `it does not know ${strange.join(", ")}`,
          "Let it meet the node again: CLUSTER MEET host port, or reset the node that was removed: CLUSTER RESET.",
          [node.address]
        ))
      }
      const own = ownersOf(node)
      const different = Ranges.where((slot) => own[slot] !== owners[slot])
      if (different.length > 0) {
        findings.push(problem(
          `it has other owners than ${reference.node.address} for ${slotsOf(different)}: ${Ranges.textOf(different)}`,
          "Run the doctor again: a change may be under way. If it stays, `redis-cli --cluster fix`, or CLUSTER SETSLOT slot NODE id on the nodes that are wrong.",
          [node.address]
        ))
      }
    }
    const epochs = new Map<number, string>()
    for (const { node, value } of given) {
      const self = value.find(({ flags }) => flags.includes("myself"))
      if (self === undefined) continue
      if (node.id !== "" && self.id !== node.id) {
        findings.push(problem(
          `the node at this address has the id ${short(self.id)}, and the map says ${short(node.id)}`,
          "Two nodes share an address, or a proxy stands before them: correct `cluster-announce-ip`, or set the option `verifyNodeId: false` for a proxy.",
          [node.address]
        ))
      }
      if (self.slots.length === 0 || !self.flags.includes("master")) continue
      const other = epochs.get(self.configEpoch)
      if (other === undefined) epochs.set(self.configEpoch, node.address)
      else {
        findings.push(problem(
          `it has the same configuration epoch as ${other}: ${self.configEpoch}`,
          "The servers resolve this within seconds; if it stays, run CLUSTER BUMPEPOCH on one of them.",
          [node.address]
        ))
      }
      const behind = given.filter((view) =>
        view.value.some(({ configEpoch, id }) => id === self.id && configEpoch !== self.configEpoch)
      )
      if (behind.length > 0) {
        findings.push(warning(
          `${
            behind.map((view) => view.node.address).join(", ")
          } has another epoch for it than it has itself (${self.configEpoch})`,
          "Run the doctor again: news takes seconds. If it stays, see whether the bus ports (port + 10000) are open between all nodes.",
          [node.address]
        ))
      }
    }
    return orOk(
      [...findings, ...missing],
      given.length,
      `${given.length} nodes agree on nodes, slots and epochs`
    )
  }
}

export const coverage: Check = {
  name: "coverage",
  run: (facts) => {
    if (facts.client._tag === "NotConnected") return [skipped("the client has no map")]
    const { shards, uncovered } = facts.client
    const findings: Array<Finding> = []
    if (uncovered.length > 0) {
      findings.push(problem(
        `${slotsOf(uncovered)} without an owner: ${Ranges.textOf(uncovered)}`,
        "Give them to a primary with CLUSTER ADDSLOTSRANGE or `redis-cli --cluster fix`; if a primary that is down had them, start it."
      ))
    }
    const up = new Set(facts.nodes.filter(({ probe }) => probe.answers).map(({ address }) => address))
    for (const { primary, slots } of shards) {
      if (!up.has(primary)) {
        findings.push(problem(
          `the owner of ${slotsOf(slots)} does not answer`,
          "See the findings about addresses. A replica takes over after `cluster-node-timeout`; CLUSTER FAILOVER TAKEOVER on a replica forces it.",
          [primary]
        ))
      }
    }
    const bare = shards.filter(({ replicas }) => !replicas.some((replica) => up.has(replica)))
    if (bare.length > 0) {
      findings.push(warning(
        `${slotsOf(bare.flatMap(({ slots }) => slots))} without a replica that answers`,
        "Add a replica to each of these primaries: `redis-cli --cluster add-node new existing --cluster-slave`. Without one their data is gone with the node.",
        bare.map(({ primary }) => primary)
      ))
    }
    const { given } = answersOf(facts, "CLUSTER INFO", (node) => node.cluster)
    for (const { node, value } of given) {
      if (value["cluster_state"] !== "fail") continue
      findings.push(problem(
        "it says that the cluster is down (cluster_state:fail)",
        "Cover all slots, or set `cluster-require-full-coverage no` so that the rest serves meanwhile. A node that sees few primaries says so, too.",
        [node.address]
      ))
    }
    return orOk(findings, 1, "all slots have an owner that answers, and a replica")
  }
}

export const migrations: Check = {
  name: "migrations",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "CLUSTER NODES", (node) => node.lines)
    const leaving = new Map<string, string>()
    const arriving = new Map<string, string>()
    for (const { node, value } of given) {
      for (const self of value.filter(({ flags }) => flags.includes("myself"))) {
        for (const { slot, to } of self.migrating) leaving.set(`${slot} ${self.id} ${to}`, node.address)
        for (const { from, slot } of self.importing) arriving.set(`${slot} ${from} ${self.id}`, node.address)
      }
    }
    const findings: Array<Finding> = []
    for (const move of new Set([...leaving.keys(), ...arriving.keys()])) {
      const [slot, from, to] = move.split(" ")
      const names = `slot ${slot} moves from ${nameOf(facts, from)} to ${nameOf(facts, to)}`
      findings.push(
        leaving.has(move) && arriving.has(move)
          ? warning(
            names,
            "Let the migration end. If nobody works at it any more: `redis-cli --cluster fix`, or CLUSTER SETSLOT slot STABLE on both nodes when no key has moved."
          )
          : problem(
            `${names}, but only ${leaving.has(move) ? "the source" : "the target"} knows of it`,
            "A migration was interrupted: `redis-cli --cluster fix`, or CLUSTER SETSLOT slot STABLE on that node."
          )
      )
    }
    for (const { node, value } of answersOf(facts, "slot migrations", (one) => one.moves).given) {
      for (const { ranges, source, state, target } of value) {
        findings.push(warning(
          `the servers move slots ${Ranges.textOf(ranges)} from ${nameOf(facts, source)} to ${
            nameOf(facts, target)
          } (${state})`,
          "Let it end, or cancel it with CLUSTER CANCELSLOTMIGRATIONS (Valkey) or CLUSTER MIGRATION CANCEL (Redis).",
          [node.address]
        ))
      }
    }
    return orOk([...findings, ...missing], given.length, "no slot is on its way")
  }
}

export const failing: Check = {
  name: "failing nodes",
  run: (facts) => {
    const { given, missing } = answersOf(facts, "CLUSTER NODES", (node) => node.lines)
    const suspects = new Map<string, Set<string>>()
    const failedOnes = new Map<string, Set<string>>()
    const halfway = new Map<string, Set<string>>()
    const note = (map: Map<string, Set<string>>, id: string, by: string) =>
      map.set(id, new Set([...map.get(id) ?? [], by]))
    for (const { node, value } of given) {
      for (const { flags, host, id, port } of value) {
        const name = facts.nodes.find((one) => one.id === id)?.address ?? `${host}:${port}`
        if (flags.includes("fail")) note(failedOnes, name, node.address)
        else if (flags.includes("fail?")) note(suspects, name, node.address)
        else if (!isStanding({ flags })) note(halfway, name, node.address)
      }
    }
    const findings = [
      ...[...failedOnes].map(([name, by]) =>
        problem(
          `it is marked as failed by ${plural(by.size, "node")}`,
          "Start the node, or remove it with CLUSTER FORGET on every other node.",
          [name]
        )
      ),
      ...[...suspects].filter(([name]) => !failedOnes.has(name)).map(([name, by]) =>
        warning(
          `it is suspected to have failed by ${plural(by.size, "node")}`,
          "See whether it runs, and whether its bus port (port + 10000, or `cluster-port`) is open to them.",
          [name]
        )
      ),
      ...[...halfway].map(([name, by]) =>
        warning(
          `it has no connection yet with ${plural(by.size, "node")} (handshake or noaddr)`,
          "See whether its bus port (port + 10000, or `cluster-port`) is open to them; CLUSTER FORGET removes a node that never comes.",
          [name]
        )
      )
    ]
    return orOk([...findings, ...missing], given.length, "no node sees another one as failing")
  }
}
