import { assert, describe, it } from "@effect/vitest"
import { addressOf } from "../../src/cluster/Endpoint.ts"
import { Command } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import type { LinkFailure } from "../../src/connection/Outgoing.ts"
import { type ErrorKind, isAnswer, kindOf } from "../../src/protocol/ErrorKind.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import { keyless } from "../../src/routing/CommandSlot.ts"
import * as Diagnosis from "../../src/routing/request/Diagnosis.ts"
import * as Recovery from "../../src/routing/request/Recovery.ts"
import type { RedirectContext } from "../../src/topology/Redirect.ts"
import * as Snapshot from "../../src/topology/Snapshot.ts"

const facts: Recovery.Facts = {
  repeatable: false,
  hasPrerequisite: false,
  binding: "slot",
  redirects: 0,
  maxRedirects: 16,
  via: { host: "10.0.0.1", port: 7001 }
}

const context: RedirectContext = {
  via: facts.via,
  mapAddress: (endpoint) => endpoint,
  snapshot: Snapshot.empty
}

const get = new Command(new CommandSpec("GET", {}), [], (reply) => reply)

const reply = (
  message: string,
  changed: Partial<Recovery.Facts> = {},
  around: Partial<RedirectContext> = {},
  command: Command<unknown> = get,
  slot = keyless
) =>
  Recovery.decide(Diagnosis.ofError(new ServerError(message), command, slot, { ...context, ...around }), {
    ...facts,
    ...changed
  })

const lost = (kind: LinkFailure["kind"], written: boolean, changed: Partial<Recovery.Facts> = {}) =>
  Recovery.decide({ _tag: "Lost", failure: { kind, message: "lost" }, written }, { ...facts, ...changed })

const later = { _tag: "RetryAfter", refresh: true } as const
const back = { _tag: "Return" } as const

