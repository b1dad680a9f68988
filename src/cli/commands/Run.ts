/** `run`: one command, where its keys and policies say or on nodes that the user names. */
import * as Argument from "effect/cli/Argument"
import * as CliCommand from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  ClusterClient,
  type ClusterNode,
  Command,
  isClusterNode,
  type RedisClusterException,
  type Reply
} from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import * as Target from "../connecting/Target.ts"
import { ExitCode, explained, verdict } from "../output/Failure.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import * as Replies from "../output/Replies.ts"
import { Screen, type ScreenShape } from "../output/Screen.ts"

type Answers = ReadonlyMap<ClusterNode, Result.Result<Reply, RedisClusterException>>

/** Whether the reply is one of each node: for a command of several nodes whose replies no policy merges. */
const isPerNode = (reply: Reply | ReadonlyMap<ClusterNode, Reply>): reply is ReadonlyMap<ClusterNode, Reply> =>
  reply instanceof Map && reply.size > 0 && [...reply.keys()].every(isClusterNode)

const shown = (screen: ScreenShape, reply: Reply): string | Uint8Array =>
  screen.isTerminal ? Replies.pretty(reply) : Replies.raw(reply)

/** Prints the answer of each node under its address, which the answer of one node by name does not need. */
const printPerNode = Effect.fnUntraced(function*(
  screen: ScreenShape,
  answers: Answers,
  { isOne, json }: { readonly isOne: boolean; readonly json: boolean }
) {
  if (json) {
    yield* screen.printJson(Object.fromEntries(Array.from(answers, ([node, answer]) => [
      node.address,
      Result.isSuccess(answer) ? Replies.toJson(answer.success) : { error: explained(answer.failure).message }
    ])))
  } else {
    for (const [node, answer] of answers) {
      if (!isOne) yield* screen.print(screen.paint.bold(`# ${node.address} (${node.role})`))
      if (Result.isSuccess(answer)) yield* screen.print(shown(screen, answer.success))
      else yield* screen.note(`${screen.paint.red("error")}: ${node.address}: ${explained(answer.failure).message}`)
    }
  }
  if ([...answers.values()].some(Result.isFailure)) return yield* verdict(ExitCode.problem)
})

export const run = CliCommand.make(
  "run",
  {
    words: Argument.String("command").pipe(
      Argument.withDescription("The command and its arguments; after -- nothing is read as a flag"),
      Argument.variadic({ min: 1 })
    ),
    target: Target.flag,
    json: jsonFlag,
    connecting: Connecting.flags
  },
  Effect.fnUntraced(function*({ json, target, words: [name, ...args] }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    if (target !== undefined) {
      const nodes = yield* Target.find(redis, target)
      const answers = yield* redis.on(nodes).results(Command.bytes(Command.named(name, ...args)))
      const isOne = target._tag === "Key" || (target._tag === "Nodes" && target.nodes.length === 1)
      return yield* printPerNode(screen, answers, { isOne, json })
    }
    const reply = yield* redis.send(name, ...args).pipe(Command.bytes)
    if (isPerNode(reply)) {
      const answers = new Map(Array.from(reply, ([node, answer]) => [node, Result.succeed(answer)]))
      return yield* printPerNode(screen, answers, { isOne: false, json })
    }
    yield* json ? screen.printJson(Replies.toJson(reply)) : screen.print(shown(screen, reply))
  })
).pipe(
  CliCommand.withDescription(
    "Runs a command: on the node of its keys, on all nodes that it concerns with their replies merged, or on the nodes of --target"
  ),
  CliCommand.withExamples([
    { command: "effect-redis-cluster run GET user:1", description: "REDIS_CLUSTER_URL names the cluster" },
    {
      command: "effect-redis-cluster run -u localhost:7000 DBSIZE",
      description: "The keys of all primaries, in one sum"
    },
    {
      command: "effect-redis-cluster run --target all CONFIG GET maxmemory",
      description: "The reply of each node, replicas as well"
    },
    {
      command: "effect-redis-cluster run --target key=user:1 OBJECT FREQ user:1",
      description: "On the primary that owns a key"
    },
    { command: "effect-redis-cluster run -- SET user:1 --flag-like", description: "Arguments that look like flags" }
  ]),
  Connecting.connected
)
