/**
 * The control of a test cluster over its engine.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { addressOf } from "../cluster/Endpoint.ts"
import * as HashSlot from "../cluster/HashSlot.ts"
import { upperCase } from "../commands/words.ts"
import * as checks from "../internal/checks.ts"
import { exception, OptionsError, type RedisClusterException, UnknownNodeError } from "../RedisClusterException.ts"
import type { Control, NodeName, ReceivedCommand, TestNode, Transport } from "./Control.ts"
import { type Answer, failure, ok } from "./engine/Answer.ts"
import { fromArgument, toText } from "./engine/Bytes.ts"
import type { FakeCluster } from "./engine/FakeCluster.ts"
import type { NodeRole, Received, SessionRole } from "./engine/Roles.ts"
import { sha1 } from "./engine/sha1.ts"
import type { Response, ResponseValue } from "./Response.ts"

const bad = (message: string): RedisClusterException =>
  exception(() => new OptionsError({ message, outcome: "NotExecuted" }))

const rangesOf = (slots: ReadonlyArray<number>): ReadonlyArray<readonly [number, number]> => {
  const ranges: Array<[number, number]> = []
  for (const slot of slots) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
  }
  return ranges
}

const viewOf = (node: NodeRole): TestNode => ({
  ...node.endpoint,
  address: node.address,
  id: node.id,
  role: node.isPrimary ? "primary" : "replica",
  zone: node.zone,
  alive: node.alive,
  slots: rangesOf(node.cluster.slotsOf(node))
})

const receivedOf = ({ at, node, session, words }: Received): ReceivedCommand => ({
  node: node.address,
  name: upperCase(words[0]),
  args: words.slice(1).map(toText),
  at,
  connection: session
})

const answerOf = (value: ResponseValue): Answer =>
  typeof value === "string"
    ? value === "OK" ? ok : fromArgument(value)
    : Array.isArray(value)
    ? value.map(answerOf)
    : value as Exclude<ResponseValue, string | ReadonlyArray<ResponseValue>>

const millisOf = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

const playing = (response: Response, words: Received["words"]) => (session: SessionRole): void => {
  const { node } = session
  switch (response._tag) {
    case "Reply":
      return session.send(answerOf(response.value))
    case "Failure":
      node.stats.errors.set(
        failure(response.message).code,
        (node.stats.errors.get(failure(response.message).code) ?? 0) + 1
      )
      return session.send(failure(response.message))
    case "Silence":
      // Replies come in order, so that later commands on this connection wait, too.
      return session.wait([], 0, () => undefined, () => null)
    case "Disconnect":
      if (response.executed) {
        session.replies = "off"
        node.execute(session, words)
      }
      return session.end()
    case "Delayed":
      session.hold(millisOf(response.by))
      return node.execute(session, words)
  }
}

export class EngineControl implements Control {
  private readonly engine: FakeCluster
  private readonly transport: Transport

  constructor(engine: FakeCluster, transport: Transport) {
    this.engine = engine
    this.transport = transport
  }

  private readonly nodeOf = (name: NodeName): Effect.Effect<NodeRole, RedisClusterException> =>
    Effect.suspend(() => {
      const address = typeof name === "string" ? name : addressOf(name)
      const node = this.engine.members.find((one) => one.address === address)
      return node === undefined
        ? Effect.fail(exception(() =>
          new UnknownNodeError({
            message: `${address} is no node of this TestCluster; its nodes are ` +
              this.engine.members.map((one) => one.address).join(", "),
            outcome: "NotExecuted",
            node: address
          })
        ))
        : Effect.succeed(node)
    })

  private readonly withNode = (
    name: NodeName,
    f: (node: NodeRole) => void
  ): Effect.Effect<void, RedisClusterException> => Effect.map(this.nodeOf(name), f)

  private readonly slotIn = (slot: number): Effect.Effect<number, RedisClusterException> =>
    Number.isInteger(slot) && slot >= 0 && slot < HashSlot.slotCount
      ? Effect.succeed(slot)
      : Effect.fail(bad(`a slot has to be an integer from 0 to ${HashSlot.slotCount - 1}`))

  private readonly primaryOf = (name: NodeName): Effect.Effect<NodeRole, RedisClusterException> =>
    Effect.flatMap(this.nodeOf(name), (node) =>
      node.isPrimary
        ? Effect.succeed(node)
        : Effect.fail(bad(`${node.address} is a replica; a slot can only go to a primary`)))

  private readonly targetOf = (slot: number) =>
    Effect.gen({ self: this }, function*() {
      yield* this.slotIn(slot)
      const target = this.engine.owner(slot)?.migrating.get(slot)
      return target ?? (yield* Effect.fail(bad(`slot ${slot} is not in migration; start with startMigration`)))
    })

  get nodes(): ReadonlyArray<TestNode> {
    return this.engine.members.map(viewOf)
  }

  get primaries(): ReadonlyArray<TestNode> {
    return this.engine.members.filter((node) => node.isPrimary).map(viewOf)
  }

  get replicas(): ReadonlyArray<TestNode> {
    return this.engine.members.filter((node) => !node.isPrimary).map(viewOf)
  }

  readonly replicasOf: Control["replicasOf"] = (primary) =>
    Effect.map(this.nodeOf(primary), (node) => node.replicas.map(viewOf))

  readonly slotOf: Control["slotOf"] = (key) => Effect.sync(() => HashSlot.ofKey(key))

  readonly owner: Control["owner"] = (slot) =>
    Effect.gen({ self: this }, function*() {
      const owner = this.engine.owner(yield* this.slotIn(slot))
      return owner === undefined ? yield* Effect.fail(bad(`slot ${slot} has no owner`)) : viewOf(owner)
    })

  readonly command: Control["command"] = (name, ...words) =>
    Effect.map(this.nodeOf(name), (node) => node.ask(words.map((word) => fromArgument(String(word)))))

  readonly moveSlot: Control["moveSlot"] = (slot, target) =>
    Effect.gen({ self: this }, function*() {
      this.engine.finishMigration(yield* this.slotIn(slot), yield* this.primaryOf(target))
    })

  readonly startMigration: Control["startMigration"] = (slot, target) =>
    Effect.gen({ self: this }, function*() {
      this.engine.startMigration(yield* this.slotIn(slot), yield* this.primaryOf(target))
    })

  readonly moveKeys: Control["moveKeys"] = (slot, max) =>
    Effect.map(this.targetOf(slot), (target) => this.engine.moveKeys(slot, target, max))

  readonly finishMigration: Control["finishMigration"] = (slot) =>
    Effect.map(this.targetOf(slot), (target) => this.engine.finishMigration(slot, target))

  readonly failover: Control["failover"] = (name, mode = "graceful") =>
    Effect.gen({ self: this }, function*() {
      const node = yield* this.nodeOf(name)
      if (node.isPrimary) return yield* Effect.fail(bad(`${node.address} is a primary; a failover is a replica's`))
      this.engine.promote(node, mode === "graceful")
    })

  readonly kill: Control["kill"] = (name) =>
    Effect.gen({ self: this }, function*() {
      const node = yield* this.nodeOf(name)
      this.engine.kill(node)
      yield* this.transport.close(node)
    })

  readonly restart: Control["restart"] = (name, options) =>
    Effect.gen({ self: this }, function*() {
      yield* this.refuseUnless("restart", options, { loading: checks.duration(0) })
      const node = yield* this.nodeOf(name)
      // A running node goes down first.
      this.engine.kill(node)
      yield* this.transport.close(node)
      yield* this.transport.open(node)
      this.engine.restart(node, millisOf(options?.loading ?? 0))
    })

  readonly stall: Control["stall"] = (name) => this.withNode(name, (node) => this.engine.setStalled(node, true))

  readonly resume: Control["resume"] = (name) => this.withNode(name, (node) => this.engine.setStalled(node, false))

  readonly delay: Control["delay"] = (name, by) =>
    this.withNode(name, (node) => {
      node.delay = millisOf(by)
    })

  readonly disconnect: Control["disconnect"] = (name) => this.withNode(name, (node) => node.disconnect())

  readonly setReplicationLag: Control["setReplicationLag"] = (lag) =>
    Effect.sync(() => this.engine.setLag(millisOf(lag)))

  readonly addNode: Control["addNode"] = (options) =>
    Effect.gen({ self: this }, function*() {
      yield* this.refuseUnless("addNode", options, { replicaOf: checks.anything, zone: checks.anyText })
      const primary = options?.replicaOf === undefined ? undefined : yield* this.primaryOf(options.replicaOf)
      const node = this.engine.add(yield* this.transport.nextEndpoint, primary)
      node.zone = options?.zone
      yield* this.transport.open(node)
      return viewOf(node)
    })

  /** Fails with an `OptionsError` for options that cannot be used. */
  private refuseUnless(
    name: string,
    options: object = {},
    optionChecks: Readonly<Record<string, checks.Check>>
  ): Effect.Effect<void, RedisClusterException> {
    const problem = checks.problemOf(options, optionChecks)
    return problem === undefined ? Effect.void : Effect.fail(bad(`${name}: ${problem}`))
  }

  readonly removeNode: Control["removeNode"] = (name) =>
    Effect.gen({ self: this }, function*() {
      const node = yield* this.nodeOf(name)
      if (this.engine.slotsOf(node).length > 0) {
        return yield* Effect.fail(bad(`${node.address} owns slots; move them to other nodes first`))
      }
      this.engine.remove(node)
      yield* this.transport.close(node)
    })

  readonly onCommand: Control["onCommand"] = (name, respond) =>
    Effect.sync(() => {
      const wanted = upperCase(name)
      const interceptor = (received: Received) => {
        if (upperCase(received.words[0]) !== wanted) return undefined
        const response = respond(receivedOf(received))
        return response === undefined ? undefined : playing(response, received.words)
      }
      this.engine.interceptors.unshift(interceptor)
      return Effect.sync(() => {
        const at = this.engine.interceptors.indexOf(interceptor)
        if (at !== -1) this.engine.interceptors.splice(at, 1)
      })
    })

  readonly onScript: Control["onScript"] = (script, run) =>
    Effect.sync(() => {
      this.engine.scripts.set(sha1(fromArgument(typeof script === "string" ? script : script.lua)), run)
    })

  readonly onFunction: Control["onFunction"] = (name, run) =>
    Effect.sync(() => {
      this.engine.functions.set(fromArgument(name), run)
    })

  readonly received: Control["received"] = (filter = {}) =>
    Effect.sync(() => {
      const { name, node } = filter
      const address = node === undefined || typeof node === "string" ? node : addressOf(node)
      return this.engine.log.map(receivedOf).filter((one) =>
        (name === undefined || one.name === upperCase(name)) && (address === undefined || one.node === address)
      )
    })

  readonly clearReceived: Control["clearReceived"] = Effect.sync(() => {
    this.engine.log.length = 0
    for (const node of this.engine.nodes) {
      node.stats.calls.clear()
      node.stats.errors.clear()
    }
  })

  readonly topologyCalls: Control["topologyCalls"] = Effect.sync(() =>
    this.engine.nodes.reduce((sum, node) => sum + (node.stats.calls.get("cluster|slots") ?? 0), 0)
  )

  readonly errorReplies: Control["errorReplies"] = (code) =>
    Effect.sync(() => this.engine.nodes.reduce((sum, node) => sum + (node.stats.errors.get(code) ?? 0), 0))
}
