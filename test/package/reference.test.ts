import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"

const script = fileURLToPath(new URL("../../scripts/generate-reference.ts", import.meta.url))

it("The reference pages of the commands are what the sources say", () => {
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
})
