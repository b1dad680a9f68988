import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient, Namespace } from "../../src/index.ts"
import { TestCluster } from "../../src/testing/index.ts"

describe("A namespace", () => {
  const app = Namespace.make("app:prod")

  it("makes keys of its prefix and their parts, and keeps the hash tags of parts", () => {
    assert.strictEqual(app.prefix, "app:prod")
    assert.strictEqual(app.key("user", 7), "app:prod:user:7")
    assert.strictEqual(app.within("cache").key(1n), "app:prod:cache:1")
    assert.strictEqual(app.key("{user:7}", "cart"), "app:prod:{user:7}:cart")
    assert.strictEqual(HashSlot.ofKey(app.key("{user:7}", "cart")), HashSlot.ofKey("{user:7}"))
    assert.strictEqual(Namespace.make().key("a"), "a")
  })

  it("with a tag makes keys of one slot, whatever the tag is made of", () => {
    const cart = app.tagged("user", 7)
    assert.deepStrictEqual([cart.key(), cart.key("cart")], ["app:prod:{user:7}", "app:prod:{user:7}:cart"])
    const part = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("{", "}", "%", "a", "") }))
    fc.assert(fc.property(part, part, part, (tag, a, b) => {
      const one = app.tagged(tag)
      assert.strictEqual(HashSlot.ofKey(one.key(a)), HashSlot.ofKey(one.key(b)))
      assert.strictEqual(HashSlot.ofKey(one.key(a)), HashSlot.ofKey(one.key()))
    }))
    fc.assert(fc.property(part, part, (a, b) => {
      assert.strictEqual(app.tagged(a).key() === app.tagged(b).key(), a === b)
    }))
  })

  it("has other tags for other texts, and joins the parts of a tag by colons as those of a key", () => {
    assert.strictEqual(app.tagged("user", 7).prefix, "app:prod:{user:7}")
    assert.strictEqual(app.tagged("user:7").prefix, app.tagged("user", 7).prefix)
    const part = fc.string({ unit: fc.constantFrom("{", "}", "%", ":", "a", "7", "B", "") })
    const parts = fc.array(part, { minLength: 1, maxLength: 3 })
    fc.assert(fc.property(parts, parts, ([a, ...as], [b, ...bs]) => {
      const isOne = [a, ...as].join(":") === [b, ...bs].join(":")
      assert.strictEqual(app.tagged(a, ...as).prefix === app.tagged(b, ...bs).prefix, isOne)
    }))
  })

  it("has keys of one slot below a tag, whatever the braces of its prefix are", () => {
    const part = fc.string({ unit: fc.constantFrom("{", "}", "{}", "%", "a") })
    fc.assert(fc.property(part, part, part, part, (first, second, a, b) => {
      const cart = Namespace.make(first).within(second).tagged("x")
      assert.strictEqual(HashSlot.ofKey(cart.key(a)), HashSlot.ofKey(cart.key(b)))
    }))
    const odd = Namespace.make("{}")
    assert.strictEqual(odd.prefix, "%7B%7D")
    assert.strictEqual(HashSlot.ofKey(odd.tagged("x").key("k")), HashSlot.ofKey("{x}"))
    assert.isTrue(odd.tagged("x").key("k").startsWith(`${odd.prefix}:`))
    assert.strictEqual(odd.within("{app}").prefix, "%7B%7D:{app}")
  })

  it.effect("has a pattern that matches its keys and no others", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const odd = Namespace.make("a*[b]?\\")
      const keys = [odd.key("1"), odd.key("x", 2)]
      for (const key of [...keys, "ab:1", "a*b?:1", `${odd.prefix}1`]) yield* redis.set(key, "1")
      const found = yield* Stream.runCollect(redis.scanStream({ match: odd.pattern() }))
      assert.deepStrictEqual([...found].toSorted(), keys.toSorted())
    }).pipe(Effect.provide(TestCluster.layer())))
})
