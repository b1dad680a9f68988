/**
 * The lines of INFO become typed figures, whatever else a server writes.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { DecodeFailure } from "../../src/commands/decode.ts"
import { serverInfo } from "../../src/commands/serverInfo.ts"
import { ClusterClient } from "../../src/index.ts"
import { TestCluster } from "../../src/testing/index.ts"

const read = (sections: string | ReadonlyArray<string>, ...lines: ReadonlyArray<string>) => {
  const info = serverInfo<ReadonlyArray<string>>(sections)(`${lines.join("\r\n")}\r\n`)
  if (info instanceof DecodeFailure) assert.fail(info.message)
  return info
}

const memory = ["# Memory", "used_memory:1714120", "maxmemory:0", "maxmemory_policy:noeviction"]
const replication = ["# Replication", "role:master", "connected_slaves:1", "master_repl_offset:9"]

describe("INFO", () => {
  it("has numbers as numbers, percentages too, and a figure that the server does not know as undefined", () => {
    const { memory: figures } = read("memory", ...memory, "used_memory_peak_perc:98.50%", "used_memory_peak:2000000")
    assert.strictEqual(figures?.usedMemory, 1714120)
    assert.strictEqual(figures?.usedMemoryPeakPerc, 98.5)
    assert.strictEqual(figures?.maxmemoryPolicy, "noeviction")
    assert.strictEqual(figures?.memAllocator, undefined)
  })

  it("keeps lines and sections that nobody knows as text, and fails for none of them", () => {
    const { fields, memory: figures } = read(
      "memory",
      ...memory,
      "used_memory_human:1.63M",
      "line without a colon",
      ":no name",
      "__proto__:text",
      "mem_clients_normal:many",
      "",
      "# Scripting Engines",
      "engine_0:name=LUA,module=built-in:1"
    )
    assert.strictEqual(fields["used_memory_human"], "1.63M")
    assert.strictEqual(fields["engine_0"], "name=LUA,module=built-in:1")
    assert.strictEqual(Object.getOwnPropertyDescriptor(fields, "__proto__")?.value, "text")
    assert.strictEqual(figures?.memClientsNormal, undefined)
  })

  it("has replicas, modules, databases, errors, commands and latencies as records", () => {
    const info = read(
      "everything",
      ...["# Server", "redis_version:8.6.3", "run_id:a", "tcp_port:7000", "uptime_in_seconds:5"],
      ...["# Clients", "connected_clients:1", "blocked_clients:0", ...memory],
      ...["# Persistence", "loading:0", "# Stats", "total_connections_received:1", "total_commands_processed:2"],
      ...replication,
      "slave0:ip=10.0.0.2,port=7001,state=online,offset=8,lag=1,type=replica",
      ...["# CPU", "used_cpu_sys:0.5", "used_cpu_user:1.5", "# Cluster", "cluster_enabled:1"],
      ...["# Modules", "module:name=a,ver=80603,api=1,usedby=[x,y],options=[]", "module:name=b,ver=1"],
      ...["# Errorstats", "errorstat_MOVED:count=3", "# Keyspace", "db0:keys=7,expires=2,avg_ttl=900,subexpiry=1"],
      ...["# Commandstats", "cmdstat_client|list:calls=1,usec=15,usec_per_call=15.00,rejected_calls=0,failed_calls=2"],
      ...["# Latencystats", "latency_percentiles_usec_get:p50=1.003,p99=5.023,p99.9=9.5"]
    )
    assert.deepStrictEqual(info.replication?.replicas, [
      { ip: "10.0.0.2", port: 7001, state: "online", offset: 8, lag: 1 }
    ])
    assert.deepStrictEqual(info.modules?.map(({ name, ver }) => [name, ver]), [["a", 80603], ["b", 1]])
    assert.strictEqual(info.modules?.[0].fields["usedby"], "[x,y]")
    assert.deepStrictEqual(info.keyspace, { db0: { keys: 7, expires: 2, avgTtl: 900, subexpiry: 1 } })
    assert.deepStrictEqual(info.errorstats, { MOVED: 3 })
    assert.deepStrictEqual(info.commandstats, {
      "client|list": { calls: 1, usec: 15, usecPerCall: 15, rejectedCalls: 0, failedCalls: 2 }
    })
    assert.deepStrictEqual(info.latencystats, { get: { p50: 1.003, p99: 5.023, "p99.9": 9.5 } })
    assert.strictEqual(info.cluster?.clusterEnabled, true)
    assert.strictEqual(info.persistence?.loading, false)
  })

  it("has an empty record for a section that was asked for and has nothing to say", () => {
    const info = read(["keyspace", "Modules", "errorstats"], "# Keyspace")
    assert.deepStrictEqual([info.keyspace, info.modules, info.errorstats], [{}, [], {}])
    assert.strictEqual(info.commandstats, undefined)
  })

  it("fails for text that lacks the section that was asked for, or a figure that every server has", () => {
    const failures = [
      serverInfo("memory")("# Server\r\nredis_version:7.0.0\r\n"),
      serverInfo("memory")("# Memory\r\nused_memory:1\r\n"),
      serverInfo("memory")("# Memory\r\nused_memory:much\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n")
    ].map((result) => result instanceof DecodeFailure ? result.message : "")
    assert.deepStrictEqual(failures, [
      "the reply lacks the section memory",
      "memory: maxmemory: it is not there",
      "memory: used_memory: it has an unexpected form"
    ])
  })

  layer(TestCluster.layer({ replicas: 1 }))("of a cluster in memory", (it) => {
    it.effect("has every section, on primaries and replicas", () =>
      Effect.gen(function*() {
        const redis = yield* ClusterClient
        yield* redis.set("k", "v")
        const infos = [...(yield* redis.on("all").info("everything")).values()]
        assert.deepStrictEqual(infos.map(({ replication }) => replication.role).toSorted(), [
          ...["master", "master", "master"],
          ...["slave", "slave", "slave"]
        ])
        assert.isAtLeast(Math.max(...infos.map(({ commandstats }) => commandstats["set"]?.calls ?? 0)), 1)
        for (const text of (yield* redis.info("server", { raw: true })).values()) assert.match(text, /^# Server\r\n/)
      }))
  })
})
