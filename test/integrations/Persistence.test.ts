import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Persistable from "effect/persistence/Persistable"
import * as Persistence from "effect/persistence/Persistence"
import * as Schema from "effect/Schema"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as KeyValueStoreRedis from "../../src/integrations/KeyValueStoreRedis.ts"
import * as PersistedCacheRedis from "../../src/integrations/PersistedCacheRedis.ts"
import * as PersistenceRedis from "../../src/integrations/PersistenceRedis.ts"
import * as ClusterRedis from "../../src/integrations/Redis.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { flush, moveAway, service, services } from "./services.ts"

class User extends Persistable.Class<{ payload: { readonly id: number } }>()("User", {
  primaryKey: ({ id }) => String(id),
  success: Schema.Struct({ name: Schema.String }),
  error: Schema.String
}) {}

const named = (id: number) => Exit.succeed({ name: `user ${id}` })

const users = range(30).map((id) => new User({ id }))

const persistence = service(Persistence.Persistence, PersistenceRedis.layer)

const backing = (storeId: string) =>
  Effect.flatMap(service(Persistence.BackingPersistence, PersistenceRedis.layerBacking), ({ make }) => make(storeId))

describe("Persistence on a cluster", () => {
  layer(RedisCluster.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    it.effect("keeps exits, successes and failures, until they are removed", () =>
      Effect.gen(function*() {
        yield* flush
        const store = yield* (yield* persistence).make({ storeId: "users" })
        const [one, other] = users
        assert.isUndefined(yield* store.get(one))
        yield* store.set(one, named(0))
        yield* store.set(other, Exit.fail("unknown"))
        assert.deepStrictEqual(yield* store.get(one), named(0))
        assert.deepStrictEqual(yield* store.get(other), Exit.fail("unknown"))
        yield* store.remove(one)
        assert.isUndefined(yield* store.get(one))
      }))

    it.effect("writes and reads entries of all slots at once, in the order of the keys, without a hash tag", () =>
      Effect.gen(function*() {
        yield* flush
        const store = yield* (yield* persistence).make({ storeId: "users" })
        yield* store.setMany(users.slice(1).map((user) => [user, named(user.id)] as const))
        const found = yield* store.getMany(users)
        assert.deepStrictEqual(found, [undefined, ...users.slice(1).map(({ id }) => named(id))])
        const slots = new Set(users.map(({ id }) => HashSlot.ofKey(`users:${id}`)))
        assert.isAbove(slots.size, 20)
      }))

    it.effect("lets entries live as long as they should, and does not write what would be gone at once", () =>
      Effect.gen(function*() {
        yield* flush
        const context = yield* services(PersistenceRedis.layer)
        const redis = Context.get(context, ClusterClient)
        const lifetimes = ["1 hour", "150 millis", "0 millis", "Infinity"] as const
        const store = yield* Context.get(context, Persistence.Persistence).make({
          storeId: "short",
          timeToLive: (_, key) => lifetimes[(key as User).id]
        })
        yield* store.setMany(range(4).map((id) => [users[id], named(id)] as const))
        assert.isAbove(yield* redis.pttl("short:0"), 3_500_000)
        assert.strictEqual(yield* redis.exists(["short:2"]), 0)
        assert.strictEqual(yield* redis.pttl("short:3"), -1)
        yield* Effect.sleep("300 millis")
        assert.isUndefined(yield* store.get(users[1]))
        assert.isDefined(yield* store.get(users[0]))
      }))

    it.effect("clears a store on all primaries, and no other store", () =>
      Effect.gen(function*() {
        yield* flush
        const { make } = yield* persistence
        const [store, other, glob] = yield* Effect.all([
          make({ storeId: "users" }),
          make({ storeId: "users:archive" }),
          make({ storeId: "user?" })
        ])
        yield* store.setMany(users.map((user) => [user, named(user.id)] as const))
        yield* other.set(users[0], named(0))
        yield* glob.clear
        assert.isDefined(yield* store.get(users[0]))
        yield* store.clear
        assert.deepStrictEqual(yield* store.getMany(users), users.map(() => undefined))
        assert.isDefined(yield* other.get(users[0]))
      }))

    it.effect("reads what Effect's own store has written, and writes what that reads", () =>
      Effect.gen(function*() {
        yield* flush
        const effects = yield* (yield* service(
          Persistence.Persistence,
          Layer.provide(Persistence.layerRedis, ClusterRedis.layer())
        )).make({ storeId: "a:b%c" })
        const ours = yield* (yield* persistence).make({ storeId: "a:b%c" })
        yield* effects.set(users[0], named(0))
        yield* ours.set(users[1], named(1))
        assert.deepStrictEqual(yield* ours.get(users[0]), named(0))
        // Effect's own getMany and clear, by a Redis that splits and fans out.
        assert.deepStrictEqual(yield* effects.getMany([users[1], users[2], users[0]]), [named(1), undefined, named(0)])
        yield* effects.clear
        assert.deepStrictEqual(yield* ours.getMany(users.slice(0, 2)), [undefined, undefined])
      }))

    it.effect("says that a value cannot be read or written; among many it counts as none", () =>
      Effect.gen(function*() {
        yield* flush
        const context = yield* services(PersistenceRedis.layerBacking)
        const redis = Context.get(context, ClusterClient)
        const store = yield* Context.get(context, Persistence.BackingPersistence).make("raw")
        yield* redis.set("raw:bad", "{")
        yield* store.set("good", { a: 1 }, undefined)
        const error = yield* Effect.flip(store.get("bad"))
        assert.instanceOf(error, Persistence.PersistenceError)
        assert.notInclude(error.message, "{")
        assert.deepStrictEqual(yield* store.getMany(["good", "bad", "none"]), [{ a: 1 }, undefined, undefined])
        const cyclic: Record<string, unknown> = {}
        cyclic["self"] = cyclic
        assert.match((yield* Effect.flip(store.set("cyclic", cyclic, undefined))).message, /serialize/)
        yield* redis.lpush("raw:list", "x")
        assert.match((yield* Effect.flip(store.get("list"))).message, /get a key/)
      }))

    it.effect("loses nothing and fails nothing while slots move and a primary fails over", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const store = yield* backing("busy")
        let running = true
        let rounds = 0
        const keys = range(30).map(String) as [string, ...Array<string>]
        const busy = yield* Effect.forkChild(Effect.gen(function*() {
          for (; running; rounds++) {
            const value = { round: rounds }
            yield* store.setMany(keys.map((key) => [key, value, undefined] as const) as never)
            assert.deepStrictEqual(yield* store.getMany(keys), keys.map(() => value) as never)
          }
        }))
        const slot = HashSlot.ofKey("busy:7")
        const { source } = yield* moveAway(slot)
        const [replica] = yield* cluster.replicasOf(source)
        yield* cluster.failover(replica)
        running = false
        yield* Fiber.join(busy)
        assert.isAbove(rounds, 0)
        yield* store.clear
        assert.deepStrictEqual(yield* store.getMany(keys), keys.map(() => undefined) as never)
      }))
  })
})

