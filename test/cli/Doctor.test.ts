/** The doctor on real clusters, sound and broken ones. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import * as RedisServer from "../harness/RedisServer.ts"
import { eventually } from "../harness/Waiting.ts"
import { type Printed, runLine } from "./CommandLine.ts"

/** Runs the doctor, with flags and variables. */
const doctor = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Effect.Effect<Printed> =>
  runLine(["doctor", ...args], { env: { NO_COLOR: "1", ...env } })

/** The output without what differs from run to run. */
const normal = (cluster: RedisClusterShape, text: string): ReadonlyArray<string> =>
  cluster.nodes
    .reduce((rest, { host, index, port }) => rest.replaceAll(`${host}:${port}`, `node${index}`), text)
    .replaceAll(/\b[\d.]+ m?s\b/g, "TIME")
    .replaceAll(/\b[\d.]+ [KM]?i?B\b/g, "SIZE")
    .replaceAll(/\b\d+ clients?\b/g, "N clients")
    .replaceAll(/(Redis|Valkey) [\d.]+/g, "VERSION")
    .split("\n")
    .map((line) => line.replaceAll(/ {2,}/g, "  ").trimEnd())

/** The lines with a mark, without their remedies. */
const marked = (mark: string, { stdout }: Printed): string =>
  stdout.split("\n").filter((line) => line.startsWith(mark)).join("\n")

