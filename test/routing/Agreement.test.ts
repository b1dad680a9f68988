import { assert, describe, it } from "vitest"
import type { CommandSpec } from "../../src/commands/CommandSpec.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import type { Argument } from "../../src/protocol/Reply.ts"
import { samples } from "../commands/samples.ts"

/** Where a command is routed otherwise by its builder than by its name, and why. */
const otherwise: Readonly<Record<string, string>> = {
  "ACL LOG": "the builder of ACL LOG RESET makes one OK of all",
  HELLO: "the builder asks only; sent by name it could change the protocol of a shared connection",
  "PUBSUB NUMSUB": "the builder adds up by channel what it concatenates",
  "PUBSUB SHARDNUMSUB": "the builder adds up by channel what it concatenates"
}

const routing = (spec: CommandSpec, args: ReadonlyArray<Argument>) => ({
  keys: typeof spec.keys === "function" ? spec.keys(args) : spec.keys < 0 ? [] : [spec.keys],
  readonly: spec.readonly,
  channel: spec.channel,
  slot: spec.slot?.(args),
  waits: spec.blocking?.(args),
  request: spec.request,
  // A command on one node has nothing to merge.
  response: spec.request === "allShards" || spec.request === "allNodes" ? spec.response : undefined
})

describe("A builder and the same command by name", () => {
  const byName = new Map(samples.map(({ command }) => [command.spec.name, command.spec]))

  it.each([...byName.keys()])("%s are routed alike", (name) => {
    const found = CommandTable.lookup(CommandTable.embedded(), name, [])
    assert.isDefined(found, `${name} is not in the embedded table`)
    if (found === undefined) return
    const differences = samples.filter(({ command }) => command.spec.name === name).filter(({ command }) =>
      JSON.stringify(routing(command.spec, command.args)) !== JSON.stringify(routing(found.spec, command.args))
    )
    if (name in otherwise) assert.isNotEmpty(differences, `${name} needs no exception any more`)
    else {
      for (const { command } of differences) {
        assert.deepStrictEqual(routing(command.spec, command.args), routing(found.spec, command.args))
      }
    }
  })
})
