/**
 * The programs in the README compile, as they stand there.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { execFile } from "node:child_process"

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

describe("README", () => {
  it.effect("shows programs that compile", () =>
    Effect.gen(function*() {
      const fileSystem = yield* FileSystem.FileSystem
      const readme = yield* fileSystem.readFileString(`${project}README.md`)
      const programs = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1])
      assert.isNotEmpty(programs)

      // Inside the project, so that its dependencies are found; hidden, so that nothing else takes it for a source.
      const directory = yield* fileSystem.makeTempDirectoryScoped({ directory: `${project}test`, prefix: ".readme-" })
      for (let i = 0; i < programs.length; i++) {
        yield* fileSystem.writeFileString(`${directory}/program${i + 1}.ts`, programs[i])
      }
      yield* fileSystem.writeFileString(
        `${directory}/tsconfig.json`,
        JSON.stringify({
          extends: "../../tsconfig.json",
          compilerOptions: { noEmit: true, paths: { "effect-redis-cluster": ["../../src/index.ts"] } },
          include: ["*.ts"]
        })
      )
      assert.strictEqual(yield* tsc(directory), "")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)
})
