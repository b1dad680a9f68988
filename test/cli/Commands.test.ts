/** Each command of the command line on a real cluster. */
import { assert, describe, layer } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Terminal from "effect/Terminal"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ClusterClient, HashSlot } from "../../src/index.ts"
import { RedisCluster, type RedisClusterShape } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"
import { key, type Printed, runInto, runLine, type Surroundings } from "./CommandLine.ts"

const services = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) => ClusterClient.layer({ nodes: cluster.seeds }))
).pipe(Layer.provideMerge(RedisCluster.layer({ replicas: 1 })))

/** Runs a command line with the cluster in the environment. */
const run = Effect.fnUntraced(function*(args: ReadonlyArray<string>, surroundings: Surroundings = {}) {
  const cluster = yield* RedisCluster
  return yield* runLine(args, {
    ...surroundings,
    env: { REDIS_CLUSTER_URL: cluster.seeds.join(","), NO_COLOR: "1", ...surroundings.env }
  })
})

/** The output without what differs from run to run: addresses become the place of the node, and times a word. */
const normal = (cluster: RedisClusterShape, text: string): ReadonlyArray<string> =>
  cluster.nodes
    .reduce((rest, { host, index, port }) => rest.replaceAll(`${host}:${port}`, `node${index}`), text)
    .replaceAll(/\b[\d.]+ m?s\b/g, "TIME")
    .split("\n")
    .map((line) => line.replaceAll(/ {2,}/g, "  ").trimEnd())
    .filter((line) => line !== "")

