import { assert, describe, it } from "@effect/vitest"
import { withoutArguments } from "../../src/protocol/quotes.ts"

describe("The text of an error", () => {
  const cases: ReadonlyArray<readonly [message: string, args: ReadonlyArray<string | Uint8Array>, shown: string]> = [
    [
      "ERR unknown command 'HSETEX', with args beginning with: 'user:ada' 'EX' '60' 'SECRET' ",
      ["user:ada", "EX", "60", "SECRET"],
      "ERR unknown command 'HSETEX'"
    ],
    [
      "ERR Error in ACL SETUSER modifier '<old-SECRET': The password you are trying to remove does not exist",
      ["ada", "<old-SECRET"],
      "ERR Error in ACL SETUSER modifier '<argument 2>': The password you are trying to remove does not exist"
    ],
    [
      "NOGROUP No such key 'user:ada:stream' or consumer group 'g'",
      ["g", "user:ada:stream", Buffer.from("g")],
      "NOGROUP No such key '<argument 2>' or consumer group '<argument 1>'"
    ],
    ["ERR it says SECRET and SECRETS", ["SECRET"], "ERR it says <argument 1> and SECRETS"],
    ["ERR glued: xSECRET-1234y", ["SECRET-1234"], "ERR glued: x<argument 1>y"],
    ["ERR two\u00a0 lines a b", ["lines\na"], "ERR two\u00a0 <argument 1> b"],
    [
      "ERR bytes: \u00fc1",
      [Buffer.from("\u00fc1x"), Buffer.from("\u00fc1z"), Buffer.from("\u00fc1\u00fc")],
      "ERR bytes: \u00fc1"
    ],
    [
      `ERR unknown subcommand '${"x".repeat(128)}'. Try CONFIG HELP.`,
      ["x".repeat(500)],
      "ERR unknown subcommand '<argument 1>'. Try CONFIG HELP."
    ],
    [
      "WRONGTYPE Operation against a key holding the wrong kind of value",
      ["a", "o", ""],
      "WRONGTYPE Operation against a key holding the wrong kind of value"
    ]
  ]
  for (const [message, args, shown] of cases) {
    it(`holds no argument of its command: ${shown.slice(0, 60)}`, () =>
      assert.strictEqual(withoutArguments(message, args), shown))
  }
})
