import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import { make as makeCommand } from "../../src/commands/Command.ts"
import { CommandSpec, type ResponsePolicy } from "../../src/commands/CommandSpec.ts"
import { ConnectionError, exception, type Outcome } from "../../src/RedisClusterException.ts"
import { aggregate, type NodeReply } from "../../src/routing/nodes/Aggregation.ts"

const nodes = [7001, 7002, 7003].map((port) => new ClusterNode({ host: "10.0.0.1", port, id: "", role: "primary" }))

const command = (response?: ResponsePolicy) =>
  makeCommand(new CommandSpec("TELL ALL", { request: "allShards", response }), [], (reply) => reply)

/** A failure of one node in a list of its replies. */
class Down {
  readonly outcome: Outcome
  constructor(outcome: Outcome) {
    this.outcome = outcome
  }
}

const replies = (values: ReadonlyArray<unknown>): ReadonlyArray<NodeReply> =>
  values.map((value, index) => ({
    node: nodes[index],
    outcome: value instanceof Down
      ? Result.fail(exception(() => new ConnectionError({ message: "down", outcome: value.outcome })))
      : Result.succeed(value)
  }))

const merged = (policy: ResponsePolicy, ...values: ReadonlyArray<unknown>) =>
  aggregate(command(policy), replies(values))

const reasonOf = (result: ReturnType<typeof merged>) => {
  assert(Result.isFailure(result))
  return result.failure.reason
}

describe("Aggregation", () => {
  const cases: ReadonlyArray<readonly [policy: ResponsePolicy, values: ReadonlyArray<unknown>, result: unknown]> = [
    ["allSucceeded", ["OK", "OK", "OK"], "OK"],
    ["oneSucceeded", ["OK", "OK", "OK"], "OK"],
    ["sum", [1, 2, 3], 6],
    ["sum", [[1, 10], [2, 20], [3, 30]], [6, 60]],
    ["min", [3, 1, 2], 1],
    ["min", [[3, 0], [1, 5], [2, 9]], [1, 0]],
    ["logicalAnd", [1, 1, 1], 1],
    ["logicalAnd", [[1, 1], [1, 0], [1, 1]], [1, 0]],
    ["logicalAnd", [0], 0],
    ["concat", [["a"], [], ["b", "c"]], ["a", "b", "c"]],
    ["union", [["a", "b"], [], ["b", "c", "a"]], ["a", "b", "c"]],
    ["union", [[Buffer.from("a")], [Buffer.from("a"), Buffer.from([255])]], [Buffer.from("a"), Buffer.from([255])]]
  ]
  for (const [policy, values, result] of cases) {
    it(`makes ${JSON.stringify(result)} of ${JSON.stringify(values)} by "${policy}"`, () => {
      assert.deepStrictEqual(merged(policy, ...values), Result.succeed(result))
    })
  }

  it("gives a map from node to reply by \"perNode\", of one node as of many", () => {
    assert.deepStrictEqual(merged("perNode", "a", "b"), Result.succeed(new Map([[nodes[0], "a"], [nodes[1], "b"]])))
    assert.deepStrictEqual(merged("perNode", "a"), Result.succeed(new Map([[nodes[0], "a"]])))
  })

  it("obeys a policy that is given in place of the command's", () => {
    const result = aggregate(command("sum"), replies([1, 2]), "perNode")
    assert.deepStrictEqual(result, Result.succeed(new Map([[nodes[0], 1], [nodes[1], 2]])))
  })

  it("fails as a whole when one node fails, naming the nodes that failed and those that did not", () => {
    for (const policy of ["perNode", "allSucceeded", "sum", "min", "logicalAnd", "concat", "union"] as const) {
      const reason = reasonOf(merged(policy, 1, new Down("NotExecuted"), 1))
      assert(reason._tag === "PartialFailureError")
      assert.deepStrictEqual(reason.failures.map(({ node }) => node), ["10.0.0.1:7002"])
      assert.strictEqual(reason.succeeded, 2)
      assert.strictEqual(reason.outcome, "Unknown")
      assert.strictEqual(
        reason.message,
        "TELL ALL failed on 1 of 3 nodes: 10.0.0.1:7002: down; it succeeded on 10.0.0.1:7001, 10.0.0.1:7003"
      )
    }
  })

  it("does not know the outcome as soon as one node's is unknown", () => {
    assert.strictEqual(reasonOf(merged("sum", new Down("NotExecuted"), new Down("Unknown"))).outcome, "Unknown")
  })

  it("needs a single success where that is the policy, and fails when there is none", () => {
    assert.deepStrictEqual(merged("oneSucceeded", new Down("NotExecuted"), "OK"), Result.succeed("OK"))
    const reason = reasonOf(merged("oneSucceeded", new Down("NotExecuted"), new Down("NotExecuted")))
    assert.strictEqual(reason._tag, "PartialFailureError")
  })

  it("fails as the only node did", () => {
    assert.strictEqual(reasonOf(merged("sum", new Down("Unknown")))._tag, "ConnectionError")
  })

  it("says so when replies cannot be merged", () => {
    for (const values of [[1, "two"], [[1], [1, 2]], [1, [1]]]) {
      const reason = reasonOf(merged("sum", ...values))
      assert.strictEqual(reason._tag, "DecodeError")
      assert.strictEqual(reason.outcome, "Executed")
    }
  })
})
