/**
 * Gathers the facts: each startup node with a socket of its own, then every node through the client, which sends each
 * question to that node alone. All questions only read, are few whatever the cluster holds, and have a timeout.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { NodeLine } from "../../commands/Cluster.ts"
import {
  addressOf,
  ClusterClient,
  type ClusterClientShape,
  type ClusterNode,
  type ClusterOptions,
  type Endpoint,
  type NodeClient,
  type RedisClusterException,
  Snapshot,
  type TlsOptions
} from "../../index.ts"
import { agreement } from "./checks/map.ts"
import {
  type Answer,
  answered,
  type ClientFacts,
  type ClockFacts,
  type Facts,
  failed,
  type Feature,
  type MoveFacts,
  noAnswer,
  type NodeFacts,
  type ProbeFacts,
  type Range,
  type RightsFacts,
  type StartupFacts,
  valueOf
} from "./facts/Facts.ts"
import * as Ranges from "./facts/Ranges.ts"
import * as Rights from "./facts/Rights.ts"
import * as Probe from "./Probe.ts"
import { type Startup, startupOf } from "./Startup.ts"

export interface Request {
  readonly options: ClusterOptions
  readonly features: ReadonlyArray<Feature>
  readonly samples: Rights.Samples
}

/** The nodes that are asked at a time. */
const atOnce = 16

/** The nodes and startup nodes outside of the client's map that are asked, at most. */
const mostOutsiders = 8

const pingCount = 7
const topSlots = 3

/** The settings that checks judge. */
const settings = [
  "cluster-node-timeout",
  "cluster-require-full-coverage",
  "maxmemory-policy",
  "notify-keyspace-events",
  "client-output-buffer-limit",
  "tracking-table-max-keys",
  "timeout",
  "tcp-keepalive",
  "slowlog-max-len"
]

const ask = <A>(question: Effect.Effect<A, RedisClusterException>): Effect.Effect<Answer<A>> =>
  Effect.match(question, { onFailure: failed, onSuccess: answered })

/** Round trips, the first of which does not count: it may dial. */
const pingsOf = Effect.fnUntraced(function*(client: NodeClient): Effect.fn.Return<Answer<ReadonlyArray<number>>> {
  const times: Array<number> = []
  for (let i = 0; i <= pingCount; i++) {
    const started = performance.now()
    const answer = yield* ask(client.ping())
    if (answer._tag === "NoAnswer") return answer
    if (i > 0) times.push(performance.now() - started)
  }
  return answered(times)
})

const clockOf = (client: NodeClient): Effect.Effect<Answer<ClockFacts>> =>
  ask(Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const began = clock.currentTimeMillisUnsafe()
    const started = performance.now()
    const { microseconds, seconds } = yield* client.time()
    const roundTrip = performance.now() - started
    return { ahead: seconds * 1000 + microseconds / 1000 - (began + roundTrip / 2), roundTrip }
  }))

const rightsOf = Effect.fnUntraced(function*(
  client: NodeClient,
  { options: { username = "default" }, samples }: Request
): Effect.fn.Return<Answer<RightsFacts>> {
  const who = yield* ask(client.aclWhoami())
  const all = Rights.rights(samples)
  const user = valueOf(who) ?? username
  const refused: Array<string> = []
  const unknown: Array<string> = []
  const judge = (right: Rights.Right): Effect.Effect<void> =>
    Effect.gen(function*() {
      const dry = yield* ask(client.aclDryrun(user, right.words))
      const text = valueOf(dry)
      if (text !== undefined) {
        if (Rights.isRefusal(text, right, samples)) refused.push(Rights.keyOf(right))
        return
      }
      // The server does not know the command, so that nobody may run it and nobody needs it.
      if (dry._tag === "NoAnswer" && dry.why === "unsupported") return
      if (!right.isHarmless) {
        unknown.push(Rights.keyOf(right))
        return
      }
      const [name = "", ...args] = right.words
      const tried = yield* ask(client.send(name, ...args))
      if (tried._tag === "NoAnswer") (tried.why === "forbidden" ? refused : unknown).push(Rights.keyOf(right))
    })
  yield* Effect.forEach(all, judge, { concurrency: "unbounded", discard: true })
  return answered({ user, refused: refused.toSorted(), unknown: unknown.toSorted() })
})

/** The names of steps at which a move has ended. */
const ended = new Set(["success", "failed", "canceled", "cancelled", "completed"])

