/**
 * Every builder runs against a real server, over RESP2 and over RESP3: its keys are those that the server sees, its reply
 * is decoded, and to the same value over both protocols.
 */
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Command } from "../../src/commands/Command.ts"
import { groups } from "../../src/commands/Commands.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import type { LoneServer } from "../harness/lone.ts"
import type { RespClient } from "../harness/RespClient.ts"
import { moduleSamples } from "../modules/samples.ts"
import { notRun, type Sample, samples } from "./samples.ts"
import { expectSame, leafCommands, open, run, startServer, words } from "./server.ts"
import { withoutBuilder } from "./withoutBuilder.ts"

let server: LoneServer
let clients: { readonly resp2: RespClient; readonly resp3: RespClient }
let version: { readonly server: "redis" | "valkey"; readonly number: string }

beforeAll(async () => {
  server = await startServer()
  clients = { resp2: await open(server.port, 2), resp3: await open(server.port, 3) }
  const info = String(await clients.resp2.send(["INFO", "server"]))
  const valkey = /valkey_version:([\d.]+)/.exec(info)
  version = valkey === null
    ? { server: "redis", number: /redis_version:([\d.]+)/.exec(info)?.[1] ?? "" }
    : { server: "valkey", number: valkey[1] }
}, 30_000)

afterAll(async () => {
  clients?.resp2.close()
  clients?.resp3.close()
  await server?.stop()
})

/** Why the server cannot know what a sample uses; `undefined` when it has to. */
const missing = ({ since }: Sample): string | undefined => {
  if (since === undefined) return undefined
  const first = since[version.server]
  return first !== undefined && version.number.localeCompare(first, "en", { numeric: true }) >= 0
    ? undefined
    : `needs ${Object.entries(since).map(([server, first]) => `${server} ${first}`).join(" or ")}`
}

const keysOf = (command: Command<unknown>): ReadonlyArray<string> => {
  const { keys } = command.spec
  const positions = typeof keys === "function" ? keys(command.args) : keys === -1 ? [] : [keys]
  return positions.map((position) => String(command.args[position]))
}

describe.each(samples)("$name", (sample) => {
  const { command, name, prepare = [], refused = [] } = sample

  it("names the keys that the server sees", async ({ skip }) => {
    const reason = missing(sample)
    if (reason !== undefined) skip(reason)
    const answer = await clients.resp2.send(["COMMAND", "GETKEYS", ...words(command)])
    const keys = answer instanceof ServerError ? [] : answer
    expect(keysOf(command), name).toEqual(keys)
  })

  it("gives the same value over RESP2 and RESP3", async ({ skip }) => {
    const reason = missing(sample)
    if (reason !== undefined) skip(reason)
    const results: Array<unknown> = []
    for (const client of [clients.resp2, clients.resp3]) {
      await client.send(["FLUSHALL"])
      for (const step of prepare) {
        const reply = await client.send("spec" in step ? words(step) : step)
        expect(reply).not.toBeInstanceOf(ServerError)
      }
      for (const step of refused) expect(await client.send(step)).toBeInstanceOf(ServerError)
      results.push(await run(client, command))
    }
    expectSame(sample, results)
  })
})

it("every builder has a sample, or a reason why it is not run", () => {
  const methods = groups.flatMap((group) => Object.keys(group))
  const covered = new Set([...samples.map((sample) => sample.name.split(" ")[0]), ...Object.keys(notRun)])
  expect(
    methods.filter((method) => !covered.has(method)),
    "add a sample to the file of the group in test/commands/samples/, or a reason to notRun in test/commands/samples.ts"
  ).toEqual([])
  expect(new Set(methods).size).toBe(methods.length)
})

const built = new Set([
  ...[...samples, ...moduleSamples].map((sample) => sample.command.spec.name),
  ...Object.values(notRun).map((entry) => entry.command.spec.name)
])

const nameHint = "give it a builder in src/commands/, or a reason in test/commands/withoutBuilder.ts"
const unknownHint =
  "no server in test/commands/commandNames.txt has it: npm run generate:commands -- <path of a server that has it>"

const withoutEither = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.filter((name) => !built.has(name) && !Object.hasOwn(withoutBuilder, name))

it("every command of Redis 7.0, Redis 8.6, Valkey 9.1 and Redis Stack 7.4 has a builder, or a reason why not", () => {
  const names = readFileSync(new URL("./commandNames.txt", import.meta.url), "utf8").trim().split("\n")
  expect(names.length).toBeGreaterThan(390)
  expect(withoutEither(names), nameHint).toEqual([])
  // Nothing is left in a list that it does not belong to any more.
  expect(
    Object.keys(withoutBuilder).filter((name) => built.has(name) || !names.includes(name)),
    "take it out of test/commands/withoutBuilder.ts"
  ).toEqual([])
  expect([...built].filter((name) => !names.includes(name)), unknownHint).toEqual([])
})

it("every command of the server has a builder, or a reason why not", async () => {
  expect(withoutEither(leafCommands(await clients.resp2.send(["COMMAND"]))), nameHint).toEqual([])
})
