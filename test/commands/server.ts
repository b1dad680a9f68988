/**
 * One real server in cluster mode that owns all slots, and a bare connection to it, for the tests of the commands.
 */
import type { Command } from "../../src/commands/Command.ts"
import { type Argument, type Reply, ServerError } from "../../src/protocol/Reply.ts"
import * as lone from "../harness/lone.ts"
import { RespClient } from "../harness/RespClient.ts"

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