const movesOf = Effect.fnUntraced(function*(client: NodeClient): Effect.fn.Return<Answer<ReadonlyArray<MoveFacts>>> {
  const valkey = yield* ask(client.clusterGetslotmigrations())
  if (valkey._tag === "Answered") {
    return answered(
      valkey.value.filter(({ state }) => !ended.has(state)).map(({ ranges, sourceNode, state, targetNode }) => ({
        ranges,
        state,
        source: sourceNode,
        target: targetNode
      }))
    )
  }
  const redis = yield* ask(client.clusterMigrationStatus("ALL"))
  if (redis._tag === "NoAnswer") return redis
  return answered(
    redis.value.filter(({ state }) => !ended.has(state)).map(({ destination, ranges, source, state }) => ({
      ranges,
      state,
      source,
      target: destination
    }))
  )
})

const protocolOf = (client: NodeClient): Effect.Effect<Answer<number>> =>
  Effect.map(ask(client.clientInfo()), (answer): Answer<number> => {
    if (answer._tag === "NoAnswer") return answer
    const version = answer.value.fields["resp"]
    return version === undefined ? noAnswer("unsupported", "CLIENT INFO tells no protocol") : answered(Number(version))
  })

type Answers = Omit<NodeFacts, "address" | "announced" | "id" | "role" | "isMember" | "probe" | "foundAt">

/** The answers of a node that is not asked. */
const unasked = (message: string): Answers => {
  const none = noAnswer("unasked", message)
  return {
    pings: none,
    lines: none,
    cluster: none,
    info: none,
    clock: none,
    config: none,
    rights: none,
    protocol: none,
    slowlog: none,
    busiest: none,
    largest: none,
    moves: none
  }
}

/** All questions to one node, side by side on one connection. */
const answersOf = Effect.fnUntraced(function*(
  client: NodeClient,
  request: Request
): Effect.fn.Return<Answers> {
  const pings = yield* pingsOf(client)
  if (pings._tag === "NoAnswer" && pings.why === "failed") return { ...unasked(pings.message), pings }
  const clock = yield* clockOf(client)
  const rest = yield* Effect.all({
    lines: ask(client.clusterNodes()),
    cluster: ask(Effect.map(client.clusterInfo(), ({ fields }) => fields)),
    info: ask(Effect.map(client.info(), ({ fields }) => fields)),
    config: ask(client.configGet(settings)),
    rights: rightsOf(client, request),
    protocol: protocolOf(client),
    slowlog: ask(client.slowlogLen()),
    busiest: ask(client.clusterSlotStats({ orderBy: "cpu-usec", limit: topSlots })),
    largest: ask(client.clusterSlotStats({ orderBy: "memory-bytes", limit: topSlots })),
    moves: movesOf(client)
  }, { concurrency: "unbounded" })
  return { pings, clock, ...rest }
})

const connectedFacts = (snapshot: Snapshot.Snapshot): ClientFacts => ({
  _tag: "Connected",
  shards: snapshot.shards.map((shard) => ({
    primary: shard.primary.address,
    replicas: shard.replicas.map(({ address }) => address),
    slots: Snapshot.rangesOf(snapshot, shard).map(({ end, start }): Range => [start, end])
  })),
  uncovered: Ranges.where((slot) => snapshot.slots[slot] === undefined)
})

/** The work of one run, with the facts that all of its parts need. */
class Gathering {
  readonly request: Request
  readonly startup: Startup
  readonly probing: Probe.ProbeOptions
  /** Addresses that several facts are about are looked at once. */
  private readonly probes = new Map<string, ProbeFacts>()

  constructor(request: Request, startup: Startup) {
    this.request = request
    this.startup = startup
    const { connectTimeout = "2 seconds", tls } = request.options
    const options: TlsOptions = typeof tls === "object" && !Effect.isEffect(tls) ? tls : {}
    this.probing = {
      tls: startup.tls ? options : undefined,
      timeout: Duration.toMillis(Duration.fromInputUnsafe(connectTimeout))
    }
  }

  readonly probe = (endpoint: Endpoint): Effect.Effect<ProbeFacts> =>
    Effect.suspend(() => {
      const address = addressOf(endpoint)
      const known = this.probes.get(address)
      if (known !== undefined) return Effect.succeed(known)
      return Effect.tap(Probe.probe(endpoint, this.probing), (facts) =>
        Effect.sync(() => {
          this.probes.set(address, facts)
        }))
    })

  /** A client as the program would have it, which fails at once when it cannot start. */
  readonly client = (
    changed: Partial<ClusterOptions> = {}
  ): Effect.Effect<ClusterClientShape, RedisClusterException, Scope.Scope> =>
    ClusterClient.make({
      ...this.request.options,
      startSchedule: undefined,
      requireFullCoverage: false,
      refreshInterval: "Infinity",
      ...changed
    })

