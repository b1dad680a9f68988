import { assert, describe, it } from "@effect/vitest"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import type { Command } from "../../src/commands/Command.ts"
import { make } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { Generic } from "../../src/commands/Generic.ts"
import { Scripting } from "../../src/commands/Scripting.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import { keyless } from "../../src/routing/CommandSlot.ts"
import { ofError, ofExecuted } from "../../src/routing/request/Diagnosis.ts"
import { decide } from "../../src/routing/request/Recovery.ts"
import * as Snapshot from "../../src/topology/Snapshot.ts"

const via = { host: "10.0.0.1", port: 7001 }
const slot = HashSlot.ofKey("k")

const read = (message: string, command: Command<unknown>, routedBy = slot) =>
  ofError(new ServerError(message), command, routedBy, {
    via,
    mapAddress: (endpoint) => endpoint,
    snapshot: Snapshot.empty
  })

const decided = (message: string, command: Command<unknown>, binding: "slot" | "explicit" = "slot") =>
  decide(read(message, command, binding === "slot" ? slot : keyless), {
    repeatable: command.spec.readonly,
    hasPrerequisite: command.settings.prerequisite !== undefined,
    binding,
    redirects: 0,
    maxRedirects: 16,
    via
  })

const script = Scripting.eval("return redis.call('INCR', KEYS[1])", { keys: ["k"] })
const byDigest = Scripting.evalsha("0123456789012345678901234567890123456789", { keys: ["k"] })
const called = Scripting.fcall("f", { keys: ["k"] })
const ofModule = make(new CommandSpec("MOD.WRITE", { keys: 0 }), ["k"], (reply) => reply)
const running = [script, byDigest, called, ofModule]

/** As Redis 7.0, 8.0 and 8.6 and Valkey 8.1 and 9.1 word what they refuse before they execute it. */
const wordings = [
  "TRYAGAIN Multiple keys request during rehashing of slot",
  "CLUSTERDOWN Hash slot not served",
  "CLUSTERDOWN The cluster is down",
  "CLUSTERDOWN The cluster is down and only accepts read commands",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  "LOADING Redis is loading the dataset in memory",
  "LOADING Valkey is loading the dataset in memory",
  "READONLY You can't write against a read only replica.",
  // The modules of Redis 8 that ask all shards.
  "ERRCLUSTER Uninitialized cluster state, could not perform command",
  "ERRCLUSTER Uninitialized cluster state",
  "ERRCLUSTER NULL cluster state",
  "A multi-shard command failed because the cluster topology has changed",
  "Query requires unavailable slots",
  "SEARCH_SLOTS_UNAVAIL Query requires unavailable slots"
]

/** Errors that only look alike. */
const imitations = [
  "TRYAGAIN the account is busy",
  "TRYAGAIN",
  "CLUSTERDOWN of my own",
  "MASTERDOWN of my own",
  "LOADING the truck",
  "READONLY account",
  "READONLY You can't write against a read only replica. script: 0123, on @user_script:1.",
  "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
  "NOSCRIPT of my own",
  "ERRCLUSTER of my own",
  "ERRCLUSTER",
  "A multi-shard command failed",
  "Query requires a name",
  "SEARCH_SLOTS_UNAVAIL of my own",
  "NOAUTH of my own",
  "ERR Function not found in my table",
  `MOVED ${slot + 1} 10.0.0.2:7002`,
  `ASK ${slot + 1} 10.0.0.2:7002`,
  `MOVED ${slot} 10.0.0.2:7002 or elsewhere`,
  "MOVED 1",
  "ERR plain"
]

