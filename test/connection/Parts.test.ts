import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { Duplex } from "node:stream"
import { Command } from "../../src/commands/Command.ts"
import { CommandSpec } from "../../src/commands/CommandSpec.ts"
import { Alone, type Solo } from "../../src/connection/Alone.ts"
import { CommandLane } from "../../src/connection/CommandLane.ts"
import { CommandQueue, handBack } from "../../src/connection/CommandQueue.ts"
import { NodeStatistics } from "../../src/connection/NodeStatistics.ts"
import { type End, OwnCommand } from "../../src/connection/OwnCommand.ts"
import { Pulse } from "../../src/connection/Pulse.ts"
import { Wire } from "../../src/connection/Wire.ts"

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

describe("The silence of a socket", () => {
  /** A lane whose server says nothing, at times that the test sets. */
  const lane = () => {
    let now = 0
    const stream = new Duplex({ read: () => {}, write: (_, __, done) => done() })
    const wire = new Wire(false, () => stream)
    const clock: Clock.Clock = {
      ...Context.get(Context.empty(), Clock.Clock),
      monotonicTimeNanosUnsafe: () => BigInt(now) * 1_000_000n
    }
    const queue = new CommandQueue()
    const lane = new CommandLane(wire, {
      clock,
      bounds: { maxInFlight: 10, maxInFlightBytes: 1000, commandTimeout: 100, pingAfter: 600, pingTimeout: 200 },
      queue,
      statistics: new NodeStatistics(),
      measured: () => {},
      lookAt: () => {},
      heard: () => {},
      onPush: () => {},
      lose: () => {},
      inquire: undefined,
      doubt: () => {},
      share: 1
    })
    return {
      wire,
      /** Sends a command at one time, and looks at another one whether the silence is asked about. */
      isAskedAbout: (sentAt: number, lookAt: number) => {
        now = sentAt
        queue.push(new Recorded("GET"))
        lane.flush()
        now = lookAt
        lane.inspect(now)
        return !lane.isHealthy
      }
    }
  }

  it("begins with a command that is sent after a pause, because nothing was due before", () => {
    assert.isFalse(lane().isAskedAbout(480, 1079))
    assert.isTrue(lane().isAskedAbout(480, 1080))
  })

  it("began before that on a socket on which cached replies rely: a report of a change was due all the time", () => {
    const { isAskedAbout, wire } = lane()
    wire.beginGeneration()
    if (wire.generation !== undefined) wire.generation.reliant = 1
    assert.isTrue(isAskedAbout(480, 600))
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
