/**
 * The cost of a program's imports: code in its bundle, and time when it starts.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const project = fileURLToPath(new URL("../..", import.meta.url))

/** Inside the project, so that its dependencies are found. */
let directory = ""
beforeAll(() => {
  directory = mkdtempSync(join(project, "test", ".bundle-"))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let programs = 0

/** The bundle of a program, without `effect`. */
const bundle = async (program: string): Promise<string> => {
  const entry = join(directory, `program-${programs++}.ts`)
  writeFileSync(entry, program)
  const build = await rolldown({
    input: entry,
    external: [/^effect($|\/)/, /^node:/, "cluster-key-slot"],
    treeshake: true,
    logLevel: "silent",
    resolve: {
      alias: {
        "effect-redis-cluster/modules": join(project, "src/modules"),
        "effect-redis-cluster": join(project, "src/index.ts")
      },
      extensions: [".ts"]
    }
  })
  const { output } = await build.generate({ format: "esm" })
  await build.close()
  return output[0].code
}

/** A command that only the group has. */
const witnesses: Readonly<Record<string, string>> = {
  Acl: "ACL WHOAMI",
  Bitmaps: "BITFIELD",
  Channels: "PUBSUB NUMSUB",
  Cluster: "CLUSTER SHARDS",
  Clients: "CLIENT LIST",
  Generic: "EXPIREAT",
  Geo: "GEOADD",
  Hashes: "HGETALL",
  HyperLogLog: "PFCOUNT",
  Lists: "LPUSH",
  Scripting: "SCRIPT EXISTS",
  Server: "DBSIZE",
  Sets: "SMEMBERS",
  SortedSets: "ZRANGE",
  Streams: "XADD",
  Strings: "GETEX",
  VectorSets: "VADD"
}

/** The keys of services, which no command needs; that of the client itself is the requirement of every command. */
const services = ["pubsub/ClusterPubSub", "routing/Router", "topology/Topology", "connection/Connections"].map(
  (name) => `effect-redis-cluster/${name}`
)

describe("A program that imports a group of commands as a value", () => {
  it.each(Object.keys(witnesses))("has the code of no other group in its bundle: %s", async (group) => {
    const code = await bundle(
      `import { ${group} } from "effect-redis-cluster"\nconsole.log(Object.keys(${group}))\n`
    )
    const found = Object.keys(witnesses).filter((name) => code.includes(`"${witnesses[name]}"`))
    assert.deepStrictEqual(found, [group])
    for (const service of services) assert.notInclude(code, service)
  })

  it("has no code of a module of servers, unless it imports that", async () => {
    const client = await bundle(
      `import { ClusterClient } from "effect-redis-cluster"\nconsole.log(ClusterClient.layer({ nodes: [] }))\n`
    )
    const own = { Bloom: "BF.RESERVE", Json: "JSON.ARRTRIM", Search: "FT.SYNDUMP", TimeSeries: "TS.CREATERULE" }
    const found = (code: string) => Object.values(own).filter((name) => code.includes(`new CommandSpec("${name}"`))
    assert.deepStrictEqual(found(client), [])
    for (const [name, witness] of Object.entries(own)) {
      const code = await bundle(
        `import { ${name} } from "effect-redis-cluster/modules/${name}"\nconsole.log(${name})\n`
      )
      assert.deepStrictEqual(found(code), [witness])
    }
  })

  it("has all groups when it imports the client, whose methods they are", async () => {
    const code = await bundle(
      `import { ClusterClient } from "effect-redis-cluster"\nconsole.log(ClusterClient.layer({ nodes: [] }))\n`
    )
    for (const service of services) assert.include(code, service)
    assert.deepStrictEqual(Object.keys(witnesses).filter((name) => !code.includes(`"${witnesses[name]}"`)), [])
  })
})

describe("Importing the client", () => {
  it("takes little time beside that of Effect itself", async () => {
    const code = await bundle(`export * from "effect-redis-cluster"\n`)
    writeFileSync(join(directory, "client.mjs"), code)
    // The modules of others that the bundle imports are loaded first; the rest is this library's own share.
    const others = Array.from(code.matchAll(/^import .*from "([^"]+)"/gm), ([, name]) => name)
    assert.isNotEmpty(others)
    const program = `
      const begun = performance.now()
      for (const name of ${JSON.stringify([...new Set(others)])}) await import(name)
      const started = performance.now()
      const client = await import("./client.mjs")
      console.log((performance.now() - started) / (started - begun), typeof client.ClusterClient.layer)`
    writeFileSync(join(directory, "time.mjs"), program)
    const shares = Array.from({ length: 3 }, () => {
      const { stderr, stdout } = spawnSync(process.execPath, [join(directory, "time.mjs")], { encoding: "utf8" })
      const [share, kind] = stdout.trim().split(" ")
      assert.strictEqual(kind, "function", stderr)
      return Number(share)
    })
    // Of the time that Effect takes on the same machine at the same moment.
    assert.isBelow(Math.min(...shares), 0.5)
  })
})