describe("A KeyValueStore on a cluster", () => {
  const open = (options?: KeyValueStoreRedis.KeyValueStoreOptions) =>
    service(KeyValueStore.KeyValueStore, KeyValueStoreRedis.layer(options))

  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    it.effect("sets, gets, has and removes, text and bytes", () =>
      Effect.gen(function*() {
        yield* flush
        const store = yield* open()
        assert.isUndefined(yield* store.get("a"))
        assert.isFalse(yield* store.has("a"))
        yield* store.set("a", "text")
        yield* store.set("b", Uint8Array.of(0, 255, 128))
        assert.strictEqual(yield* store.get("a"), "text")
        assert.deepStrictEqual(Uint8Array.from((yield* store.getUint8Array("b")) ?? []), Uint8Array.of(0, 255, 128))
        assert.isTrue(yield* store.has("a"))
        yield* store.remove("a")
        assert.isUndefined(yield* store.get("a"))
      }))

    it.effect("lists, counts and clears what is its own, on all primaries", () =>
      Effect.gen(function*() {
        yield* flush
        const store = yield* open({ prefix: "mine*:" })
        const other = yield* open({ prefix: "mine:" })
        assert.isTrue(yield* store.isEmpty)
        yield* Effect.forEach(range(40), (index) => store.set(`k${index}`, "1"), { concurrency: 10 })
        yield* other.set("k", "1")
        assert.strictEqual(yield* store.size, 40)
        assert.isFalse(yield* store.isEmpty)
        assert.sameMembers([...(yield* store.keys)], range(40).map((index) => `k${index}`))
        yield* store.clearPrefix("k1")
        assert.strictEqual(yield* store.size, 29)
        const view = KeyValueStore.prefix(store, "k2")
        assert.strictEqual(yield* view.size, 11)
        yield* store.clear
        assert.strictEqual(yield* store.size, 0)
        assert.strictEqual(yield* other.get("k"), "1")
      }))

    it.effect("modifies atomically: many at once lose no update", () =>
      Effect.gen(function*() {
        yield* flush
        const store = yield* open()
        assert.isUndefined(yield* store.modify("n", (value) => `${value}1`))
        yield* store.set("n", "0")
        const add = store.modify("n", (value) => String(Number(value) + 1))
        yield* Effect.all(Array.from({ length: 40 }, () => add), { concurrency: "unbounded" })
        assert.strictEqual(yield* store.get("n"), "40")
        yield* store.set("bytes", Uint8Array.of(200, 1))
        // As text it would be another value: it is not changed, and the attempts end.
        yield* store.set("no text", Uint8Array.of(255, 254, 0, 65))
        const notText = yield* Effect.flip(store.modify("no text", (value) => `${value}!`))
        assert.include(String(notText.cause), "not UTF-8")
        const longer = yield* store.modifyUint8Array("no text", (value) => Uint8Array.of(...value, 1))
        assert.deepStrictEqual(longer, Uint8Array.of(255, 254, 0, 65, 1))
        yield* store.modifyUint8Array("bytes", (value) => Uint8Array.from(value, (byte) => byte + 1))
        assert.deepStrictEqual(Uint8Array.from((yield* store.getUint8Array("bytes")) ?? []), Uint8Array.of(201, 2))
      }))

    it.effect("loses no update while a slot moves, and finds and clears what is in the middle of a move", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const store = yield* open({ prefix: "{moving}:" })
        const keys = range(12).map(String)
        yield* Effect.forEach(keys, (key) => store.set(key, "0"))
        const slot = HashSlot.ofKey("{moving}")
        const source = yield* cluster.owner(slot)
        const target = (yield* cluster.primaries).find((node) => node.port !== source.port)
        assert.isDefined(target)
        let running = true
        let rounds = 0
        const busy = yield* Effect.forkChild(Effect.gen(function*() {
          for (; running; rounds++) {
            yield* Effect.forEach(keys, (key) => store.modify(key, (value) => String(Number(value) + 1)), {
              concurrency: "unbounded"
            })
          }
        }))
        yield* cluster.startMigration(slot, target)
        yield* cluster.moveKeys(slot, 5)
        assert.strictEqual(yield* store.size, 12)
        yield* cluster.finishMigration(slot)
        running = false
        yield* Fiber.join(busy)
        assert.isAbove(rounds, 0)
        assert.deepStrictEqual(yield* Effect.forEach(keys, store.get), keys.map(() => String(rounds)))
        yield* cluster.startMigration(slot, source)
        yield* cluster.moveKeys(slot, 5)
        yield* store.clear
        yield* cluster.finishMigration(slot)
        assert.strictEqual(yield* store.size, 0)
      }))

    it.effect("holds entries for as long as it was told, from when they were last changed", () =>
      Effect.gen(function*() {
        yield* flush
        const context = yield* services(KeyValueStoreRedis.layer({ prefix: "ttl:", ttl: "10 seconds" }))
        const store = Context.get(context, KeyValueStore.KeyValueStore)
        const redis = Context.get(context, ClusterClient)
        yield* store.set("a", "1")
        assert.isAbove(yield* redis.pttl("ttl:a"), 5000)
        yield* redis.pexpire("ttl:a", "2 seconds")
        yield* store.modify("a", () => "2")
        assert.isAbove(yield* redis.pttl("ttl:a"), 5000)
      }))

    it.effect("is a store of a schema's values", () =>
      Effect.gen(function*() {
        yield* flush
        const User = Schema.Struct({ name: Schema.String, born: Schema.Date })
        const store = KeyValueStore.toSchemaStore(yield* open(), User)
        const ada = { name: "ada", born: new Date(0) }
        yield* store.set("ada", ada)
        const found = yield* store.get("ada")
        assert.deepStrictEqual(found._tag === "Some" ? found.value : undefined, ada)
      }))

    it.effect("fails with its own error, which names the method", () =>
      Effect.gen(function*() {
        yield* flush
        const context = yield* services(KeyValueStoreRedis.layer())
        const redis = Context.get(context, ClusterClient)
        yield* redis.lpush("kvs:list", "x")
        const error = yield* Effect.flip(Context.get(context, KeyValueStore.KeyValueStore).get("list"))
        assert.strictEqual(error._tag, "KeyValueStoreError")
        assert.strictEqual(error.method, "get")
      }))

    it.effect("refuses an empty prefix and a time to live that is none", () =>
      Effect.gen(function*() {
        const empty = yield* Effect.flip(open({ prefix: "" }))
        assert.strictEqual((empty as { reason?: { _tag: string } }).reason?._tag, "OptionsError")
        const never = yield* Effect.flip(open({ ttl: "0 seconds" }))
        assert.strictEqual((never as { reason?: { _tag: string } }).reason?._tag, "OptionsError")
      }))
  })
})

