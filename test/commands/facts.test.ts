/**
 * The builders' facts about their commands agree with those of the servers, or differ on purpose.
 */
import { assert, describe, expect, it } from "vitest"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"
import { isWord, upperCase } from "../../src/commands/words.ts"
import type { Argument } from "../../src/protocol/Reply.ts"
import { moduleSamples } from "../modules/samples.ts"
import { notRun, samples as ownSamples } from "./samples.ts"

const samples = [...ownSamples, ...moduleSamples]

const specs = [
  ...new Set([
    ...samples.map(({ command }) => command.spec),
    ...Object.values(notRun).map(({ command }) => command.spec)
  ])
]
const table = CommandTable.embedded()
const { entries } = table

/** The keys of a call, and the channel or cursor that stands for one. */
const placesOf = (spec: CommandSpec, args: ReadonlyArray<Argument>) => {
  const { channel, keys } = spec
  return { keys: typeof keys === "function" ? keys(args) : keys === -1 ? [] : [keys], channel }
}

describe("the facts of every builder", () => {
  it("belong to a command that servers know", () => {
    expect(
      specs.map(({ name }) => name).filter((name) => !entries.has(name)),
      "the embedded table lacks it: npm run generate:commands -- <path of a server that has it>"
    ).toEqual([])
  })

  // The tests against a server ask it; this one knows the commands of all servers.
  it.each(samples)("find the keys where the servers find them: $name", ({ command: { args, spec } }) => {
    const match = CommandTable.lookup(table, spec.name, args)
    assert(match !== undefined)
    expect(placesOf(spec, args)).toEqual(placesOf(match.spec, args))
  })

  it("say of the same commands that they only read, and that they may wait", () => {
    expect(specs.filter(({ name, readonly }) => readonly !== entries.get(name)?.readonly).map(({ name }) => name))
      .toEqual([])
    expect(
      specs.filter(({ blocking, name }) => (blocking !== undefined) !== entries.get(name)?.blocking).map(({ name }) =>
        name
      )
    ).toEqual([])
  })

  it("send commands without keys where the servers say, with few exceptions", () => {
    const policies = new Map([["all_shards", "allShards"], ["all_nodes", "allNodes"]])
    const different = specs.filter(({ name, request }) => {
      const policy = policies.get(entries.get(name)?.requestTip ?? "")
      return policy !== undefined && policy !== request
    }).map(({ name }) => name)
    expect(different.toSorted()).toEqual([
      // Scripts and functions that only read run on replicas too.
      "FUNCTION KILL",
      // One answer is enough to know that the cluster is there.
      "PING",
      // A key of any node is a random key.
      "RANDOMKEY",
      "SCRIPT KILL"
    ])
  })

  it("merge replies as the servers say", () => {
    const policies = new Map([
      ["all_succeeded", "allSucceeded"],
      ["one_succeeded", "oneSucceeded"],
      ["agg_sum", "sum"],
      ["agg_min", "min"],
      ["agg_logical_and", "logicalAnd"]
    ])
    const different = specs.filter(({ name, request, response }) => {
      const policy = policies.get(entries.get(name)?.responseTip ?? "")
      return policy !== undefined && policy !== response && (request === "allShards" || request === "allNodes")
    }).map(({ name }) => name)
    expect(different).toEqual([])
  })
})

describe("the facts that a name tells", () => {
  const names = [...entries.keys()]

  it("hold for a name in any case, and for a subcommand that comes as an argument", () => {
    const used = (name: string, ...args: ReadonlyArray<Argument>) => new CommandSpec(name, {}).connectionUse(args)?._tag
    assert.strictEqual(new CommandSpec("client reply", {}).name, "CLIENT REPLY")
    for (const use of [used("Client Reply", "OFF"), used("CLIENT", "reply", "OFF"), used("client reply off")]) {
      assert.strictEqual(use, "never")
    }
    assert.strictEqual(used("hello"), undefined)
    assert.strictEqual(used("hello", "3"), "changesProtocol")
    assert.strictEqual(used("CLIENT", "ID"), undefined)
    assert.strictEqual(used("CLIENT"), undefined)
  })

  it("do not hold for a word that only JavaScript's upper case makes the same", () => {
    // The letter U+017F becomes S.
    assert.isUndefined(new CommandSpec("CLIENT", {}).connectionUse(["\u017fetname", "x"]))
    assert.isDefined(new CommandSpec("CLIENT", {}).connectionUse(["setname", "x"]))
    assert.isFalse(isWord("\u017ftreams", "STREAMS"))
    assert.isTrue(isWord("Streams", "STREAMS"))
    assert.strictEqual(upperCase("\u017fet \u00e9"), "\u017fET \u00e9")
  })

  it("read the last BLOCK of XREAD, as servers do", () => {
    const blockOf = (...args: ReadonlyArray<string>) => new CommandSpec("XREAD", {}).blocking?.(args)
    assert.strictEqual(blockOf("BLOCK", "5", "BLOCK", "0", "STREAMS", "s", "$"), Infinity)
    assert.strictEqual(blockOf("BLOCK", "0", "block", "5", "STREAMS", "s", "$"), 5)
    assert.strictEqual(blockOf("BLOCK", "5", "STREAMS", "BLOCK", "0"), 5)
    assert.isUndefined(blockOf("COUNT", "1", "STREAMS", "s", "$"))
  })

  it("are decided for every subcommand of CLIENT: it leaves no trace on its connection, or the facts say which", () => {
    const harmless = [
      "CLIENT GETNAME",
      "CLIENT GETREDIR",
      "CLIENT HELP",
      "CLIENT ID",
      "CLIENT INFO",
      "CLIENT KILL",
      "CLIENT LIST",
      "CLIENT PAUSE",
      "CLIENT TRACKINGINFO",
      "CLIENT UNBLOCK",
      "CLIENT UNPAUSE"
    ]
    const undecided = names.filter((name) =>
      name.startsWith("CLIENT ") && new CommandSpec(name, {}).connectionUse([]) === undefined
    )
    assert.deepStrictEqual(undecided.toSorted(), harmless)
  })

  it("are decided for every command that waits: it takes elements off the server, or it does not", () => {
    const waiting = names.filter((name) => new CommandSpec(name, {}).blocking !== undefined)
    assert.deepStrictEqual(names.filter((name) => entries.get(name)?.blocking === true).toSorted(), waiting.toSorted())
    assert.deepStrictEqual(
      waiting.filter((name) => !new CommandSpec(name, {}).takes).toSorted(),
      ["BLMOVE", "BRPOPLPUSH", "TS.READ", "WAIT", "WAITAOF", "XREAD", "XREADGROUP"]
    )
  })

  it("are read for the names that servers have: no name is misspelt", () => {
    const special = names.filter((name) => new CommandSpec(name, {}).connectionUse(["x"]) !== undefined)
    for (
      const name of [
        "REPLCONF",
        "SCRIPT DEBUG",
        "CLUSTER SYNCSLOTS",
        "CLIENT REPLY",
        "MONITOR",
        "PSYNC",
        "SYNC",
        "ASKING"
      ]
    ) {
      assert.include(special, name)
    }
  })
})
