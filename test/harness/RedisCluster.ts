/**
 * Real Redis or Valkey clusters on loopback, for tests, the demo and the benchmark: started, broken and mended by
 * effects, and gone with their scope.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { ClusterOptions } from "../../src/ClusterOptions.ts"
import { type Reply, ServerError } from "../../src/protocol/Reply.ts"
import type { Certificates } from "./Certificates.ts"
import * as Founding from "./Founding.ts"
import { HarnessError } from "./HarnessError.ts"
import * as RealTime from "./RealTime.ts"
import * as RedisServer from "./RedisServer.ts"
import type { Word } from "./Resp.ts"

export interface RedisClusterOptions {
  /** Default: 3. */
  readonly primaries?: number | undefined
  /** Replicas of each primary. Default: 0. */
  readonly replicas?: number | undefined
  /** Further server options, as on a command line: `["--cluster-require-full-coverage", "no"]`. */
  readonly options?: ReadonlyArray<string> | ((port: number) => ReadonlyArray<string>) | undefined
  /** `cluster-node-timeout` in milliseconds. Default: 2000. */
  readonly nodeTimeout?: number | undefined
  /** TLS only, with certificates made for this cluster. Client certificates: "optional" unless said otherwise. */
  readonly tls?: boolean | { readonly clientCertificates: "no" | "optional" | "yes" } | undefined
  /** The default user's password, on every node. */
  readonly password?: string | undefined
  /** The server binary, instead of that of the whole suite. */
  readonly binary?: string | undefined
  /** Ports for the first nodes, instead of free ones. */
  readonly ports?: ReadonlyArray<number> | undefined
}

/** A node of the cluster, running or not. */
export interface RedisNode {
  /** Its place in the order of starting. */
  readonly index: number
  /** The id it has in the cluster. */
  readonly id: string
  readonly host: "127.0.0.1"
  readonly port: number
  /** `redis://127.0.0.1:port`, or `rediss://` with TLS. */
  readonly url: string
  /** The role with which it was started. */
  readonly role: "primary" | "replica"
  /** The process id; 0 when it is not running. */
  readonly pid: number
}

/** The cluster and what can be done to it. */
export interface RedisClusterShape {
  /** The nodes that belong to it, also those that are down: changes with `addNode` and `removeNode`. */
  readonly nodes: ReadonlyArray<RedisNode>
  /** The URLs of the nodes, without the password. */
  readonly seeds: ReadonlyArray<string>
  /** The stream to it without sockets, for a cluster in memory. */
  readonly stream?: ClusterOptions["stream"]
  /** The certificates, when it speaks TLS. */
  readonly tls: Certificates | undefined
  readonly password: string | undefined

  /** Sends a command to a node on a new connection. An error reply fails with the server's text. */
  readonly command: (node: RedisNode, ...args: ReadonlyArray<Word>) => Effect.Effect<Reply, HarnessError>
  /** The running nodes that say they are primaries. */
  readonly primaries: Effect.Effect<ReadonlyArray<RedisNode>, HarnessError>
  /** The running nodes that say they are replicas. */
  readonly replicas: Effect.Effect<ReadonlyArray<RedisNode>, HarnessError>
  /** The running nodes that say they are replicas of this one. */
  readonly replicasOf: (primary: RedisNode) => Effect.Effect<ReadonlyArray<RedisNode>, HarnessError>
  /** The running primary that says it owns the slot. */
  readonly owner: (slot: number) => Effect.Effect<RedisNode, HarnessError>
  /**
   * Waits, at most 30 seconds, until every running node says `cluster_state:ok`, sees all running nodes connected, lists
   * all of them in CLUSTER SLOTS (replicas: attached, with an offset), and agrees with the others on every slot's owner.
   */
  readonly awaitOk: Effect.Effect<void, HarnessError>
  /** Waits, at most 30 seconds, until every running replica has what its primary has now. */
  readonly awaitReplicated: Effect.Effect<void, HarnessError>

