/**
 * One real server in cluster mode that owns all slots, and a bare connection to it, for the tests of the commands.
 */
import { expect } from "vitest"
import { type Command, DecodeFailure } from "../../src/commands/Command.ts"
import { type Argument, type Reply, ServerError } from "../../src/protocol/Reply.ts"
import * as lone from "../harness/lone.ts"
import { RespClient } from "../harness/RespClient.ts"
import type { Sample } from "./samples/Sample.ts"

/** The words of a command as they go over the wire. */
export const words = (command: Command<unknown>): ReadonlyArray<Argument> => [
  ...command.spec.name.split(" "),
  ...command.args
]

/** Opens a connection that speaks RESP2 or RESP3. */
export const open = async (port: number, protocol: 2 | 3, host?: string): Promise<RespClient> => {
  const client = await RespClient.open({ port, host })
  await client.send(["HELLO", String(protocol)])
  return client
}

/** Sends a command by its own prefix, and gives what it decodes. */
export const run = async <A>(client: RespClient, command: Command<A>): Promise<unknown> => {
  const reply = await client.send(words(command), command.settings.binary)
  return reply instanceof ServerError ? reply : command.decode(reply)
}

/** Checks the results of a sample over RESP2 and over RESP3: one value over both, or the error of the sample. */
export const expectSame = ({ error, expected, unstable }: Sample, [resp2, resp3]: ReadonlyArray<unknown>): void => {
  if (error !== undefined) {
    expect(resp2).toBeInstanceOf(ServerError)
    expect((resp2 as ServerError).message).toMatch(error)
    return
  }
  for (const result of [resp2, resp3]) {
    expect(result).not.toBeInstanceOf(ServerError)
    expect(result).not.toBeInstanceOf(DecodeFailure)
  }
  if (unstable === undefined) expect(resp3).toEqual(resp2)
  else for (const result of [resp2, resp3]) expect(unstable(result), JSON.stringify(result)).toBe(true)
  if (expected !== undefined) expect(resp2).toEqual(expected)
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The names in a reply of `COMMAND` over RESP2, subcommands in the place of their containers, `HELP` left out. */
export const leafCommands = (reply: Reply): ReadonlyArray<string> =>
  (reply as ReadonlyArray<ReadonlyArray<Reply>>).flatMap((row) => {
    const subcommands = (row[9] as ReadonlyArray<ReadonlyArray<Reply>>).map((subcommand) => subcommand[0])
    // COMMAND is a container, and a command itself.
    return subcommands.length === 0 ? [row[0]] : row[0] === "command" ? [row[0], ...subcommands] : subcommands
  }).map((name) => String(name).replace("|", " ").toUpperCase()).filter((name) => !name.endsWith(" HELP"))

/** Starts a server that owns all slots. */
export const startServer = async (binary?: string): Promise<lone.LoneServer> => {
  const server = await lone.start(["--cluster-enabled", "yes", "--latency-monitor-threshold", "1"], binary)
  const client = await open(server.port, 2)
  await client.send(["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
  for (let state = ""; !state.includes("cluster_state:ok"); await pause(20)) {
    state = String(await client.send(["CLUSTER", "INFO"]))
  }
  client.close()
  return server
}
