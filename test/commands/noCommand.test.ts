/**
 * Combinators of commands on what is no command: an effect that was made of one, or anything that a program without types gives.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Command from "../../src/commands/Command.ts"
import { Strings } from "../../src/commands/Strings.ts"
import { isRedisClusterException } from "../../src/RedisClusterException.ts"

type Combinator = (self: never) => unknown

const combinators: Readonly<Record<string, Combinator>> = {
  bigint: Command.bigint,
  bytes: Command.bytes,
  entries: Command.entries(Schema.Struct({ a: Schema.String })),
  hash: Command.hash(Schema.Struct({ a: Schema.String })),
  idempotent: Command.idempotent,
  lossyText: Command.lossyText,
  map: Command.map((value) => value),
  mapKeys: Command.mapKeys((key) => key),
  schema: Command.schema(Schema.String),
  timeout: Command.timeout("1 second"),
  "timeout that is none": Command.timeout(-1)
}

describe("A combinator of commands on what is no command", () => {
  for (const [name, combinator] of Object.entries(combinators)) {
    it.effect(`fails with an OptionsError that says what to do, with no client at all: ${name}`, () =>
      Effect.gen(function*() {
        for (const given of [Effect.map(Strings.get("k"), String), Effect.succeed(1), {}, null, undefined, "text", 5]) {
          const made = combinator(given as never)
          assert.isTrue(Command.isCommand(made))
          const error = yield* Effect.flip(made as Effect.Effect<unknown, unknown>)
          assert(isRedisClusterException(error))
          assert.strictEqual(error.reason._tag, "OptionsError")
          assert.include(error.message, "use Command.map")
        }
      }))
  }
})
