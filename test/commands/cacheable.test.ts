import { assert, describe, it } from "vitest"
import { isCacheable, names } from "../../src/commands/cacheable.ts"
import * as CommandTable from "../../src/commands/table/CommandTable.ts"

describe("Cacheable commands", () => {
  const known = CommandTable.embedded().entries

  it("only read, and declare their keys", () => {
    for (const name of names) {
      // The table has no commands of modules.
      if (name.startsWith("JSON.")) continue
      const entry = known.get(name)
      assert.isDefined(entry, name)
      assert.isTrue(entry?.readonly === true, name)
      assert.isNotEmpty(entry?.keySpecs, name)
    }
  })

  it("are not those whose replies depend on the time, on chance, on a cursor, or on the server", () => {
    for (
      const name of [
        ...["TTL", "PTTL", "HTTL", "HPTTL", "OBJECT ENCODING", "OBJECT IDLETIME", "TOUCH", "RANDOMKEY", "DUMP"],
        ...["SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "SSCAN", "HSCAN", "ZSCAN", "XREAD", "XPENDING", "XINFO STREAM"],
        ...["EVAL_RO", "FCALL_RO", "VSIM", "VRANDMEMBER", "PFCOUNT", "SET", "GETDEL"]
      ]
    ) assert.isFalse(isCacheable(name, ["k"]), name)
  })

  it("are no sorts that read keys beside the declared one", () => {
    assert.isTrue(isCacheable("SORT_RO", ["get", "ALPHA"]))
    assert.isFalse(isCacheable("SORT_RO", ["k", "by", "weight_*"]))
    assert.isFalse(isCacheable("SORT_RO", ["k", "GET", "#"]))
  })
})
