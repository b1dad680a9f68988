/**
 * SCAN over the whole cluster with one cursor.
 *
 * The cursor of a server has a meaning for that server only. The cursor of the cluster therefore names the shard that
 * is being scanned, by its lowest slot, the node that answered for the shard, and the cursor of the node. It is `"0"`
 * only after the last shard. When another node answers for the shard, the shard is scanned again from its beginning;
 * when slots have moved between shards, the cluster is scanned again. Keys may then come twice, which SCAN always
 * allows, and none is missed. A migration that has begun and not ended is not visible here: keys that it moved may be
 * missed. `ClusterClient.scanStream` covers that case, too.
 *
 * Nothing is remembered between two calls: a cursor can be used again, later, or by another process.
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as HashSlot from "../../cluster/HashSlot.ts"
import type { ClusterClientShape } from "../../ClusterClient.ts"
import * as Command from "../../commands/Command.ts"
import { CommandSpec } from "../../commands/CommandSpec.ts"
import { Generic } from "../../commands/Generic.ts"
import type { ScanPage } from "../../commands/scan.ts"
import { upperCase } from "../../commands/words.ts"
import { exception, type RedisClusterException, ReplyError } from "../../RedisClusterException.ts"
import type { Snapshot } from "../../topology/Snapshot.ts"

interface Position {
  /** A text for the division of the slots among the shards. */
  readonly division: string
  /** The lowest slot of the shard that is being scanned. */
  readonly slot: number
  /** The cursor of the node. */
  readonly cursor: string
  /** The node that gave the cursor. */
  readonly node: string
}

const toText = ({ cursor, division, node, slot }: Position): string => [division, slot, cursor, node].join("|")

const fromText = (text: string): Position | undefined => {
  const match = /^([0-9a-f]{8})\|(\d{1,5})\|(\d+)\|(.*)$/.exec(text)
  return match === null ? undefined : { division: match[1], slot: Number(match[2]), cursor: match[3], node: match[4] }
}

interface Division {
  readonly name: string
  /** The lowest slot of each shard, in rising order. */
  readonly starts: ReadonlyArray<number>
}

const divisions = new WeakMap<Snapshot, Division>()

/** The division of the slots among the shards, whichever nodes are their primaries. */
const divisionOf = (snapshot: Snapshot): Division => {
  const known = divisions.get(snapshot)
  if (known !== undefined) return known
  const first = new Map<unknown, number>()
  const hash = createHash("sha1")
  snapshot.slots.forEach((shard, slot) => {
    if (shard !== undefined && !first.has(shard)) first.set(shard, slot)
    if (slot === 0 || shard !== snapshot.slots[slot - 1]) hash.update(`${slot}:${first.get(shard) ?? ""};`)
  })
  const division = { name: hash.digest("hex").slice(0, 8), starts: [...first.values()] }
  divisions.set(snapshot, division)
  return division
}

const ownerOf = (snapshot: Snapshot, slot: number): string => {
  const primary = snapshot.slots[slot]?.primary
  return primary === undefined ? "" : primary.id || primary.address
}

/** The pattern behind MATCH, if there is one. */
const patternOf = (args: ReadonlyArray<string>): string | undefined => {
  for (let i = 1; i + 1 < args.length; i += 2) if (upperCase(args[i]) === "MATCH") return args[i + 1]
  return undefined
}

/**
 * The slot of all keys that can match, for a pattern with a hash tag and without a wildcard in the tag or in front of
 * it.
 */
export const slotOfPattern = (pattern: string): number | undefined => {
  const tagged = /^[^*?[\]\\{]*\{[^*?[\]\\}]+\}/.exec(pattern)
  if (tagged !== null) return HashSlot.ofKey(tagged[0])
  return undefined
}

/** A page of keys from the node that owns a slot. */
const pageOf = (slot: number, cursor: string, options: ReadonlyArray<string>) => {
  const { decode, spec } = Generic.scan("0")
  const here = new CommandSpec(spec.name, { readonly: true, slot: () => slot })
  return Command.make(here, [cursor, ...options], decode)
}

const invalidCursor = exception(() =>
  new ReplyError({
    message: `ERR invalid cursor: SCAN goes on with the cursor that the page before gave, or begins with "0"`,
    code: "ERR",
    outcome: "NotExecuted",
    command: "SCAN"
  })
)

/** Runs `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`. The result is the next cursor and some keys. */
export const scan = Effect.fnUntraced(function*(
  redis: ClusterClientShape,
  args: ReadonlyArray<string>
): Effect.fn.Return<readonly [cursor: string, keys: ReadonlyArray<string>], RedisClusterException> {
  const [text, ...options] = args
  const given = fromText(text)
  if (given === undefined && text !== "0") return yield* Effect.fail(invalidCursor)

  const before = yield* redis.topology
  const pattern = patternOf(args)
  const onlySlot = pattern === undefined ? undefined : slotOfPattern(pattern)
  const { name: division, starts } = divisionOf(before)
  const goesOn = given !== undefined && (given.division === division || given.slot === onlySlot)
  const slot = onlySlot ?? (goesOn ? given.slot : starts[0] ?? 0)
  const node = ownerOf(before, slot)
  const cursor = goesOn && given.node === node ? given.cursor : "0"

  const page: ScanPage<string> = yield* redis.execute(pageOf(slot, cursor, options))

  const after = yield* redis.topology
  if (ownerOf(after, slot) !== node) return [toText({ division, slot, cursor: "0", node: "" }), page.items]
  if (page.cursor !== "0") return [toText({ division, slot, cursor: page.cursor, node }), page.items]
  if (onlySlot !== undefined) return ["0", page.items]
  const next = starts.find((start) => start > slot)
  if (next !== undefined) return [toText({ division, slot: next, cursor: "0", node: "" }), page.items]
  // Only a fresh topology shows whether slots have moved.
  const now = divisionOf(yield* redis.refreshTopology)
  if (now.name === division) return ["0", page.items]
  return [toText({ division: now.name, slot: now.starts[0] ?? 0, cursor: "0", node: "" }), page.items]
})
