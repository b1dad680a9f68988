/**
 * Effect's `Redis` service over a cluster.
 */
import * as Effect from "effect/Effect"
import type { Redis } from "effect/persistence/Redis"
import * as EffectRedis from "effect/persistence/Redis"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import * as CommandCache from "../../client/CommandCache.ts"
import { type ClusterNode, isClusterNode } from "../../cluster/ClusterNode.ts"
import { ClusterClient, type ClusterClientShape } from "../../ClusterClient.ts"
import * as Command from "../../commands/Command.ts"
import { factsOf, type Nonatomic } from "../../commands/facts.ts"
import { Scripting } from "../../commands/Scripting.ts"
import { upperCase } from "../../commands/words.ts"
import * as checks from "../../internal/checks.ts"
import type { Reply } from "../../protocol/Reply.ts"
import type { RedisClusterException } from "../../RedisClusterException.ts"
import * as ClusterScan from "./ClusterScan.ts"
import { withServerCode } from "./errors.ts"
import { checked } from "./namespace.ts"
import * as Resp2 from "./Resp2.ts"
import * as Session from "./Session.ts"

export interface Options {
  /** Whether scripts may be sent again when their outcome is unknown, because they may run twice. */
  readonly repeatScripts: boolean
  readonly pool?: EffectRedis.PoolOptions | undefined
}

const poolChecks: checks.Checks<EffectRedis.PoolOptions> = {
  maxConnections: checks.integer(1),
  minConnections: checks.integer(0),
  idleTimeout: checks.duration(0),
  acquireTimeout: checks.duration(0)
}

/** The options of the pool behind `reserve`, checked. */
export const checkedPool = (
  name: string,
  pool: EffectRedis.PoolOptions = {}
): Effect.Effect<EffectRedis.PoolOptions, RedisClusterException> => checked(name, pool, poolChecks)

const pairsOf = (words: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> =>
  Array.from({ length: words.length / 2 }, (_, i) => [words[2 * i], words[2 * i + 1]] as const)

/** Runs a command for keys of any slots, to which a single node would give only a part of the answer, or an error. */
const runNonatomic = (
  redis: ClusterClientShape,
  method: Nonatomic,
  args: ReadonlyArray<string>
): Effect.Effect<Resp2.Resp2, RedisClusterException> =>
  method === "msetNonatomic" ? redis.msetNonatomic(pairsOf(args)) : redis[method](args)

/**
 * Whether a call lacks arguments. Such calls are not split: the error of a server says best what is wrong with them.
 */
const isIncomplete = (name: string, args: ReadonlyArray<string>): boolean =>
  args.length === 0 || (name === "MSET" && args.length % 2 === 1)

/** Whether a command names a script by its digest, which the node may lack. */
const callsByDigest = (name: string): boolean => name === "EVALSHA" || name === "EVALSHA_RO"

/** Whether a command runs on several nodes, so that a dedicated connection cannot run it. */
const runsOnMany = ({ spec }: Command.Command<unknown>): boolean =>
  spec.request === "allShards" || spec.request === "allNodes"

export const make = Effect.fnUntraced(function*(
  { pool, repeatScripts }: Options
): Effect.fn.Return<Redis["Service"], never, ClusterClient | Scope.Scope> {
  const redis = yield* ClusterClient
  const commands = yield* CommandCache.make({
    execute: redis.execute,
    primaries: redis.primaries,
    onNode: (command, node) => Effect.flatMap(redis.node(node), (client) => client.execute(command))
  })
  /** The scripts that have been loaded through this service, by digest. */
  const scripts = new Map<string, Command.Prerequisite>()

  /** Remembers a script. Nodes that lack it get it when it is called. */
  const remember = (lua: string): string => {
    const digest = createHash("sha1").update(lua).digest("hex")
    if (!scripts.has(digest)) {
      scripts.set(digest, { load: Scripting.scriptLoad(lua), selfContained: (command) => command })
    }
    return digest
  }

  const settingsFor = (name: string, args: ReadonlyArray<string>): Partial<Command.CommandSettings> | undefined => {
    const prerequisite = callsByDigest(name) ? scripts.get(args[0]?.toLowerCase() ?? "") : undefined
    return prerequisite === undefined ? undefined : { prerequisite, idempotent: repeatScripts }
  }

  const commandOf = (name: string, args: ReadonlyArray<string>) =>
    Effect.map(
      commands.find(name, args),
      (found) => Command.make(found.spec, found.args, found.decode, settingsFor(found.spec.name, args))
    )

  const shaped = (command: Command.Command<unknown>, reply: Reply | ReadonlyMap<ClusterNode, Reply>): Resp2.Resp2 => {
    const { args, spec } = command
    if (reply instanceof Map && [...reply.keys()].every(isClusterNode) && reply.size > 0) {
      // No rule merges the replies of the nodes: the result is a list of addresses and replies, in turns.
      return Array.from(
        reply as ReadonlyMap<ClusterNode, Reply>,
        ([node, part]) => [node.address, Resp2.fromReply(spec.name, args, part)]
      ).flat()
    }
    return Resp2.fromReply(spec.name, args, reply as Reply)
  }

  const run = (
    name: string,
    args: ReadonlyArray<string>,
    execute: (command: Command.Command<Reply>) => Effect.Effect<Reply, RedisClusterException>
  ): Effect.Effect<Resp2.Resp2, RedisClusterException> => {
    if (name === "SCRIPT" && args.length === 2 && upperCase(args[0]) === "LOAD") {
      return Effect.sync(() => remember(args[1]))
    }
    if (!isIncomplete(name, args)) {
      const { nonatomic } = factsOf([name])
      if (nonatomic !== undefined) return runNonatomic(redis, nonatomic, args)
      if (name === "SCAN") return ClusterScan.scan(redis, args)
    }
    return Effect.flatMap(
      commandOf(name, args),
      (command) => Effect.map(execute(command), (reply) => shaped(command, reply))
    )
  }

  const sending = (
    execute: (command: Command.Command<Reply>) => Effect.Effect<Reply, RedisClusterException>
  ): Redis["Service"]["send"] =>
  <A>(command: string, ...args: ReadonlyArray<string>) =>
    Effect.mapError(
      run(upperCase(command), args, execute),
      (error) => new EffectRedis.RedisError({ cause: withServerCode(error, args) })
      // The caller chooses the type of the reply, as in Effect's service.
    ) as Effect.Effect<A, EffectRedis.RedisError>

  const connect = Effect.map(Session.make(redis), (session) => ({
    send: sending((command) => runsOnMany(command) ? redis.execute(command) : session.execute(command)),
    close: session.close
  }))

  return yield* EffectRedis.make({
    send: sending(redis.execute),
    subscribe: (channel, onMessage) =>
      redis.subscribeScoped(channel).pipe(
        Effect.map((messages) =>
          Queue.take(messages).pipe(
            Effect.map(({ channel, payload }) => onMessage({ channel, message: payload })),
            Effect.forever,
            Effect.mapError((error) => new EffectRedis.RedisError({ cause: error }))
          )
        ),
        Effect.mapError((error) => new EffectRedis.RedisError({ cause: error }))
      ),
    connect,
    pool
  })
})
