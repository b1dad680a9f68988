import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"
import { groups, placesIn } from "../../scripts/commandInterfaces.ts"

const check = (script: string) => {
  const path = fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [path, "--check"], { encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
}

it("The reference pages of the commands are what the sources say", () => check("generate-reference.ts"))

const options = groups.flatMap(({ methods }) =>
  methods.flatMap(({ name, signatures }) =>
    signatures.flatMap(({ parameters }) =>
      parameters.flatMap(({ options }) =>
        options === undefined ? [] : placesIn(options).map(([option, place]) => ({ method: name, option, ...place }))
      )
    )
  )
)

it("Every option of a command has a sentence, for editors and for the page of the command", () => {
  assert.isAbove(options.length, 300)
  const silent = options.filter(({ doc }) => !/^[A-Z].*[\w`)]\.$/s.test(doc))
  assert.deepStrictEqual(
    silent.map(({ method, option, owner }) => `${method}: ${option} of ${owner}`),
    [],
    "write a docstring at the option in src/commands/"
  )
})

it("Every type that the signature of a command names is linked below it", () => {
  const others = new Set([
    ...["Iterable", "ReadonlyArray", "ReadonlyMap", "Readonly", "Record", "Uint8Array"],
    // Parameters of types.
    ...["F", "Known", "N", "O", "P", "Row", "T"]
  ])
  const missing: Array<string> = []
  for (const { name } of groups) {
    const file = `${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}.md`
    const text = readFileSync(new URL(`../../docs/commands/${file}`, import.meta.url), "utf8")
    for (const section of text.split("\n### ").slice(1)) {
      const signature = /```text\n(.*?)\n```/s.exec(section)?.[1] ?? ""
      const named = signature.replaceAll(/"[^"]*"/g, "").match(/\b[A-Z]\w*/g) ?? []
      const unlinked = new Set(named.filter((type) => !others.has(type) && !section.includes(`[${type}](`)))
      for (const type of unlinked) missing.push(`${section.split("\n")[0]}: ${type}`)
    }
  }
  assert.deepStrictEqual(missing, [])
})

it("What builders check without types is what their interfaces say", () => check("generate-parameters.ts"))

it("The pages of the API are what the docstrings say", () => check("generate-api.ts"))

it("The pictures are what their text says", () => check("generate-pictures.ts"))
