/**
 * Events and metrics of the cache: nodes that report changes, that refuse to, and whose cached replies are dropped.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { type ClientEvent, Command } from "../../src/index.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { until } from "../harness/Waiting.ts"
import { observe } from "../observability/Observing.ts"

/** A client with a cache whose events are written down. */
const watched = Effect.fnUntraced(function*(options: Partial<ClusterOptions> = {}) {
  const cluster = yield* RedisCluster
  const observed = yield* observe({ nodes: cluster.seeds, cache: { maxBytes: 1024 * 1024 }, ...options })
  const events: Array<ClientEvent> = []
  yield* observed.redis.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  const of = (tag: ClientEvent["_tag"]) => events.filter(({ _tag }) => _tag === tag)
  const read = observed.redis.get("key").pipe(Command.cached("1 hour"))
  return { cluster, ...observed, of, read, owner: yield* observed.redis.ownerOf("key") }
})

describe("The events of a cache", () => {
  layer(RedisCluster.layer({ primaries: 3 }), { timeout: "60 seconds", excludeTestServices: true })((it) => {
    it.effect("say that a node reports changes, and that its replies were dropped: flushed, or disconnected", () =>
      Effect.gen(function*() {
        const { cluster, of, owner, read, redis } = yield* watched({ clientName: "watched" })
        yield* redis.ping()
        yield* read
        assert(owner !== undefined)
        const node = `${owner}`
        const armed = () => of("CacheArmed").filter((event) => "node" in event && event.node === node).length
        // The connection may be older than those who listen.
        const before = armed()
        assert.isAtMost(before, 1)
        const server = cluster.nodes.find(({ port }) => port === owner.port)
        assert(server !== undefined)
        yield* cluster.command(server, "FLUSHALL")
        yield* until("the event", () => of("CacheFlushed").length === 1)
        assert.deepStrictEqual(of("CacheFlushed"), [{ _tag: "CacheFlushed", node, reason: "flushed" }])
        yield* read
        const list = String(yield* cluster.command(server, "CLIENT", "LIST"))
        for (const [, id] of list.matchAll(/id=(\d+) [^\n]*name=watched /g)) {
          yield* cluster.command(server, "CLIENT", "KILL", "ID", id)
        }
        yield* until("the loss", () => of("CacheFlushed").length === 2)
        assert.deepStrictEqual(of("CacheFlushed")[1], { _tag: "CacheFlushed", node, reason: "disconnected" })
        yield* read
        yield* until("the next socket", () => armed() === before + 1)
        assert.isEmpty(of("CacheRefused"))
      }))

    it.effect("say once that a node refuses, and a gauge does until it does not any more; a client without a cache has neither", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const allow = (rule: string) =>
          Effect.forEach(
            cluster.nodes,
            (node) => cluster.command(node, "ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", rule)
          )
        yield* allow("-client|tracking")
        const { lines, of, read, redis, snapshots, value } = yield* watched({
          username: "limited",
          password: Redacted.make("pw")
        })
        yield* read
        yield* until("the refusal", () => value("cache_refused") >= 1)
        const node = `${yield* redis.ownerOf("key")}`
        const refusals = () => lines.filter(({ message }) => message.includes("does not report changes"))
        assert.isAtLeast(refusals().length, 1)
        assert.include(String(refusals()[0].annotations["redis.reason"]), "NOPERM")
        const before = [of("CacheRefused").length, refusals().length]
        const end = Effect.forEach(cluster.nodes, (node) => cluster.command(node, "CLIENT", "KILL", "USER", "limited"))
        yield* end
        yield* read
        assert.deepStrictEqual([of("CacheRefused").length, refusals().length], before, `once for ${node}`)
        yield* allow("+client|tracking")
        yield* end
        yield* until("that all report", () => value("cache_refused") === 0).pipe(
          Effect.raceFirst(Effect.forever(Effect.andThen(Effect.exit(redis.on("primaries").ping()), Effect.sleep(20))))
        )
        yield* read
        yield* read
        assert.isAbove(value("cache_hits_total"), 0)
        assert.isTrue(snapshots().some(({ id }) => id === "redis_cluster_cache_entries"))
        const plain = yield* observe({ nodes: cluster.seeds })
        assert.isFalse(plain.snapshots().some(({ id }) => id.startsWith("redis_cluster_cache")))
      }))
  })
})