  /** SIGKILL, and waits for the end of the process. */
  readonly kill: (node: RedisNode) => Effect.Effect<void, HarnessError>
  /** Starts the node again on its port, under its id; kills it first when it runs. */
  readonly restart: (node: RedisNode) => Effect.Effect<void, HarnessError>
  /** Starts the node again on another port, a free one when none is given, under its id. */
  readonly readdress: (node: RedisNode, port?: number) => Effect.Effect<void, HarnessError>
  /** SIGSTOP: its sockets stay open and it answers nothing. */
  readonly stop: (node: RedisNode) => Effect.Effect<void, HarnessError>
  /** SIGCONT. */
  readonly continue: (node: RedisNode) => Effect.Effect<void, HarnessError>
  /** CLUSTER FAILOVER, and waits until every running node knows the new primary. */
  readonly failover: (replica: RedisNode, mode?: "FORCE" | "TAKEOVER") => Effect.Effect<void, HarnessError>

  /** Starts a node and lets it join, as an empty primary or as a replica; it goes with the cluster. */
  readonly addNode: (
    options?: { readonly replicaOf?: RedisNode | undefined; readonly port?: number | undefined }
  ) => Effect.Effect<RedisNode, HarnessError>
  /** Lets all others forget the node and ends it. Fails when it owns slots. */
  readonly removeNode: (node: RedisNode) => Effect.Effect<void, HarnessError>

  /** Moves a slot with its keys: `startMigration`, then `finishMigration`. */
  readonly migrateSlot: (slot: number, target: RedisNode) => Effect.Effect<void, HarnessError>
  /** Opens the migration: the owner answers ASK for keys it does not have. */
  readonly startMigration: (slot: number, target: RedisNode) => Effect.Effect<void, HarnessError>
  /** Moves keys of a slot in migration, all or at most so many; says how many. */
  readonly moveKeys: (slot: number, max?: number) => Effect.Effect<number, HarnessError>
  /** Moves the keys that are left and makes the target the owner on every primary. */
  readonly finishMigration: (slot: number) => Effect.Effect<void, HarnessError>
}

const slotCount = 16384
const patience = 30_000
const shortestPause = 10
const longestPause = 100

interface Member {
  readonly node: RedisNode
  readonly server: RedisServer.RedisServer
}

/** A line of CLUSTER NODES. */
interface NodeLine {
  readonly id: string
  readonly flags: ReadonlyArray<string>
  readonly primaryId: string
  readonly epoch: number
  readonly connected: boolean
  readonly slots: ReadonlyArray<readonly [first: number, last: number]>
}

/** The view of the cluster by one node. */
interface View {
  readonly state: string
  readonly self: NodeLine
  readonly lines: ReadonlyArray<NodeLine>
  /** Ids in CLUSTER SLOTS. */
  readonly listed: ReadonlySet<string>
  /** The slot map as text, for comparison. */
  readonly owners: string
}

const parseLine = (line: string): NodeLine => {
  const [id, , flags, primaryId, , , epoch, link, ...slots] = line.split(" ")
  return {
    id,
    flags: flags.split(","),
    primaryId,
    epoch: Number(epoch),
    connected: link === "connected",
    slots: slots.filter((range) => !range.startsWith("[")).map((range) => {
      const [first, last = first] = range.split("-").map(Number)
      return [first, last] as const
    })
  }
}

const items = (reply: Reply): ReadonlyArray<Reply> => Array.isArray(reply) ? reply : []

