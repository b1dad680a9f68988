import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { inspect } from "node:util"
import { weightOf } from "../src/caching/Weight.ts"
import { type ClusterOptions, type Credentials, resolve, table } from "../src/ClusterOptions.ts"
import * as ReadFrom from "../src/ReadFrom.ts"

const nodes = "redis://127.0.0.1:7000"
const accepted = (options: ClusterOptions) => Result.getOrThrow(resolve(options))
const refused = (options: ClusterOptions) => {
  const result = resolve(options)
  assert(Result.isFailure(result))
  return result.failure
}
const credentials = (options: ClusterOptions) => {
  const given = accepted(options).credentials
  assert(!Effect.isEffect(given))
  return given === undefined ? undefined : [given.username, Redacted.value(given.password)]
}

describe("ClusterOptions", () => {
  it("has a default for everything but the nodes", () => {
    const options = accepted({ nodes })
    assert.deepStrictEqual(options.seeds, [{ host: "127.0.0.1", port: 7000 }])
    assert.strictEqual(options.commandTimeout, 5000)
    assert.strictEqual(options.connectTimeout, 2000)
    assert.strictEqual(options.maxRedirects, 16)
    assert.strictEqual(options.refreshInterval, 60_000)
    assert.strictEqual(options.requireFullCoverage, false)
    assert.strictEqual(options.overflow, "suspend")
    assert.strictEqual(options.protocol, 3)
    assert.strictEqual(options.readFrom, ReadFrom.primary)
    assert.strictEqual(options.availabilityZone, undefined)
    assert.strictEqual(options.zoneOf, undefined)
    assert.strictEqual(options.tls, undefined)
    assert.strictEqual(options.credentials, undefined)
    assert.deepStrictEqual(options.mapAddress({ host: "a", port: 1 }), { host: "a", port: 1 })
  })

  it("refuses a cache in which no reply has room", () => {
    assert.strictEqual(accepted({ nodes, cache: { maxBytes: 1024 } }).cache?.maxBytes, 1024)
    assert.include(refused({ nodes, cache: { maxBytes: 1023 } }), "maxBytes has to be an integer of at least 1024")
    assert.isAtMost(weightOf("GET", [{ text: "user:1" }], "x".repeat(500)), 1024)
  })

  it("takes one node or many, as URLs or as host and port", () => {
    const seeds = [{ host: "10.0.0.1", port: 7000 }, { host: "::1", port: 7001 }, { host: "a.example.com", port: 6379 }]
    assert.deepStrictEqual(accepted({ nodes: seeds }).seeds, seeds)
    assert.deepStrictEqual(accepted({ nodes: seeds[0] }).seeds, [seeds[0]])
    assert.deepStrictEqual(
      accepted({ nodes: ["redis://10.0.0.1:7000", "redis://[::1]:7001/", "redis://a.example.com/0"] }).seeds,
      seeds
    )
  })

  it("reads user and password from a URL, percent signs decoded; options win over it", () => {
    const url = "redis://ada:p%40ss%2F@127.0.0.1:7000"
    assert.deepStrictEqual(credentials({ nodes: url }), ["ada", "p@ss/"])
    assert.deepStrictEqual(credentials({ nodes: "redis://:secret@127.0.0.1:7000" }), [undefined, "secret"])
    assert.deepStrictEqual(credentials({ nodes: [nodes, url] }), ["ada", "p@ss/"])
    assert.deepStrictEqual(credentials({ nodes: url, username: "bob", password: Redacted.make("x") }), ["bob", "x"])
  })

  it("prefers an effect that fetches credentials", () => {
    const fetched: Effect.Effect<Credentials> = Effect.succeed({ password: Redacted.make("token") })
    assert.strictEqual(accepted({ nodes: "redis://:old@127.0.0.1:7000", credentials: fetched }).credentials, fetched)
  })

  it("tells a stream of credentials from an effect", () => {
    const stream = Stream.make({ password: Redacted.make("token") })
    const options = accepted({ nodes: "redis://:old@127.0.0.1:7000", username: "ada", credentials: stream })
    assert.strictEqual(options.credentialsStream, stream)
    assert.isUndefined(
      accepted({ nodes, credentials: Effect.succeed({ password: Redacted.make("x") }) }).credentialsStream
    )
  })

  it("takes redacted URLs, and an effect in place of nodes", () => {
    const options = accepted({ nodes: [Redacted.make("rediss://ada:secret@a:1"), Redacted.make("rediss://b:2")] })
    assert.deepStrictEqual(options.seeds, [{ host: "a", port: 1 }, { host: "b", port: 2 }])
    assert.deepStrictEqual(options.tls, {})
    const find = Effect.succeed([{ host: "a", port: 1 }])
    assert.deepStrictEqual(Effect.runSync(accepted({ nodes: find }).findSeeds ?? Effect.die("none")), [
      { host: "a", port: 1 }
    ])
    assert.deepStrictEqual(accepted({ nodes: find }).seeds, [])
  })

  it("speaks TLS for rediss:// and when told to", () => {
    assert.deepStrictEqual(accepted({ nodes: "rediss://a.example.com:7000" }).tls, {})
    assert.deepStrictEqual(accepted({ nodes, tls: true }).tls, {})
    assert.deepStrictEqual(accepted({ nodes, tls: { ca: "pem" } }).tls, { ca: "pem" })
    assert.strictEqual(accepted({ nodes: "rediss://a.example.com:7000", tls: false }).tls, undefined)
  })

  it("takes durations in every form of Effect", () => {
    const options = accepted({
      nodes,
      commandTimeout: "2 seconds",
      connectTimeout: 300,
      drainTimeout: Duration.zero,
      refreshInterval: "Infinity"
    })
    assert.strictEqual(options.commandTimeout, 2000)
    assert.strictEqual(options.connectTimeout, 300)
    assert.strictEqual(options.drainTimeout, 0)
    assert.strictEqual(options.refreshInterval, Number.POSITIVE_INFINITY)
  })

  it("takes a policy for reads, and a zone for the one that goes by it", () => {
    const policy = ReadFrom.replica.pipe(ReadFrom.maxLag("1 second"))
    assert.strictEqual(accepted({ nodes, readFrom: policy }).readFrom, policy)
    assert.strictEqual(accepted({ nodes, readFrom: ReadFrom.nearest(), availabilityZone: "a" }).availabilityZone, "a")
    assert.strictEqual(accepted({ nodes, readFrom: ReadFrom.nearest("a") }).availabilityZone, undefined)
  })

  it("takes the URLs of Valkey, a host with its port, and an address with a zone", () => {
    assert.deepStrictEqual(accepted({ nodes: "127.0.0.1:7000" }).seeds, [{ host: "127.0.0.1", port: 7000 }])
    assert.deepStrictEqual(
      accepted({ nodes: ["valkey://a:1", "b:2", "[::1]:7001", "redis://[fe80::1%25eth0]:3"] }).seeds,
      [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
        { host: "::1", port: 7001 },
        { host: "fe80::1%eth0", port: 3 }
      ]
    )
    assert.deepStrictEqual(accepted({ nodes: "valkeys://a:1" }).tls, {})
  })

  it("leaves an address as it is when the function that maps it throws or knows none", () => {
    const endpoint = { host: "a", port: 1 }
    for (const mapAddress of [() => undefined as never, () => ({ host: "", port: 1 }), () => assert.fail("thrown")]) {
      assert.deepStrictEqual(accepted({ nodes, mapAddress }).mapAddress(endpoint), endpoint)
    }
  })

  it("fails the effect that finds the nodes when it gives none", () => {
    for (const found of [["redis://a:1"], [{ host: "[::1]", port: 1 }], "a:1", undefined, [null]]) {
      const find = Effect.succeed(found) as unknown as Effect.Effect<ReadonlyArray<{ host: string; port: number }>>
      const error = Effect.runSync(Effect.flip(accepted({ nodes: find }).findSeeds ?? Effect.die("none")))
      assert.include(String(error), "the effect of nodes has to give a list of { host, port }")
    }
  })

  const wrong: ReadonlyArray<readonly [what: string, options: ClusterOptions, named: string]> = [
    ["no node", { nodes: [] }, "nodes is empty"],
    ["a broken escape", { nodes: "redis://ada:p%@127.0.0.1:7000" }, "nodes[0] holds a %"],
    ["no URL", { nodes: [nodes, "127.0.0.1"] }, "nodes[1] is not a URL"],
    ["a query", { nodes: "redis://h:1?db=3" }, "nodes[0] has a query"],
    ["a host in brackets", { nodes: { host: "[::1]", port: 1 } }, "nodes[0].host"],
    ["a host with a space", { nodes: { host: " h", port: 1 } }, "nodes[0].host"],
    ["a host with a port", { nodes: { host: "h:1", port: 1 } }, "nodes[0].host"],
    ["different passwords", { nodes: ["redis://:a@h:1", "redis://:b@h:2"] }, "different passwords"],
    ["different users", { nodes: ["redis://a:x@h:1", "redis://b:x@h:2"] }, "different users"],
    ["refreshes that may not be", { nodes, refreshInterval: 1000, minRefreshInterval: 2000 }, "minRefreshInterval"],
    ["a name of redis-py", { nodes, startup_nodes: [] } as ClusterOptions, "nodes is meant"],
    ["a misspelt option", { nodes, comandTimeout: 1 } as ClusterOptions, "commandTimeout is meant"],
    ["no nodes", {} as ClusterOptions, "nodes is required"],
    ["another scheme", { nodes: "https://127.0.0.1:7000" }, "redis://"],
    ["a database", { nodes: "redis://127.0.0.1:7000/3" }, "database"],
    ["no host", { nodes: { host: "", port: 7000 } }, "nodes[0]"],
    ["a port beyond 65535", { nodes: { host: "a", port: 65_536 } }, "65535"],
    ["a port that is no integer", { nodes: { host: "a", port: 1.5 } }, "nodes[0]"],
    ["TLS for some nodes only", { nodes: [nodes, "rediss://127.0.0.1:7001"] }, "mixes"],
    ["no time for a command", { nodes, commandTimeout: 0 }, "commandTimeout"],
    ["a negative duration", { nodes, drainTimeout: -1 }, "drainTimeout"],
    ["a number that is none", { nodes, pingAfter: Number.NaN }, "pingAfter"],
    ["a negative count", { nodes, maxRedirects: -1 }, "maxRedirects"],
    ["no dedicated connection", { nodes, maxDedicatedConnections: 0 }, "maxDedicatedConnections"],
    ["a negative idle time", { nodes, dedicatedIdleTimeout: -1 }, "dedicatedIdleTimeout"],
    ["half a command in flight", { nodes, maxInFlight: 0.5 }, "maxInFlight"],
    ["a user without a password", { nodes, username: "ada" }, "username"],
    ["a client name with a space", { nodes, clientName: "my app" }, "clientName"],
    ["a policy for reads that is none", { nodes, readFrom: "replica" as unknown as ReadFrom.Policy }, "readFrom"],
    ["the nearest nodes without a zone", { nodes, readFrom: ReadFrom.nearest() }, "availabilityZone"],
    ["an empty zone", { nodes, availabilityZone: "" }, "availabilityZone"],
    ["a bound on the lag that cannot be held", { nodes, readFrom: ReadFrom.maxLag(ReadFrom.replica, 1) }, "maxLag"],
    ["a hedge with a wrong budget", { nodes, readFrom: ReadFrom.hedge(ReadFrom.replica, { budget: 2 }) }, "budget"]
  ]
  for (const [what, options, named] of wrong) {
    it(`refuses ${what}, naming the option`, () => assert.include(refused(options), named))
  }

  /** Of each kind of value one at least is wrong for an option. */
  const odd: ReadonlyArray<unknown> = [
    ...[
      null,
      "",
      "yes",
      "4",
      -1,
      1.5,
      Number.NaN,
      Infinity,
      true,
      10n,
      Symbol("odd"),
      [],
      {},
      { seconds: "x" },
      new Date(0)
    ],
    ...[() => undefined, new Map(), Redacted.make(5), Redacted.make("")]
  ]

  for (const name of Object.keys(table)) {
    it(`${name} is checked: what it cannot be is refused by its name, and nothing throws`, () => {
      const messages = odd.flatMap((value) => {
        const result = resolve({ nodes, [name]: value } as ClusterOptions)
        return Result.isFailure(result) ? [result.failure] : []
      })
      assert.isAbove(messages.length, odd.length / 2)
      for (const message of messages) assert.include(message, name)
    })
  }

  it("never throws, whatever takes the place of the options", () => {
    for (const value of [...odd, undefined]) {
      const result = resolve(value as ClusterOptions)
      assert.isTrue(Result.isFailure(result))
    }
  })

  it("names every wrong option at once", () => {
    const message = refused({ nodes, commandTimeout: 0, maxRedirects: -1, username: "ada" })
    for (const name of ["commandTimeout", "maxRedirects", "username"]) assert.include(message, name)
  })

  it("shows no password, neither of a wrong URL nor of right options", () => {
    const secret = "hunter2-secret"
    for (const url of [`http://:${secret}@a:1`, `redis://:${secret}@`, `redis://:${secret}@a:1/7`, `:${secret}@a:1`]) {
      assert.notInclude(refused({ nodes: url }), secret)
    }
    assert.notInclude(inspect(accepted({ nodes: `redis://:${secret}@a:1` }), { depth: Infinity }), secret)
  })
})

