import clusterKeySlot from "cluster-key-slot"
import * as FastCheck from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import * as lone from "../harness/lone.ts"
import { RespClient } from "../harness/RespClient.ts"

/** Any UTF-16 code units, lone surrogates too. */
const anyText = FastCheck.string({ unit: FastCheck.nat(0xffff).map((unit) => String.fromCharCode(unit)) })

/** Tags that nest, that are empty, that do not end, around text of every width. */
const tagged = FastCheck.string({
  unit: FastCheck.constantFrom("{", "}", "{", "}", "a", "7", "é", "字", "😀", "\ud800", "\udc00"),
  maxLength: 12
})

const ascii = FastCheck.string({ maxLength: 60 })

const anyBytes = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 60 }),
  FastCheck.array(FastCheck.constantFrom(0x7b, 0x7d, 0x61, 0x00, 0xc3, 0xff), { maxLength: 12 })
    .map((bytes) => Uint8Array.from(bytes))
)

const firstTagIsEmpty = (key: string) => key.startsWith("{}", key.indexOf("{"))

describe("HashSlot", () => {
  it("hashes the check value of CRC16-XMODEM", () => {
    expect(HashSlot.ofKey("123456789")).toBe(0x31c3)
  })

  it("puts the empty key into slot 0", () => {
    expect(HashSlot.ofKey("")).toBe(0)
    expect(HashSlot.ofKey(new Uint8Array())).toBe(0)
  })

  it("hashes only what is in the first hash tag", () => {
    expect(HashSlot.ofKey("a{user:1}b{c}")).toBe(HashSlot.ofKey("user:1"))
  })

  it("hashes the whole key when the first hash tag is empty, whatever follows", () => {
    expect(HashSlot.ofKey("foo{}{bar}")).toBe(8363)
    expect(HashSlot.ofKey(Buffer.from("foo{}{bar}"))).toBe(8363)
  })

  it("hashes a lone surrogate as the replacement character that is sent for it", () => {
    expect(HashSlot.ofKey("a\ud800")).toBe(HashSlot.ofKey(Uint8Array.of(0x61, 0xef, 0xbf, 0xbd)))
  })

  it("hashes a view into a larger buffer as what it shows", () => {
    expect(HashSlot.ofKey(Buffer.from("xxfooxx").subarray(2, 5))).toBe(HashSlot.ofKey("foo"))
    expect(HashSlot.ofKey(new Uint8Array(new TextEncoder().encode("xxfooxx").buffer, 2, 3))).toBe(
      HashSlot.ofKey("foo")
    )
  })

  it("agrees with cluster-key-slot on well-formed text whose first hash tag is not empty", () => {
    const text = FastCheck.oneof(ascii, anyText, tagged)
      .filter((key) => Buffer.from(key).toString() === key && !firstTagIsEmpty(key))
    FastCheck.assert(
      FastCheck.property(text, (key) => {
        expect(HashSlot.ofKey(key)).toBe(clusterKeySlot(key))
      }),
      { numRuns: 1000 }
    )
  })

  describe("on a real cluster node", () => {
    let server: lone.LoneServer
    let client: RespClient
    beforeAll(async () => {
      server = await lone.start(["--cluster-enabled", "yes"])
      client = await RespClient.open(server)
    })
    afterAll(async () => {
      client?.close()
      await server?.stop()
    })

    it("agrees with CLUSTER KEYSLOT on any text", async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(FastCheck.oneof(tagged, anyText, ascii), async (key) => {
          expect(HashSlot.ofKey(key)).toBe(await client.send(["CLUSTER", "KEYSLOT", key]))
        }),
        { numRuns: 1000 }
      )
    })

    it("agrees with CLUSTER KEYSLOT on any bytes", async () => {
      await FastCheck.assert(
        FastCheck.asyncProperty(anyBytes, async (key) => {
          expect(HashSlot.ofKey(key)).toBe(await client.send(["CLUSTER", "KEYSLOT", key]))
        }),
        { numRuns: 1000 }
      )
    })
  })
})
