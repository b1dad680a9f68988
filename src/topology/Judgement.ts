/**
 * Whether an answer may replace the map that is known: a decision over facts, pure.
 *
 * A node reports its own view. The node may have lost the others, know only a part of them, or belong to another
 * cluster by now. Such a view must not replace a better one, and it must be accepted when no node has a better one.
 */
import type { ClusterNode } from "../cluster/ClusterNode.ts"
import { slotCount } from "../cluster/HashSlot.ts"
import { coveredSlots, type Snapshot } from "./Snapshot.ts"

/** The doubts about an answer. */
export type Doubt =
  /** The answer calls at least half of the primaries failed: its node may be the one that is cut off. */
  | "minority"
  /** The answer lacks nodes that are up. */
  | "partial"
  /** The answer has no owner for slots that have one. */
  | "uncovered"
  /** The answer names another owner than a recent redirect. */
  | "contradicted"

export type Judgement =
  | { readonly _tag: "Accept" }
  /** Other nodes have to be asked first; `witnesses` are the nodes that know best. */
  | { readonly _tag: "Confirm"; readonly doubt: Doubt; readonly witnesses: ReadonlyArray<ClusterNode> }
  | { readonly _tag: "Refuse"; readonly reason: "unjoined" | "foreign" }

/** The facts that are known without the answer. */
export interface Facts {
  /** The map in use; empty at the start. */
  readonly known: Snapshot
  /** Whether a node of that map answers at this moment. */
  readonly isUp: (node: ClusterNode) => boolean
  /** The owners, by address, that redirects have named lately for their slots. */
  readonly claims: ReadonlyMap<number, string>
}

const accept: Judgement = { _tag: "Accept" }

const idsOf = (snapshot: Snapshot): ReadonlySet<string> => {
  const ids = new Set<string>()
  for (const { id } of snapshot.nodes.values()) if (id !== "") ids.add(id)
  return ids
}

const share = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean => {
  for (const id of one) if (other.has(id)) return true
  return false
}

/** Whether two views have a node in common. Only the ids of nodes show for certain that they are of one cluster. */
export const areKin = (one: Snapshot, other: Snapshot): boolean => share(idsOf(one), idsOf(other))

const failedPrimaries = ({ primaries }: Snapshot): ReadonlyArray<ClusterNode> =>
  primaries.filter((node) => node.health === "fail")

/** Whether most primaries are well by this answer. */
const hasQuorum = (answer: Snapshot): boolean => failedPrimaries(answer).length * 2 < answer.primaries.length

/** The owners of the slots that have none in the answer. */
const formerOwners = (known: Snapshot, answer: Snapshot): ReadonlyArray<ClusterNode> => {
  const owners = new Set<ClusterNode>()
  for (let slot = 0; slot < slotCount; slot++) {
    const owner = known.slots[slot]
    if (owner !== undefined && answer.slots[slot] === undefined) owners.add(owner.primary)
  }
  return [...owners]
}

/** The owners that redirects have named and that the answer contradicts. */
const contradicted = (answer: Snapshot, claims: ReadonlyMap<number, string>): ReadonlyArray<string> =>
  [...claims].filter(([slot, owner]) => answer.slots[slot]?.primary.address !== owner).map(([, owner]) => owner)

export const judge = (answer: Snapshot, { claims, isUp, known }: Facts): Judgement => {
  // A node that has been reset, or has not joined yet, knows no shards.
  if (answer.shards.length === 0) return { _tag: "Refuse", reason: "unjoined" }
  const knownIds = idsOf(known)
  const ids = idsOf(answer)
  if (knownIds.size > 0 && !share(ids, knownIds)) return { _tag: "Refuse", reason: "foreign" }
  const doubt = (doubt: Doubt, witnesses: ReadonlyArray<ClusterNode>): Judgement => ({
    _tag: "Confirm",
    doubt,
    witnesses: witnesses.toSorted((a, b) => Number(isUp(b)) - Number(isUp(a)))
  })
  if (!hasQuorum(answer)) return doubt("minority", failedPrimaries(answer))
  const claimants = new Set(contradicted(answer, claims))
  if (claimants.size > 0) {
    return doubt("contradicted", [...known.nodes.values()].filter(({ address }) => claimants.has(address)))
  }
  const missing = [...known.nodes.values()].filter((node) => node.id !== "" && !ids.has(node.id) && isUp(node))
  if (missing.length > 0) return doubt("partial", missing)
  const covered = coveredSlots(answer)
  if (known.shards.length === 0) return covered < slotCount ? doubt("uncovered", answer.primaries) : accept
  return covered < coveredSlots(known) ? doubt("uncovered", formerOwners(known, answer)) : accept
}

/** A view of one node, and how many nodes share it. */
export interface Opinion {
  readonly snapshot: Snapshot
  readonly votes: number
  /** The id of the node; empty when it is unknown. */
  readonly by: string
}

/** The number of slots that the snapshot gives to an owner that denies owning them. */
const disputedSlots = (snapshot: Snapshot, opinions: ReadonlyArray<Opinion>): number => {
  const own = new Map(opinions.map((opinion) => [opinion.by, opinion.snapshot]))
  let count = 0
  for (let slot = 0; slot < slotCount; slot++) {
    const owner = snapshot.slots[slot]?.primary.id
    if (owner === undefined) continue
    const said = owner === "" ? undefined : own.get(owner)
    if (said !== undefined && said.slots[slot]?.primary.id !== owner) count++
  }
  return count
}

/** The merits of a view, the most important first. */
const merits = (
  { snapshot, votes }: Opinion,
  opinions: ReadonlyArray<Opinion>,
  { claims, isUp, known }: Facts
): ReadonlyArray<number> => {
  const ids = idsOf(snapshot)
  return [
    share(ids, idsOf(known)) ? 1 : 0,
    hasQuorum(snapshot) ? 1 : 0,
    -contradicted(snapshot, claims).length,
    -disputedSlots(snapshot, opinions),
    coveredSlots(snapshot),
    votes,
    // A node that is up and that all others have forgotten has only its own vote.
    [...known.nodes.values()].filter((node) => ids.has(node.id) && isUp(node)).length,
    snapshot.nodes.size
  ]
}

/** The best of several views; the earlier one of equals. */
export const best = (opinions: ReadonlyArray<Opinion>, facts: Facts): Opinion | undefined => {
  let best: { readonly opinion: Opinion; readonly merits: ReadonlyArray<number> } | undefined
  for (const opinion of opinions) {
    const own = merits(opinion, opinions, facts)
    if (best === undefined || isGreater(own, best.merits)) best = { opinion, merits: own }
  }
  return best?.opinion
}

const isGreater = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): boolean => {
  const at = one.findIndex((merit, i) => merit !== other[i])
  return at !== -1 && one[at] > other[at]
}

/** The silence of the known cluster after which another cluster may take its place, in milliseconds. */
export const strangerPatience = 10_000

/**
 * Whether a cluster without any known node takes the place of the known one, after all startup nodes were asked and no
 * node of the known cluster has answered. A cluster that has most of the known addresses, such as one that was created
 * again on the same machines, takes it at once. Any other has to wait for `strangerPatience`, because a single address
 * may have been given to a node of another cluster.
 */
export const takesPlace = (stranger: Snapshot, known: Snapshot, silentFor: number): boolean => {
  const taken = [...known.nodes.keys()].filter((address) => stranger.nodes.has(address)).length
  return taken * 2 > known.nodes.size || silentFor >= strangerPatience
}
