import { assert, describe, it } from "vitest"
import { holdingsOf, type Pass, ScanPlan } from "../../src/client/ScanPlan.ts"

/** A node's own line of CLUSTER NODES. */
const line = (id: string, ...slots: ReadonlyArray<string>): string =>
  [id, "127.0.0.1:7000@17000", "myself,master", "-", "0", "0", "1", "connected", ...slots].join(" ")

const run = (plan: ScanPlan, ...lines: ReadonlyArray<string>): Pass => {
  const pass = plan.begin(lines[0])
  for (const line of lines.slice(1)) plan.observe(pass, line)
  plan.finish(pass)
  return pass
}

describe("What a node says it holds", () => {
  it("is read from ranges, single slots and migrations", () => {
    const holdings = holdingsOf(line("a", "0-2", "5", "[5->-b]", "[9-<-c]"))
    assert.strictEqual(holdings.id, "a")
    assert.deepStrictEqual([...holdings.owned], [0, 1, 2, 5])
    assert.deepStrictEqual([...holdings.leaving], [[5, "b"]])
    assert.deepStrictEqual([...holdings.arriving], [9])
  })

  it("is nothing for a replica", () => {
    assert.strictEqual(holdingsOf("a 127.0.0.1:7000@17000 myself,slave b 0 0 1 connected").owned.size, 0)
  })
})

describe("A scan's plan", () => {
  it("is complete when passes over all nodes are", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "0-8191"))
    assert.strictEqual(plan.done, 8192)
    assert.isFalse(plan.isComplete)
    run(plan, line("b", "8192-16383"))
    assert.isTrue(plan.isComplete)
  })

  it("does not scan again what is done", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "0-100"))
    const pass = plan.begin(line("b", "100-200"))
    assert.isFalse(pass.covers(100))
    assert.isTrue(pass.covers(101))
  })

  it("leaves to a later pass what a node gave away meanwhile", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "0-9"), line("a", "0-8"))
    assert.strictEqual(plan.done, 9)
    assert.isTrue(plan.begin(line("b", "9")).covers(9))
  })

  it("leaves to a later pass what went and came back meanwhile", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "0-9"), line("a", "0-8"), line("a", "0-9"))
    assert.strictEqual(plan.done, 9)
  })

  it("leaves to a later pass what came meanwhile", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "0-8"), line("a", "0-9"))
    assert.strictEqual(plan.done, 9)
  })

  it("forgets a pass over a node that became a replica", () => {
    const plan = new ScanPlan()
    const pass = plan.begin(line("a", "0-9"))
    plan.observe(pass, "a 127.0.0.1:7000@17000 myself,slave b 0 0 1 connected")
    assert.isTrue(pass.isEmpty)
  })

  it("scans a slot in migration on the node that it leaves, then on the node it goes to", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "0-9", "[9->-b]"))
    assert.strictEqual(plan.done, 9)
    assert.isFalse(plan.begin(line("a", "0-9", "[9->-b]")).covers(9))
    run(plan, line("b", "[9-<-a]"))
    assert.strictEqual(plan.done, 10)
  })

  it("counts a slot as in migration that began to migrate in the course of a pass", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "9"), line("a", "9", "[9->-b]"))
    assert.strictEqual(plan.done, 0)
    run(plan, line("b", "9"))
    assert.strictEqual(plan.done, 1)
  })

  it("begins a slot anew whose migration was given up", () => {
    const meanwhile = new ScanPlan()
    run(meanwhile, line("a", "9"), line("a", "9", "[9->-b]"), line("a", "9"))
    assert.strictEqual(meanwhile.done, 0)

    const between = new ScanPlan()
    run(between, line("a", "9", "[9->-b]"))
    run(between, line("b", "10"))
    assert.isFalse(between.begin(line("b", "[9-<-a]")).covers(9))
    assert.isTrue(between.begin(line("a", "9")).covers(9))
  })

  it("begins a slot anew that moves on before its rest was scanned", () => {
    const plan = new ScanPlan()
    run(plan, line("a", "9", "[9->-b]"))
    const pass = plan.begin(line("b", "9"))
    assert.isTrue(pass.covers(9))
    plan.observe(pass, line("b", "9", "[9->-c]"))
    assert.isFalse(pass.covers(9))
    plan.finish(pass)
    assert.strictEqual(plan.done, 0)
    assert.isTrue(plan.begin(line("c", "9")).covers(9))
  })
})
