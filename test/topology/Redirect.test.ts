import { assert, describe, it } from "@effect/vitest"
import { addressOf, endpointOf } from "../../src/cluster/Endpoint.ts"
import { ServerError } from "../../src/protocol/Reply.ts"
import * as Redirect from "../../src/topology/Redirect.ts"

describe("Redirect", () => {
  const cases: ReadonlyArray<readonly [message: string, redirect: Redirect.Redirect | undefined]> = [
    ["MOVED 12182 127.0.0.1:7002", { asking: false, slot: 12182, host: "127.0.0.1", port: 7002 }],
    ["ASK 0 node.example.com:7002", { asking: true, slot: 0, host: "node.example.com", port: 7002 }],
    ["MOVED 12182 ::1:7002", { asking: false, slot: 12182, host: "::1", port: 7002 }],
    ["MOVED 12182 :7002", { asking: false, slot: 12182, host: "", port: 7002 }],
    ["MOVED 12182 ?:7002", { asking: false, slot: 12182, host: "?", port: 7002 }],
    ["MOVED 16383 127.0.0.1:7002", { asking: false, slot: 16383, host: "127.0.0.1", port: 7002 }],
    ["MOVED 16384 127.0.0.1:7002", undefined],
    ["MOVED 30000000 127.0.0.1:7002", undefined],
    ["MOVED 1 127.0.0.1:0", undefined],
    ["MOVED 1 127.0.0.1:65535", { asking: false, slot: 1, host: "127.0.0.1", port: 65535 }],
    ["MOVED 1 127.0.0.1:65536", undefined],
    ["MOVED 1 a host:7002", undefined],
    ["MOVED twelve 127.0.0.1:7002", undefined],
    ["MOVED 12182", undefined],
    ["MOVEDX 12182 127.0.0.1:7002", undefined],
    ["TRYAGAIN Multiple keys request during rehashing of slot", undefined]
  ]
  for (const [message, redirect] of cases) {
    it(`reads "${message}"`, () => assert.deepStrictEqual(Redirect.parse(new ServerError(message)), redirect))
  }

  it("is to an endpoint whose address can be read back", () => {
    for (const endpoint of [{ host: "::1", port: 7002 }, { host: "node.example.com", port: 1 }]) {
      assert.deepStrictEqual(endpointOf(addressOf(endpoint)), endpoint)
    }
  })
})
