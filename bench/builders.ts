/**
 * The cost of a builder beyond a command value that is made by hand of its spec, arguments and decoder: nanoseconds a
 * call.
 *
 *   node bench/builders.ts
 *
 * The exit code is 1 when one of them costs more than the budget. `--smoke`: so short that the figures say nothing, and the
 * budget is not asked.
 */
import * as Command from "../src/commands/Command.ts"
import { Generic } from "../src/commands/Generic.ts"
import { Hashes } from "../src/commands/Hashes.ts"
import { Lists } from "../src/commands/Lists.ts"
import { Sets } from "../src/commands/Sets.ts"
import { SortedSets } from "../src/commands/SortedSets.ts"
import { Strings } from "../src/commands/Strings.ts"

/** Nanoseconds that a builder may add to a command. */
const budget = 300

const builders: Readonly<Record<string, () => Command.Command<unknown>>> = {
  "get(key)": () => Strings.get("user:1"),
  "set(key, value)": () => Strings.set("user:1", "value"),
  "set(key, value, { expire })": () => Strings.set("user:1", "value", { expire: "10 minutes" }),
  "incr(key)": () => Strings.incr("user:1"),
  "mget(3 keys)": () => Strings.mget(["{u}1", "{u}2", "{u}3"]),
  "del(key)": () => Generic.del("user:1"),
  "expire(key, after)": () => Generic.expire("user:1", "10 minutes"),
  "hget(key, field)": () => Hashes.hget("user:1", "name"),
  "hset(key, 2 fields)": () => Hashes.hset("user:1", { name: "ada", age: "36" }),
  "hgetall(key)": () => Hashes.hgetall("user:1"),
  "lpush(key, value)": () => Lists.lpush("list:1", "value"),
  "sadd(key, member)": () => Sets.sadd("set:1", "member"),
  "zadd(key, member)": () => SortedSets.zadd("zset:1", { member: 1 }),
  "zrange(key, 0, 9)": () => SortedSets.zrange("zset:1", 0, 9)
}

const smoke = process.argv.includes("--smoke")
const rounds = smoke ? 1 : 15
const callsPerRound = smoke ? 1000 : 200_000

/** Keeps the results alive, so that no call is optimised away. */
let sink: unknown

const nanosecondsPerCall = (call: () => unknown): number => {
  const started = process.hrtime.bigint()
  for (let i = 0; i < callsPerRound; i++) sink = call()
  return Number(process.hrtime.bigint() - started) / callsPerRound
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

const measure = (build: () => Command.Command<unknown>) => {
  const { args, decode, spec } = build()
  // The arguments are put into a list of their own, as a caller would.
  const byHand = () => Command.make(spec, [...args], decode)
  const built: Array<number> = []
  const raw: Array<number> = []
  // In turns, so that what else the machine does falls on both alike.
  for (let i = 0; i < rounds; i++) {
    built.push(nanosecondsPerCall(build))
    raw.push(nanosecondsPerCall(byHand))
  }
  return { built: median(built), raw: median(raw) }
}

for (const build of Object.values(builders)) nanosecondsPerCall(build)

console.log("| Builder | built, ns | by hand, ns | added, ns |\n| --- | ---: | ---: | ---: |")
for (const [name, build] of Object.entries(builders)) {
  const { built, raw } = measure(build)
  const added = built - raw
  console.log(`| ${name} | ${built.toFixed(0)} | ${raw.toFixed(0)} | ${added.toFixed(0)} |`)
  if (added > budget && !smoke) process.exitCode = 1
}
if (sink === undefined) console.log("nothing was built")
console.log(`\nBudget: ${budget} ns a command${process.exitCode === 1 ? ", exceeded" : ""}.`)
