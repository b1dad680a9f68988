/**
 * The judge of the chaos runs is judged himself: each law sees the history that breaks it, and lets pass the one that fits.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import {
  ConnectionError,
  exception,
  MovedError,
  type Outcome,
  PartialFailureError,
  type Reason,
  ReplyError,
  TimeoutError,
  TransactionError
} from "../../src/RedisClusterException.ts"
import type { Call, Ending, Fault, Kind } from "./History.ts"
import * as Laws from "./Laws.ts"
import * as Remains from "./Remains.ts"

const error = (reason: Reason) => exception(() => reason)
const lost = (outcome: Outcome) => error(new ConnectionError({ message: "lost", outcome }))

let clock = 0
const call = (kind: Kind, ending: Ending, more: Partial<Call> = {}): Call => {
  clock += 10
  return { kind, what: kind, key: "k", started: clock, ended: clock + 5, ending, ...more }
}
const laws = (violations: ReadonlyArray<Laws.Violation>) => violations.map(({ law }) => law).join("; ")

const told = [call("increment", "ok", { value: 1 }), call("increment", "ok", { value: 2 })]
const unknown = call("increment", "Unknown")
const refused = call("increment", "NotExecuted")

describe("The law of counters", () => {
  it("lets a count pass between acknowledged and acknowledged + unknown", () => {
    for (const count of [2, 3]) assert.isEmpty(Laws.counter([...told, unknown, refused], count, true))
  })
  it("sees what was executed twice, and what was executed in spite of NotExecuted", () => {
    assert.include(laws(Laws.counter([...told, refused], 3, false)), "executed twice")
  })
  it("shows the calls on both sides of the count that nobody was told", () => {
    const calls = [1, 2, 4, 5].map((value) => call("increment", "ok", { value }))
    const [violation] = Laws.counter(calls, 5, true)
    assert.deepStrictEqual(violation.calls.map(({ value }) => value), [2, 4])
  })
  it("sees an acknowledged increment that is lost, unless the servers lose them", () => {
    assert.include(laws(Laws.counter(told, 1, true)), "lost")
    assert.isEmpty(Laws.counter(told, 1, false))
  })
  it("sees one reply given to two callers", () => {
    assert.include(laws(Laws.counter([told[0], { ...told[1], value: 1 }], 2, true)), "same count")
  })
})

describe("The law of ordered pipelines", () => {
  const pipeline = (pushes: ReadonlyArray<Ending>, writes: ReadonlyArray<Ending> = []): Laws.OrderedPipeline => ({
    key: "k",
    id: "k=1",
    pushes,
    writes
  })
  const ok = ["ok", "ok", "ok"] as const
  it("lets pass what is there in its order, among the entries of others", () => {
    assert.isEmpty(Laws.pipelineOrder([pipeline(ok, ok)], ["k=1#0", "k=2#0", "k=1#1", "k=1#2"], "k=1#2", true))
    assert.isEmpty(Laws.pipelineOrder([pipeline(["ok", "NotExecuted", "Unknown"], ok)], ["k=1#0"], "k=2#0", true))
    assert.isEmpty(Laws.pipelineOrder([pipeline([], ["ok", "ok", "NotExecuted"])], [], "k=1#1", true))
  })
  it("sees entries that came back in another order", () => {
    const [violation] = Laws.pipelineOrder([pipeline(ok)], ["k=1#0", "k=1#2", "k=1#1"], null, false)
    assert.include(violation.law, "in the order 0 2 1")
  })
  it("sees an entry that was executed twice, in spite of NotExecuted, or that is lost", () => {
    assert.include(laws(Laws.pipelineOrder([pipeline(["ok"])], ["k=1#0", "k=1#0"], null, false)), "in the order 0 0")
    assert.include(laws(Laws.pipelineOrder([pipeline(["NotExecuted"])], ["k=1#0"], null, false)), "in spite of")
    assert.include(laws(Laws.pipelineOrder([pipeline(ok)], ["k=1#0", "k=1#2"], null, true)), "is lost")
    assert.isEmpty(Laws.pipelineOrder([pipeline(ok)], ["k=1#0", "k=1#2"], null, false))
  })
  it("sees a write that replaced a later one, unless the servers lose writes", () => {
    assert.include(laws(Laws.pipelineOrder([pipeline([], ok)], [], "k=1#0", true)), "has replaced the later write 2")
    assert.isEmpty(Laws.pipelineOrder([pipeline([], ok)], [], "k=1#0", false))
  })
})

describe("The law of errors in a script's own words", () => {
  const answer = (code: string, outcome: Outcome) => {
    const reply = error(new ReplyError({ message: `${code} as the script says`, outcome, code }))
    return call("increment", reply.reason.outcome, { error: reply })
  }
  const all = [answer("TRYAGAIN", "Unknown"), answer("MOVED", "Unknown"), call("increment", "NotExecuted")]

  it("lets errors pass that are told as of unknown outcome", () => {
    assert.isEmpty(Laws.ownWords(all, 2, true))
    assert.isEmpty(Laws.ownWords(all, 1, false))
    assert.isEmpty(Laws.ownWords([answer("OOM", "NotExecuted")], 0, true))
  })
  it("takes them for no failure of a healthy shard, which another error is", () => {
    const own = { ...all[0], answersError: true } as const
    assert.isEmpty(Laws.bulkheads([own], [], () => 0))
    assert.isNotEmpty(Laws.bulkheads([{ ...own, error: lost("Unknown") }], [], () => 0))
    assert.isNotEmpty(Laws.bulkheads([{ ...own, answersError: undefined }], [], () => 0))
  })
  it("sees one that is told as not executed, one as a success, and an answer without a write", () => {
    assert.include(laws(Laws.ownWords([answer("TRYAGAIN", "NotExecuted")], 1, true)), "told as NotExecuted")
    assert.include(laws(Laws.ownWords([call("increment", "ok", { value: 1 })], 1, true)), "told as ok")
    assert.include(laws(Laws.ownWords(all, 1, true)), "answered 2 times, and has written 1 times")
  })
})

describe("The law of pairs", () => {
  it("sees a transaction that took effect by half", () => {
    assert.isEmpty(Laws.pair([unknown], [3, 3]))
    const [violation] = Laws.pair([...told, unknown], [3, 2])
    assert.include(violation.law, "by half")
    assert.deepStrictEqual(violation.calls, [unknown])
  })
})

describe("The law of registers", () => {
  const first = call("write", "ok", { argument: "a" })
  const second = call("write", "ok", { argument: "b" })
  const maybe = call("write", "Unknown", { argument: "c" })
  const never = call("write", "NotExecuted", { argument: "d" })
  const all = [first, second, maybe, never]

  it("lets the last acknowledged write and unknown ones pass", () => {
    for (const value of ["b", "c"]) assert.isEmpty(Laws.register(all, value, true))
  })
  it("sees a value that was replaced, one that was refused, and one that nobody wrote", () => {
    assert.include(laws(Laws.register(all, "a", true)), "replaced")
    assert.include(laws(Laws.register(all, "d", false)), "not executed")
    assert.include(laws(Laws.register(all, "x", false)), "nobody wrote")
    assert.include(laws(Laws.register(all, null, true)), "empty")
  })
  it("sees a read of something else, and of a value before it was written", () => {
    assert.isEmpty(Laws.reads([first, call("read", "ok", { value: "a" }), call("read", "ok", { value: null })]))
    assert.include(laws(Laws.reads([first, call("read", "ok", { value: "y" })])), "something else")
    const early = { ...call("read", "ok", { value: "a" }), started: 0, ended: 1 }
    assert.include(laws(Laws.reads([first, early])), "never written")
  })
})

describe("The law of lists", () => {
  const push = (argument: string, ending: Ending = "ok") => call("push", ending, { argument })
  const pop = (value: unknown, ending: Ending = "ok") => call("pop", ending, { value })

  it("lets elements pass that were taken once, that are left, or that an unknown pop may have taken", () => {
    const calls = [push("a"), push("b"), push("c"), push("d", "Unknown"), pop("a"), pop(undefined, "Unknown")]
    assert.isEmpty(Laws.list(calls, ["b"], true))
  })
  it("sees an element twice, one too few, one that was refused and one out of nowhere", () => {
    assert.include(laws(Laws.list([push("a"), pop("a"), pop("a")], [], true)), "2 times")
    assert.include(laws(Laws.list([push("a")], ["a", "a"], false)), "2 times")
    assert.include(laws(Laws.list([push("a")], [], true)), "are gone")
    assert.include(laws(Laws.list([push("a", "NotExecuted")], ["a"], false)), "not pushed")
    assert.include(laws(Laws.list([pop("z")], [], false)), "nobody pushed")
  })
})

describe("The laws of calls", () => {
  const failed = (reason: ReturnType<typeof error>, started: number, ended: number) =>
    call("other", reason.reason.outcome, { error: reason, started, ended, key: "{s0}:k" })
  const moved = error(new MovedError({ message: "MOVED", outcome: "NotExecuted", slot: 1, address: "n:1" }))

  it("see a redirect, and a lost connection before the deadline", () => {
    assert.include(laws(Laws.noLeaks([failed(moved, 0, 1)], 1000)), "MovedError")
    assert.include(laws(Laws.noLeaks([failed(lost("NotExecuted"), 0, 500)], 1000)), "before its deadline")
    assert.isEmpty(Laws.noLeaks([failed(lost("NotExecuted"), 0, 990), failed(lost("Unknown"), 0, 10)], 1000))
  })
  it("see it in the parts of a failure, too", () => {
    const partial = (part: unknown) =>
      error(
        new PartialFailureError({
          message: "in part",
          outcome: "Unknown",
          failures: [{ keys: [0], error: lost("Unknown") }, { keys: [1], error: part }],
          succeeded: 1
        })
      )
    const inTransaction = error(
      new TransactionError({ message: "entry 0", outcome: "NotExecuted", index: 0, cause: moved })
    )
    assert.include(laws(Laws.noLeaks([failed(partial(moved), 0, 10)], 1000)), "MovedError")
    assert.include(laws(Laws.noLeaks([failed(inTransaction, 0, 10)], 1000)), "MovedError")
    assert.include(laws(Laws.noLeaks([failed(partial(lost("NotExecuted")), 0, 10)], 1000)), "before its deadline")
    assert.isEmpty(Laws.noLeaks([failed(partial(lost("NotExecuted")), 0, 990)], 1000))
    assert.isEmpty(Laws.noLeaks([failed(partial(lost("Unknown")), 0, 10)], 1000))
  })
  it("see a call that takes longer than it may", () => {
    assert.include(laws(Laws.deadline([call("other", "ok", { started: 0, ended: 1300 })], 1000, 250)), "took 1300 ms")
    assert.isEmpty(Laws.deadline([call("other", "ok", { started: 0, ended: 1200 })], 1000, 250))
  })
  it("see a failure on a shard to which nothing was done", () => {
    const fault = { what: "SIGKILL", shard: 1, started: 0, ended: 100 }
    const shardOf = (key: string) => key.startsWith("{s0}") ? 0 : undefined
    const calls = [failed(lost("Unknown"), 10, 20)]
    assert.include(laws(Laws.bulkheads(calls, [fault], shardOf)), "healthy shard 0")
    assert.isEmpty(Laws.bulkheads(calls, [{ ...fault, shard: 0 }], shardOf))
  })
})

describe("The law of progress", () => {
  const narrow = { what: "link narrow", shard: 0, narrow: true, started: 0, ended: 100 } as const
  const failed = call("other", "Unknown", { error: lost("Unknown"), started: 10, ended: 20 })

  it("sees a connection that is given up while its link is narrow, and excuses it when something else happened", () => {
    assert.include(laws(Laws.progress([failed], [narrow], () => 0)), "only slow")
    assert.isEmpty(Laws.progress([failed], [narrow, { ...narrow, narrow: undefined }], () => 0))
    assert.isEmpty(Laws.progress([failed], [narrow], () => 1))
    assert.isEmpty(Laws.progress([{ ...failed, error: undefined, ending: "ok" }], [narrow], () => 0))
  })
})

describe("The law of reads that may be old", () => {
  const at = (started: number, ended: number, kind: Kind, more: Partial<Call>): Call =>
    call(kind, "ok", { started, ended, ...more })
  const writes = [at(0, 10, "write", { argument: "a" }), at(100, 110, "write", { argument: "b" })]

  it("lets a read pass that is no older than its bound, and one without", () => {
    assert.isEmpty(Laws.staleness([...writes, at(500, 510, "read", { value: "a", maxLag: 400 })], []))
    assert.isEmpty(Laws.staleness([...writes, at(5000, 5010, "read", { value: "a" })], []))
  })
  it("sees a read that is older, also one of nothing", () => {
    for (const value of ["a", null]) {
      const read = at(600, 610, "read", { value, maxLag: 400 })
      assert.include(laws(Laws.staleness([...writes, read], [])), "replaced more than 400 ms before")
    }
  })
  it("lets a replica say that there is nothing while slots are moved, and nobody else, and nothing else", () => {
    const moves = [{ what: "slots moved", shard: -1, started: 590, ended: 620 }]
    const read = at(600, 610, "read", { value: null, maxLag: 400, byReplica: true })
    assert.isEmpty(Laws.staleness([...writes, read], moves))
    for (const other of [{ byReplica: undefined }, { value: "a" }, { started: 630, ended: 640 }]) {
      assert.include(laws(Laws.staleness([...writes, { ...read, ...other }], moves)), "replaced")
    }
  })
})

describe("The laws of cached reads", () => {
  const at = (started: number, ended: number, kind: Kind, more: Partial<Call>): Call => ({
    ...{ kind, what: kind, key: "k", ending: "ok", started, ended },
    ...more
  })
  const cached = { cached: true, maxLag: 400 } as const
  const writes = [at(0, 10, "write", { argument: "a" }), at(100, 110, "write", { argument: "b" })]

  it("let pass what was replaced less than the bound before, by the writes of the key itself", () => {
    assert.isEmpty(Laws.freshness([...writes, at(600, 605, "read", { value: "a", ...cached })], 100))
    assert.isEmpty(Laws.freshness([...writes, at(900, 905, "read", { value: "b", ...cached })], 100))
    assert.isEmpty(Laws.freshness([...writes, at(900, 905, "read", { value: "a" })], 100), "not cached")
    assert.isEmpty(Laws.freshness([...writes, at(900, 905, "read", { key: "other", value: null, ...cached })], 100))
  })
  it("see a value, or a missing key, that is older", () => {
    for (const value of ["a", null]) {
      const read = at(611, 615, "read", { value, ...cached })
      assert.include(laws(Laws.freshness([...writes, read], 100)), "replaced more than 500 ms before")
    }
  })
  it("see a read that is behind a write of the same client", () => {
    const increments = [at(0, 10, "increment", { value: 1 }), at(20, 30, "increment", { value: 2 })]
    const read = (started: number, value: unknown) => at(started, started + 1, "read", { value, cached: true })
    assert.isEmpty(Laws.ownWritesSeen([...increments, read(31, "2"), read(11, "1"), read(25, "3")], 0))
    assert.isEmpty(Laws.ownWritesSeen([...increments, read(35, "1")], 10), "a primary that was just replaced")
    for (const value of ["1", null]) {
      assert.include(laws(Laws.ownWritesSeen([...increments, read(31, value)], 0)), "behind a write of this client")
    }
  })
  it("excuse what the servers may have lost meanwhile, and no older loss", () => {
    const read = at(900, 905, "read", { value: "a", ...cached })
    const loss = (started: number, ended: number): Fault => ({ what: "loss", shard: 0, lossy: true, started, ended })
    assert.isEmpty(Laws.freshness([...writes, read], 100, [loss(200, 300)]))
    assert.isNotEmpty(Laws.freshness([...writes, read], 100, [loss(20, 90), loss(910, 950)]))
    const increments = [at(0, 10, "increment", { value: 1 }), at(20, 30, "increment", { value: 2 })]
    const behind = at(900, 905, "read", { value: "1", cached: true })
    assert.isEmpty(Laws.ownWritesSeen([...increments, behind], 0, [loss(200, 300)]))
    assert.isNotEmpty(Laws.ownWritesSeen([...increments, behind], 0, [loss(12, 18)]))
  })
  it("see readers who show something else in the end", () => {
    assert.isEmpty(Laws.agreement([]))
    assert.lengthOf(Laws.agreement([{ reader: "the cache", key: "k", shown: "a", held: null }]), 1)
  })
  it("see a cache that showed nothing", () => {
    assert.isEmpty(Laws.keptUsed({ hits: 1 }))
    assert.lengthOf(Laws.keptUsed({ hits: 0 }), 1)
    const removed = { changed: 1, written: 1 }
    assert.isEmpty(Laws.cacheUsed({ hits: 1, removed }))
    assert.lengthOf(Laws.cacheUsed({ hits: 0, removed: { ...removed, changed: 0 } }), 2)
  })
})

describe("The law of one load", () => {
  const load = (started: number, key = "k"): Call => ({
    ...{ kind: "load", what: "load", key, ending: "ok", started, ended: started + 20 }
  })
  const fault: Fault = { what: "a fault", shard: 1, started: 15, ended: 30 }

  it("sees a second load, beside the first or after it, where nothing was done to the shard", () => {
    assert.isEmpty(Laws.oneLoad([load(0), load(0, "other")], [], 1))
    for (const second of [10, 100]) {
      const calls = [load(0), load(second)]
      assert.include(laws(Laws.oneLoad(calls, [{ ...fault, shard: 2 }], 1)), "k was loaded 2 times")
      assert.isEmpty(Laws.oneLoad(calls, [fault], 1))
    }
  })
})

describe("The law of locks", () => {
  const tenure = (fence: number, began: number, ended: number, key = "lock") => ({ key, fence, began, ended })

  it("lets one after the other pass, and two locks at a time", () => {
    assert.isEmpty(Laws.locks([tenure(2, 10, 20), tenure(1, 0, 10), tenure(1, 5, 15, "other")]))
  })
  it("sees two at a time, and a fence that goes back", () => {
    assert.include(Laws.locks([tenure(1, 0, 10), tenure(2, 9, 20)]).join(), "two were sure")
    assert.include(Laws.locks([tenure(2, 0, 10), tenure(2, 11, 20)]).join(), "went back")
  })
})

describe("The law of deliveries", () => {
  const sent = (argument: string, ending: Ending = "ok") => call("send", ending, { argument })
  const given = (text: string, redelivered = false) => ({ text, redelivered })
  const all = { once: true, complete: true }
  const nothing = { once: false, complete: false }

  it("lets entries pass once, those of unknown fate, redelivered ones, and gaps that tell", () => {
    const lost = sent("b")
    const writes = [sent("a"), lost, sent("c", "Unknown")]
    const gaps = [{ from: lost.started - 1, to: lost.ended + 1 }]
    assert.isEmpty(Laws.deliveries(writes, { given: [given("a"), given("a", true), given("c")], gaps }, all))
  })
  it("sees one that never came, one that came twice, one that was refused and one that nobody wrote", () => {
    const of = (...texts: ReadonlyArray<string>) => ({ given: texts.map((text) => given(text)), gaps: [] })
    assert.include(laws(Laws.deliveries([sent("a")], of(), all)), "never given")
    assert.include(laws(Laws.deliveries([sent("a")], of("a", "a"), { once: true, complete: false })), "2 times")
    assert.include(laws(Laws.deliveries([sent("a", "NotExecuted")], of("a"), nothing)), "not executed")
    assert.include(laws(Laws.deliveries([], of("a"), nothing)), "nobody wrote")
    // Nobody may have been promised it.
    assert.isEmpty(Laws.deliveries([sent("a"), sent("b")], of("b", "b"), nothing))
  })
})

describe("The laws of those who stay", () => {
  const timeout = error(
    new TimeoutError({ message: "late", outcome: "NotExecuted", timeout: 2000, waitingFor: "connection" })
  )

  it("see a consumer or a subscription that ended", () => {
    assert.isEmpty(Laws.perseverance([], []))
    const left = Laws.perseverance([{ who: "the consumer", at: 0, error: lost("Unknown") }], [])
    assert.include(left.join(), "the consumer ended: ConnectionError: lost")
  })
  it("let a subscription end with a refusal while its channels are taken away, and at no other time or for another reason", () => {
    const taken = { what: "channels", shard: 0, channels: true, started: 10, ended: 20 } as const
    const refusal = error(new ReplyError({ message: "refused", outcome: "NotExecuted", code: "NOPERM" }))
    const told = { who: "the subscription", at: 15, error: refusal }
    assert.isEmpty(Laws.perseverance([told], [taken]))
    assert.include(Laws.perseverance([{ ...told, at: 21 }], [taken]).join(), "the subscription ended")
    assert.include(Laws.perseverance([told], [{ ...taken, channels: undefined }]).join(), "the subscription ended")
    assert.include(Laws.perseverance([{ ...told, error: lost("Unknown") }], [taken]).join(), "ConnectionError")
  })
  it("let a scan pass that finds all, or more, or that lost its patience", () => {
    const scan = { what: "a scan", expected: ["a", "b"], took: 2010, patience: 2000 }
    assert.isEmpty(Laws.scans([
      { ...scan, found: new Set(["a", "b", "c"]) },
      { ...scan, found: new Set(["a"]), error: timeout }
    ]))
  })
  it("see a scan that missed what was there, and one that ended for another reason", () => {
    const scan = { what: "a scan", expected: ["a", "b", "c"], found: new Set(["a"]), took: 100, patience: 2000 }
    const moved = error(new MovedError({ message: "MOVED", outcome: "NotExecuted", slot: 1, address: "n:1" }))
    assert.include(Laws.scans([scan]).join(), "a scan missed 2: b,c")
    assert.include(Laws.scans([{ ...scan, error: timeout }]).join(), "a scan ended after 100 ms: TimeoutError: late")
    assert.include(Laws.scans([{ ...scan, took: 2500, error: moved }]).join(), "MovedError")
  })
})

describe("The law of bystanders", () => {
  it("sees reads that a burst for another shard slows down, and lets the machine's own lag pass", () => {
    assert.isEmpty(Laws.bystanders(10, { p99: 22, lag: 0 }))
    assert.include(Laws.bystanders(10, { p99: 23, lag: 0 }).join(), "took 23 ms (p99), and calls 10 ms in the calm")
    assert.isEmpty(Laws.bystanders(10, { p99: 30, lag: 4 }))
    assert.isNotEmpty(Laws.bystanders(10, { p99: 31, lag: 4 }))
  })
})

describe("The law of faults that are met", () => {
  it("sees a fault that the client did not meet, and asks for no evidence of others", () => {
    const fault = { what: "channels taken away", shard: 0, started: 0, ended: 1, meets: "refusals" }
    assert.deepStrictEqual(Laws.met([fault, fault], { refusals: 0 }), [
      "2 times \"channels taken away\", but no refusals"
    ])
    assert.isNotEmpty(Laws.met([fault], {}))
    assert.isEmpty(Laws.met([fault, { ...fault, meets: undefined }], { refusals: 1 }))
    assert.isEmpty(Laws.met([], {}))
  })
})

describe("The law of the whole map", () => {
  it("sees slots that lose their owner", () => {
    assert.isEmpty(Laws.wholeMap([]))
    assert.include(Laws.wholeMap([{ at: 0, slots: 12 }]).join(), "the owners of 12 slots")
  })
})

describe("The law of topology calls", () => {
  it("sees more of them than the limit of their rate allows", () => {
    assert.isEmpty(Laws.topology(200, 10_000))
    assert.include(Laws.topology(300, 10_000).join(), "300 topology calls in 10000 ms")
  })
})

describe("The law of what is left", () => {
  const before = { sockets: 0, timers: 1, fibers: 0 }
  const amid = { sockets: 30, timers: 12, fibers: 40 }

  it("lets pass what is as it was before, or less", () => {
    assert.isEmpty(Laws.remains(before, amid, before))
    assert.isEmpty(Laws.remains(before, amid, { ...before, timers: 0 }))
  })
  for (const kind of ["sockets", "timers", "fibers"] as const) {
    it(`sees one of the ${kind} left`, () => {
      const after = { ...before, [kind]: before[kind] + 1 }
      assert.deepStrictEqual(Laws.remains(before, amid, after), [`1 ${kind} were left when the client had closed`])
    })
    it(`sees a count of ${kind} that counts nothing`, () => {
      const blind = { ...amid, [kind]: before[kind] }
      assert.include(Laws.remains(before, blind, before).join(), `no ${kind}`)
    })
  }
  it("sees a timer and a fiber that really are left", async () => {
    const meter = new Remains.FiberMeter()
    const holding = Remains.metered(meter)(Effect.gen(function*() {
      const before = yield* Remains.least(meter)
      const left = yield* Effect.forkDetach(Effect.sleep("1 minute"))
      const after = yield* Remains.settled(meter, before, 200)
      yield* Fiber.interrupt(left)
      return { before, after, end: yield* Remains.settled(meter, before, 1000) }
    }))
    const { after, before, end } = await Effect.runPromise(holding)
    assert.deepStrictEqual([after.timers - before.timers, after.fibers - before.fibers], [1, 1])
    assert.deepStrictEqual(end, before)
  })
})

describe("The law of memory", () => {
  const mebibyte = 1024 * 1024

  const fits = { calm: 50 * mebibyte, fire: 52 * mebibyte, closed: 49 * mebibyte, isReachable: false }

  it("lets pass what a runtime learns", () => {
    assert.isEmpty(Laws.memory(fits))
  })
  it("sees what is kept of each call, what is kept of a client that has closed, and a client that is kept", () => {
    // 30 000 calls, and 300 bytes of each.
    const calls = Laws.memory({ ...fits, fire: fits.calm + 9_000_000 })
    assert.deepStrictEqual(calls, ["9000000 bytes more than before the faults were in use after the faults"])
    const closed = Laws.memory({ ...fits, closed: fits.calm + 9_000_000 })
    assert.deepStrictEqual(closed, ["9000000 bytes more than before the faults were in use when the client had closed"])
    assert.include(Laws.memory({ ...fits, isReachable: true }).join(), "could still be reached")
  })
  it("sees what really is kept", async () => {
    const before = await Effect.runPromise(Remains.memory)
    let kept: ReadonlyArray<ReadonlyArray<number>> = Array.from({ length: 30_000 }, (_, i) => new Array(37).fill(i))
    const amid = await Effect.runPromise(Remains.memory)
    assert.isNotEmpty(kept)
    assert.isNotEmpty(Laws.memory({ calm: before, fire: amid, closed: before, isReachable: false }))
    kept = []
    const after = await Effect.runPromise(Remains.memory)
    assert.isEmpty(Laws.memory({ calm: before, fire: after, closed: after, isReachable: false }))
  })
})