const view = (server: RedisServer.RedisServer): Effect.Effect<View, HarnessError> =>
  server.withClient((client) =>
    Effect.flatMap(
      client.pipeline([["CLUSTER", "INFO"], ["CLUSTER", "NODES"], ["CLUSTER", "SLOTS"]]),
      ([info, nodes, slots]) => {
        // A node that is still loading its data answers so to all of this.
        const refusal = [info, nodes, slots].find((reply) => reply instanceof ServerError)
        if (refusal instanceof ServerError) return Effect.fail(new HarnessError({ message: refusal.message }))
        const lines = String(nodes).trim().split("\n").map(parseLine)
        const self = lines.find((line) => line.flags.includes("myself"))
        if (self === undefined) {
          return Effect.fail(new HarnessError({ message: `The server on port ${server.port} is in no cluster` }))
        }
        const ranges = items(slots).map(items)
        return Effect.succeed({
          state: /cluster_state:(\w+)/.exec(String(info))?.[1] ?? "unknown",
          self,
          lines,
          listed: new Set(ranges.flatMap((range) => range.slice(2).map((node) => String(items(node)[2])))),
          owners: lines.flatMap((line) => line.slots.map(([first, last]) => `${first}-${last} ${line.id}`)).toSorted()
            .join()
        })
      }
    )
  )

/** The line that a node has for itself, which is quicker to get than all that it says. */
const lineOf = (server: RedisServer.RedisServer): Effect.Effect<NodeLine, HarnessError> =>
  Effect.flatMap(server.command("CLUSTER", "NODES"), (nodes) => {
    const own = /^.*\bmyself\b.*$/m.exec(String(nodes))
    return own === null
      ? Effect.fail(new HarnessError({ message: `The server on port ${server.port} is in no cluster` }))
      : Effect.succeed(parseLine(own[0]))
  })

const isPrimary = (line: NodeLine) => line.flags.includes("master")
const owns = (line: NodeLine, slot: number) => line.slots.some(([first, last]) => first <= slot && slot <= last)
const count = (line: NodeLine) => line.slots.reduce((total, [first, last]) => total + last - first + 1, 0)

/** Why the cluster, as these running nodes see it, is not ready; nothing when it is. */
const unready = (views: ReadonlyArray<View>): string | undefined => {
  for (const { lines, listed, owners, self, state } of views) {
    const of = `node ${self.id.slice(0, 8)}:`
    if (state !== "ok") return `${of} cluster_state:${state}`
    if (lines.reduce((total, line) => total + count(line), 0) !== slotCount) return `${of} slots without an owner`
    if (lines.some((line) => line.flags.includes("handshake"))) return `${of} is meeting another node`
    if (owners !== views[0].owners) return `${of} another slot map than node ${views[0].self.id.slice(0, 8)}`
    for (const other of views) {
      const line = lines.find((line) => line.id === other.self.id)
      const whom = other.self.id.slice(0, 8)
      if (line === undefined) return `${of} does not know ${whom}`
      if (line.flags.some((flag) => flag.startsWith("fail") || flag === "handshake" || flag === "noaddr")) {
        return `${of} sees ${whom} as ${line.flags.join()}`
      }
      if (!line.connected) return `${of} is not connected to ${whom}`
      if (isPrimary(line) !== isPrimary(other.self)) return `${of} has another role for ${whom}`
      if ((!isPrimary(line) || line.slots.length > 0) && !listed.has(line.id)) return `${of} does not list ${whom}`
    }
  }
  return undefined
}

/** Why these nodes cannot agree yet on who is whose primary; nothing when they can. */
const strangers = (all: ReadonlyArray<{ readonly view: View }>): string | undefined => {
  for (const { view: { lines, self, state } } of all) {
    const of = `node ${self.id.slice(0, 8)}:`
    if (state !== "ok") return `${of} cluster_state:${state}`
    const unconnected = all.find(({ view: { self: { id } } }) =>
      !lines.some((line) => line.id === id && line.connected)
    )
    if (unconnected !== undefined) return `${of} is not connected to ${unconnected.view.self.id.slice(0, 8)}`
  }
  return undefined
}

const attached = (server: RedisServer.RedisServer) =>
  Effect.map(server.command("INFO", "replication"), (reply) => {
    const info = String(reply)
    return info.includes("role:master") ||
      (info.includes("master_link_status:up") && !/slave_repl_offset:0\r/.test(info))
  })

