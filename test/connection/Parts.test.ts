import { assert, describe, it } from "@effect/vitest"
import { Command } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { Alone, type Solo } from "../../src/connection/Alone.ts"
import { CommandQueue, handBack } from "../../src/connection/CommandQueue.ts"
import { type End, OwnCommand } from "../../src/connection/OwnCommand.ts"
import { Pulse } from "../../src/connection/Pulse.ts"

class Recorded extends OwnCommand {
  readonly ends: Array<End> = []

  constructor(name: string, deadline?: number) {
    super(new Command(new CommandSpec(name, {}), ["key"], (reply) => reply), deadline)
  }

  protected onEnd(end: End): void {
    this.ends.push(end)
  }
}

const lost = { kind: "connection", message: "lost" } as const

describe("Pulse", () => {
  const limits = { pingAfter: 200, pingTimeout: 400 }

  it("asks after a silence, and declares the socket dead after another one", () => {
    const pulse = new Pulse(limits, 1000)
    assert.deepStrictEqual(pulse.probe(1199), { _tag: "Wait", until: 1200 })
    assert.isFalse(pulse.isDoubtful)
    assert.deepStrictEqual(pulse.probe(1200), { _tag: "Ask", until: 1600 })
    assert.isTrue(pulse.isDoubtful)
    assert.deepStrictEqual(pulse.probe(1599), { _tag: "Wait", until: 1600 })
    assert.deepStrictEqual(pulse.probe(1600), { _tag: "Dead", silentFor: 600 })
  })

  it("doubts the socket once, between the PING and its end", () => {
    const pulse = new Pulse({ ...limits, doubtAfter: 100 }, 0)
    assert.deepStrictEqual(pulse.probe(200), { _tag: "Ask", until: 300 })
    assert.deepStrictEqual(pulse.probe(299), { _tag: "Wait", until: 300 })
    assert.deepStrictEqual(pulse.probe(300), { _tag: "Doubt", until: 600 })
    assert.deepStrictEqual(pulse.probe(301), { _tag: "Wait", until: 600 })
    assert.deepStrictEqual(pulse.probe(600), { _tag: "Dead", silentFor: 600 })
  })

  it("begins again with each sign of life", () => {
    const pulse = new Pulse(limits, 0)
    pulse.probe(200)
    pulse.heard(550)
    assert.isFalse(pulse.isDoubtful)
    assert.deepStrictEqual(pulse.probe(700), { _tag: "Wait", until: 750 })
  })

  it("works from the first millisecond of a clock on", () => {
    const pulse = new Pulse({ pingAfter: 0, pingTimeout: 10 }, 0)
    assert.deepStrictEqual(pulse.probe(0), { _tag: "Ask", until: 10 })
    assert.isTrue(pulse.isDoubtful)
  })
})

describe("Alone", () => {
  const solo = (kind: Solo["kind"], log: Array<string>, name: string): Solo => ({
    kind,
    start: () => log.push(`${name} starts`),
    onLost: ({ message }) => log.push(`${name}: ${message}`)
  })

  it("lets one out at a time, in order, and the newest of those of a kind that wait", () => {
    const log: Array<string> = []
    const alone = new Alone()
    alone.add(solo("login", log, "first"))
    assert.isTrue(alone.isClaimed)
    assert.isFalse(alone.isOut)
    alone.proceed()
    alone.add(solo("login", log, "second"))
    alone.add(solo("handover", log, "handover"))
    alone.add(solo("login", log, "third"))
    alone.proceed()
    alone.end()
    alone.proceed()
    alone.end()
    alone.proceed()
    alone.end()
    assert.deepStrictEqual(log, ["first starts", "second: superseded", "handover starts", "third starts"])
    assert.isFalse(alone.isClaimed)
  })

  it("tells what is out and what waits that the socket is lost", () => {
    const log: Array<string> = []
    const alone = new Alone()
    alone.add(solo("login", log, "out"))
    alone.proceed()
    alone.add(solo("handover", log, "waiting"))
    alone.drop(lost)
    assert.deepStrictEqual(log, ["out starts", "out: lost", "waiting: lost"])
    assert.isFalse(alone.isClaimed)
  })
})

describe("CommandQueue", () => {
  it("ends what is overdue, forgets what nobody waits for, and counts the bytes of the rest", () => {
    const queue = new CommandQueue()
    const all = [new Recorded("A", 10), new Recorded("B", 20), new Recorded("C", 30), new Recorded("D")]
    for (const one of all) {
      one.size = 100
      queue.push(one)
    }
    all[1].abandon()
    assert.strictEqual(queue.expire(10), 30)
    assert.deepStrictEqual(all.map(({ ends }) => ends.length), [1, 0, 0, 0])
    assert.deepStrictEqual(all[0].ends, [{ _tag: "Overdue", written: false }])
    assert.strictEqual(queue.size, 2)
    assert.strictEqual(queue.bytes, 200)
    assert.strictEqual(queue.shift(), all[2])
    assert.strictEqual(queue.bytes, 100)
    handBack(queue.takeAll(), lost)
    assert.strictEqual(queue.bytes, 0)
    assert.deepStrictEqual(all[3].ends, [{ _tag: "Lost", failure: lost, written: false }])
  })
})