describe("Recovery", () => {
  it("gives a node the script or function that it lacks, when the command comes with it", () => {
    const lacking = { hasPrerequisite: true }
    for (const message of ["NOSCRIPT No matching script. Please use EVAL.", "ERR Function not found"]) {
      assert.deepStrictEqual(reply(message, lacking), { _tag: "LoadThenResend" })
      assert.deepStrictEqual(reply(message, { ...lacking, binding: "explicit" }), { _tag: "LoadThenResend" })
      assert.deepStrictEqual(reply(message, { ...lacking, redirects: 16 }), back)
      assert.deepStrictEqual(reply(message), back)
    }
    // An error that a script gives itself: it has been executed.
    for (const message of ["NOSCRIPT of my own", "ERR Function gave up", "WRONGTYPE Operation"]) {
      assert.deepStrictEqual(reply(message, lacking), back)
    }
  })

  it("has one decision for each kind of error, for a command by its keys", () => {
    const at = (asking: boolean): Recovery.Decision => ({
      _tag: "RetryAt",
      endpoint: { host: "10.0.0.2", port: 7002 },
      asking,
      moved: asking ? undefined : 7
    })
    const decisions: Readonly<Record<ErrorKind, Recovery.Decision>> = {
      moved: at(false),
      ask: at(true),
      tryAgain: { _tag: "RetryAfter", refresh: false },
      clusterDown: later,
      masterDown: later,
      loading: later,
      readOnly: later,
      demoted: later,
      released: back,
      lacksCode: back,
      authentication: back,
      noPermission: back,
      busy: back,
      noReplicas: back,
      halfDone: back,
      unknownCommand: back,
      answer: back
    }
    for (const [kind, decision] of Object.entries(decisions)) {
      const diagnosis: Diagnosis.ErrorReply = {
        _tag: "Reply",
        error: new ServerError("ERR"),
        kind: kind as ErrorKind,
        outcome: "NotExecuted",
        redirect: { asking: kind === "ask", slot: 7, host: "10.0.0.2", port: 7002 },
        endpoint: { host: "10.0.0.2", port: 7002 }
      }
      assert.deepStrictEqual(Recovery.decide(diagnosis, facts), decision, kind)
    }
  })

  it("follows MOVED at once, and says which slot has a new owner", () => {
    assert.deepStrictEqual(reply("MOVED 12182 10.0.0.2:7002"), {
      _tag: "RetryAt",
      endpoint: { host: "10.0.0.2", port: 7002 },
      asking: false,
      moved: 12182
    })
  })

  it("finds the node anew when a demoted primary lets go of a command, and not when an operator made it", () => {
    const demoted = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
    assert.deepStrictEqual(reply(demoted), later)
    assert.deepStrictEqual(reply("UNBLOCKED client unblocked via CLIENT UNBLOCK"), back)
  })

  it("follows ASK at once with ASKING, and moves no slot", () => {
    assert.deepStrictEqual(reply("ASK 12182 10.0.0.2:7002"), {
      _tag: "RetryAt",
      endpoint: { host: "10.0.0.2", port: 7002 },
      asking: true,
      moved: undefined
    })
  })

  it("takes an empty host for the one that answered", () => {
    const decision = reply("MOVED 12182 :7002")
    assert(decision._tag === "RetryAt")
    assert.deepStrictEqual(decision.endpoint, { host: "10.0.0.1", port: 7002 })
  })

  it("translates the address of MOVED and of ASK", () => {
    for (const kind of ["MOVED", "ASK"]) {
      const decision = reply(`${kind} 12182 10.0.0.2:7002`, {}, {
        mapAddress: ({ port }) => ({ host: "localhost", port: port + 1 })
      })
      assert(decision._tag === "RetryAt")
      assert.deepStrictEqual(decision.endpoint, { host: "localhost", port: 7003 })
    }
  })

  it("waits for a new map when a redirect names no usable address, or the node that sent it", () => {
    assert.deepStrictEqual(reply("MOVED 12182 ?:7002"), later)
    assert.deepStrictEqual(reply("MOVED 12182 10.0.0.1:7001"), later)
    assert.deepStrictEqual(reply("MOVED nonsense"), later)
  })

  it("finds the node of a redirect without a host by its port, where that is one node's alone", () => {
    const endpoint = { host: "10.0.0.9", port: 7002 }
    const snapshot = Snapshot.moved(Snapshot.empty, 1, endpoint)
    const decision = reply("ASK 12182 ?:7002", {}, { snapshot })
    assert(decision._tag === "RetryAt" && decision.asking && decision.moved === undefined)
    assert.strictEqual(addressOf(decision.endpoint), addressOf(endpoint))
    assert.deepStrictEqual(reply("ASK 12182 ?:7003", {}, { snapshot }), later)
  })

  it("gives up when the redirect budget is spent, and not before", () => {
    for (const kind of ["MOVED", "ASK"]) {
      assert.strictEqual(reply(`${kind} 1 10.0.0.2:7002`, { redirects: 15 })._tag, "RetryAt")
      assert.deepStrictEqual(reply(`${kind} 1 10.0.0.2:7002`, { redirects: 16 }), { _tag: "GiveUp" })
      assert.deepStrictEqual(reply(`${kind} 1 10.0.0.2:7002`, { maxRedirects: 0 }), { _tag: "GiveUp" })
    }
  })

  it("waits without a refresh while keys are on both sides of a migration", () => {
    assert.deepStrictEqual(reply("TRYAGAIN Multiple keys request during rehashing of slot"), {
      _tag: "RetryAfter",
      refresh: false
    })
  })

  for (const code of ["CLUSTERDOWN", "MASTERDOWN", "LOADING", "READONLY"]) {
    it(`waits for a new map after ${code}: the command was not executed`, () => {
      assert.deepStrictEqual(reply(`${code} for some reason`), later)
    })
  }

  for (const message of ["ERR unknown command", "WRONGTYPE Operation", "NOSCRIPT No matching script", "MOVEDX 1 a:1"]) {
    it(`hands "${message}" to the caller`, () => assert.deepStrictEqual(reply(message), back))
  }

  it("sends again what was never written, and what may be executed twice", () => {
    for (const kind of ["connection", "protocol", "closed"] as const) {
      assert.deepStrictEqual(lost(kind, false), later)
      assert.deepStrictEqual(lost(kind, false, { repeatable: true }), later)
    }
    for (const kind of ["connection", "closed"] as const) {
      assert.deepStrictEqual(lost(kind, true, { repeatable: true }), later)
    }
  })

  it("never repeats a command after a connection on which the server broke the protocol: the next would break as well", () => {
    const read: Recovery.ReadFacts = { role: "replica", primary: "10.0.0.9:7009", alternatives: true }
    assert.deepStrictEqual(lost("protocol", true, { repeatable: true }), back)
    assert.deepStrictEqual(lost("protocol", true, { repeatable: true, read }), back)
  })

  it("hands a command that cannot be sent to the caller", () => {
    const read: Recovery.ReadFacts = { role: "replica", primary: "10.0.0.9:7009", alternatives: true }
    assert.deepStrictEqual(lost("unsendable", false, { repeatable: true }), back)
    assert.deepStrictEqual(lost("unsendable", false, { repeatable: true, read }), back)
  })

  it("never sends again what may have been executed", () => {
    for (const kind of ["connection", "protocol", "closed"] as const) {
      assert.deepStrictEqual(lost(kind, true), back)
    }
  })

  it("hands refused credentials and a full queue to the caller", () => {
    for (const kind of ["authentication", "overloaded"] as const) {
      assert.deepStrictEqual(lost(kind, false, { repeatable: true }), back)
    }
  })

  it("waits for a new map when no node owns the slot", () => {
    assert.deepStrictEqual(Recovery.decide({ _tag: "NotCovered", slot: 1 }, facts), later)
  })

  it("hands every failure of an explicitly given node to the caller", () => {
    const explicit = { binding: "explicit" as const, repeatable: true }
    for (
      const code of ["MOVED 1 10.0.0.2:7002", "ASK 1 10.0.0.2:7002", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY"]
    ) {
      assert.deepStrictEqual(reply(code, explicit), back)
    }
    assert.deepStrictEqual(lost("connection", false, explicit), back)
  })

  describe("of a connection that its caller has to himself", () => {
    const own = { binding: "connection" as const, maxRedirects: 1 }
    const learnt = (lesson: Recovery.Lesson) => ({ _tag: "Return", lesson }) as const

    it("hands every failure to the caller, and tells the topology of a moved slot", () => {
      assert.deepStrictEqual(
        reply("MOVED 12182 10.0.0.2:7002", own),
        learnt({ _tag: "Moved", slot: 12182, endpoint: { host: "10.0.0.2", port: 7002 } })
      )
      for (const message of ["ASK 12182 10.0.0.2:7002", "TRYAGAIN later", "ERR no", "BUSY with a script"]) {
        assert.deepStrictEqual(reply(message, own), back)
      }
    })

    it("asks for a fresh topology where another node would have been tried", () => {
      for (const message of ["CLUSTERDOWN now", "LOADING now", "READONLY now", "MOVED nonsense"]) {
        assert.deepStrictEqual(reply(message, own), learnt({ _tag: "Refresh" }))
      }
      for (const written of [true, false]) {
        assert.deepStrictEqual(lost("connection", written, own), learnt({ _tag: "Refresh" }))
        assert.deepStrictEqual(lost("overloaded", written, own), back)
      }
    })

    it("is given the script that it lacks, once", () => {
      const message = "NOSCRIPT No matching script."
      assert.deepStrictEqual(reply(message, { ...own, hasPrerequisite: true }), { _tag: "LoadThenResend" })
      assert.deepStrictEqual(reply(message, { ...own, hasPrerequisite: true, redirects: 1 }), back)
    })
  })

  describe("of a read that a policy has sent", () => {
    const repeatable = true
    const replica: Recovery.ReadFacts = { role: "replica", primary: "10.0.0.9:7009", alternatives: true }
    const primary: Recovery.ReadFacts = { ...replica, role: "primary" }
    const next = (refresh: boolean, doubt: boolean) => ({ _tag: "RetryNext", refresh, doubt }) as const

    it("goes on to the next node after the loss of one, whatever the loss", () => {
      for (const read of [replica, primary]) {
        for (const kind of ["connection", "protocol", "closed", "authentication", "overloaded"] as const) {
          for (const written of kind === "protocol" ? [false] : [true, false]) {
            assert.deepStrictEqual(lost(kind, written, { read, repeatable }), next(true, false))
          }
        }
      }
    })

    it("goes on after LOADING, MASTERDOWN and CLUSTERDOWN, and leaves that node alone for a while", () => {
      for (const code of ["LOADING", "MASTERDOWN", "CLUSTERDOWN"]) {
        assert.deepStrictEqual(reply(`${code} for some reason`, { read: replica, repeatable }), next(true, true))
        assert.deepStrictEqual(reply(`${code} for some reason`, { read: primary, repeatable }), next(true, true))
      }
    })

    it("goes on after the MOVED of a replica without patching the map", () => {
      assert.deepStrictEqual(reply("MOVED 1 10.0.0.2:7002", { read: replica, repeatable }), next(true, false))
      // To its own primary: it does not serve reads on this connection.
      assert.deepStrictEqual(reply("MOVED 1 10.0.0.9:7009", { read: replica, repeatable }), next(true, true))
    })

    it("follows the MOVED of the primary, and the ASK of either", () => {
      assert.strictEqual(reply("MOVED 1 10.0.0.2:7002", { read: primary, repeatable })._tag, "RetryAt")
      assert.strictEqual(reply("ASK 1 10.0.0.2:7002", { read: primary, repeatable })._tag, "RetryAt")
      assert.strictEqual(reply("ASK 1 10.0.0.2:7002", { read: replica, repeatable })._tag, "RetryAt")
    })

    it("asks the primary for what replicas may not have: a script, both sides of a migration", () => {
      for (const message of ["NOSCRIPT No matching script.", "ERR Function not found", "TRYAGAIN later"]) {
        assert.deepStrictEqual(reply(message, { read: replica, repeatable }), next(false, false))
      }
      assert.deepStrictEqual(reply("NOSCRIPT No matching script", { read: primary, repeatable }), back)
      assert.strictEqual(reply("TRYAGAIN later", { read: primary, repeatable })._tag, "RetryAfter")
    })

    it("hands to the caller what any node would answer", () => {
      for (const message of ["WRONGTYPE Operation", "ERR unknown command"]) {
        assert.deepStrictEqual(reply(message, { read: replica, repeatable }), back)
        assert(isAnswer(kindOf(new ServerError(message))))
      }
    })

    it("waits for a new map when there is no other node left", () => {
      const read = { ...replica, alternatives: false }
      for (const code of ["MOVED 1 10.0.0.2:7002", "LOADING", "MASTERDOWN", "CLUSTERDOWN"]) {
        assert.deepStrictEqual(reply(code, { read, repeatable }), later)
      }
      assert.deepStrictEqual(lost("connection", true, { read, repeatable }), later)
    })
  })
})