  /** A client that starts at one endpoint, for nodes that the first client does not know. */
  readonly clientAt = (endpoint: Endpoint) => this.client({ nodes: [endpoint] })
}

const nodeOf = (address: string, line: NodeLine | undefined): Pick<NodeFacts, "id" | "role" | "announced"> => ({
  id: line?.id ?? "",
  role: line?.flags.includes("slave") === true ? "replica" : "primary",
  announced: line === undefined ? address : addressOf(line)
})

/** A node that the client knows. */
const memberFacts = Effect.fnUntraced(function*(
  gathering: Gathering,
  redis: ClusterClientShape,
  node: ClusterNode
): Effect.fn.Return<NodeFacts> {
  const probe = yield* gathering.probe(node)
  const client = yield* Effect.result(redis.node(node))
  const answers = Result.isFailure(client)
    ? unasked(client.failure.message)
    : probe.answers
    ? yield* answersOf(client.success, gathering.request)
    : unasked(probe.problem ?? "it is not reachable")
  return {
    address: node.address,
    announced: node.address,
    id: node.id,
    role: node.role,
    isMember: true,
    probe,
    foundAt: undefined,
    ...answers
  }
})

/** A node that only other nodes name, asked through a client that starts there. */
const outsiderFacts = Effect.fnUntraced(function*(
  gathering: Gathering,
  endpoint: Endpoint,
  line: NodeLine | undefined
): Effect.fn.Return<NodeFacts> {
  const address = addressOf(endpoint)
  const probe = yield* gathering.probe(endpoint)
  const answers = probe.answers
    ? yield* gathering.clientAt(endpoint).pipe(
      Effect.flatMap((redis) => redis.node(endpoint)),
      Effect.flatMap((client) => answersOf(client, gathering.request)),
      Effect.catch(({ message }) => Effect.succeed(unasked(message))),
      Effect.scoped
    )
    : unasked(probe.problem ?? "it is not reachable")
  const own = valueOf(answers.lines)?.find(({ flags }) => flags.includes("myself"))
  return { address, ...nodeOf(address, line ?? own), isMember: false, probe, foundAt: undefined, ...answers }
})

const endpointIn = (address: string): Endpoint => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replaceAll(/[[\]]/g, ""), port: Number(address.slice(colon + 1)) }
}

/** The addresses by which nodes know a node, by its id. */
const announcedBy = (nodes: ReadonlyArray<NodeFacts>): ReadonlyMap<string, NodeLine> => {
  const lines = new Map<string, NodeLine>()
  for (const node of nodes) {
    for (const line of valueOf(node.lines) ?? []) {
      if (!line.flags.includes("noaddr") && !line.flags.includes("myself") && !lines.has(line.id)) {
        lines.set(line.id, line)
      }
    }
  }
  return lines
}

/** The address at which a node answers that cannot be reached at its own: its port at the hosts that are reachable. */
const searched = Effect.fnUntraced(function*(
  gathering: Gathering,
  node: NodeFacts
): Effect.fn.Return<NodeFacts> {
  const { port } = endpointIn(node.address)
  const hosts = new Set(gathering.startup.endpoints.map(({ host }) => host))
  for (const host of hosts) {
    const candidate = { host, port }
    if (addressOf(candidate) === node.address) continue
    if (!(yield* gathering.probe(candidate)).answers) continue
    const id = yield* gathering.client({
      nodes: [candidate],
      mapAddress: (endpoint) => addressOf(endpoint) === node.address ? candidate : endpoint
    }).pipe(
      Effect.flatMap((redis) => redis.node(candidate)),
      Effect.flatMap((client) => client.clusterMyid()),
      Effect.orElseSucceed(() => ""),
      Effect.scoped
    )
    if (id === node.id) return { ...node, foundAt: addressOf(candidate) }
  }
  return node
})

/** A startup node, by the facts of the node that it is. */
const startupFacts = (
  endpoint: Endpoint,
  probe: ProbeFacts,
  node: NodeFacts | undefined
): StartupFacts => {
  const lines: Answer<ReadonlyArray<NodeLine>> = node === undefined
    ? noAnswer("unasked", probe.problem ?? "no client could be made")
    : node.lines
  return {
    address: addressOf(endpoint),
    probe,
    id: node === undefined || node.id === "" ? noAnswer("unasked", "its id is not known") : answered(node.id),
    peers: lines._tag === "NoAnswer"
      ? lines
      : answered(lines.value.filter(({ flags }) => !flags.includes("handshake")).map(({ id }) => id))
  }
}

