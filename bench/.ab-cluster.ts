import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { RedisCluster } from "../test/harness/RedisCluster.ts"
Effect.gen(function*() {
  const cluster = yield* RedisCluster
  spawnSync(process.execPath, ["/tmp/observe-ab.ts", process.argv[2] ?? "31", cluster.seeds.join(",")], {
    stdio: "inherit"
  })
}).pipe(Effect.provide(RedisCluster.layer()), NodeRuntime.runMain)