/** How far the data of a node goes, in the primary's own count. */
const offsetOf = (server: RedisServer.RedisServer) =>
  Effect.map(
    server.command("INFO", "replication"),
    (info) => Number(/master_repl_offset:(\d+)/.exec(String(info))?.[1] ?? 0)
  )

/** Asks again and again until there is nothing to complain of. */
const awaitNothing = <E>(what: string, complaint: Effect.Effect<string | undefined, E>) =>
  Effect.gen(function*() {
    let last = ""
    const start = Date.now()
    for (let pause = shortestPause; Date.now() - start < patience; pause = Math.min(2 * pause, longestPause)) {
      const said = yield* Effect.catch(complaint, (error) => Effect.succeed(String(error)))
      if (said === undefined) return
      last = said
      yield* Effect.sleep(pause)
    }
    return yield* new HarnessError({ message: `${what} took longer than ${patience / 1000} s: ${last}` })
  })

/** Lets servers meet pairwise: faster than waiting for the gossip. */
const meet = (pairs: ReadonlyArray<readonly [RedisServer.RedisServer, RedisServer.RedisServer]>) =>
  Effect.forEach(pairs, ([from, to]) => from.command("CLUSTER", "MEET", "127.0.0.1", to.port), {
    concurrency: 8,
    discard: true
  })

