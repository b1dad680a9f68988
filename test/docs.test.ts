/**
 * The programs in the README and in the pages under docs/ compile, as they stand there.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { execFile } from "node:child_process"
import * as RedisServer from "./harness/RedisServer.ts"

const project = decodeURIComponent(new URL("..", import.meta.url).pathname)

const tsc = (directory: string) =>
  Effect.callback<string>((resume) => {
    execFile(
      process.execPath,
      [`${project}node_modules/typescript/bin/tsc`, "-p", directory],
      { cwd: project },
      (error, stdout) => resume(Effect.succeed(error === null ? "" : stdout || error.message))
    )
  })

describe("The README and the pages under docs/", () => {
  it.effect("show programs that compile", () =>
    Effect.gen(function*() {
      const fileSystem = yield* FileSystem.FileSystem
      const docs = yield* fileSystem.readDirectory(`${project}docs`)
      const pages = docs.filter((name) => name.endsWith(".md") && name !== "DESIGN.md").map((name) => `docs/${name}`)
      const programs: Array<readonly [name: string, text: string]> = []
      for (const page of ["README.md", ...pages]) {
        const text = yield* fileSystem.readFileString(project + page)
        const blocks = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), (match) => match[1])
        blocks.forEach((block, i) => programs.push([`${page.replaceAll(/\W/g, "-")}-${i + 1}`, block]))
      }
      assert.isNotEmpty(programs)

      // A folder that goes even when this process is killed, with the project's dependencies in reach.
      const { directory } = yield* RedisServer.workspace
      yield* fileSystem.symlink(`${project}node_modules`, `${directory}/node_modules`)
      yield* fileSystem.writeFileString(`${directory}/package.json`, JSON.stringify({ type: "module" }))
      for (const [name, text] of programs) yield* fileSystem.writeFileString(`${directory}/${name}.ts`, text)
      yield* fileSystem.writeFileString(
        `${directory}/tsconfig.json`,
        JSON.stringify({
          extends: `${project}tsconfig.json`,
          compilerOptions: {
            noEmit: true,
            paths: {
              "effect-redis-cluster": [`${project}src/index.ts`],
              "effect-redis-cluster/testing": [`${project}src/testing/index.ts`],
              "effect-redis-cluster/integrations/*": [`${project}src/integrations/*.ts`]
            }
          },
          include: ["*.ts"]
        })
      )
      assert.strictEqual(yield* tsc(directory), "")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)
})
