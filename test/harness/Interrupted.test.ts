/**
 * Ctrl-C, and worse: whoever ends a program of this project ends what it started.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const demo = fileURLToPath(new URL("../../examples/demo.ts", import.meta.url))

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The ids of the servers that have their files below a directory. */
const serversIn = (directory: string): ReadonlyArray<number> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("/pid"))
    .map((name) => Number(readFileSync(join(directory, name), "utf8")))

const until = async (condition: () => boolean): Promise<void> => {
  for (let waited = 0; waited < 10_000 && !condition(); waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe("The demo leaves no process and no file behind", () => {
  it.each(["SIGINT", "SIGKILL"] as const)("when it is ended by %s in the middle", async (signal) => {
    const directory = mkdtempSync(join(tmpdir(), "interrupted-"))
    const child = spawn(process.execPath, ["--no-warnings", demo], {
      // A process group, as a terminal has it: the signal goes to all of it.
      detached: true,
      env: { ...process.env, TMPDIR: directory, REDIS_CLUSTER_URL: "" },
      stdio: ["ignore", "pipe", "inherit"]
    })
    try {
      let printed = ""
      child.stdout.on("data", (text) => (printed += String(text)))
      const exited = new Promise((resolve) => child.once("exit", resolve))
      await until(() => printed.includes("Many keys"))
      const servers = serversIn(directory)
      expect(servers).toHaveLength(6)
      expect(servers.every(isAlive)).toBe(true)

      process.kill(-(child.pid ?? 0), signal)
      await exited
      await until(() => !servers.some(isAlive) && readdirSync(directory).length === 0)
      expect(servers.filter(isAlive)).toEqual([])
      expect(readdirSync(directory)).toEqual([])
    } finally {
      child.kill("SIGKILL")
      rmSync(directory, { recursive: true, force: true })
    }
  }, 40_000)
})
