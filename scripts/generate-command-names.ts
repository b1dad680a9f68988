/**
 * Writes test/commands/commandNames.txt: the names of all commands of the given servers, one a line, without containers
 * and HELP. The test of completeness holds the builders to it.
 *
 *   node scripts/generate-command-names.ts <redis-server or valkey-server> ...
 */
import { writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Client, leafCommands, startServer } from "../test/commands/server.ts"

const names = new Set<string>()
for (const binary of process.argv.slice(2)) {
  const server = await startServer(binary)
  const client = await Client.open(server.port, 2)
  for (const name of leafCommands(await client.send(["COMMAND"]))) names.add(name)
  client.close()
  await server.stop()
}
if (names.size === 0) throw new Error("give it the paths of servers")

const target = fileURLToPath(new URL("../test/commands/commandNames.txt", import.meta.url))
await writeFile(target, `${[...names].toSorted().join("\n")}\n`)
console.log(`${names.size} commands`)