describe("A PersistedCache on a cluster", () => {
  layer(RedisCluster.layer(), { excludeTestServices: true })((it) => {
    /** A process of its own: its own client, its own memory. */
    const cacheWith = (lookup: (user: User) => Effect.Effect<{ readonly name: string }, string>, wait?: "50 millis") =>
      Effect.gen(function*() {
        const context = yield* services(PersistenceRedis.layer)
        return yield* Effect.provide(
          PersistedCacheRedis.make(lookup, { storeId: "cache", timeToLive: () => "1 minute", wait }),
          context
        )
      })

    it.effect("looks up once, however many processes ask at once", () =>
      Effect.gen(function*() {
        yield* flush
        let lookups = 0
        const lookup = ({ id }: User) =>
          Effect.andThen(Effect.sleep("300 millis"), Effect.sync(() => ({ name: `user ${id}, ${++lookups}` })))
        const caches = yield* Effect.forEach(range(4), () => cacheWith(lookup), { concurrency: "unbounded" })
        const found = yield* Effect.forEach(caches, (cache) => cache.get(users[1]), { concurrency: "unbounded" })
        assert.deepStrictEqual(found, range(4).map(() => ({ name: "user 1, 1" })))
        yield* caches[0].invalidate(users[1])
        assert.deepStrictEqual(yield* caches[0].get(users[1]), { name: "user 1, 2" })
      }))

    it.effect("keeps failures like results", () =>
      Effect.gen(function*() {
        yield* flush
        let lookups = 0
        const lookup = () => Effect.suspend(() => Effect.fail(`failed ${++lookups}`))
        const [one, other] = yield* Effect.all([cacheWith(lookup), cacheWith(lookup)])
        assert.strictEqual(yield* Effect.flip(one.get(users[2])), "failed 1")
        assert.strictEqual(yield* Effect.flip(other.get(users[2])), "failed 1")
      }))

    it.effect("looks up by itself when it has waited long enough for another", () =>
      Effect.gen(function*() {
        yield* flush
        const slow = yield* cacheWith(() => Effect.never)
        const impatient = yield* cacheWith(() => Effect.succeed({ name: "mine" }), "50 millis")
        const fiber = yield* Effect.forkChild(slow.get(users[3]))
        yield* Effect.sleep("200 millis")
        assert.deepStrictEqual(yield* impatient.get(users[3]), { name: "mine" })
        yield* Fiber.interrupt(fiber)
      }))
  })
})
