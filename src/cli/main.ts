#!/usr/bin/env node
/** The command `effect-redis-cluster`: the command line on Node, or a sentence when a package that it needs is missing. */
import { readFileSync } from "node:fs"

/** The package that only the command line needs: a program that uses the library alone does not install it. */
const platform = "@effect/platform-node"

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(platform)

const { version }: { readonly version: string } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8")
)

try {
  const { main } = await import("./node.ts")
  main(version)
} catch (error) {
  if (!isMissing(error)) throw error
  process.stderr.write(
    `error: the command line needs the package ${platform}, which is not installed: run \`npm install ${platform}\`\n`
  )
  process.exitCode = 2
}
