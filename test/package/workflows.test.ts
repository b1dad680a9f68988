/**
 * The files under .github: they have the form that GitHub reads, and call only what the project has.
 */
import { validateWorkflow } from "@action-validator/core"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"
import { parse } from "yaml"

const project = fileURLToPath(new URL("../..", import.meta.url))
const textOf = (path: string) => readFileSync(project + path, "utf8")

const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(textOf("package.json"))

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: ReadonlyArray<{ readonly run?: string }> }>>
}

const stepsOf = (workflow: Workflow) => Object.values(workflow.jobs).flatMap(({ steps }) => steps)

/** The scripts and files of the project that a command calls and that do not exist. */
const missingOf = (command: string): ReadonlyArray<string> => [
  ...Array.from(command.matchAll(/\bnpm run ([\w:-]+)/g), ([, name]) => name).filter((name) => !(name in scripts)),
  ...Array.from(command.matchAll(/\b(?:bash|node) (?!-)([\w./-]+)/g), ([, path]) => path).filter((path) =>
    !existsSync(project + path)
  )
]

describe.each(readdirSync(`${project}.github/workflows`))("The workflow %s", (name) => {
  const text = textOf(`.github/workflows/${name}`)

  it("has the form of a workflow", () => {
    assert.deepStrictEqual(validateWorkflow(text).errors, [])
  })

  it("calls scripts that the project has", () => {
    const commands = stepsOf(parse(text)).flatMap(({ run }) => run ?? [])
    assert.isNotEmpty(commands)
    assert.deepStrictEqual(commands.flatMap(missingOf), [])
  })
})

describe("The checks of workflows", () => {
  it("refuse a workflow without jobs, and a step that calls what does not exist", () => {
    assert.isNotEmpty(validateWorkflow("name: none\non: push\n").errors)
    assert.deepStrictEqual(missingOf("npm run no-such && bash .ci/none"), ["no-such", ".ci/none"])
  })
})

describe.each(readdirSync(`${project}.github/ISSUE_TEMPLATE`).filter((name) => name !== "config.yml"))(
  "The form %s",
  (name) => {
    it("asks something", () => {
      const form = parse(textOf(`.github/ISSUE_TEMPLATE/${name}`))
      assert.isString(form.name)
      assert.isString(form.description)
      assert.isNotEmpty(form.body)
    })
  }
)

it("Dependency updates look into each folder that has packages of its own", () => {
  const { updates } = parse(textOf(".github/dependabot.yml"))
  const folders = ["", ...readdirSync(project).map((name) => `${name}/`)].filter((folder) =>
    folder !== "node_modules/" && existsSync(`${project}${folder}package-lock.json`)
  )
  assert.sameMembers(
    updates.flatMap(({ directories = [] }: { readonly directories?: ReadonlyArray<string> }) => directories),
    folders.map((folder) => `/${folder.slice(0, -1)}`)
  )
})
