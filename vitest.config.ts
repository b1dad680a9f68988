import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/harness/globalSetup.ts",
    tags: [{
      name: "long",
      description: "Takes long by its nature: `npm test` leaves it to `npm run test:all` and `.ci/run`"
    }],
    // Tests wait for servers more than they compute: two workers for each of two cores. The files of one worker share its
    // process, where `effect` and the sources are loaded once.
    maxWorkers: 4,
    isolate: false,
    coverage: { include: ["src/**/*.ts"], reporter: ["text-summary", "json-summary", "html"] },
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