describe("docs/configuration.md", () => {
  const page = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8")
  const source = readFileSync(new URL("../src/ClusterOptions.ts", import.meta.url), "utf8")
  const variable = (name: string) => `REDIS_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
  const inCode = new Set([
    ...[
      "tls",
      "nodes",
      "mapAddress",
      "zoneOf",
      "stream",
      "credentials",
      "retrySchedule",
      "reconnectSchedule",
      "onConnect",
      "startSchedule",
      "cache",
      "attributes"
    ]
  ])

  for (const [name, { fallback }] of Object.entries(table)) {
    it(`has ${name}, with its default and its variable`, () => {
      assert.match(page, new RegExp(`\\b${name}[:\`]`))
      if (typeof fallback === "number" || (typeof fallback === "string" && /^\d/.test(fallback))) {
        const shown = typeof fallback === "string"
          ? JSON.stringify(fallback)
          : fallback === 64 * 1024 * 1024
          ? "64 * 1024 * 1024"
          : fallback.toLocaleString("en").replaceAll(",", "_?")
        assert.match(page, new RegExp(`${name}: ${shown.replaceAll("*", String.raw`\*`)}`))
      }
      if (!inCode.has(name)) assert.include(page, `\`${variable(name)}\``)
      assert.include(source, `  readonly ${name}`)
    })
  }

  it("has every policy that a variable can name", () => {
    for (const name of Object.keys(ReadFrom.byName)) assert.include(page, `\`${name}\``)
  })
})
