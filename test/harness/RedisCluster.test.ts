import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "node:fs"
import * as Path from "node:path"
import { RedisCluster } from "./RedisCluster.ts"

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("RedisCluster", () => {
  it.live("starts 3 primaries with 3 replicas that serve every slot", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ replicas: 1 })
      assert.strictEqual(cluster.nodes.length, 6)
      assert.strictEqual(cluster.seeds[0], `redis://127.0.0.1:${cluster.nodes[0].port}`)
      const primaries = yield* cluster.primaries
      assert.deepStrictEqual(primaries, cluster.nodes.slice(0, 3))
      for (const primary of primaries) {
        assert.strictEqual((yield* cluster.replicasOf(primary)).length, 1)
      }
      assert.strictEqual(yield* cluster.owner(0), primaries[0])
      assert.strictEqual(yield* cluster.owner(16383), primaries[2])
    }))

  it.live("leaves no process and no file behind when its scope closes, stopped and killed nodes included", () =>
    Effect.gen(function*() {
      const { folder, pids } = yield* Effect.scoped(Effect.gen(function*() {
        const cluster = yield* RedisCluster.make()
        const pids = cluster.nodes.map(({ pid }) => pid)
        const directory = yield* cluster.command(cluster.nodes[2], "CONFIG", "GET", "dir")
        const folder = Path.dirname(String(directory).slice("dir,".length))
        assert.isTrue(pids.every(isAlive))
        assert.isTrue(FileSystem.existsSync(folder))
        yield* cluster.stop(cluster.nodes[0])
        yield* cluster.kill(cluster.nodes[1])
        return { folder, pids }
      }))
      assert.deepStrictEqual(pids.filter(isAlive), [])
      assert.isFalse(FileSystem.existsSync(folder))
    }))

  it.effect("promotes the replica of a killed primary, which comes back as its replica", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ replicas: 1 })
      const [primary] = yield* cluster.primaries
      const [replica] = yield* cluster.replicasOf(primary)
      const pid = primary.pid
      yield* cluster.kill(primary)
      assert.isFalse(isAlive(pid))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(cluster.command(primary, "PING"))))
      yield* cluster.awaitOk
      assert.strictEqual((yield* cluster.owner(0)).id, replica.id)
      yield* cluster.restart(primary)
      yield* cluster.awaitOk
      assert.deepStrictEqual(yield* cluster.replicasOf(replica), [primary])
    }))

  it.live("hands a shard over to a replica on demand", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({ replicas: 1 })
      const [primary] = yield* cluster.primaries
      const [replica] = yield* cluster.replicasOf(primary)
      yield* cluster.failover(replica)
      assert.strictEqual((yield* cluster.owner(0)).id, replica.id)
      yield* cluster.awaitOk
      assert.deepStrictEqual(yield* cluster.replicasOf(replica), [primary])
    }))

  it.live("moves a slot with its keys, in one step or in halves", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make()
      const slot = Number(yield* cluster.command(cluster.nodes[0], "CLUSTER", "KEYSLOT", "{a}"))
      const source = yield* cluster.owner(slot)
      const [target] = cluster.nodes.filter((node) => node.id !== source.id)
      for (let index = 0; index < 5; index++) yield* cluster.command(source, "SET", `{a}${index}`, index)

      yield* cluster.startMigration(slot, target)
      assert.strictEqual(yield* cluster.moveKeys(slot, 2), 2)
      assert.strictEqual(yield* cluster.command(source, "CLUSTER", "COUNTKEYSINSLOT", slot), 3)
      const refused = yield* Effect.flip(cluster.command(source, "GET", "{a}missing"))
      assert.strictEqual(refused.message, `ASK ${slot} 127.0.0.1:${target.port}`)
      yield* cluster.finishMigration(slot)
      assert.strictEqual((yield* cluster.owner(slot)).id, target.id)
      assert.strictEqual(yield* cluster.command(target, "GET", "{a}4"), "4")

      yield* cluster.migrateSlot(slot, source)
      assert.strictEqual(yield* cluster.command(source, "CLUSTER", "COUNTKEYSINSLOT", slot), 5)
      yield* cluster.awaitOk
    }))

  it.live("takes nodes in and lets them go", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make()
      const added = yield* cluster.addNode()
      yield* cluster.migrateSlot(0, added)
      const replica = yield* cluster.addNode({ replicaOf: added })
      assert.deepStrictEqual(yield* cluster.replicas, [replica])
      const refused = yield* Effect.flip(cluster.removeNode(added))
      assert.include(refused.message, "still owns 1 slots")
      yield* cluster.removeNode(replica)
      yield* cluster.migrateSlot(0, cluster.nodes[0])
      yield* cluster.removeNode(added)
      yield* cluster.awaitOk
      assert.strictEqual(cluster.nodes.length, 3)
    }))

  it.live("speaks TLS with a password when asked to", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster.make({
        replicas: 1,
        tls: { clientCertificates: "yes" },
        password: "secret"
      })
      const [primary] = yield* cluster.primaries
      assert.strictEqual(primary.url, `rediss://127.0.0.1:${primary.port}`)
      const slot = Number(yield* cluster.command(primary, "CLUSTER", "KEYSLOT", "key"))
      const source = yield* cluster.owner(slot)
      yield* cluster.command(source, "SET", "key", "value")
      const [target] = cluster.nodes.filter(({ id, role }) => role === "primary" && id !== source.id)
      yield* cluster.migrateSlot(slot, target)
      assert.strictEqual(yield* cluster.command(target, "GET", "key"), "value")
    }))
})
