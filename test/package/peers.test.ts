/**
 * The pages for people who come from other clients: each public name of these clients is in a row, and the rows name what is there.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { checked, installed } from "../../scripts/peers/installed.ts"
import { ioredis } from "../../scripts/peers/ioredis.ts"
import { nodeRedis } from "../../scripts/peers/nodeRedis.ts"
import { gapsOf, type Names } from "../../scripts/peers/Peer.ts"
import { redisPy } from "../../scripts/peers/redisPy.ts"
import {
  ClusterClient,
  Command,
  Discovery,
  FunctionLibrary,
  Lock,
  ReadFrom,
  Reason,
  Script,
  Strings
} from "../../src/index.ts"
import { TestCluster } from "../../src/testing/index.ts"
import * as RedisPy from "../harness/RedisPy.ts"

const namespaces = { Command, Discovery, FunctionLibrary, Lock, ReadFrom, Script, Strings }
const peers = [redisPy, ioredis, nodeRedis]
const script = (name: string): string => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url))

const found = await RedisPy.find()
const python = "python" in found ? found.python : ""
const why = "reason" in found ? ` (skipped: ${found.reason})` : ""
const clients = { "ioredis": await installed("ioredis"), "node-redis": await installed("node-redis") }

/** The names that are in one list of a kind and not in the other. */
const differences = (one: Names, other: Names): ReadonlyArray<string> =>
  Object.keys(other.names).flatMap((kind) => {
    const [a, b] = [one.names[kind] ?? [], other.names[kind] ?? []]
    return [...a.filter((name) => !b.includes(name)), ...b.filter((name) => !a.includes(name))]
      .map((name) => `${kind}: ${name}`)
  })

describe("The pages for people who come from other clients", () => {
  for (const peer of peers) {
    it(`have each public name of ${peer.name} in one row, and no row without one`, () =>
      assert.deepStrictEqual(gapsOf(peer, checked(peer.name)), []))
  }

  it("have the tables that their rows and the specs of the commands make", () => {
    const { status, stderr } = spawnSync(process.execPath, [script("generate-migration.ts"), "--check"], {
      encoding: "utf8"
    })
    assert.strictEqual(status, 0, stderr)
  })

  it.effect("name members of the client and of the library that are there", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      const text = peers.map(({ page }) => readFileSync(script(`../docs/${page}`), "utf8")).join("\n")
      const prose = text.replaceAll(/```(?:python|js|py)\n[\s\S]*?```/g, "")
      const lacking = new Set<string>()
      for (
        const [, name] of prose.matchAll(/\bredis\.(?!cluster\b|call\(|io\b|readthedocs)(\w+)/g)
      ) if (!(name in redis)) lacking.add(name)
      for (const [group, members] of Object.entries(namespaces)) {
        for (const [whole, name] of prose.matchAll(new RegExp(`\\b${group}\\.(\\w+)`, "g"))) {
          if (!(name in members)) lacking.add(whole)
        }
      }
      assert.deepStrictEqual([...lacking], [])
    }).pipe(Effect.provide(TestCluster.layer())))

  it("name times that methods and options take", () => {
    for (const { page } of peers) {
      const text = readFileSync(script(`../docs/${page}`), "utf8")
      for (const [whole, option, argument] of text.matchAll(/\b(?:ttl|wait): "([^"]+)"|`blpop\(keys, "([^"]+)"\)/g)) {
        assert.isTrue(Option.isSome(Duration.fromInput((option ?? argument) as Duration.Input)), `${page}: ${whole}`)
      }
    }
  })

  it("name reasons of errors and options that are there", () => {
    const known = new Set([...Object.keys(Reason), "ConflictError", ...Object.keys(Lock)])
    for (const peer of peers) {
      for (const { kind, rows } of peer.tables) {
        if (kind !== "exceptions" && kind !== "errors") continue
        for (const [theirs, here] of rows) {
          for (const [, name] of here.matchAll(/`(\w+Error)`/g)) assert.isTrue(known.has(name), `${theirs}: ${name}`)
        }
      }
    }
  })

  for (const name of ["ioredis", "node-redis"] as const) {
    const names = clients[name]
    it.skipIf(names === undefined)(
      `know the names of the ${name} that is installed in bench/${names === undefined ? " (skipped: none is)" : ""}`,
      () => assert.deepStrictEqual(differences(checked(name), names ?? checked(name)), [])
    )
  }

  it.skipIf(python === "")(`know the names of redis-py ${RedisPy.version}${why}`, () => {
    const names = JSON.parse(execFileSync(python, [script("peers/redis_py_names.py")], { encoding: "utf8" })) as Names
    assert.strictEqual(names.version, checked("redis-py").version)
    assert.deepStrictEqual(differences(checked("redis-py"), names), [])
    assert.deepStrictEqual(names.routing, checked("redis-py").routing)
  })
})
