/** The checks of the doctor over facts that a test writes down: what real servers cannot be made to show quickly. */
import { assert, describe, it } from "@effect/vitest"
import { answered, type Facts, noAnswer, type NodeFacts, unprobed } from "../../src/cli/doctor/facts/Facts.ts"
import * as Rights from "../../src/cli/doctor/facts/Rights.ts"
import { judge } from "../../src/cli/doctor/Report.ts"
import { endpointsIn, usernameIn } from "../../src/cli/doctor/Startup.ts"

const none = noAnswer("forbidden", "no")
const day = 24 * 60 * 60 * 1000
const now = Date.parse("2030-01-01T00:00:00Z")

const node = (port: number, known: Partial<NodeFacts> = {}): NodeFacts => ({
  address: `10.0.0.1:${port}`,
  announced: `10.0.0.1:${port}`,
  id: `${port}`.padStart(40, "0"),
  role: "primary",
  isMember: true,
  probe: { ...unprobed, answers: true, connectedIn: 1, problem: undefined, speaks: "plain" },
  foundAt: undefined,
  pings: none,
  lines: none,
  cluster: none,
  info: none,
  clock: none,
  config: none,
  rights: none,
  protocol: none,
  slowlog: none,
  busiest: none,
  largest: none,
  moves: none,
  ...known
})

const facts = (nodes: ReadonlyArray<NodeFacts>, wishes: Partial<Facts["wishes"]> = {}): Facts => ({
  now,
  wishes: {
    features: ["commands"],
    tls: false,
    verifies: true,
    protocol: 3,
    commandTimeout: 5000,
    hasPassword: false,
    ...wishes
  },
  startup: [],
  client: { _tag: "Connected", shards: [], uncovered: [] },
  nodes
})

const messages = (given: Facts, level: string): string =>
  judge(given).lines.filter((line) => line.level === level).map(({ check, message }) => `${check}: ${message}`).join(
    "\n"
  )

const certificate = (validTo: number, refusal?: string): NodeFacts =>
  node(1, {
    probe: {
      connectedIn: 1,
      answers: true,
      problem: undefined,
      speaks: "tls",
      tls: {
        version: "TLSv1.3",
        refusal,
        certificate: { subject: "cache", issuer: "ca", names: ["DNS:cache"], validFrom: 0, validTo }
      }
    }
  })

