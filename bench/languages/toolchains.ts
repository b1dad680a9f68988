/**
 * The clients of each language: how they are built, and the command that starts one.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Language {
  readonly name: string
  readonly clients: ReadonlyArray<string>
  /** The programs that have to be there, each with arguments that make it tell its version. */
  readonly tools: ReadonlyArray<readonly [program: string, ...args: ReadonlyArray<string>]>
  /** The commands that build in the folder of the language. */
  readonly build: ReadonlyArray<readonly [program: string, ...args: ReadonlyArray<string>]>
  /** The command that starts a client, without its name and the address. */
  readonly start: (folder: string) => readonly [program: string, ...args: ReadonlyArray<string>]
}

const here = fileURLToPath(new URL(".", import.meta.url))
const cache = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "effect-redis-cluster",
  "languages"
)

export const languages: ReadonlyArray<Language> = [
  {
    name: "node",
    clients: ["effect-redis-cluster"],
    tools: [],
    build: [],
    start: () => [process.execPath, "--no-warnings", join(here, "node.ts")]
  },
  {
    name: "go",
    clients: ["rueidis", "go-redis"],
    tools: [["go", "version"]],
    build: [["go", "mod", "tidy"], ["go", "build", "-o", "bench", "."]],
    start: (folder) => [join(folder, "bench")]
  },
  {
    name: "rust",
    clients: ["fred", "redis-rs"],
    tools: [["cargo", "--version"]],
    build: [["cargo", "build", "--release", "--quiet"]],
    start: (folder) => [join(folder, "target/release/bench")]
  },
  {
    name: "java",
    clients: ["lettuce", "jedis"],
    tools: [["java", "-version"], ["mvn", "-version"]],
    build: [["mvn", "-q", "package", "dependency:copy-dependencies"]],
    start: (
      folder
    ) => ["java", "-cp", `${join(folder, "target/classes")}:${join(folder, "target/dependency/*")}`, "Bench"]
  },
  {
    name: "python",
    clients: ["redis-py"],
    tools: [["python3", "--version"]],
    build: [
      ["python3", "-m", "venv", "environment"],
      ["environment/bin/pip", "install", "--quiet", "-r", "requirements.txt"]
    ],
    start: (folder) => [join(folder, "environment/bin/python"), join(folder, "bench.py")]
  }
]

/** The folder of a language with its clients built, or why there is none. */
export const build = ({ build, name, tools }: Language): { readonly folder: string } | { readonly missing: string } => {
  const folder = join(cache, name)
  const missing = tools.find(([program, ...args]) => spawnSync(program, args).status !== 0)
  if (missing !== undefined) return { missing: `${missing[0]} is not there` }
  if (build.length === 0) return { folder }
  mkdirSync(folder, { recursive: true })
  if (existsSync(join(here, name))) cpSync(join(here, name), folder, { recursive: true })
  for (const [program, ...args] of build) {
    const file = program.includes("/") ? join(folder, program) : program
    const { error, status, stderr, stdout } = spawnSync(file, args, { cwd: folder, encoding: "utf8" })
    if (status !== 0) {
      const reason = (error?.message ?? `${stdout}${stderr}`).trim().split("\n").slice(0, 3).join(" ")
      return { missing: `"${program} ${args.join(" ")}" failed: ${reason}` }
    }
  }
  return { folder }
}
