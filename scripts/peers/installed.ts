/**
 * The public names of the clients that are installed in bench/, by kind, and of redis-py.
 *
 *   node scripts/peers/installed.ts          writes the lists of ioredis and node-redis again
 *   python redis_py_names.py > redis-py.json  writes that of redis-py
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Names } from "./Peer.ts"

const here = new URL("./", import.meta.url)
const bench = fileURLToPath(new URL("../../bench/", import.meta.url))

/** The members of an object and of what it inherits from, without those that begin with an underscore. */
const membersOf = (value: object): ReadonlyArray<string> => {
  const names = new Set<string>()
  for (let at: object | null = value; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (!name.startsWith("_")) names.add(name)
  }
  names.delete("constructor")
  return [...names].toSorted()
}

/** The members of interfaces, as their declarations have them. */
const optionsIn = (files: ReadonlyArray<string>, interfaces: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = new Set<string>()
  for (const file of files) {
    const text = readFileSync(file, "utf8")
    for (const name of interfaces) {
      const [, body = ""] = text.split(new RegExp(`(?:interface|type) ${name}\\b[^{]*{\n`))
      const [own] = body.split(/^}/m)
      for (const [, member] of own.matchAll(/^ {4}(?:readonly )?(\w+)\??:/gm)) names.add(member)
    }
  }
  return [...names].toSorted()
}

const errorsIn = (exported: object): ReadonlyArray<string> =>
  Object.keys(exported).filter((name) => name.endsWith("Error") || name === "ErrorReply").toSorted()

/** Where the package is, or `undefined`. */
const folderOf = (name: string, root: string): string | undefined => {
  const manifest = `${root}node_modules/${name}/package.json`
  return existsSync(manifest) ? dirname(manifest) : undefined
}

const versionOf = (folder: string): string =>
  (JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as { readonly version: string }).version

const load = (name: string, root: string): Promise<Record<string, unknown>> =>
  import(pathToFileURL(createRequire(`${root}package.json`).resolve(name)).href)

type Construct = new(...args: ReadonlyArray<unknown>) => object

const ofIoredis = async (folder: string, root: string): Promise<Names> => {
  const exported = await load("ioredis", root)
  const cluster = new (exported["Cluster"] as Construct)([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true })
  const built = `${folder}/built`
  return {
    version: versionOf(folder),
    names: {
      methods: membersOf(cluster),
      options: optionsIn(
        [
          `${built}/cluster/ClusterOptions.d.ts`,
          `${built}/redis/RedisOptions.d.ts`,
          `${built}/utils/Commander.d.ts`,
          `${built}/connectors/StandaloneConnector.d.ts`
        ],
        ["ClusterOptions", "CommonRedisOptions", "CommanderOptions", "StandaloneConnectionOptions"]
      ),
      errors: errorsIn(exported)
    }
  }
}

const ofNodeRedis = async (folder: string, root: string): Promise<Names> => {
  const exported = await load("redis", root)
  const cluster = (exported["createCluster"] as (options: unknown) => object)({
    rootNodes: [{ url: "redis://127.0.0.1:1" }]
  })
  const lib = `${root}node_modules/@redis/client/dist/lib`
  return {
    version: versionOf(folder),
    names: {
      // Each command is there in capitals as well.
      methods: membersOf(cluster).filter((name) => !/^[A-Z][A-Z0-9_-]+$/.test(name)),
      options: optionsIn(
        [
          `${lib}/cluster/index.d.ts`,
          `${lib}/client/index.d.ts`,
          `${lib}/client/socket.d.ts`,
          `${lib}/RESP/types.d.ts`
        ],
        ["RedisClusterOptions", "RedisClientOptions", "RedisSocketOptionsCommon", "CommanderConfig"]
      ),
      errors: errorsIn(exported)
    }
  }
}

/** The names of an installed client; `undefined` when it is not installed. */
export const installed = async (name: "ioredis" | "node-redis", root = bench): Promise<Names | undefined> => {
  const folder = folderOf(name === "ioredis" ? "ioredis" : "redis", root)
  if (folder === undefined) return undefined
  return name === "ioredis" ? await ofIoredis(folder, root) : await ofNodeRedis(folder, root)
}

const fileOf = (name: string): URL => new URL(`${name}.json`, here)

/** The names that the pages are about. */
export const checked = (name: string): Names => JSON.parse(readFileSync(fileOf(name), "utf8")) as Names

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of ["ioredis", "node-redis"] as const) {
    const names = await installed(name)
    if (names === undefined) console.log(`${name} is not installed in bench/`)
    else writeFileSync(fileOf(name), `${JSON.stringify(names, null, 2)}\n`)
  }
}
