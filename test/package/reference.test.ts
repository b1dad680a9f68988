import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"

const check = (script: string) => {
  const path = fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [path, "--check"], { encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
}

it("The reference pages of the commands are what the sources say", () => check("generate-reference.ts"))

it("What builders check without types is what their interfaces say", () => check("generate-parameters.ts"))

it("The pages of the API are what the docstrings say", () => check("generate-api.ts"))

it("The pictures are what their text says", () => check("generate-pictures.ts"))
