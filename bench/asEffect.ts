/**
 * The cost of a command being an effect: the same answer as a bare `Effect.callback`, as the effect that `execute`
 * gives, and as a command that is yielded. Nothing is sent.
 *
 * Usage: node bench/asEffect.ts [--commands 200000] [--rounds 15]
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { Command, Strings } from "../src/index.ts"

const { values } = parseArgs({
  options: { commands: { type: "string", default: "200000" }, rounds: { type: "string", default: "15" } }
})
const commands = Number(values.commands)

const answer = Effect.callback<string>((resume) => {
  resume(Effect.succeed("value"))
})
const execute = () => answer
const { args, decode, settings, spec } = Strings.get("key")
const command = new Command.Command<string | null, unknown, never>(spec, args, decode, settings, execute)

const times = <A, E>(one: () => Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    for (let i = 0; i < commands; i++) yield* one()
  })

const ways = {
  "Effect.callback": times(() => answer),
  "execute(command)": times(execute),
  "yield* command": times(() => command)
}

const nanoseconds = new Map(Object.keys(ways).map((name) => [name, new Array<number>()]))
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, effect] of Object.entries(ways)) {
    const before = process.cpuUsage()
    await Effect.runPromise(effect)
    const { system, user } = process.cpuUsage(before)
    nanoseconds.get(name)?.push((user + system) * 1000 / commands)
  }
}
console.log("| | CPU ns, least | CPU ns, median |")
console.log("| --- | ---: | ---: |")
for (const [name, found] of nanoseconds) {
  const sorted = found.toSorted((a, b) => a - b)
  console.log(`| ${name} | ${sorted[0].toFixed(0)} | ${sorted[sorted.length >> 1].toFixed(0)} |`)
}
