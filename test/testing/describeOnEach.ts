/**
 * One text of tests for real servers and for TestCluster.
 */
import { describe } from "@effect/vitest"
import { type Environment, environments } from "./asRedisCluster.ts"

/** A group of tests for each of the environments, whose name stands in the title for `$name`. */
export const describeOnEach = (title: string, tests: (environment: Environment) => void): void => {
  for (const environment of environments) {
    describe(title.replace("$name", environment.name), { tags: environment.isLong ? ["long"] : [] }, () => {
      tests(environment)
    })
  }
}