describe("The command", () => {
  layer(services, { excludeTestServices: true, timeout: 60_000 })((it) => {
    it.effect("topology draws the ring, and lists nodes, roles, health and slots", () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const { code, stderr, stdout } = yield* run(["topology"], { columns: 100 })
        assert.deepStrictEqual([code, stderr], [0, ""])
        const lines = normal(cluster, stdout)
        assert.deepStrictEqual(lines.slice(0, 11), [
          "  CCCCCAAAAA",
          "  CCCCCCCCAAAAAAAA",
          "  CCCC  AAAA",
          " CCC  AAA  3 shards, 6 nodes",
          "CCC  AAA  3 primaries, 3 replicas",
          "CCC  AAA  all 16,384 slots have an owner",
          "CCC  AAA  5,461 to 5,462 slots a shard",
          " CCC  AAA",
          "  BBBB  BBBB",
          "  BBBBBBBBBBBBBBBB",
          "  BBBBBBBBBB"
        ])
        assert.strictEqual(lines[11], "  ROLE  NODE  HEALTH  PING  SLOTS")
        assert.match(lines[12], /^A {2}primary {2}node\d {2}online {2}TIME {2}0-54\d\d$/)
        assert.match(lines[13], /^ {2}replica {2}node\d {2}online {2}TIME$/)
      }))

    it.effect("topology fits a narrow terminal, without the ring", () =>
      Effect.gen(function*() {
        const { stdout } = yield* run(["topology"], { columns: 40 })
        const lines = stdout.split("\n")
        assert.strictEqual(lines[0], "3 shards, 6 nodes")
        for (const line of lines) assert.isAtMost(line.length, 40)
      }))

    it.effect("topology prints JSON, Mermaid and SVG of one cluster", () =>
      Effect.gen(function*() {
        const { redis, cluster } = yield* Effect.all({ redis: ClusterClient, cluster: RedisCluster })
        const known = yield* redis.topology
        const { shards } = JSON.parse((yield* run(["topology", "--json"])).stdout)
        assert.sameMembers(
          shards.map(({ primary }: { readonly primary: { readonly address: string } }) => primary.address),
          known.primaries.map(({ address }) => address)
        )
        const mermaid = normal(cluster, (yield* run(["topology", "--mermaid"])).stdout)
        assert.strictEqual(mermaid[0], "flowchart LR")
        assert.strictEqual(mermaid.filter((line) => line.includes("-->")).length, 3)
        const directory = mkdtempSync(join(tmpdir(), "topology-"))
        try {
          const file = join(directory, "cluster.svg")
          const { code, stderr, stdout } = yield* run(["topology", "--svg", file])
          assert.deepStrictEqual([code, stdout, stderr], [0, "", `The picture is in ${file}\n`])
          const svg = readFileSync(file, "utf8")
          assert.strictEqual(svg.match(/<path /g)?.length, 3)
          for (const { address } of known.nodes.values()) assert.include(svg, address)
          const nowhere = join(directory, "none", "cluster.svg")
          const failed = yield* run(["topology", "--svg", nowhere])
          assert.deepStrictEqual(
            [failed.code, failed.stderr],
            [2, `error: ${nowhere}: there is no such file or folder\n`]
          )
        } finally {
          rmSync(directory, { recursive: true })
        }
      }))

    it.effect("topology --watch shows a slot that moves, and leaves the terminal as it was when q is pressed", () =>
      Effect.gen(function*() {
        const { cluster, redis } = yield* Effect.all({ redis: ClusterClient, cluster: RedisCluster })
        const slot = HashSlot.ofKey("moved")
        const from = yield* cluster.owner(slot)
        const to = (yield* cluster.primaries).find((node) => node.id !== from.id)
        assert.isDefined(to)
        const keys = yield* Queue.make<Terminal.UserInput, Cause.Done>()
        const printed: Printed = { stdout: "", stderr: "", code: undefined }
        const env = { REDIS_CLUSTER_URL: cluster.seeds.join(","), NO_COLOR: "1" }
        const fiber = yield* Effect.forkChild(
          runInto(printed, ["topology", "--watch"], { columns: 100, rows: 40, keys, env })
        )
        yield* Waiting.until("the picture", () => printed.stdout.includes("q quits"))
        yield* cluster.migrateSlot(slot, to)
        yield* Waiting.until(
          "the event",
          () => printed.stdout.includes(`slot ${slot} moved from 127.0.0.1:${from.port} to 127.0.0.1:${to.port}`)
        )
        yield* Queue.offer(keys, key("q"))
        yield* Fiber.join(fiber)
        assert.deepStrictEqual([printed.code, printed.stderr], [0, ""])
        assert.isTrue(printed.stdout.endsWith("\u001B[?25h\u001B[?1049l"))
        yield* cluster.migrateSlot(slot, from)
        yield* redis.refreshTopology
      }))

    it.effect("owner names the primary and the replicas of keys", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const { code, stdout } = yield* run(["owner", "--json", "user:1", "{user:1}:cart"])
        const [one, other] = JSON.parse(stdout)
        assert.strictEqual(code, 0)
        assert.strictEqual(one.primary, (yield* redis.ownerOf("user:1"))?.address)
        assert.deepStrictEqual([one.slot, one.replicas.length], [HashSlot.ofKey("user:1"), 1])
        assert.strictEqual(other.primary, one.primary)
      }))

    it.effect("scan gives every key of a pattern, a line each, with those that are no text", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        const names = Array.from({ length: 300 }, (_, i) => `scanned:${i}`)
        yield* redis.msetNonatomic(Object.fromEntries(names.map((name) => [name, "x"])))
        yield* redis.set(Uint8Array.from([0xff, 0x0a]), "x")
        yield* redis.set("line\nbreak", "x")
        const { code, stderr, stdout } = yield* run(["scan", "--match", "scanned:*", "--count", "20"])
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.sameMembers(stdout.trimEnd().split("\n"), names)
        const json = (yield* run(["scan", "--json"])).stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
        assert.strictEqual(json.length, 302)
        assert.deepInclude(json, { keyBase64: "/wo=", slot: HashSlot.ofKey(Uint8Array.from([0xff, 0x0a])) })
        assert.deepInclude(json, { key: "line\nbreak", slot: HashSlot.ofKey("line\nbreak") })
        assert.strictEqual((yield* run(["scan", "--total", "--type", "string"])).stdout, "302\n")
        assert.strictEqual((yield* run(["scan", "--limit", "7"])).stdout.trimEnd().split("\n").length, 7)
        const { stdout: shown } = yield* run(["scan"], { columns: 80 })
        assert.include(shown, String.raw`line\nbreak`)
        assert.include(shown, String.raw`\xff\x0a`)
      }))

    it.effect("scan --total shows a bar on the standard error, and clears it", () =>
      Effect.gen(function*() {
        const { stderr, stdout } = yield* run(["scan", "--total"], { columns: 80 })
        assert.strictEqual(stdout, "302\n")
        assert.match(stderr, /scan [█░]+ \d+% [\d,]+ keys?/)
        assert.isTrue(stderr.endsWith("\r\u001B[K"))
      }))

    it.effect("run prints the reply of a key's node, with types on a terminal and as it is in a pipe", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.set("text", `a "b"\n`)
        yield* redis.hset("hash", { field: "1" })
        const on = (...args: ReadonlyArray<string>) =>
          Effect.map(run(["run", ...args], { columns: 80 }), ({ stdout }) => stdout)
        assert.strictEqual(yield* on("GET", "text"), `"a \\"b\\"\\n"\n`)
        assert.strictEqual(yield* on("GET", "nothing"), "(nil)\n")
        assert.strictEqual(yield* on("STRLEN", "text"), "(integer) 6\n")
        assert.strictEqual(yield* on("HGETALL", "hash"), `1# "field" => "1"\n`)
        assert.strictEqual(yield* on("LRANGE", "list", "0", "-1"), "(empty array)\n")
        assert.strictEqual(yield* on("SET", "other", "x"), "OK\n")
        assert.strictEqual((yield* run(["run", "GET", "text"])).stdout, `a "b"\n\n`)
        assert.deepStrictEqual(JSON.parse((yield* run(["run", "--json", "HGETALL", "hash"])).stdout), { field: "1" })
        assert.strictEqual((yield* run(["run", "--", "SET", "flag", "--json"])).stdout, "OK\n")
        assert.strictEqual(yield* redis.get("flag"), "--json")
      }))

    it.effect("run merges the replies of all nodes by the policies of the commands", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        yield* redis.msetNonatomic({ a: "1", b: "2", c: "3", d: "4" })
        assert.strictEqual((yield* run(["run", "DBSIZE"])).stdout, "4\n")
        assert.sameMembers((yield* run(["run", "KEYS", "*"])).stdout.trimEnd().split("\n"), ["a", "b", "c", "d"])
        const { stdout } = yield* run(["run", "--json", "INFO", "server"])
        assert.isAbove(Object.keys(JSON.parse(stdout)).length, 1)
      }))

    it.effect("run --target asks the nodes that it names, and prints the reply of each", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        const counts = (yield* redis.primaries).map(({ address }) => address)
        const { stdout } = yield* run(["run", "--target", "primaries", "DBSIZE"])
        assert.sameMembers(
          stdout.split("\n").filter((line) => line.startsWith("#")),
          counts.map((address) => `# ${address} (primary)`)
        )
        const all = JSON.parse((yield* run(["run", "-t", "all", "--json", "PING"])).stdout)
        assert.sameMembers(Object.keys(all), cluster.nodes.map(({ host, port }) => `${host}:${port}`))
        const owner = yield* redis.ownerOf("a")
        assert.strictEqual(
          (yield* run(["run", "-t", "key=a", "--json", "CLUSTER", "MYID"])).stdout,
          `${JSON.stringify({ [owner?.address ?? ""]: owner?.id }, undefined, 2)}\n`
        )
        assert.strictEqual((yield* run(["run", "-t", "key=a", "GET", "a"])).stdout, "1\n")
        const elsewhere = counts.find((address) => address !== owner?.address) ?? ""
        const refused = yield* run(["run", "-t", `${elsewhere},${owner?.address}`, "GET", "a"])
        assert.strictEqual(refused.code, 1)
        assert.match(refused.stderr, /^error: .*MOVED/)
        assert.include(refused.stdout, "\n1\n")
      }))

    it.effect("run says in a sentence why a command is refused, with the exit code", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("text", "x")
        const cases = [
          [["MULTI"], 2, /transaction/],
          [["GETT", "x"], 2, /neither the servers nor this library know the command GETT/],
          [["MGET", "user:1", "user:2"], 2, /different slots/],
          [["LPUSH", "text", "x"], 1, /WRONGTYPE/],
          [["-t", "127.0.0.1:1", "PING"], 2, /not a node of this cluster/],
          [["-t", "somewhere", "PING"], 2, /Expected all, primaries/]
        ] as const
        for (const [args, code, message] of cases) {
          const printed = yield* run(["run", ...args])
          assert.deepStrictEqual([printed.code, printed.stdout], [code, ""])
          assert.match(printed.stderr, message)
          assert.match(printed.stderr, /^error: /)
          assert.notMatch(printed.stderr, /\n\s+at /)
        }
      }))

    it.effect("keyspace counts keys by node, type and expiry, and finds the biggest", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const cluster = yield* RedisCluster
        yield* redis.flushall()
        yield* redis.msetNonatomic(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`small:${i}`, "x"])))
        yield* redis.set("huge", "x".repeat(50_000), { expire: "1 hour" })
        yield* redis.rpush("list", ["a", "b"])
        for (const flags of [["--full"], ["--sample", "1000"]]) {
          const found = JSON.parse((yield* run(["keyspace", "--json", ...flags])).stdout)
          assert.strictEqual(found.nodes.length, 3)
          assert.strictEqual(found.nodes.reduce((sum: number, { keys }: { keys: number }) => sum + keys, 0), 42)
          assert.deepStrictEqual(
            found.sample.types.map(({ keys, type }: { keys: number; type: string }) => [type, keys]),
            [["string", 41], ["list", 1]]
          )
          assert.strictEqual(found.sample.biggest[0].key, "huge")
          assert.isAbove(found.sample.biggest[0].bytes, 50_000)
        }
        const sampled = JSON.parse((yield* run(["keyspace", "--json", "--sample", "12"])).stdout)
        assert.isFalse(sampled.sample.isWhole)
        assert.isAtLeast(sampled.sample.keys, 12)
        const { stdout } = yield* run(["keyspace"], { columns: 100 })
        const lines = normal(cluster, stdout)
        assert.strictEqual(lines[0], "NODE  ROLE  KEYS  WITH EXPIRY  MEAN TTL  MEMORY")
        assert.match(lines[4], /^total {2}primaries {2}42 {2}1 {2}2% {2}.+ MiB$/)
        assert.include(lines, "All 42 keys:")
        assert.match(stdout, /huge +string +[\d.]+ KiB +\d+ +(1h|60m)/)
      }))

    it.effect("monitor merges the commands of all nodes, by pattern, and ends at the limit", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        const work = Effect.forEach(["watched:1", "watched:2", "watched:3", "other"], (name) => redis.set(name, "a b"))
        const busy = yield* Effect.forkChild(Effect.forever(Effect.andThen(work, Effect.sleep("20 millis"))))
        const { code, stdout } = yield* run(
          ["monitor", "--match", "watched:*", "--command", "set,del", "--limit", "60", "--json"]
        )
        const seen = stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
        assert.deepStrictEqual([code, seen.length], [0, 60])
        const known = new Map<string, string>()
        for (const { command: [name, key], node } of seen) {
          assert.strictEqual(name.toLowerCase(), "set")
          assert.match(key, /^watched:/)
          assert.strictEqual(known.get(key) ?? node, node)
          known.set(key, node)
        }
        assert.isAbove(new Set(known.values()).size, 1)
        const short = yield* run(["monitor", "--match", "watched:2", "--limit", "1"])
        assert.match(short.stdout, /^[\d:.]+ 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ SET watched:2 "a b"\n$/)
        assert.deepStrictEqual(yield* run(["monitor", "--match", "nobody", "--for", "300ms"]), {
          stdout: "",
          stderr: "",
          code: 0
        })
        yield* Fiber.interrupt(busy)
      }))

    it.effect("bench reports latencies and CPU, and leaves no key behind, also when it is interrupted", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.flushall()
        for (const more of [[], ["--pipeline", "5"]]) {
          const { code, stdout } = yield* run(
            ["bench", "--duration", "300ms", "--keys", "700", "--callers", "5", "--json", ...more]
          )
          const figures = JSON.parse(stdout)
          assert.strictEqual(code, 0)
          assert.isAbove(figures.commands, 0)
          assert.isAbove(figures.cpuPerCommand, 0)
          const { max, p50, p99 } = figures.latency
          assert.isTrue(0 < p50 && p50 <= p99 && p99 <= max)
        }
        assert.strictEqual(yield* redis.dbsize(), 0)
        const printed: Printed = { stdout: "", stderr: "", code: undefined }
        const { seeds } = yield* RedisCluster
        const running = yield* Effect.forkChild(
          runInto(printed, ["bench", "--duration", "1h", "--keys", "100"], {
            env: { REDIS_CLUSTER_URL: seeds.join(",") }
          })
        )
        yield* Waiting.eventually("keys", Effect.map(redis.dbsize(), (keys) => keys > 0))
        yield* Fiber.interrupt(running)
        assert.strictEqual(yield* redis.dbsize(), 0)
      }))

    it.effect("completions prints a script that knows every command, for each shell", () =>
      Effect.gen(function*() {
        for (const shell of ["bash", "zsh", "fish", "powershell"]) {
          const { code, stdout } = yield* run(["completions", shell])
          assert.strictEqual(code, 0)
          for (const word of ["topology", "keyspace", "bench", "target"]) assert.include(stdout, word)
        }
        assert.strictEqual((yield* run(["completions", "tcsh"])).code, 2)
      }))
  })
})
