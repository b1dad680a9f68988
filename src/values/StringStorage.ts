/**
 * Values in strings: GET, MGET and SET, and a SET that compares.
 *
 * The comparison is on the server: by `SET IFEQ` where the server has it (Valkey 8.1, Redis 8.4), and otherwise by a script.
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type { ClusterClientShape } from "../ClusterClient.ts"
import { Command, type Prerequisite } from "../commands/Command.ts"
import { CommandSpec } from "../commands/CommandSpec.ts"
import * as decode from "../commands/decode.ts"
import { counted } from "../commands/keys.ts"
import type { ExpiryOrKeep } from "../commands/Options.ts"
import { Scripting } from "../commands/Scripting.ts"
import { type SetOptions, Strings } from "../commands/Strings.ts"
import type { Argument } from "../protocol/Reply.ts"
import type { RedisClusterException } from "../RedisClusterException.ts"
import * as Codec from "./Codec.ts"
import type * as Storage from "./Storage.ts"

const lua = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], unpack(ARGV, 2))
return 1`

const digest = /* @__PURE__ */ createHash("sha1").update(lua).digest("hex")
const EVALSHA = new CommandSpec("EVALSHA", { keys: counted(1) })
const EVAL = new CommandSpec("EVAL", { keys: counted(1) })

const prerequisite: Prerequisite = {
  load: Scripting.scriptLoad(lua),
  selfContained: ({ args, decode, settings }) => new Command(EVAL, [lua, ...args.slice(1)], decode, settings)
}

/** The clients whose servers do not compare in SET. The script goes everywhere, so that one answer is enough for all nodes. */
const withoutComparison = new WeakSet<ClusterClientShape>()

/** Sets a key to a value if it still has the former one. */
const swapByScript = (key: Argument, former: Uint8Array, value: Argument, expiry: ExpiryOrKeep): Command<boolean> => {
  const { args: [, ...words], settings } = Strings.set<SetOptions>(key, value, expiry)
  const command = new Command(EVALSHA, [digest, "1", key, former, ...words], decode.boolean, settings)
  return new Command(command.spec, command.args, command.decode, { ...settings, prerequisite })
}

const isUnknownToServer = ({ reason }: RedisClusterException): boolean =>
  reason._tag === "ReplyError" && /syntax error/i.test(reason.message)

/** Sets a key to a value if it still has the former one, or is still missing for `null`. Returns whether it was set. */
const swap: Storage.StorageCommands["swap"] = (redis, key, former, value, expiry) => {
  if (former === null) {
    return Effect.map(
      redis.execute(Strings.set<SetOptions>(key, value, { ...expiry, condition: "NX" })),
      (reply) => reply !== null
    )
  }
  const byScript = redis.execute(swapByScript(key, former, value, expiry))
  if (withoutComparison.has(redis)) return byScript
  return redis.execute(Strings.set<SetOptions>(key, value, { ...expiry, condition: { ifEq: former } })).pipe(
    Effect.map((reply) => reply !== null),
    Effect.catchIf(isUnknownToServer, () => {
      withoutComparison.add(redis)
      return byScript
    })
  )
}

/** Values in strings, the default. */
export const strings: Storage.StorageCommands = {
  reads: "GET",
  writes: "SET",
  codec: Codec.json,
  get: (key) => Strings.get(key),
  mget: (keys) => Strings.mget(keys),
  set: (key, value, options) => Strings.set<Storage.SetOptions>(key, value, options),
  swap
}
