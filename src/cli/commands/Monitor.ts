/** `monitor`: the commands that all nodes execute, as one stream. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import {
  ClusterClient,
  type ClusterClientShape,
  type ClusterNode,
  type MonitoredCommand,
  type RedisClusterException,
  type Snapshot
} from "../../index.ts"
import * as Connecting from "../connecting/Connecting.ts"
import { jsonFlag } from "../output/jsonFlag.ts"
import type { Paint } from "../output/Paint.ts"
import { Screen, type ScreenShape } from "../output/Screen.ts"
import { cut, visible } from "../output/text.ts"

/** The nodes that the user wants to watch, which change with the cluster. */
class WatchedNodes {
  private readonly known = new Set<string>()
  private wanted: ReadonlySet<string> = new Set()
  private readonly withReplicas: boolean

  constructor(withReplicas: boolean) {
    this.withReplicas = withReplicas
  }

  /** Takes the nodes from a snapshot, and gives those that are new. */
  readonly update = ({ primaries, replicas }: Snapshot.Snapshot): ReadonlyArray<ClusterNode> => {
    const nodes = this.withReplicas ? [...primaries, ...replicas] : primaries
    this.wanted = new Set(nodes.map(({ address }) => address))
    const added = nodes.filter(({ address }) => !this.known.has(address))
    for (const { address } of added) this.known.add(address)
    return added
  }

  /** Whether the node is watched still: not when it has left, or has become a replica. */
  readonly has = ({ address }: ClusterNode): boolean => this.wanted.has(address)
}

/** Whether a node that failed so is to be asked again: not when its user may not run MONITOR. */
const isPassing = ({ group }: RedisClusterException): boolean => group === "network" || group === "cluster"

/** All commands of these nodes. A node that is down is tried again. */
const commandsOf = (
  redis: ClusterClientShape,
  screen: ScreenShape,
  nodes: WatchedNodes
): Stream.Stream<MonitoredCommand, RedisClusterException> => {
  const ofNode = (node: ClusterNode) => {
    const again = Schedule.spaced("1 second").pipe(
      Schedule.setInputType<RedisClusterException>(),
      Schedule.while(({ input }) => isPassing(input) && nodes.has(node))
    )
    return redis.monitor(node).pipe(
      Stream.tapError((error) =>
        isPassing(error) && nodes.has(node)
          ? screen.note(`${node.address}: ${error.message}; trying again`)
          : Effect.void
      ),
      Stream.retry(again),
      Stream.catch((error) => isPassing(error) ? Stream.empty : Stream.fail(error))
    )
  }
  return redis.topologyChanges.pipe(
    Stream.map(nodes.update),
    Stream.flattenIterable,
    Stream.flatMap(ofNode, { concurrency: "unbounded" }),
    Stream.filter(({ node }) => nodes.has(node))
  )
}

/** A pattern of the shell: `*` stands for any text and `?` for any character. */
const patternOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, (sign) => sign === "*" ? ".*" : sign === "?" ? "." : `\\${sign}`)}$`,
    "is"
  )

const timeOf = (time: number): string => new Date(time).toISOString().slice(11, 23)

const quoted = (text: string): string =>
  /^[\w:.\-/{}@+*]+$/.test(text) ? text : `"${visible(text.replaceAll(/["\\]/g, (sign) => `\\${sign}`))}"`

const lineOf = (
  { client, command: [name, ...args], node, time }: MonitoredCommand,
  width: number,
  paint: Paint
): string => {
  const begin = `${timeOf(time)} ${node.address} ${client} `
  const rest = cut([name.toUpperCase(), ...args.map(quoted)].join(" "), Math.max(20, width - begin.length))
  const space = rest.indexOf(" ")
  const [verb, others] = space < 0 ? [rest, ""] : [rest.slice(0, space), rest.slice(space)]
  return `${paint.dim(begin)}${paint.bold(verb)}${others}`
}

export const monitor = Command.make(
  "monitor",
  {
    connecting: Connecting.withUrls,
    match: Flag.optional(
      Flag.String("match").pipe(
        Flag.withAlias("m"),
        Flag.withMetavar("pattern"),
        Flag.withDescription("Only commands with an argument that fits this pattern: user:*")
      )
    ),
    command: Flag.optional(
      Flag.String("command").pipe(
        Flag.withMetavar("names"),
        Flag.withDescription("Only these commands, separated by commas: get,set")
      )
    ),
    client: Flag.optional(
      Flag.String("client").pipe(
        Flag.withMetavar("pattern"),
        Flag.withDescription("Only clients whose address fits this pattern: 10.0.0.*")
      )
    ),
    limit: Flag.optional(
      Flag.Int("limit").pipe(
        Flag.withMetavar("commands"),
        Flag.withDescription("Ends after so many commands"),
        Flag.filter((value) => value > 0, () => "Expected a number of at least 1")
      )
    ),
    duration: Flag.optional(
      Connecting.durationFlag("for").pipe(
        Flag.withDescription("Ends after this time")
      )
    ),
    replicas: Flag.Boolean("replicas").pipe(
      Flag.withDescription("Watches the replicas as well, which repeat every write"),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    json: jsonFlag.pipe(Flag.withDescription("Prints a line of JSON for each command"))
  },
  Effect.fnUntraced(function*({ client, command, duration, json, limit, match, replicas }) {
    const redis = yield* ClusterClient
    const screen = yield* Screen
    const names = Option.map(command, (text) => new Set(text.toLowerCase().split(",").map((name) => name.trim())))
    const pattern = Option.map(match, patternOf)
    const address = Option.map(client, patternOf)
    const isWanted = ({ client, command: [name, ...args] }: MonitoredCommand): boolean =>
      Option.match(names, { onNone: () => true, onSome: (names) => names.has(name.toLowerCase()) }) &&
      Option.match(pattern, { onNone: () => true, onSome: (pattern) => args.some((text) => pattern.test(text)) }) &&
      Option.match(address, { onNone: () => true, onSome: (pattern) => pattern.test(client) })
    if (screen.isTerminal) yield* screen.note("Each node tells every command, which slows it down. Ctrl-C ends it.")
    const width = yield* screen.width
    yield* commandsOf(redis, screen, new WatchedNodes(replicas)).pipe(
      Stream.filter(isWanted),
      (stream) => Option.match(limit, { onNone: () => stream, onSome: (limit) => Stream.take(stream, limit) }),
      (stream) =>
        Option.match(duration, {
          onNone: () => stream,
          onSome: (time) => Stream.interruptWhen(stream, Effect.sleep(time))
        }),
      Stream.map((seen) =>
        json
          ? JSON.stringify({
            time: new Date(seen.time).toISOString(),
            node: seen.node.address,
            client: seen.client,
            command: seen.command
          })
          : lineOf(seen, width, screen.paint)
      ),
      screen.printAll
    )
  })
).pipe(
  Command.withDescription("Prints the commands that all nodes execute, as they come"),
  Command.withExamples([
    { command: "effect-redis-cluster monitor localhost:7000", description: "Everything, for a short look" },
    {
      command: "effect-redis-cluster monitor --match 'cart:*' --limit 20 localhost:7000",
      description: "Who touches these keys?"
    },
    {
      command: "effect-redis-cluster monitor --command del,unlink --for 1m --json localhost:7000",
      description: "One minute of deletions, for programs"
    }
  ]),
  Connecting.connected
)