const make = Effect.fnUntraced(
  function*(
    options: RedisClusterOptions
  ): Effect.fn.Return<RedisClusterShape, HarnessError, Scope.Scope | NodeServices.NodeServices> {
    const context = yield* Effect.context<Scope.Scope | NodeServices.NodeServices>()
    const primaryCount = options.primaries ?? 3
    const nodeCount = primaryCount * (1 + (options.replicas ?? 0))
    const own = yield* RedisServer.workspace
    const space = { ...own, binary: options.binary ?? own.binary }
    const tls = options.tls === undefined || options.tls === false
      ? undefined
      : yield* RedisServer.makeTls(space.directory, options.tls === true ? "optional" : options.tls.clientCertificates)
    const nodeTimeout = options.nodeTimeout ?? 2000
    let founded = false
    const serverOptions = (port: number): ReadonlyArray<string> => [
      ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"],
      // No node is called failed while the machine is busy with starting them.
      ...["--cluster-node-timeout", String(founded ? nodeTimeout : patience)],
      ...["--cluster-replica-validity-factor", "0", "--cluster-allow-replica-migration", "no"],
      // A replica whose handshake met a stopped primary would wait for a minute before it tries again.
      ...["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--repl-timeout", "10"],
      ...(typeof options.options === "function" ? options.options(port) : options.options ?? [])
    ]

    const members = new Map<string, Member>()
    const nodes: Array<RedisNode> = []
    const seeds: Array<string> = []
    let nextIndex = 0

    const launch = (port?: number, nodesFile?: string) =>
      RedisServer.start(space, { options: serverOptions, port, password: options.password, tls, nodesFile })
    const enlist = (
      { id, server }: { readonly server: RedisServer.RedisServer; readonly id: string },
      role: RedisNode["role"]
    ): Member => {
      const index = nextIndex++
      const node: RedisNode = {
        index,
        id,
        role,
        host: server.host,
        get port() {
          return server.port
        },
        get url() {
          return server.url
        },
        get pid() {
          return server.pid
        }
      }
      const member = { node, server }
      members.set(id, member)
      nodes.push(node)
      seeds.push(node.url)
      return member
    }

    const serverOf = (node: RedisNode) =>
      Effect.suspend(() => {
        const member = members.get(node.id)
        return member === undefined
          ? Effect.fail(new HarnessError({ message: `The node on port ${node.port} is not of this cluster` }))
          : Effect.succeed(member.server)
      })
    const on = <A>(node: RedisNode, use: (server: RedisServer.RedisServer) => Effect.Effect<A, HarnessError>) =>
      Effect.flatMap(serverOf(node), use)
    const running = () => [...members.values()].filter(({ server }) => server.responsive)
    const command: RedisClusterShape["command"] = (node, ...args) => on(node, (server) => server.command(...args))

    const views = Effect.suspend(() =>
      Effect.forEach(running(), ({ node, server }) => Effect.map(view(server), (view) => ({ node, view })), {
        concurrency: "unbounded"
      })
    )
    const lines = Effect.suspend(() =>
      Effect.forEach(running(), ({ node, server }) => Effect.map(lineOf(server), (line) => ({ node, line })), {
        concurrency: "unbounded"
      })
    )
    const nodesWhose = (predicate: (self: NodeLine) => boolean) =>
      Effect.map(lines, (all) => all.filter(({ line }) => predicate(line)).map(({ node }) => node))

    const primaries = nodesWhose(isPrimary)

    const owner = Effect.fnUntraced(function*(slot: number) {
      const claims = (yield* lines).filter(({ line }) => isPrimary(line) && owns(line, slot))
      if (claims.length === 0) return yield* new HarnessError({ message: `No running node owns slot ${slot}` })
      return claims.reduce((a, b) => b.line.epoch > a.line.epoch ? b : a).node
    })

    const awaitOk = awaitNothing(
      "Waiting for the cluster to be ready",
      Effect.gen(function*() {
        const complaint = unready((yield* views).map(({ view }) => view))
        if (complaint !== undefined) return complaint
        for (const { node, server } of running()) {
          if (!(yield* attached(server))) return `the replica on port ${node.port} is not attached`
        }
        return undefined
      })
    )

    const awaitReplicated = Effect.gen(function*() {
      const all = yield* views
      const offsets = new Map<string, number>()
      for (const { node, view } of all) {
        if (isPrimary(view.self)) offsets.set(node.id, yield* Effect.flatMap(serverOf(node), offsetOf))
      }
      for (const { node, view } of all) {
        const target = offsets.get(view.self.primaryId) ?? 0
        const behind = Effect.gen(function*() {
          const server = yield* serverOf(node)
          const offset = yield* offsetOf(server)
          if (offset >= target) return undefined
          const info = String(yield* server.command("INFO", "replication")).match(/^master_(?:link|last_io|sync)\S*/gm)
          return `it is ${target - offset} bytes behind (${info?.join() ?? "and no replica"})`
        })
        yield* awaitNothing(`Waiting for the replica on port ${node.port}`, behind)
      }
    })

    const awaitAcquaintance = awaitNothing(
      "Waiting for the nodes to know each other",
      Effect.map(views, (all) => {
        const stranger = all.find(({ view }) =>
          !all.every(({ node }) => view.lines.some((line) => line.id === node.id && !line.flags.includes("handshake")))
        )
        return stranger === undefined ? undefined : `the node on port ${stranger.node.port} does not`
      })
    )

    /** Starts all servers, on other ports when another process has taken one of theirs meanwhile. */
    const launchFounders = Effect.gen(function*() {
      const ports = yield* Effect.forEach(
        Array.from({ length: nodeCount }, (_, index) => options.ports?.[index]),
        (port) => port === undefined ? RedisServer.freePort : Effect.succeed(port)
      )
      const founding = Founding.make(ports, primaryCount, { knowsShardIds: yield* RedisServer.hasShardIds(space) })
      const attempt = yield* Scope.fork(yield* Effect.scope)
      const servers = yield* Effect.forEach(
        founding.founders,
        (founder) => launch(founder.port, founding.fileOf(founder)),
        { concurrency: "unbounded" }
      ).pipe(Scope.provide(attempt), Effect.onError((cause) => Scope.close(attempt, Exit.failCause(cause))))
      founding.founders.forEach(({ id }, index) =>
        enlist({ id, server: servers[index] }, index < primaryCount ? "primary" : "replica")
      )
      return founding
    }).pipe(
      Effect.retry({ times: options.ports === undefined ? 10 : 0, while: RedisServer.lostItsPort })
    )

    /** Waits until a node has seen the primaries take over, puts a replica under its own, and lets the ancestors go. */
    const settle = ({ node, server }: Member, primary: Member, ancestors: ReadonlyArray<string>) =>
      awaitNothing(
        `Waiting for the node on port ${node.port} to know the primaries`,
        server.withClient(Effect.fnUntraced(function*(client) {
          const all = String(yield* client.command("CLUSTER", "NODES")).trim().split("\n").map(parseLine)
          const known = all.filter(({ id }) => ancestors.includes(id))
          if (known.some(({ slots }) => slots.length > 0)) return "an ancestor still owns slots"
          if (primary.node !== node) yield* client.command("CLUSTER", "REPLICATE", primary.node.id)
          for (const { id } of known) yield* client.command("CLUSTER", "FORGET", id)
          return undefined
        }))
      )

    /**
     * CLUSTER SLOTS lists a replica when its offset is known, which the gossip tells after a second. A replica tells it at
     * once to a node that it has to meet.
     */
    const announce = Effect.fnUntraced(
      function*(replica: Member, primary: Member, all: ReadonlyArray<Member>) {
        yield* awaitNothing(
          `Waiting for the replica on port ${replica.node.port} to be attached`,
          Effect.gen(function*() {
            if (yield* attached(replica.server)) return undefined
            // Its offset is 0 until its primary has something to tell.
            yield* primary.server.command("FLUSHALL")
            return "it is not"
          })
        )
        yield* meet(all.filter((other) => other !== replica).map((other) => [replica.server, other.server]))
      }
    )

    /** Makes the first node of each shard its primary, and the others its replicas (`Founding.ts`). */
    const found = Effect.gen(function*() {
      const { ancestors, founders } = yield* launchFounders
      const all = [...members.values()]
      const primaryOf = (member: Member) => all[founders[member.node.index].shard]
      yield* awaitNothing("Waiting for the nodes to be connected", Effect.map(views, strangers))
      // One after the other: each takes an epoch of its own.
      for (const { server } of all.slice(0, primaryCount)) yield* server.command("CLUSTER", "FAILOVER", "TAKEOVER")
      yield* Effect.forEach(all, (member) => settle(member, primaryOf(member), ancestors), { concurrency: "unbounded" })
      founded = true
      yield* Effect.forEach(
        all,
        ({ server }) => server.command("CONFIG", "SET", "cluster-node-timeout", nodeTimeout),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(all.slice(primaryCount), (replica) => announce(replica, primaryOf(replica), all), {
        concurrency: "unbounded"
      })
      yield* awaitOk
    })

    /**
     * A replica stands for election with the epoch and the slots that it knows of its primary; when one of them is old, the
     * others refuse it, and it may not try again for several times the node timeout.
     */
    const awaitEligible = (replica: RedisNode) =>
      awaitNothing(
        `Waiting for the replica on port ${replica.port} to know its primary`,
        Effect.gen(function*() {
          const all = (yield* views).map(({ view }) => view)
          const self = all.find((view) => view.self.id === replica.id)
          const primary = all.find((view) => view.self.id === self?.self.primaryId)
          // A primary that does not answer changes nothing any more.
          if (self === undefined || primary === undefined) return undefined
          for (const { lines, self: { id } } of all) {
            const line = lines.find((line) => line.id === primary.self.id)
            if (line?.epoch !== primary.self.epoch) return `node ${id.slice(0, 8)} knows an old epoch of its primary`
            if (String(line.slots) !== String(primary.self.slots)) {
              return `node ${id.slice(0, 8)} knows other slots of it`
            }
          }
          return undefined
        })
      )

    const failover: RedisClusterShape["failover"] = Effect.fnUntraced(function*(replica, mode) {
      const server = yield* serverOf(replica)
      const ask = server.command("CLUSTER", "FAILOVER", ...(mode === undefined ? [] : [mode]))
      if (mode !== "TAKEOVER") yield* awaitEligible(replica)
      // The replica has to reach its primary's offset while that takes no writes: a link that lags now would not get there.
      if (mode === undefined) yield* awaitReplicated
      // A replica that has just lost the link to its primary refuses until it has it again.
      yield* awaitNothing(`Failover to port ${replica.port}`, Effect.as(ask, undefined))
      let rounds = 0
      yield* awaitNothing(
        `Failover to port ${replica.port}`,
        Effect.gen(function*() {
          const all = yield* views
          const self = all.find(({ node }) => node.id === replica.id)?.view.self
          if (self === undefined || !isPrimary(self)) {
            // The servers give up a failover after 5 seconds.
            if (++rounds % 60 === 0) yield* ask
            return "it is still a replica"
          }
          const late = all.find(({ view }) =>
            !view.lines.some((line) => line.id === replica.id && isPrimary(line) && line.slots.length > 0)
          )
          return late === undefined ? undefined : `the node on port ${late.node.port} does not know it`
        })
      )
    }, RealTime.inRealTime)

    const addNode: RedisClusterShape["addNode"] = Effect.fnUntraced(
      function*(options) {
        const others = running()
        const primary = options?.replicaOf
        const server = yield* launch(options?.port)
        const id = String(yield* server.command("CLUSTER", "MYID"))
        const member = enlist({ id, server }, primary === undefined ? "primary" : "replica")
        yield* meet(others.map(({ server }) => [member.server, server] as const))
        yield* awaitAcquaintance
        if (primary !== undefined) yield* member.server.command("CLUSTER", "REPLICATE", primary.id)
        yield* awaitOk
        return member.node
      },
      Effect.provideContext(context),
      RealTime.inRealTime
    )
    const removeNode: RedisClusterShape["removeNode"] = Effect.fnUntraced(function*(node) {
      const server = yield* serverOf(node)
      if (server.responsive) {
        const { self } = yield* view(server)
        if (self.slots.length > 0) {
          return yield* new HarnessError({
            message: `The node on port ${node.port} still owns ${count(self)} slots: move them first`
          })
        }
      }
      for (const other of running()) {
        if (other.node.id !== node.id) yield* other.server.command("CLUSTER", "FORGET", node.id)
      }
      yield* server.kill
      members.delete(node.id)
      nodes.splice(nodes.findIndex(({ id }) => id === node.id), 1)
      seeds.splice(seeds.indexOf(node.url), 1)
    }, RealTime.inRealTime)

    const migrations = new Map<number, { readonly source: RedisNode; readonly target: RedisNode }>()
    const migration = (slot: number) =>
      Effect.suspend(() => {
        const found = migrations.get(slot)
        return found === undefined
          ? Effect.fail(new HarnessError({ message: `No migration of slot ${slot} was started` }))
          : Effect.succeed(found)
      })
    const startMigration: RedisClusterShape["startMigration"] = Effect.fnUntraced(function*(slot, target) {
      const source = yield* owner(slot)
      if (source.id === target.id) {
        return yield* new HarnessError({ message: `Slot ${slot} is already on port ${target.port}` })
      }
      yield* command(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
      yield* command(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
      migrations.set(slot, { source, target })
    })
    const authentication = options.password === undefined ? [] : ["AUTH", options.password]
    const moveKeys: RedisClusterShape["moveKeys"] = Effect.fnUntraced(function*(slot, max = Infinity) {
      const { source, target } = yield* migration(slot)
      return yield* on(source, (server) =>
        server.withClient(Effect.fnUntraced(function*(client) {
          let moved = 0
          while (moved < max) {
            const batch = Math.min(100, max - moved)
            const keys = items(yield* client.command("CLUSTER", "GETKEYSINSLOT", slot, batch)).map(String)
            if (keys.length === 0) break
            yield* client.command(
              ...["MIGRATE", target.host, target.port, "", 0, 5000, ...authentication, "KEYS", ...keys]
            )
            moved += keys.length
          }
          return moved
        })))
    })
    const epochOf = (node: RedisNode) =>
      Effect.map(
        command(node, "CLUSTER", "INFO"),
        (info) => Number(/cluster_my_epoch:(\d+)/.exec(String(info))?.[1] ?? 0)
      )

    /**
     * Nodes believe the claim with the greatest epoch. A target that had not heard of the last epoch has taken an
     * equal one. When the other node then gets a greater epoch, nodes that took the slot for its own never change
     * their mind.
     */
    const claimNewest = Effect.fnUntraced(function*(target: RedisNode) {
      const others = (yield* primaries).filter(({ id }) => id !== target.id)
      yield* awaitNothing(
        `Waiting for the node on port ${target.port} to have the greatest epoch`,
        Effect.gen(function*() {
          const own = yield* epochOf(target)
          const greatest = Math.max(...yield* Effect.forEach(others, epochOf))
          if (own > greatest) return undefined
          yield* command(target, "CLUSTER", "BUMPEPOCH")
          return `it has ${own} of ${greatest}`
        })
      )
    })

    const finishMigration: RedisClusterShape["finishMigration"] = Effect.fnUntraced(function*(slot) {
      const { source, target } = yield* migration(slot)
      yield* moveKeys(slot)
      // A message of the source, sent while the slot was its own, would take the slot back and delete the keys.
      yield* claimNewest(target)
      // The target first: it must not refuse what the source already sends there.
      yield* command(target, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
      yield* command(source, "CLUSTER", "SETSLOT", slot, "NODE", target.id)
      migrations.delete(slot)
      // The other primaries at once, so that a test need not wait for the gossip; replicas refuse this.
      for (const { id } of yield* primaries) {
        if (id === target.id || id === source.id) continue
        const server = members.get(id)?.server
        if (server !== undefined) yield* server.command("CLUSTER", "SETSLOT", slot, "NODE", target.id)
      }
      yield* claimNewest(target)
    })

    yield* found

    return {
      nodes,
      seeds,
      tls,
      password: options.password,
      command,
      primaries,
      replicas: nodesWhose((self) => !isPrimary(self)),
      replicasOf: (primary) => nodesWhose((self) => self.primaryId === primary.id),
      owner,
      awaitOk: RealTime.inRealTime(awaitOk),
      awaitReplicated: RealTime.inRealTime(awaitReplicated),
      kill: (node) => on(node, (server) => server.kill),
      restart: (node) => on(node, (server) => server.restart),
      readdress: (node, port) =>
        on(node, (server) =>
          Effect.suspend(() => {
            const at = seeds.indexOf(node.url)
            return Effect.map(server.restartElsewhere(port), () => void (seeds[at] = node.url))
          })),
      stop: (node) => on(node, (server) => server.stop),
      continue: (node) => on(node, (server) => server.continue),
      failover,
      addNode,
      removeNode,
      migrateSlot: (slot, target) => Effect.andThen(startMigration(slot, target), finishMigration(slot)),
      startMigration,
      moveKeys,
      finishMigration
    }
  },
  RealTime.inRealTime
)

/**
 * A running cluster as a service.
 *
 * ```ts
 * const program = Effect.gen(function*() {
 *   const cluster = yield* RedisCluster
 *   yield* cluster.kill(cluster.nodes[0])
 * }).pipe(Effect.provide(RedisCluster.layer({ replicas: 1 })))
 * ```
 */
export class RedisCluster extends Context.Service<RedisCluster, RedisClusterShape>()("test/harness/RedisCluster") {
  /** Starts a cluster, which ends with the scope. */
  static readonly make = (
    options?: RedisClusterOptions
  ): Effect.Effect<RedisClusterShape, HarnessError, Scope.Scope> =>
    Effect.provide(make(options ?? {}), NodeServices.layer)

  /** The cluster as a layer. */
  static readonly layer = (options?: RedisClusterOptions): Layer.Layer<RedisCluster, HarnessError> =>
    Layer.effect(this, this.make(options))
}