describe("The checks of the doctor", () => {
  it("tell a certificate that has expired from one that ends soon", () => {
    const expired = facts([certificate(now - day, "CERT_HAS_EXPIRED")], { tls: true })
    assert.include(messages(expired, "problem"), "TLS: the certificate is refused: CERT_HAS_EXPIRED")
    assert.include(
      messages(facts([certificate(now - day)], { tls: true }), "problem"),
      "TLS: the certificate has expired"
    )
    assert.include(messages(facts([certificate(now + 10.5 * day)], { tls: true }), "warning"), "ends in 10 days")
    assert.notInclude(messages(facts([certificate(now + 90 * day)], { tls: true }), "warning"), "TLS")
  })

  it("say that versions are mixed, with the number of nodes of each", () => {
    const given = facts([
      node(1, { info: answered({ redis_version: "7.0.15", role: "master" }) }),
      node(2, { info: answered({ redis_version: "7.2.4", valkey_version: "8.1.0", role: "master" }) })
    ])
    assert.include(messages(given, "warning"), "the versions are mixed: Redis 7.0.15 on 1 node, Valkey 8.1.0 on 1 node")
  })

  it("count the round trip out of the difference of clocks", () => {
    const ahead = (by: number, roundTrip: number) =>
      messages(facts([node(1, { clock: answered({ ahead: by, roundTrip }) })]), "warning")
    assert.include(ahead(5000, 10), "ahead of the clock here")
    assert.notInclude(ahead(1500, 2000), "clocks")
  })

  it("see a replica without its link, one that is far behind, and memory that is full", () => {
    const given = facts([
      node(1, {
        info: answered({
          role: "master",
          used_memory: "100",
          maxmemory: "100",
          master_repl_offset: "1000",
          repl_backlog_size: "1000",
          slave0: "ip=10.0.0.2,port=2,state=online,offset=100,lag=1"
        })
      }),
      node(2, { role: "replica", info: answered({ role: "slave", master_link_status: "down" }) })
    ])
    assert.include(messages(given, "problem"), "replication: the replica has lost the link to its primary")
    assert.include(messages(given, "problem"), "load: it uses 100 B of 100 B (maxmemory)")
    assert.include(messages(given, "warning"), "its replica 10.0.0.2:2 is 900 B behind")
  })

  it("see a split view: other owners, and nodes that are not known", () => {
    const line = (port: number, slots: ReadonlyArray<readonly [number, number]>, isSelf: boolean) => ({
      id: `${port}`.padStart(40, "0"),
      host: "10.0.0.1",
      port,
      busPort: port + 10_000,
      hostname: undefined,
      flags: isSelf ? ["myself", "master"] : ["master"],
      primary: undefined,
      pingSent: 0,
      pongReceived: 0,
      configEpoch: port,
      connected: true,
      slots,
      migrating: [],
      importing: []
    })
    const given = facts([
      node(1, { lines: answered([line(1, [[0, 99]], true), line(2, [[100, 16383]], false)]) }),
      node(2, { lines: answered([line(1, [[0, 100]], false), line(2, [[101, 16383]], true)]) }),
      node(3, { lines: answered([line(3, [], true), line(1, [[0, 99]], false), line(2, [[100, 16383]], false)]) })
    ])
    assert.include(messages(given, "problem"), "it has other owners than 10.0.0.1:1 for 1 slot: 100")
    assert.include(messages(given, "problem"), "agreement: it does not know 10.0.0.1:3")
  })

  it("judge settings only for the features that a program uses", () => {
    const config = answered({ "maxmemory-policy": "allkeys-lru", "notify-keyspace-events": "K" })
    const given = (features: Facts["wishes"]["features"]) => facts([node(1, { config })], { features })
    assert.include(messages(given(["locks", "keyspace"]), "warning"), "it may evict a lock before its time")
    assert.include(messages(given(["locks", "keyspace"]), "problem"), "keyspace notifications are off")
    assert.notInclude(messages(given(["commands"]), "warning"), "evict")
  })

  it("say of each check that cannot be made why, and never count it as sound", () => {
    const { lines } = judge(facts([node(1)]))
    const made = lines.filter(({ level }) => level === "ok").map(({ check }) => check)
    assert.notInclude(made, "replication")
    assert.include(messages(facts([node(1)]), "skipped"), "clocks: the user may not run TIME")
  })
})

describe("A user whose keys and channels are limited", () => {
  it("lacks a right for a sample only when somebody named it", () => {
    const refusal = "User app has no permissions to access the '' key"
    const samples = { key: "", channel: "" }
    const watch = Rights.rights(samples).find(({ name }) => name === "WATCH")
    assert.isDefined(watch)
    assert.isFalse(Rights.isRefusal(refusal, watch, samples))
    assert.isTrue(Rights.isRefusal("User app has no permissions to run the 'watch' command", watch, samples))
    const named = { key: "user:1", channel: "" }
    const other = Rights.rights(named).find(({ name }) => name === "WATCH")
    assert.isDefined(other)
    assert.isTrue(Rights.isRefusal("User app has no permissions to access the 'user:1' key", other, named))
  })
})

describe("Startup nodes", () => {
  it("tell the user of a URL", () => {
    const urls = ["redis://app:p@a:1", "redis://app@a:1", "redis://:p@a:1", "redis://a:1"]
    assert.deepStrictEqual(urls.map(usernameIn), ["app", "app", undefined, undefined])
  })

  it("are read from every form that the option has, without their passwords", () => {
    assert.deepStrictEqual(endpointsIn("redis://user:p%40ss@a:1,b:2/0?x=1"), [{ host: "a", port: 1 }, {
      host: "b",
      port: 2
    }])
    assert.deepStrictEqual(endpointsIn("[::1]:7000"), [{ host: "::1", port: 7000 }])
    assert.deepStrictEqual(endpointsIn("cache.example.com"), [{ host: "cache.example.com", port: 6379 }])
  })
})