describe("The doctor", () => {
  layer(RedisCluster.layer({ replicas: 1 }), { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("finds a cluster sound, in one line for each check, and says so by the exit code", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const printed = yield* doctor([cluster.seeds[0]])
        assert.deepStrictEqual([printed.code, printed.stderr], [0, ""])
        const lines = normal(cluster, printed.stdout).filter((line) => !line.startsWith("? hot slots"))
        assert.deepStrictEqual(lines.filter((line) => line.startsWith("✓")).slice(0, 14), [
          "✓ startup nodes  it answers",
          "✓ TLS  not asked for: nothing is encrypted",
          "✓ client  connected: 3 shards, 6 nodes",
          "✓ addresses  every announced address answers",
          "✓ rights  the user default may run all that is needed for: commands",
          "✓ agreement  6 nodes agree on nodes, slots and epochs",
          "✓ coverage  all slots have an owner that answers, and a replica",
          "✓ migrations  no slot is on its way",
          "✓ failing nodes  no node sees another one as failing",
          "✓ replication  3 replicas linked, SIZE behind at most",
          "✓ versions  VERSION",
          "✓ protocol  RESP3",
          "✓ clocks  no more than TIME apart from here",
          "✓ latency  a PING takes TIME to TIME by node, TIME at most"
        ])
        assert.match(lines.at(-2) ?? "", /^The cluster is sound: 0 problems/)
      }))

    it.effect("prints findings and nodes for programs", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { code, stdout } = yield* doctor([cluster.seeds[0], "--json"])
        const { findings, nodes, schema, verdict } = JSON.parse(stdout)
        assert.deepStrictEqual([code, schema, verdict, nodes.length], [0, 1, "sound", 6])
        assert.deepStrictEqual(Object.keys(findings[0]), ["check", "level", "message", "nodes", "remedy"])
      }))

    it.effect("judges settings by the features of the program", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const printed = yield* doctor([cluster.seeds[0], "--features", "keyspace"])
        assert.strictEqual(printed.code, 1)
        assert.match(marked("✗", printed), /keyspace notifications are off/)
        assert.include(printed.stdout, "notify-keyspace-events KA")
      }))

    it.effect("says which rights a user lacks, with the rule that permits them, and which checks it may not make", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const rules = ["on", ">secret", "~*", "+ping", "+cluster|slots", "+get", "+acl|dryrun"]
        for (const node of cluster.nodes) yield* cluster.command(node, "ACL", "SETUSER", "app", ...rules)
        const url = [cluster.seeds[0], "--username", "app"]
        const printed = yield* doctor(url, { REDIS_PASSWORD: "secret" })
        assert.strictEqual(printed.code, 1)
        assert.match(marked("✗", printed), /the user app may not run ASKING, which is needed/)
        assert.match(marked("✗", printed), /the user app may not run SET, which is needed \(commands\)/)
        assert.include(printed.stdout, "ACL SETUSER app +asking.")
        assert.match(marked("!", printed), /may not run CLUSTER SHARDS: the client does not know the health/)
        assert.match(marked("?", printed), /agreement .*the user may not run CLUSTER NODES/)

        const wrong = yield* doctor(url, { REDIS_PASSWORD: "wrong" })
        assert.strictEqual(wrong.code, 2)
        assert.match(marked("✗", wrong), /client .*it cannot start/)
        assert.include(wrong.stdout, "Correct the user and the password")
        assert.notInclude(wrong.stdout, "secret")
      }))

    it.effect("tells a server without TLS, and an address where nobody listens", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const encrypted = yield* doctor([cluster.seeds[0].replace("redis:", "rediss:"), "--timeout", "2s"])
        assert.strictEqual(encrypted.code, 2)
        assert.match(marked("✗ startup", encrypted), /the server does not speak TLS/)
        const nobody = yield* doctor(["127.0.0.1:1", "--timeout", "2s"])
        assert.strictEqual(nobody.code, 2)
        assert.match(marked("✗ startup", nobody), /ECONNREFUSED/)
      }))

    it.effect("sees a slot that migrates, and one whose migration was interrupted", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const owner = yield* cluster.owner(42)
        const other = (yield* cluster.primaries).find(({ id }) => id !== owner.id)
        assert.isDefined(other)
        yield* cluster.startMigration(42, other)
        const both = yield* doctor([cluster.seeds[0]])
        assert.match(
          marked("!", both),
          new RegExp(`slot 42 moves from 127.0.0.1:${owner.port} to 127.0.0.1:${other.port}`)
        )
        yield* cluster.command(owner, "CLUSTER", "SETSLOT", 42, "STABLE")
        const one = yield* doctor([cluster.seeds[0]])
        assert.match(marked("✗", one), /slot 42 moves .* but only the target knows of it/)
        yield* cluster.command(other, "CLUSTER", "SETSLOT", 42, "STABLE")
      }))

    it.effect("finds the address of a node that announces one that cannot be reached, and says how to map it", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const [seed] = cluster.nodes
        const replica = (yield* cluster.replicas).find(({ id }) => id !== seed.id)
        assert.isDefined(replica)
        // Nobody answers there: the address is one of the loopback interface, on which the servers do not listen.
        yield* cluster.command(replica, "CONFIG", "SET", "cluster-announce-ip", "127.9.9.9")
        yield* eventually(
          "the other nodes know the new address",
          Effect.map(cluster.command(seed, "CLUSTER", "NODES"), (nodes) => String(nodes).includes("127.9.9.9"))
        )
        const printed = yield* doctor([seed.url, "--timeout", "1s"])
        assert.strictEqual(printed.code, 1)
        assert.include(printed.stdout, `--map 127.9.9.9:${replica.port}=127.0.0.1:${replica.port}`)
        yield* cluster.command(replica, "CONFIG", "SET", "cluster-announce-ip", "127.0.0.1")
      }))
  })

  it.live(
    "sees startup nodes of two clusters, slots without an owner, and shards without a replica",
    () =>
      Effect.gen(function*() {
        const options = { primaries: 1, options: ["--cluster-require-full-coverage", "no"] }
        const [one, two] = yield* Effect.all([RedisCluster.make(options), RedisCluster.make(options)])
        yield* one.command(one.nodes[0], "CLUSTER", "DELSLOTS", 7, 8)
        const printed = yield* doctor([one.seeds[0], two.seeds[0]])
        assert.strictEqual(printed.code, 1)
        assert.match(marked("✗ startup", printed), /is of another cluster/)
        const broken = yield* doctor([one.seeds[0]])
        assert.strictEqual(broken.code, 1)
        assert.match(marked("✗ coverage", broken), /2 slots without an owner: 7-8/)
        assert.match(marked("!", broken), /16,382 slots without a replica/)
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "sees nodes that have different views of the cluster, a node that died, and one that is stopped",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({ primaries: 3, replicas: 1, nodeTimeout: 30_000 })
        const [first, second] = yield* cluster.primaries
        const [orphan] = yield* cluster.replicasOf(second)
        yield* cluster.command(first, "CLUSTER", "FORGET", orphan.id)
        const split = yield* doctor([first.url])
        assert.strictEqual(split.code, 1)
        assert.match(marked("✗ agreement", split), new RegExp(`it does not know 127.0.0.1:${orphan.port}`))
        assert.include(split.stdout, "CLUSTER MEET")
        const [dead] = yield* cluster.replicasOf(first)
        yield* cluster.kill(dead)
        yield* cluster.stop(second)
        const broken = yield* doctor([first.url, "--timeout", "1s"])
        yield* cluster.continue(second)
        assert.strictEqual(broken.code, 1)
        for (const { port } of [dead, second]) assert.match(marked("✗ addresses", broken), new RegExp(`:${port}\\b`))
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("says that a server is no cluster", () =>
    Effect.gen(function*() {
      const space = yield* RedisServer.workspace
      const server = yield* RedisServer.start(space, { options: ["--cluster-enabled", "no"] })
      const printed = yield* doctor([server.url])
      assert.strictEqual(printed.code, 2)
      assert.include(printed.stdout, "cluster-enabled yes")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 30_000)

  it.live(
    "sees certificates of another name and of an unknown authority, and a server that speaks TLS only",
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster.make({ primaries: 1, tls: true })
        const [url] = cluster.seeds
        const unknown = yield* doctor([url, "--timeout", "2s"])
        assert.strictEqual(unknown.code, 2)
        assert.match(
          marked("✗ TLS", unknown),
          /the certificate is refused: (SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE)/
        )
        assert.include(unknown.stdout, "--ca FILE")
        const plain = yield* doctor([url.replace("rediss:", "redis:"), "--timeout", "2s"])
        assert.match(marked("✗ startup", plain), /the server speaks TLS only/)
        const ca = cluster.tls?.ca ?? ""
        const named = yield* doctor([url, "--server-name", "cache.example.com", "--timeout", "2s"], {
          REDIS_TLS_CA: ca
        })
        assert.match(marked("✗ TLS", named), /ERR_TLS_CERT_ALTNAME_INVALID/)
        assert.include(named.stdout, "DNS:localhost")
        const good = yield* doctor([url], { REDIS_TLS_CA: ca })
        assert.match(marked("✓ TLS", good), /TLSv1\.\d; all certificates are accepted/)
      }).pipe(Effect.scoped),
    30_000
  )
})