/** The times that nodes are asked again when they do not agree, and the pause before each: news takes a moment to all nodes. */
const rounds = 3
const pause = "1 second"

const isAgreed = (facts: Facts): boolean =>
  agreement.run(facts).every(({ level }) => level === "ok" || level === "skipped")

/** The facts with newer views of the nodes, when the first did not agree: a change may have been under way. */
const settled = Effect.fnUntraced(function*(redis: ClusterClientShape, facts: Facts): Effect.fn.Return<Facts> {
  let nodes = facts.nodes
  for (let round = 0; round < rounds && !isAgreed({ ...facts, nodes }); round++) {
    yield* Effect.sleep(pause)
    nodes = yield* Effect.forEach(nodes, (node) =>
      node.isMember && node.lines._tag === "Answered"
        ? redis.node(endpointIn(node.address)).pipe(
          Effect.flatMap((client) => client.clusterNodes()),
          ask,
          Effect.map((lines): NodeFacts => ({ ...node, lines }))
        )
        : Effect.succeed(node), { concurrency: atOnce })
  }
  return { ...facts, nodes }
})

/** Everything that there is to know, in a bounded time. It never fails. */
export const gather: (request: Request) => Effect.Effect<Facts, unknown> = Effect.fnUntraced(
  function*(request: Request): Effect.fn.Return<Facts, unknown, Scope.Scope> {
    const clock = yield* Clock.Clock
    const startup = yield* startupOf(request.options)
    const gathering = new Gathering(
      { ...request, options: { ...request.options, username: request.options.username ?? startup.username } },
      startup
    )
    const { commandTimeout = "5 seconds", protocol = 3 } = request.options
    const base = {
      now: clock.currentTimeMillisUnsafe(),
      wishes: {
        features: request.features,
        tls: startup.tls,
        verifies: gathering.probing.tls?.rejectUnauthorized !== false,
        protocol,
        commandTimeout: Duration.toMillis(Duration.fromInputUnsafe(commandTimeout)),
        hasPassword: startup.hasPassword
      }
    }
    const probes = yield* Effect.forEach(startup.endpoints, gathering.probe, { concurrency: atOnce })
    const made = yield* Effect.result(gathering.client())
    if (Result.isFailure(made)) {
      const { message, root } = made.failure
      return {
        ...base,
        startup: startup.endpoints.map((endpoint, i) => startupFacts(endpoint, probes[i], undefined)),
        client: { _tag: "NotConnected", reason: root._tag, message },
        nodes: []
      }
    }
    const redis = made.success
    const snapshot = yield* redis.topology
    const members = yield* Effect.forEach(
      snapshot.nodes.values(),
      (node) => memberFacts(gathering, redis, node),
      { concurrency: atOnce }
    )

    // The nodes that the client does not know: startup nodes of other clusters, and nodes that only some nodes know.
    const announced = announcedBy(members)
    const ids = new Set(members.map(({ id }) => id))
    const owners = yield* Effect.forEach(
      startup.endpoints,
      (endpoint) =>
        Effect.match(redis.nodeAt(endpoint), { onFailure: () => undefined, onSuccess: ({ address }) => address })
    )
    const strangers = [
      ...startup.endpoints.filter((_, i) => owners[i] === undefined).map((endpoint) => ({ endpoint, line: undefined })),
      ...[...announced.values()].filter(({ id }) => !ids.has(id)).map((line) => ({
        endpoint: (request.options.mapAddress ?? ((given: Endpoint) => given))({ host: line.host, port: line.port }),
        line
      }))
    ]
    const outsiders = yield* Effect.forEach(
      strangers.slice(0, mostOutsiders),
      ({ endpoint, line }) => outsiderFacts(gathering, endpoint, line),
      { concurrency: atOnce }
    )

    const renamed = (node: NodeFacts): NodeFacts => {
      const line = announced.get(node.id)
      return line === undefined || request.options.mapAddress === undefined
        ? node
        : { ...node, announced: addressOf(line) }
    }
    const named = [...members, ...outsiders].map(renamed)
    const nodes = yield* Effect.forEach(
      named,
      (node) => node.probe.connectedIn === undefined ? searched(gathering, node) : Effect.succeed(node),
      { concurrency: atOnce }
    )
    const byAddress = new Map(nodes.map((node) => [node.address, node]))
    return yield* settled(redis, {
      ...base,
      startup: startup.endpoints.map((endpoint, i) =>
        startupFacts(endpoint, probes[i], byAddress.get(owners[i] ?? addressOf(endpoint)))
      ),
      client: connectedFacts(snapshot),
      nodes
    })
  },
  Effect.scoped
)
