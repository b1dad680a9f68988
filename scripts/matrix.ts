/**
 * Runs the test suite once for each server in `REDIS_SERVERS`: paths of redis-server or valkey-server, separated by
 * colons or commas. Arguments go to the test runner.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"

const servers = (process.env["REDIS_SERVERS"] ?? "").split(/[:,]/).filter((path) => path !== "")

const suite = Effect.fnUntraced(function*(server: string) {
  yield* Console.log(`\n== ${server}`)
  const spawner = yield* ChildProcessSpawner
  const code = yield* spawner.exitCode(ChildProcess.make("npm", ["run", "test:all", "--", ...process.argv.slice(2)], {
    detached: false,
    env: { REDIS_SERVER: server },
    extendEnv: true,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit"
  }))
  return { server, passed: code === 0 }
})

const matrix = Effect.gen(function*() {
  if (servers.length === 0) {
    yield* Console.error("REDIS_SERVERS is empty: give it the paths of the servers, separated by colons")
    return yield* Effect.sync(() => {
      process.exitCode = 2
    })
  }
  const results = yield* Effect.forEach(servers, suite)
  yield* Console.log("")
  for (const { passed, server } of results) yield* Console.log(`${passed ? "passed" : "FAILED"}  ${server}`)
  if (results.some(({ passed }) => !passed)) {
    yield* Effect.sync(() => {
      process.exitCode = 1
    })
  }
})

NodeRuntime.runMain(Effect.provide(matrix, NodeServices.layer))