describe("Diagnosis", () => {
  it("leaves the address of a redirect whole, although an argument is a part of it", () => {
    const message = `MOVED ${slot} 127.0.0.1:7002`
    assert.strictEqual(read(message, Strings.set("k", 0.1)).error.message, message)
  })

  it("takes the error of a script, a function or a module for an answer, unless it is the server's word for word", () => {
    for (const command of running) {
      for (const message of imitations) {
        const reply = read(message, command)
        assert.deepInclude(reply, { kind: "answer", outcome: "Unknown", redirect: undefined }, message)
        assert.deepStrictEqual(decided(message, command), { _tag: "Return" }, message)
      }
      for (const message of wordings) {
        const reply = read(message, command)
        assert.strictEqual(reply.outcome, "NotExecuted", message)
        assert.strictEqual(decided(message, command)._tag, "RetryAfter", message)
      }
      for (const kind of ["MOVED", "ASK"]) {
        assert.strictEqual(decided(`${kind} ${slot} 10.0.0.2:7002`, command)._tag, "RetryAt")
      }
    }
  })

  it("repeats no script that only reads for what it answers itself, though that was nothing but a read", () => {
    const reading = Scripting.evalRo("return 1", { keys: ["k"] })
    for (const message of imitations) {
      assert.deepInclude(read(message, reading), { kind: "answer", outcome: "NotExecuted" }, message)
    }
  })

  it("knows that a command which the server does not know was not executed", () => {
    for (const end of ["", ", with args beginning with: 'k' "]) {
      const reply = read(`ERR unknown command 'MOD.WRITE'${end}`, ofModule)
      assert.deepInclude(reply, { kind: "unknownCommand", outcome: "NotExecuted" })
    }
  })

  it("believes the first word of an error where no user code can have run", () => {
    for (const message of ["TRYAGAIN later", "CLUSTERDOWN now", "LOADING now", "READONLY now"]) {
      assert.strictEqual(decided(message, Strings.incr("k"))._tag, "RetryAfter")
    }
  })

  it("takes no redirect that names another slot than that of the command, or none that a cluster has", () => {
    for (const message of [`MOVED ${slot + 1} 10.0.0.2:7002`, "MOVED 16384 10.0.0.2:7002", "ASK 30000000 10.0.0.2:1"]) {
      const reply = read(message, Strings.incr("k"))
      assert.deepInclude(reply, { outcome: "NotExecuted", redirect: undefined, endpoint: undefined })
      // It was not executed; a fresh map may tell where it belongs.
      assert.deepStrictEqual(decided(message, Strings.incr("k")), { _tag: "RetryAfter", refresh: true })
    }
  })

  it("knows the slot of a command that was sent to a named node by its keys", () => {
    assert.strictEqual(read(`MOVED ${slot} 10.0.0.2:7002`, script, keyless).kind, "moved")
    assert.strictEqual(read(`MOVED ${slot + 1} 10.0.0.2:7002`, script, keyless).kind, "answer")
    const withoutKeys = Scripting.eval("return 1")
    assert.strictEqual(read(`MOVED ${slot} 10.0.0.2:7002`, withoutKeys, keyless).kind, "answer")
  })

  it("does not know what became of a key whose move was cut off, except where there was no connection", () => {
    const migrate = Generic.migrate({ host: "10.0.0.2", port: 7002 }, "k")
    for (const what of ["reading", "writing"]) {
      assert.strictEqual(read(`IOERR error or timeout ${what} to target instance`, migrate).outcome, "Unknown")
    }
    assert.strictEqual(read("ERR Target instance replied with error: OOM", migrate).outcome, "Unknown")
    assert.strictEqual(read("IOERR error or timeout connecting to the client", migrate).outcome, "NotExecuted")
  })

  it("takes what stands among the replies of EXEC for the answer of a command that was executed", () => {
    for (const message of [...imitations.slice(0, -1), "ERR plain"]) {
      assert.deepInclude(ofExecuted(new ServerError(message), script), { kind: "answer", outcome: "Unknown" }, message)
      assert.deepInclude(ofExecuted(new ServerError(message), Strings.incr("k")), { kind: "answer" }, message)
    }
  })
})
