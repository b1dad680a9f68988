/**
 * The commands on sets.
 */
import { type Answer, failure, Members } from "./Answer.ts"
import { type Bytes, parseInt64 } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { type Combine, difference, intersection, limitAfter, numberedKeys, union } from "./SetAlgebra.ts"

const empty: ReadonlySet<Bytes> = new Set()

const setsOf = (call: Call, keys: ReadonlyArray<Bytes>): ReadonlyArray<ReadonlySet<Bytes>> =>
  keys.map((key) => call.find("set", key) ?? empty)

const answerOf = (set: ReadonlySet<Bytes>): Members => new Members(inOrder([...set]))

/** The members in the order of a server, which sorts sets of integers. */
const inOrder = (members: ReadonlyArray<Bytes>): ReadonlyArray<Bytes> => {
  if (members.length > 512 || members.some((member) => parseInt64(member) === undefined)) return members
  return members.toSorted((one, other) => BigInt(one) < BigInt(other) ? -1 : 1)
}

const combine = (how: Combine) => (call: Call): Answer => {
  const sets = setsOf(call, call.every(1))
  return call.failed ? null : answerOf(how(sets))
}

const combineInto = (how: Combine) => (call: Call): Answer => {
  const sets = setsOf(call, call.every(2))
  if (call.failed) return null
  const value = how(sets)
  call.store(call.args[1], { type: "set", value }, value.size, call.name, "s")
  return value.size
}

/** Random members: `count` different ones, or, for a negative count, as many with repeats. */
export const choose = <A>(items: ReadonlyArray<A>, count: number, random: () => number): ReadonlyArray<A> => {
  if (items.length === 0) return []
  if (count < 0) return Array.from({ length: -count }, () => items[Math.floor(random() * items.length)])
  const left = [...items]
  const chosen: Array<A> = []
  while (chosen.length < count && left.length > 0) chosen.push(...left.splice(Math.floor(random() * left.length), 1))
  return chosen
}

const notPositive = failure("ERR value is out of range, must be positive")

const spop = (call: Call): Answer => {
  const [, key, counted] = call.args
  if (call.args.length > 3) return call.syntax()
  const count = counted === undefined ? 1 : call.integer(2, notPositive)
  if (count < 0) call.fail(notPositive)
  const set = call.failed ? undefined : call.find("set", key)
  if (call.failed) return null
  if (set === undefined) return counted === undefined ? null : new Members([])
  const chosen = choose([...set], count, call.node.cluster.random)
  for (const member of chosen) set.delete(member)
  if (chosen.length > 0) call.touch(key, "spop", "s")
  return counted === undefined ? chosen[0] : new Members(chosen)
}

const srandmember = (call: Call): Answer => {
  const [, key, counted] = call.args
  if (call.args.length > 3) return call.syntax()
  const count = counted === undefined ? 1 : call.integer(2)
  const set = call.failed ? undefined : call.find("set", key)
  if (call.failed) return null
  if (set === undefined) return counted === undefined ? null : []
  const chosen = choose([...set], count, call.node.cluster.random)
  return counted === undefined ? chosen[0] : chosen
}

const sintercard = (call: Call): Answer => {
  const keys = numberedKeys(call)
  const limit = limitAfter(call, keys)
  const sets = call.failed ? [] : setsOf(call, keys)
  return call.failed ? null : Math.min(limit, intersection(sets).size)
}

const smove = (call: Call): Answer => {
  const [, source, target, member] = call.args
  const from = call.find("set", source)
  if (call.failed || from === undefined) return 0
  call.find("set", target)
  if (call.failed) return null
  if (!from.has(member)) return 0
  if (source === target) return 1
  from.delete(member)
  call.touch(source, "srem", "s")
  const to = call.obtain("set", target)
  if (!to.has(member)) {
    to.add(member)
    call.touch(target, "sadd", "s")
  }
  return 1
}

export const sets: Group = {
  SADD: write(-3, (call) => {
    call.find("set", call.args[1])
    if (call.failed) return null
    const set = call.obtain("set", call.args[1])
    const before = set.size
    for (const member of call.every(2)) set.add(member)
    if (set.size > before) call.touch(call.args[1], "sadd", "s")
    return set.size - before
  }),
  SREM: write(-3, (call) => {
    const set = call.find("set", call.args[1])
    if (call.failed || set === undefined) return 0
    const removed = call.every(2).filter((member) => set.delete(member)).length
    if (removed > 0) call.touch(call.args[1], "srem", "s")
    return removed
  }),
  SCARD: read(2, (call) => call.find("set", call.args[1])?.size ?? 0),
  SISMEMBER: read(3, (call) => call.find("set", call.args[1])?.has(call.args[2]) === true ? 1 : 0),
  SMISMEMBER: read(-3, (call) => {
    const set = call.find("set", call.args[1])
    return call.every(2).map((member) => set?.has(member) === true ? 1 : 0)
  }),
  SMEMBERS: read(2, (call) => answerOf(call.find("set", call.args[1]) ?? empty)),
  SPOP: write(-2, spop),
  SRANDMEMBER: read(-2, srandmember),
  SMOVE: write(4, smove),
  SINTER: read(-2, combine(intersection)),
  SUNION: read(-2, combine(union)),
  SDIFF: read(-2, combine(difference)),
  SINTERSTORE: write(-3, combineInto(intersection)),
  SUNIONSTORE: write(-3, combineInto(union)),
  SDIFFSTORE: write(-3, combineInto(difference)),
  SINTERCARD: read(-3, sintercard)
}
